"""Disputes: a labeler stands by a ranking.

They may say so of anything they handed in, since they are not told where a control was, and are told the same. Only
where a control was missed is there something to decide; everything else is on record.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select, update

from refine.errors import FeedbackError, InputError
from store.controls import retire_controls
from store.details import add_words
from store.feedback import refuse_others_work
from store.ids import make_ulid, now
from store.tables import ASSIGNMENT, CANDIDATE, CHAIN, CONTROL, LABELER, RANKING, ROUND, WORDS
from store.work_tables import DISPUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDispute:
    id: str
    assignment: str
    chain: str
    round: int
    labeler: str
    """Their name."""
    operator: str
    """What the control was made by."""
    control: str
    """The control, as a candidate, and what it was made from."""
    original: str
    reason: str | None
    """In the labeler's words; None when they were erased."""
    resolution: Literal["upheld", "dismissed"] | None
    created_at: datetime


def add_dispute(connection: Connection, *, labeler: str, assignment: str, reason: str) -> bool:
    """The labeler (a public id) stands by what they handed in. False when they said so before. Raises FeedbackError for
    work that is not finished, AccessDenied for another labeler's."""
    row = connection.execute(
        select(
            *(ASSIGNMENT.c.id, ASSIGNMENT.c.labeler_id, ASSIGNMENT.c.state, LABELER.c.disabled_at),
            *(LABELER.c.ulid.label("labeler"), RANKING.c.groups, CONTROL.c.original_id, CONTROL.c.candidate_id),
        )
        .join(LABELER, LABELER.c.id == ASSIGNMENT.c.labeler_id)
        .outerjoin(RANKING, RANKING.c.assignment_id == ASSIGNMENT.c.id)
        .outerjoin(CONTROL, CONTROL.c.id == ASSIGNMENT.c.control_id)
        .where(ASSIGNMENT.c.ulid == assignment)
    ).first()
    refuse_others_work(row, labeler)
    assert row is not None
    if row.state != "finished":
        raise FeedbackError(f"this assignment is {row.state}; only what was handed in can be stood by")
    if connection.execute(select(DISPUTE.c.id).where(DISPUTE.c.assignment_id == row.id)).first() is not None:
        return False
    connection.execute(
        DISPUTE.insert().values(
            ulid=make_ulid(),
            assignment_id=row.id,
            labeler_id=row.labeler_id,
            words_id=add_words(connection, row.labeler_id, reason),
            created_at=now(),
        )
    )
    return True


def is_missed(groups: list[list[int]], original: int, control: int) -> bool:
    """Whether a ranking puts the original not before its control; False where it does not rank both."""
    places = {key: place for place, group in enumerate(groups) for key in group}
    return original in places and control in places and places[original] >= places[control]


def load_disputed(connection: Connection, labeler: str, assignments: Collection[str]) -> frozenset[str]:
    """Those of the assignments that the labeler (a public id) stands by."""
    found = connection.execute(
        select(ASSIGNMENT.c.ulid)
        .join(DISPUTE, DISPUTE.c.assignment_id == ASSIGNMENT.c.id)
        .join(LABELER, LABELER.c.id == ASSIGNMENT.c.labeler_id)
        .where(LABELER.c.ulid == labeler, ASSIGNMENT.c.ulid.in_(list(assignments)))
    )
    return frozenset(found.scalars())


def list_disputes(connection: Connection, *, with_resolved: bool = False) -> list[StoredDispute]:
    """Of controls that were missed, oldest first."""
    original = CANDIDATE.alias("original")
    query = (
        select(
            *(DISPUTE.c.ulid, DISPUTE.c.resolution, DISPUTE.c.created_at, WORDS.c.text, LABELER.c.name),
            *(ASSIGNMENT.c.ulid.label("assignment"), CHAIN.c.ulid.label("chain"), ROUND.c.number),
            *(CONTROL.c.operator, CANDIDATE.c.ulid.label("control"), original.c.ulid.label("original")),
            *(CONTROL.c.original_id, CONTROL.c.candidate_id, RANKING.c.groups),
        )
        .join(ASSIGNMENT, ASSIGNMENT.c.id == DISPUTE.c.assignment_id)
        .join(RANKING, RANKING.c.assignment_id == ASSIGNMENT.c.id)
        .join(CONTROL, CONTROL.c.id == ASSIGNMENT.c.control_id)
        .join(CANDIDATE, CANDIDATE.c.id == CONTROL.c.candidate_id)
        .join(original, original.c.id == CONTROL.c.original_id)
        .join(ROUND, ROUND.c.id == ASSIGNMENT.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .join(LABELER, LABELER.c.id == DISPUTE.c.labeler_id)
        .join(WORDS, WORDS.c.id == DISPUTE.c.words_id)
        .order_by(DISPUTE.c.id)
    )
    if not with_resolved:
        query = query.where(DISPUTE.c.resolution.is_(None))
    return [
        StoredDispute(
            id=row.ulid,
            assignment=row.assignment,
            chain=row.chain,
            round=row.number,
            labeler=row.name,
            operator=row.operator,
            control=row.control,
            original=row.original,
            reason=row.text,
            resolution=row.resolution,
            created_at=row.created_at,
        )
        for row in connection.execute(query)
        # By the ranking that counts now: work may have been handed in anew since.
        if row.resolution is not None or is_missed(row.groups, row.original_id, row.candidate_id)
    ]


def is_dispute(connection: Connection, name: str) -> bool:
    return connection.execute(select(DISPUTE.c.id).where(DISPUTE.c.ulid == name)).first() is not None


def resolve_dispute(connection: Connection, dispute: str, *, is_upheld: bool) -> bool:
    """Decide about a dispute, or anew about one that was decided. Upheld, its control is given to nobody any more and
    nobody is judged by it (`store.controls.not_upheld`); what labelers said of it stays. Whether the control was still
    given out. Raises InputError for what is no dispute of a control that was missed."""
    row = connection.execute(
        select(
            *(DISPUTE.c.id, DISPUTE.c.resolution, ASSIGNMENT.c.control_id, RANKING.c.groups),
            *(CONTROL.c.original_id, CONTROL.c.candidate_id),
        )
        .join(ASSIGNMENT, ASSIGNMENT.c.id == DISPUTE.c.assignment_id)
        .join(RANKING, RANKING.c.assignment_id == ASSIGNMENT.c.id)
        .join(CONTROL, CONTROL.c.id == ASSIGNMENT.c.control_id)
        .where(DISPUTE.c.ulid == dispute)
    ).first()
    if row is None or (row.resolution is None and not is_missed(row.groups, row.original_id, row.candidate_id)):
        raise InputError(f"there is nothing to decide about {dispute!r}; `refine labeler disputes` shows what there is")
    connection.execute(
        update(DISPUTE)
        .where(DISPUTE.c.id == row.id)
        .values(resolution="upheld" if is_upheld else "dismissed", resolved_at=now())
    )
    return bool(is_upheld and retire_controls(connection, [row.control_id]))
