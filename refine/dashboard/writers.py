"""Where actions write: a database of its own for each path, opened when the first action is taken."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from refine.api._packages import check_own_packages
from refine.errors import InputError

check_own_packages("graphs", "store")

from store.database import Database  # noqa: E402  # another `store` would have been imported without that check
from store.opening import open_database  # noqa: E402

P = ParamSpec("P")
T = TypeVar("T")


class Writers:
    """One thread acts, one action after another: the store keeps a reading connection for every thread that reads."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="refine-acting")
        self._lock = threading.Lock()
        self._open: tuple[Path, int, Database] | None = None

    def act(self, path: Path, action: Callable[Concatenate[Database, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`action(database, …)` on the database at the path, which is not made or migrated. Raises as the action does,
        and StoreError where the database cannot be written."""
        return self._pool.submit(lambda: action(self._get(path.absolute()), *args, **kwargs)).result()

    def _get(self, path: Path) -> Database:
        if not path.exists():
            raise InputError(f"{path}: there is no database here")
        inode = path.stat().st_ino
        with self._lock:
            if self._open is not None and self._open[:2] == (path, inode):
                return self._open[2]
            if self._open is not None:
                self._open[2].close()
                self._open = None
            database = open_database(path, migrate=False)
            self._open = (path, inode, database)
            return database

    def close(self) -> None:
        """What is under way is finished. Acting again opens anew."""
        with self._lock:
            if self._open is not None:
                self._open[2].close()
                self._open = None


WRITERS = Writers()
"""Of this process."""
