"""Refiner without `async`: its loop runs in a thread of its own, so it works inside notebooks too."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any, ParamSpec, Self, TypeVar

from refine.api.refiner import Refiner
from refine.api.runner import Progress
from refine.errors import RefineError
from refine.types import ChainRecord, Event, Files, PromptIn

P = ParamSpec("P")
T = TypeVar("T")


class BlockingRefiner:
    """Every method as in Refiner, blocking. Use it in `with`, or call `open()` and `close()`."""

    def __init__(self, refiner: Refiner) -> None:
        self._refiner = refiner
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> Self:
        """Raises RefineError when it has been opened before: make another one to open the database again."""
        if self._loop is not None:
            raise RefineError("this refiner was opened before; make another one with Refiner.blocking(…)")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="refine-loop", daemon=True)
        self._thread.start()
        try:
            self._call(self._refiner.__aenter__())
        except BaseException:
            self._end_thread()
            raise
        return self

    def close(self) -> None:
        if self._thread is None:
            return
        try:
            self._call(self._refiner.__aexit__(None, None, None))
        finally:
            self._end_thread()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end_thread(self) -> None:
        assert self._thread is not None and self._loop is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._thread = None

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        if self._thread is None or self._loop is None:
            work.close()
            raise RefineError("the refiner is not open; use it in `with Refiner.blocking(…) as refiner`")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def start(self, prompt: str, **options: Any) -> ChainRecord:
        return self._call(self._refiner.start(prompt, **options))

    def start_all(self, prompts: Iterable[PromptIn], *, priority: int = 0) -> list[ChainRecord]:
        return self._call(self._refiner.start_all(prompts, priority=priority))

    def chain(self, chain_id: str) -> ChainRecord:
        return self._call(_now(self._refiner.chain, chain_id))

    def final_files(self, chain_id: str) -> Files | None:
        return self._call(_now(self._refiner.final_files, chain_id))

    def progress(self) -> Progress:
        return self._call(_now(self._refiner.progress))

    def wait(self, *, until_ended: bool = False) -> Progress:
        return self._call(self._refiner.wait(until_ended=until_ended))

    def follow(self, chain_id: str, *, after: int = 0) -> Iterator[Event]:
        events = self._refiner.follow(chain_id, after=after)
        try:
            while True:
                try:
                    yield self._call(anext(events))  # type: ignore[arg-type]  # an async generator's anext is a coroutine
                except StopAsyncIteration:
                    return
        finally:
            self._call(events.aclose())  # type: ignore[attr-defined]  # it is an async generator

    def submit_feedback(self, lines: Iterable[Mapping[str, Any]]) -> int:
        return self._call(self._refiner.submit_feedback(lines))

    def pause(self, chain_id: str) -> ChainRecord:
        return self._call(self._refiner.pause(chain_id))

    def resume(self, chain_id: str) -> ChainRecord:
        return self._call(self._refiner.resume(chain_id))

    def stop(self, chain_id: str) -> ChainRecord:
        return self._call(self._refiner.stop(chain_id))

    def prioritise(self, chain_id: str, priority: int) -> ChainRecord:
        return self._call(self._refiner.prioritise(chain_id, priority))

    def pin(self, chain_id: str, candidate: str) -> ChainRecord:
        return self._call(self._refiner.pin(chain_id, candidate))

    def fork(self, chain_id: str, *, round: int, **changes: Any) -> ChainRecord:
        return self._call(self._refiner.fork(chain_id, round=round, **changes))


async def _now(function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    return function(*arguments, **options)
