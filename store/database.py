"""One database: opening it, reading it, and the one thread that writes it.

SQLite in WAL mode with synchronous=FULL. Every write is a function of a connection; the writer runs what is waiting in
one transaction and commits once (group commit): a caller that got its result has it on disk. Reads go through a
connection per thread and see the last commit.
"""

import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool

from refine.errors import InputError, RefineError, StoreError, StoreFull, StoreReadOnly, UnreadableText
from store.jobs import AwaitedJob, FutureJob, Job, wake
from store.statements import driver_of, dump_json, needs_snapshot, run_plain

P = ParamSpec("P")
T = TypeVar("T")

_GROUP = 256
"""Most writes in one commit: bounds how long the first of them waits."""
_GATHER_S = 0.002
"""After a commit that several shared, the next waits this long for company: a commit and the waking of its callers
cost more CPU than most writes. A lone writer is never kept waiting."""
_BUSY_MS = 30_000


class Database:
    """An open database. `write` and `write_now` run a function in the writer, `read` runs one on this thread."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.is_read_only = read_only
        self.migrated_from_backup: Path | None = None
        """The backup made before the schema was migrated on opening; None when it was not."""
        self._engine = create_database_engine(path, read_only=read_only)
        self._local = threading.local()
        self._readers: list[Connection] = []
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._is_closed = False
        self.commits = 0
        self._is_shared = False
        """Whether the last commit was of several writes."""

    # --- Writing --------------------------------------------------------------------------------------------------

    def submit(
        self, function: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> "Future[T]":
        """Queue `function(connection, …)` for the writer; the future is done after the commit.

        Raises StoreReadOnly at once on a database opened for reading. An exception in the function undoes its own
        writes only. When one fails that had written something, those it shares a commit with are undone and run again:
        the function must leave its mark in the database alone.
        """
        job = FutureJob(lambda connection: function(connection, *args, **kwargs))
        self._enqueue(job)
        return job.future

    async def write(self, function: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `submit`; a caller that is cancelled while the write is queued takes it back."""
        job = AwaitedJob(lambda connection: function(connection, *args, **kwargs), can_be_taken_back=True)
        self._enqueue(job)
        result: T = await job.waiter
        return result

    async def write_surely(
        self, function: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `submit`; it is written also when the caller is cancelled meanwhile."""
        job = AwaitedJob(lambda connection: function(connection, *args, **kwargs), can_be_taken_back=False)
        self._enqueue(job)
        result: T = await job.waiter
        return result

    def write_now(self, function: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.submit(function, *args, **kwargs).result()

    def _enqueue(self, job: Job) -> None:
        if self.is_read_only:
            raise StoreReadOnly(f"{self.path} was opened for reading only")
        with self._lock:  # nothing may be queued behind the writer's end
            self._refuse_closed()
            if self._writer is None:
                self._writer = threading.Thread(target=self._run_writer, name="refine-writer", daemon=True)
                self._writer.start()
            self._queue.put(job)

    def _run_writer(self) -> None:
        connection: Connection | None = None
        is_last = False
        while not is_last:
            group, is_last = self._take_group()
            if not group:
                break
            begun = [job for job in group if job.begin()]
            try:
                connection = connection or self._engine.connect()
            except DatabaseError as error:
                self._fail(begun, error)
            else:
                self._commit_group(connection, begun)
            self._is_shared = len(group) > 1
            wake(begun)
        if connection is not None:
            connection.close()

    def _take_group(self) -> tuple[list[Job], bool]:
        """Wait for a write, then take what is queued by now; True with the last of all."""
        group: list[Job] = []
        while not group or (len(group) < _GROUP and not self._queue.empty()):
            following = self._queue.get()
            if following is None:
                return group, True
            group.append(following)
            if len(group) == 1 and self._is_shared and not self._is_closed:
                time.sleep(_GATHER_S)
        return group, False

    def _commit_group(self, connection: Connection, jobs: list[Job]) -> None:
        try:
            run_plain(connection, "BEGIN IMMEDIATE")
            results = self._run_together(connection, jobs)
            if results is None:
                run_plain(connection, "ROLLBACK")
                run_plain(connection, "BEGIN IMMEDIATE")
                results = self._run_apart(connection, [job for job in jobs if not job.is_done])
            run_plain(connection, "COMMIT")
            self.commits += 1
        except Exception as error:  # noqa: BLE001  # whatever it was belongs to the callers; the writer must live on
            self._roll_back(connection)
            self._fail(jobs, error)
        else:
            for job, result in results:
                job.succeed(result)

    def _run_together(self, connection: Connection, jobs: list[Job]) -> list[tuple[Job, Any]] | None:
        """Without savepoints, which cost as much as a small write. None when a write failed that had changed something:
        it cannot be undone by itself."""
        driver = driver_of(connection)
        results: list[tuple[Job, Any]] = []
        for job in jobs:
            changes_before = driver.total_changes
            try:
                results.append((job, job.run(connection)))
            except Exception as error:  # whatever it was belongs to the caller
                if len(jobs) == 1 or not driver.in_transaction:  # a full disk undoes everybody's work
                    raise
                if driver.total_changes != changes_before:
                    return None
                job.fail(self._translate(error))
        return results

    def _run_apart(self, connection: Connection, jobs: list[Job]) -> list[tuple[Job, Any]]:
        """Each in a savepoint of its own."""
        results: list[tuple[Job, Any]] = []
        for job in jobs:
            run_plain(connection, "SAVEPOINT one")
            try:
                result = job.run(connection)
            except Exception as error:  # as above
                if not self._in_transaction(connection):
                    raise
                run_plain(connection, "ROLLBACK TO one")
                job.fail(self._translate(error))
            else:
                results.append((job, result))
            run_plain(connection, "RELEASE one")
        return results

    def _fail(self, jobs: list[Job], error: Exception) -> None:
        for job in jobs:
            if not job.is_done:
                job.fail(self._translate(error))

    @classmethod
    def _roll_back(cls, connection: Connection) -> None:
        if cls._in_transaction(connection):
            run_plain(connection, "ROLLBACK")

    @staticmethod
    def _in_transaction(connection: Connection) -> bool:
        return driver_of(connection).in_transaction

    # --- Reading --------------------------------------------------------------------------------------------------

    def read(self, function: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)` on this thread's reading connection, in one snapshot."""
        connection: Connection | None = getattr(self._local, "connection", None)
        try:
            if connection is None:
                connection = self._connect_reader()
            if not needs_snapshot(function):
                return function(connection, *args, **kwargs)
            run_plain(connection, "BEGIN")
            try:
                return function(connection, *args, **kwargs)
            finally:
                self._roll_back(connection)
        except DatabaseError as error:
            raise self._translate(error) from error

    def _connect_reader(self) -> Connection:
        self._refuse_closed()
        connection = self._engine.connect()
        connection.exec_driver_sql("PRAGMA query_only=ON")
        self._local.connection = connection
        with self._lock:
            self._readers.append(connection)
        return connection

    def data_version(self) -> int:
        """A number that changes when another connection, of this process or another, has committed."""
        return self.read(lambda connection: int(connection.exec_driver_sql("PRAGMA data_version").scalar_one()))

    # --- Ending ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Finish what is queued, then close. Safe to call twice."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._queue.put(None)
        if self._writer is not None:
            self._writer.join()
        with self._lock:
            for connection in self._readers:
                connection.close()
            self._readers.clear()
        self._local = threading.local()
        self._engine.dispose()

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise StoreError(f"{self.path} is closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _translate(self, error: Exception) -> Exception:
        """The driver's words for a full disk, a read-only file and the like, in ours."""
        if isinstance(error, RefineError) or not isinstance(error, DatabaseError):
            return error
        translated = translate_database_error(error, self.path)
        translated.__cause__ = error
        return translated


def translate_database_error(error: DatabaseError, path: Path) -> StoreError:
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    said = str(error.orig)
    if code == sqlite3.SQLITE_FULL or "disk is full" in said:
        return StoreFull(f"{path}: no space is left on the disk; free some and run the same command again")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StoreReadOnly(f"{path}: the database is read-only; make the file and its folder writable")
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreReadOnly(f"{path}: the database cannot be opened; check that the folder exists and is writable")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return StoreError(f"{path}: not a database, or a damaged one ({said}); restore a backup")
    if code == sqlite3.SQLITE_BUSY:
        return StoreError(f"{path}: another process kept the database locked for {_BUSY_MS // 1000} s")
    if code == sqlite3.SQLITE_IOERR:
        return StoreFull(f"{path}: the disk failed or is full ({said}); nothing was half-written")
    if said.startswith("Could not decode to UTF-8"):
        column = said.removeprefix("Could not decode to UTF-8 column ").partition(" with text ")[0]
        return UnreadableText(f"{path}: a text is not UTF-8 (column {column}); restore a backup")
    return StoreError(f"{path}: {said}")


def create_database_engine(path: Path, *, read_only: bool = False) -> Engine:
    """An engine whose transactions are begun by us (BEGIN IMMEDIATE), not by the driver."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the path of a database file")
    if not read_only and not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; make it first")
    target = read_only_uri(path) if read_only else f"file:{_quote(path)}?mode=rwc"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            target,
            uri=True,
            timeout=_BUSY_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=NullPool,
        json_serializer=dump_json,
        json_deserializer=orjson.loads,
    )

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: sqlite3.Connection, _: object) -> None:
        cursor = connection.cursor()
        if not read_only:
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.execute("PRAGMA mmap_size=268435456")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    # The driver is in autocommit mode; SQLAlchemy's own BEGIN and COMMIT must not reach it.
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def read_only_uri(path: Path) -> str:
    """How SQLite is told to open the file for reading, also from a folder in which it can make no `-shm` file."""
    is_still = not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()
    return f"file:{_quote(path)}?mode=ro" + ("&immutable=1" if is_still else "")


def _quote(path: Path) -> str:
    return os.fspath(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


__all__ = [
    "Connection",
    "Database",
    "OperationalError",
    "create_database_engine",
    "read_only_uri",
    "translate_database_error",
]
