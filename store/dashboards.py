"""What dashboards read: counts and sums of many chains, and pages of the list of chains. Only reads.

Sums over time and text searches scan rows; everything else goes by an index. Costs never count a fork's copied calls.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Integer, Text, and_, case, cast, func, literal, or_, select, tuple_, type_coerce

from store.tables import (
    ASSIGNMENT,
    CANDIDATE,
    CHAIN,
    CHECK,
    CONTROL,
    MODEL_CALL,
    PROJECT,
    PROMPT,
    RANKING,
    ROUND,
    VERDICT,
)
from store.work_tables import HELD

Sort = Literal["newest", "oldest", "cost"]
Width = Literal[10, 13, 16]
"""Characters of an ISO time that name a slice of it: a day, an hour or a minute."""
PROMPT_SHOWN = 300
"""Characters of a prompt in a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What happened in one day, hour or minute."""

    at: str
    """The first characters of the ISO time, UTC."""
    models_usd: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: int = 0
    people_usd: float = 0.0
    people_s: float = 0.0
    rankings: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An open round."""

    chain: str
    project: str
    prompt: str
    number: int
    kind: str
    wanted: int
    received: int
    in_hand: int
    """Places that somebody holds now."""
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingSum:
    rounds: int
    rankings: int
    """Still wanted by them."""
    in_hand: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundStep:
    """All judged rounds of one number."""

    number: int
    judged: int
    replaced: int
    """In which a challenger took the incumbent's place; 0 for round one, which has no incumbent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFilter:
    """None means any. Everything given has to hold."""

    project: str | None = None
    state: str | None = None
    """A ChainState, or `paused`."""
    stop_reason: str | None = None
    is_improved: bool | None = None
    """The incumbent was made after round one."""
    min_cost_usd: float | None = None
    created_after: datetime | None = None
    text: str | None = None
    """Stands in the prompt, or begins the chain's id; ASCII letters in any case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedChain:
    key: int
    id: str
    project: str
    prompt: str
    """Its first PROMPT_SHOWN characters."""
    state: str
    is_paused: bool
    stop_reason: str | None
    rounds_judged: int
    improved_in: int | None
    """The round its incumbent was made in; None before the first verdict."""
    models_usd: float
    people_usd: float
    cost_micros: int
    """Both, in millionths of a dollar."""
    is_demo: bool
    is_simulated: bool
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlLine:
    candidate: str
    original: str
    operator: str
    channel: str
    severity: float
    is_retired: bool


# --- Counts ---------------------------------------------------------------------------------------------------------


def _in_project(project_key: int | None) -> Any:
    return literal(True) if project_key is None else CHAIN.c.project_id == project_key


def count_chains(connection: Connection, project_key: int | None) -> dict[str, int]:
    """Chains by state; paused ones under `paused`, failed ones under `failed`."""
    is_failed = (CHAIN.c.state == "ended") & (func.coalesce(CHAIN.c.stop_reason, "") == "failed")
    is_paused = (CHAIN.c.state != "ended") & CHAIN.c.paused_at.is_not(None)
    name = case((is_failed, "failed"), (is_paused, "paused"), else_=CHAIN.c.state)
    rows = connection.execute(select(name, func.count()).where(_in_project(project_key)).group_by(name))
    return {state: number for state, number in rows}


def count_stops(connection: Connection, project_key: int | None) -> dict[str, int]:
    """Stop reason -> ended chains."""
    rows = connection.execute(
        select(CHAIN.c.stop_reason, func.count())
        .where(CHAIN.c.state == "ended", CHAIN.c.stop_reason.is_not(None), _in_project(project_key))
        .group_by(CHAIN.c.stop_reason)
    )
    return {reason: number for reason, number in rows}


def count_stop_rounds(connection: Connection, project_key: int | None) -> list[tuple[str, int, int]]:
    """(stop reason, judged rounds at the end, chains): where chains stop, and why."""
    judged = (
        select(func.count())
        .where(ROUND.c.chain_id == CHAIN.c.id, ROUND.c.kind == "normal", ROUND.c.state == "judged")
        .correlate(CHAIN)
        .scalar_subquery()
    )
    ended = (
        select(CHAIN.c.stop_reason, judged.label("judged"))
        .where(CHAIN.c.state == "ended", CHAIN.c.stop_reason.is_not(None), _in_project(project_key))
        .subquery()
    )
    rows = connection.execute(
        select(ended.c.stop_reason, ended.c.judged, func.count()).group_by(ended.c.stop_reason, ended.c.judged)
    )
    return sorted((reason, rounds, number) for reason, rounds, number in rows)


def count_rounds(connection: Connection, project_key: int | None) -> list[RoundStep]:
    """Judged normal rounds by number."""
    is_replaced = VERDICT.c.incumbent_id.is_not(None) & (VERDICT.c.winner_id != VERDICT.c.incumbent_id)
    rows = connection.execute(
        select(ROUND.c.number, func.count(), func.coalesce(func.sum(case((is_replaced, 1), else_=0)), 0))
        .join(VERDICT, VERDICT.c.round_id == ROUND.c.id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .where(ROUND.c.kind == "normal", _in_project(project_key))
        .group_by(ROUND.c.number)
        .order_by(ROUND.c.number)
    )
    return [RoundStep(number=number, judged=judged, replaced=replaced) for number, judged, replaced in rows]


# --- Over time ------------------------------------------------------------------------------------------------------


def find_span(connection: Connection, project_key: int | None) -> tuple[str, str] | None:
    """(first, last) time at which anything was ordered, called or ranked, as stored; None for an empty store."""
    first = connection.execute(
        select(type_coerce(func.min(CHAIN.c.created_at), Text)).where(_in_project(project_key))
    ).scalar()
    if first is None:
        return None
    last = connection.execute(
        select(type_coerce(func.max(MODEL_CALL.c.created_at), Text))
        .join(CHAIN, CHAIN.c.id == MODEL_CALL.c.chain_id)
        .where(_in_project(project_key))
    ).scalar()
    ranked = connection.execute(
        select(type_coerce(func.max(RANKING.c.created_at), Text))
        .join(ROUND, ROUND.c.id == RANKING.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .where(_in_project(project_key))
    ).scalar()
    return first, max(it for it in (first, last, ranked) if it is not None)


def sum_over_time(connection: Connection, project_key: int | None, width: Width) -> list[Slice]:
    """What was spent and ranked, oldest first; slices in which nothing happened are left out."""
    found: dict[str, dict[str, Any]] = {}
    at = func.substr(type_coerce(MODEL_CALL.c.created_at, Text), 1, width)
    calls = (
        select(
            at.label("at"),
            func.coalesce(func.sum(MODEL_CALL.c.cost_usd), 0.0).label("models_usd"),
            func.coalesce(func.sum(MODEL_CALL.c.prompt_tokens), 0).label("prompt_tokens"),
            func.coalesce(func.sum(MODEL_CALL.c.completion_tokens), 0).label("completion_tokens"),
            func.count().label("calls"),
        )
        .where(MODEL_CALL.c.is_copied.is_(False))
        .group_by(at)
    )
    done = func.substr(type_coerce(ASSIGNMENT.c.finished_at, Text), 1, width)
    people = (
        select(
            done.label("at"),
            func.coalesce(func.sum(ASSIGNMENT.c.cost_usd), 0.0).label("people_usd"),
            func.coalesce(func.sum(ASSIGNMENT.c.active_s), 0.0).label("people_s"),
            func.count().label("rankings"),
        )
        .where(ASSIGNMENT.c.state == "finished", ASSIGNMENT.c.finished_at.is_not(None))
        .group_by(done)
    )
    if project_key is not None:
        calls = calls.join(CHAIN, CHAIN.c.id == MODEL_CALL.c.chain_id).where(CHAIN.c.project_id == project_key)
        people = people.join(ROUND, ROUND.c.id == ASSIGNMENT.c.round_id).join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        people = people.where(CHAIN.c.project_id == project_key)
    for query in (calls, people):
        for row in connection.execute(query).mappings():
            found.setdefault(row["at"], {}).update(row)
    return [Slice(**found[each]) for each in sorted(found)]


# --- What waits -----------------------------------------------------------------------------------------------------

_IN_HAND = (
    select(func.count())
    .where(HELD.c.round_id == ROUND.c.id, HELD.c.place_until.is_not(None))
    .correlate(ROUND)
    .scalar_subquery()
)


def _awaited(project_key: int | None) -> Any:
    return and_(
        ROUND.c.state == "open",
        CHAIN.c.state.in_(("waiting", "audit")),
        CHAIN.c.paused_at.is_(None),
        _in_project(project_key),
    )


def sum_waiting(connection: Connection, project_key: int | None) -> WaitingSum:
    row = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(ROUND.c.wanted - ROUND.c.received), 0),
            func.coalesce(func.sum(_IN_HAND), 0),
            func.min(ROUND.c.opened_at),
        )
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .where(_awaited(project_key))
    ).one()
    oldest = row[3] if row[3] is None or isinstance(row[3], datetime) else datetime.fromisoformat(row[3])
    return WaitingSum(rounds=row[0], rankings=row[1], in_hand=row[2], oldest=oldest)


def list_waiting(connection: Connection, project_key: int | None, *, limit: int) -> list[Waiting]:
    """Open rounds, the longest open first."""
    rows = connection.execute(
        select(
            CHAIN.c.ulid.label("chain"),
            PROJECT.c.name.label("project"),
            func.substr(PROMPT.c.text, 1, PROMPT_SHOWN).label("prompt"),
            ROUND.c.number,
            ROUND.c.kind,
            ROUND.c.wanted,
            ROUND.c.received,
            _IN_HAND.label("in_hand"),
            ROUND.c.opened_at,
        )
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .join(PROJECT, PROJECT.c.id == CHAIN.c.project_id)
        .join(PROMPT, PROMPT.c.id == CHAIN.c.prompt_id)
        .where(_awaited(project_key))
        .order_by(ROUND.c.id)
        .limit(limit)
    ).mappings()
    return [Waiting(**row) for row in rows]


# --- The list of chains ---------------------------------------------------------------------------------------------

_MODELS_USD = (
    select(func.coalesce(func.sum(MODEL_CALL.c.cost_usd), 0.0))
    .where(MODEL_CALL.c.chain_id == CHAIN.c.id, MODEL_CALL.c.is_copied.is_(False))
    .correlate(CHAIN)
    .scalar_subquery()
)
_PEOPLE_USD = (
    select(func.coalesce(func.sum(ASSIGNMENT.c.cost_usd), 0.0))
    .join(ROUND, ROUND.c.id == ASSIGNMENT.c.round_id)
    .where(ROUND.c.chain_id == CHAIN.c.id, ASSIGNMENT.c.state.in_(("finished", "reported")))
    .correlate(CHAIN)
    .scalar_subquery()
)
_JUDGED = (
    select(func.count())
    .where(ROUND.c.chain_id == CHAIN.c.id, ROUND.c.kind == "normal", ROUND.c.state == "judged")
    .correlate(CHAIN)
    .scalar_subquery()
)
_INCUMBENT = CANDIDATE.alias("incumbent")
_COST = cast(func.round((_MODELS_USD + _PEOPLE_USD) * 1e6), Integer)
"""In millionths of a dollar: whole numbers compare alike here and in SQLite."""


def page_chains(
    connection: Connection, wanted: ChainFilter, *, sort: Sort, after: tuple[int, str] | None, limit: int
) -> list[ListedChain]:
    """A keyset page: chains that come after (cost, id) in this order; the cost is only looked at in order of cost."""
    query = (
        select(
            CHAIN.c.id.label("key"),
            CHAIN.c.ulid.label("id"),
            PROJECT.c.name.label("project"),
            func.substr(PROMPT.c.text, 1, PROMPT_SHOWN).label("prompt"),
            CHAIN.c.state,
            CHAIN.c.paused_at.is_not(None).label("is_paused"),
            CHAIN.c.stop_reason,
            _JUDGED.label("rounds_judged"),
            _INCUMBENT.c.round.label("improved_in"),
            _MODELS_USD.label("models_usd"),
            _PEOPLE_USD.label("people_usd"),
            _COST.label("cost_micros"),
            CHAIN.c.is_demo,
            CHAIN.c.is_simulated,
            CHAIN.c.created_at,
            CHAIN.c.ended_at,
        )
        .join(PROJECT, PROJECT.c.id == CHAIN.c.project_id)
        .join(PROMPT, PROMPT.c.id == CHAIN.c.prompt_id)
        .outerjoin(_INCUMBENT, _INCUMBENT.c.id == CHAIN.c.incumbent_id)
        .limit(limit)
    )
    for condition in _conditions(wanted):
        query = query.where(condition)
    if sort == "cost":
        query = query.order_by(_COST.desc(), CHAIN.c.ulid.desc())
        if after is not None:
            query = query.where(tuple_(_COST, CHAIN.c.ulid) < tuple_(literal(after[0]), literal(after[1])))
    else:
        query = query.order_by(CHAIN.c.ulid.desc() if sort == "newest" else CHAIN.c.ulid)
        if after is not None:
            query = query.where(CHAIN.c.ulid < after[1] if sort == "newest" else CHAIN.c.ulid > after[1])
    return [ListedChain(**row) for row in connection.execute(query).mappings()]


def _conditions(wanted: ChainFilter) -> list[Any]:
    conditions: list[Any] = []
    if wanted.project is not None:
        conditions.append(PROJECT.c.name == wanted.project)
    if wanted.state == "paused":
        conditions.append((CHAIN.c.state != "ended") & CHAIN.c.paused_at.is_not(None))
    elif wanted.state is not None:
        conditions.append(CHAIN.c.state == wanted.state)
    if wanted.stop_reason is not None:
        conditions.append((CHAIN.c.state == "ended") & (CHAIN.c.stop_reason == wanted.stop_reason))
    if wanted.is_improved is not None:
        conditions.append(_INCUMBENT.c.round > 1 if wanted.is_improved else _INCUMBENT.c.round == 1)
    if wanted.created_after is not None:
        conditions.append(CHAIN.c.created_at > wanted.created_after)
    if wanted.text is not None:
        conditions.append(
            or_(
                PROMPT.c.text.icontains(wanted.text, autoescape=True),
                CHAIN.c.ulid.startswith(wanted.text.upper(), autoescape=True),
            )
        )
    if wanted.min_cost_usd is not None:
        conditions.append(literal(round(wanted.min_cost_usd * 1e6)) <= _COST)
    return conditions


# --- One chain ------------------------------------------------------------------------------------------------------


def load_last_verdict(connection: Connection, chain_key: int) -> tuple[dict[str, Any], str, str] | None:
    """(details of the newest verdict, id of the first usable candidate, id of the incumbent); None without one."""
    row = connection.execute(
        select(VERDICT.c.verdict, CANDIDATE.c.ulid)
        .join(ROUND, ROUND.c.id == VERDICT.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .join(CANDIDATE, CANDIDATE.c.id == CHAIN.c.incumbent_id)
        .where(CHAIN.c.id == chain_key, ROUND.c.kind == "normal")
        .order_by(ROUND.c.number.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    first = connection.execute(
        select(CANDIDATE.c.ulid)
        .where(CANDIDATE.c.chain_id == chain_key, CANDIDATE.c.round == 1, CANDIDATE.c.state == "ok")
        .where(CANDIDATE.c.kind != "control")
        .order_by(CANDIDATE.c.slot)
        .limit(1)
    ).scalar()
    return None if first is None else (row.verdict.get("details", {}), first, row.ulid)


def load_failed_checks(connection: Connection, chain_key: int) -> dict[str, list[tuple[str, str]]]:
    """Candidate -> (name, detail) of every check it did not pass."""
    rows = connection.execute(
        select(CANDIDATE.c.ulid, CHECK.c.name, CHECK.c.detail)
        .join(CANDIDATE, CANDIDATE.c.id == CHECK.c.candidate_id)
        .where(CANDIDATE.c.chain_id == chain_key, CHECK.c.passed.is_(False))
        .order_by(CHECK.c.id)
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for candidate, name, detail in rows:
        found.setdefault(candidate, []).append((name, detail))
    return found


def load_controls(connection: Connection, chain_key: int) -> list[ControlLine]:
    copy, original = CANDIDATE.alias("copy"), CANDIDATE.alias("original")
    rows = connection.execute(
        select(
            copy.c.ulid.label("candidate"),
            original.c.ulid.label("original"),
            CONTROL.c.operator,
            CONTROL.c.channel,
            CONTROL.c.severity,
            CONTROL.c.retired_at.is_not(None).label("is_retired"),
        )
        .join(copy, copy.c.id == CONTROL.c.candidate_id)
        .join(original, original.c.id == CONTROL.c.original_id)
        .where(copy.c.chain_id == chain_key)
        .order_by(CONTROL.c.id)
    ).mappings()
    return [ControlLine(**row) for row in rows]
