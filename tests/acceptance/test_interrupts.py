"""Ctrl-C with calls in flight, two processes on one project, and an owner that dies while another runs."""

import json
import signal
from typing import TYPE_CHECKING

import pytest

from refine.llm.local_server import RunningServer

if TYPE_CHECKING:
    from tests.acceptance.conftest import House, Tools

OPTIONS = (
    *("--concurrency", "4", "--candidates", "2", "--rounds", "2", "--plateau-rounds", "3"),
    *("--rankings-per-round", "3", "--audit-share", "0.3"),
)
SLOW = pytest.mark.parametrize("server", [{"latency_ms": 300.0}], indirect=True)


@pytest.mark.timeout(300)
@SLOW
def test_ctrl_c_with_calls_in_flight_keeps_what_was_recorded_and_the_command_goes_on(
    house: "House", tools: "Tools", server: RunningServer
) -> None:
    house.write_prompts(6)
    command = house.command(server, *OPTIONS)
    process = house.start(command)
    ledger = house.ledger()
    tools.wait_until(lambda: ledger.calls() >= 3 and server.stats()["in_flight"] > 0, what="calls in flight")
    process.send_signal(signal.SIGINT)
    code, _, errors = tools.finish(process)
    assert code == 130
    assert "Traceback" not in errors
    assert ledger.findings() == []
    recorded = ledger.calls()
    assert house.run(command)[0] == 0
    assert (ledger.unended(), ledger.paid_twice(), ledger.findings()) == ([], [], [])
    assert server.stats()["calls"] - ledger.calls() <= 4
    assert ledger.calls() > recorded


@pytest.mark.timeout(300)
@pytest.mark.parametrize("server", [{"latency_ms": 150.0}], indirect=True)
def test_two_processes_on_one_project_share_its_chains_and_ask_nothing_twice(
    house: "House", tools: "Tools", server: RunningServer
) -> None:
    house.write_prompts(24)
    command = house.command(server, *OPTIONS, "--concurrency", "2")
    first, second = house.start(command), house.start(command)
    ended = [tools.finish(process) for process in (first, second)]
    assert [(code, errors) for code, _, errors in ended] == [(0, ""), (0, "")]
    calls = [json.loads(said.splitlines()[-1])["calls"] for _, said, _ in ended]
    ledger = house.ledger()
    assert min(calls) > 0
    assert sum(calls) == ledger.calls()
    assert ledger.query("SELECT count(*), count(DISTINCT prompt_id) FROM chain") == [(24, 24)]
    assert (ledger.unended(), ledger.paid_twice(), ledger.findings()) == ([], [], [])
    assert server.stats()["calls"] == ledger.calls()
    assert ledger.query("SELECT chain_id FROM event WHERE type = 'chain_stopped' GROUP BY 1 HAVING count(*) > 1") == []


@pytest.mark.timeout(300)
@SLOW
def test_the_chains_of_a_killed_process_are_taken_over_by_one_that_runs(
    house: "House", tools: "Tools", server: RunningServer
) -> None:
    house.write_prompts(24)
    command = house.command(server, *OPTIONS)
    ledger = house.ledger()
    first = house.start(command)
    tools.wait_until(lambda: ledger.calls() >= 2, what="the first process at work")
    second = house.start(command)
    tools.wait_until(lambda: ledger.query("SELECT count(*) FROM owner")[0][0] == 2, what="two owners")
    first.kill()
    first.wait()
    assert tools.finish(second)[2] == ""
    assert second.returncode == 0
    assert (ledger.unended(), ledger.paid_twice(), ledger.findings()) == ([], [], [])
    assert server.stats()["calls"] - ledger.calls() <= 4
