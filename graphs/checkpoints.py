"""Checkpoints, in a file beside the database. They save a step at a resume; nothing is lost with them."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.sqlite import SqliteSaver

_OLDER = "WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?"


class LocalSaver(SqliteSaver):
    """LangGraph's saver, with the newest checkpoint of a chain only: its past is in the store, rounds and forks too.

    It runs on the event loop itself: without fsync an operation takes less time than handing it to another thread and
    back.
    """

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
        return self.get_tuple(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self.put(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self.put_writes(config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        self.delete_thread(thread_id)


@contextmanager
def open_checkpoints(path: Path) -> Iterator[LocalSaver]:
    """The saver on that file; a damaged file is removed and begun anew, since the store knows it all."""
    try:
        saver = _open(path)
    except sqlite3.DatabaseError:
        _remove(path)
        saver = _open(path)
    try:
        yield saver
    finally:
        saver.conn.close()


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _open(path: Path) -> LocalSaver:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")  # the store is what must survive
        saver = LocalSaver(connection)
        saver.setup()
    except BaseException:
        connection.close()
        raise
    return saver
