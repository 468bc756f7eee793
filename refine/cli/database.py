"""Opening the database for a command."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refine.errors import InputError

if TYPE_CHECKING:
    from store.database import Database
    from store.projects import StoredProject


@contextmanager
def reading(path: Path) -> "Iterator[Database]":
    """The database, for reading only: nothing is made, migrated or locked. Raises InputError when there is none."""
    from store.opening import open_database

    with open_database(path, read_only=True) as database:
        yield database


@contextmanager
def writing(path: Path) -> "Iterator[Database]":
    """The same for writing; one that is not there is not made."""
    from store.opening import open_database

    if not path.exists():
        raise InputError(f"{path}: there is no database here")
    with open_database(path) as database:
        yield database


def find_project(database: "Database", name: str) -> "StoredProject":
    """Raises InputError when there is none of that name."""
    from store.projects import find_project as find

    found = database.read(find, name)
    if found is None:
        raise InputError(f"there is no project {name!r} in {database.path}; `refine project list` shows them")
    return found


def change_chain(path: Path, chain_id: str, action: "Callable[..., Any]", *arguments: Any) -> tuple[Any, Any]:
    """Do `action(connection, chain, …)` to a chain; what it gave, and the chain's record after it."""
    from store.chains import load_chain

    with writing(path) as database:
        stored = database.read(load_chain, chain_id)
        given = database.write_now(action, stored, *arguments)
        return given, database.read(load_chain, stored.record.id).record
