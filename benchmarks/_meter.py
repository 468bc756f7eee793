"""CPU of parts of one event loop: coroutines and functions that add up the thread's time while they run."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, ParamSpec, TypeVar

from refine.protocols import FeedbackDesk, ModelClient, Panel
from refine.types import ModelReply, ModelRequest, OpenRound

P = ParamSpec("P")
T = TypeVar("T")


class CpuMeter:
    """CPU-seconds by name. A coroutine's time is what its own steps take, not what others do while it waits."""

    def __init__(self) -> None:
        self.spent_s: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self._inner_s = 0.0

    def time_function(self, name: str, function: Callable[P, T]) -> Callable[P, T]:
        def timed(*args: P.args, **kwargs: P.kwargs) -> T:
            outer, self._inner_s = self._inner_s, 0.0
            started = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self._add(name, time.thread_time() - started, outer)
                self.calls[name] += 1

        return timed

    async def time_coroutine(self, name: str, work: Coroutine[Any, Any, T]) -> T:
        self.calls[name] += 1
        return await self._step(name, work)

    @coroutine
    def _step(self, name: str, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
        value: Any = None
        error: BaseException | None = None
        while True:
            outer, self._inner_s = self._inner_s, 0.0
            started = time.thread_time()
            try:
                waits_for = work.send(value) if error is None else work.throw(error)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                self._add(name, time.thread_time() - started, outer)
            value, error = None, None
            try:
                value = yield waits_for
            except BaseException as thrown:  # noqa: BLE001  # handed on to the coroutine
                error = thrown

    def _add(self, name: str, spent_s: float, outer_s: float) -> None:
        """Time of what was called inside and is metered itself belongs to that alone."""
        self.spent_s[name] += spent_s - self._inner_s
        self._inner_s = outer_s + spent_s


class MeteredClient:
    """A ModelClient whose own CPU is metered."""

    def __init__(self, inner: ModelClient, meter: CpuMeter) -> None:
        self._inner = inner
        self._meter = meter

    async def complete(self, request: ModelRequest) -> ModelReply:
        return await self._meter.time_coroutine("client", _coroutine(self._inner.complete(request)))

    def estimate_usd(self, request: ModelRequest) -> float | None:
        return self._inner.estimate_usd(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class MeteredPanel:
    """A panel whose own CPU is metered; what the writer's thread does with its feedback is not its own."""

    def __init__(self, inner: Panel, meter: CpuMeter) -> None:
        self._inner = inner
        self._meter = meter

    async def fill(self, round: OpenRound, desk: FeedbackDesk) -> None:
        await self._meter.time_coroutine("panel", _coroutine(self._inner.fill(round, desk)))

    def has_news(self) -> bool:
        return self._inner.has_news()


async def _coroutine(awaitable: Any) -> Any:
    return await awaitable
