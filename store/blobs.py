"""Bytes, stored once under the SHA-256 of what they are uncompressed.

Code repeats itself from revision to revision, so a blob may be compressed against another one: zstd with the base's
bytes as raw-content dictionary. Every read decompresses within the size the row names and compares the hash.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import zstandard
from sqlalchemy import Connection, bindparam, func, literal, select
from sqlalchemy.dialects.sqlite import insert

from refine.errors import StoreError
from store.statements import Statement, dump_json
from store.tables import BLOB

_LEVEL = 3
"""6 saves 2 % of a page's bytes and costs twice the CPU (measured on 8 KB pages)."""
_NO_NEED_TO_ASK = 10
"""A revision that takes a tenth of its bytes against its base is not tried without it."""
_MIN_BASE_BYTES = 512
"""A shorter base saves less than the walk to it costs."""
MAX_DEPTH = 4
"""Most bases to walk for one blob, so that reading stays cheap however many rounds a chain has."""
_CACHE_BYTES = 32 * 1024 * 1024
_CACHE_ITEM_BYTES = 2 * 1024 * 1024


_find = Statement(select(BLOB.c.id).where(BLOB.c.sha256 == bindparam("wanted")))
_find_many = Statement(
    select(BLOB.c.sha256, BLOB.c.id).where(
        BLOB.c.sha256.in_(select(func.json_each(bindparam("wanted")).table_valued("value").c.value))
    )
)
_start = select(BLOB.c.id, BLOB.c.sha256, BLOB.c.size, BLOB.c.encoding, BLOB.c.base_id, literal(0).label("n"))
_bases = _start.where(BLOB.c.id == bindparam("wanted")).cte(recursive=True)
_bases = _bases.union_all(
    select(BLOB.c.id, BLOB.c.sha256, BLOB.c.size, BLOB.c.encoding, BLOB.c.base_id, _bases.c.n + 1).where(
        BLOB.c.id == _bases.c.base_id, _bases.c.n <= MAX_DEPTH
    )
)
_follow = Statement(select(_bases).order_by(_bases.c.n))
"""A blob and its bases, nearest first; one more than there may be, to notice a line without end."""
_fetch = Statement(select(BLOB.c.data).where(BLOB.c.id == bindparam("wanted")))
_insert = Statement(
    insert(BLOB).on_conflict_do_nothing(index_elements=["sha256"]).returning(BLOB.c.id),
    ("sha256", "size", "encoding", "base_id", "data"),
)


class RecentBytes:
    """The bytes read or written last. Content-addressed, so one cache serves every database."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held = 0
        self._items: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, sha256: str) -> bytes | None:
        with self._lock:
            data = self._items.get(sha256)
            if data is not None:
                self._items.move_to_end(sha256)
            return data

    def add(self, sha256: str, data: bytes) -> None:
        if len(data) > _CACHE_ITEM_BYTES:
            return
        with self._lock:
            if sha256 in self._items:
                return
            self._items[sha256] = data
            self._held += len(data)
            while self._held > self._limit:
                self._held -= len(self._items.popitem(last=False)[1])


_recent = RecentBytes(_CACHE_BYTES)
_local = threading.local()


def put_blob(connection: Connection, data: bytes, *, base_sha256: str | None = None) -> int:
    """The id of the row that holds `data`, made if there is none. Run it in the writer.

    With `base_sha256`, the blob may be stored as its difference from that one, where that is smaller; a base that is
    not in the database is ignored.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    known = blob_id_of(connection, sha256)
    return _put_new(connection, data, sha256, base_sha256) if known is None else known


def put_blobs(
    connection: Connection, contents: Mapping[str, bytes], *, bases: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Hash -> row id of all of them, by hash; `bases` names what those may be stored against. As `put_blob`, with one
    look for all.
    """
    known = find_blobs(connection, contents.keys())
    for sha256, data in contents.items():
        if sha256 not in known:
            known[sha256] = _put_new(connection, data, sha256, bases.get(sha256) if bases else None)
    return known


def find_blobs(connection: Connection, hashes: Collection[str]) -> dict[str, int]:
    """Hash -> row id of those that the database has."""
    return dict(_find_many.all(connection, wanted=dump_json(list(hashes)))) if hashes else {}


def _put_new(connection: Connection, data: bytes, sha256: str, base_sha256: str | None) -> int:
    encoding, stored, base_id = "raw", data, None
    base = None if base_sha256 is None else _select_base(connection, base_sha256)
    if base is not None:
        against = _compress_against(data, base[1])
        if len(against) < len(stored):
            encoding, stored, base_id = "zstd-ref", against, base[0]
    if len(stored) > len(data) // _NO_NEED_TO_ASK:
        plain = _compressor().compress(data)
        if len(plain) < len(stored):
            encoding, stored, base_id = "zstd", plain, None
    made: int | None = _insert.scalar(
        connection, sha256=sha256, size=len(data), encoding=encoding, base_id=base_id, data=stored
    )
    if made is None:  # somebody outside the writer was faster
        made = blob_id_of(connection, sha256)
        assert made is not None
    _recent.add(sha256, data)
    return made


def blob_id_of(connection: Connection, sha256: str) -> int | None:
    found: int | None = _find.scalar(connection, wanted=sha256)
    return found


def get_blob(connection: Connection, blob_id: int, *, recent: RecentBytes | None = None) -> bytes:
    """The bytes, uncompressed. Raises StoreError for a row that is missing or damaged.

    `recent` is what to remember bytes in, and to trust; a fresh one makes sure that they come from this database.
    """
    return _decode_line(connection, _read_line(connection, blob_id), _recent if recent is None else recent)


def get_known_blob(connection: Connection, blob_id: int, sha256: str) -> bytes:
    """As `get_blob`, for a caller that has read the row's hash: recent bytes then cost no further look."""
    data = _recent.get(sha256)
    return get_blob(connection, blob_id) if data is None else data


def get_blob_by_sha256(connection: Connection, sha256: str) -> bytes:
    """The bytes with this hash. Raises StoreError when the database has none, or damaged ones."""
    blob_id = blob_id_of(connection, sha256)
    if blob_id is None:
        raise StoreError(f"blob {sha256[:12]} is not in the database")
    return get_known_blob(connection, blob_id, sha256)


def _read_line(connection: Connection, blob_id: int) -> Sequence[Any]:
    """The rows of a blob and of the bases under it, without their bytes."""
    line = _follow.all(connection, wanted=blob_id)
    if not line:
        raise StoreError(f"blob {blob_id} is not in the database")
    if line[-1].base_id is not None:
        raise StoreError(f"blob {blob_id} is damaged: a base is missing, or its bases run deeper than {MAX_DEPTH}")
    return line


def _decode_line(connection: Connection, line: Sequence[Any], recent: RecentBytes) -> bytes:
    """Go down to a base that is remembered or stored by itself, then decode back up."""
    data: bytes | None = None
    walk = []
    for row in line:
        data = recent.get(row.sha256)
        if data is not None:
            break
        walk.append(row)
    for row in reversed(walk):
        data = _decode(_fetch.scalar(connection, wanted=row.id), row.encoding, row.size, data)
        if data is None or hashlib.sha256(data).hexdigest() != row.sha256:
            raise StoreError(f"blob {row.id} is damaged: its bytes do not have the hash {row.sha256[:12]}")
        recent.add(row.sha256, data)
    assert data is not None
    return data


def _decode(stored: bytes, encoding: str, size: int, base: bytes | None) -> bytes | None:
    """None for bytes that cannot be what the row says; never makes more than `size` bytes."""
    if encoding == "raw":
        return stored
    if encoding == "zstd":
        decompressor = _decompressor()
    elif encoding == "zstd-ref" and base is not None:
        decompressor = zstandard.ZstdDecompressor(dict_data=_dictionary(base))
    else:
        return None
    try:
        if zstandard.get_frame_parameters(stored).content_size != size:
            return None
        return decompressor.decompress(stored)
    except zstandard.ZstdError:
        return None


def _select_base(connection: Connection, sha256: str) -> tuple[int, bytes] | None:
    """The blob to compress against: the one asked for, or the first of its line when that line is long already."""
    blob_id = blob_id_of(connection, sha256)
    if blob_id is None:
        return None
    line = _read_line(connection, blob_id)
    if len(line) > MAX_DEPTH:
        line = line[-1:]
    data = _decode_line(connection, line, _recent)
    return (line[0].id, data) if len(data) >= _MIN_BASE_BYTES else None


def _compress_against(data: bytes, base: bytes) -> bytes:
    last: tuple[bytes, zstandard.ZstdCompressor] | None = getattr(_local, "against", None)
    if last is None or last[0] != base:  # the revisions of a round share their parent
        last = (base, zstandard.ZstdCompressor(level=_LEVEL, dict_data=_dictionary(base)))
        _local.against = last
    return last[1].compress(data)


def _dictionary(base: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def _compressor() -> zstandard.ZstdCompressor:
    """One per thread: zstd contexts are not shared."""
    made: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if made is None:
        made = _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    return made


def _decompressor() -> zstandard.ZstdDecompressor:
    made: zstandard.ZstdDecompressor | None = getattr(_local, "decompressor", None)
    if made is None:
        made = _local.decompressor = zstandard.ZstdDecompressor()
    return made
