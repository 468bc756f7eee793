"""The wiring. Nodes name where they may go in their return types; only the way in is an edge of its own.

locate → draft → await_feedback → revise → await_feedback → …
                  └→ finish → await_audit → end

A step of LangGraph costs half a millisecond, and is saved only where the chain waits: what nothing comes between is one
node. So `await_feedback` judges the round that is full, and what makes candidates puts them on show.
"""

from typing import TYPE_CHECKING, Any

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from graphs import nodes
from graphs.context import LoopContext
from graphs.state import LoopInput, LoopState

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

Loop = CompiledStateGraph[LoopState, LoopContext, LoopInput, LoopState]


def build_loop(checkpointer: "BaseCheckpointSaver[Any] | None") -> Loop:
    builder = StateGraph(LoopState, context_schema=LoopContext, input_schema=LoopInput)
    builder.add_edge(START, "locate")
    builder.add_node("locate", nodes.locate)
    builder.add_node("draft", nodes.draft)
    builder.add_node("await_feedback", nodes.await_feedback)
    builder.add_node("judge", nodes.judge)
    builder.add_node("revise", nodes.revise)
    builder.add_node("finish", nodes.finish)
    builder.add_node("await_audit", nodes.await_audit)
    return builder.compile(checkpointer=checkpointer, name="refine")
