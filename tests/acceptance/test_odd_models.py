"""Whole batches against models that misbehave: every chain ends, and says why."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import House, Tools

OPTIONS = (
    "--concurrency",
    "8",
    "--candidates",
    "2",
    "--rounds",
    "2",
    "--rankings-per-round",
    "3",
    "--audit-share",
    "0",
)
PAGE = "<!doctype html><title>Always me</title><h1>Always me</h1><button>press</button>"


@pytest.mark.timeout(300)
def test_a_batch_against_one_page_for_everything_ends_every_chain(
    house: "House", tools: "Tools", tmp_path: Path
) -> None:
    house.write_prompts(4)
    (tmp_path / "always.html").write_text(PAGE)
    with tools.serve(latency_ms=0.0, answer_all_with=tmp_path / "always.html") as server:
        code, _, errors = house.run(house.command(server, *OPTIONS))
    ledger = house.ledger()
    assert (code, errors) == (0, "")
    assert ledger.query("SELECT DISTINCT state, stop_reason FROM chain") == [("ended", "nothing_left")]
    assert ledger.query("SELECT DISTINCT made_by FROM plan") == [("deterministic",)]
    assert ledger.findings() == []


@pytest.mark.timeout(300)
def test_a_batch_against_a_faulty_model_ends_every_chain_with_an_honest_reason(house: "House", tools: "Tools") -> None:
    house.write_prompts(12)
    faults = "429:0.1,500:0.1,truncate:0.05,malformed:0.05,empty:0.05,refuse:0.05"
    with tools.serve(latency_ms=5.0, faults=faults, seed=3) as server:
        code, _, _ = house.run(house.command(server, *OPTIONS, "--retries", "6"))
        statuses = server.stats()
    ledger = house.ledger()
    assert code in (0, 1)
    assert statuses["calls"] > ledger.calls()  # some were asked again
    assert ledger.unended() == []
    reasons = {reason for (reason,) in ledger.query("SELECT DISTINCT stop_reason FROM chain")}
    assert reasons <= {"rounds", "plateau", "nothing_left", "failed"}
    assert ledger.query("SELECT count(*) FROM chain WHERE stop_reason = 'failed' AND coalesce(error, '') = ''") == [
        (0,)
    ]
    assert ledger.query("SELECT count(*) FROM candidate WHERE state = 'failed' AND coalesce(reason, '') = ''") == [(0,)]
    assert ledger.findings() == []
