import csv
import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from refine.ranking import Comparisons


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "ranking_real.py"
    spec = importlib.util.spec_from_file_location("ranking_real", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set of 6 groups of 4 items, each pair judged by 4 of 10 labelers, with its truth."""
    rng = np.random.default_rng(5)
    with (tmp_path / "labels.csv").open("w", newline="") as labels, (tmp_path / "gold.csv").open("w") as gold:
        rows, truth = csv.writer(labels), csv.writer(gold)
        rows.writerow(["worker", "group", "left", "right", "label"])
        truth.writerow(["group", "item", "score"])
        for group in range(6):
            truth.writerows([f"g{group}", f"i{item}", item] for item in range(4))
            for left in range(4):
                for right in range(left):
                    for worker in rng.choice(10, 4, replace=False).tolist():
                        winner = max(left, right) if rng.random() < 0.8 else min(left, right)
                        label = "tie" if rng.random() < 0.2 else f"i{winner}"
                        rows.writerow([f"w{worker}", f"g{group}", f"i{left}", f"i{right}", label])
    return tmp_path


def test_the_table_has_a_row_a_share_and_every_peer(benchmark: ModuleType, folder: Path) -> None:
    lines = [*benchmark.table(folder.parent, [folder.name], seeds=2, peers=["mean win rate"])]
    assert len(lines) == 2 + 4 + 1 + 2 + 4
    assert all(line.count("|") == lines[0].count("|") for line in lines[:6])
    assert not any("nan" in line for line in lines)


def test_planted_labelers_are_the_stated_share_and_leave_the_genuine_rows_alone(
    benchmark: ModuleType, folder: Path
) -> None:
    data, gold = benchmark.read(folder)
    more = benchmark.plant(data, 0.5, np.random.default_rng(0))
    assert len(more.labelers) == 2 * len(data.labelers)
    assert (more.outcome[: len(data)] == data.outcome).all()
    assert len(gold) == 24


def test_a_ranking_is_held_out_whole(benchmark: ModuleType) -> None:
    data = Comparisons.from_rankings([("w", f"g{n}", [["a"], ["b"], ["c"]]) for n in range(50)])
    held = benchmark.held_out(data, np.random.default_rng(0)).reshape(50, 3)
    assert 0 < held.sum() < held.size
    assert (held == held[:, :1]).all()
    assert benchmark.Layout.of(data).weight == pytest.approx(2 / 3)


def test_the_baseline_is_at_its_maximum(benchmark: ModuleType, folder: Path) -> None:
    layout = benchmark.Layout.of(benchmark.read(folder)[0])
    scores, _ = benchmark.bradley_terry(layout)
    slope = layout.won - benchmark.sigmoid(scores[layout.left] - scores[layout.right])
    won, lost = np.bincount(layout.left, slope, 24), np.bincount(layout.right, slope, 24)
    gradient = won - lost - benchmark.RIDGE * scores
    assert gradient == pytest.approx(np.zeros(len(scores)), abs=1e-8)


def test_measures(benchmark: ModuleType) -> None:
    assert benchmark.accuracy(np.array([1.0, -1.0, 0.0]), np.array([True, True, True])) == pytest.approx(0.5)
    assert benchmark.log_loss(np.array([0.5, 0.5]), np.array([True, False])) == pytest.approx(math.log(2))
    assert benchmark.calibration_error(np.array([0.95, 0.95]), np.array([True, False])) == pytest.approx(0.45)
    trust, is_planted = np.array([0.0, 1.0, 1.0]), np.array([True, True, False])
    assert benchmark.ranked_below(trust, is_planted) == pytest.approx(0.75)
