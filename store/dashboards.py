"""What dashboards read: what waits, pages of the list of chains, and a chain's checks and controls. Only reads.

Sums over all chains are made by `refine.api.tally`. Costs never count a fork's copied calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Integer, Text, and_, column, func, literal, literal_column, or_, select, table

from store.statements import without_snapshot
from store.tables import ASSIGNMENT, CANDIDATE, CHAIN, CHECK, CONTROL, MODEL_CALL, PROJECT, PROMPT, ROUND, VERDICT
from store.work_tables import HELD

Sort = Literal["newest", "oldest", "cost", "gain"]
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
    min_gain: float | None = None
    """Of P(its incumbent is better than its first candidate)."""
    model: str | None = None
    """Wrote one of its candidates."""
    created_after: datetime | None = None
    text: str | None = None
    """Stands in the prompt, or begins the chain's id; letters in any case."""


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
    priority: int
    rounds_judged: int
    improved_in: int | None
    """The round its incumbent was made in; None before the first verdict."""
    models_usd: float
    people_usd: float
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


def _in_project(project_key: int | None) -> Any:
    return literal(True) if project_key is None else CHAIN.c.project_id == project_key


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
        .order_by(ROUND.c.opened_at, ROUND.c.id)
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
# `likely` keeps SQLite from going by state, which nearly all rounds have in common, and not by chain.
_JUDGED = (
    select(func.count())
    .where(ROUND.c.chain_id == CHAIN.c.id, ROUND.c.kind == "normal", func.likely(ROUND.c.state == "judged"))
    .correlate(CHAIN)
    .scalar_subquery()
)
_INCUMBENT = CANDIDATE.alias("incumbent")
_LISTED = (
    select(
        CHAIN.c.id.label("key"),
        CHAIN.c.ulid.label("id"),
        PROJECT.c.name.label("project"),
        func.substr(PROMPT.c.text, 1, PROMPT_SHOWN).label("prompt"),
        CHAIN.c.state,
        CHAIN.c.paused_at.is_not(None).label("is_paused"),
        CHAIN.c.stop_reason,
        CHAIN.c.priority,
        _JUDGED.label("rounds_judged"),
        _INCUMBENT.c.round.label("improved_in"),
        _MODELS_USD.label("models_usd"),
        _PEOPLE_USD.label("people_usd"),
        CHAIN.c.is_demo,
        CHAIN.c.is_simulated,
        CHAIN.c.created_at,
        CHAIN.c.ended_at,
    )
    .join(PROJECT, PROJECT.c.id == CHAIN.c.project_id)
    .join(PROMPT, PROMPT.c.id == CHAIN.c.prompt_id)
    .outerjoin(_INCUMBENT, _INCUMBENT.c.id == CHAIN.c.incumbent_id)
)


def list_by_key(connection: Connection, keys: Sequence[int]) -> list[ListedChain]:
    """Those chains, in this order."""
    rows = connection.execute(_LISTED.where(CHAIN.c.id.in_(keys))).mappings()
    found = {row["key"]: ListedChain(**row) for row in rows}
    return [found[key] for key in keys if key in found]


def page_chains(
    connection: Connection, wanted: ChainFilter, *, is_newest_first: bool, after: str | None, limit: int
) -> list[ListedChain]:
    """A keyset page: chains that come after this id. Cost and gain are not looked at: they are known to the tally."""
    query = select(CHAIN.c.id).order_by(CHAIN.c.ulid.desc() if is_newest_first else CHAIN.c.ulid).limit(limit)
    if wanted.is_improved is not None:
        query = query.join(_INCUMBENT, _INCUMBENT.c.id == CHAIN.c.incumbent_id)
    for condition in _conditions(wanted):
        query = query.where(condition)
    if after is not None:
        query = query.where(CHAIN.c.ulid < after if is_newest_first else CHAIN.c.ulid > after)
    return list_by_key(connection, list(connection.execute(query).scalars()))


def _conditions(wanted: ChainFilter) -> list[Any]:
    conditions: list[Any] = []
    if wanted.project is not None:
        of_name = select(PROJECT.c.id).where(PROJECT.c.name == wanted.project).scalar_subquery()
        conditions.append(CHAIN.c.project_id == of_name)
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
    if wanted.model is not None:
        written = select(CANDIDATE.c.id).where(
            CANDIDATE.c.chain_id == CHAIN.c.id, CANDIDATE.c.generator == wanted.model
        )
        conditions.append(written.correlate(CHAIN).exists())
    if wanted.text is not None:
        begins = CHAIN.c.ulid.startswith(wanted.text.upper(), autoescape=True)
        conditions.append(or_(CHAIN.c.prompt_id.in_(_prompts_with(wanted.text)), begins))
    return conditions


_INDEX = table("prompt_text", column("rowid", Integer), column("text", Text))
"""The trigrams of prompts, kept by triggers."""
_SHORTEST = 3
"""Characters that the index needs."""


def _prompts_with(words: str) -> Any:
    """Keys of the prompts that hold these very characters, whatever they would mean to FTS5."""
    if len(words) < _SHORTEST:
        return select(PROMPT.c.id).where(PROMPT.c.text.icontains(words, autoescape=True))
    phrase = '"' + words.replace("\0", " ").replace('"', '""') + '"'
    return select(_INDEX.c.rowid).where(literal_column("prompt_text").op("MATCH")(phrase))


def find_by_text(connection: Connection, words: str) -> list[int]:
    """Keys of chains whose prompt has the words, or whose id begins with them."""
    rows = connection.execute(select(CHAIN.c.id).where(*_conditions(ChainFilter(text=words))))
    return list(rows.scalars())


def list_unimproved(connection: Connection, project_key: int, *, limit: int) -> list[str]:
    """Ids of ended chains whose final page is one of the first round's, the oldest first."""
    rows = connection.execute(
        select(CHAIN.c.ulid)
        .join(_INCUMBENT, _INCUMBENT.c.id == CHAIN.c.incumbent_id)
        .where(
            CHAIN.c.project_id == project_key,
            CHAIN.c.state == "ended",
            CHAIN.c.kind == "refine",
            _INCUMBENT.c.round == 1,
        )
        .order_by(CHAIN.c.id)
        .limit(limit)
    )
    return list(rows.scalars())


@without_snapshot
def list_ids(connection: Connection, keys: Sequence[int]) -> list[str]:
    """Ids of those chains, in this order."""
    found = dict(connection.execute(select(CHAIN.c.id, CHAIN.c.ulid).where(CHAIN.c.id.in_(keys))).all())
    return [found[key] for key in keys if key in found]


@without_snapshot
def find_keys(connection: Connection, ulids: Sequence[str]) -> dict[str, int]:
    """Keys of chains by their ids."""
    return dict(connection.execute(select(CHAIN.c.ulid, CHAIN.c.id).where(CHAIN.c.ulid.in_(ulids))).all())


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
