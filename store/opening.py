"""Opening a database file: made when it is new, brought up to date when it is old, refused when it is not ours.

A file of the schema this code knows is opened without loading Alembic. Everything else happens under `<db>.lock`, and
in one transaction.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from refine.errors import InputError, MigrationNeeded, SchemaTooNew, StoreError, StoreReadOnly
from store.database import Database, create_database_engine, translate_database_error
from store.upkeep import connect_read_only, copy_verified

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Every schema ever released, oldest first: the migrations of the package, without loading them."""
HEAD = REVISIONS[-1]
APPLICATION_ID = 0x5265666E
"""`Refn` in the file's header (PRAGMA application_id)."""

_MAGIC = b"SQLite format 3\x00"
_LOCK_TIMEOUT_S = 600
"""How long another process's migration is waited for."""
_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class _Found:
    """What is at the path: `revision` is None for a file that is missing or holds nothing yet."""

    revision: str | None
    is_missing: bool = False


def open_database(path: str | Path, *, migrate: bool = True, read_only: bool = False) -> Database:
    """Open the database at `path`; a file that does not exist is made, unless `read_only`.

    An older schema is migrated, after a verified backup that `Database.migrated_from_backup` names; with
    `migrate=False` or `read_only` it raises MigrationNeeded instead. Raises SchemaTooNew for a newer one, StoreError
    for a file that is damaged or not ours (it is left as it was), InputError for a path that cannot be a database.
    """
    path = Path(path)
    found = _look(path)
    if read_only:
        if found.revision is None:
            raise InputError(f"{path}: there is no database here")
        if found.revision != HEAD:
            raise _migration_needed(path, found.revision)
        return Database(path, read_only=True)
    _check_writable(path, found)
    backup = None
    if found.revision != HEAD:
        if found.revision is not None and not migrate:
            raise _migration_needed(path, found.revision)
        backup = _upgrade(path)
    database = Database(path)
    database.migrated_from_backup = backup
    return database


def _look(path: Path) -> _Found:
    """Look at the file without changing it. Raises StoreError and InputError for what `open_database` refuses."""
    if "\0" in str(path):
        raise InputError(f"{str(path)!r}: cannot be the path of a database")
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; give the path of a database file")
        if not path.parent.is_dir():
            raise InputError(f"{path}: the folder {path.parent} does not exist; make it first")
        if not path.exists():
            return _Found(None, is_missing=True)
        if not path.is_file():
            raise InputError(f"{path}: is not a file; give the path of a database file")
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except PermissionError as error:
        raise StoreReadOnly(f"{path}: cannot be read; check who owns it") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be the path of a database ({error.strerror})") from error
    if not start:
        return _Found(None)
    if start != _MAGIC:
        raise StoreError(f"{path}: is not a database; it was left as it is")
    try:
        with closing(_connect(path)) as connection:
            return _look_inside(path, connection)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: is not a database, or a damaged one ({error}); restore a backup") from error


def _connect(path: Path) -> sqlite3.Connection:
    if Path(f"{path}-journal").exists() and os.access(path, os.W_OK):
        # a process was killed in the middle of making the file; only a connection that may write can put that right
        return sqlite3.connect(path, timeout=30, isolation_level=None)
    return connect_read_only(path)


def _look_inside(path: Path, connection: sqlite3.Connection) -> _Found:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")}
    if not tables:
        return _Found(None)
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    # a file rebuilt from an SQL dump lost its application id, but has our tables
    is_ours = application_id == APPLICATION_ID or {"chain", "model_call", "candidate"} <= tables
    if not is_ours or "alembic_version" not in tables:
        raise StoreError(f"{path}: is another program's database; it was left as it is")
    revisions = [str(revision) for (revision,) in connection.execute("SELECT version_num FROM alembic_version LIMIT 2")]
    if len(revisions) != 1:
        raise StoreError(f"{path}: does not say which schema it has; restore a backup")
    if revisions[0] not in REVISIONS:
        raise SchemaTooNew(
            f"{path}: has schema {revisions[0][:32]}, this Refine knows up to {HEAD}; upgrade Refine to open it"
        )
    return _Found(revisions[0])


def _check_writable(path: Path, found: _Found) -> None:
    # SQLite opens such a file for reading and fails at the first write, long after the command began
    if not os.access(path.parent, os.W_OK):
        raise StoreReadOnly(f"{path}: the folder {path.parent} cannot be written, and the database needs files in it")
    if not found.is_missing and not os.access(path, os.W_OK):
        raise StoreReadOnly(f"{path}: the database is read-only; make the file writable")


def _migration_needed(path: Path, revision: str) -> MigrationNeeded:
    return MigrationNeeded(f"{path}: has schema {revision}, this Refine needs {HEAD}; run `refine db upgrade`")


def _upgrade(path: Path) -> Path | None:
    """Bring the file to HEAD; gives the backup made of an older one."""
    from filelock import FileLock, Timeout

    lock = FileLock(f"{path}.lock", timeout=_LOCK_TIMEOUT_S)
    try:
        with lock:
            found = _look(path)
            return None if found.revision == HEAD else _migrate(path, found)
    except Timeout as error:
        raise StoreError(f"{path}: another process has been migrating it for {_LOCK_TIMEOUT_S} s") from error
    except DatabaseError as error:
        raise translate_database_error(error, path) from error
    except OSError as error:
        raise StoreReadOnly(f"{path}: its folder cannot be written ({error.strerror})") from error


def _migrate(path: Path, found: _Found) -> Path | None:
    backup = None
    engine = create_database_engine(path)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")  # no effect inside a transaction; checked at its end
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # from here on nobody writes what the backup would miss
            try:
                if found.revision is not None:
                    backup = _name_backup(path, found.revision)
                    copy_verified(path, backup)
                _run_migrations(connection)
                connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
                _check_migrated(connection, path)
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")
    finally:
        engine.dispose()
    return backup


def _run_migrations(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", os.fspath(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def _check_migrated(connection: Connection, path: Path) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise StoreError(f"{path}: a row of {broken[0]} refers to one that is missing; the database was not migrated")


def _name_backup(path: Path, revision: str) -> Path:
    base = f"{path.name}.backup-{revision}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = [base, *(f"{base}-{n}" for n in range(2, 100))]
    for name in names:
        if not (candidate := path.with_name(name)).exists():
            return candidate
    raise StoreError(f"{path}: has too many backups of this second")
