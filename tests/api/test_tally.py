"""Sums kept in memory: what was added up little by little is what is added up at once, and finding reads it right."""

import importlib.util
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection

from refine.api import tally as tallying
from refine.api.corpus import load_corpus, load_rows
from refine.api.exporting import export_project
from refine.api.finding import FoundChain, find_chains
from refine.api.models import Share, load_models
from refine.api.overview import load_overview
from refine.api.steering import fork_chain
from refine.api.tally import Tally
from refine.api.waste import load_waste
from refine.export import Filters
from store import chains
from store.dashboards import ChainFilter, Sort, find_by_text
from store.database import Database
from store.opening import open_database
from store.verify import verify_database
from tests.dashboard import made_store as made


@pytest.fixture
def writable(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "refine.db") as database:
        yield database


def everything(database: Database, tally: Tally) -> tuple[object, ...]:
    """All that pages say of project `clocks`."""
    return (
        load_overview(database, "clocks", tally=tally),
        load_waste(database, "clocks", tally=tally),
        load_models(database, "clocks", tally=tally),
        load_corpus(database, "clocks", Filters(), tally=tally),
    )


def _steps(connection: Connection) -> Iterator[Callable[[], object]]:
    """What happens to a project, one write after another."""
    keys = made.order(connection, "clocks", {"a": "A clock", "b": "A sundial"}, pay_rate_usd_hour=36.0)
    a, b = keys["a"], keys["b"]
    yield lambda: [made.call(connection, a, "draft", round=1, slot=n, usd=0.1) for n in range(2)]
    first = made.candidate(connection, a, round=1, slot=0, text=made.PAGE)
    other = made.candidate(connection, a, round=1, slot=1, text=f"{made.PAGE}2")
    yield lambda: made.open_round(connection, a, number=1, shown=[first.key, other.key], wanted=2)
    yield lambda: made.rank(connection, a, "ann", best_first=[first.key, other.key], seconds=100, says="Pale.")
    yield lambda: made.rank(connection, a, "ben", best_first=[other.key, first.key], seconds=50)
    yield lambda: made.judge(connection, a, winner=first.key)
    plan = made.plan(connection, a, parent=first.key)
    yield lambda: made.call(connection, a, "revise", round=2, usd=0.2)
    edit = made.block("#999", "#111", "i1")
    new = made.candidate(
        connection, a, round=2, slot=0, text=f"{made.PAGE}3", parent=first.key, plan=plan, edits=(edit,)
    )
    yield lambda: made.open_round(connection, a, number=2, shown=[new.key, first.key], wanted=1)
    yield lambda: made.rank(connection, a, "ann", best_first=[new.key, first.key], seconds=20)
    yield lambda: made.judge(connection, a, winner=new.key, p_best=0.9)
    yield lambda: chains.end_chain(connection, a, reason="rounds", round=2)
    yield lambda: chains.pause_chain(connection, chains.load_chain_by_key(connection, b))


def test_what_is_added_up_after_every_write_is_what_is_added_up_at_once(writable: Database) -> None:
    with writable.read(lambda connection: connection.engine).connect() as connection:
        steps = _steps(connection)
        kept: Tally | None = None
        number = 0
        for step in steps:
            kept = kept or Tally(writable)
            step()
            kept.catch_up()
            fresh = Tally(writable)
            fresh.catch_up()
            assert everything(writable, kept) == everything(writable, fresh)
            number += 1
    assert number == 11
    assert kept is not None and kept.is_current


def test_a_fork_adds_nothing_that_its_parent_has(writable: Database, tmp_path: Path) -> None:
    ids = writable.write_now(made.make_story)

    def figures() -> tuple[object, ...]:
        tally = Tally(writable)
        tally.want_late(1)
        tally.catch_up()
        overview, waste = load_overview(writable, "clocks", tally=tally), load_waste(writable, "clocks", tally=tally)
        corpus = load_corpus(writable, "clocks", Filters(min_confidence=0.5), tally=tally)
        slices = [(it.at, it.calls, it.models_usd, it.people_usd, it.people_s, it.rankings) for it in overview.slices]
        return (
            (
                overview.people_s,
                overview.rounds,
                slices,
                overview.projects[0].spending,
                waste.total,
                waste.improvements,
            ),
            ([it for it in waste.lines if it.what != "unimproved"], waste.critiques, waste.late_left),
            load_models(writable, "clocks", tally=tally),
            (corpus.pairs, corpus.longer, next(it.rows for it in corpus.exports if it.name == "dpo_round")),
        )

    before = figures()
    fork_chain(writable, ids["better"], round=1)
    fork_chain(writable, fork_chain(writable, ids["better"], round=2).id, round=2)
    assert figures() == before
    tally = Tally(writable)
    tally.catch_up()
    said = load_corpus(writable, "clocks", Filters(min_confidence=0.5), tally=tally)
    for each in said.exports:
        written = export_project(writable, each.name, tmp_path / each.name, project="clocks", min_confidence=0.5)
        assert (each.rows, each.left_out) == (written.rows, dict(written.left_out))


def damage(path: Path, *changes: str) -> None:
    with sqlite3.connect(path) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        for change in changes:
            connection.execute(change)
    connection.close()


BETTER = "SELECT min(id) FROM chain"
"""`better` of made_store.make_story."""


@pytest.mark.parametrize(
    "change",
    [
        f"UPDATE chain SET created_at = 'garbage' WHERE id = ({BETTER})",
        f"UPDATE model_call SET template = CAST(x'6cff' AS TEXT) WHERE chain_id = ({BETTER})",
        f"UPDATE model_call SET created_at = 'garbage' WHERE chain_id = ({BETTER})",
        f"UPDATE model_call SET cost_usd = 'much' WHERE chain_id = ({BETTER})",
        f"UPDATE verdict SET verdict = '3' WHERE round_id IN (SELECT id FROM round WHERE chain_id = ({BETTER}))",
    ],
)
def test_a_damaged_chain_is_in_no_figure_and_named(writable: Database, change: str) -> None:
    writable.write_now(made.make_story)
    kept = Tally(writable)
    kept.catch_up()
    assert (load_overview(writable, tally=kept).chains, kept.unreadable) == (3, set())
    damage(writable.path, change)
    fresh = Tally(writable)
    fresh.catch_up()
    kept._waiting.add(1)  # as after an entry in the journal
    kept.catch_up()
    for tally in (fresh, kept):
        said, waste = load_overview(writable, "clocks", tally=tally), load_waste(writable, "clocks", tally=tally)
        assert (tally.unreadable, said.chains, said.rounds, waste.improvements) == ({1}, 2, (), 0)
        assert (waste.total.calls, round(waste.total.usd, 9), waste.total.assignments) == (0, 0.1, 1)
        assert sum(it.calls for it in said.slices) == 0


def test_a_chain_whose_rankings_are_damaged_is_left_out_when_late_ones_are_looked_for(writable: Database) -> None:
    writable.write_now(made.make_story)
    damage(
        writable.path,
        "UPDATE verdict SET verdict = json_set(verdict, '$.ratings[0].p_best', 0.99)",
        "UPDATE ranking SET groups = '[[1,' WHERE id = 1",
    )
    tally = Tally(writable)
    tally.want_late(1)
    tally.catch_up()
    assert (tally.unreadable, tally.late_left(1), tally.is_busy) == ({1}, 0, False)
    assert load_overview(writable, tally=tally).chains == 2


def test_damaged_reliabilities_are_as_if_there_were_none(writable: Database) -> None:
    writable.write_now(made.make_story)
    damage(
        writable.path,
        "INSERT INTO reliability_snapshot"
        " (ulid, rankings, comparisons, seed, method, population, labelers, created_at)"
        " SELECT 'x', 1, 1, 1, 'x', '{}', '{\"' || ulid || '\":[1]}', '2026-01-01T00:00:00.000000Z'"
        " FROM labeler LIMIT 1",
    )
    tally = Tally(writable)
    tally.catch_up()
    assert tally.is_current and not load_waste(writable, "clocks", tally=tally).has_beliefs


def make_store(path: Path, **shape: int) -> None:
    """As benchmarks/made_store.py makes it: benchmarks are no package."""
    file = Path(__file__).parents[2] / "benchmarks" / "made_store.py"
    spec = importlib.util.spec_from_file_location("made_store_of_benchmarks", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make_store(path, **shape)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty chains as the generator of the benchmarks makes them."""
    path = tmp_path_factory.mktemp("made") / "made.db"
    make_store(path, chains=60, rankings=6, seed=3)
    return path


def test_a_made_store_is_one_that_verify_accepts(large: Path) -> None:
    with open_database(large, read_only=True) as database:
        report = verify_database(database)
    assert report.findings == ()
    assert report.counts["chains"] == 60


@pytest.mark.parametrize("least", [0.5, 0.8])
def test_what_an_export_is_said_to_hold_is_what_it_holds(large: Path, tmp_path: Path, least: float) -> None:
    filters = Filters(min_confidence=least)
    with open_database(large, read_only=True) as database:
        tally = Tally(database)
        tally.catch_up()
        said = {
            it.name: (it.rows, it.left_out) for it in load_corpus(database, "quizzes", filters, tally=tally).exports
        }
        written = {
            name: export_project(database, name, tmp_path / name, project="quizzes", min_confidence=least)
            for name in said
        }
    assert said == {name: (it.rows, dict(it.left_out)) for name, it in written.items()}
    assert said["dpo_round"][0] > 20


def test_every_row_that_is_listed_names_its_chain(large: Path) -> None:
    with open_database(large, read_only=True) as database:
        tally = Tally(database)
        tally.catch_up()
        rows = load_rows(database, "dpo_round", "quizzes", Filters(), tally=tally)
        ids = {
            each.chain.id for each in find_chains(database, ChainFilter(state="ended"), tally=tally, limit=99).chains
        }
    assert rows
    assert {row.chain for row in rows} <= ids
    assert all(row.p is not None and row.p >= 0.6 and row.bytes > 100 for row in rows)


@pytest.mark.parametrize("sort", ["newest", "oldest", "cost", "gain"])
def test_pages_follow_one_another_in_any_order(large: Path, sort: Sort) -> None:
    with open_database(large, read_only=True) as database:
        tally = Tally(database)
        tally.catch_up()
        whole = find_chains(database, ChainFilter(), sort=sort, limit=100, tally=tally)
        turned: list[FoundChain] = []
        after = None
        while True:
            page = find_chains(database, ChainFilter(), sort=sort, after=after, limit=7, tally=tally)
            turned += page.chains
            if (after := page.after) is None:
                break
    assert [each.chain.id for each in turned] == [each.chain.id for each in whole.chains]
    assert whole.fits == len(whole.chains) == 60
    gains = [-1.0 if each.p_final_better is None else each.p_final_better for each in whole.chains]
    assert sort != "gain" or np.allclose(gains, sorted(gains, reverse=True), atol=1e-6)


@pytest.mark.parametrize(
    "wanted",
    [
        ChainFilter(state="waiting"),
        ChainFilter(stop_reason="plateau"),
        ChainFilter(is_improved=True),
        ChainFilter(model="other/coder"),
        ChainFilter(project="games", text="tides"),
        ChainFilter(text="ti"),
    ],
)
def test_before_all_are_counted_the_same_chains_are_found(large: Path, wanted: ChainFilter) -> None:
    with open_database(large, read_only=True) as database:
        begun, done = Tally(database), Tally(database)
        done.catch_up()
        early = find_chains(database, wanted, tally=begun, limit=100)
        late = find_chains(database, wanted, tally=done, limit=100)
    assert not begun.is_complete
    assert [each.chain.id for each in early.chains] == [each.chain.id for each in late.chains]
    assert 0 < len(late.chains) < 60


def test_words_are_looked_for_as_they_are_and_never_as_a_query(writable: Database) -> None:
    odd = [
        '"',
        "'",
        "a AND b",
        "NOT",
        "*",
        "clock OR",
        "(",
        "text:x",
        "^1^",
        '""',
        "%",
        "_",
        "\\",
        "a\0b",
        "NEAR(x",
        "日本語",
    ]
    writable.write_now(made.order, "p", {"plain": "A sundial", **{f"p{n}": f"Is {it} odd" for n, it in enumerate(odd)}})
    for n, words in enumerate(odd):
        if "\0" in words:
            continue
        found = writable.read(find_by_text, words)
        assert n + 2 in found, words
        assert 1 not in found, words
    assert writable.read(find_by_text, "a\0b") == []
    assert writable.read(find_by_text, "SUNDIAL") == [1]


def test_a_labeler_who_is_found_careless_counts_as_waste_from_then_on(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_database(large, read_only=True) as database:
        kept = Tally(database)
        monkeypatch.setattr(tallying, "CARELESS", 2.0)
        kept.catch_up()
        assert load_waste(database, "quizzes", tally=kept).lines[2].spent.usd == 0
        monkeypatch.undo()
        kept._snapshots = -1  # as if labelers had been judged anew
        kept.catch_up()
        fresh = Tally(database)
        fresh.catch_up()
        assert load_waste(database, "quizzes", tally=kept) == load_waste(database, "quizzes", tally=fresh)
        assert load_waste(database, "quizzes", tally=kept).lines[2].spent.usd > 0


def test_a_share_has_wilsons_interval() -> None:
    low, high = Share(cases=8, of=10).interval or (0.0, 0.0)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)  # as in the paper's formula, by hand
    assert Share(cases=0, of=0).interval is None
    rng = random.Random(1)
    for of in (1, 5, 50):
        cases = rng.randint(0, of)
        low, high = Share(cases=cases, of=of).interval or (1.0, 0.0)
        assert 0 <= low <= cases / of <= high <= 1
