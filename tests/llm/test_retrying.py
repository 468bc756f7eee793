import asyncio
from collections.abc import Callable

import pytest

from refine.errors import ModelFailed, ModelMisconfigured, ModelRefused, ModelUnreachable
from refine.llm.attempt import AttemptFailed
from refine.llm.retrying import BASE_S, CAP_S, RETRY_AFTER_CAP_S, RetryingClient
from refine.types import Message, ModelReply, ModelRequest, Part

REQUEST = ModelRequest(model="m", messages=(Message("user", (Part("x"),)),), seed=0)
REPLY = ModelReply(text="ok", model_returned="m", provider="p", finish_reason="stop")


class Scripted:
    """Raises or returns what it was given, in turn."""

    def __init__(self, *turns: Exception | ModelReply) -> None:
        self.turns = list(turns)
        self.calls = 0
        self.in_flight = 0
        self.max_in_flight = 0
        self.is_closed = False

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.calls += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            await asyncio.sleep(0)
            turn = self.turns.pop(0) if self.turns else REPLY
            if isinstance(turn, Exception):
                raise turn
            return turn
        finally:
            self.in_flight -= 1

    def estimate_usd(self, request: ModelRequest) -> float | None:
        return 0.25

    async def aclose(self) -> None:
        self.is_closed = True


class Hanging(Scripted):
    async def complete(self, request: ModelRequest) -> ModelReply:
        self.calls += 1
        await asyncio.sleep(60)
        raise AssertionError


def make(inner: Scripted, slept: list[float], *, seed: int = 0, retries: int = 5) -> RetryingClient:
    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    return RetryingClient(inner, retries=retries, concurrency=2, seed=seed, sleep=sleep)


async def test_a_reply_lists_the_attempts_that_failed_before_it() -> None:
    slept: list[float] = []
    client = make(Scripted(AttemptFailed("HTTP 500: a"), AttemptFailed("timed\nout")), slept)
    assert (await client.complete(REQUEST)).errors == ("HTTP 500: a", "timed out")
    assert len(slept) == 2


async def test_a_reply_at_once_has_no_errors_and_no_wait() -> None:
    slept: list[float] = []
    assert await make(Scripted(), slept).complete(REQUEST) == REPLY
    assert slept == []


async def test_retries_are_bounded_and_counted() -> None:
    inner = Scripted(*(AttemptFailed(f"HTTP 50{n}", raw_reply=f"raw {n}") for n in range(9)))
    with pytest.raises(ModelFailed, match="failed 4 times, the last time: HTTP 503") as caught:
        await make(inner, [], retries=3).complete(REQUEST)
    assert (inner.calls, caught.value.retries, caught.value.raw_reply) == (4, 3, "raw 3")


async def test_an_endpoint_that_never_answered_is_unreachable() -> None:
    inner = Scripted(*(AttemptFailed("nothing answers", is_unreachable=True) for _ in range(9)))
    with pytest.raises(ModelUnreachable):
        await make(inner, [], retries=2).complete(REQUEST)


async def test_an_endpoint_that_answered_once_is_not_unreachable() -> None:
    inner = Scripted(AttemptFailed("HTTP 500"), AttemptFailed("nothing answers", is_unreachable=True))
    with pytest.raises(ModelFailed):
        await make(inner, [], retries=1).complete(REQUEST)


@pytest.mark.parametrize("kind", [ModelMisconfigured, ModelRefused])
async def test_what_another_attempt_cannot_help_is_raised_at_once(kind: Callable[[str], Exception]) -> None:
    inner = Scripted(AttemptFailed("HTTP 500"), kind("no"))
    with pytest.raises((ModelMisconfigured, ModelRefused)) as caught:
        await make(inner, []).complete(REQUEST)
    assert inner.calls == 2
    assert caught.value.retries == 1


async def test_waits_grow_within_full_jitter_and_follow_the_seed() -> None:
    waits: list[list[float]] = []
    for seed in (1, 1, 2):
        slept: list[float] = []
        await make(Scripted(*(AttemptFailed("x") for _ in range(12))), slept, seed=seed, retries=12).complete(REQUEST)
        waits.append(slept)
    assert waits[0] == waits[1] != waits[2]
    assert all(0 <= wait <= min(CAP_S, BASE_S * 2**number) for number, wait in enumerate(waits[0]))
    assert max(waits[0]) > 4 * BASE_S


async def test_retry_after_is_a_lower_bound_and_capped() -> None:
    slept: list[float] = []
    inner = Scripted(AttemptFailed("429", retry_after_s=7.0), AttemptFailed("429", retry_after_s=1e6))
    await make(inner, slept).complete(REQUEST)
    assert 7.0 <= slept[0] <= 7.0 + BASE_S
    assert RETRY_AFTER_CAP_S <= slept[1] <= RETRY_AFTER_CAP_S + BASE_S


async def test_a_cancelled_call_is_cancelled_and_gives_its_place_back() -> None:
    client = make(Hanging(), [])
    calls = [asyncio.create_task(client.complete(REQUEST)) for _ in range(2)]
    await asyncio.sleep(0.01)
    for call in calls:
        call.cancel()
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in done)
    client._inner = Scripted()
    assert await asyncio.wait_for(client.complete(REQUEST), 1) == REPLY


async def test_no_more_attempts_than_allowed_are_in_flight() -> None:
    inner = Scripted()
    client = make(inner, [])
    await asyncio.gather(*(client.complete(REQUEST) for _ in range(10)))
    assert inner.max_in_flight == 2


async def test_a_call_that_waits_for_its_next_attempt_holds_no_place() -> None:
    inner = Scripted(AttemptFailed("x"), AttemptFailed("x"))
    gate = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await gate.wait()

    client = RetryingClient(inner, retries=5, concurrency=2, sleep=sleep)
    waiting = [asyncio.create_task(client.complete(REQUEST)) for _ in range(2)]
    await asyncio.sleep(0.01)
    assert await asyncio.wait_for(client.complete(REQUEST), 1) == REPLY
    gate.set()
    await asyncio.gather(*waiting)


async def test_estimates_and_closing_are_the_inner_clients() -> None:
    inner = Scripted()
    client = make(inner, [])
    assert client.estimate_usd(REQUEST) == 0.25
    await client.aclose()
    assert inner.is_closed
