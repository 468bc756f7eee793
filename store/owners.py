"""Owners: the processes that run chains, and how the living are told from the dead.

An owner holds the lock on a file of its own in `<db>.owners/` for as long as it lives; the system lets go of it
however the process ends. The file is named by the owner's ULID, so a pid or a name used again proves nothing.
"""

import socket
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from filelock import FileLock, Timeout
from sqlalchemy import Connection, delete, insert, or_, select, update

from refine.errors import StoreError
from store.database import Database
from store.ids import make_ulid, now
from store.tables import CHAIN, OWNER

HEARTBEAT_S = 30
"""How often a living owner should call `heartbeat`."""
SILENCE_S = 120
"""Where a lock says nothing (another host, a file somebody deleted), an owner unseen for this long is dead."""
_SWEPT_S = 10
"""Waited for a lock at most while its folder is swept, which takes no time to speak of."""


class Owner:
    """This process as the owner of chains, until `release`. Keep it: when it is collected, it looks dead."""

    def __init__(self, database: Database, key: int, ulid: str, lock: FileLock) -> None:
        self.key = key
        """owner.id"""
        self.ulid = ulid
        self._database = database
        self._lock = lock

    def release(self) -> None:
        """Give back the chains and leave. Safe to call twice; call it before the database is closed."""
        if not self._lock.is_locked:
            return
        try:
            self._database.write_now(_remove_owners, [self.key])
        except BaseException:
            self._lock.release()  # the file stays: it tells others that this owner is dead
            raise
        _remove_lock(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def register_owner(database: Database) -> Owner:
    """Make this process an owner, after clearing away the dead ones of this host (their chains are free then).

    Raises StoreReadOnly as any write does, StoreError where lock files cannot be made.
    """
    ulid = make_ulid()
    folder = database.read(_owners_folder)
    lock = FileLock(folder / f"{ulid}.lock", timeout=0, thread_local=False)
    try:
        folder.mkdir(exist_ok=True)
        # Nobody else has a lock of this name, but who sweeps the folder at this moment holds it, or deletes the file.
        lock.acquire(timeout=_SWEPT_S, poll_interval=0.01)
    except (OSError, Timeout) as error:
        raise StoreError(f"{folder}: lock files cannot be made here ({error})") from error
    try:
        key, kept = database.write_now(_register, ulid, lock_file=f"{ulid}.lock")
    except BaseException:
        _remove_lock(lock)
        raise
    _sweep(folder, kept)
    return Owner(database, key, ulid, lock)


def heartbeat(connection: Connection, owner_key: int) -> bool:
    """Say that the owner lives, every HEARTBEAT_S. False: it was taken for dead, its chains may be another's."""
    return connection.execute(update(OWNER).where(OWNER.c.id == owner_key).values(seen_at=now())).rowcount == 1


def find_dead_owners(connection: Connection, host: str | None = None) -> list[int]:
    """Keys of the owners that died. `host` is the caller's, by default this machine's.

    Run it in the writer, in the transaction that takes over their chains: two processes looking at once would take
    each other's look for a sign of life.
    """
    host = host or _this_host()
    folder = _owners_folder(connection)
    silent_since = now() - timedelta(seconds=SILENCE_S)
    rows = connection.execute(select(OWNER.c.id, OWNER.c.host, OWNER.c.lock_file, OWNER.c.seen_at)).all()
    dead = []
    for key, its_host, lock_file, seen_at in rows:
        is_held = _is_held(folder / Path(lock_file).name) if its_host == host else None
        if seen_at < silent_since if is_held is None else not is_held:
            dead.append(int(key))
    return dead


def last_seen(connection: Connection, chain_key: int) -> datetime | None:
    """When the owner of a chain last said that it lives; None where it has none. It may be dead since."""
    query = select(OWNER.c.seen_at).join(CHAIN, CHAIN.c.owner_id == OWNER.c.id).where(CHAIN.c.id == chain_key)
    return connection.execute(query).scalar()


def find_free(connection: Connection, chains: Sequence[str]) -> list[str]:
    """Those of these chains (ULIDs) that no living owner has. Run it in the writer, as `find_dead_owners`."""
    free: list[str] = []
    dead = find_dead_owners(connection)
    for start in range(0, len(chains), 500):
        is_free = or_(CHAIN.c.owner_id.is_(None), CHAIN.c.owner_id.in_(dead))
        query = select(CHAIN.c.ulid).where(CHAIN.c.ulid.in_(chains[start : start + 500]), is_free)
        free.extend(connection.execute(query).scalars())
    return free


def _register(connection: Connection, ulid: str, *, lock_file: str) -> tuple[int, set[str]]:
    """The new owner's key, and the lock files that belong to an owner."""
    import os

    _remove_owners(connection, find_dead_owners(connection))
    at = now()
    result = connection.execute(
        insert(OWNER).values(
            ulid=ulid, host=_this_host(), pid=os.getpid(), lock_file=lock_file, started_at=at, seen_at=at
        )
    )
    key = cast(tuple[int, ...], result.inserted_primary_key)[0]
    return key, set(connection.execute(select(OWNER.c.lock_file)).scalars())


def _remove_owners(connection: Connection, keys: list[int]) -> None:
    if keys:
        connection.execute(update(CHAIN).where(CHAIN.c.owner_id.in_(keys)).values(owner_id=None))
        connection.execute(delete(OWNER).where(OWNER.c.id.in_(keys)))


def _owners_folder(connection: Connection) -> Path:
    file = connection.exec_driver_sql("SELECT file FROM pragma_database_list WHERE name = 'main'").scalar_one()
    return Path(f"{file}.owners")  # from SQLite, which has followed the links: one folder whatever name it is opened by


def _this_host() -> str:
    return socket.gethostname()[:255]


def _is_held(path: Path) -> bool | None:
    """Whether a process holds the lock; None where there is no file to tell."""
    if not path.exists():
        return None
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        return None
    lock.release()
    return False


def _sweep(folder: Path, kept: set[str]) -> None:
    """Delete the lock files nobody holds and no owner has."""
    for path in folder.glob("*.lock"):
        if path.name in kept:
            continue
        lock = FileLock(path, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except (OSError, Timeout):
            continue  # another owner about to register
        _remove_lock(lock)


def _remove_lock(lock: FileLock) -> None:
    """Delete the file while its lock is held: whoever opened it meanwhile sees that it is gone and makes a new one."""
    Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
