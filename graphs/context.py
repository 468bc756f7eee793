"""What the nodes are given at every run; nothing of it is in a checkpoint."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from graphs.reliabilities import Reliabilities
from refine.errors import StoreError
from refine.llm.budget import Budget
from refine.protocols import ControlMaker, ModelClient, PageChecker
from refine.types import ModelReply
from store.database import Database


class ReplyCache(Protocol):
    """Replies shared between chains, by request; a miss is never an error."""

    def get(self, key: str) -> str | None: ...

    def put(self, key: str, value: str) -> None: ...


@dataclass(slots=True)
class Meter:
    """What this run has done so far, for its progress display; the ledger has the truth."""

    calls: int = 0
    in_flight: int = 0
    failed_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    lost: StoreError | None = None
    """Why a reply could not be recorded."""

    def add(self, reply: ModelReply) -> None:
        self.calls += 1
        self.prompt_tokens += reply.usage.prompt_tokens or 0
        self.completion_tokens += reply.usage.completion_tokens or 0
        self.cost_usd += reply.cost_usd or 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopContext:
    database: Database
    client: ModelClient
    budget: Budget
    """Of the chain's project."""
    slots: asyncio.Semaphore
    """Model calls in flight, over all chains."""
    cache: ReplyCache | None = None
    checker: PageChecker | None = None
    """None: nothing looks at pages in a browser."""
    meter: Meter = field(default_factory=Meter)
    control_maker: ControlMaker | None = None
    """None: no controls."""
    reliabilities: Reliabilities | None = None
    """None: every labeler counts alike."""
    interrupts: dict[str, str] = field(default_factory=dict)
    """Chain -> the round its last run with this context was interrupted at. It is not looked up again, so a context
    must not outlive its caller's claim on the chain."""
