"""An assignment in its labeler's hands: looking at it, time on it, skipping, reporting, reopening and handing it in.

Everything is asked for by the labeler's public id and refused for work that is not theirs.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Text, bindparam, delete, select, type_coerce

from refine.errors import FeedbackError
from refine.types import Assignment, Device, RankingIn, Work
from store.controls import retire_controls
from store.details import add_words
from store.events import record_event
from store.feedback import refuse_others_work, submit_ranking
from store.handed_in import load_handed_in
from store.ids import make_ulid, now
from store.places import free_place, hold_rounds
from store.projects import parse_settings
from store.snapshots import add_snapshot, drop_unused_snapshots
from store.statements import Statement, inserting, updating
from store.tables import (
    ASSIGNMENT,
    CANDIDATE,
    CHAIN,
    CONTROL,
    LABELER,
    PROJECT,
    PROMPT,
    ROUND,
    SETTINGS_VERSION,
)
from store.work_tables import DRAFT, HELD, QUEUE, REPORT, WRITE_KEY

MAX_BEAT_S = 300.0
"""A beat counts for no more, whatever time has passed: pages send one a minute, and a break is none."""
_LEASES = 4
"""A lease is extended, while its labeler is at work, to this many times its length at most."""

_OWN = Statement(
    select(
        ASSIGNMENT.c.id,
        ASSIGNMENT.c.ulid,
        ASSIGNMENT.c.labeler_id,
        ASSIGNMENT.c.state,
        ASSIGNMENT.c.shown,
        ASSIGNMENT.c.leased_at,
        ASSIGNMENT.c.lease_expires_at,
        ASSIGNMENT.c.reopened_at,
        ASSIGNMENT.c.active_s,
        ASSIGNMENT.c.pay_rate_usd_hour,
        LABELER.c.ulid.label("labeler"),
        LABELER.c.name.label("labeler_name"),
        LABELER.c.disabled_at,
        ROUND.c.id.label("round_key"),
        ROUND.c.ulid.label("round"),
        ROUND.c.kind,
        ROUND.c.number,
        ROUND.c.state.label("round_state"),
        ROUND.c.chain_id,
        CHAIN.c.ulid.label("chain"),
        PROJECT.c.name.label("project"),
        PROMPT.c.text.label("prompt"),
        type_coerce(SETTINGS_VERSION.c.settings, Text).label("settings"),
        HELD.c.assignment_id.label("in_hand"),
        HELD.c.place_until,
        HELD.c.beat_at,
        HELD.c.beat_key,
        QUEUE.c.is_held,
    )
    .join(LABELER, LABELER.c.id == ASSIGNMENT.c.labeler_id)
    .join(ROUND, ROUND.c.id == ASSIGNMENT.c.round_id)
    .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
    .join(PROJECT, PROJECT.c.id == CHAIN.c.project_id)
    .join(PROMPT, PROMPT.c.id == CHAIN.c.prompt_id)
    .join(SETTINGS_VERSION, SETTINGS_VERSION.c.id == ROUND.c.settings_version_id)
    .outerjoin(HELD, HELD.c.assignment_id == ASSIGNMENT.c.id)
    .outerjoin(QUEUE, QUEUE.c.round_id == ROUND.c.id)
    .where(ASSIGNMENT.c.ulid == bindparam("wanted"))
)
_END = updating(ASSIGNMENT, *("state", "note", "finished_at", "cost_usd"), where=ASSIGNMENT.c.id == bindparam("key"))
_REOPEN = updating(ASSIGNMENT, "reopened_at", where=ASSIGNMENT.c.id == bindparam("key"))
_INSERT_HELD = inserting(HELD, "assignment_id", "labeler_id", "round_id", "place_until", "beat_at")
_DROP_HELD = Statement(delete(HELD).where(HELD.c.assignment_id == bindparam("key")))
_DROP_DRAFT = Statement(delete(DRAFT).where(DRAFT.c.assignment_id == bindparam("key")))
_BEAT = updating(HELD, "place_until", "beat_at", "beat_key", where=HELD.c.assignment_id == bindparam("key"))
_SPEND = updating(ASSIGNMENT, "active_s", "lease_expires_at", where=ASSIGNMENT.c.id == bindparam("key"))
_SET_DEVICE = updating(ASSIGNMENT, "device", where=ASSIGNMENT.c.ulid == bindparam("wanted"))
_KEY = Statement(select(WRITE_KEY.c.what, WRITE_KEY.c.labeler_id).where(WRITE_KEY.c.key == bindparam("wanted")))
_INSERT_KEY = inserting(WRITE_KEY, "labeler_id", "key", "what", "created_at")
_INSERT_REPORT = inserting(
    REPORT,
    *("ulid", "assignment_id", "candidate_id", "content_sha256", "labeler_id", "words_id", "created_at"),
)
_CONTROL = Statement(select(CONTROL.c.id, CONTROL.c.original_id).where(CONTROL.c.candidate_id == bindparam("key")))


def _pages(connection: Connection, keys: Sequence[int]) -> dict[int, Any]:
    """What an assignment shows, by key; a control is one of them."""
    query = select(CANDIDATE.c.id, CANDIDATE.c.ulid, CANDIDATE.c.content_sha256).where(CANDIDATE.c.id.in_(keys))
    return {row.id: row for row in connection.execute(query)}


def _own(connection: Connection, labeler: str, assignment: str) -> Any:
    row = _OWN.first(connection, wanted=assignment)
    refuse_others_work(row, labeler)
    return row


def _is_done_before(connection: Connection, row: Any, key: str | None, what: str) -> bool:
    """Whether this key was used for this before; it is kept from now on. Raises FeedbackError where it was used for
    something else."""
    if key is None:
        return False
    known = _KEY.first(connection, wanted=key)
    if known is not None:
        if known.what != f"{what}:{row.ulid}" or known.labeler_id != row.labeler_id:
            raise FeedbackError(f"key {key!r} was used for something else; give each thing its own")
        return True
    _INSERT_KEY.insert(connection, labeler_id=row.labeler_id, key=key, what=f"{what}:{row.ulid}", created_at=now())
    return False


# --- Looking at it ------------------------------------------------------------------------------------------------


def load_work(connection: Connection, *, labeler: str, assignment: str) -> Work:
    """The assignment as its labeler sees it, with what they handed in. Raises AccessDenied for another's."""
    row = _own(connection, labeler, assignment)
    settings = parse_settings(row.settings)
    names = {key: page.ulid for key, page in _pages(connection, row.shown).items()}
    return Work(
        assignment=Assignment(
            id=row.ulid,
            round=row.round,
            chain=row.chain,
            prompt=row.prompt,
            instructions=settings.instructions,
            labeler=row.labeler_name,
            candidates=tuple(names[key] for key in row.shown),
            lease_expires_at=row.lease_expires_at,
        ),
        project=row.project,
        state=row.state,
        is_reopened=row.reopened_at is not None,
        can_be_reopened=row.state == "finished" and row.round_state == "open" and not row.is_held,
        is_withdrawn=bool(row.is_held),
        criteria=settings.criteria,
        pay_rate_usd_hour=row.pay_rate_usd_hour,
        expected_minutes=settings.expected_minutes,
        active_s=row.active_s or 0.0,
        ranking=load_handed_in(connection, row.id) if row.state == "finished" else None,
    )


# --- Handing it in ------------------------------------------------------------------------------------------------


def submit_work(
    connection: Connection,
    *,
    labeler: str,
    assignment: str,
    ranking: RankingIn,
    key: str,
    active_s: float | None = None,
    device: Device | None = None,
) -> bool:
    """As `submit_ranking`, of one's own work. True when stored, False when the key was stored before. Pages that were
    kept for pins which were taken back are forgotten."""
    is_new = submit_ranking(
        connection,
        assignment_id=assignment,
        ranking=ranking,
        made_by="person",
        key=key,
        active_s=active_s,
        owner=labeler,
    )
    if is_new:
        if device is not None:
            _SET_DEVICE.run(connection, wanted=assignment, device=device)
        drop_unused_snapshots(connection, assignment)
    return is_new


def keep_page(connection: Connection, *, labeler: str, assignment: str, html: str) -> str:
    """Keep a page as it stood, for a critique to come; its name. Raises FeedbackError for what `add_snapshot` refuses
    and for work that is in already."""
    row = _own(connection, labeler, assignment)
    if row.state != "leased" and row.reopened_at is None:
        raise FeedbackError(f"this assignment is {row.state}; a page of it was not kept")
    return add_snapshot(connection, labeler_key=row.labeler_id, assignment=assignment, html=html)


def beat(
    connection: Connection,
    *,
    labeler: str,
    assignment: str,
    active_s: float,
    key: str,
    at: datetime | None = None,
) -> float:
    """Count time on task: seconds, since the last beat, in which the page was visible and had input within a minute.
    Gives the seconds counted in all.

    Counted is no more than has passed since the last beat, and never more than MAX_BEAT_S. The lease of whoever is at
    work is extended. The same `key` as last time counts nothing, nor does work that is not in hand.
    """
    row = _own(connection, labeler, assignment)
    spent: float = row.active_s or 0.0
    if row.in_hand is None or row.beat_key == key:
        return spent
    moment = now() if at is None else at
    passed = (moment - (row.beat_at or row.leased_at)).total_seconds()
    counted: float = max(0.0, min(active_s if active_s == active_s else 0.0, passed, MAX_BEAT_S))
    lease = timedelta(seconds=parse_settings(row.settings).lease_s)
    expires_at = row.lease_expires_at
    if row.place_until is not None and row.place_until > moment and counted > 0:
        expires_at = max(expires_at, min(moment + lease, row.leased_at + _LEASES * lease))
    place_until = None if row.place_until is None else max(row.place_until, expires_at)
    _BEAT.run(connection, key=row.id, place_until=place_until, beat_at=moment, beat_key=key)
    _SPEND.run(connection, key=row.id, active_s=spent + counted, lease_expires_at=expires_at)
    total: float = spent + counted
    return total


# --- Not handing it in --------------------------------------------------------------------------------------------


def skip(connection: Connection, *, labeler: str, assignment: str, reason: str = "", key: str | None = None) -> bool:
    """Give the work back: its place is free for others, and it is never offered to this labeler again. False when it
    was skipped before. Raises FeedbackError for work that is in."""
    row = _own(connection, labeler, assignment)
    if _is_done_before(connection, row, key, "skip") or row.state == "skipped":
        return False
    if row.state != "leased":
        raise FeedbackError(f"this assignment is {row.state} already and cannot be skipped")
    _let_go(connection, row, state="skipped", note=reason[:4000] or None, finished_at=now(), cost_usd=None)
    record_event(connection, row.chain_id, "assignment_skipped", row.number, labeler=row.labeler, kind=row.kind)
    return True


def report(
    connection: Connection, *, labeler: str, assignment: str, candidate: str, reason: str, key: str | None = None
) -> bool:
    """Say that a page is disturbing. Every open round that shows a page of the same bytes is held back at once, and
    rounds opened later are, until somebody has looked (`store.reports`). The labeler is done with the assignment and is
    paid for the time on it; what they had handed in before stands. False when it was reported before."""
    row = _own(connection, labeler, assignment)
    shown = {each.ulid: each for each in _pages(connection, row.shown).values()}
    if candidate not in shown:
        raise FeedbackError(f"candidate {candidate!r} is not in this assignment")
    page = _reported_page(connection, shown[candidate])
    known = connection.execute(
        select(REPORT.c.id).where(REPORT.c.assignment_id == row.id, REPORT.c.candidate_id == page.id)
    ).first()
    if _is_done_before(connection, row, key, "report") or known is not None:
        return False
    ulid = make_ulid()
    _INSERT_REPORT.insert(
        connection,
        ulid=ulid,
        assignment_id=row.id,
        candidate_id=page.id,
        content_sha256=page.content_sha256 or "",
        labeler_id=row.labeler_id,
        words_id=add_words(connection, row.labeler_id, reason),
        created_at=now(),
    )
    if row.state == "leased":
        rate = row.pay_rate_usd_hour
        cost = None if rate is None else (row.active_s or 0.0) * rate / 3600
        _let_go(connection, row, state="reported", note=None, finished_at=now(), cost_usd=cost)
    hold_rounds(connection, page.content_sha256 or "", is_held=True)
    record_event(
        connection,
        row.chain_id,
        "candidate_reported",
        row.number,
        candidate=candidate,
        report=ulid,
        labeler=row.labeler,
    )
    return True


def _reported_page(connection: Connection, page: Any) -> Any:
    """The page itself. What disturbs in a control disturbs in its original: the report is of that, and the control is
    given to nobody any more."""
    control = _CONTROL.first(connection, key=page.id)
    if control is None:
        return page
    retire_controls(connection, [control.id])
    return _pages(connection, [control.original_id])[control.original_id]


def _let_go(connection: Connection, row: Any, **values: Any) -> None:
    _END.run(connection, key=row.id, **values)
    if row.place_until is not None:
        free_place(connection, row.round_key)
    _DROP_HELD.run(connection, key=row.id)
    _DROP_DRAFT.run(connection, key=row.id)
    drop_unused_snapshots(connection, row.ulid)


# --- Taking it up again -------------------------------------------------------------------------------------------


def reopen(connection: Connection, *, labeler: str, assignment: str, key: str | None = None) -> bool:
    """Take up finished work again while its round is open. What was handed in counts until something else is; the round
    fills and closes as if nothing had happened. False when it is open already. Raises FeedbackError otherwise."""
    row = _own(connection, labeler, assignment)
    if _is_done_before(connection, row, key, "reopen") or row.reopened_at is not None:
        return False
    if row.state != "finished":
        raise FeedbackError(f"this assignment is {row.state}; only one that was handed in can be reopened")
    if row.round_state != "open":
        raise FeedbackError("the round has all it wanted and is closed; what was handed in stands")
    at = now()
    _REOPEN.run(connection, key=row.id, reopened_at=at)
    _INSERT_HELD.run(
        connection,
        assignment_id=row.id,
        labeler_id=row.labeler_id,
        round_id=row.round_key,
        place_until=None,
        beat_at=at,
    )
    record_event(connection, row.chain_id, "assignment_reopened", row.number, labeler=row.labeler, kind=row.kind)
    return True
