"""Controls in the loop: hidden in assignments, kept out of verdicts and plans, and telling of their labelers."""

import itertools
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from refine import Refiner
from refine.api.board import labeler_board
from refine.api.reading import read_chain
from refine.export import Filters, trajectory
from refine.perturb import find_flaws
from refine.settings import PanelMix
from refine.types import CodeFile, Files, MadeControl
from store.chains import list_chains
from store.controls import load_sightings, retire_controls
from store.database import Connection
from store.opening import open_database
from store.plans import load_plan
from store.rankings import load_critiques, load_rankings
from store.rounds import load_rounds, load_shown
from store.tables import ASSIGNMENT, CANDIDATE, CONTROL
from store.verify import verify_database

SETTINGS: dict[str, Any] = {
    "rounds": 3,
    "plateau_rounds": 3,
    "rankings_per_round": 6,
    "audit_share": 0.3,
    "seed": 7,
    "control_share": 0.3,
    "mix": PanelMix(labelers=12, careless_share=0.25, hostile_share=0.0),
}


class Spoiling:
    """A copy of the page with one more of the catalogue's flaws, which simulated labelers see."""

    def __init__(self) -> None:
        self.made = 0
        self.weights: list[Mapping[str, float]] = []

    async def make_control(self, files: Files, *, seed: int, weights: Mapping[str, float]) -> MadeControl | None:
        from refine.perturb import FLAWS

        self.weights.append(weights)
        page = files[0]
        have = {flaw.name for flaw in find_flaws(page.content)}
        for flaw in sorted(FLAWS, key=lambda flaw: -flaw.severity):
            for pair in flaw.pairs:
                if flaw.name not in have and pair.good in page.content:
                    self.made += 1
                    spoilt = CodeFile(filename=page.filename, content=page.content.replace(pair.good, pair.bad, 1))
                    return MadeControl(
                        files=(spoilt, *files[1:]),
                        operator=flaw.name,
                        channel=flaw.channel,
                        severity=flaw.severity,
                        record={"format": 1},
                    )
        return None


async def run(path: Path, *, chains: int = 10, **settings: Any) -> Spoiling:
    maker = Spoiling()
    async with Refiner.open(path, project="p", control_maker=maker, **{**SETTINGS, **settings}) as refiner:
        for number in range(chains):
            await refiner.start(f"A quiz about rivers, number {number}")
        await refiner.wait()
    return maker


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import asyncio

    path = tmp_path_factory.mktemp("controls") / "a.db"
    maker = asyncio.run(run(path))
    assert maker.made > 10
    return path


def assignments(connection: Connection) -> list[Any]:
    return [
        *connection.execute(
            select(ASSIGNMENT, CONTROL.c.original_id, CONTROL.c.candidate_id)
            .outerjoin(CONTROL, CONTROL.c.id == ASSIGNMENT.c.control_id)
            .order_by(ASSIGNMENT.c.id)
        )
    ]


def test_assignments_with_a_control_look_like_others(path: Path) -> None:
    with open_database(path) as database:
        rows = database.read(assignments)
        sizes = {
            round.key: len(database.read(load_shown, round.key))
            for chain in database.read(list_chains, project="p", limit=100)
            for round in database.read(load_rounds, chain.key)
        }
    with_one = [row for row in rows if row.control_id is not None]
    assert 0.1 < len(with_one) / len(rows) < 0.35
    for row in rows:
        assert len(row.shown) == len(set(row.shown)) == sizes[row.round_id]
    for row in with_one:
        assert row.original_id in row.shown and row.candidate_id in row.shown
    places = Counter(row.shown.index(row.candidate_id) for row in with_one)
    assert len(places) >= 3, "a control stands anywhere"


def test_nobody_meets_two_in_a_row_or_the_same_twice(path: Path) -> None:
    with open_database(path) as database:
        rows = database.read(assignments)
    for labeler in {row.labeler_id for row in rows}:
        own = [row for row in rows if row.labeler_id == labeler]
        assert not any(a.control_id and b.control_id for a, b in itertools.pairwise(own))
        met = [row.original_id for row in own if row.control_id is not None]
        assert len(met) == len(set(met))


def test_verdicts_and_plans_know_nothing_of_them(path: Path) -> None:
    with open_database(path) as database:
        controls = {
            ulid
            for (ulid,) in database.read(
                lambda c: [*c.execute(select(CANDIDATE.c.ulid).where(CANDIDATE.c.kind == "control"))]
            )
        }
        assert controls
        criticised = 0
        for chain in database.read(list_chains, project="p", limit=100):
            for ranking in database.read(load_rankings, chain.key):
                named = {name for group in ranking.groups for name in group} | {*ranking.shown}
                assert not named & controls and ranking.groups
            for round in database.read(load_rounds, chain.key):
                critiques = {it.id: it for it in database.read(load_critiques, round.key)}
                plan = database.read(load_plan, round.key)
                cited = {span.critique for issue in plan.plan.issues for span in issue.cites} if plan else set()
                assert not {it for it in cited if critiques[it].candidate in controls}
                criticised += sum(it.candidate in controls for it in critiques.values())
        assert criticised, "people do criticise them"


def test_ids_do_not_tell_which_is_the_control(path: Path) -> None:
    with open_database(path) as database:
        pairs = database.read(
            lambda c: [*c.execute(select(CANDIDATE.c.ulid, CANDIDATE.c.parent_id).where(CANDIDATE.c.kind == "control"))]
        )
        originals = {
            key: ulid for key, ulid in database.read(lambda c: [*c.execute(select(CANDIDATE.c.id, CANDIDATE.c.ulid))])
        }
    later = [ulid > originals[parent] for ulid, parent in pairs]
    assert all(ulid[:10] == originals[parent][:10] for ulid, parent in pairs)
    assert 0 < sum(later) < len(later)


def test_the_board_shows_who_passed_and_the_engine_learns_from_it(path: Path) -> None:
    with open_database(path) as database:
        board = labeler_board(database, project="p")
        sighted = database.read(load_sightings, None)
    met = [line for line in board.labelers if line.controls]
    assert sum(line.controls for line in met) == len(sighted) > 10
    assert sum(line.controls_passed for line in met) == sum(it.is_right for it in sighted)
    assert all(line.passed_low <= line.controls_passed / line.controls <= line.passed_high for line in met)
    missing = next(line for line in board.labelers if not line.controls) if len(met) < len(board.labelers) else None
    assert missing is None or (missing.passed_low, missing.passed_high) == (0.0, 1.0)


def test_exports_and_checks_of_the_store_name_them_as_what_they_are(path: Path) -> None:
    with open_database(path) as database:
        assert verify_database(database).is_ok
        chains = [read_chain(database, chain.record.id) for chain in database.read(list_chains, project="p", limit=100)]
    lines = [*trajectory(chains, Filters(include_demo=True))]
    controls = {name for line in lines for round in line["rounds"] for name in round["controls"]}
    kinds = {it["id"]: it["kind"] for line in lines for it in line["candidates"]}
    assert controls and {kinds[name] for name in controls} == {"control"}
    assert sum(kind == "control" for kind in kinds.values()) == len(controls)


async def test_a_fork_takes_its_parents_controls_along(path: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "a.db"
    shutil.copy(path, copy)
    async with Refiner.open(copy, project="p", **SETTINGS) as refiner:
        chain = refiner.database.read(list_chains, project="p", limit=1)[0]
        await refiner.fork(chain.record.id, round=2)
        await refiner.wait()
        assert verify_database(refiner.database).is_ok


async def test_a_retired_control_is_given_to_nobody(tmp_path: Path) -> None:
    await run(tmp_path / "a.db", chains=4)
    with open_database(tmp_path / "a.db") as database:
        keys = database.read(lambda c: [*c.execute(select(CONTROL.c.id)).scalars()])
        assert database.write_now(retire_controls, keys) == len(keys)
        assert database.write_now(retire_controls, keys) == 0
        from store.controls import place_one

        round_key = database.read(lambda c: c.execute(select(CONTROL.c.round_id).limit(1)).scalar_one())
        placed = database.read(
            place_one, round_key=round_key, labeler_key=1, labeler="x", shown=[1, 2, 3], share=0.5, seed=1
        )
    assert placed == ([1, 2, 3], None)


async def test_what_was_learnt_of_operators_reaches_the_next_controls(tmp_path: Path) -> None:
    maker = await run(tmp_path / "a.db", chains=12, weigh_labelers=True)
    assert not maker.weights[0]
    assert any(weights for weights in maker.weights)


async def test_without_a_share_there_are_none(tmp_path: Path) -> None:
    maker = await run(tmp_path / "a.db", chains=2, control_share=0.0)
    assert maker.made == 0
