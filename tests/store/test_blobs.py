import hashlib
import random
import threading
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select, update

from refine.errors import StoreError
from store.blobs import MAX_DEPTH, RecentBytes, blob_id_of, get_blob, get_blob_by_sha256, put_blob
from store.database import Database
from store.tables import BLOB

NOISE = random.Random(1)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def page(size: int = 8000) -> bytes:
    """Text that compresses about as badly as code can."""
    return bytes(NOISE.choices(b"abcdefghijklmnopqrstuvwxyz <>/=\"'{}();0123456789", k=size))


def reread(connection: Connection, key: int) -> bytes:
    """From the database, not from what the process remembers."""
    return get_blob(connection, key, recent=RecentBytes(1))


def row(connection: Connection, key: int) -> tuple[str, int, int | None, int]:
    query = select(BLOB.c.encoding, BLOB.c.size, BLOB.c.base_id, func.length(BLOB.c.data)).where(BLOB.c.id == key)
    return tuple(connection.execute(query).one())  # type: ignore[return-value]


def put_line(database: Database, length: int) -> list[int]:
    """A page and its descendants, each put against the one before."""
    data = page()
    keys = [database.write_now(put_blob, data)]
    for n in range(1, length):
        older, data = data, data[: n * 50] + b"<b>revision %d</b>" % n + data[n * 50 + 20 :]
        keys.append(database.write_now(put_blob, data, base_sha256=sha(older)))
    return keys


def test_bytes_come_back_by_row_and_by_hash(database: Database) -> None:
    data = page()
    key = database.write_now(put_blob, data)
    assert database.read(reread, key) == data
    assert database.read(get_blob_by_sha256, sha(data)) == data
    assert database.read(blob_id_of, sha(data)) == key


def test_the_same_bytes_are_stored_once(database: Database) -> None:
    first = database.write_now(put_blob, b"twice " * 100)
    assert database.write_now(put_blob, b"twice " * 100) == first
    assert database.read(lambda connection: connection.execute(select(func.count()).select_from(BLOB)).scalar()) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=3000), st.binary(max_size=3000))
def test_any_bytes_come_back_whatever_they_were_compressed_against(
    database: Database, base: bytes, data: bytes
) -> None:
    database.write_now(put_blob, base * 3)
    key = database.write_now(put_blob, data + base, base_sha256=sha(base * 3))
    assert database.read(reread, key) == data + base


def test_bytes_that_do_not_compress_are_kept_as_they_are(database: Database) -> None:
    data = NOISE.randbytes(300)
    key = database.write_now(put_blob, data)
    assert database.read(row, key) == ("raw", 300, None, 300)


def test_a_revision_is_stored_as_its_difference_from_the_parent(database: Database) -> None:
    parent, revision = put_line(database, 2)
    encoding, size, base, stored = database.read(row, revision)
    assert (encoding, base) == ("zstd-ref", parent)
    assert stored < size / 50
    assert database.read(row, parent)[3] > stored * 20


@pytest.mark.parametrize("base", [b"x" * 511, b"never stored " * 100])
def test_a_base_that_is_short_or_unknown_is_ignored(database: Database, base: bytes) -> None:
    if len(base) < 512:
        database.write_now(put_blob, base)
    key = database.write_now(put_blob, base + page(), base_sha256=sha(base))
    assert database.read(row, key)[2] is None


def test_long_lines_of_revisions_stay_shallow_and_small(database: Database) -> None:
    keys = put_line(database, 30)
    bases = {key: database.read(row, key)[2] for key in keys}
    for key in keys:
        depth, at = 0, key
        while (below := bases[at]) is not None:
            at, depth = below, depth + 1
        assert depth <= MAX_DEPTH
        assert database.read(row, key)[3] < 1000 or key == keys[0]
    assert len(database.read(reread, keys[-1])) > 0


def test_a_blob_that_is_missing_is_said_so(database: Database) -> None:
    with pytest.raises(StoreError, match="not in the database"):
        database.read(get_blob, 12345)
    with pytest.raises(StoreError, match="not in the database"):
        database.read(get_blob_by_sha256, "0" * 64)


def damage(**values: object) -> Callable[[Connection, int], None]:
    def run(connection: Connection, key: int) -> None:
        connection.execute(update(BLOB).where(BLOB.c.id == key).values(**values))

    return run


@pytest.mark.parametrize(
    "values",
    [
        {"data": b""},
        {"data": b"not zstd at all"},
        {"encoding": "raw", "data": b"other bytes"},
        {"size": 10**12},
        {"encoding": "lzma"},
        {"encoding": "zstd-ref", "base_id": None},
        {"sha256": "f" * 64},
    ],
)
def test_a_damaged_row_is_never_read_as_something_else(database: Database, values: dict[str, object]) -> None:
    _, key = put_line(database, 2)
    database.write_now(damage(**values), key)
    with pytest.raises(StoreError, match="damaged"):
        database.read(reread, key)


def test_bases_that_run_in_a_circle_are_noticed(database: Database) -> None:
    parent, key = put_line(database, 2)
    database.write_now(damage(encoding="zstd-ref", base_id=key), parent)
    with pytest.raises(StoreError, match="damaged"):
        database.read(reread, key)


def test_what_was_rolled_back_is_not_in_the_database_though_it_is_remembered(database: Database) -> None:
    data = page()

    def put_and_fail(connection: Connection) -> None:
        put_blob(connection, data)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write_now(put_and_fail)
    with pytest.raises(StoreError):
        database.read(get_blob_by_sha256, sha(data))
    assert database.read(reread, database.write_now(put_blob, data)) == data


def test_what_is_remembered_stays_within_its_limit() -> None:
    recent = RecentBytes(1000)
    for n in range(50):
        recent.add(str(n), b"x" * 100)
    assert [n for n in range(50) if recent.get(str(n)) is not None] == list(range(40, 50))


def test_threads_may_read_and_put_at_once(database: Database) -> None:
    keys = put_line(database, 8)
    expected = {key: database.read(reread, key) for key in keys}
    wrong: list[int] = []

    def read_all() -> None:
        recent = RecentBytes(20_000)
        for _ in range(20):
            wrong.extend(
                key for key in keys if database.read(lambda c, k=key: get_blob(c, k, recent=recent)) != expected[key]
            )
            database.write_now(put_blob, page(600))

    threads = [threading.Thread(target=read_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
