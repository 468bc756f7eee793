"""What is asked of the model, and what of it a crash could lose."""

import asyncio
from pathlib import Path

from refine import Refiner
from refine.llm.scripted import ScriptedClient
from refine.types import ModelReply, ModelRequest, PromptIn
from store.calls import sum_spending

CONCURRENCY = 3


class Counting:
    """The scripted model; notes before each call how many others had no reply in the ledger."""

    def __init__(self) -> None:
        self.model = ScriptedClient()
        self.refiner: Refiner | None = None
        self.asked = 0
        self.most_unrecorded = 0

    def estimate_usd(self, request: ModelRequest) -> float | None:
        return 0.0

    async def complete(self, request: ModelRequest) -> ModelReply:
        assert self.refiner is not None
        self.asked += 1
        recorded = self.refiner.database.read(sum_spending, project_key=self.refiner.project.key).calls
        self.most_unrecorded = max(self.most_unrecorded, self.asked - recorded)
        await asyncio.sleep(0.002)
        return await self.model.complete(request)

    async def aclose(self) -> None:
        await self.model.aclose()


async def test_never_more_calls_are_unrecorded_than_may_be_in_flight(tmp_path: Path) -> None:
    client = Counting()
    async with Refiner.open(
        tmp_path / "a.db", client=client, concurrency=CONCURRENCY, rounds=2, audit_share=0
    ) as refiner:
        client.refiner = refiner
        await refiner.start_all([PromptIn(key=f"p{n}", prompt=f"A quiz about topic {n}") for n in range(8)])
        await refiner.wait()
    assert client.most_unrecorded == CONCURRENCY
