"""The feedback desk: labelers, assignments, rankings and critiques, handed in the same way by people and panels."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Text, bindparam, delete, select, type_coerce

from refine.errors import AccessDenied, FeedbackError
from refine.types import Assignment, MadeBy, RankingIn
from store.controls import place_one
from store.database import Database
from store.details import add_critique, add_details, archive_ranking, check_details
from store.events import record_event
from store.ids import make_ulid, now
from store.places import drop_places, take_place
from store.projects import parse_settings
from store.snapshots import find_snapshot
from store.statements import Statement, inserting, updating
from store.tables import (
    ASSIGNMENT,
    CANDIDATE,
    CHAIN,
    LABELER,
    PROMPT,
    RANKING,
    ROUND,
    ROUND_CANDIDATE,
    SETTINGS_VERSION,
)
from store.work_tables import CONSENT, DRAFT, HELD, QUEUE, RANKING_HISTORY

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
        QUEUE.c.phase,
        QUEUE.c.places,
    )
    .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
    .join(PROMPT, PROMPT.c.id == CHAIN.c.prompt_id)
    .join(SETTINGS_VERSION, SETTINGS_VERSION.c.id == ROUND.c.settings_version_id)
    .outerjoin(LABELER, LABELER.c.name == bindparam("labeler"))
    .outerjoin(ASSIGNMENT, (ASSIGNMENT.c.round_id == ROUND.c.id) & (ASSIGNMENT.c.labeler_id == LABELER.c.id))
    .outerjoin(QUEUE, QUEUE.c.round_id == ROUND.c.id)
    .where(ROUND.c.ulid == bindparam("wanted"))
)
"""A round, a labeler if known, and the assignment they share if there is one."""
_INSERT_ASSIGNMENT = inserting(
    ASSIGNMENT,
    *("ulid", "round_id", "labeler_id", "state", "shown", "leased_at", "lease_expires_at", "pay_rate_usd_hour"),
    "control_id",
)
_ON_SHOW = Statement(
    select(CANDIDATE.c.id, CANDIDATE.c.ulid, ROUND_CANDIDATE.c.position)
    .join(ROUND_CANDIDATE, ROUND_CANDIDATE.c.candidate_id == CANDIDATE.c.id)
    .where(ROUND_CANDIDATE.c.round_id == bindparam("round_key"))
)
_ULID_OF = Statement(select(CANDIDATE.c.ulid).where(CANDIDATE.c.id == bindparam("key")))
_INSERT_HELD = inserting(HELD, "assignment_id", "labeler_id", "round_id", "place_until")
_DROP_HELD = Statement(delete(HELD).where(HELD.c.assignment_id == bindparam("key")))
_DROP_DRAFT = Statement(delete(DRAFT).where(DRAFT.c.assignment_id == bindparam("key")))
_RANKING_KEY = Statement(select(RANKING.c.id).where(RANKING.c.key == bindparam("wanted")))
_OLD_KEY = Statement(select(RANKING_HISTORY.c.id).where(RANKING_HISTORY.c.key == bindparam("wanted")))
_CONSENT = Statement(
    select(CONSENT.c.id)
    .join(CHAIN, CHAIN.c.project_id == CONSENT.c.project_id)
    .where(
        CHAIN.c.id == bindparam("chain_key"),
        CONSENT.c.labeler_id == bindparam("labeler_key"),
        CONSENT.c.version == bindparam("wanted"),
    )
)
_ASSIGNMENT = Statement(
    select(
        ASSIGNMENT.c.id,
        ASSIGNMENT.c.state,
        ASSIGNMENT.c.pay_rate_usd_hour,
        ASSIGNMENT.c.active_s,
        ASSIGNMENT.c.reopened_at,
        ASSIGNMENT.c.labeler_id,
        ASSIGNMENT.c.shown,
        ASSIGNMENT.c.control_id,
        HELD.c.assignment_id.label("in_hand"),
        HELD.c.place_until,
        DRAFT.c.assignment_id.label("draft"),
        QUEUE.c.phase,
        QUEUE.c.places,
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
        select(RANKING_HISTORY.c.id)
        .where(RANKING_HISTORY.c.key == bindparam("ranking"))
        .scalar_subquery()
        .label("was_stored"),
    )
    .outerjoin(HELD, HELD.c.assignment_id == ASSIGNMENT.c.id)
    .outerjoin(DRAFT, DRAFT.c.assignment_id == ASSIGNMENT.c.id)
    .outerjoin(QUEUE, QUEUE.c.round_id == ASSIGNMENT.c.round_id)
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
_REPLACE = updating(
    RANKING,
    *("ulid", "groups", "unjudgeable", "key", "made_by", "consent_version", "uses_allowed", "created_at"),
    where=RANKING.c.assignment_id == bindparam("assignment_key"),
)
_RANKING_OF = Statement(select(RANKING.c.id).where(RANKING.c.assignment_id == bindparam("key")))
_CLOSE_REOPENED = updating(ASSIGNMENT, "reopened_at", "active_s", "cost_usd", where=ASSIGNMENT.c.id == bindparam("key"))


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
    looks = made_by in ("person", "assisted", "simulated")  # else the work is done elsewhere, of the round's candidates
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
        rate = settings.pay_rate_usd_hour if round.pay_rate_usd_hour is None else round.pay_rate_usd_hour
        ulid, shown, expires_at = add_assignment(
            connection,
            round_key=round.id,
            labeler_key=round.labeler_key,
            on_show=on_show,
            salt=f"{round.seed}:{round.kind}:{round.number}:{labeler}",
            lease_s=settings.lease_s,
            rate=rate,
            is_in_hand=round.places is not None and not is_done,
            control_share=settings.share_of_controls if looks and not is_done and round.kind == "normal" else 0.0,
            seed=round.seed,
        )
        if round.places is not None and not is_done:
            take_place(connection, round.id, phase=round.phase, places=round.places)
    names = names_of(connection, on_show, shown)
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


def add_assignment(
    connection: Connection,
    *,
    round_key: int,
    labeler_key: int,
    on_show: list[Any],
    salt: str,
    lease_s: int,
    rate: float | None,
    is_in_hand: bool,
    control_share: float = 0.0,
    seed: int = 0,
    at: datetime | None = None,
) -> tuple[str, list[int], datetime]:
    """(public id, candidate keys in the order shown, end of the lease) of a new assignment. One that is in hand holds
    one of the round's places, which the caller takes."""
    ulid, leased_at = make_ulid(), now() if at is None else at
    expires_at = leased_at + timedelta(seconds=lease_s)
    shown, control = place_one(
        connection,
        round_key=round_key,
        labeler_key=labeler_key,
        shown=_own_order(on_show, salt),
        share=control_share,
        seed=seed,
    )
    key = _INSERT_ASSIGNMENT.insert(
        connection,
        ulid=ulid,
        round_id=round_key,
        labeler_id=labeler_key,
        state="leased",
        shown=shown,
        leased_at=leased_at,
        lease_expires_at=expires_at,
        pay_rate_usd_hour=rate,
        control_id=control,
    )
    if is_in_hand:
        _INSERT_HELD.run(
            connection, assignment_id=key, labeler_id=labeler_key, round_id=round_key, place_until=expires_at
        )
    return ulid, shown, expires_at


def load_on_show(connection: Connection, round_key: int) -> list[Any]:
    """Key, public id and position of the round's candidates."""
    return _ON_SHOW.all(connection, round_key=round_key)


def names_of(connection: Connection, on_show: list[Any], shown: Sequence[int]) -> dict[int, str]:
    """Public ids of all that an assignment shows, its control among them."""
    names = {candidate.id: candidate.ulid for candidate in on_show}
    hidden = [key for key in shown if key not in names]
    names.update((key, _ULID_OF.scalar(connection, key=key)) for key in hidden)
    return names


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
    """Whether a ranking was stored under this idempotency key, be it replaced by now."""
    is_stored = _RANKING_KEY.first(connection, wanted=key) is not None
    return is_stored or _OLD_KEY.first(connection, wanted=key) is not None


def submit_ranking(
    connection: Connection,
    *,
    assignment_id: str,
    ranking: RankingIn,
    made_by: MadeBy,
    key: str,
    active_s: float | None = None,
    owner: str | None = None,
) -> bool:
    """See refine.protocols.FeedbackDesk. Without `active_s`, what `beat` has counted stands. With `owner`, a labeler's
    public id, AccessDenied is raised for work that is not theirs.

    For a finished assignment that was reopened, the ranking takes the place of the one before while its round is open.
    """
    held = _ASSIGNMENT.first(connection, wanted=assignment_id, ranking=key)
    if owner is not None:
        refuse_others_work(held, owner)
    if has_ranking(connection, key) if held is None else held.is_stored is not None or held.was_stored is not None:
        return False
    if held is None:
        raise FeedbackError(f"no assignment {assignment_id!r} in this database")
    if held.disabled_at is not None:
        raise FeedbackError("this labeler is disabled; nothing is taken from them")
    if held.state == "finished" and held.reopened_at is None:
        raise FeedbackError("this assignment is finished already; a second ranking for it was not stored")
    if held.state == "finished" and held.round_state != "open":
        raise FeedbackError("the round was closed meanwhile; the ranking handed in before stands")
    settings = parse_settings(held.settings)
    on_show = _ON_SHOW.all(connection, round_key=held.round_key)
    if held.control_id is None:
        keys = {row.ulid: row.id for row in on_show}
    else:  # what was ranked without being looked at here may be of all that is on show
        keys = {ulid: key for key, ulid in names_of(connection, on_show, held.shown).items()}
    _check_ranking(ranking, keys)
    if ranking.has_details:
        check_details(
            connection,
            ranking,
            keys,
            criteria=settings.criteria,
            labeler_key=held.labeler_id,
            chain_key=held.chain_id,
            round_key=held.round_key,
        )
    at = now()
    ulid = make_ulid()
    values = {
        "ulid": ulid,
        "groups": [[keys[name] for name in group] for group in ranking.groups],
        "unjudgeable": [keys[name] for name in ranking.unjudgeable],
        "key": key,
        "made_by": made_by,
        "consent_version": _accepted_terms(connection, held, settings.terms_version),
        "uses_allowed": list(held.uses_allowed if held.uses_allowed is not None else settings.uses_allowed),
        "created_at": at,
    }
    if held.state == "finished":
        ranking_key = _RANKING_OF.scalar(connection, key=held.id)
        archive_ranking(connection, ranking_key)
        _REPLACE.run(connection, assignment_key=held.id, **values)
    else:
        ranking_key = _INSERT_RANKING.insert(
            connection,
            assignment_id=held.id,
            round_id=held.round_key,
            labeler_id=held.labeler_id,
            settings_version_id=held.settings_version_id,
            **values,
        )
    for critique in ranking.critiques:
        add_critique(
            connection,
            critique,
            ranking_key=ranking_key,
            round_key=held.round_key,
            candidate_key=keys[critique.candidate],
            labeler_key=held.labeler_id,
            made_by=made_by,
            snapshot_key=find_snapshot(connection, assignment_id, critique.snapshot),
        )
    add_details(connection, ranking, keys, ranking_key=ranking_key, labeler_key=held.labeler_id)
    if held.in_hand is not None:
        _DROP_HELD.run(connection, key=held.id)
        if held.draft is not None:
            _DROP_DRAFT.run(connection, key=held.id)
    spent_s = held.active_s if active_s is None else active_s
    cost = None if spent_s is None or held.pay_rate_usd_hour is None else spent_s * held.pay_rate_usd_hour / 3600
    refs = {"ranking": ulid, "labeler": held.labeler, "critiques": len(ranking.critiques), "kind": held.kind}
    if held.state == "finished":
        _CLOSE_REOPENED.run(connection, key=held.id, reopened_at=None, active_s=spent_s, cost_usd=cost)
        record_event(connection, held.chain_id, "ranking_replaced", held.number, **refs)
        return True
    _FINISH.run(connection, key=held.id, state="finished", finished_at=at, active_s=spent_s, cost_usd=cost)
    is_full = _receive(connection, held, at)
    record_event(connection, held.chain_id, "ranking_received", held.number, **refs)
    if is_full:
        record_event(connection, held.chain_id, "round_full", held.number, kind=held.kind)
    return True


def refuse_others_work(held: Any | None, labeler: str) -> None:
    """Raise AccessDenied unless the assignment is there and this labeler's (a public id), and they may work."""
    if held is None or held.labeler != labeler:  # that it exists is nobody else's business
        raise AccessDenied("this labeler has no such assignment")
    if held.disabled_at is not None:
        raise AccessDenied("this labeler is disabled; nothing is given to or taken from them")


def _receive(connection: Connection, held: Any, at: datetime) -> bool:
    """Count the ranking; whether the round has all it wanted by it."""
    received = held.received + 1
    is_full: bool = held.round_state == "open" and received >= held.wanted
    if is_full:
        _FILL.run(connection, key=held.round_key, received=received, state="full", filled_at=at)
    else:
        _RECEIVE.run(connection, key=held.round_key, received=received)
    if held.places is not None:
        if is_full:
            drop_places(connection, held.round_key)
        elif held.place_until is None:  # else the place it held is the one it fills
            take_place(connection, held.round_key, phase=held.phase, places=held.places)
    return is_full


def _accepted_terms(connection: Connection, held: Any, version: str | None) -> str | None:
    """The terms that the ranking was made under."""
    accepted: str | None = held.consent_version
    if version is not None:
        known = _CONSENT.first(connection, chain_key=held.chain_id, labeler_key=held.labeler_id, wanted=version)
        accepted = accepted if known is None else version
    return accepted


def _check_ranking(ranking: RankingIn, known: dict[str, int]) -> None:
    named = [name for group in ranking.groups for name in group] + list(ranking.unjudgeable)
    for name in [*named, *(critique.candidate for critique in ranking.critiques)]:
        if name not in known:
            raise FeedbackError(f"candidate {name!r} is not in this round; name those that are on show in it")
    if not named:
        raise FeedbackError("the ranking names no candidate; rank at least one or say that it cannot be judged")
    if len(set(named)) < len(named):
        doubled = next(name for name in named if named.count(name) > 1)
        raise FeedbackError(f"candidate {doubled!r} is named twice in one ranking")


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
