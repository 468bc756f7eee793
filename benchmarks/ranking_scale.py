"""The ranking engine from ten thousand to ten million comparisons, beside an oracle, worker-blind fits and other libraries.

    python benchmarks/ranking_scale.py [--sizes 10000 100000 1000000 10000000] [--bad 0.2] [--seed 1] [--repeat 1]
                                       [--shown 4] [--rankings 10]
                                       [--per-labeler 1000] [--methods ours oracle …] [--limit-s 900]

A crowd is made up as `_crowd.make` says: rounds of five or six candidates, ten rankings of four a round, labelers of
about a thousand comparisons each who rank in rounds all over, a stated share of them bad, controls in a tenth of the
rounds. Every method runs in a process of its own that loads the columns from disk, so that the peak is its own, the
loaded columns included; times are of the method alone, without loading and without imports. Sizes are of comparisons.

tau: mean over the rounds of Kendall's tau-a with the true scores. top-1: how often the highest candidate is the best.
Calibration error: mean distance of P(best) from how often candidates are best, in ten bins. The oracle is the same scores
given each labeler's true kind and gain, and the true width of the scores. Wall is worth little on a busy machine: the load
is printed beside.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from _crowd import CAREFUL, INVERTED, MOST, Crowd, load, make, save

from refine.ranking import fit, fit_blind
from refine.ranking.best import best_probabilities, shared_normals
from refine.ranking.cells import Cells, Floats, Ints, find_cells, summed
from refine.ranking.comparisons import LEFT, RIGHT, TIE
from refine.ranking.sweep import Glance, Seen, solve
from refine.ranking.tiling import tiles_of

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
BINS = 10


class Spent(NamedTuple):
    wall_s: float
    cpu_s: float


class Watch:
    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def spent(self) -> Spent:
        return Spent(time.perf_counter() - self.wall, time.process_time() - self.cpu)


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """Of one method: scores by cell, and P(best) if it says."""

    cells: Cells
    scores: Floats
    spent: Spent
    p_best: Floats | None = None
    p_best_cpu_s: float = 0.0


def ours(crowd: Crowd) -> Found:
    watch = Watch()
    fitted = fit(crowd.data)
    return _of_fit(fitted, watch.spent())


def blind(crowd: Crowd) -> Found:
    watch = Watch()
    fitted = fit_blind(crowd.data)
    return _of_fit(fitted, watch.spent())


def _of_fit(fitted: Any, spent: Spent) -> Found:
    watch = Watch()
    p_best = fitted.ratings.p_best
    return Found(
        cells=fitted.cells, scores=fitted.mean, spent=spent, p_best=p_best, p_best_cpu_s=watch.spent().cpu_s
    )  # fmt: skip


def oracle(crowd: Crowd) -> Found:
    """Scores by the same likelihood, of labelers known and a width known; the tie threshold by the share of ties."""
    watch = Watch()
    cells, lookup = find_cells(crowd.data)
    tiles = tiles_of(crowd.data, cells, lookup)
    assert tiles is not None
    theta = 2 * math.atanh(float(np.mean(crowd.data.outcome == TIE)))
    is_good = crowd.kind == CAREFUL
    columns = {
        "good": is_good,
        "gain": np.where(is_good, crowd.gain, 1),
        "theta": np.full(len(is_good), theta),
        "side": np.zeros(len(is_good)),
        "adversarial": crowd.kind == INVERTED,
    }
    seen = Seen(**{name: column.astype(np.float32) for name, column in columns.items()})
    precision = 1 / float(np.nanvar(crowd.scores - np.nanmean(crowd.scores, axis=1, keepdims=True)) * 1.2)
    scores, p_best = np.empty(len(cells)), np.empty(len(cells))
    normals = shared_normals(MOST, 4096, 0)
    for tile in tiles.tiles:
        none = np.zeros((tile.size, tile.size, tile.groups), dtype=np.float32)
        solved = solve(
            Glance(tile, tiles.kinds, seen, theta=theta), np.zeros(tile.cells.shape), none, expected=0.0,
            precision=precision, steps=8,
        )  # fmt: skip
        scores[tile.cells] = solved.mean
        p_best[tile.cells] = best_probabilities(
            solved.mean.T, np.ascontiguousarray(solved.covariance.transpose(2, 0, 1)), normals[: tile.size]
        ).T
    return Found(cells=cells, scores=scores, p_best=p_best, spent=watch.spent())


def win_rates(crowd: Crowd, chances: Callable[[Ints, Ints, Ints], tuple[Ints, Floats, Ints]]) -> Found:
    """Candidates by the mean of `chances` that they win, over pairs weighted by how often they were judged."""
    cells, lookup = find_cells(crowd.data)
    left, right = lookup(slice(None))
    first, second = np.minimum(left, right), np.maximum(left, right)
    label = np.where(left > right, RIGHT - crowd.data.outcome, crowd.data.outcome)
    watch = Watch()
    pairs, won, answers = chances(first * len(cells) + second, crowd.data.labeler.astype(np.int64), label)
    spent = watch.spent()
    ends = np.concatenate([pairs // len(cells), pairs % len(cells)])
    total = summed(ends, np.tile(answers, 2), len(cells))
    score = summed(ends, np.concatenate([answers * won, answers * (1 - won)]), len(cells)) / np.maximum(total, 1)
    return Found(cells=cells, scores=score, spent=spent)


def dawid_skene(crowd: Crowd) -> Found:
    pandas, aggregation = import_module("pandas"), import_module("crowdkit.aggregation")

    def chances(task: Ints, labeler: Ints, label: Ints) -> tuple[Ints, Floats, Ints]:
        table = pandas.DataFrame({"task": task, "worker": labeler, "label": label})
        pairs, answers = np.unique(task, return_counts=True)
        found = aggregation.DawidSkene(n_iter=100).fit_predict_proba(table)
        found = found.reindex(index=pairs, columns=[LEFT, TIE, RIGHT]).fillna(0.0)
        return pairs, found[LEFT].to_numpy() + found[TIE].to_numpy() / 2, answers

    return win_rates(crowd, chances)


def bradley_terry(crowd: Crowd) -> Found:
    """crowd-kit's, ties left out."""
    pandas, aggregation = import_module("pandas"), import_module("crowdkit.aggregation")
    cells, lookup = find_cells(crowd.data)
    left, right = lookup(slice(None))
    outcome = crowd.data.outcome
    rows = outcome != TIE
    label = np.where(outcome == LEFT, left, right)
    table = pandas.DataFrame(
        {"left": left[rows], "right": right[rows], "worker": crowd.data.labeler[rows], "label": label[rows]}
    )
    watch = Watch()
    found = aggregation.BradleyTerry(n_iter=100).fit_predict(table)
    spent = watch.spent()
    return Found(cells=cells, scores=found.reindex(range(len(cells))).fillna(0.0).to_numpy(), spent=spent)


def choix_rounds(crowd: Crowd) -> Found:
    """Each round by choix, which knows no labelers and no ties; a tie is half a win for each."""
    choix = import_module("choix")
    cells, lookup = find_cells(crowd.data)
    left, right = lookup(slice(None))
    won = 1 - crowd.data.outcome / 2.0
    at = np.concatenate([cells.entry(left, right), cells.entry(right, left)])
    wins = summed(at, np.concatenate([won, 1 - won]), cells.entries)
    scores = np.zeros(len(cells))
    watch = Watch()
    for _, groups, entries in cells.by_size():
        for rows, entry in zip(groups, entries, strict=True):
            scores[rows] = choix.ilsr_pairwise_dense(wins[entry], alpha=0.01, max_iter=1000, tol=1e-6)
    return Found(cells=cells, scores=scores, spent=watch.spent())


METHODS: dict[str, tuple[str, Callable[[Crowd], Found]]] = {
    "ours": ("numpy", ours),
    "oracle": ("numpy", oracle),
    "blind": ("numpy", blind),
    "dawid-skene": ("crowdkit.aggregation", dawid_skene),
    "choix": ("choix", choix_rounds),
    "bradley-terry": ("crowdkit.aggregation", bradley_terry),
}


def judge(crowd: Crowd, found: Found) -> dict[str, float]:
    scores = crowd.by_round(found.scores, found.cells.item)
    is_there = ~np.isnan(scores)
    truth = np.where(is_there, crowd.scores, np.nan)
    i, j = np.triu_indices(MOST, 1)
    agree = np.sign(scores[:, i] - scores[:, j]) * np.sign(truth[:, i] - truth[:, j])
    best = np.nanargmax(truth, axis=1)
    measured = {
        "tau": float(np.mean(np.nanmean(agree, axis=1))),
        "top_1": float(np.mean(np.nanargmax(scores, axis=1) == best)),
        "calibration": math.nan,
    }
    if found.p_best is not None:
        p_best = crowd.by_round(found.p_best, found.cells.item)[is_there]
        is_best = (np.arange(MOST) == best[:, None])[is_there]
        bins = np.minimum((p_best * BINS).astype(np.int64), BINS - 1)
        measured["calibration"] = float(np.abs(summed(bins, p_best - is_best, BINS)).sum() / len(p_best))
    return measured


def run_here(method: str, folder: Path) -> dict[str, float]:
    """In a process that does nothing else: the peak is of loading and fitting, before anything is judged."""
    crowd = load(folder)
    found = METHODS[method][1](crowd)
    spent = {**found.spent._asdict(), "p_best_cpu_s": found.p_best_cpu_s, "peak_mib": peak_mib()}
    return spent | judge(crowd, found)


def peak_mib() -> float:
    """Of this process alone, by Linux; getrusage's maximum is inherited from the process that started it."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return float(line.split()[1]) / 1024


def measure(method: str, folder: Path, limit_s: float) -> dict[str, float] | str:
    """Values, or why there are none."""
    command = [sys.executable, __file__, "--run", method, "--folder", str(folder)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return f"stopped after {limit_s:g} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["killed"])[-1][:100]
    values: dict[str, float] = json.loads(done.stdout)
    return values


def lines(options: argparse.Namespace) -> Any:
    yield (
        "| comparisons | bad | method | CPU-s | wall s | µs a comparison | P(best) CPU-s | peak MiB | tau | top-1 "
        "| calibration error | load |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|"
    for size in options.sizes:
        for bad in options.bad:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                columns = make(
                    size, bad=bad, seed=options.seed, shown=options.shown, rankings=options.rankings,
                    per_labeler=options.per_labeler,
                )  # fmt: skip
                rows = len(columns["outcome"])
                save(folder, columns)
                del columns
                for method in options.methods:
                    for _ in range(options.repeat):
                        yield _line(method, rows, bad, measure(method, folder, options.limit_s))


def _line(method: str, rows: int, bad: float, found: dict[str, float] | str) -> str:
    head = f"| {rows:,} | {bad:.0%} | {method} |"
    if isinstance(found, str):
        return f"{head} {found} |"
    calibration = "–" if math.isnan(found["calibration"]) else f"{found['calibration']:.4f}"
    return (
        f"{head} {found['cpu_s']:.2f} | {found['wall_s']:.2f} | {1e6 * found['cpu_s'] / rows:.2f} "
        f"| {found['p_best_cpu_s']:.2f} | {found['peak_mib']:.0f} | {100 * found['tau']:.2f} | {100 * found['top_1']:.2f} "
        f"| {calibration} | {os.getloadavg()[0]:.1f} |"
    )


def is_installed(module: str) -> bool:
    try:
        import_module(module)
    except ImportError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--bad", type=float, nargs="+", default=[0.2], help="shares of labelers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shown", type=int, default=4, choices=range(2, MOST + 1), help="candidates in a ranking")
    parser.add_argument("--rankings", type=int, default=10, help="of a round")
    parser.add_argument("--per-labeler", type=int, default=1000, help="comparisons")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    parser.add_argument("--limit-s", type=float, default=900, help="of one method on one size")
    parser.add_argument("--run", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run_here(options.run, options.folder)))
        return
    missing = [name for name in options.methods if not is_installed(METHODS[name][0])]
    options.methods = [name for name in options.methods if name not in missing]
    for line in lines(options):
        print(line, flush=True)
    for name in missing:
        print(f"{name}: not installed")


if __name__ == "__main__":
    main()
