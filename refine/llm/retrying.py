"""The one retry layer over all clients: back-off, Retry-After, and the record of what failed on the way."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

from refine.errors import ModelError, ModelFailed, ModelUnreachable
from refine.llm.attempt import AttemptClient, AttemptFailed, one_line
from refine.types import ModelReply, ModelRequest

BASE_S = 0.5
CAP_S = 30.0
RETRY_AFTER_CAP_S = 120.0
"""A provider that asks for longer is asked again after this."""


class RetryingClient:
    """A ModelClient. Between attempts it waits `uniform(0, min(cap, base · 2ⁿ))`: the "full jitter" of "Exponential
    Backoff And Jitter" (AWS Architecture Blog, 2015).

    `concurrency` bounds the attempts in flight; a call that waits for its next attempt holds no place among them.
    """

    def __init__(
        self,
        inner: AttemptClient,
        *,
        retries: int,
        concurrency: int,
        seed: int = 0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._inner = inner
        self._retries = retries
        self._places = asyncio.Semaphore(concurrency)
        self._random = random.Random(f"retry:{seed}")
        self._sleep = sleep

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Raise ModelUnreachable when no attempt got a connection, ModelFailed when the retries ran out otherwise."""
        failures: list[AttemptFailed] = []
        while True:
            try:
                reply = await self._attempt(request)
            except AttemptFailed as failure:
                failures.append(failure)
                if len(failures) > self._retries:
                    raise _give_up(failures, self._wasted_usd(request, failures)) from failure
            except ModelError as error:
                error.retries = len(failures)
                wasted_usd = self._wasted_usd(request, failures)
                if wasted_usd:
                    error.cost_usd = (error.cost_usd or 0.0) + wasted_usd
                raise
            else:
                if not failures:
                    return reply
                wasted_usd = self._wasted_usd(request, failures) or 0.0
                cost = None if reply.cost_usd is None else reply.cost_usd + wasted_usd
                return replace(reply, errors=tuple(map(_line, failures)), cost_usd=cost)
            await self._sleep(self._wait_s(failures))

    def estimate_usd(self, request: ModelRequest) -> float | None:
        return self._inner.estimate_usd(request)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _wasted_usd(self, request: ModelRequest, failures: list[AttemptFailed]) -> float | None:
        """What replies of no use have cost: what they say, else the estimate; None where nothing was billed, or no
        price is known."""
        billed = [failure for failure in failures if failure.is_billed]
        estimate = self.estimate_usd(request) if billed else None
        if estimate is None:
            return None
        return sum(estimate if failure.cost_usd is None else failure.cost_usd for failure in billed)

    async def _attempt(self, request: ModelRequest) -> ModelReply:
        async with self._places:
            return await self._inner.complete(request)

    def _wait_s(self, failures: list[AttemptFailed]) -> float:
        jitter: float = self._random.random()
        asked = failures[-1].retry_after_s
        if asked is not None:
            # Later than asked, never sooner, and not all callers at once.
            return min(asked, RETRY_AFTER_CAP_S) + jitter * BASE_S
        return jitter * min(CAP_S, BASE_S * 2.0 ** (len(failures) - 1))


def _give_up(failures: list[AttemptFailed], wasted_usd: float | None) -> ModelError:
    last, retries = failures[-1], len(failures) - 1
    kind = ModelUnreachable if all(failure.is_unreachable for failure in failures) else ModelFailed
    times = f"failed {len(failures)} times, the last time: " if retries else ""
    return kind(f"{times}{_line(last)}", retries=retries, raw_reply=last.raw_reply, cost_usd=wasted_usd)


def _line(failure: AttemptFailed) -> str:
    return one_line(str(failure), 500)
