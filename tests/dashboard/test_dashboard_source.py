"""One database for many viewers: few connections, shared answers, none of them stale."""

import threading
import time
from pathlib import Path

import pytest

from refine.api.overview import list_project_names
from refine.dashboard.source import Source, Sources, find_database
from refine.errors import InputError
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
    assert sources.get(path).ask(list_project_names) == ()
    with open_database(tmp_path / "other.db") as other:
        other.write_now(order, "other", {"a": "A page"})
    for file in tmp_path.glob("refine.db*"):
        if file.is_file():
            file.unlink()
    (tmp_path / "other.db").rename(path)
    assert sources.get(path).ask(list_project_names) == ("other",)
    sources.close()


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
