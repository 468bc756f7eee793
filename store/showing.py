"""A candidate on its way to the labeler who has it on show, and to nobody else."""

from typing import Any

from sqlalchemy import Connection, bindparam, select

from refine.types import Files
from store.candidates import load_files
from store.statements import Statement, without_snapshot
from store.tables import ASSIGNMENT, CANDIDATE, LABELER
from store.work_tables import QUEUE

_SHOWN = Statement(
    select(CANDIDATE.c.id, ASSIGNMENT.c.shown, ASSIGNMENT.c.state, LABELER.c.disabled_at, QUEUE.c.is_held)
    .select_from(ASSIGNMENT)
    .join(LABELER, LABELER.c.id == ASSIGNMENT.c.labeler_id)
    .join(CANDIDATE, CANDIDATE.c.ulid == bindparam("candidate"))
    .outerjoin(QUEUE, QUEUE.c.round_id == ASSIGNMENT.c.round_id)
    .where(ASSIGNMENT.c.ulid == bindparam("assignment"), LABELER.c.ulid == bindparam("labeler"))
)


@without_snapshot
def load_shown_files(connection: Connection, *, labeler: str, assignment: str, candidate: str) -> Files | None:
    """The files of a candidate of this labeler's assignment; None for anything else: another's work, work that was
    skipped, a page that was reported."""
    row: Any = _SHOWN.first(connection, labeler=labeler, assignment=assignment, candidate=candidate)
    if row is None or row.disabled_at is not None or row.is_held or row.id not in row.shown:
        return None
    return load_files(connection, row.id) if row.state in ("leased", "finished") else None
