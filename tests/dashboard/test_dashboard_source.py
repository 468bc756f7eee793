"""One database for many viewers: few connections, shared answers, none of them stale."""

import contextlib
import os
import threading
import time
from inspect import unwrap
from pathlib import Path

import pytest

from refine.api.overview import list_project_names, load_overview
from refine.api.tally import Tally
from refine.dashboard import parts
from refine.dashboard.source import SOURCES, VARIABLE, Source, Sources, find_database, open_source
from refine.errors import InputError, StoreError
from store.database import Database
from store.opening import open_database
from tests.dashboard.made_store import order


def test_many_threads_share_few_connections(writable: Database) -> None:
    source = Source(writable.path)
    threads = [threading.Thread(target=lambda n=n: source.ask(_count_threads, n)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(source._database._readers) <= 4
    source.close()


def test_a_file_that_was_touched_and_not_written_is_no_news(
    writable: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files change before what is written in them can be read: a look in between would be remembered as the newest."""
    monkeypatch.setattr("refine.dashboard.source._LOOK_S", 0.0)
    source = Source(writable.path)
    before = source.mark()
    for ending in ("", "-wal"):
        os.utime(f"{writable.path}{ending}")
    assert source.mark() == before
    writable.write_now(order, "new", {"a": "A page"})
    assert source.mark() > before
    source.close()


def test_viewers_who_ask_alike_at_once_are_answered_once(writable: Database) -> None:
    source, asked = Source(writable.path), []

    def slow(database: Database) -> int:
        asked.append(1)
        time.sleep(0.3)
        return 7

    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(source.ask(slow))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (answers, len(asked)) == ([7] * 8, 1)
    source.close()


def test_an_answer_that_failed_is_asked_for_again(writable: Database) -> None:
    source, asked = Source(writable.path), []

    def fails(database: Database) -> None:
        asked.append(1)
        raise InputError("no")

    for _ in range(2):
        with pytest.raises(InputError, match="no"):
            source.ask(fails)
    assert len(asked) == 2
    source.close()


def test_sums_follow_what_is_written(writable: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.dashboard.source._LOOK_S", 0.0)
    source = Source(writable.path)
    assert source.ask_sums(load_overview).chains == 0
    writable.write_now(order, "new", {"a": "A page", "b": "Another"})
    assert source.ask_sums(load_overview).chains == 2
    assert source.tally().is_complete
    source.close()


def test_sums_that_fail_say_so_and_are_made_when_asked_for_again(
    writable: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(writable.path)

    def fails(tally: Tally) -> bool:
        raise ZeroDivisionError("by zero")

    with monkeypatch.context() as patch:
        patch.setattr(Tally, "step", fails)
        for _ in range(2):
            with pytest.raises(StoreError, match="ZeroDivisionError: by zero"):
                source.tally()
    assert source.tally().is_complete
    source.close()


def _count_threads(database: Database, n: int) -> int:
    return n + len(list_project_names(database))


def test_an_answer_is_kept_until_something_is_written(writable: Database) -> None:
    source = Source(writable.path)
    asked = []

    def names(database: Database) -> tuple[str, ...]:
        asked.append(1)
        return list_project_names(database)

    assert source.ask(names) == source.ask(names) == ()
    assert len(asked) == 1
    writable.write_now(order, "new", {"a": "A page"})
    given, until = source.ask(names), time.monotonic() + 5
    while given != ("new",) and time.monotonic() < until:
        time.sleep(0.05)
        given = source.ask(names)
    assert given == ("new",)
    source.close()


def test_a_file_in_anothers_place_is_opened_anew(tmp_path: Path) -> None:
    sources, path = Sources(), tmp_path / "refine.db"
    open_database(path).close()
    old = sources.get(path)
    assert old.ask(list_project_names) == ()
    before = old.state
    replace_database(path)
    new = sources.get(path)
    assert new.ask(list_project_names) == ("other",)
    assert new.state != before
    for ask in (lambda: old.ask(load_overview), lambda: old.load(load_overview), old.look_again, lambda: old.state):
        with contextlib.suppress(StoreError):  # and nothing else, for whoever still reads there
            ask()
    with pytest.raises(StoreError, match="another file has taken its place"):
        old.mark()
    sources.close()


def replace_database(path: Path) -> None:
    other = path.with_name("other.db")
    with open_database(other) as database:
        database.write_now(order, "other", {"a": "A page"})
    for file in path.parent.glob(f"{path.name}*"):
        if file.is_file():
            file.unlink()
    other.rename(path)


def test_an_open_page_runs_again_when_another_file_takes_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "refine.db"
    open_database(path).close()
    monkeypatch.setenv(VARIABLE, str(path))

    again: list[bool] = []
    monkeypatch.setattr("streamlit.rerun", lambda: again.append(True))
    shown = parts._Run(state=open_source().state, is_under_way=False)
    tick = unwrap(parts._tick)
    tick(shown)
    assert again == []
    replace_database(path)
    tick(shown)
    assert again == [True]
    SOURCES.close()


def test_the_database_is_found_where_commands_leave_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_database({}) == Path("refine.db")
    (tmp_path / "refine-demo").mkdir()
    (tmp_path / "refine-demo" / "refine.db").touch()
    assert find_database({}) == Path("refine-demo/refine.db")
    assert find_database({"REFINE_DB": "x.db"}) == Path("x.db")


def test_no_database_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no database here"):
        Sources().get(tmp_path / "none.db")
