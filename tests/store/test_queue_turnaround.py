"""How long chains take when labelers work on them as the queue says: the simulation of benchmarks/people_queue.py."""

import os
import runpy
from pathlib import Path
from typing import Any

import pytest

from store.database import Database

FULL = "REFINE_TEST_FULL" in os.environ


@pytest.fixture(scope="module")
def simulate() -> Any:
    return runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "people_queue.py"))["simulate"]


def test_chains_are_finished_one_after_the_other_and_not_all_at_the_end(database: Database, simulate: Any) -> None:
    chain_count, labeler_count = (5000, 60) if FULL else (300, 20)
    found = simulate(database, chain_count=chain_count, labeler_count=labeler_count)
    assert found.finished_at_half >= 0.4
    assert found.p95_hours < found.hours / 3
    assert found.most_open < 2 * labeler_count
    assert found.least_work > 0
    assert found.rankings == 15 * chain_count + found.bonus, "no ranking was lost and no round was left unfilled"
