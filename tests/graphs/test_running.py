"""A chain that is run on in the process that ran it: its checkpoint is taken for granted, and may yet be lost."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig

from graphs.checkpoints import LocalSaver
from refine import Refiner
from refine.types import ChainRecord

PROMPT = "A memory game about the planets"


async def run(path: Path) -> tuple[ChainRecord, int]:
    """The ended chain, and the calls it took."""
    async with Refiner.open(path, rounds=3, audit_share=0) as refiner:
        chain = await refiner.start(PROMPT)
        progress = await refiner.wait()
        return refiner.chain(chain.id), progress.meter.calls


async def test_a_chain_is_looked_up_in_its_checkpoints_once_and_not_at_every_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = 0
    before = LocalSaver.aget_tuple

    async def count(saver: LocalSaver, config: RunnableConfig) -> Any:
        nonlocal looked_up
        looked_up += 1
        return await before(saver, config)

    monkeypatch.setattr(LocalSaver, "aget_tuple", count)
    chain, _ = await run(tmp_path / "a.db")
    assert chain.rounds_judged == 3
    assert looked_up == 1 + 4  # once to see whether there is one, then by LangGraph: the way in, and after three rounds


@pytest.mark.parametrize("table", ["checkpoints", "writes"])
async def test_checkpoints_lost_between_two_runs_of_a_chain_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    undisturbed = await run(tmp_path / "undisturbed.db")
    before, lost = LocalSaver.put_writes, 0

    def lose(saver: LocalSaver, config: RunnableConfig, writes: Sequence[tuple[str, Any]], *rest: str) -> None:
        nonlocal lost
        before(saver, config, writes, *rest)
        lost += saver.conn.execute(f"DELETE FROM {table}").rowcount

    monkeypatch.setattr(LocalSaver, "put_writes", lose)
    chain, calls = await run(tmp_path / "disturbed.db")
    assert lost >= 3
    assert (chain.stop_reason, chain.rounds_judged, calls) == (
        undisturbed[0].stop_reason,
        undisturbed[0].rounds_judged,
        undisturbed[1],
    )


async def test_a_checkpoint_that_could_not_be_written_is_not_taken_for_granted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = await run(tmp_path / "undisturbed.db")
    before, puts = LocalSaver.put, 0

    def fail(saver: LocalSaver, *arguments: Any) -> RunnableConfig:
        nonlocal puts
        puts += 1
        if puts == 2:
            saver.conn.execute("ATTACH '/dev/null/none' AS other")
        return before(saver, *arguments)

    monkeypatch.setattr(LocalSaver, "put", fail)
    chain, calls = await run(tmp_path / "disturbed.db")
    assert puts >= 3
    assert (chain.stop_reason, chain.rounds_judged, calls) == (
        undisturbed[0].stop_reason,
        undisturbed[0].rounds_judged,
        undisturbed[1],
    )
