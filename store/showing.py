"""A candidate on its way to the labeler who has it on show, and to nobody else."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, bindparam, select

from refine.types import Files
from store.candidates import load_files
from store.pictures import load_picture, load_pictures
from store.statements import Statement, without_snapshot
from store.tables import ASSIGNMENT, CANDIDATE, LABELER
from store.work_tables import QUEUE

_SHOWN = Statement(
    select(
        CANDIDATE.c.id,
        CANDIDATE.c.content_sha256,
        ASSIGNMENT.c.shown,
        ASSIGNMENT.c.state,
        LABELER.c.disabled_at,
        QUEUE.c.is_held,
    )
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
    row = _shown(connection, labeler, assignment, candidate)
    return None if row is None else load_files(connection, row.id)


@without_snapshot
def load_shown_picture(
    connection: Connection, *, labeler: str, assignment: str, candidate: str
) -> tuple[str, bytes] | None:
    """(media type, bytes) of how such a candidate looks on a phone; None where there is no picture, too."""
    row = _shown(connection, labeler, assignment, candidate)
    return None if row is None or row.content_sha256 is None else load_picture(connection, row.content_sha256, "phone")


def has_pictures(connection: Connection, candidates: Collection[str]) -> bool:
    """Whether there is a picture of each of these as it looks on a phone. An assignment shows those of all its pages or
    none: one that has none would stand out."""
    query = select(CANDIDATE.c.content_sha256).where(CANDIDATE.c.ulid.in_(list(candidates)))
    hashes = connection.execute(query).scalars().all()
    found = load_pictures(connection, {each for each in hashes if each is not None})
    return bool(hashes) and all(each in found and "phone" in found[each] for each in hashes)


def _shown(connection: Connection, labeler: str, assignment: str, candidate: str) -> Any | None:
    row: Any = _SHOWN.first(connection, labeler=labeler, assignment=assignment, candidate=candidate)
    if row is None or row.disabled_at is not None or row.is_held or row.id not in row.shown:
        return None
    return row if row.state in ("leased", "finished") else None
