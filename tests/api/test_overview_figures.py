"""Figures of the overview, of the list of chains and of waste, against stores whose figures are known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from refine.api.browsing import inspect_chain
from refine.api.finding import FoundChain, find_chains
from refine.api.overview import load_overview
from refine.api.waste import late_rankings, load_waste
from refine.errors import InputError
from refine.ranking import judge
from refine.types import RankingRecord
from store import chains
from store.dashboards import ChainFilter
from store.database import Connection, Database
from store.opening import open_database
from store.standing import new_snapshot_id, record_snapshot
from store.tables import LABELER, PROJECT
from store.waste import JudgedRound
from tests.dashboard import made_store as made

USD = 0.01
"""What a second of a labeler costs here."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[Connection], Any]], Database]:
    folder = tmp_path_factory.mktemp("figures")

    def fill(make: Callable[[Connection], Any]) -> Database:
        path = folder / f"{make.__name__}.db"
        if not path.exists():
            with open_database(path) as database:
                database.write_now(make)
        return open_database(path, read_only=True)

    return fill


# --- Waste ----------------------------------------------------------------------------------------------------------


def make_wasteful(connection: Connection) -> None:
    """`p`: one chain that improves and then stands still, and one that never improves. `q` beside it is not counted."""
    keys = made.order(connection, "p", {"good": "A clock", "bad": "A watch"}, pay_rate_usd_hour=36.0, plateau_rounds=1)
    good, bad = keys["good"], keys["bad"]

    made.call(connection, good, "draft", round=1, slot=0, usd=0.11)
    made.call(connection, good, "draft", round=1, slot=1, usd=0.13)
    drafts = [made.candidate(connection, good, round=1, slot=n, text=f"{made.PAGE}{n}").key for n in range(2)]
    made.open_round(connection, good, number=1, shown=drafts, wanted=3)
    for labeler, seconds in (("ann", 100), ("ben", 110), ("eve", 50)):
        made.rank(connection, good, labeler, best_first=drafts, seconds=seconds, says=f"{labeler} says so.")
    made.judge(connection, good, winner=drafts[0])
    plan = made.plan(connection, good, parent=drafts[0])
    made.call(connection, good, "distil", round=1, usd=0.03)
    made.call(connection, good, "revise", round=2, slot=0, usd=0.20)
    made.call(connection, good, "revise", round=2, slot=1, usd=0.07)
    made.call(connection, good, "repair", round=2, slot=1, usd=0.02)
    edit = made.block("#999", "#111", "i2")
    new = made.candidate(
        connection, good, round=2, slot=0, text=f"{made.PAGE}new", parent=drafts[0], plan=plan, edits=(edit,)
    )
    made.candidate(
        connection, good, round=2, slot=1, text="", parent=drafts[0], plan=plan, dropped="there is nothing to see"
    )
    made.open_round(connection, good, number=2, shown=[new.key, drafts[0]], wanted=2)
    for labeler in ("ann", "ben"):
        made.rank(connection, good, labeler, best_first=[new.key, drafts[0]], seconds=60)
    made.judge(connection, good, winner=new.key)
    made.plan(connection, good, parent=new.key)
    made.call(connection, good, "distil", round=2, usd=0.04)
    made.call(connection, good, "revise", round=3, slot=0, usd=0.25)
    newest = made.candidate(connection, good, round=3, slot=0, text=f"{made.PAGE}newest", parent=new.key)
    made.open_round(connection, good, number=3, shown=[newest.key, new.key], wanted=2)
    for labeler in ("ann", "eve"):
        made.rank(connection, good, labeler, best_first=[new.key, newest.key], seconds=70)
    made.judge(connection, good, winner=new.key)
    chains.end_chain(connection, good, reason="plateau", round=3)

    made.call(connection, bad, "draft", round=1, slot=0, usd=0.10)
    draft = made.candidate(connection, bad, round=1, slot=0, text=f"{made.PAGE}bad").key
    made.open_round(connection, bad, number=1, shown=[draft], wanted=1)
    made.rank(connection, bad, "ann", best_first=[draft], seconds=20, says="ann says so.")
    made.judge(connection, bad, winner=draft)
    made.plan(connection, bad, parent=draft)
    made.call(connection, bad, "distil", round=1, usd=0.05)
    made.call(connection, bad, "revise", round=2, slot=0, usd=0.30)
    worse = made.candidate(connection, bad, round=2, slot=0, text=f"{made.PAGE}worse", parent=draft)
    made.open_round(connection, bad, number=2, shown=[worse.key, draft], wanted=2)
    for labeler in ("ann", "eve"):
        made.rank(connection, bad, labeler, best_first=[draft, worse.key], seconds=30)
    made.judge(connection, bad, winner=draft)
    chains.end_chain(connection, bad, reason="plateau", round=2)

    other = made.order(connection, "q", {"x": "A map"}, pay_rate_usd_hour=36.0)["x"]
    made.call(connection, other, "draft", round=1, usd=99.0)
    _believe(connection, "p", eve=(0.9, 0.0), ann=(0.1, 0.2), ben=(0.0, 0.5))


def _believe(connection: Connection, project: str, **beliefs: tuple[float, float]) -> None:
    key = connection.execute(select(PROJECT.c.id).where(PROJECT.c.name == project)).scalar_one()
    ulids = {name: ulid for name, ulid in connection.execute(select(LABELER.c.name, LABELER.c.ulid))}
    record_snapshot(
        connection,
        key,
        ulid=new_snapshot_id(),
        rankings=9,
        comparisons=9,
        seed=1,
        method="test",
        population={},
        labelers={ulids[name]: [1.0, 0.2, *chances] for name, chances in beliefs.items()},
    )


def test_waste_is_right_to_the_cent(filled: Callable[..., Database]) -> None:
    with filled(make_wasteful) as database:
        report = load_waste(database, "p")
    spent = {each.what: each.spent for each in report.lines}
    numbers = {each.what: each.number for each in report.lines}
    cents = {what: (round(each.models_usd * 100, 6), round(each.people_usd * 100, 6)) for what, each in spent.items()}
    assert cents == {
        "idle_rounds": (4 + 25 + 5 + 30, 70 + 70 + 30 + 30),
        "late_rankings": (0, 0),
        "careless": (0, 50 + 70 + 30),
        "dropped": (7 + 2, 0),
        "unimproved": (5 + 30, 30 + 30),
    }
    assert {what: each.people_s for what, each in spent.items()} == {
        "idle_rounds": 200,
        "late_rankings": 0,
        "careless": 150,
        "dropped": 0,
        "unimproved": 60,
    }
    assert numbers == {"idle_rounds": 2, "late_rankings": 0, "careless": 1, "dropped": 1, "unimproved": 1}
    assert round(report.total.models_usd * 100, 6) == 11 + 13 + 3 + 20 + 7 + 2 + 4 + 25 + 10 + 5 + 30
    assert round(report.total.people_usd * 100, 6) == 100 + 110 + 50 + 60 + 60 + 70 + 70 + 20 + 30 + 30
    once = round(report.once.models_usd * 100, 6), round(report.once.people_usd * 100, 6)
    assert once == (4 + 25 + 5 + 30 + 7 + 2, 70 + 70 + 30 + 30 + 50)
    assert report.improvements == 1
    assert report.usd_per_improvement == pytest.approx(1.30 + 6.00)


def test_critiques_that_no_revision_applied_are_counted(filled: Callable[..., Database]) -> None:
    with filled(make_wasteful) as database:
        used = load_waste(database, "p").critiques
    assert (used.critiques, used.applied, used.praise, used.never_applied) == (4, 1, 0, 3)


def test_waste_of_a_project_that_is_not_there_is_refused(filled: Callable[..., Database]) -> None:
    with filled(make_wasteful) as database, pytest.raises(InputError, match="no project 'r'"):
        load_waste(database, "r")


def _round(firsts: list[str]) -> JudgedRound:
    """A round of two candidates, in which labelers put these first, in this order."""
    records = [
        RankingRecord(
            id=f"r{n}", round=1, labeler=f"l{n}", groups=((each,), ("b" if each == "a" else "a",)), shown=("a", "b")
        )
        for n, each in enumerate(firsts)
    ]
    return JudgedRound(
        chain="c",
        shown=("a", "b"),
        incumbent=None,
        gate=0.6,
        seed=1,
        p_best=0.99,
        before=(),
        came_in=tuple((record, n) for n, record in enumerate(records)),
    )


def test_rankings_are_late_once_the_outcome_was_known_for_good() -> None:
    round = _round(["a"] * 12)
    known = [
        max(it.p_best for it in judge(rankings=records, shown=("a", "b"), incumbent=None, gate=0.6, seed=1).ratings)
        for records in ([record for record, _ in round.came_in[:taken]] for taken in range(1, 13))
    ]
    first_sure = next(n for n, p in enumerate(known, start=1) if p > 0.95)
    assert 1 < first_sure < 12, "the case is one that can fail either way"
    assert late_rankings(round) == list(range(first_sure, 12))


@pytest.mark.parametrize(
    ("known", "late"),
    [
        ([0.5, 0.96, 0.9, 0.97, 0.99], [4]),
        ([0.99, 0.99, 0.99], [1, 2]),
        ([0.5, 0.6, 0.95], []),
        ([0.5, 0.6, 0.96], []),
        ([0.99, 0.99, 0.5], []),
    ],
)
def test_a_doubt_that_comes_back_makes_earlier_rankings_needed(known: list[float], late: list[int]) -> None:
    round = _round(["a"] * len(known))
    assert late_rankings(round, p_best=lambda _, rankings: known[len(rankings) - 1]) == late


# --- Overview and list ----------------------------------------------------------------------------------------------


def test_the_overview_of_a_project_leaves_others_out(filled: Callable[..., Database]) -> None:
    with filled(make_wasteful) as database:
        one, both = load_overview(database, "p"), load_overview(database)
    assert (one.chains, both.chains) == (2, 3)
    assert one.states == {"ended": 2}
    assert sum(each.models_usd for each in one.slices) == pytest.approx(1.30)
    assert sum(each.models_usd for each in both.slices) == pytest.approx(100.30)
    assert sum(each.people_s for each in one.slices) == 600
    assert sum(each.rankings for each in one.slices) == 10
    assert {(each.number, each.judged, each.replaced) for each in one.rounds} == {(1, 2, 0), (2, 2, 1), (3, 1, 0)}
    assert one.stops == (("plateau", 2, 1), ("plateau", 3, 1))
    assert one.gain is not None and one.gain.audited.rate is None
    assert both.gain is None


def test_what_waits_is_summed_and_listed(filled: Callable[..., Database]) -> None:
    with filled(made.make_story) as database:
        found = load_overview(database, "clocks")
    assert (found.waiting.rounds, found.waiting.rankings) == (1, 1)
    (waits,) = found.longest
    assert (waits.received, waits.wanted, waits.prompt) == (1, 2, "A sundial")
    assert waits.opened_at == found.waiting.oldest


@pytest.mark.parametrize("sort", ["newest", "oldest", "cost", "gain"])
def test_pages_of_any_size_hold_every_chain_once_and_in_order(filled: Callable[..., Database], sort: Any) -> None:
    with filled(make_wasteful) as database:
        (whole,) = [find_chains(database, ChainFilter(), sort=sort)]
        listed: list[FoundChain] = []
        after = None
        while True:
            page = find_chains(database, ChainFilter(), sort=sort, after=after, limit=1)
            listed += page.chains
            if (after := page.after) is None:
                break
    assert listed == list(whole.chains)
    costs = [each.chain.models_usd + each.chain.people_usd for each in listed]
    assert len(costs) == 3
    assert sort != "cost" or costs == sorted(costs, reverse=True)


def test_a_place_that_no_page_gave_is_refused(filled: Callable[..., Database]) -> None:
    with filled(make_wasteful) as database, pytest.raises(InputError, match="first page"):
        find_chains(database, ChainFilter(), after="'; DROP TABLE chain; --")


def test_an_inspection_knows_which_check_dropped_what(filled: Callable[..., Database]) -> None:
    with filled(make_wasteful) as database:
        (found,) = find_chains(database, ChainFilter(text="clock")).chains
        seen = inspect_chain(database, found.chain.id)
    dropped = [it.id for it in seen.story.chain.candidates if it.is_failed]
    assert seen.failed_checks == {dropped[0]: [("blank", "there is nothing to see")]}


def test_the_store_is_not_written_by_looking(filled: Callable[..., Database], tmp_path: Path) -> None:
    with filled(make_wasteful) as database:
        before = database.path.read_bytes()
        load_overview(database)
        load_waste(database, "p")
        assert database.path.read_bytes() == before
