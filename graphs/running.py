"""Taking a chain as far as it goes: to its next interrupt, or to its end."""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import Command

from graphs.context import LoopContext
from graphs.graph import Loop
from store.chains import load_chain
from store.rounds import find_awaited_round

_RECURSION = 10_000
"""Steps of one run; a panel that answers at once takes a chain through all its rounds in a few runs of a few steps."""


async def advance_chain(loop: Loop, context: LoopContext, chain: str) -> str | None:
    """Run the chain until it waits, and return the id of the round it waits for; None when it waits for nothing (ended
    or paused).

    Goes on from the checkpoint where that agrees with the store, and from the store where it does not: the checkpoint
    may be gone, older than the store after a crash, or written by a version with other nodes.
    """
    config: Any = {"configurable": {"thread_id": chain}, "recursion_limit": _RECURSION}
    waiting_for = _waits_for(context, chain)
    given: Any = {"chain": chain}
    if isinstance(loop.checkpointer, BaseCheckpointSaver):
        snapshot = await loop.aget_state(config)
        pending = [interrupt.value for task in snapshot.tasks for interrupt in task.interrupts]
        if waiting_for is not None and pending == [waiting_for] and snapshot.next[0] in loop.nodes:
            given = Command(resume=waiting_for)
        elif snapshot.created_at is not None:
            await loop.checkpointer.adelete_thread(chain)
    await loop.ainvoke(given, config, context=context, durability="exit")
    return _waits_for(context, chain)


def _waits_for(context: LoopContext, ulid: str) -> str | None:
    return context.database.read(find_awaited_round, context.database.read(load_chain, ulid))
