"""Chains whose verdicts count labelers for what other chains showed of them."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from graphs.reliabilities import FIRST, Reliabilities
from refine import Refiner
from refine.api.replay import replay_chain
from refine.ranking.verdict import METHOD, TRUSTING_METHOD
from refine.types import CritiqueRecord, Verdict
from store.chains import list_chains
from store.database import Connection, Database
from store.opening import open_database
from store.plans import load_plan
from store.rankings import load_critiques
from store.rounds import load_rounds
from store.tables import RELIABILITY_SNAPSHOT, VERDICT
from store.verdicts import load_verdict

SETTINGS: dict[str, Any] = {"rounds": 3, "plateau_rounds": 3, "rankings_per_round": 5, "audit_share": 0.2, "seed": 4}


async def run(path: Path, *, chains: int = 8, **settings: Any) -> None:
    async with Refiner.open(path, project="p", **{**SETTINGS, **settings}) as refiner:
        for number in range(chains):
            await refiner.start(f"A quiz about rivers, number {number}")
        await refiner.wait()


def verdicts(database: Database) -> list[tuple[int, Verdict, list[CritiqueRecord]]]:
    found = []
    for chain in database.read(list_chains, project="p", limit=100):
        for round in database.read(load_rounds, chain.key):
            verdict = database.read(load_verdict, round.key)
            if round.kind == "normal" and verdict is not None:
                found.append((round.key, verdict, database.read(load_critiques, round.key)))
    return found


def snapshots(connection: Connection) -> list[Any]:
    return [*connection.execute(select(RELIABILITY_SNAPSHOT).order_by(RELIABILITY_SNAPSHOT.c.id))]


@pytest.fixture(scope="module")
def weighed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weighed") / "a.db"
    asyncio.run(run(path, weigh_labelers=True))
    return path


def test_the_first_verdicts_take_all_alike_and_later_ones_name_their_snapshot(weighed: Path) -> None:
    with open_database(weighed) as database:
        found, known = verdicts(database), database.read(snapshots)
    trusting = [verdict for _, verdict, _ in found if verdict.method == TRUSTING_METHOD]
    alike = [verdict for _, verdict, _ in found if verdict.method == METHOD]
    assert len(alike) >= FIRST // SETTINGS["rankings_per_round"] and trusting
    assert {verdict.details["snapshot"] for verdict in trusting} <= {row.ulid for row in known}
    assert all("snapshot" not in verdict.details for verdict in alike)


def test_a_snapshot_says_what_was_believed_of_whom(weighed: Path) -> None:
    with open_database(weighed) as database:
        known = database.read(snapshots)
    assert known[0].rankings >= FIRST
    assert all(row.project_id is not None for row in known), "simulated labelers are known within their project only"
    assert all(len(numbers) == 4 for numbers in known[-1].labelers.values())


async def test_a_newer_snapshot_is_made_beside_the_chains_when_there_is_a_quarter_more(weighed: Path) -> None:
    with open_database(weighed) as database:
        chain = database.read(list_chains, project="p", limit=1)[0]
        kept = Reliabilities(database)
        first = await kept.snapshot_for(chain)
        assert first is not None and first.rankings >= FIRST
        kept.count(chain, first.rankings // 5)
        assert await kept.snapshot_for(chain) is first
        kept.count(chain, first.rankings // 8)
        assert await kept.snapshot_for(chain) is first, "nobody waits for it"
        async with asyncio.timeout(30):
            while await kept.snapshot_for(chain) is first:
                await asyncio.sleep(0.01)
        await kept.aclose()


def test_critiques_weigh_what_the_verdict_took_their_labelers_for(weighed: Path) -> None:
    seen = 0
    with open_database(weighed) as database:
        for key, verdict, critiques in verdicts(database):
            for critique in critiques:
                assert critique.reliability == verdict.details["labelers"][critique.labeler]["mean"]
                seen += critique.reliability != 1.0
            plan = database.read(load_plan, key)
            if plan is not None and verdict.method == TRUSTING_METHOD:
                by_critique = {critique.id: max(critique.reliability, 0) for critique in critiques}
                for issue in plan.plan.issues:
                    assert issue.support <= sum(by_critique.values()) + 1e-9
    assert seen > 20


def test_such_a_chain_replays(weighed: Path) -> None:
    with open_database(weighed) as database:
        for chain in database.read(list_chains, project="p", limit=100):
            report = replay_chain(database, chain.record.id)
            assert report.plans > 0 and not report.differing


async def test_a_process_that_comes_later_knows_from_the_start(weighed: Path, tmp_path: Path) -> None:
    later = tmp_path / "later.db"
    shutil.copy(weighed, later)
    with open_database(later) as database:
        before = {key for key, _, _ in verdicts(database)}
    async with Refiner.open(later, project="p", **SETTINGS, weigh_labelers=True) as refiner:
        await refiner.start("A timer")
        await refiner.wait()
    with open_database(later) as database:
        new = [verdict for key, verdict, _ in verdicts(database) if key not in before]
    assert len(new) == 3 and all(verdict.method == TRUSTING_METHOD for verdict in new)


async def test_simulated_projects_take_all_alike_unless_asked(tmp_path: Path) -> None:
    await run(tmp_path / "a.db", chains=4)
    with open_database(tmp_path / "a.db") as database:
        assert {verdict.method for _, verdict, _ in verdicts(database)} == {METHOD}
        assert database.read(snapshots) == []


async def test_a_fit_that_fails_leaves_what_was_believed(weighed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_database(weighed) as database:
        chain = database.read(list_chains, project="p", limit=1)[0]
        kept = Reliabilities(database)
        first = await kept.snapshot_for(chain)
        assert first is not None

        def fail(*_: object) -> None:
            raise MemoryError

        with monkeypatch.context() as broken:
            broken.setattr("graphs.reliabilities._fit", fail)
            kept.count(chain, first.rankings)
            assert await kept.snapshot_for(chain) is first
            await asyncio.sleep(0.3)
            assert await kept.snapshot_for(chain) is first, "it is not tried at every verdict"
        kept.count(chain, 2 * first.rankings)
        async with asyncio.timeout(30):
            while await kept.snapshot_for(chain) is first:
                await asyncio.sleep(0.01)
        await kept.aclose()


def test_whoever_came_after_the_verdict_was_weighed_is_not_in_the_plan(weighed: Path, tmp_path: Path) -> None:
    later = tmp_path / "later.db"
    shutil.copy(weighed, later)
    with open_database(later) as database:
        key, verdict, critiques = next(it for it in verdicts(database) if it[2])
        late = critiques[0].labeler
        kept = {name: found for name, found in verdict.details["labelers"].items() if name != late}

        def forget(connection: Connection) -> None:
            stored = connection.execute(select(VERDICT.c.verdict).where(VERDICT.c.round_id == key)).scalar_one()
            stored["details"]["labelers"] = kept
            connection.execute(update(VERDICT).where(VERDICT.c.round_id == key).values(verdict=stored))

        database.write_now(forget)
        assert late not in {it.labeler for it in database.read(load_critiques, key)}
