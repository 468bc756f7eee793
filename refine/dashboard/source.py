"""Where the pages read: one database, opened once for all viewers, and answers kept for as long as they are true."""

import gc
import itertools
import math
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from refine.api._packages import check_own_packages
from refine.errors import InputError, RefineError, StoreError

check_own_packages("graphs", "store")

from refine.api.tally import Tally  # noqa: E402
from store.database import Database  # noqa: E402  # another `store` would have been imported without that check
from store.opening import open_database  # noqa: E402

P = ParamSpec("P")
T = TypeVar("T")

VARIABLE = "REFINE_DB"
_PLACES = (Path("refine.db"), Path("refine-demo/refine.db"))
"""Where commands put a database when they are not told where, the demo's last."""
_READERS = 3
_LOOK_S = 1.0
"""How often it is looked whether something was written: many viewers of a busy store ask alike, and share answers."""
_KEPT = 64
_REST, _LONG_REST = 0.5, 2.0
"""Of the time that adding up takes, how much the thread that does it rests after each step: viewers come first. The
longer while it fits ratings again to find late rankings, which nobody needs to go on reading."""
_PATIENCE_S = 0.7
"""How long a page waits for sums that are being brought up to date; after that it shows what there is."""
_MANY = 2000
"""Chains from which on the garbage collector is kept away from their sums."""
_IDLE_S = 60.0
"""After so long without a viewer nothing is added up any more, until the next one comes."""


def find_database(environ: Mapping[str, str]) -> Path:
    """REFINE_DB, else refine.db here, else what `refine demo` left here."""
    if given := environ.get(VARIABLE):
        return Path(given)
    return next((place for place in _PLACES if place.exists()), _PLACES[0])


_NUMBERS = itertools.count()


class Source:
    """A database for many threads. Streamlit runs every rerun in a thread of its own, and the store keeps a connection
    for every thread that reads: a few threads of ours read for all of them."""

    def __init__(self, path: Path) -> None:
        """Raises InputError where there is no database, StoreError for one that cannot be read."""
        self.path = path
        self._number = next(_NUMBERS)
        self._database: Database = open_database(path, read_only=True)
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="refine-dashboard")
        self._looker = ThreadPoolExecutor(1, thread_name_prefix="refine-dashboard-look")
        self._lock = threading.Lock()
        self._answers: OrderedDict[Any, tuple[Any, Future[Any]]] = OrderedDict()
        self._looked: tuple[float, int] | None = None
        self._writes = 0
        self._tally = self._pool.submit(Tally, self._database).result()
        self._tallying = threading.Condition()
        self._tallied: tuple[int, ...] = (0,)
        """The mark under which the tally was last up to date."""
        self._adder: threading.Thread | None = None
        self._wanted_at = -math.inf
        self._failure: RefineError | None = None
        self._is_frozen = False
        self._is_closed = False

    def ask(self, question: Callable[Concatenate[Database, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`question(database, …)`, or what it gave before, while nothing has been written since. Arguments are
        hashable, and answers are not to be changed."""
        key = (question, args, tuple(sorted(kwargs.items())))
        return self._answer(key, self.mark(), lambda: question(self._database, *args, **kwargs))

    def load(self, question: Callable[Concatenate[Database, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `ask`, for what is big and asked once, such as pictures: the answer is not kept."""
        return self._submit(self._pool, lambda: question(self._database, *args, **kwargs)).result()

    def _answer(self, key: Any, mark: Any, make: Callable[[], T]) -> T:
        """What is kept under this key and mark, else what `make` makes in one of our threads: once for all who ask."""
        with self._lock:
            kept = self._answers.get(key)
            if kept is None or kept[0] != mark or (kept[1].done() and kept[1].exception() is not None):
                kept = self._answers[key] = mark, self._submit(self._pool, make)
            self._answers.move_to_end(key)
            while len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
        return cast(T, kept[1].result())

    def _submit(self, pool: ThreadPoolExecutor, make: Callable[[], T]) -> Future[T]:
        """Raises StoreError after `close`: somebody still read when another file had taken this one's place."""
        if self._is_closed:
            raise StoreError(f"{self.path}: another file has taken its place; load the page again")
        try:
            return pool.submit(make)
        except RuntimeError as error:  # closed in between
            raise StoreError(f"{self.path}: another file has taken its place; load the page again") from error

    def mark(self) -> tuple[int, ...]:
        """Another, higher one after something was written, at most a second later."""
        with self._lock:
            now = time.monotonic()
            if self._looked is None or now - self._looked[0] >= _LOOK_S:
                # Not by the files' times: those change before what was written can be read.
                found = self._submit(self._looker, self._database.data_version).result()
                if self._looked is None or found != self._looked[1]:
                    self._writes += 1
                self._looked = now, found
            return (self._writes,)

    # --- Sums over all chains ---------------------------------------------------------------------------------------

    def tally(self) -> Tally:
        """Sums over all chains, as new as can be had in under a second: look whether it `is_complete`. A thread of its
        own goes on bringing it up to date as long as somebody looks."""
        mark = self.mark()
        with self._tallying:
            self._wanted_at = time.monotonic()
            if self._adder is None or not self._adder.is_alive():
                self._adder = threading.Thread(target=self._add_up, name="refine-dashboard-sums", daemon=True)
                self._adder.start()
            self._tallying.notify_all()
            self._tallying.wait_for(lambda: self._is_up_to_date(mark), timeout=_PATIENCE_S)
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            return self._tally

    def ask_sums(self, question: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """`question(database, …, tally=…)`; kept for as long as the tally knows nothing new."""
        tally = self.tally()
        key = (question, args, tuple(sorted(kwargs.items())), "sums")
        mark = (id(tally), tally.version, self.mark())
        return self._answer(key, mark, lambda: question(self._database, *args, tally=tally, **kwargs))

    @property
    def state(self) -> tuple[Any, ...]:
        """Another one when a page would show something else: after a write, and while sums are being made. No other
        source has it."""
        self._wanted_at = time.monotonic()  # whoever asks is looking
        mark = self.mark()
        is_settled = self._is_up_to_date(mark) and not self._tally.is_busy
        return (self._number, *mark) if is_settled else (self._number, *mark, self._tally.version)

    def _is_up_to_date(self, mark: tuple[int, ...]) -> bool:
        return self._failure is not None or (self._tallied >= mark and self._tally.is_complete)

    def _add_up(self) -> None:
        """Bring the tally up to date whenever something was written while somebody looks. What goes wrong is told to
        who asks next, and tried again for them."""
        while not self._is_closed:
            try:
                self._add_some()
            except Exception as error:  # noqa: BLE001  # this thread makes all sums there are: it must live on
                if not isinstance(error, RefineError):
                    cause, error = error, StoreError(f"{self.path}: sums failed ({type(error).__name__}: {error})")
                    error.__cause__ = cause
                with self._tallying:
                    self._failure, self._wanted_at = error, -math.inf
                    self._tallying.notify_all()

    def _add_some(self) -> None:
        with self._tallying:
            while not self._is_closed and not self._has_work():
                self._tallying.wait(timeout=_LOOK_S)
            if self._is_closed:
                return
        mark = self.mark()
        began = time.monotonic()
        is_more = self._tally.step()
        if self._tally.is_outgrown:
            self._tally, is_more = Tally(self._database), True  # this thread has a connection of its own
        if self._tally.is_complete is not self._is_frozen:
            self._is_frozen = self._tally.is_complete
            if self._is_frozen and self._tally.chains >= _MANY:
                _settle_memory()
        is_new = self._tally.is_complete and self._tally.is_current
        if is_new or not is_more:
            with self._tallying:
                self._tallied = mark
                self._tallying.notify_all()
        if is_more:
            rest = _LONG_REST if is_new else _REST
            time.sleep(rest * (time.monotonic() - began))

    def _has_work(self) -> bool:
        is_watched = time.monotonic() - self._wanted_at < _IDLE_S
        return is_watched and (self._tallied < self.mark() or self._tally.is_busy)

    def look_again(self) -> None:
        """Something was written just now: the next `mark` sees it."""
        with self._lock:
            self._looked = None

    def close(self) -> None:
        with self._tallying:
            self._is_closed = True
            self._tallying.notify_all()
        if self._adder is not None:
            self._adder.join()
        self._pool.shutdown(wait=True)
        self._looker.shutdown(wait=True)
        self._database.close()


def _settle_memory() -> None:
    """Take what lives now out of what the garbage collector walks through. Streamlit has it walk through everything
    after every run of a script, also a fragment's: with the sums of 40,000 chains that is a tenth of a second."""
    gc.collect()
    gc.freeze()


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


SOURCES = Sources()
"""Of this process: what one viewer opened, all read."""


def open_source() -> Source:
    """The one that the environment names. Raises as `Sources.get`."""
    return SOURCES.get(find_database(os.environ))
