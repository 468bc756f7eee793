"""Whom findings flag among made-up labelers, and whom they should: precision, recall, and honest ones flagged.

python benchmarks/findings.py --seeds 20
"""

import argparse
import time
from collections import Counter
from pathlib import Path
from sys import path

path.insert(0, str(Path(__file__).parent.parent))

from benchmarks._people import HONEST, People, make_people
from refine.ranking import Comparisons, fit, standing
from refine.ranking.findings import Profile, find


def look(people: People, *, seed: int = 0) -> dict[str, Profile]:
    golds = [(it.labeler, it.group, "original", "control", it.control) for it in people.work if it.control is not None]
    fitted = fit(Comparisons.from_rankings([it.rows for it in people.work], golds=golds), seed=seed)
    stands = standing(fitted)
    decided = {name: (float(stands.agreement[at]), 0) for at, name in enumerate(stands.labeler)}
    return find(fitted, people.work, decided)


def wilson(hits: int, of: int) -> str:
    if not of:
        return "–"
    share, spread = hits / of, 1.96**2 / of
    centre = (share + spread / 2) / (1 + spread)
    half = 1.96 / (1 + spread) * (share * (1 - share) / of + spread / (4 * of)) ** 0.5
    return f"{share:.3f} ({max(centre - half, 0):.3f}–{min(centre + half, 1):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--labelers", type=int, default=200)
    parser.add_argument("--rankings", type=int, default=100)
    parser.add_argument("--controls", type=float, default=0.2)
    args = parser.parse_args()
    flagged: Counter[str] = Counter()
    everybody: Counter[str] = Counter()
    started = time.process_time()
    for seed in range(args.seeds):
        people = make_people(
            labelers=args.labelers, rankings_each=args.rankings, control_share=args.controls, seed=seed
        )
        found = look(people)
        everybody.update(people.kind.values())
        flagged.update(people.kind[name] for name, profile in found.items() if profile.is_flagged)
    bad = [kind for kind in everybody if kind not in HONEST]
    right, wrong = sum(flagged[kind] for kind in bad), sum(flagged[kind] for kind in HONEST)
    print(f"{args.seeds} seeds, {args.labelers} labelers, {args.rankings} rankings each, controls {args.controls:.0%}")
    print(f"precision {wilson(right, right + wrong)}")
    print(f"recall {wilson(right, sum(everybody[kind] for kind in bad))}")
    for kind in everybody:
        print(f"  {kind}: flagged {wilson(flagged[kind], everybody[kind])}")
    print(f"{time.process_time() - started:.0f} CPU-s")


if __name__ == "__main__":
    main()
