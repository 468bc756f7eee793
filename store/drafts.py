"""Unfinished rankings, saved as their labeler goes on, on whichever device."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from refine.errors import FeedbackError
from store.feedback import refuse_others_work
from store.ids import now
from store.statements import Statement, without_snapshot
from store.tables import ASSIGNMENT, LABELER
from store.work_tables import DRAFT

MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    revision: int
    """Counts from 1; 0 where nothing was saved."""
    payload: str
    """The JSON object that was saved last, as it came."""
    saved_at: datetime | None
    is_saved: bool = True
    """False: another device has saved meanwhile, and this is what it saved."""


_OWN = Statement(
    select(
        ASSIGNMENT.c.id,
        ASSIGNMENT.c.labeler_id,
        ASSIGNMENT.c.state,
        ASSIGNMENT.c.reopened_at,
        LABELER.c.ulid.label("labeler"),
        LABELER.c.disabled_at,
        DRAFT.c.revision,
        DRAFT.c.payload,
        DRAFT.c.saved_at,
    )
    .join(LABELER, LABELER.c.id == ASSIGNMENT.c.labeler_id)
    .outerjoin(DRAFT, DRAFT.c.assignment_id == ASSIGNMENT.c.id)
    .where(ASSIGNMENT.c.ulid == bindparam("wanted"))
)
_UPSERT = insert(DRAFT)
_SAVE = Statement(
    _UPSERT.on_conflict_do_update(
        index_elements=["assignment_id"],
        set_={name: _UPSERT.excluded[name] for name in ("revision", "payload", "saved_at")},
    ),
    ("assignment_id", "labeler_id", "revision", "payload", "saved_at"),
)


def save_draft(connection: Connection, *, labeler: str, assignment: str, payload: str, revision: int) -> Draft:
    """Save the draft in the place of the one with `revision`, which the labeler's device saw last (0: none).

    Where another device has saved since, nothing is stored and theirs is returned with `is_saved` False. Saving the
    same again after an answer that was lost is no conflict. Raises FeedbackError for what is no JSON object of at most
    256 KB and for work that is in already, AccessDenied for another labeler's.
    """
    _check(payload)
    row = _own(connection, labeler, assignment)
    if row.state != "leased" and row.reopened_at is None:
        raise FeedbackError(f"this assignment is {row.state}; its draft was not saved")
    stored = row.revision or 0
    if stored == revision + 1 and row.payload == payload:
        return Draft(revision=stored, payload=payload, saved_at=row.saved_at)
    if stored != revision:
        return Draft(revision=stored, payload=row.payload or "{}", saved_at=row.saved_at, is_saved=False)
    at = now()
    _SAVE.run(
        connection,
        assignment_id=row.id,
        labeler_id=row.labeler_id,
        revision=revision + 1,
        payload=payload,
        saved_at=at,
    )
    return Draft(revision=revision + 1, payload=payload, saved_at=at)


@without_snapshot
def load_draft(connection: Connection, *, labeler: str, assignment: str) -> Draft:
    """The newest; one of revision 0 and `{}` where nothing was saved."""
    row = _own(connection, labeler, assignment)
    return Draft(revision=row.revision or 0, payload=row.payload or "{}", saved_at=row.saved_at)


def drop_draft(connection: Connection, assignment_key: int) -> None:
    connection.execute(delete(DRAFT).where(DRAFT.c.assignment_id == assignment_key))


def _own(connection: Connection, labeler: str, assignment: str) -> Any:
    row = _OWN.first(connection, wanted=assignment)
    refuse_others_work(row, labeler)
    return row


def _check(payload: str) -> None:
    try:
        data = payload.encode()
    except UnicodeEncodeError as error:
        raise FeedbackError("the draft has a lone surrogate") from error
    if len(data) > MAX_BYTES:
        raise FeedbackError(f"the draft has {len(data)} bytes; at most {MAX_BYTES} are kept")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise FeedbackError(f"the draft is not JSON ({error.msg})") from error
    if not isinstance(value, dict):
        raise FeedbackError("the draft is not a JSON object")
