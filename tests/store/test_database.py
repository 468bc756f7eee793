import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import IntegrityError

from refine.errors import StoreError, StoreFull
from store.blobs import get_blob, put_blob
from store.database import Database
from store.opening import open_database
from store.tables import BLOB, CANDIDATE_FILE


def count(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(BLOB)).scalar_one())


def hold(database: Database) -> tuple[threading.Event, "Future[None]"]:
    """Keep the writer busy until the event is set, so that what is submitted meanwhile makes one group."""
    started, release = threading.Event(), threading.Event()

    def wait(connection: Connection) -> None:
        started.set()
        release.wait(30)

    held = database.submit(wait)
    started.wait(30)
    return release, held


# --- Group commit -------------------------------------------------------------------------------------------------


def test_writes_that_wait_together_are_committed_together(database: Database) -> None:
    release, held = hold(database)
    futures = [database.submit(put_blob, str(n).encode()) for n in range(50)]
    release.set()
    assert len({future.result() for future in futures}) == 50
    held.result()
    assert database.commits == 2


def test_a_write_that_fails_undoes_its_own_rows_only(database: Database) -> None:
    def put_and_fail(connection: Connection, n: int) -> None:
        put_blob(connection, f"lost {n}".encode())
        raise LookupError(n)

    def break_a_rule(connection: Connection) -> None:
        put_blob(connection, b"lost too")
        connection.execute(CANDIDATE_FILE.insert().values(candidate_id=99, position=0, filename="a", blob_id=99))

    release, _ = hold(database)
    futures: list[tuple[int, Future[Any]]] = []
    for n in range(40):
        write = put_and_fail if n % 3 == 0 else None
        futures.append((n, database.submit(write, n) if write else database.submit(put_blob, f"kept {n}".encode())))
    broken = database.submit(break_a_rule)
    release.set()
    kept = 0
    for n, future in futures:
        if n % 3 == 0:
            with pytest.raises(LookupError, match=str(n)):
                future.result()
        else:
            assert database.read(get_blob, future.result()) == f"kept {n}".encode()
            kept += 1
    with pytest.raises((StoreError, IntegrityError)):
        broken.result()
    assert database.read(count) == kept
    assert database.commits == 2


def test_a_write_that_fails_before_it_wrote_anything_costs_the_others_nothing(database: Database) -> None:
    runs: Counter[str] = Counter()

    def write(connection: Connection, name: str, fails: bool) -> int:
        runs[name] += 1
        if fails:
            raise LookupError(name)
        return put_blob(connection, name.encode())

    release, _ = hold(database)
    kept, failed = database.submit(write, "kept", False), database.submit(write, "failed", True)
    release.set()
    assert database.read(get_blob, kept.result()) == b"kept"
    with pytest.raises(LookupError, match="failed"):
        failed.result()
    assert runs == {"kept": 1, "failed": 1}


def test_many_threads_with_failing_siblings_lose_and_invent_nothing(database: Database) -> None:
    acknowledged: list[int] = []
    failed: Counter[str] = Counter()

    def write(connection: Connection, data: bytes, fails: bool) -> int:
        key = put_blob(connection, data)
        if fails:
            raise ArithmeticError
        return key

    def work(seed: int) -> None:
        dice = random.Random(seed)
        for n in range(40):
            try:
                acknowledged.append(database.write_now(write, f"{seed}/{n}".encode(), dice.random() < 0.3))
            except ArithmeticError:
                failed["writes"] += 1

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(acknowledged) + failed["writes"] == 320
    assert len(set(acknowledged)) == len(acknowledged) == database.read(count)
    assert failed["writes"] > 0


async def test_a_caller_that_is_cancelled_takes_back_what_is_queued_unless_it_was_to_be_written_surely(
    database: Database,
) -> None:
    release, held = hold(database)
    taken_back = asyncio.ensure_future(database.write(put_blob, b"taken back"))
    surely = asyncio.ensure_future(database.write_surely(put_blob, b"surely"))
    await asyncio.sleep(0)
    for task in (taken_back, surely):
        task.cancel()
    assert [type(it) for it in await asyncio.gather(taken_back, surely, return_exceptions=True)] == [
        asyncio.CancelledError
    ] * 2
    release.set()
    held.result()
    database.write_now(lambda connection: None)
    assert database.read(count) == 1


def test_a_write_that_was_cancelled_while_it_waited_is_not_made(database: Database) -> None:
    release, _ = hold(database)
    cancelled, kept = database.submit(put_blob, b"cancelled"), database.submit(put_blob, b"kept")
    assert cancelled.cancel()
    release.set()
    kept.result()
    assert database.read(count) == 1


async def test_coroutines_share_the_writer(database: Database) -> None:
    keys = await asyncio.gather(*(database.write(put_blob, str(n).encode()) for n in range(100)))
    assert len(set(keys)) == 100
    assert database.commits < 100


# --- Reading ------------------------------------------------------------------------------------------------------


def test_a_reader_sees_one_moment_and_only_what_is_committed(database: Database) -> None:
    def count_around_a_write(connection: Connection) -> tuple[int, int]:
        before = count(connection)
        database.write_now(put_blob, b"new")
        return before, count(connection)

    assert database.read(count_around_a_write) == (0, 0)
    assert database.read(count) == 1


def test_a_reader_that_fails_leaves_its_thread_able_to_read(database: Database) -> None:
    def fail(connection: Connection) -> None:
        raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            database.read(fail)
    with pytest.raises(StoreError):
        database.read(lambda connection: connection.execute(text("SELECT * FROM nowhere")))
    assert database.read(count) == 0


def test_data_version_tells_of_commits_by_others(database: Database) -> None:
    before = database.data_version()
    assert database.data_version() == before
    with open_database(database.path) as other:
        other.write_now(put_blob, b"theirs")
    assert database.data_version() != before


# --- Ending -------------------------------------------------------------------------------------------------------


def test_closing_finishes_what_is_queued_and_refuses_the_rest(database: Database) -> None:
    release, _ = hold(database)
    futures = [database.submit(put_blob, str(n).encode()) for n in range(30)]
    release.set()
    database.close()
    database.close()
    assert len({future.result(timeout=0) for future in futures}) == 30
    for refused in (lambda: database.submit(put_blob, b"late"), lambda: database.read(count)):
        with pytest.raises(StoreError, match="is closed"):
            refused()


def test_a_database_that_was_never_used_closes(new_file: Path, tmp_path: Path) -> None:
    Database(tmp_path / "refine.db").close()


def test_writers_are_told_when_the_database_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "garbage.db"
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    with Database(path) as database:
        for _ in range(2):
            with pytest.raises(StoreError, match="not a database"):
                database.submit(put_blob, b"lost").result(timeout=30)
        with pytest.raises(StoreError, match="not a database"):
            database.read(count)


def test_a_full_database_fails_the_writes_that_did_not_fit_and_takes_others_again(database: Database) -> None:
    def limit(connection: Connection, more_pages: int) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + more_pages}")

    database.write_now(limit, 20)
    release, _ = hold(database)
    data = [os.urandom(8000) for _ in range(40)]
    futures = [database.submit(put_blob, item) for item in data]
    release.set()
    kept = 0
    for item, future in zip(data, futures, strict=True):
        try:
            assert database.read(get_blob, future.result()) == item
            kept += 1
        except StoreFull as error:
            assert len(str(error).splitlines()) == 1
    assert database.read(count) == kept < 40
    database.write_now(limit, 1000)
    database.write_now(put_blob, b"fits again")
    assert database.read(count) == kept + 1


# --- Killed -------------------------------------------------------------------------------------------------------

WRITER = """
import sys
from store.blobs import put_blob
from store.opening import open_database
database = open_database(sys.argv[1])
n = 0
while True:
    futures = [(n + i, database.submit(put_blob, b"row %d " % (n + i) * 50)) for i in range(20)]
    n += 20
    for i, future in futures:
        future.result()
        sys.stdout.write(f"{i}\\n")
    sys.stdout.flush()
"""


def test_kill_9_loses_nothing_that_was_acknowledged(database: Database) -> None:
    dice = random.Random(3)
    acknowledged: set[int] = set()
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(database.path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            acknowledged.add(int(process.stdout.readline()))
            time.sleep(dice.random() * 0.3)
            process.send_signal(signal.SIGKILL)
            # what the pipe still holds was said before the kill; a last line cut short was not
            acknowledged.update(int(line) for line in process.stdout if line.endswith("\n"))
    assert len(acknowledged) > 20
    stored = {database.read(get_blob, key) for key in range(1, database.read(count) + 1)}
    assert {b"row %d " % n * 50 for n in acknowledged} <= stored
    assert database.read(lambda c: c.exec_driver_sql("PRAGMA integrity_check").scalar_one()) == "ok"


def test_two_processes_write_at_once_and_both_are_heard(database: Database) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(database.path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        mine = {database.write_now(put_blob, f"mine {n}".encode()) for n in range(50)}
        heard = process.stdout.readline()
        process.kill()
    assert len(mine) == 50 and heard
    assert all(database.read(get_blob, key).startswith(b"mine") for key in mine)
