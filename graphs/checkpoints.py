"""Checkpoints, in a file beside the database. They save a step at a resume; nothing is lost with them."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.sqlite import SqliteSaver

_OLDER = "WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?"


class LocalSaver(SqliteSaver):
    """LangGraph's saver, with the newest checkpoint of a chain only: its past is in the store, rounds and forks too.

    It runs on the event loop itself: without fsync an operation takes less time than handing it to another thread and
    back.
    """

    is_damaged = False
    """The file was found to be damaged; `open_checkpoints` removes it at the end."""
    is_sound = True
    """Whatever was put is there."""

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        stored = super().put(config, checkpoint, metadata, new_versions)
        place = stored["configurable"]
        of_older = (place["thread_id"], place["checkpoint_ns"], place["checkpoint_id"])
        with self.cursor() as cursor:
            cursor.execute(f"DELETE FROM checkpoints {_OLDER}", of_older)  # noqa: S608
            cursor.execute(f"DELETE FROM writes {_OLDER}", of_older)  # noqa: S608
        return stored

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        try:
            with self._forgiving():
                return self.get_tuple(config)
        except (ValueError, TypeError, KeyError, IndexError):  # what was written is not what is read
            self.is_damaged = True
        return None

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        with self._forgiving():
            return self.put(config, checkpoint, metadata, new_versions)
        where = {name: config["configurable"][name] for name in ("thread_id", "checkpoint_ns")}
        return {"configurable": {**where, "checkpoint_id": checkpoint["id"]}}

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        with self._forgiving():
            self.put_writes(config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        with self._forgiving():
            self.delete_thread(thread_id)

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        """A file that is damaged, full or locked costs the steps that checkpoints save, and never a chain."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if not hasattr(error, "sqlite_errorcode"):  # not SQLite's word but Python's: the saver was misused
                raise
            self.is_sound = False
            self.is_damaged = self.is_damaged or _is_damage(error)


@contextmanager
def open_checkpoints(path: Path) -> Iterator[LocalSaver]:
    """The saver on that file; a damaged file is removed and begun anew, since the store knows it all. Where no file can
    be had (a full disk, another process that keeps it locked), checkpoints are kept in memory."""
    saver = _open(path)
    try:
        yield saver
    finally:
        saver.conn.close()
        if saver.is_damaged:
            _remove(path)


def _open(path: Path) -> LocalSaver:
    try:
        return _connect(path)
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            return _connect(":memory:")
    _remove(path)
    try:
        return _connect(path)
    except sqlite3.DatabaseError:
        return _connect(":memory:")


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _remove(path: Path) -> None:
    with suppress(OSError):  # of another owner, or in use where that forbids it: then it stays unread
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)


def _connect(path: Path | Literal[":memory:"]) -> LocalSaver:
    # A short time-out: the event loop stands still while another process has the file locked.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.5)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")  # the store is what must survive
        saver = LocalSaver(connection)
        saver.setup()
    except BaseException:
        connection.close()
        raise
    return saver
