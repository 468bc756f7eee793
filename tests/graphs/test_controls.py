"""Controls in the loop: hidden in assignments, kept out of verdicts and plans, and telling of their labelers."""

import itertools
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from refine import Refiner
from refine.api.board import labeler_board
from refine.api.reading import read_chain
from refine.errors import FeedbackError, InputError
from refine.export import Filters, trajectory
from refine.perturb import find_flaws
from refine.settings import PanelMix
from refine.types import CodeFile, Files, MadeControl, ProposedControl, RankingIn
from store.chains import list_chains, load_chain, pin_candidate
from store.controls import load_sightings, place_one, retire_controls
from store.database import Connection
from store.feedback import Desk
from store.handed_in import load_own_critiques
from store.opening import open_database
from store.plans import load_plan
from store.rankings import load_critiques, load_rankings
from store.reports import list_reports
from store.rounds import load_rounds, load_shown
from store.standing import count_judged, load_ranked
from store.tables import ASSIGNMENT, CANDIDATE, CONTROL, LABELER
from store.verify import verify_database
from store.work import load_work, report

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

    async def prove_control(self, files: Files, proposed: ProposedControl, *, seed: int) -> MadeControl | str:
        return "no_difference"  # nothing here lets a model write any


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
    """By their ids controls are of the moment in which the round's own candidates were made."""
    with open_database(path) as database:
        rows = database.read(
            lambda c: [*c.execute(select(CANDIDATE.c.ulid, CANDIDATE.c.kind, CANDIDATE.c.chain_id, CANDIDATE.c.round))]
        )
    rounds: dict[tuple[int, int], dict[str, list[str]]] = {}
    for ulid, kind, chain, number in rows:
        rounds.setdefault((chain, number), {}).setdefault("control" if kind == "control" else "own", []).append(ulid)
    ranks = []
    for each in rounds.values():
        for control in each.get("control", []):
            assert control[:10] in {ulid[:10] for ulid in each["own"]}
            ranks.append(sum(ulid < control for ulid in each["own"]) / len(each["own"]))
    assert len(ranks) > 10 and 0.15 < sum(ranks) / len(ranks) < 0.85


def test_when_a_control_comes_cannot_be_counted_off(path: Path) -> None:
    with open_database(path) as database:
        rows = database.read(assignments)
    places: Counter[int] = Counter()
    for labeler in {row.labeler_id for row in rows}:
        own = [row for row in rows if row.labeler_id == labeler]
        places.update(at % 3 for at, row in enumerate(own) if row.control_id is not None)
    assert len(places) == 3 and min(places.values()) > sum(places.values()) / 9


def test_a_labeler_sees_reports_and_takes_up_again_what_has_a_control_as_any_other(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "a.db"
    shutil.copy(path, copy)
    with open_database(copy) as database:
        rows = [row for row in database.read(assignments) if row.control_id is not None and row.state == "finished"]
        names = dict(database.read(lambda c: [*c.execute(select(CANDIDATE.c.id, CANDIDATE.c.ulid))]))
        labelers = dict(database.read(lambda c: [*c.execute(select(LABELER.c.id, LABELER.c.ulid))]))
        for row in rows:
            work = database.read(load_work, labeler=labelers[row.labeler_id], assignment=row.ulid)
            assert work.assignment.candidates == tuple(names[key] for key in row.shown)
            assert work.ranking is not None
            assert {it for group in work.ranking.groups for it in group} <= {*work.assignment.candidates}
            for own in database.read(load_own_critiques, labeler=labelers[row.labeler_id], assignment=row.ulid):
                assert {*own.descendants} <= {*work.assignment.candidates}
        last = rows[-1]
        assert database.write_now(
            report,
            labeler=labelers[last.labeler_id],
            assignment=last.ulid,
            candidate=names[last.candidate_id],
            reason="It flashes.",
        )
        (told,) = database.read(list_reports)
        assert told.candidate == names[last.original_id], "what disturbs in a control disturbs in its original"
        assert database.write_now(retire_controls, [last.control_id]) == 0, "it is given to nobody any more"


def test_a_control_cannot_be_pinned(path: Path) -> None:
    with open_database(path) as database:
        chain = database.read(list_chains, project="p", limit=1)[0]
        control = database.read(
            lambda c: c.execute(
                select(CANDIDATE.c.ulid)
                .where(CANDIDATE.c.kind == "control", CANDIDATE.c.chain_id == chain.key)
                .limit(1)
            ).scalar()
        )
        running = replace(chain, record=replace(chain.record, state="active"))
        with pytest.raises(InputError, match="worse on purpose"):
            database.write_now(pin_candidate, running, str(control))


def test_the_board_shows_who_passed_and_the_engine_learns_from_it(path: Path) -> None:
    with open_database(path) as database:
        board = labeler_board(database, project="p")
        key = database.read(list_chains, project="p", limit=1)[0].project_key
        sighted = database.read(load_sightings, key)
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
    copy = tmp_path / "a.db"
    shutil.copy(path, copy)
    async with Refiner.open(copy, project="p", **SETTINGS) as refiner:
        chain = refiner.database.read(list_chains, project="p", limit=1)[0]
        key = refiner.project.key
        ranked = len(refiner.database.read(load_ranked, key)[0])
        sighted, counted = refiner.database.read(load_sightings, key), refiner.database.read(count_judged, key)
        forked = await refiner.fork(chain.record.id, round=2)
        assert forked.id != chain.record.id
        copies = refiner.database.read(load_chain, forked.id).key
        assert refiner.database.read(load_rankings, copies), "they are there"
        await refiner.wait()
        assert verify_database(refiner.database).is_ok
        own = len([it for it in refiner.database.read(load_rankings, copies) if it.round > 2])
        assert len(refiner.database.read(load_ranked, key)[0]) <= ranked + own + 6
        assert refiner.database.read(count_judged, key) <= counted + own
        assert len(refiner.database.read(load_sightings, key)) <= len(sighted) + own
        assert refiner.database.read(load_sightings, None) == [], "simulated labelers say nothing of people's controls"


def place_for_newcomers(connection: Connection, round_key: int, shown: list[int]) -> list[tuple[list[int], int | None]]:
    """For the labelers' first assignments elsewhere: none of them has any here."""
    keys = connection.execute(select(LABELER.c.id)).scalars().all()
    return [place_one(connection, round_key=round_key, labeler_key=key, shown=shown, share=0.5, seed=1) for key in keys]


async def test_a_retired_control_is_given_to_nobody(tmp_path: Path) -> None:
    await run(tmp_path / "a.db", chains=4)
    with open_database(tmp_path / "a.db") as database:
        keys = database.read(lambda c: [*c.execute(select(CONTROL.c.id)).scalars()])
        round_key, original = database.read(
            lambda c: c.execute(select(CONTROL.c.round_id, CONTROL.c.original_id).limit(1)).one()
        )
        shown = [original, original + 1, original + 2]
        before = database.read(place_for_newcomers, round_key, shown)
        assert database.write_now(retire_controls, keys) == len(keys)
        assert database.write_now(retire_controls, keys) == 0
        after = database.read(place_for_newcomers, round_key, shown)
    assert sum(control is not None for _, control in before) >= 1
    assert after == [(shown, None)] * len(before)


async def test_what_was_learnt_of_operators_reaches_the_next_controls(tmp_path: Path) -> None:
    maker = await run(tmp_path / "a.db", chains=12, weigh_labelers=True)
    assert not maker.weights[0]
    assert any(weights for weights in maker.weights)


async def test_without_a_share_there_are_none(tmp_path: Path) -> None:
    maker = await run(tmp_path / "a.db", chains=2, control_share=0.0)
    assert maker.made == 0


async def test_work_done_elsewhere_is_of_the_rounds_own_candidates(tmp_path: Path) -> None:
    """An import file names what is on show; whoever holds an assignment with a control may hand in such a ranking."""
    maker = Spoiling()
    async with Refiner.open(
        tmp_path / "a.db", project="p", control_maker=maker, **{**SETTINGS, "panel": "people", "control_share": 0.5}
    ) as refiner:
        await refiner.start("A quiz about rivers")
        await refiner.wait()
        database = refiner.database
        chain = database.read(list_chains, project="p", limit=1)[0]
        (round,) = database.read(load_rounds, chain.key)
        shown = [candidate.id for candidate, _, _ in database.read(load_shown, round.key)]
        desk = Desk(database)
        for name in ("ann", "ben", "cem"):
            done = await desk.lease_assignment(round_id=round.id, labeler=f"{name} elsewhere", made_by="program")
            assert done is not None and {*done.candidates} == {*shown}
        held = [await desk.lease_assignment(round_id=round.id, labeler=f"w{n}", made_by="person") for n in range(8)]
        with_one = [it for it in held if it is not None and {*it.candidates} != {*shown}]
        assert with_one
        groups = tuple((candidate,) for candidate in shown)
        assert await desk.submit_ranking(
            assignment_id=with_one[0].id, ranking=RankingIn(groups=groups), made_by="person", key="from a file"
        )
        with pytest.raises(FeedbackError) as refused:
            await desk.submit_ranking(
                assignment_id=with_one[1].id if len(with_one) > 1 else with_one[0].id,
                ranking=RankingIn(groups=(("no such page",),)),
                made_by="person",
                key="nonsense",
            )
        assert not {it for it in with_one[0].candidates if it in str(refused.value)}
