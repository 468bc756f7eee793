"""Taking a chain as far as it goes: to its next interrupt, or to its end."""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import Command

from graphs.checkpoints import LocalSaver
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
    given = await _way_in(loop, context, chain, config)
    reached = await loop.ainvoke(given, config, context=context, durability="exit")
    interrupts = reached.get("__interrupt__", ())
    if len(interrupts) == 1 and isinstance(loop.checkpointer, LocalSaver) and loop.checkpointer.is_sound:
        context.interrupts[chain] = interrupts[0].value
        return context.interrupts[chain]
    return _waits_for(context, chain)


async def _way_in(loop: Loop, context: LoopContext, chain: str, config: Any) -> Any:
    """What the graph is to be given: the resume value, or the chain anew."""
    interrupted_at = context.interrupts.pop(chain, None)
    if interrupted_at is not None:
        # should the checkpoint have been lost meanwhile, the graph begins anew, and needs the chain for that
        return Command(resume=interrupted_at, update={"chain": chain})
    waiting_for = _waits_for(context, chain)
    if isinstance(loop.checkpointer, BaseCheckpointSaver):
        snapshot = await loop.aget_state(config)
        pending = [interrupt.value for task in snapshot.tasks for interrupt in task.interrupts]
        if waiting_for is not None and pending == [waiting_for] and snapshot.next[0] in loop.nodes:
            return Command(resume=waiting_for)
        if snapshot.created_at is not None:
            await loop.checkpointer.adelete_thread(chain)
    return {"chain": chain}


def _waits_for(context: LoopContext, ulid: str) -> str | None:
    return context.database.read(find_awaited_round, context.database.read(load_chain, ulid))
