"""Snapshots: a page as it stood when a labeler pinned, drew or edited. The page itself told it, so it is a hint, and
hostile: nothing here reads it.

It comes ahead of the critique that names it, so it is noted as what the labeler brought for the assignment
(`write_key`), which also is how erasing a person finds one that no critique ever named. Its first line names the
assignment, so that its bytes are nobody else's.
"""

import hashlib
from collections.abc import Collection

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from refine.errors import FeedbackError
from store.blobs import blob_id_of, find_blobs, put_blob
from store.ids import now
from store.statements import Statement, inserting
from store.tables import ASSIGNMENT, BLOB, CANDIDATE_FILE, CRITIQUE, PICTURE, RANKING
from store.work_tables import RANKING_HISTORY, WRITE_KEY

MAX_BYTES = 512 * 1024
"""Of one."""
MOST = 24
"""Of one assignment."""
MOST_BYTES = 4 * 1024 * 1024
"""Of one assignment, all together."""

_BROUGHT = Statement(
    select(WRITE_KEY.c.key).where(WRITE_KEY.c.key > bindparam("first"), WRITE_KEY.c.key < bindparam("last"))
)
_NOTE = inserting(WRITE_KEY, "labeler_id", "key", "what", "created_at")


def add_snapshot(connection: Connection, *, labeler_key: int, assignment: str, html: str) -> str:
    """Keep the page for an assignment of this labeler's; the name by which a critique of it refers to the page (64 hex
    digits). The same again is kept once. Raises FeedbackError for what is too large, too many for one assignment, or no
    text that can be stored."""
    try:
        data = f"<!-- {assignment} -->\n{html}".encode()
    except UnicodeEncodeError as error:
        raise FeedbackError("the page has a lone surrogate") from error
    if len(data) > MAX_BYTES + 64:
        raise FeedbackError(f"the page has {len(data)} bytes; at most {MAX_BYTES} are kept")
    name = hashlib.sha256(data).hexdigest()
    brought = _brought(connection, assignment)
    if name in brought:
        return name
    sizes = connection.execute(select(BLOB.c.size).where(BLOB.c.sha256.in_(brought))).scalars().all()
    if len(brought) >= MOST or sum(sizes) + len(data) > MOST_BYTES:
        raise FeedbackError(f"an assignment keeps {MOST} pages of {MOST_BYTES} bytes together at most")
    put_blob(connection, data)
    _NOTE.run(connection, labeler_id=labeler_key, key=_key(assignment, name), what="snapshot", created_at=now())
    return name


def find_snapshot(connection: Connection, assignment: str, name: str | None) -> int | None:
    """Its blob; None for one that was not brought for this assignment: a missing hint is no reason to refuse words."""
    if name is None or name not in _brought(connection, assignment):
        return None
    return blob_id_of(connection, name)


def drop_unused_snapshots(connection: Connection, assignment: str) -> None:
    """Forget those of the assignment that no critique names or named before: their pin was taken back, or the work was
    not done."""
    blobs = find_blobs(connection, _brought(connection, assignment))
    if not blobs:
        return
    named = select(CRITIQUE.c.snapshot_id).where(CRITIQUE.c.snapshot_id.in_(blobs.values()))
    used = set(connection.execute(named).scalars())
    replaced = (
        select(RANKING_HISTORY.c.record)
        .join(RANKING, RANKING.c.id == RANKING_HISTORY.c.ranking_id)
        .join(ASSIGNMENT, ASSIGNMENT.c.id == RANKING.c.assignment_id)
        .where(ASSIGNMENT.c.ulid == assignment)
    )
    for record in connection.execute(replaced).scalars():
        used |= {critique.get("snapshot") for critique in record["critiques"]}
    dropped = {name: key for name, key in blobs.items() if key not in used}
    if dropped:
        keys = [_key(assignment, name) for name in dropped]
        connection.execute(delete(WRITE_KEY).where(WRITE_KEY.c.key.in_(keys)))
        drop_blobs(connection, dropped.values())


def erase_snapshots(connection: Connection, labeler_key: int) -> None:
    """Remove the labeler's, and the crops drawn from them: what they had typed stands in both."""
    own = CRITIQUE.c.ranking_id.in_(select(RANKING.c.id).where(RANKING.c.labeler_id == labeler_key))
    held = connection.execute(select(CRITIQUE.c.snapshot_id, CRITIQUE.c.crop_id).where(own)).all()
    connection.execute(update(CRITIQUE).where(own).values(snapshot_id=None, crop_id=None))
    noted = (WRITE_KEY.c.labeler_id == labeler_key) & (WRITE_KEY.c.what == "snapshot")
    names = [key.rpartition(":")[2] for key in connection.execute(select(WRITE_KEY.c.key).where(noted)).scalars()]
    connection.execute(delete(WRITE_KEY).where(noted))
    blobs = {key for row in held for key in row if key is not None} | set(find_blobs(connection, names).values())
    drop_blobs(connection, blobs)


def _key(assignment: str, name: str) -> str:
    return f"snapshot:{assignment}:{name}"


def _brought(connection: Connection, assignment: str) -> list[str]:
    """Names of those of the assignment."""
    rows = _BROUGHT.all(connection, first=f"snapshot:{assignment}:", last=f"snapshot:{assignment};")
    return [row.key.rpartition(":")[2] for row in rows]


def drop_blobs(connection: Connection, keys: Collection[int]) -> None:
    """Those that nothing names any more."""
    connection.execute(
        delete(BLOB).where(
            BLOB.c.id.in_(list(keys)),
            ~select(CRITIQUE.c.id)
            .where(or_(CRITIQUE.c.snapshot_id == BLOB.c.id, CRITIQUE.c.crop_id == BLOB.c.id))
            .exists(),
            ~select(PICTURE.c.id).where(PICTURE.c.blob_id == BLOB.c.id).exists(),
            ~select(CANDIDATE_FILE.c.blob_id).where(CANDIDATE_FILE.c.blob_id == BLOB.c.id).exists(),
        )
    )
