"""Where a reply cannot be recorded, no more are paid for."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

import graphs.calls
from refine import Refiner
from refine.errors import StoreFull
from refine.llm.scripted import ScriptedClient
from refine.types import ModelReply, ModelRequest


class Counting:
    """The scripted model, counting what it is asked."""

    def __init__(self) -> None:
        self.model = ScriptedClient()
        self.calls = 0

    def estimate_usd(self, request: ModelRequest) -> float | None:
        return self.model.estimate_usd(request)

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.calls += 1
        return await self.model.complete(request)

    async def aclose(self) -> None:
        await self.model.aclose()


async def test_after_a_reply_that_found_no_room_nothing_more_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(connection: Connection, *_: Any, **__: Any) -> Any:
        full = sqlite3.OperationalError("database or disk is full")
        raise OperationalError("INSERT", {}, full)

    monkeypatch.setattr(graphs.calls, "record_reply", refuse)
    client = Counting()
    with pytest.raises(StoreFull, match="no space is left"):
        async with Refiner.open(
            tmp_path / "a.db", client=client, concurrency=1, candidates=8, audit_share=0
        ) as refiner:
            for n in range(4):
                await refiner.start(f"Make page {n}")
            await refiner.wait()
    assert client.calls == 1
