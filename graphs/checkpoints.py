"""Checkpoints, in a file beside the database. They save a step at a resume; nothing is lost with them."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver


@asynccontextmanager
async def open_checkpoints(path: Path) -> AsyncIterator[AsyncSqliteSaver]:
    """The saver on that file; a damaged file is removed and begun anew, since the store knows it all."""
    try:
        connection = await _connect(path)
    except sqlite3.DatabaseError:
        _remove(path)
        connection = await _connect(path)
    try:
        yield AsyncSqliteSaver(connection)
    finally:
        await connection.close()


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


async def _connect(path: Path) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None)
    try:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute("PRAGMA synchronous=OFF")  # the store is what must survive
        await AsyncSqliteSaver(connection).setup()
    except BaseException:
        await connection.close()
        raise
    return connection
