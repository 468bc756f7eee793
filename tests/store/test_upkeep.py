import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from refine.errors import InputError, StoreError, StoreFull, StoreReadOnly
from store import upkeep
from store.blobs import get_blob, put_blob
from store.database import Database
from store.opening import HEAD, open_database
from store.upkeep import backup, copy_verified, stats
from store.verify import verify_database


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder of 1 MiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_backup_is_a_whole_database_of_one_file(
    database: Database, tmp_path: Path, fill: Callable[..., dict[str, str]]
) -> None:
    database.write_now(fill)
    target = tmp_path / "copy.db"
    backup(database, target)
    assert {path.name for path in tmp_path.glob("copy*")} == {"copy.db"}
    with open_database(target) as copy:
        assert copy.read(stats)["rows"] == database.read(stats)["rows"]
        assert verify_database(copy).is_ok


def test_a_backup_made_while_others_write_is_one_moment_of_the_database(database: Database, tmp_path: Path) -> None:
    stop = threading.Event()

    def write_pairs() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            database.write_now(lambda c, n=n: [put_blob(c, f"{n}-{half}".encode() * 99) for half in "ab"])

    writer = threading.Thread(target=write_pairs)
    writer.start()
    try:
        for n in range(5):
            backup(database, tmp_path / f"copy{n}.db")
    finally:
        stop.set()
        writer.join()
    for n in range(5):
        with open_database(tmp_path / f"copy{n}.db") as copy:
            assert copy.read(stats)["rows"]["blob"] % 2 == 0


def test_a_backup_overwrites_nothing(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("kept")
    with pytest.raises(InputError, match="exists"):
        backup(database, target)
    dangling = tmp_path / "link"
    dangling.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="exists"):
        backup(database, dangling)
    with pytest.raises(InputError, match="exists"):
        backup(database, database.path)
    assert target.read_text() == "kept"


def test_a_target_that_appears_meanwhile_is_not_overwritten(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def appear(copy: object, counts: object, target: Path) -> None:
        target.write_text("kept")

    monkeypatch.setattr(upkeep, "_check_copy", appear)
    with pytest.raises(InputError, match="exists"):
        backup(database, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "kept"


def test_a_backup_needs_its_folder(database: Database, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder"):
        backup(database, tmp_path / "missing" / "copy.db")


def test_a_backup_that_is_not_like_the_original_gets_no_name(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = upkeep._count_rows
    calls = iter(range(2))

    def miscount(connection: sqlite3.Connection) -> dict[str, int]:
        return {name: count + next(calls) for name, count in counted(connection).items() if name == "blob"}

    monkeypatch.setattr(upkeep, "_count_rows", miscount)
    with pytest.raises(StoreError, match="differs from the original in blob"):
        backup(database, tmp_path / "copy.db")
    assert list(tmp_path.glob("copy*")) == []


def test_a_damaged_original_gives_no_backup(database: Database, tmp_path: Path) -> None:
    for n in range(200):
        database.write_now(put_blob, os.urandom(3000) + str(n).encode())
    database.close()
    with database.path.open("r+b") as file:
        file.seek(database.path.stat().st_size // 2)
        file.write(b"\xff" * 20_000)
    with pytest.raises(StoreError):
        copy_verified(database.path, tmp_path / "copy.db")
    assert list(tmp_path.glob("copy*")) == []


def test_a_full_disk_leaves_no_half_backup(database: Database, tiny_disk: Path) -> None:
    for _ in range(600):
        database.write_now(put_blob, os.urandom(4000))
    with pytest.raises(StoreFull):
        backup(database, tiny_disk / "copy.db")
    assert list(tiny_disk.iterdir()) == []


def test_a_full_disk_fails_the_write_in_one_line_and_leaves_nothing_half_written(
    new_file: Path, tiny_disk: Path
) -> None:
    small = tiny_disk / "refine.db"
    shutil.copy(new_file, small)
    kept = []
    with open_database(small) as database:
        with pytest.raises(StoreFull, match="no space is left") as raised:
            for _ in range(1000):
                data = os.urandom(2000)
                kept.append((database.write_now(put_blob, data), data))
        assert len(str(raised.value).splitlines()) == 1
        assert all(database.read(get_blob, key) == data for key, data in kept)
    with open_database(small) as database:
        assert verify_database(database).is_ok
        assert database.read(stats)["rows"]["blob"] == len(kept)


def test_a_database_cannot_be_made_on_a_full_disk_and_can_be_when_there_is_room(tiny_disk: Path) -> None:
    filler = tiny_disk / "filler"
    filler.write_bytes(bytes(1900 * 1024))
    with pytest.raises(StoreFull) as raised:
        open_database(tiny_disk / "new.db")
    assert len(str(raised.value).splitlines()) == 1
    filler.unlink()
    with open_database(tiny_disk / "new.db") as database:
        database.write_now(put_blob, b"kept")


def test_a_folder_that_cannot_be_written_gives_one_line(database: Database) -> None:
    if not Path("/proc/self").is_dir():
        pytest.skip("needs a folder that nobody can write")
    with pytest.raises((StoreReadOnly, StoreError)) as raised:
        backup(database, Path("/proc/self/copy.db"))
    assert len(str(raised.value).splitlines()) == 1


def test_stats_count_rows_states_and_bytes(database: Database, fill: Callable[..., dict[str, str]]) -> None:
    database.write_now(fill)
    found = database.read(stats)
    assert found["chains_by_state"] == {"ended": 1, "waiting": 2}
    assert found["rows"]["candidate"] == 7 and found["rows"]["ranking"] == 3 and found["rows"]["owner"] == 0
    assert "alembic_version" not in found["rows"]
    assert found["revision"] == HEAD
    blobs = found["blobs"]
    assert sum(blobs["by_encoding"].values()) == found["rows"]["blob"]
    assert 0 < blobs["stored_bytes"] < blobs["plain_bytes"] < found["file_bytes"]
