"""The reply cache: JSON text by key, on disk, deletable at any time. Losing it costs calls, never results.

diskcache keeps what it cannot store plainly as pickles, and loads them on reading (CVE-2025-69872): whoever can write
the folder runs code in whoever reads it. Here nothing but text inside the database file is ever written or read, and
the folder is its owner's alone.
"""

import sqlite3
from functools import cache
from os.path import expandvars
from pathlib import Path
from typing import Any

_FILES = ("cache.db", "cache.db-wal", "cache.db-shm")
_BUSY_TIMEOUT_S = 5.0

# What a folder that is missing, unwritable, full, damaged or planted makes diskcache and SQLite raise. Every one of
# them is a miss. TypeError, KeyError and AttributeError come from planted settings rows.
_TROUBLE = (sqlite3.Error, OSError, ValueError, TypeError, KeyError, AttributeError)


class ReplyCache:
    """Nothing here raises for the state of the folder: what cannot be read is a miss, what cannot be written is not."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder).absolute()
        self._cache: Any = None

    def get(self, key: str) -> str | None:
        opened = self._open()
        if opened is None:
            return None
        try:
            value = opened.get(key)
        except _trouble():
            self._drop()
            return None
        return value if isinstance(value, str) else None

    def put(self, key: str, text: str) -> None:
        if self._cache is not None and not (self._folder / _FILES[0]).exists():
            self._drop()  # deleted while open: what is written to a deleted file nobody finds
        opened = self._open()
        if opened is None:
            return
        try:
            opened.set(key, text)
        except _trouble():
            self._drop()

    def close(self) -> None:
        self._drop()

    def _open(self) -> Any:
        if self._cache is None:
            try:
                self._cache = self._make()
            except _trouble() as trouble:
                # Busy, full or unwritable is not damaged: another process may be using the file.
                if isinstance(trouble, sqlite3.DatabaseError) and not isinstance(trouble, sqlite3.OperationalError):
                    self._remove_files()
        return self._cache

    def _make(self) -> Any:
        import diskcache

        folder = str(self._folder)
        if expandvars(folder) != folder:
            raise ValueError("diskcache would expand the name of this folder into another one")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        return diskcache.Cache(
            folder,
            timeout=_BUSY_TIMEOUT_S,
            disk=_text_disk(),
            eviction_policy="none",
            cull_limit=0,
            statistics=0,
            tag_index=0,
            disk_min_file_size=2**40,
            disk_pickle_protocol=0,
        )

    def _drop(self) -> None:
        opened, self._cache = self._cache, None
        if opened is not None:
            try:
                opened.close()
            except _trouble():
                pass

    def _remove_files(self) -> None:
        for name in _FILES:
            try:
                (self._folder / name).unlink(missing_ok=True)
            except OSError:
                return


class RefusedRow(OSError):
    """The cache holds something that is not plain text; an OSError, which diskcache takes for a missing entry."""


def _trouble() -> tuple[type[Exception], ...]:
    import diskcache

    return (*_TROUBLE, diskcache.Timeout)


@cache
def _text_disk() -> type:
    """A class made late: its base is diskcache's."""
    from diskcache.core import MODE_RAW, UNKNOWN, Disk

    class TextDisk(Disk):  # type: ignore[misc]  # diskcache has no types
        def put(self, key: object) -> tuple[str, bool]:
            if not isinstance(key, str):
                raise TypeError("the cache's keys are text")
            return key, True

        def get(self, key: object, raw: object) -> str:
            if not raw or not isinstance(key, str):
                raise RefusedRow("a key of the cache is not text")
            return key

        def store(self, value: object, read: bool, key: object = UNKNOWN) -> tuple[int, int, None, str]:
            if read or not isinstance(value, str):
                raise TypeError("the cache stores text only")
            return 0, int(MODE_RAW), None, value

        def fetch(self, mode: object, filename: object, value: object, read: object) -> str:
            # Rows that name a file are refused too: a planted name could point at any file.
            if mode != MODE_RAW or filename is not None or read or not isinstance(value, str):
                raise RefusedRow("a row of the cache is not text")
            return value

        def remove(self, file_path: object) -> None:
            """Nothing of ours lies in files."""

    return TextDisk
