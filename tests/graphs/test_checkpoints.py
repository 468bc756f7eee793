import sqlite3
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig

from graphs.checkpoints import open_checkpoints


def _threads(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM checkpoints").fetchone()[0])
    finally:
        connection.close()


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "refine.db.checkpoints"
    path.write_bytes(b"no database at all " * 500)
    with open_checkpoints(path):
        pass
    assert _threads(path) == 0


def test_the_connection_is_closed_at_the_end(tmp_path: Path) -> None:
    with open_checkpoints(tmp_path / "checkpoints") as saver:
        pass
    with pytest.raises(sqlite3.ProgrammingError):
        saver.conn.execute("SELECT 1")


async def test_what_is_put_is_found_until_its_thread_is_deleted(tmp_path: Path) -> None:
    from langgraph.checkpoint.base import empty_checkpoint

    with open_checkpoints(tmp_path / "checkpoints") as saver:
        checkpoint = empty_checkpoint()
        config = await saver.aput(
            {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}, checkpoint, {"step": 1}, {}
        )
        await saver.aput_writes(config, [("reason", "rounds")], "task")
        found = await saver.aget_tuple({"configurable": {"thread_id": "t"}})
        assert found is not None and found.checkpoint["id"] == checkpoint["id"]
        assert found.pending_writes == [("task", "reason", "rounds")]
        await saver.adelete_thread("t")
        assert await saver.aget_tuple({"configurable": {"thread_id": "t"}}) is None


async def test_only_the_newest_checkpoint_of_a_thread_is_kept(tmp_path: Path) -> None:
    from langgraph.checkpoint.base import empty_checkpoint

    with open_checkpoints(tmp_path / "checkpoints") as saver:
        for thread in ("s", "t"):
            config: RunnableConfig = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
            for step in range(5):
                checkpoint = empty_checkpoint()
                config = await saver.aput(config, checkpoint, {"step": step}, {})
                await saver.aput_writes(config, [("reason", "rounds")], "task")
        counted = [
            saver.conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("checkpoints", "writes")
        ]
        assert counted == [2, 2]
        found = await saver.aget_tuple({"configurable": {"thread_id": "t"}})
        assert found is not None and found.checkpoint["id"] == checkpoint["id"]
