"""How soon careless labelers are known, with controls and without: simulated labelers, the real placement, the real fit.

    python benchmarks/controls.py [--labelers 60] [--careless 0.25] [--assignments 10] [--share 0.2] [--repeat 20]

Every labeler ranks `--assignments` rounds of three pages, five labelers a round. A page's quality is normal with deviation
1; good labelers rank by it with Gumbel noise (reliability log-normal around 1), careless ones at random. A control stands
10 × severity below its original, severities being the operators' priors: **the assumption of refine.perturb.difficulty, so
the figures say what follows from it, not how people are**. With controls, one assignment in 1 / share shows a copy in the
place of another page, as `place_control` has it. AUC is of `p_careless` after all assignments, over labelers.
"""

import argparse
import math
import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

from refine.perturb import OPERATORS, Control, Past, PlacingSettings, place_control
from refine.perturb.difficulty import STEEPNESS
from refine.ranking import Comparisons, fit

PER_ROUND = 5
SEVERE = 0.2


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labelers", type=int, default=60)
    parser.add_argument("--careless", type=float, default=0.25)
    parser.add_argument("--assignments", type=int, default=10)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--repeat", type=int, default=20)
    return parser.parse_args()


@dataclass
class Rows:
    labeler: list[str] = field(default_factory=list)
    group: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    right: list[str] = field(default_factory=list)
    outcome: list[int] = field(default_factory=list)
    ranking: list[int] = field(default_factory=list)
    control: list[str] = field(default_factory=list)
    controls_met: int = 0
    rankings: int = 0

    def add(self, labeler: str, group: str, order: list[str], gold: Control | None) -> None:
        """The pairs of one ranking, best first; a control is compared with its original alone."""
        for at, better in enumerate(order):
            for worse in order[at + 1 :]:
                pair, is_gold = {better, worse}, False
                if gold is not None and gold.id in pair:
                    if gold.original not in pair:
                        continue
                    is_gold = True
                left = gold.original if is_gold and gold is not None else min(pair)
                self.labeler.append(labeler)
                self.group.append(group)
                self.left.append(left)
                self.right.append((pair - {left}).pop())
                self.outcome.append(0 if better == left else 2)
                self.ranking.append(-1 if is_gold else self.rankings)
                self.control.append("true" if is_gold else "")
        self.rankings += 1


def rounds(labelers: list[str], assignments: int, rng: random.Random) -> Iterator[list[str]]:
    """Rounds of five labelers each, until everybody has had their share."""
    for _ in range(assignments):
        order = rng.sample(labelers, len(labelers))
        yield from (order[at : at + PER_ROUND] for at in range(0, len(order), PER_ROUND))


def simulate(options: argparse.Namespace, seed: int, share: float, least: float) -> tuple[Rows, dict[str, bool]]:
    rng = random.Random(seed)
    labelers = [f"l{number:03}" for number in range(options.labelers)]
    careless = {each: number < options.careless * len(labelers) for number, each in enumerate(labelers)}
    sharp = {each: 0.0 if careless[each] else rng.lognormvariate(0, 0.3) for each in labelers}
    history: dict[str, list[Past]] = {each: [] for each in labelers}
    rows = Rows()
    severities = [each.severity for each in OPERATORS if each.severity >= least]
    for number, group in enumerate(rounds(labelers, options.assignments, rng)):
        pages = [f"{letter}{number}" for letter in "abc"]
        quality = {page: rng.gauss(0, 1) for page in pages}
        offered = [Control(id=f"{page}x", original=page) for page in pages]
        quality |= {each.id: quality[each.original] - STEEPNESS * rng.choice(severities) for each in offered}
        for labeler in group:
            settings = PlacingSettings(share=share)
            placed = place_control(pages, offered, history[labeler], labeler=labeler, settings=settings, seed=seed)
            gold = placed.control if placed else None
            history[labeler].append(Past(control=gold.id, original=gold.original) if gold else Past())
            rows.controls_met += gold is not None
            shown = list(placed.order) if placed else pages
            felt = {page: sharp[labeler] * quality[page] - gumbel(rng) for page in shown}
            rows.add(labeler, f"g{number}", sorted(shown, key=lambda page: -felt[page]), gold)
    return rows, careless


def gumbel(rng: random.Random) -> float:
    """The negative of a Gumbel draw: ranking by value minus it is Plackett–Luce."""
    return math.log(-math.log(max(rng.random(), 1e-12)))


def auc(rows: Rows, careless: dict[str, bool]) -> float:
    data = Comparisons.from_columns(
        labeler=rows.labeler,
        group=rows.group,
        left=rows.left,
        right=rows.right,
        outcome=rows.outcome,
        ranking=rows.ranking,
        control=rows.control,
    )
    found = fit(data).labelers
    chance = dict(zip(found.labeler, found.p_careless.tolist(), strict=True))
    good = [chance[each] for each, is_careless in careless.items() if not is_careless]
    bad = [chance[each] for each, is_careless in careless.items() if is_careless]
    return float(statistics.mean((b > g) + 0.5 * (b == g) for b in bad for g in good))


def main() -> None:
    options = parse()
    variants = {
        "without": (0.0, 0.0),
        "with controls": (options.share, 0.0),
        f"of severity {SEVERE} or more": (options.share, SEVERE),
    }
    found: dict[str, list[float]] = {name: [] for name in variants}
    met: list[float] = []
    for seed in range(options.repeat):
        for name, (share, least) in variants.items():
            rows, careless = simulate(options, seed, share, least)
            found[name].append(auc(rows, careless))
            if share:
                met.append(rows.controls_met / options.labelers)
    print(
        f"{options.repeat} runs of {options.labelers} labelers, {options.careless:.0%} careless, {options.assignments} assignments each"
    )
    print(f"controls met by a labeler: {statistics.mean(met):.2f}\n")
    print("| | AUC of p_careless, mean | deviation between runs |")
    print("|---|---|---|")
    for name, values in found.items():
        print(f"| {name} | {statistics.mean(values):.3f} | {statistics.stdev(values):.3f} |")


if __name__ == "__main__":
    main()
