"""Stores to look at, made by the real store's functions, and pages opened as Streamlit's own test runner opens them."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from refine.dashboard.app import MAIN
from refine.dashboard.source import SOURCES, VARIABLE
from refine.dashboard.writers import WRITERS
from store.database import Database
from store.opening import open_database
from tests.dashboard.made_store import make_story

OpenPage = Callable[..., AppTest]


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A database with a chain of two rounds and hostile words in it, one that waits and one that was stopped; and
    their ids."""
    path = tmp_path_factory.mktemp("story") / "refine.db"
    with open_database(path) as database:
        return path, database.write_now(make_story)


@pytest.fixture
def writable(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "refine.db") as database:
        yield database


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenPage]:
    """`open_page(path, "chain", chain=ID, view="Rounds")`: a page with this address, run once."""
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").setLevel(logging.ERROR)

    def open_(path: Path, name: str = "", **address: Any) -> AppTest:
        monkeypatch.setenv(VARIABLE, str(path))
        page = AppTest.from_file(str(MAIN), default_timeout=60)
        for key, value in address.items():
            page.query_params[key] = str(value)
        if name:
            page._page_hash = calc_hash(name)  # its own way to choose a page knows pages that are files only
        page.run()
        assert not page.exception, [each.value for each in page.exception]
        return page

    yield open_
    WRITERS.close()
    SOURCES.close()
