"""The ledger of model calls: looked up before a call is made, written before its reply is used."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Integer, bindparam, func, insert, select
from sqlalchemy import cast as sql_cast

from refine.errors import ModelError
from refine.types import Message, ModelReply, ModelRequest, Step, Usage
from store.events import record_event
from store.ids import make_ulid, now
from store.messages import decode_messages, decode_reply, encode_call
from store.statements import Statement, without_snapshot
from store.tables import ASSIGNMENT, CHAIN, LABELER, MODEL_CALL, ROUND


@dataclass(frozen=True, slots=True, kw_only=True)
class StepKey:
    """Which turn of which conversation of a chain; the ledger is unique on it and the attempt."""

    chain_key: int
    round: int
    step: Step
    slot: int
    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedReply:
    """A reply as an engine reads it, now or at a replay."""

    key: int
    text: str
    finish_reason: str
    model: str
    is_erased: bool = False
    """Words of a labeler that it quoted have been erased since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """A whole row of the ledger."""

    id: str
    round: int
    step: Step
    slot: int
    turn: int
    attempt: int
    is_ok: bool
    template: str
    model: str
    model_returned: str | None
    provider: str | None
    params: dict[str, Any]
    seed: int
    messages: tuple[Message, ...]
    messages_sha256: str
    reply: str | None
    reasoning: str | None
    reasoning_kind: Literal["visible", "summarised", "absent"]
    finish_reason: str | None
    usage: Usage
    cost_usd: float | None
    latency_ms: float | None
    errors: tuple[str, ...]
    is_cached: bool
    is_copied: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Sums over a chain or a project; copied calls of forks are not counted twice."""

    calls: int
    failed_calls: int
    prompt_tokens: int
    completion_tokens: int
    models_usd: float
    unpriced_calls: int
    """Calls whose price is not known; models_usd leaves them out."""
    people_usd: float
    unpriced_assignments: int
    """Finished assignments of people without a known rate or time; people_usd leaves them out."""


_OF_KEY = (
    (MODEL_CALL.c.chain_id == bindparam("chain_key"))
    & (MODEL_CALL.c.round == bindparam("of_round"))
    & (MODEL_CALL.c.step == bindparam("of_step"))
    & (MODEL_CALL.c.slot == bindparam("of_slot"))
    & (MODEL_CALL.c.turn == bindparam("of_turn"))
)
_FIND_REPLY = Statement(
    select(MODEL_CALL.c.id, MODEL_CALL.c.reply, MODEL_CALL.c.finish_reason, MODEL_CALL.c.model)
    .where(_OF_KEY, MODEL_CALL.c.state == "ok")
    .order_by(MODEL_CALL.c.attempt.desc())
    .limit(1)
)
_NEWEST_ATTEMPT = Statement(select(func.max(MODEL_CALL.c.attempt)).where(_OF_KEY))
_NEXT_ATTEMPT = select(func.coalesce(func.max(MODEL_CALL.c.attempt) + 1, 0)).where(_OF_KEY).correlate(None)
_INSERT = Statement(
    insert(MODEL_CALL).values(attempt=_NEXT_ATTEMPT.scalar_subquery()),
    (column.name for column in MODEL_CALL.columns if column.name not in ("id", "attempt")),
)
_NO_REPLY: dict[str, Any] = {
    "model_returned": None,
    "provider": None,
    "reasoning_kind": "absent",
    "finish_reason": None,
    "prompt_tokens": None,
    "completion_tokens": None,
    "reasoning_tokens": None,
    "cached_tokens": None,
    "latency_ms": None,
    "is_cached": False,
}


def _bound(key: StepKey) -> dict[str, Any]:
    return {
        "chain_key": key.chain_key,
        "of_round": key.round,
        "of_step": key.step,
        "of_slot": key.slot,
        "of_turn": key.turn,
    }


@without_snapshot
def find_reply(connection: Connection, key: StepKey) -> RecordedReply | None:
    """The recorded reply of that turn, if one came."""
    row = _FIND_REPLY.first(connection, **_bound(key))
    if row is None:
        return None
    text, is_erased = decode_reply(connection, row.reply)
    return RecordedReply(
        key=row.id, text=text, finish_reason=row.finish_reason or "", model=row.model, is_erased=is_erased
    )


@without_snapshot
def count_attempts(connection: Connection, key: StepKey) -> int:
    """How often that turn was asked for: failed calls, and replies that a retry superseded."""
    newest: int | None = _NEWEST_ATTEMPT.scalar(connection, **_bound(key))
    return 0 if newest is None else newest + 1


def load_replies(connection: Connection, *, chain_key: int, round: int, step: Step, slot: int) -> list[RecordedReply]:
    """The replies of one conversation, turn by turn."""
    replies: list[RecordedReply] = []
    while True:
        key = StepKey(chain_key=chain_key, round=round, step=step, slot=slot, turn=len(replies))
        reply = find_reply(connection, key)
        if reply is None:
            return replies
        replies.append(reply)


def record_reply(
    connection: Connection, key: StepKey, request: ModelRequest, reply: ModelReply, *, template: str
) -> RecordedReply:
    row_key = _record(
        connection,
        key,
        request,
        template=template,
        state="ok",
        model_returned=reply.model_returned,
        provider=reply.provider,
        reply=reply.text,
        reasoning=reply.reasoning,
        reasoning_kind=reply.reasoning_kind,
        finish_reason=reply.finish_reason,
        **_tokens(reply.usage),
        cost_usd=reply.cost_usd,
        latency_ms=reply.latency_ms,
        retries=len(reply.errors),
        errors=list(reply.errors),
        is_cached=reply.is_cached,
    )
    return RecordedReply(key=row_key, text=reply.text, finish_reason=reply.finish_reason, model=request.model)


def _tokens(usage: Usage) -> dict[str, int | None]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cached_tokens": usage.cached_tokens,
    }


def record_failure(
    connection: Connection, key: StepKey, request: ModelRequest, error: ModelError, *, template: str
) -> int:
    """A call that failed for good: its cost is unknown, its raw reply, if one came, is kept."""
    return _record(
        connection,
        key,
        request,
        template=template,
        state="failed",
        **_NO_REPLY,
        reply=error.raw_reply,
        reasoning=None,
        cost_usd=error.cost_usd,
        retries=error.retries,
        errors=[str(error)],
    )


def _record(
    connection: Connection,
    key: StepKey,
    request: ModelRequest,
    *,
    template: str,
    state: str,
    reply: str | None,
    reasoning: str | None,
    **values: Any,
) -> int:
    sent, (said, thought) = encode_call(connection, request.messages, [reply, reasoning])
    ulid = make_ulid()
    row_key = _INSERT.insert(
        connection,
        ulid=ulid,
        **_bound(key),
        chain_id=key.chain_key,
        round=key.round,
        step=key.step,
        slot=key.slot,
        turn=key.turn,
        state=state,
        template=template,
        model=request.model,
        params={"temperature": request.temperature, "max_tokens": request.max_tokens},
        seed=request.seed,
        messages=sent.parts,
        messages_sha256=sent.sha256,
        reply=None if said is None else said.parts,
        reply_sha256=None if said is None else said.sha256,
        reasoning=None if thought is None else thought.parts,
        reasoning_sha256=None if thought is None else thought.sha256,
        is_copied=False,
        created_at=now(),
        **values,
    )
    record_event(
        connection, key.chain_key, "model_called", key.round, call=ulid, step=key.step, slot=key.slot, state=state
    )
    return row_key


def load_calls(connection: Connection, chain_key: int) -> list[RecordedCall]:
    """The chain's ledger, in the order the calls were recorded."""
    rows = connection.execute(select(MODEL_CALL).where(MODEL_CALL.c.chain_id == chain_key).order_by(MODEL_CALL.c.id))
    return [_call(connection, row) for row in rows]


def _call(connection: Connection, row: Any) -> RecordedCall:
    def text(parts: list[Any] | None) -> str | None:
        return None if parts is None else decode_reply(connection, parts)[0]

    return RecordedCall(
        id=row.ulid,
        round=row.round,
        step=row.step,
        slot=row.slot,
        turn=row.turn,
        attempt=row.attempt,
        is_ok=row.state != "failed",
        template=row.template,
        model=row.model,
        model_returned=row.model_returned,
        provider=row.provider,
        params=row.params,
        seed=row.seed,
        messages=decode_messages(connection, row.messages),
        messages_sha256=row.messages_sha256,
        reply=text(row.reply),
        reasoning=text(row.reasoning),
        reasoning_kind=row.reasoning_kind,
        finish_reason=row.finish_reason,
        usage=Usage(
            prompt_tokens=row.prompt_tokens,
            completion_tokens=row.completion_tokens,
            reasoning_tokens=row.reasoning_tokens,
            cached_tokens=row.cached_tokens,
        ),
        cost_usd=row.cost_usd,
        latency_ms=row.latency_ms,
        errors=tuple(row.errors or ()),
        is_cached=bool(row.is_cached),
        is_copied=bool(row.is_copied),
        created_at=row.created_at,
    )


def _count_where(condition: Any) -> Any:
    # Cast, since SQLAlchemy reads the sum of a condition as a condition: True for 217.
    return func.coalesce(func.sum(sql_cast(condition, Integer)), 0)


def sum_spending(connection: Connection, *, chain_key: int | None = None, project_key: int | None = None) -> Spending:
    """Of one chain, or of all chains of one project."""
    calls = select(
        func.count(),
        _count_where(MODEL_CALL.c.state == "failed"),
        func.coalesce(func.sum(MODEL_CALL.c.prompt_tokens), 0),
        func.coalesce(func.sum(MODEL_CALL.c.completion_tokens), 0),
        func.coalesce(func.sum(MODEL_CALL.c.cost_usd), 0.0),
        _count_where((MODEL_CALL.c.state == "ok") & MODEL_CALL.c.cost_usd.is_(None)),
    ).where(MODEL_CALL.c.is_copied.is_(False))
    people = (
        select(
            func.coalesce(func.sum(ASSIGNMENT.c.cost_usd), 0.0),
            _count_where(ASSIGNMENT.c.cost_usd.is_(None) & (LABELER.c.kind != "simulated")),
        )
        .join(ROUND, ROUND.c.id == ASSIGNMENT.c.round_id)
        .join(LABELER, LABELER.c.id == ASSIGNMENT.c.labeler_id)
        .where(ASSIGNMENT.c.state.in_(("finished", "reported")))
    )
    if chain_key is not None:
        calls = calls.where(MODEL_CALL.c.chain_id == chain_key)
        people = people.where(ROUND.c.chain_id == chain_key)
    if project_key is not None:
        of_project = select(CHAIN.c.id).where(CHAIN.c.project_id == project_key)
        calls = calls.where(MODEL_CALL.c.chain_id.in_(of_project))
        people = people.where(ROUND.c.chain_id.in_(of_project))
    total, failed, prompt_tokens, completion_tokens, models_usd, unpriced = connection.execute(calls).one()
    people_usd, unpriced_assignments = connection.execute(people).one()
    return Spending(
        calls=total,
        failed_calls=failed,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        models_usd=models_usd,
        unpriced_calls=unpriced,
        people_usd=people_usd,
        unpriced_assignments=unpriced_assignments,
    )
