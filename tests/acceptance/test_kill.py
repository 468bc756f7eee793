"""kill -9 at random moments, and the same command again at once."""

import random
import time
from typing import TYPE_CHECKING

import pytest

from refine.llm.local_server import RunningServer

if TYPE_CHECKING:
    from tests.acceptance.conftest import House, Tools

CONCURRENCY = 4
OPTIONS = (
    *("--concurrency", str(CONCURRENCY), "--candidates", "2", "--rounds", "3", "--plateau-rounds", "3"),
    *("--rankings-per-round", "3", "--audit-share", "0.3"),
)


def kill_at_random(
    house: "House", tools: "Tools", command: list[str], *, kills: int, dice: random.Random, calls_in_all: int
) -> int:
    """Kill the run `kills` times, each time run it again at once; how many ended by themselves before that."""
    ledger = house.ledger()
    share = calls_in_all * 0.7 / kills
    ended = 0
    for _ in range(kills):
        before = ledger.calls()
        process = house.start(command)
        if dice.random() < 0.2:  # while it starts, or opens and makes the database
            time.sleep(dice.uniform(0, 0.7))
        else:
            wanted = before + max(1, round(dice.uniform(0, 2 * share)))
            # The first new row or the end: that is progress, and it comes at once. Then on to the moment drawn.
            tools.wait_until(lambda: process.poll() is not None or ledger.calls() > before, what="progress")  # noqa: B023
            tools.wait_until(lambda: process.poll() is not None or ledger.calls() >= wanted, what="calls")  # noqa: B023
            time.sleep(dice.uniform(0, 0.1))
        if process.poll() is not None:
            ended += 1
        process.kill()
        process.wait()
    return ended


@pytest.mark.timeout(1200)
def test_a_batch_killed_at_random_moments_ends_as_an_undisturbed_one_and_pays_nothing_twice(
    house: "House", tools: "Tools", server: RunningServer
) -> None:
    kills = 30 if tools.is_full else 5
    house.write_prompts(40 if tools.is_full else 12)
    assert house.run(house.command(server, *OPTIONS, name="undisturbed"))[0] == 0
    undisturbed = house.ledger("undisturbed")
    paid_before = server.stats()["calls"]
    assert paid_before == undisturbed.calls()

    command = house.command(server, *OPTIONS, "--project", "prompts")
    ended = kill_at_random(
        house, tools, command, kills=kills, dice=random.Random(kills), calls_in_all=undisturbed.calls()
    )
    assert ended <= kills // 5, "the kills came too late to show anything"
    code, _, errors = house.run(command)
    assert (code, errors) == (0, "")

    ledger = house.ledger()
    assert ledger.unended() == []
    assert ledger.rows() == undisturbed.rows()
    assert ledger.paid_twice() == []
    assert ledger.calls() == undisturbed.calls()
    repeated = server.stats()["calls"] - paid_before - ledger.calls()
    assert 0 <= repeated <= kills * CONCURRENCY
    assert ledger.findings() == []


@pytest.mark.timeout(300)
def test_a_batch_that_ended_starts_nothing_when_run_again(
    house: "House", tools: "Tools", server: RunningServer
) -> None:
    house.write_prompts(3)
    command = house.command(server, *OPTIONS)
    assert house.run(command)[0] == 0
    calls, rows = server.stats()["calls"], house.ledger().rows()
    assert house.run(command)[0] == 0
    assert server.stats()["calls"] == calls
    assert house.ledger().rows() == rows
