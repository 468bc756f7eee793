"""One database: opening it, reading it, and the one thread that writes it.

SQLite in WAL mode with synchronous=FULL. Every write is a function of a connection; the writer runs what is waiting in
one transaction, each function in a savepoint of its own, and commits once (group commit): a caller that got its result
has it on disk. Reads go through a connection per thread and see the last commit.
"""

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeAlias, TypeVar

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool

from refine.errors import InputError, RefineError, StoreError, StoreFull, StoreReadOnly
from store.statements import driver_of, dump_json, run_plain

P = ParamSpec("P")
T = TypeVar("T")

_GROUP = 256
"""Most writes in one commit: bounds how long the first of them waits."""
_GATHER_S = 0.002
"""After a commit that several shared, the next waits this long for company: a commit and the waking of its callers
cost more CPU than most writes. A lone writer is never kept waiting."""
_BUSY_MS = 30_000

_Write: TypeAlias = tuple[Callable[[Connection], Any], "Future[Any]"]
_Waiter: TypeAlias = tuple["asyncio.Future[Any]", "Future[Any]"]


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
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._is_closed = False
        self.commits = 0
        self._is_shared = False
        """Whether the last commit was of several writes."""
        self._to_wake: dict[asyncio.AbstractEventLoop, list[_Waiter]] = {}
        """Coroutines whose writes the writer has done, to be woken together."""

    # --- Writing --------------------------------------------------------------------------------------------------

    def submit(
        self, function: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> "Future[T]":
        """Queue `function(connection, …)` for the writer; the future is done after the commit.

        Raises StoreReadOnly at once on a database opened for reading. An exception in the function undoes its own
        writes only.
        """
        if self.is_read_only:
            raise StoreReadOnly(f"{self.path} was opened for reading only")
        future: Future[T] = Future()
        with self._lock:  # nothing may be queued behind the writer's end
            self._refuse_closed()
            if self._writer is None:
                self._writer = threading.Thread(target=self._run_writer, name="refine-writer", daemon=True)
                self._writer.start()
            self._queue.put((lambda connection: function(connection, *args, **kwargs), future))
        return future

    async def write(self, function: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `submit`; a caller that is cancelled while the write is queued takes it back."""
        job = self.submit(function, *args, **kwargs)
        waiter = self._wait_for(job)
        waiter.add_done_callback(lambda waited: job.cancel() if waited.cancelled() else None)
        return await waiter

    async def write_surely(
        self, function: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `submit`; it is written also when the caller is cancelled meanwhile."""
        return await self._wait_for(self.submit(function, *args, **kwargs))

    def _wait_for(self, job: "Future[T]") -> "asyncio.Future[T]":
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()
        job.add_done_callback(lambda done: self._hand_back(loop, waiter, done))
        return waiter

    def _hand_back(self, loop: asyncio.AbstractEventLoop, waiter: "asyncio.Future[Any]", done: "Future[Any]") -> None:
        if threading.current_thread() is self._writer:
            self._to_wake.setdefault(loop, []).append((waiter, done))
        else:
            _wake(loop, [(waiter, done)])

    def write_now(self, function: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.submit(function, *args, **kwargs).result()

    def _run_writer(self) -> None:
        connection: Connection | None = None
        is_last = False
        while not is_last:
            group, is_last = self._take_group()
            if not group:
                break
            try:
                connection = connection or self._engine.connect()
            except DatabaseError as error:
                self._fail(group, error)
            else:
                self._commit_group(connection, group)
            self._is_shared = len(group) > 1
            for loop, waiters in self._to_wake.items():
                _wake(loop, waiters)
            self._to_wake.clear()
        if connection is not None:
            connection.close()

    def _take_group(self) -> tuple[list[_Write], bool]:
        """Wait for a write, then take what is queued by now; True with the last of all."""
        group: list[_Write] = []
        while not group or (len(group) < _GROUP and not self._queue.empty()):
            following = self._queue.get()
            if following is None:
                return group, True
            group.append(following)
            if len(group) == 1 and self._is_shared and not self._is_closed:
                time.sleep(_GATHER_S)
        return group, False

    def _commit_group(self, connection: Connection, group: list[_Write]) -> None:
        results: list[tuple[Future[Any], Any]] = []
        try:
            run_plain(connection, "BEGIN IMMEDIATE")
            for function, future in group:
                if not future.set_running_or_notify_cancel():
                    continue
                if len(group) == 1:  # nobody else's work to protect: the whole transaction is the savepoint
                    results.append((future, function(connection)))
                    continue
                run_plain(connection, "SAVEPOINT one")
                try:
                    result = function(connection)
                except Exception as error:  # whatever it was belongs to the caller
                    if not self._in_transaction(connection):  # a full disk undoes everybody's work
                        raise
                    run_plain(connection, "ROLLBACK TO one")
                    run_plain(connection, "RELEASE one")
                    future.set_exception(self._translate(error))
                else:
                    run_plain(connection, "RELEASE one")
                    results.append((future, result))
            run_plain(connection, "COMMIT")
            self.commits += 1
        except Exception as error:  # noqa: BLE001  # as above; the writer itself must live on
            self._roll_back(connection)
            self._fail(group, error)
        else:
            for future, result in results:
                future.set_result(result)

    def _fail(self, group: list[_Write], error: Exception) -> None:
        for _, future in group:
            if not future.done() and (future.running() or future.set_running_or_notify_cancel()):
                future.set_exception(self._translate(error))

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


def _wake(loop: asyncio.AbstractEventLoop, waiters: list[_Waiter]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits there any more
        loop.call_soon_threadsafe(_settle, waiters)


def _settle(waiters: list[_Waiter]) -> None:
    for waiter, done in waiters:
        if waiter.done():
            continue
        if done.cancelled():
            waiter.cancel()
        elif (error := done.exception()) is not None:
            waiter.set_exception(error)
        else:
            waiter.set_result(done.result())


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
