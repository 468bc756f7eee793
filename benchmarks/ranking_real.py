"""The ranking engine against worker-blind Bradley-Terry, and beside other libraries, on real crowd comparisons.

    python benchmarks/ranking_real.py --data FOLDER [--sets NAME ...] [--seeds 20] [--quick] [--no-peers]

FOLDER holds a folder a set, with labels.csv or labels.csv.gz (see Comparisons.from_csv) and, where there is a truth,
gold.csv (group, item, score; higher is better).

A split: a fifth of the labels is held out, whole rankings where there are ranking ids. Planted labelers are added to
the rest until they are the stated share of all workers: 70 % answer at random (ties at the rate of the genuine ones),
20 % always say left, 10 % say the opposite of a genuine answer. Each has as many labels as a genuine worker drawn at
random has in the training part, on rows drawn from it without replacement, as plain pairs.

Baseline: Bradley-Terry by group with a ridge of 0.3, a tie half a win for each, rows of a ranking of K weighted 2/K.
Accuracies, log loss and calibration are of held-out rows that are no ties, with P = P(left) / (P(left) + P(right)).
A score accuracy looks at the ratings alone, the personal one at what is predicted for the labeler of the row. Even
scores count half. Intervals: 95 %, Student's, over the paired differences of the splits. Scores of crowd-kit are win
rates over its aggregated label of each pair (Wawa, Dawid-Skene: chances), a pair weighing its number of answers; choix
has half wins too (ilsr_pairwise_dense, alpha 0.01).
"""

import argparse
import csv
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refine.ranking import Comparisons, fit, kendall_tau_b
from refine.ranking.audit import student_t
from refine.ranking.cells import Cells, Floats, Ints, summed
from refine.ranking.comparisons import LEFT, RIGHT, TIE

SETS = ("llmfao", "sigir2010music", "ukpconvarg1")
SHARES = (0.0, 0.1, 0.3, 0.5)
RIDGE, HELD_OUT, BINS = 0.3, 0.2, 10
ROWS = ("labeler", "group", "left", "right", "outcome", "ranking", "control", "left_generator", "right_generator")

Mask = NDArray[np.bool_]
Gold = dict[tuple[str, str], float]
Scores = tuple[Floats, Floats | None]
"""By cell, and by labeler how much each is to be trusted, if the method says."""


def subset(data: Comparisons, rows: Mask | Ints) -> Comparisons:
    columns: dict[str, Any] = {name: getattr(data, name)[rows] for name in ROWS}
    return replace(data, **columns)


def held_out(data: Comparisons, rng: np.random.Generator) -> Mask:
    """A fifth of the rows; rows of one ranking stay together."""
    alone = data.ranking.max(initial=-1) + 1 + np.arange(len(data))
    _, block = np.unique(np.where(data.ranking < 0, alone, data.ranking), return_inverse=True)
    return np.asarray((rng.random(len(data)) < HELD_OUT)[block])


def plant(data: Comparisons, share: float, rng: np.random.Generator) -> Comparisons:
    """With planted labelers, who come after the genuine ones."""
    counts = np.bincount(data.labeler)
    counts = counts[counts > 0]
    added = round(share / (1 - share) * len(counts))
    if not added:
        return data
    ties = float(np.mean(data.outcome == TIE))
    rows, labeler, outcome = [], [], []
    for number in range(added):
        taken = rng.choice(len(data), rng.choice(counts), replace=False)
        kind = rng.random()
        if kind < 0.7:
            answer = rng.choice(3, len(taken), p=[(1 - ties) / 2, ties, (1 - ties) / 2])
        elif kind < 0.9:
            answer = np.full(len(taken), LEFT)
        else:
            answer = RIGHT - data.outcome[taken]
        rows.append(taken)
        labeler.append(np.full(len(taken), len(data.labelers) + number))
        outcome.append(answer)
    more = subset(data, np.concatenate(rows))
    columns: dict[str, Any] = {name: np.concatenate([getattr(data, name), getattr(more, name)]) for name in ROWS}
    columns["labeler"] = np.concatenate([data.labeler, *labeler]).astype(np.int32)
    columns["outcome"] = np.concatenate([data.outcome, *outcome]).astype(np.int8)
    columns["ranking"][len(data) :] = -1
    return replace(data, labelers=data.labelers + tuple(f"~planted {n:06}" for n in range(added)), **columns)


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """Where the rows of the training part and of the test part are among the cells of the training part."""

    train: Comparisons
    cells: Cells
    left: Ints
    right: Ints

    @classmethod
    def of(cls, train: Comparisons) -> "Layout":
        cells, left, right = Cells.of(train)
        return cls(train=train, cells=cells, left=left, right=right)

    @property
    def weight(self) -> Floats:
        """2/K for the rows of a ranking of K."""
        ranking = self.train.ranking
        rows = np.bincount(ranking[ranking >= 0], minlength=1)[np.maximum(ranking, 0)]
        return np.where(ranking < 0, 1.0, 4 / (1 + np.sqrt(1 + 8 * np.maximum(rows, 1))))

    @property
    def won(self) -> Floats:
        """By left, a tie half."""
        return 1 - self.train.outcome / 2.0

    def leads(self, scores: Floats, test: Comparisons) -> Floats:
        """Of left over right by row of `test`; an item never seen has the mean score."""
        names = len(self.train.items)
        known = self.cells.group * names + self.cells.item
        found = []
        for side in (test.left, test.right):
            wanted = test.group.astype(np.int64) * names + side
            at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
            found.append(np.where(known[at] == wanted, scores[at], scores.mean()))
        return np.asarray(found[0] - found[1])


def sigmoid(x: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -x)))


def bradley_terry(layout: Layout) -> Scores:
    cells, left, right = layout.cells, layout.left, layout.right
    scores, weight = np.zeros(len(cells)), layout.weight
    ends = np.concatenate([left, right])
    at = np.concatenate(
        [cells.entry(left, left), cells.entry(right, right), cells.entry(left, right), cells.entry(right, left)]
    )
    for _ in range(50):
        chance = sigmoid(scores[left] - scores[right])
        slope, bend = weight * (layout.won - chance), weight * chance * (1 - chance)
        gradient = summed(ends, np.concatenate([slope, -slope]), len(cells)) - RIDGE * scores
        blocks = summed(at, np.concatenate([bend, bend, -bend, -bend]), cells.entries)
        blocks[cells.diagonal] += RIDGE
        step = np.empty_like(scores)
        for _, rows, entries in cells.by_size():
            step[rows] = np.linalg.solve(blocks[entries], gradient[rows][:, :, None])[:, :, 0]
        scores = scores + step
        if np.abs(step).max(initial=0) < 1e-8:
            break
    return scores, None


def win_rate(layout: Layout) -> Scores:
    ends, weight = np.concatenate([layout.left, layout.right]), np.tile(layout.weight, 2)
    won = np.concatenate([layout.won, 1 - layout.won])
    return summed(ends, weight * won, len(layout.cells)) / summed(ends, weight, len(layout.cells)), None


def choix_scores(layout: Layout) -> Scores:
    choix, cells, scores = import_module("choix"), layout.cells, np.zeros(len(layout.cells))
    won = layout.weight * layout.won
    at = np.concatenate([cells.entry(layout.left, layout.right), cells.entry(layout.right, layout.left)])
    wins = summed(at, np.concatenate([won, layout.weight - won]), cells.entries)
    for _, groups, entries in cells.by_size():
        for rows, entry in zip(groups, entries, strict=True):
            scores[rows] = choix.ilsr_pairwise_dense(wins[entry], alpha=0.01, max_iter=1000, tol=1e-6)
    return scores, None


def crowd_kit(layout: Layout, method: str) -> Scores:
    pandas, aggregation = import_module("pandas"), import_module("crowdkit.aggregation")
    first, second = np.minimum(layout.left, layout.right), np.maximum(layout.left, layout.right)
    label = np.where(layout.left > layout.right, RIGHT - layout.train.outcome, layout.train.outcome)
    task = first * len(layout.cells) + second
    table = pandas.DataFrame({"task": task, "worker": layout.train.labeler, "label": label})
    model: Any = aggregation.Wawa() if method == "Wawa" else aggregation.DawidSkene(n_iter=100)
    pairs, answers = np.unique(task, return_counts=True)
    chances = model.fit_predict_proba(table).reindex(index=pairs, columns=[LEFT, TIE, RIGHT]).fillna(0.0)
    won = chances[LEFT].to_numpy() + chances[TIE].to_numpy() / 2
    i, j = pairs // len(layout.cells), pairs % len(layout.cells)
    ends = np.concatenate([i, j])
    total = summed(ends, np.tile(answers, 2), len(layout.cells))
    scores = summed(ends, np.concatenate([answers * won, answers * (1 - won)]), len(layout.cells)) / total
    return scores, _skills(model, method, len(layout.train.labelers))


def _skills(model: Any, method: str, labelers: int) -> Floats:
    """Wawa's, or how often Dawid-Skene thinks the labeler right."""
    if method == "Wawa":
        found = model.skills_
    else:
        right = [model.errors_.xs(label, level="label")[label] * chance for label, chance in model.priors_.items()]
        found = sum(right[1:], right[0])
    return np.asarray(found.reindex(range(labelers)).fillna(0.0).to_numpy(), dtype=np.float64)


PEERS: dict[str, tuple[str, Callable[[Layout], Scores]]] = {
    "mean win rate": ("numpy", win_rate),
    "choix": ("choix", choix_scores),
    "crowd-kit Wawa": ("crowdkit.aggregation", lambda layout: crowd_kit(layout, "Wawa")),
    "crowd-kit Dawid-Skene": ("crowdkit.aggregation", lambda layout: crowd_kit(layout, "DawidSkene")),
}


def is_installed(module: str) -> bool:
    try:
        import_module(module)
    except ImportError:
        return False
    return True


def accuracy(lead: Floats, is_left: Mask) -> float:
    return float(np.mean(np.where(lead == 0, 0.5, (lead > 0) == is_left)))


def log_loss(chance: Floats, is_left: Mask) -> float:
    return float(-np.mean(np.log(np.maximum(np.where(is_left, chance, 1 - chance), 1e-12))))


def calibration_error(chance: Floats, happened: Mask) -> float:
    """Mean distance of what was said from what happened, in ten bins of equal width."""
    bins = np.minimum((chance * BINS).astype(np.int64), BINS - 1)
    return float(np.abs(summed(bins, chance - happened, BINS)).sum() / max(len(chance), 1))


def ranked_below(trust: Floats, is_planted: Mask) -> float:
    """Area under the curve of finding the planted by distrust; NaN without any."""
    planted, genuine = trust[is_planted], np.sort(trust[~is_planted])
    if not len(planted) or not len(genuine):
        return math.nan
    above = len(genuine) - np.searchsorted(genuine, planted, side="right")
    even = np.searchsorted(genuine, planted, side="right") - np.searchsorted(genuine, planted, side="left")
    return float(np.mean((above + even / 2) / len(genuine)))


def tau(layout: Layout, scores: Floats, gold: Gold) -> float:
    """Mean over the groups of Kendall's tau-b with the gold scores; NaN without gold."""
    columns: dict[int, tuple[list[float], list[float]]] = {}
    data, cells = layout.train, layout.cells
    for group, item, score in zip(cells.group.tolist(), cells.item.tolist(), scores.tolist(), strict=True):
        truth = gold.get((data.groups[group], data.items[item]))
        if truth is not None:
            said, true = columns.setdefault(group, ([], []))
            said.append(score)
            true.append(truth)
    found = [value for pair in columns.values() if (value := kendall_tau_b(*pair)) is not None]
    return float(np.mean(found)) if found else math.nan


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Of one seed: values by name, predictions for the calibration, and the peers' values by peer and name."""

    values: dict[str, float]
    chance: Floats
    is_left: Mask
    three_way: Floats
    outcome: NDArray[np.int8]
    peers: dict[str, dict[str, float]]


def judge(layout: Layout, scores: Scores, test: Comparisons, gold: Gold) -> dict[str, float]:
    """What every method is asked."""
    by_cell, trust = scores
    present = np.bincount(layout.train.labeler, minlength=len(layout.train.labelers)) > 0
    is_planted = np.array([name.startswith("~planted") for name in layout.train.labelers])
    return {
        "score": 100 * accuracy(layout.leads(by_cell, test), test.outcome == LEFT),
        "tau": tau(layout, by_cell, gold),
        "auc": math.nan if trust is None else ranked_below(trust[present], is_planted[present]),
    }


def split(data: Comparisons, gold: Gold, share: float, seed: int, peers: Iterable[str]) -> Split:
    rng = np.random.default_rng([seed, round(100 * share)])
    is_test = held_out(data, rng)
    test = subset(data, is_test)
    layout = Layout.of(plant(subset(data, ~is_test), share, rng))
    is_decisive = test.outcome != TIE
    decisive = subset(test, is_decisive)
    is_left = decisive.outcome == LEFT

    blind = bradley_terry(layout)
    base = judge(layout, blind, decisive, gold)
    loss = log_loss(sigmoid(layout.leads(blind[0], decisive)), is_left)
    started = time.process_time()
    fitted = fit(layout.train, seed=seed)
    spent = time.process_time() - started
    place = {name: at for at, name in enumerate(fitted.labelers.labeler)}
    trust = fitted.labelers.reliability[[place[name] for name in layout.train.labelers]]
    three_way = fitted.predict(test)
    chance = three_way[is_decisive, LEFT] / (three_way[is_decisive, LEFT] + three_way[is_decisive, RIGHT])
    ours = judge(layout, (fitted.ratings.mean, trust), decisive, gold)
    values = {f"{name} ours": value for name, value in ours.items()} | {f"{name} base": v for name, v in base.items()}
    values |= {
        "personal": 100 * accuracy(chance - 0.5, is_left),
        "loss ours": log_loss(chance, is_left),
        "loss base": loss,
        "cpu": spent,
    }
    found = {}
    for name in peers:
        started = time.process_time()
        scores = PEERS[name][1](layout)
        spent = time.process_time() - started
        found[name] = judge(layout, scores, decisive, gold) | {"cpu": spent}
    return Split(values=values, chance=chance, is_left=is_left, three_way=three_way, outcome=test.outcome, peers=found)


def interval(values: Iterable[float], digits: int) -> str:
    """Mean ± half width; a dash where nothing was measured."""
    found = np.array([*values])
    if np.isnan(found).any():
        return "–"
    if len(found) < 2:
        return f"{found.mean():+.{digits}f}"
    half = student_t(0.95, len(found) - 1) * found.std(ddof=1) / math.sqrt(len(found))
    return f"{found.mean():+.{digits}f} ± {half:.{digits}f}"


def mean(values: Iterable[float], digits: int) -> str:
    found = float(np.mean([*values]))
    return "–" if math.isnan(found) else f"{found:.{digits}f}"


OURS_HEAD = (
    "| set | planted | splits | baseline accuracy | score accuracy, points | personal accuracy, points "
    "| baseline log loss | log loss | calibration error | three-way | baseline tau | tau | AUC | CPU-s |"
)
PEERS_HEAD = "| set | planted | method | score accuracy, points | tau | AUC | CPU-s |"


def ours_row(start: str, splits: list[Split]) -> str:
    rows = [part.values for part in splits]
    three_way = np.concatenate([part.three_way for part in splits])
    outcome = np.concatenate([part.outcome for part in splits])
    errors = [calibration_error(three_way[:, answer], outcome == answer) for answer in (LEFT, TIE, RIGHT)]
    pooled = calibration_error(
        np.concatenate([part.chance for part in splits]), np.concatenate([part.is_left for part in splits])
    )
    cells = [
        f"{len(splits)}",
        mean((row["score base"] for row in rows), 1),
        interval((row["score ours"] - row["score base"] for row in rows), 2),
        interval((row["personal"] - row["score base"] for row in rows), 2),
        mean((row["loss base"] for row in rows), 4),
        interval((row["loss ours"] - row["loss base"] for row in rows), 4),
        f"{pooled:.3f}",
        f"{np.mean(errors):.3f}",
        mean((row["tau base"] for row in rows), 3),
        interval((row["tau ours"] - row["tau base"] for row in rows), 3),
        mean((row["auc ours"] for row in rows), 3),
        mean((row["cpu"] for row in rows), 2),
    ]
    return f"{start} {' | '.join(cells)} |"


def peer_row(start: str, splits: list[Split], name: str) -> str:
    rows = [(part.values, part.peers[name]) for part in splits]
    cells = [
        name,
        interval((peer["score"] - values["score base"] for values, peer in rows), 2),
        interval((peer["tau"] - values["tau base"] for values, peer in rows), 3),
        mean((peer["auc"] for _, peer in rows), 3),
        mean((peer["cpu"] for _, peer in rows), 2),
    ]
    return f"{start} {' | '.join(cells)} |"


def read(folder: Path) -> tuple[Comparisons, Gold]:
    path = folder / "labels.csv"
    data = Comparisons.from_csv(path if path.exists() else folder / "labels.csv.gz")
    gold = folder / "gold.csv"
    if not gold.exists():
        return data, {}
    with gold.open(encoding="utf-8", newline="") as file:
        return data, {(row["group"], row["item"]): float(row["score"]) for row in csv.DictReader(file)}


def table(folder: Path, sets: Iterable[str], *, seeds: int, peers: Iterable[str]) -> Iterator[str]:
    """Markdown, line by line; differences are to the baseline on the same split."""
    peers, others = [*peers], []
    yield OURS_HEAD
    yield "|---" * (OURS_HEAD.count("|") - 1) + "|"
    for name in sets:
        data, gold = read(folder / name)
        for share in SHARES:
            splits = [split(data, gold, share, seed, peers) for seed in range(seeds)]
            start = f"| {name} | {share:.0%} |"
            yield ours_row(start, splits)
            others += [peer_row(start, splits, peer) for peer in peers]
    yield from ["", PEERS_HEAD, "|---" * (PEERS_HEAD.count("|") - 1) + "|", *others] if others else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--sets", nargs="+", default=SETS, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="2 seeds")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    peers = [] if options.no_peers else [name for name, (module, _) in PEERS.items() if is_installed(module)]
    for line in table(options.data, options.sets, seeds=2 if options.quick else options.seeds, peers=peers):
        print(line, flush=True)
    for name in () if options.no_peers else PEERS:
        if name not in peers:
            print(f"{name}: not installed")


if __name__ == "__main__":
    main()
