"""Where the pages read: one database, opened once for all viewers, and answers kept for as long as they are true."""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from refine.api._packages import check_own_packages
from refine.errors import InputError, StoreError

check_own_packages("graphs", "store")

from store.database import Database  # noqa: E402  # another `store` would have been imported without that check
from store.opening import open_database  # noqa: E402

P = ParamSpec("P")
T = TypeVar("T")

VARIABLE = "REFINE_DB"
_PLACES = (Path("refine.db"), Path("refine-demo/refine.db"))
"""Where commands put a database when they are not told where, the demo's last."""
_READERS = 4
_LOOK_S = 2.0
"""How often it is looked whether something was written: many viewers of a busy store ask alike, and share answers."""
_KEPT = 64


def find_database(environ: Mapping[str, str]) -> Path:
    """REFINE_DB, else refine.db here, else what `refine demo` left here."""
    if given := environ.get(VARIABLE):
        return Path(given)
    return next((place for place in _PLACES if place.exists()), _PLACES[0])


class Source:
    """A database for many threads. Streamlit runs every rerun in a thread of its own, and the store keeps a connection
    for every thread that reads: a few threads of ours read for all of them."""

    def __init__(self, path: Path) -> None:
        """Raises InputError where there is no database, StoreError for one that cannot be read."""
        self.path = path
        self._database: Database = open_database(path, read_only=True)
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="refine-dashboard")
        self._lock = threading.Lock()
        self._answers: OrderedDict[Any, tuple[Any, Any]] = OrderedDict()
        self._looked: tuple[float, tuple[Any, ...]] | None = None

    def ask(self, question: Callable[Concatenate[Database, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`question(database, …)`, or what it gave before, while nothing has been written since. Arguments are
        hashable, and answers are not to be changed."""
        key = (question, args, tuple(sorted(kwargs.items())))
        mark = self.mark()
        with self._lock:
            kept = self._answers.get(key)
            if kept is not None and kept[0] == mark:
                self._answers.move_to_end(key)
                return cast(T, kept[1])
        answer = self._pool.submit(question, self._database, *args, **kwargs).result()
        with self._lock:
            self._answers[key] = (mark, answer)
            self._answers.move_to_end(key)
            while len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
        return answer

    def mark(self) -> tuple[Any, ...]:
        """Another one after something was written, at most two seconds later."""
        with self._lock:
            now = time.monotonic()
            if self._looked is None or now - self._looked[0] >= _LOOK_S:
                self._looked = now, tuple(_stat(Path(f"{self.path}{ending}")) for ending in ("", "-wal"))
            return self._looked[1]

    def look_again(self) -> None:
        """Something was written just now: the next `mark` sees it."""
        with self._lock:
            self._looked = None

    def close(self) -> None:
        self._pool.shutdown(wait=True)
        self._database.close()


class Sources:
    """The source of each path. A file that another one has taken the place of is opened anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Path, tuple[int, Source]] = {}

    def get(self, path: Path) -> Source:
        """Raises InputError where there is no database, StoreError for one that cannot be read."""
        path = path.absolute()
        try:
            inode = path.stat().st_ino
        except FileNotFoundError as error:
            raise InputError(f"{path}: there is no database here") from error
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({error.strerror})") from error
        with self._lock:
            known = self._open.get(path)
            if known is not None and known[0] == inode:
                return known[1]
            source = Source(path)
            self._open[path] = (inode, source)
        if known is not None:
            known[1].close()
        return source

    def close(self) -> None:
        with self._lock:
            for _, source in self._open.values():
                source.close()
            self._open.clear()


def _stat(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


SOURCES = Sources()
"""Of this process: what one viewer opened, all read."""


def open_source() -> Source:
    """The one that the environment names. Raises as `Sources.get`."""
    return SOURCES.get(find_database(os.environ))
