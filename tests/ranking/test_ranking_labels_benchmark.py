import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "ranking_labels.py"
    spec = importlib.util.spec_from_file_location("ranking_labels", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def run(benchmark: ModuleType, arm: str, **more: object) -> Any:
    settings = {"rounds": 60, "labelers": 80, "sd": 2.0, "seed": 0, "cap": 60, "width": 20, "load": 5.0, **more}
    return benchmark.run(arm, **settings)


def test_spam_is_a_fifth_of_every_kind(benchmark: ModuleType) -> None:
    world = benchmark.World(rounds=1, labelers=500, sd=1.0, seed=0)
    assert Counter(world.kind.tolist()) == {0: 400, 1: 70, 2: 20, 3: 10}


def test_pairs_in_the_world_are_answered_by_the_ordered_logit(benchmark: ModuleType) -> None:
    world = benchmark.World(rounds=1, labelers=500, sd=1.0, seed=1)
    good = int(np.flatnonzero(world.kind == 0)[0])
    lead = world.gain[good] * (world.scores[0, 0] - world.scores[0, 1])
    answers = Counter(tuple(world.rank(0, good, [0, 1])) for _ in range(4000))
    expected = 1 / (1 + np.exp(world.theta[good] - lead))
    assert answers[0, 1] / 4000 == pytest.approx(expected, abs=0.03)
    assert answers[0, 0] / 4000 == pytest.approx(1 - expected - 1 / (1 + np.exp(world.theta[good] + lead)), abs=0.03)


def test_asking_takes_fewer_comparisons_than_chance_and_stays_below_the_load(benchmark: ModuleType) -> None:
    chance, ours = run(benchmark, "uniform"), run(benchmark, "both")
    assert ours.asked.mean() < 0.9 * chance.asked.mean()
    assert ours.most_load < 6
    decided = np.concatenate([ours.decided, chance.decided])
    assert np.concatenate([ours.right, chance.right])[decided].mean() > 0.85
    for found in (chance, ours):
        assert found.asked.max() <= 60
        assert (found.comparisons == found.asked).all()


def test_rankings_count_their_pairs(benchmark: ModuleType) -> None:
    found = run(benchmark, "uniform", size=benchmark.K, cap=20, rounds=20)
    assert (found.comparisons == 10 * found.asked).all()
    assert (found.looks == 5 * found.asked).all()


@pytest.mark.parametrize("criterion", ["eig", "gini", "kg"])
def test_criteria_on_draws_choose_the_two_contenders(benchmark: ModuleType, criterion: str) -> None:
    mean, covariance = np.array([2.0, -3, 1.9, -3, -3]), np.eye(5) * 0.1
    normals = benchmark.shared_normals(5, 512, 0)
    assert benchmark.by_draws(mean, covariance, 0.3, normals, criterion) == (0, 2)


def test_the_table_has_a_row_an_arm(benchmark: ModuleType) -> None:
    results = [run(benchmark, "uniform", rounds=5, cap=5)]
    for cap in (5, 60, 400):
        lines = benchmark.table({"one": results, "other": results}, cap, "one", "comparisons")
        assert len(lines) == 4
        assert len({line.count("|") for line in lines}) == 1
