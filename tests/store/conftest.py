import runpy
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store.database import Database
from store.opening import open_database

SCHEMAS = Path(__file__).parents[1] / "data" / "schemas"


@pytest.fixture(scope="session")
def new_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new database, made once: tests copy it, which is quicker than making another."""
    path = tmp_path_factory.mktemp("new") / "new.db"
    open_database(path).close()
    return path


@pytest.fixture
def database(tmp_path: Path, new_file: Path) -> Iterator[Database]:
    shutil.copy(new_file, tmp_path / "refine.db")
    with open_database(tmp_path / "refine.db") as opened:
        yield opened


@pytest.fixture(scope="session")
def fill() -> Callable[..., dict[str, str]]:
    """`fill(connection)` of tests/data/schemas/make.py."""
    made: Callable[..., dict[str, str]] = runpy.run_path(str(SCHEMAS / "make.py"))["fill"]
    return made
