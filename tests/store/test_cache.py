import os
import pickle
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from store.cache import ReplyCache


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_text_comes_back_as_it_was_put(folder: Path) -> None:
    cache = ReplyCache(folder)
    cache.put("k", '{"text": "ü"}')
    cache.put("large", "x" * 1_000_000)
    assert cache.get("k") == '{"text": "ü"}'
    assert cache.get("large") == "x" * 1_000_000
    assert cache.get("other") is None
    cache.close()


def test_what_one_process_puts_a_later_one_gets(folder: Path) -> None:
    first = ReplyCache(folder)
    first.put("k", "v")
    first.close()
    second = ReplyCache(folder)
    assert second.get("k") == "v"
    second.close()


def test_everything_lies_in_the_database_and_the_folder_is_its_owners_alone(folder: Path) -> None:
    cache = ReplyCache(folder)
    cache.put("k", "x" * 200_000)
    cache.close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name for path in folder.iterdir()} <= {"cache.db", "cache.db-wal", "cache.db-shm"}


@pytest.mark.parametrize("mode", [4, 1])
@pytest.mark.parametrize("place", ["row", "file"])
def test_a_planted_pickle_is_a_miss_and_runs_nothing(folder: Path, tmp_path: Path, mode: int, place: str) -> None:
    cache = ReplyCache(folder)
    cache.put("k", "v")
    cache.close()
    bomb = pickle.dumps(Bomb(tmp_path / "ran"))
    (folder / "bomb.val").write_bytes(bomb)
    value, filename = (bomb, None) if place == "row" else (None, "bomb.val")
    with sqlite3.connect(folder / "cache.db") as connection:
        connection.execute("UPDATE Cache SET mode = ?, value = ?, filename = ?", (mode, value, filename))
    connection.close()
    cache = ReplyCache(folder)
    assert cache.get("k") is None
    cache.put("k", "again")
    assert cache.get("k") == "again"
    cache.close()
    assert not (tmp_path / "ran").exists()


def test_the_planted_pickle_would_run_in_diskcache_itself(folder: Path, tmp_path: Path) -> None:
    import diskcache

    with diskcache.Cache(str(folder)) as plain:
        plain.set("k", Bomb(tmp_path / "ran"))
        plain.get("k")
    assert (tmp_path / "ran").exists()


def test_a_planted_file_name_reads_no_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    cache = ReplyCache(folder)
    cache.put("k", "v")
    cache.close()
    with sqlite3.connect(folder / "cache.db") as connection:
        connection.execute("UPDATE Cache SET mode = 3, value = NULL, filename = '../secret'")
    connection.close()
    cache = ReplyCache(folder)
    assert cache.get("k") is None
    cache.close()


def test_a_cache_deleted_while_open_is_a_miss_and_then_used_again(folder: Path) -> None:
    cache = ReplyCache(folder)
    cache.put("k", "v")
    shutil.rmtree(folder)
    cache.get("k")
    cache.put("l", "w")
    cache.close()
    again = ReplyCache(folder)
    assert again.get("l") == "w"
    assert again.get("k") is None
    again.close()


def test_a_corrupted_database_is_made_anew(folder: Path) -> None:
    folder.mkdir()
    (folder / "cache.db").write_bytes(b"not a database at all" * 1000)
    cache = ReplyCache(folder)
    assert cache.get("k") is None
    cache.put("k", "v")
    assert cache.get("k") == "v"
    cache.close()


def test_a_database_damaged_while_open_raises_nothing(folder: Path) -> None:
    cache = ReplyCache(folder)
    for number in range(200):
        cache.put(f"k{number}", "v" * 2000)
    cache.close()
    size = (folder / "cache.db").stat().st_size
    with (folder / "cache.db").open("r+b") as file:
        file.seek(size // 3)
        file.write(os.urandom(size // 3))
    for number in range(200):
        assert cache.get(f"k{number}") in (None, "v" * 2000)
    cache.put("k", "v")
    cache.close()


@pytest.mark.parametrize("name", ["get", "disk_oddity", "eviction_policy", "size"])
def test_planted_settings_raise_nothing(folder: Path, name: str) -> None:
    cache = ReplyCache(folder)
    cache.put("k", "v")
    cache.close()
    with sqlite3.connect(folder / "cache.db") as connection:
        connection.execute("INSERT OR REPLACE INTO Settings VALUES (?, ?)", (name, "odd"))
    connection.close()
    assert cache.get("k") in (None, "v")
    cache.put("k", "w")
    cache.close()


def test_a_folder_that_cannot_be_made_is_a_miss(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = ReplyCache(tmp_path / "file" / "cache")
    cache.put("k", "v")
    assert cache.get("k") is None
    cache.close()


def test_a_folder_named_like_a_variable_is_not_expanded(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "$HOME")
    cache.put("k", "v")
    assert cache.get("k") is None
    assert not list(tmp_path.iterdir())


def test_nothing_is_evicted(folder: Path) -> None:
    cache = ReplyCache(folder)
    for number in range(50):
        cache.put(f"k{number}", "x" * 100_000)
    assert all(cache.get(f"k{number}") for number in range(50))
    cache.close()


def test_diskcache_is_not_loaded_before_it_is_needed() -> None:
    code = "import store.cache, sys; store.cache.ReplyCache('x'); sys.exit('diskcache' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
