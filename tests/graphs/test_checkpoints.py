import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from graphs.checkpoints import LocalSaver, open_checkpoints


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


async def _put(saver: LocalSaver, thread: str) -> Any:
    return await saver.aput(
        {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}, empty_checkpoint(), {"step": 1}, {}
    )


async def _find(saver: LocalSaver, thread: str) -> Any:
    return await saver.aget_tuple({"configurable": {"thread_id": thread}})


async def test_a_file_that_is_damaged_further_on_hides_its_checkpoints_and_is_begun_anew_next_time(
    tmp_path: Path,
) -> None:
    path = tmp_path / "checkpoints"
    with open_checkpoints(path) as saver:
        for n in range(50):
            await _put(saver, f"t{n}")
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    with open_checkpoints(path) as saver:
        assert await _find(saver, "t1") is None
        await saver.aput_writes(await _put(saver, "t1"), [("reason", "rounds")], "task")
        await saver.adelete_thread("t2")
    with open_checkpoints(path) as saver:
        await _put(saver, "t1")
        assert await _find(saver, "t1") is not None


async def test_a_checkpoint_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    with open_checkpoints(tmp_path / "checkpoints") as saver:
        await _put(saver, "t")
        saver.conn.execute("UPDATE checkpoints SET checkpoint = x'c1ffff'")
        assert await _find(saver, "t") is None


async def test_a_full_disk_costs_a_checkpoint_and_nothing_else(tmp_path: Path) -> None:
    with open_checkpoints(tmp_path / "checkpoints") as saver:
        pages = saver.conn.execute("PRAGMA page_count").fetchone()[0]
        saver.conn.execute(f"PRAGMA max_page_count={pages}")
        for n in range(50):
            config = await _put(saver, f"t{n}")
            await saver.aput_writes(config, [("reason", "rounds")], "task")
        assert await _find(saver, "t49") is None
    assert (tmp_path / "checkpoints").exists()


async def test_a_file_that_another_process_keeps_locked_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints"
    with open_checkpoints(path) as saver:
        await _put(saver, "theirs")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with open_checkpoints(path) as saver:
            await _put(saver, "ours")
            assert await _find(saver, "ours") is not None
        other.execute("COMMIT")
    assert _threads(path) == 1


async def test_checkpoints_are_kept_in_memory_where_no_file_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    with open_checkpoints(tmp_path / "checkpoints") as saver:
        await _put(saver, "t")
        assert await _find(saver, "t") is not None


async def test_using_a_closed_saver_is_an_error(tmp_path: Path) -> None:
    with open_checkpoints(tmp_path / "checkpoints") as saver:
        pass
    with pytest.raises(sqlite3.ProgrammingError):
        await _put(saver, "t")


async def test_only_the_newest_checkpoint_of_a_thread_is_kept(tmp_path: Path) -> None:
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
