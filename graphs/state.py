"""What the graph carries: ids and words, never code, never growing lists. 2.9 KiB a checkpoint stays 2.9 KiB."""

from typing import TypedDict

from refine.types import StopReason


class LoopInput(TypedDict):
    chain: str
    """The chain's public id, which is the thread id too."""


class LoopState(LoopInput, total=False):
    reason: StopReason
    """Why the chain is to end; set on the way to `finish`."""
    error: str | None
