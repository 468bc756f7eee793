"""A turn with a model: looked up in the ledger, paid for at most once, recorded before anything is done with it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from graphs.context import LoopContext
from refine.errors import ModelError, ModelMisconfigured, ModelUnreachable, StoreError
from refine.llm.keys import cache_key, dump_reply, load_reply
from refine.prompts import read_header
from refine.types import Ask, GaveUp, Message, ModelReply, ModelRequest, Step
from store.calls import RecordedReply, StepKey, count_attempts, find_reply, record_failure, record_reply
from store.chains import StoredChain
from store.database import Connection

T = TypeVar("T")


async def converse(
    context: LoopContext,
    chain: StoredChain,
    *,
    round: int,
    step: Step,
    slot: int,
    next_step: Callable[[Sequence[RecordedReply]], Ask | GaveUp | T],
    first_turn: int = 0,
) -> tuple[T | GaveUp, list[RecordedReply]]:
    """Take turns with the model until the engine (a pure function of the replies so far) is content.

    Returns what it made and the replies it made it of. Raises ModelError when a turn failed for good, LimitReached
    when it cannot be paid.
    """
    replies: list[RecordedReply] = []
    while True:
        outcome = next_step(replies)
        if not isinstance(outcome, Ask):
            return outcome, replies
        key = StepKey(chain_key=chain.key, round=round, step=step, slot=slot, turn=first_turn + len(replies))
        replies.append(await call_model(context, chain, key, outcome.messages))


async def call_model(
    context: LoopContext, chain: StoredChain, key: StepKey, messages: tuple[Message, ...]
) -> RecordedReply:
    """The reply of that turn: the recorded one, or a new one, recorded by the time this returns.

    Raises StoreError where it cannot be recorded, and from then on for every call not yet made: they would be lost too.
    """
    recorded, attempts = context.database.read(_look_up, key)
    if recorded is not None:
        return recorded
    settings = chain.settings
    request = ModelRequest(
        model=(settings.distil_model if key.step == "distil" else None) or settings.model,
        messages=messages,
        seed=make_call_seed(chain.record.seed, key, attempts),
        temperature=settings.temperature,
        max_tokens=settings.max_tokens,
    )
    header = read_header(messages[0].text)
    template = f"{header[0]}@{header[1]}" if header else ""
    async with context.slots:  # until the reply is recorded, so that a crash costs no more calls than there are slots
        if context.meter.lost is not None:
            raise type(context.meter.lost)(str(context.meter.lost))  # no reply can be kept: none is paid for
        context.meter.in_flight += 1
        try:
            reply = await _ask(context, request)
        except (ModelMisconfigured, ModelUnreachable):
            raise  # the run stops, the chain does not: nothing about this call is the chain's own
        except ModelError as error:
            context.meter.failed_calls += 1
            await context.database.write_surely(record_failure, key, request, error, template=template)
            raise
        finally:
            context.meter.in_flight -= 1
        context.meter.add(reply)
        try:
            return await context.database.write_surely(record_reply, key, request, reply, template=template)
        except StoreError as error:
            context.meter.lost = error
            raise


def _look_up(connection: Connection, key: StepKey) -> tuple[RecordedReply | None, int]:
    """The recorded reply, and how often that turn was asked for."""
    attempts = count_attempts(connection, key)
    return (find_reply(connection, key) if attempts else None), attempts


async def _ask(context: LoopContext, request: ModelRequest) -> ModelReply:
    cached = None if context.cache is None else context.cache.get(cache_key(request))
    reply = None if cached is None else load_reply(cached)
    if reply is not None:
        return reply
    reservation = await context.budget.reserve_in_turn(context.client.estimate_usd(request))
    try:
        reply = await context.client.complete(request)
    except ModelError as error:
        if error.cost_usd is not None:
            context.budget.settle(reservation, error.cost_usd)
        raise
    else:
        context.budget.settle(reservation, reply.cost_usd)
    finally:
        context.budget.release(reservation)
    if context.cache is not None:
        context.cache.put(cache_key(request), dump_reply(reply))
    return reply


def make_call_seed(chain_seed: int, key: StepKey, attempt: int) -> int:
    """A seed of its own for every slot and turn, the same whenever the chain is run again; another one for another
    attempt, since the first one's answer was of no use."""
    text = f"{chain_seed}:{key.round}:{key.step}:{key.slot}:{key.turn}" + (f":{attempt}" if attempt else "")
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") & 0x7FFFFFFF


async def settle_all(work: Sequence[Awaitable[T]]) -> tuple[list[T], BaseException | None]:
    """All results, and the first failure. When some fail, the others are waited for: they are paid for."""
    if len(work) == 1:
        try:
            return [await work[0]], None
        except Exception as error:  # noqa: BLE001  # handed on
            return [], error
    results = await asyncio.gather(*work, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    grave = [failure for failure in failures if isinstance(failure, ModelMisconfigured | ModelUnreachable)]
    failure = next(iter(grave or failures), None)
    return [result for result in results if not isinstance(result, BaseException)], failure
