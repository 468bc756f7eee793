"""Erasing a person."""

from sqlalchemy import Connection, delete, select, update

from refine.errors import InputError
from store.details import erase_details
from store.ids import now
from store.labelers import forget_access, lapse_leases
from store.snapshots import erase_snapshots
from store.tables import ASSIGNMENT, LABELER, WORDS
from store.work_tables import DRAFT


def erase_words(connection: Connection, labeler: str) -> int:
    """Erase everything this labeler wrote, drew or pinned, the pages as they stood for it, the name, and every way in:
    hashes of the words stay as tombstones. How many texts were erased."""
    row = connection.execute(select(LABELER.c.id, LABELER.c.ulid).where(LABELER.c.name == labeler)).first()
    if row is None:
        raise InputError(f"no labeler named {labeler!r}")
    at = now()
    result = connection.execute(
        update(WORDS)
        .where(WORDS.c.labeler_id == row.id, WORDS.c.erased_at.is_(None))
        .values(text=None, salt=None, erased_at=at)
    )
    erase_details(connection, row.id)
    erase_snapshots(connection, row.id)
    lapse_leases(connection, row.id)
    forget_access(connection, row.id)
    connection.execute(delete(DRAFT).where(DRAFT.c.labeler_id == row.id))
    connection.execute(update(ASSIGNMENT).where(ASSIGNMENT.c.labeler_id == row.id).values(note=None))
    connection.execute(
        update(LABELER).where(LABELER.c.id == row.id).values(name=f"erased-{row.ulid}", erased_at=at, disabled_at=at)
    )
    return result.rowcount
