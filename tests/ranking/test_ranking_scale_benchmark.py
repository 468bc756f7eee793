import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    sys.path.insert(0, str(FOLDER))  # it imports its neighbour
    try:
        spec = importlib.util.spec_from_file_location("ranking_scale", FOLDER / "ranking_scale.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up there
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FOLDER))
    return module


@pytest.fixture(scope="module")
def folder(benchmark: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("crowd")
    benchmark.save(found, benchmark.make(12_000, bad=0.3, seed=1))
    return found


def test_ours_is_near_the_oracle_and_far_from_the_blind(benchmark: ModuleType, folder: Path) -> None:
    crowd = benchmark.load(folder)
    found = {name: benchmark.judge(crowd, benchmark.METHODS[name][1](crowd)) for name in ("ours", "oracle", "blind")}
    assert found["ours"]["tau"] > found["oracle"]["tau"] - 0.03
    assert found["ours"]["tau"] > found["blind"]["tau"] + 0.05
    assert found["ours"]["calibration"] < 0.05


def test_a_method_is_measured_in_a_process_of_its_own(benchmark: ModuleType, folder: Path) -> None:
    found = benchmark.measure("blind", folder, 60)
    assert 10 < found["peak_mib"] < 1000
    assert 0 < found["cpu_s"] < 60
    assert benchmark.measure("blind", folder / "nowhere", 60).startswith(("KeyError", "FileNotFoundError"))


def test_the_crowd_is_as_described(benchmark: ModuleType) -> None:
    columns = benchmark.make(30_000, bad=0.4, seed=2, shown=6, rankings=5)
    assert len(columns["outcome"]) == pytest.approx(30_000, rel=0.02)
    crowd = sys.modules["_crowd"].crowd_of(columns)
    data, kind = crowd.data, crowd.kind
    assert np.mean(kind > 0) == pytest.approx(0.4, abs=0.04)
    assert set(np.bincount(data.ranking)) == {10, 15}
    always_left = np.isin(data.labeler, np.flatnonzero(kind == 2)) & ~data.is_control  # controls are turned round
    assert (data.outcome[always_left] == 0).all()
    gold = data.is_control
    assert 0.005 < gold.mean() < 0.02
    scores = crowd.scores.ravel()[np.flatnonzero(~np.isnan(crowd.scores.ravel()))]
    assert (scores[data.left[gold]] > scores[data.right[gold]]).all()
