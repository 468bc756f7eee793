"""Writes that wait for the writer, each with whoever waits for its outcome."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from sqlalchemy import Connection


class FutureJob:
    """A write whose outcome goes to a future, on which any thread may wait."""

    def __init__(self, function: Callable[[Connection], Any]) -> None:
        self.run = function
        self.future: Future[Any] = Future()

    def begin(self) -> bool:
        """Whether it is still wanted; from now on it cannot be taken back."""
        return self.future.set_running_or_notify_cancel()

    @property
    def is_done(self) -> bool:
        return self.future.done()

    def succeed(self, result: Any) -> None:
        self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        self.future.set_exception(error)


class AwaitedJob:
    """A write that a coroutine waits for. Its outcome is kept until `wake` hands it over with others of its group."""

    def __init__(self, function: Callable[[Connection], Any], *, can_be_taken_back: bool) -> None:
        self.run = function
        self.loop = asyncio.get_running_loop()
        self.waiter: asyncio.Future[Any] = self.loop.create_future()
        self._can_be_taken_back = can_be_taken_back
        self.is_done = False
        self._result: Any = None
        self._error: Exception | None = None

    def begin(self) -> bool:
        """Whether it is still wanted."""
        return not (self._can_be_taken_back and self.waiter.cancelled())

    def succeed(self, result: Any) -> None:
        self._result, self.is_done = result, True

    def fail(self, error: Exception) -> None:
        self._error, self.is_done = error, True

    def settle(self) -> None:
        """Hand the outcome over; on the coroutine's own loop."""
        if self.waiter.done() or not self.is_done:
            return
        if self._error is not None:
            self.waiter.set_exception(self._error)
        else:
            self.waiter.set_result(self._result)


Job = FutureJob | AwaitedJob


def wake(jobs: Iterable[Job]) -> None:
    """Wake the coroutines that wait for these, all of one loop at once: a wake costs more than most writes."""
    waiting: dict[asyncio.AbstractEventLoop, list[AwaitedJob]] = {}
    for job in jobs:
        if isinstance(job, AwaitedJob):
            waiting.setdefault(job.loop, []).append(job)
    for loop, awaited in waiting.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits there any more
            loop.call_soon_threadsafe(_settle, awaited)


def _settle(jobs: list[AwaitedJob]) -> None:
    for job in jobs:
        job.settle()
