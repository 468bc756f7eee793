"""The feedback desk: labelers, assignments, rankings and critiques, handed in the same way by people and panels."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Text, bindparam, select, type_coerce, update

from refine.errors import FeedbackError, InputError
from refine.types import Assignment, MadeBy, RankingIn
from store.database import Database
from store.events import record_event
from store.ids import make_ulid, now
from store.projects import parse_settings
from store.statements import Statement, inserting, updating
from store.tables import (
    ASSIGNMENT,
    CANDIDATE,
    CHAIN,
    CRITIQUE,
    LABELER,
    PROMPT,
    RANKING,
    ROUND,
    ROUND_CANDIDATE,
    SETTINGS_VERSION,
    WORDS,
)

_LABELER = Statement(
    select(LABELER.c.id, LABELER.c.ulid, LABELER.c.pay_rate_usd_hour, LABELER.c.disabled_at).where(
        LABELER.c.name == bindparam("wanted")
    )
)
_INSERT_LABELER = inserting(LABELER, "ulid", "name", "kind", "created_at")
_LEASE = Statement(
    select(
        ROUND.c.id,
        ROUND.c.state,
        ROUND.c.kind,
        ROUND.c.number,
        ROUND.c.chain_id,
        CHAIN.c.ulid.label("chain"),
        CHAIN.c.seed,
        CHAIN.c.paused_at,
        CHAIN.c.stop_requested_at,
        PROMPT.c.text.label("prompt"),
        type_coerce(SETTINGS_VERSION.c.settings, Text).label("settings"),
        LABELER.c.id.label("labeler_key"),
        LABELER.c.pay_rate_usd_hour,
        LABELER.c.disabled_at,
        ASSIGNMENT.c.ulid.label("held"),
        ASSIGNMENT.c.shown,
        ASSIGNMENT.c.lease_expires_at,
        ASSIGNMENT.c.state.label("held_state"),
    )
    .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
    .join(PROMPT, PROMPT.c.id == CHAIN.c.prompt_id)
    .join(SETTINGS_VERSION, SETTINGS_VERSION.c.id == ROUND.c.settings_version_id)
    .outerjoin(LABELER, LABELER.c.name == bindparam("labeler"))
    .outerjoin(ASSIGNMENT, (ASSIGNMENT.c.round_id == ROUND.c.id) & (ASSIGNMENT.c.labeler_id == LABELER.c.id))
    .where(ROUND.c.ulid == bindparam("wanted"))
)
"""A round, a labeler if known, and the assignment they share if there is one."""
_INSERT_ASSIGNMENT = inserting(
    ASSIGNMENT,
    *("ulid", "round_id", "labeler_id", "state", "shown", "leased_at", "lease_expires_at", "pay_rate_usd_hour"),
)
_ON_SHOW = Statement(
    select(CANDIDATE.c.id, CANDIDATE.c.ulid, ROUND_CANDIDATE.c.position)
    .join(ROUND_CANDIDATE, ROUND_CANDIDATE.c.candidate_id == CANDIDATE.c.id)
    .where(ROUND_CANDIDATE.c.round_id == bindparam("round_key"))
)
_RANKING_KEY = Statement(select(RANKING.c.id).where(RANKING.c.key == bindparam("wanted")))
_ASSIGNMENT = Statement(
    select(
        ASSIGNMENT.c.id,
        ASSIGNMENT.c.state,
        ASSIGNMENT.c.pay_rate_usd_hour,
        ASSIGNMENT.c.labeler_id,
        LABELER.c.ulid.label("labeler"),
        LABELER.c.consent_version,
        LABELER.c.uses_allowed,
        LABELER.c.disabled_at,
        ROUND.c.id.label("round_key"),
        ROUND.c.chain_id,
        ROUND.c.number,
        ROUND.c.kind,
        ROUND.c.state.label("round_state"),
        ROUND.c.wanted,
        ROUND.c.received,
        ROUND.c.settings_version_id,
        type_coerce(SETTINGS_VERSION.c.settings, Text).label("settings"),
        select(RANKING.c.id).where(RANKING.c.key == bindparam("ranking")).scalar_subquery().label("is_stored"),
    )
    .join(LABELER, LABELER.c.id == ASSIGNMENT.c.labeler_id)
    .join(ROUND, ROUND.c.id == ASSIGNMENT.c.round_id)
    .join(SETTINGS_VERSION, SETTINGS_VERSION.c.id == ROUND.c.settings_version_id)
    .where(ASSIGNMENT.c.ulid == bindparam("wanted"))
)
_INSERT_RANKING = inserting(RANKING, *(column.name for column in RANKING.columns if column.name != "id"))
_FINISH = updating(
    ASSIGNMENT, "state", "finished_at", "active_s", "cost_usd", where=ASSIGNMENT.c.id == bindparam("key")
)
_RECEIVE = updating(ROUND, "received", where=ROUND.c.id == bindparam("key"))
_FILL = updating(ROUND, "received", "state", "filled_at", where=ROUND.c.id == bindparam("key"))
_INSERT_WORDS = inserting(WORDS, "ulid", "labeler_id", "text", "salt", "sha256")
_INSERT_CRITIQUE = inserting(CRITIQUE, *(column.name for column in CRITIQUE.columns if column.name != "id"))


class Desk:
    """The store's FeedbackDesk (refine.protocols)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lease_assignment(self, *, round_id: str, labeler: str, made_by: MadeBy) -> Assignment | None:
        return await self._database.write(lease_assignment, round_id=round_id, labeler=labeler, made_by=made_by)

    async def submit_ranking(
        self,
        *,
        assignment_id: str,
        ranking: RankingIn,
        made_by: MadeBy,
        key: str,
        active_s: float | None = None,
    ) -> bool:
        return await self._database.write(
            submit_ranking, assignment_id=assignment_id, ranking=ranking, made_by=made_by, key=key, active_s=active_s
        )


def ensure_labeler(connection: Connection, name: str, kind: MadeBy) -> Any:
    """The labeler of that name, made known if new. Raises FeedbackError for one that is disabled."""
    row = _LABELER.first(connection, wanted=name)
    if row is None:
        _INSERT_LABELER.insert(connection, ulid=make_ulid(), name=name, kind=kind, created_at=now())
        row = _LABELER.one(connection, wanted=name)
    if row.disabled_at is not None:
        raise FeedbackError(f"labeler {name!r} is disabled; no work is given to or taken from them")
    return row


def lease_assignment(
    connection: Connection, *, round_id: str, labeler: str, made_by: MadeBy, is_done: bool = False
) -> Assignment | None:
    """See refine.protocols.FeedbackDesk. The order shown is the labeler's own, from round and labeler.

    With `is_done` the work is done already and only to be handed in: that the round wants no more, or that its chain is
    paused, is no reason to refuse it.
    """
    round = _LEASE.first(connection, wanted=round_id, labeler=labeler)
    if round is None:
        raise FeedbackError(f"no round {round_id!r} in this database")
    if round.labeler_key is None or round.disabled_at is not None:
        ensure_labeler(connection, labeler, made_by)
        round = _LEASE.one(connection, wanted=round_id, labeler=labeler)
    settings = parse_settings(round.settings)
    on_show = _ON_SHOW.all(connection, round_key=round.id)
    if round.held is not None:
        if round.held_state != "leased":
            return None
        ulid, shown, expires_at = round.held, list(round.shown), round.lease_expires_at
    else:
        is_closed = round.state != "open" or round.paused_at is not None or round.stop_requested_at is not None
        if is_closed and not is_done:
            return None
        if round.kind == "audit" and _has_seen_chain(connection, round.chain_id, round.labeler_key):
            return None
        shown = _own_order(on_show, f"{round.seed}:{round.kind}:{round.number}:{labeler}")
        ulid, at = make_ulid(), now()
        expires_at = at + timedelta(seconds=settings.lease_s)
        rate = settings.pay_rate_usd_hour if round.pay_rate_usd_hour is None else round.pay_rate_usd_hour
        _INSERT_ASSIGNMENT.insert(
            connection,
            ulid=ulid,
            round_id=round.id,
            labeler_id=round.labeler_key,
            state="leased",
            shown=shown,
            leased_at=at,
            lease_expires_at=expires_at,
            pay_rate_usd_hour=rate,
        )
    names = {candidate.id: candidate.ulid for candidate in on_show}
    return Assignment(
        id=ulid,
        round=round_id,
        chain=round.chain,
        prompt=round.prompt,
        instructions=settings.instructions,
        labeler=labeler,
        candidates=tuple(names[key] for key in shown),
        lease_expires_at=expires_at,
    )


def _has_seen_chain(connection: Connection, chain_key: int, labeler_key: int) -> bool:
    query = (
        select(ASSIGNMENT.c.id)
        .join(ROUND, ROUND.c.id == ASSIGNMENT.c.round_id)
        .where(ROUND.c.chain_id == chain_key, ROUND.c.kind == "normal", ASSIGNMENT.c.labeler_id == labeler_key)
        .limit(1)
    )
    return connection.execute(query).first() is not None


def _own_order(on_show: list[Any], salt: str) -> list[int]:
    """The round's candidates shuffled by a hash of labeler and position: the same at every run, no order favoured."""
    order = sorted(on_show, key=lambda row: hashlib.sha256(f"{salt}:{row.position}".encode()).digest())
    return [row.id for row in order]


def has_ranking(connection: Connection, key: str) -> bool:
    """Whether a ranking was stored under this idempotency key."""
    return _RANKING_KEY.first(connection, wanted=key) is not None


def submit_ranking(
    connection: Connection,
    *,
    assignment_id: str,
    ranking: RankingIn,
    made_by: MadeBy,
    key: str,
    active_s: float | None = None,
) -> bool:
    """See refine.protocols.FeedbackDesk."""
    held = _ASSIGNMENT.first(connection, wanted=assignment_id, ranking=key)
    if has_ranking(connection, key) if held is None else held.is_stored is not None:
        return False
    if held is None:
        raise FeedbackError(f"no assignment {assignment_id!r} in this database")
    if held.disabled_at is not None:
        raise FeedbackError("this labeler is disabled; nothing is taken from them")
    if held.state == "finished":
        raise FeedbackError("this assignment is finished already; a second ranking for it was not stored")
    keys = {row.ulid: row.id for row in _ON_SHOW.all(connection, round_key=held.round_key)}
    _check_ranking(ranking, keys)
    at = now()
    uses = held.uses_allowed if held.uses_allowed is not None else parse_settings(held.settings).uses_allowed
    ulid = make_ulid()
    ranking_key = _INSERT_RANKING.insert(
        connection,
        ulid=ulid,
        assignment_id=held.id,
        round_id=held.round_key,
        labeler_id=held.labeler_id,
        groups=[[keys[name] for name in group] for group in ranking.groups],
        unjudgeable=[keys[name] for name in ranking.unjudgeable],
        key=key,
        made_by=made_by,
        settings_version_id=held.settings_version_id,
        consent_version=held.consent_version,
        uses_allowed=list(uses),
        created_at=at,
    )
    for critique in ranking.critiques:
        _add_critique(connection, held, ranking_key, keys[critique.candidate], critique, made_by)
    cost = None if active_s is None or held.pay_rate_usd_hour is None else active_s * held.pay_rate_usd_hour / 3600
    _FINISH.run(connection, key=held.id, state="finished", finished_at=at, active_s=active_s, cost_usd=cost)
    received = held.received + 1
    is_full = held.round_state == "open" and received >= held.wanted
    if is_full:
        _FILL.run(connection, key=held.round_key, received=received, state="full", filled_at=at)
    else:
        _RECEIVE.run(connection, key=held.round_key, received=received)
    record_event(
        connection,
        held.chain_id,
        "ranking_received",
        held.number,
        ranking=ulid,
        labeler=held.labeler,
        critiques=len(ranking.critiques),
        kind=held.kind,
    )
    if is_full:
        record_event(connection, held.chain_id, "round_full", held.number, kind=held.kind)
    return True


def _check_ranking(ranking: RankingIn, known: dict[str, int]) -> None:
    named = [name for group in ranking.groups for name in group] + list(ranking.unjudgeable)
    for name in [*named, *(critique.candidate for critique in ranking.critiques)]:
        if name not in known:
            raise FeedbackError(f"candidate {name!r} is not in this round; it has {', '.join(sorted(known))}")
    if not named:
        raise FeedbackError("the ranking names no candidate; rank at least one or say that it cannot be judged")
    if len(set(named)) < len(named):
        doubled = next(name for name in named if named.count(name) > 1)
        raise FeedbackError(f"candidate {doubled!r} is named twice in one ranking")


def _add_critique(
    connection: Connection, held: Any, ranking_key: int, candidate_key: int, critique: Any, made_by: MadeBy
) -> None:
    salt = secrets.token_hex(16)
    text = critique.text
    words_key = _INSERT_WORDS.insert(
        connection,
        ulid=make_ulid(),
        labeler_id=held.labeler_id,
        text=text,
        salt=salt,
        sha256=hashlib.sha256((salt + text).encode("utf-8", "surrogatepass")).hexdigest(),
    )
    _INSERT_CRITIQUE.insert(
        connection,
        ulid=make_ulid(),
        ranking_id=ranking_key,
        round_id=held.round_key,
        candidate_id=candidate_key,
        words_id=words_key,
        anchor=None if critique.anchor is None else critique.anchor.model_dump(mode="json"),
        made_by=made_by,
        created_at=now(),
    )


def find_open_round(
    connection: Connection, *, project_key: int, prompt_key: str, number: int | None, chain: str | None = None
) -> tuple[str, int, str] | None:
    """(ulid, key, state) of the round of that number (None: the audit round) of the prompt's chain: the one that was
    not forked, unless `chain` names another."""
    condition = ROUND.c.kind == "audit" if number is None else (ROUND.c.kind == "normal") & (ROUND.c.number == number)
    which = CHAIN.c.parent_chain_id.is_(None) if chain is None else CHAIN.c.ulid == chain
    row = connection.execute(
        select(ROUND.c.ulid, ROUND.c.id, ROUND.c.state)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .join(PROMPT, PROMPT.c.id == CHAIN.c.prompt_id)
        .where(CHAIN.c.project_id == project_key, which, PROMPT.c.key == prompt_key, condition)
    ).first()
    return None if row is None else (row.ulid, row.id, row.state)


def erase_words(connection: Connection, labeler: str) -> int:
    """Erase everything this labeler wrote, drew or pinned, and the name: hashes of the words stay as tombstones. How
    many texts were erased."""
    row = connection.execute(select(LABELER.c.id, LABELER.c.ulid).where(LABELER.c.name == labeler)).first()
    if row is None:
        raise InputError(f"no labeler named {labeler!r}")
    at = now()
    result = connection.execute(
        update(WORDS)
        .where(WORDS.c.labeler_id == row.id, WORDS.c.erased_at.is_(None))
        .values(text=None, salt=None, erased_at=at)
    )
    of_labeler = select(RANKING.c.id).where(RANKING.c.labeler_id == row.id)
    connection.execute(update(CRITIQUE).where(CRITIQUE.c.ranking_id.in_(of_labeler)).values(anchor=None))
    connection.execute(
        update(LABELER).where(LABELER.c.id == row.id).values(name=f"erased-{row.ulid}", erased_at=at, disabled_at=at)
    )
    return result.rowcount
