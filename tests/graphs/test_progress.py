"""Rounds whose outcome is sure before everybody was asked, and what a ranking of an open one is worth."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from refine import Refiner
from refine.errors import InputError
from refine.settings import PanelMix
from refine.types import OpenRound, RankingIn
from store.chains import list_chains, load_chain
from store.database import Connection
from store.feedback import Desk
from store.opening import open_database
from store.rounds import load_open_round, load_rounds
from store.tables import EVENT, ROUND

SETTINGS: dict[str, Any] = {"audit_share": 0, "rounds": 2, "plateau_rounds": 2, "seed": 5}


async def run(path: Path, **settings: Any) -> list[int]:
    """Rankings of each round."""
    async with Refiner.open(path, **{**SETTINGS, **settings}) as refiner:
        for number in range(6):
            await refiner.start(f"A quiz about rivers, number {number}")
        await refiner.wait()
    with open_database(path) as database:
        chains = database.read(list_chains, project="default", limit=100)
        return [round.received for chain in chains for round in database.read(load_rounds, chain.key)]


async def test_a_round_may_end_sooner_but_never_before_its_least(tmp_path: Path) -> None:
    counts = await run(
        tmp_path / "a.db",
        rankings_per_round=20,
        rankings_at_least=3,
        mix=PanelMix(careless_share=0, hostile_share=0),
    )
    assert min(counts) >= 3 and max(counts) <= 20
    assert sum(counts) < 0.8 * 20 * len(counts)
    with open_database(tmp_path / "a.db") as database:
        refs = database.read(lambda c: [*c.execute(select(EVENT.c.refs).where(EVENT.c.type == "round_full")).scalars()])
    assert {ref.get("reason") for ref in refs} & {"best", "challenger", "incumbent"}


async def test_without_a_least_every_round_gets_all_its_rankings(tmp_path: Path) -> None:
    assert set(await run(tmp_path / "a.db", rankings_per_round=6)) == {6}


async def hand_in(refiner: Refiner, round: OpenRound, names: list[str], order: list[str]) -> None:
    desk = Desk(refiner.database)
    for name in names:
        assignment = await desk.lease_assignment(round_id=round.id, labeler=name, made_by="person")
        assert assignment is not None
        groups = tuple((candidate,) for candidate in order)
        await desk.submit_ranking(
            assignment_id=assignment.id, ranking=RankingIn(groups=groups), made_by="person", key=f"{round.id}-{name}"
        )


def rounds(connection: Connection) -> list[Any]:
    return [*connection.execute(select(ROUND).order_by(ROUND.c.id))]


async def test_people_who_agree_end_a_round_and_the_chain_goes_on(tmp_path: Path) -> None:
    async with Refiner.open(
        tmp_path / "a.db", panel="people", rankings_per_round=40, rankings_at_least=8, **SETTINGS
    ) as refiner:
        chain = await refiner.start("A quiz about rivers")
        await refiner.wait()
        row = refiner.database.read(rounds)[0]
        assert row.priority > 0
        open_round = refiner.database.read(load_open_round, row.ulid)
        assert open_round is not None
        order = [candidate.id for candidate in open_round.candidates]
        await hand_in(refiner, open_round, [f"w{n}" for n in range(12)], order)
        async with asyncio.timeout(60):
            while refiner.chain(chain.id).round < 2:
                await asyncio.sleep(0.05)
        first, second = refiner.database.read(rounds)
        assert first.received == 12 and first.state == "judged" and first.wanted == 12
        assert second.state == "open" and second.priority > 0
        assert refiner.database.read(load_chain, chain.id).record.rounds_judged == 1


async def test_a_round_is_worth_less_the_surer_it_is(tmp_path: Path) -> None:
    async with Refiner.open(tmp_path / "a.db", panel="people", rankings_per_round=40, **SETTINGS) as refiner:
        await refiner.start("A quiz about rivers")
        await refiner.wait()
        row = refiner.database.read(rounds)[0]
        open_round = refiner.database.read(load_open_round, row.ulid)
        assert open_round is not None
        order = [candidate.id for candidate in open_round.candidates]
        worth = [row.priority]
        for batch in range(2):
            await hand_in(refiner, open_round, [f"w{batch}-{n}" for n in range(8)], order)
            async with asyncio.timeout(60):
                while (now := refiner.database.read(rounds)[0].priority) == worth[-1]:
                    await asyncio.sleep(0.05)
            worth.append(now)
        assert worth[0] > worth[1] > worth[2] > 0
        assert refiner.database.read(rounds)[0].state == "open"


@pytest.mark.parametrize("least", [0, -1])
async def test_a_least_below_one_is_refused(tmp_path: Path, least: int) -> None:
    with pytest.raises(InputError, match="rankings_at_least"):
        async with Refiner.open(tmp_path / "a.db", rankings_at_least=least):
            pass
