"""Looking after a database: verified copies, and what is in it."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from refine.errors import InputError, StoreError, StoreFull, StoreReadOnly
from store.database import Database, read_only_uri


def backup(database: Database, target: Path) -> None:
    """Copy the database as it is now to `target`, while others go on using it.

    The copy is checked before it gets its name: it is whole, and has as many rows as the original. Raises InputError
    where `target` exists or its folder does not, StoreFull and StoreReadOnly where it cannot be written.
    """
    copy_verified(database.path, target)


def copy_verified(source: Path, target: Path) -> None:
    """What `backup` does, for a database that is not open here."""
    if target.exists() or target.is_symlink():
        raise InputError(f"{target}: exists already; choose another name")
    if not target.parent.is_dir():
        raise InputError(f"{target}: the folder {target.parent} does not exist; make it first")
    partial = target.with_name(f"{target.name}.partial-{os.getpid()}")
    try:
        with closing(connect_read_only(source)) as from_, closing(_connect_new(partial)) as to:
            from_.execute("BEGIN")
            counts = _count_rows(from_)  # the snapshot begins here and holds for the copy
            from_.backup(to)
            _check_copy(to, counts, target)
            to.execute("PRAGMA journal_mode=DELETE")  # one file, whose folder need not be writable to read it
            from_.execute("ROLLBACK")
        _sync(partial)
        _give_name(partial, target)
        _sync(target.parent)
    except FileExistsError as error:
        raise InputError(f"{target}: exists already; choose another name") from error
    except sqlite3.Error as error:
        raise _translate(error, target) from error
    except OSError as error:
        raise StoreReadOnly(f"{target}: cannot be written ({error.strerror})") from error
    finally:
        for leftover in (partial, Path(f"{partial}-journal"), Path(f"{partial}-wal"), Path(f"{partial}-shm")):
            leftover.unlink(missing_ok=True)


def stats(connection: Connection) -> dict[str, Any]:
    """What is in the database: rows by table, chains by state, and bytes of the file and of its blobs."""

    def pragma(name: str) -> int:
        return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())

    names = connection.exec_driver_sql(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ).scalars()
    rows = {
        name: int(connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one())  # noqa: S608  # our own tables
        for name in names
        if name != "alembic_version"
    }
    plain, stored = connection.exec_driver_sql(
        "SELECT coalesce(sum(size), 0), coalesce(sum(length(data)), 0) FROM blob"
    ).one()
    encodings = connection.exec_driver_sql("SELECT encoding, count(*) FROM blob GROUP BY encoding ORDER BY encoding")
    states = connection.exec_driver_sql("SELECT state, count(*) FROM chain GROUP BY state ORDER BY state")
    return {
        "revision": connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one(),
        "file_bytes": pragma("page_count") * pragma("page_size"),
        "free_bytes": pragma("freelist_count") * pragma("page_size"),
        "rows": rows,
        "chains_by_state": {str(state): int(count) for state, count in states},
        "blobs": {
            "plain_bytes": int(plain),
            "stored_bytes": int(stored),
            "by_encoding": {str(encoding): int(count) for encoding, count in encodings},
        },
    }


def connect_read_only(path: Path) -> sqlite3.Connection:
    """A bare connection that cannot change the file; raises sqlite3.OperationalError where there is none."""
    return sqlite3.connect(read_only_uri(path), uri=True, timeout=30, isolation_level=None)


def _connect_new(path: Path) -> sqlite3.Connection:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    names = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608  # names from the schema
        for (name,) in names
    }


def _check_copy(copy: sqlite3.Connection, counts: dict[str, int], target: Path) -> None:
    said = [line for (line,) in copy.execute("PRAGMA integrity_check(10)")]
    if said != ["ok"]:
        raise StoreError(f"{target}: the copy is not whole ({said[0]}); the original is untouched")
    copied = _count_rows(copy)
    if copied != counts:
        different = sorted(name for name in counts.keys() | copied.keys() if counts.get(name) != copied.get(name))
        raise StoreError(f"{target}: the copy differs from the original in {', '.join(different)}")


def _give_name(partial: Path, target: Path) -> None:
    try:
        os.link(partial, target)  # unlike a rename, never replaces what appeared meanwhile
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError from None
        partial.rename(target)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _translate(error: sqlite3.Error, target: Path) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return StoreFull(f"{target}: no space is left for the copy; the original is untouched")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreReadOnly(f"{target}: cannot be written")
    return StoreError(f"{target}: {error}; the original is untouched")
