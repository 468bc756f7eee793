"""The ranking engine alone: who is best, and whom to trust, from a file of comparisons.

python examples/rank_labels.py [FOLDER]
"""

import csv
import random
import sys
from itertools import combinations
from pathlib import Path

from refine.ranking import Comparisons, fit

CAREFUL = ("ada", "ben", "cleo", "dan", "eve", "finn")
EVERYBODY = (*CAREFUL, "max", "mia")
PAGES = ("a", "b", "c", "d")


def choose(labeler: str, left: str, right: str, merit: dict[str, float], chance: random.Random) -> str:
    """Mia does not look; max calls the worse page the better one; everybody else errs where two are close."""
    if labeler == "mia":
        return chance.choice((left, right))
    noise = chance.gauss(0, 1)
    better, worse = (left, right) if merit[left] - merit[right] + noise > 0 else (right, left)
    return worse if labeler == "max" else better


def write_labels(path: Path, rounds: range, seed: int) -> None:
    """Comparisons of every two pages of each round, by everybody."""
    chance = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("worker", "group", "left", "right", "label"))
        for number in rounds:
            merit = {f"{number}{page}": chance.gauss(0, 1.5) for page in PAGES}
            for labeler in EVERYBODY:
                for pair in combinations(merit, 2):
                    left, right = chance.sample(pair, 2)
                    label = choose(labeler, left, right, merit, chance)
                    rows.writerow((labeler, f"round-{number:02}", left, right, label))


def main(folder: Path) -> None:
    write_labels(folder / "labels.csv", range(1, 11), seed=1)
    fitted = fit(Comparisons.from_csv(folder / "labels.csv"))

    labelers = fitted.labelers
    for name, reliability, sd in zip(labelers.labeler, labelers.reliability, labelers.reliability_sd, strict=True):
        print(f"{name:5} {reliability:5.2f} ± {sd:.2f}")
    print("careless:", [name for name, p in zip(labelers.labeler, labelers.p_careless, strict=True) if p > 0.5])
    print("adversarial:", [name for name, p in zip(labelers.labeler, labelers.p_adversarial, strict=True) if p > 0.5])

    chances = fitted.p_best("round-01", [f"1{page}" for page in PAGES])
    best = max(chances, key=chances.__getitem__)
    print(f"best of round-01: {best}, P(best) {chances[best]:.2f}")

    # A round that comes later: what is known of labelers is kept, and the rest is not fitted anew.
    write_labels(folder / "more.csv", range(11, 12), seed=2)
    more = Comparisons.from_csv(folder / "more.csv")
    updated = fit(more, start=fitted)
    left, tie, right = updated.predict(more)[0]
    print(f"rated by the update: {sorted({*updated.ratings.group})}")
    print(f"the first answer in it: left {left:.2f}, tie {tie:.2f}, right {right:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
