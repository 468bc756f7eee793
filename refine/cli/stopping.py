"""Running a coroutine that Ctrl-C and SIGTERM stop cleanly: the first asks, the second ends the process at once."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Stopped(Exception):
    """A signal stopped the run; everything recorded is kept. Not an error: somebody wanted it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = EXIT_CODES[signal.Signals(signum)]


def run_stoppable(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end. Raises Stopped when a signal asked for an end and the coroutine had cleaned up."""
    stop = _Stop()
    with asyncio.Runner() as runner, stop.handling(runner.get_loop()):
        try:
            return runner.run(stop.watch(main))
        except asyncio.CancelledError:
            if stop.signum is None:
                raise
            raise Stopped(stop.signum) from None


class _Stop:
    def __init__(self) -> None:
        self.signum: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    async def watch(self, main: Coroutine[Any, Any, T]) -> T:
        self._task = asyncio.current_task()
        if self.signum is not None:
            main.close()
            raise asyncio.CancelledError
        return await main

    @contextlib.contextmanager
    def handling(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Handle the signals with plain handlers: they run also while the loop is busy."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._loop = loop
        before = {each: signal.signal(each, self._handle) for each in EXIT_CODES}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        del frame
        if self.signum is not None:
            with contextlib.suppress(OSError, ValueError):
                if sys.stderr.isatty():
                    sys.stderr.write("\x1b[?25h\n")  # the progress display had hidden the cursor
                    sys.stderr.flush()
            os._exit(EXIT_CODES[signal.Signals(signum)])
        self.signum = signum
        if self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
