"""Pictures: how candidates look, kept by what they are made of, and what stood under the pins of critiques.

What is the same code has one picture for each view, whichever chains it stands in; forks share them.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from refine.errors import StoreError
from refine.types import PagePicture, PageView
from store.blobs import get_blob, get_known_blob, put_blob
from store.ids import now
from store.statements import Statement, dump_json, without_snapshot
from store.tables import BLOB, CANDIDATE, CHAIN, CRITIQUE, PICTURE

MEDIA_TYPE = "image/webp"


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFacts:
    """A picture without its bytes."""

    content_sha256: str
    view: PageView
    width: int
    height: int
    """In CSS pixels of the page: what boxes of anchors are measured in. The picture may have fewer."""
    media_type: str
    size_bytes: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpictured:
    """A candidate without a picture."""

    key: int
    content_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncropped:
    """A critique with a snapshot of which no crop was drawn yet."""

    key: int
    snapshot_key: int
    anchor: dict[str, Any]


_INSERT = Statement(
    insert(PICTURE).on_conflict_do_nothing(index_elements=["content_sha256", "view"]),
    ("content_sha256", "view", "width", "height", "media_type", "blob_id", "created_at"),
)
_IS_WANTED = PICTURE.c.content_sha256.in_(
    select(func.json_each(bindparam("wanted")).table_valued("value").c.value).scalar_subquery()
)
_FACTS = Statement(
    select(
        PICTURE.c.content_sha256,
        PICTURE.c.view,
        PICTURE.c.width,
        PICTURE.c.height,
        PICTURE.c.media_type,
        PICTURE.c.created_at,
        BLOB.c.size,
    )
    .join(BLOB, BLOB.c.id == PICTURE.c.blob_id)
    .where(_IS_WANTED)
    .order_by(PICTURE.c.content_sha256, PICTURE.c.view)
)
_ONE = Statement(
    select(PICTURE.c.media_type, PICTURE.c.blob_id, BLOB.c.sha256)
    .join(BLOB, BLOB.c.id == PICTURE.c.blob_id)
    .where(PICTURE.c.content_sha256 == bindparam("wanted"), PICTURE.c.view == bindparam("seen_as"))
)
_HAS_DESKTOP = (
    select(PICTURE.c.id)
    .where(PICTURE.c.content_sha256 == CANDIDATE.c.content_sha256, PICTURE.c.view == "desktop")
    .correlate(CANDIDATE)
    .exists()
)
_BARE = (
    select(CANDIDATE.c.id, CANDIDATE.c.content_sha256)
    .where(CANDIDATE.c.content_sha256.is_not(None), ~_HAS_DESKTOP, CANDIDATE.c.id > bindparam("after"))
    .order_by(CANDIDATE.c.id)
    .limit(bindparam("most"))
)
_UNPICTURED = Statement(_BARE)
_UNPICTURED_OF_PROJECT = Statement(
    _BARE.join(CHAIN, CHAIN.c.id == CANDIDATE.c.chain_id).where(CHAIN.c.project_id == bindparam("of_project"))
)
_ANY_PICTURE = Statement(select(PICTURE.c.id).limit(1))
_ANY_CODE = Statement(select(CANDIDATE.c.id).where(CANDIDATE.c.content_sha256.is_not(None)).limit(1))
_KEY = func.abs(CRITIQUE.c.id)
"""Of which there is no index: by that of snapshots, few rows are looked at, by any other nearly all."""
_UNCROPPED = Statement(
    select(CRITIQUE.c.id, CRITIQUE.c.snapshot_id, CRITIQUE.c.anchor)
    .where(CRITIQUE.c.snapshot_id > 0, func.coalesce(CRITIQUE.c.crop_id, 0) == 0, bindparam("after") < _KEY)
    .order_by(_KEY)
    .limit(bindparam("most"))
)


# --- Pictures of candidates ---------------------------------------------------------------------------------------


def add_picture(connection: Connection, content_sha256: str, picture: PagePicture) -> None:
    """Keep how the code with this content hash looks; the first picture of a view counts. Run it in the writer."""
    _INSERT.run(
        connection,
        content_sha256=content_sha256,
        view=picture.view,
        width=picture.width,
        height=picture.height,
        media_type=picture.media_type,
        blob_id=put_blob(connection, picture.data),
        created_at=now(),
    )


def add_pictures(connection: Connection, content_sha256: str, pictures: Collection[PagePicture]) -> None:
    """As `add_picture`, all views of one page."""
    for picture in pictures:
        add_picture(connection, content_sha256, picture)


@without_snapshot
def load_pictures(connection: Connection, content_sha256s: Collection[str]) -> dict[str, dict[PageView, PictureFacts]]:
    """Content hash -> view -> facts; those that have no picture are left out."""
    found: dict[str, dict[PageView, PictureFacts]] = {}
    for row in _FACTS.all(connection, wanted=dump_json(list(content_sha256s))) if content_sha256s else ():
        found.setdefault(row.content_sha256, {})[row.view] = PictureFacts(
            content_sha256=row.content_sha256,
            view=row.view,
            width=row.width,
            height=row.height,
            media_type=row.media_type,
            size_bytes=row.size,
            created_at=row.created_at,
        )
    return found


@without_snapshot
def load_picture(connection: Connection, content_sha256: str, view: str) -> tuple[str, bytes] | None:
    """(media type, bytes), or None where there is none. Raises StoreError for a damaged one."""
    row: Any = _ONE.first(connection, wanted=content_sha256, seen_as=view)
    return None if row is None else (row.media_type, get_known_blob(connection, row.blob_id, row.sha256))


@without_snapshot
def find_unpictured(
    connection: Connection, *, after: int, limit: int, project_key: int | None = None
) -> list[Unpictured]:
    """Candidates without a desktop picture with a key above `after`, lowest first. Copies of one page are all named."""
    rows = (
        _UNPICTURED.all(connection, after=after, most=limit)
        if project_key is None
        else _UNPICTURED_OF_PROJECT.all(connection, after=after, most=limit, of_project=project_key)
    )
    return [Unpictured(key=row.id, content_sha256=row.content_sha256) for row in rows]


@without_snapshot
def lacks_pictures(connection: Connection) -> bool:
    """Whether there are candidates and not one picture."""
    return _ANY_PICTURE.first(connection) is None and _ANY_CODE.first(connection) is not None


# --- Crops of snapshots -------------------------------------------------------------------------------------------


@without_snapshot
def find_uncropped(connection: Connection, *, after: int, limit: int) -> list[Uncropped]:
    """Critiques with a snapshot and without a crop with a key above `after`, lowest first."""
    return [
        Uncropped(key=row.id, snapshot_key=row.snapshot_id, anchor=row.anchor or {})
        for row in _UNCROPPED.all(connection, after=after, most=limit)
    ]


def load_snapshot(connection: Connection, critique: Uncropped) -> bytes | None:
    """Hostile HTML; None when it went meanwhile, because its labeler was erased."""
    key = connection.execute(select(CRITIQUE.c.snapshot_id).where(CRITIQUE.c.id == critique.key)).scalar()
    return get_blob(connection, key) if key == critique.snapshot_key else None


def add_crop(connection: Connection, critique: Uncropped, data: bytes) -> bool:
    """Keep the crop, unless the snapshot went meanwhile or somebody else drew it; whether it was kept. Run it in the
    writer."""
    is_same = and_(
        CRITIQUE.c.id == critique.key, CRITIQUE.c.snapshot_id == critique.snapshot_key, CRITIQUE.c.crop_id.is_(None)
    )
    if connection.execute(select(CRITIQUE.c.id).where(is_same)).first() is None:
        return False
    connection.execute(update(CRITIQUE).where(is_same).values(crop_id=put_blob(connection, data)))
    return True


def load_crop(connection: Connection, critique: str) -> tuple[str, bytes] | None:
    """(media type, bytes) of the crop of the critique with this public id; None where there is none."""
    key = connection.execute(select(CRITIQUE.c.crop_id).where(CRITIQUE.c.ulid == critique)).scalar()
    return None if key is None else (MEDIA_TYPE, get_blob(connection, key))


# --- Verification -------------------------------------------------------------------------------------------------


def picture_problems(connection: Connection, chain: int | None) -> Iterator[tuple[str, str]]:
    """(where, what) of every picture, `what` empty where it is as it should be; of one chain's code, or of all."""
    query = select(PICTURE).order_by(PICTURE.c.id)
    if chain is not None:
        of_chain = select(CANDIDATE.c.content_sha256).where(CANDIDATE.c.chain_id == chain)
        query = query.where(PICTURE.c.content_sha256.in_(of_chain))
    for row in connection.execute(query).all():
        where = f"picture of {row.content_sha256[:12]} as {row.view}"
        try:
            data = get_blob(connection, row.blob_id)
        except StoreError as error:
            yield where, str(error)
            continue
        yield where, _problem(row, data)


def _problem(row: Any, data: bytes) -> str:
    if row.view not in ("desktop", "phone") or row.width < 1 or row.height < 1:
        return "its view or its size is none"
    if row.media_type != MEDIA_TYPE or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return f"its bytes are no {MEDIA_TYPE}"
    return ""
