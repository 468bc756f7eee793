"""What a round costs beside its model and its people: CPU of graph and store, bytes of checkpoints and database.

    python benchmarks/loop_cpu.py [--chains 100] [--rounds 3] [--repeat 5] [--quick]

Checkpoints are sized by chains of 3, 10 and 30 rounds, whose model rewrites the whole page each time so that critiques
never run out.

The model is the scripted one, in process and without latency; the panel hands in five canned rankings a round, each
with one critique. Both are metered and subtracted, and so are the engines (drafting, distilling, editing, checking,
judging): what is left is graph + store, of which the part that stores the rankings is shown by itself.
"""

import argparse
import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from _meter import CpuMeter, MeteredClient, MeteredPanel

import graphs.making
import graphs.nodes
import graphs.showing
import refine.api.runner
import store.feedback
from refine.api import Refiner
from refine.api.memory import settle_memory
from refine.llm.scripted import ScriptedClient
from refine.prompts import read_header
from refine.protocols import FeedbackDesk
from refine.settings import RunOptions
from refine.simulate import Looks
from refine.types import CritiqueIn, ModelReply, ModelRequest, OpenRound, PromptIn, RankingIn
from store.database import Database

RANKINGS = 5
ENGINES = (
    (graphs.showing, "check_files"),
    (graphs.nodes, "distil_step"),
    (graphs.nodes, "judge_rankings"),
    (graphs.making, "draft_step"),
    (graphs.making, "revise_step"),
    (graphs.making, "content_hash"),
)
FEEDBACK = ((store.feedback, "lease_assignment"), (store.feedback, "submit_ranking"))


class CannedPanel:
    """Labelers who like best what was made last, and each name a flaw of it."""

    def __init__(self) -> None:
        self._looks = Looks()

    def has_news(self) -> bool:
        return False

    async def fill(self, round: OpenRound, desk: FeedbackDesk) -> None:
        for n in range(round.wanted - round.received):
            name = f"canned-{n}"
            assignment = await desk.lease_assignment(round_id=round.id, labeler=name, made_by="simulated")
            if assignment is None:
                continue
            order = sorted(assignment.candidates, reverse=True)
            best = next(it for it in round.candidates if it.id == order[0])
            faults = self._looks.get(best.content_sha256, best.files).faults
            text = faults[n % len(faults)].phrases[0] if faults else "no comment"
            await desk.submit_ranking(
                assignment_id=assignment.id,
                ranking=RankingIn(
                    groups=tuple((candidate,) for candidate in order),
                    critiques=(CritiqueIn(candidate=order[0], text=text),),
                ),
                made_by="simulated",
                key=f"canned:{assignment.id}",
                active_s=30.0,
            )


@contextmanager
def metered(meter: CpuMeter) -> Iterator[None]:
    """Engines and the feedback part of the store are metered inside the block, and panels are canned."""
    before: list[tuple[Any, str, Any]] = [(refine.api.runner, "open_panel", refine.api.runner.open_panel)]  # type: ignore[attr-defined]
    refine.api.runner.open_panel = lambda settings: MeteredPanel(CannedPanel(), meter)  # type: ignore[attr-defined]
    for name, parts in (("engines", ENGINES), ("feedback", FEEDBACK)):
        for module, attribute in parts:
            function: Callable[..., Any] = getattr(module, attribute)
            before.append((module, attribute, function))
            # the writer is another thread: it has a meter of its own, so that nesting is not confused
            setattr(module, attribute, (meter if name == "engines" else WRITER).time_function(name, function))
    try:
        yield
    finally:
        for module, attribute, function in before:
            setattr(module, attribute, function)


WRITER = CpuMeter()


@dataclass(frozen=True, kw_only=True)
class Cost:
    rounds: int
    total_ms: float
    client_ms: float
    panel_ms: float
    engines_ms: float
    feedback_ms: float
    """All per round."""
    writer_ms: float
    database_bytes: int
    """The database after the run, per chain."""

    @property
    def rest_ms(self) -> float:
        """Graph and store, with the storing of rankings."""
        return self.total_ms - self.client_ms - self.panel_ms - self.engines_ms


async def measure(folder: Path, *, chains: int, rounds: int) -> Cost:
    meter = CpuMeter()
    with metered(meter):
        refiner = Refiner.open(
            folder / "loop.db",
            client=MeteredClient(ScriptedClient(), meter),
            options=RunOptions(concurrency=64),
            rounds=rounds,
            plateau_rounds=1000,
            rankings_per_round=RANKINGS,
            audit_share=0.0,
        )
        async with refiner:
            await refiner.start_all([PromptIn(key=f"warm-{n}", prompt=f"Create a warm-up page {n}") for n in range(8)])
            await refiner.wait()
            meter.spent_s.clear()
            settle_memory()  # as `refine batch` does
            WRITER.spent_s.clear()
            before = _rounds_judged(refiner.database)
            writer_before = _writer_cpu_s()
            started = time.process_time()
            await refiner.start_all(
                [PromptIn(key=f"p{n}", prompt=f"Create a quiz about topic {n}") for n in range(chains)]
            )
            await refiner.wait()
            total_s = time.process_time() - started
            writer_s = _writer_cpu_s() - writer_before
            judged = _rounds_judged(refiner.database) - before
    ms = 1000 / judged
    return Cost(
        rounds=judged,
        total_ms=total_s * ms,
        client_ms=meter.spent_s["client"] * ms,
        panel_ms=meter.spent_s["panel"] * ms,
        engines_ms=meter.spent_s["engines"] * ms,
        feedback_ms=WRITER.spent_s["feedback"] * ms,
        writer_ms=writer_s * ms,
        database_bytes=_size(folder / "loop.db") // (chains + 8),
    )


class FreshPages:
    """A model that answers the order for a revision with a new page of its own: its chains never run out of flaws."""

    def __init__(self) -> None:
        self._scripted = ScriptedClient()
        self._drafts: dict[str, ModelRequest] = {}

    async def complete(self, request: ModelRequest) -> ModelReply:
        header = read_header(request.messages[0].text)
        prompt = next(part.text for part in request.messages[1].parts if "topic" in part.text).strip()
        if header is not None and header[0] == "draft":
            self._drafts[prompt] = request
        if header is not None and header[0] == "revise":
            request = replace(self._drafts[prompt], seed=request.seed)
        return await self._scripted.complete(request)

    def estimate_usd(self, request: ModelRequest) -> float | None:
        return self._scripted.estimate_usd(request)

    async def aclose(self) -> None:
        await self._scripted.aclose()


async def size_checkpoints(folder: Path, *, chains: int, rounds: int) -> tuple[int, int]:
    """Rounds judged, and bytes of the checkpoint file after the run."""
    with metered(CpuMeter()):
        refiner = Refiner.open(
            folder / "loop.db",
            client=FreshPages(),
            rounds=rounds,
            plateau_rounds=1000,
            rankings_per_round=RANKINGS,
            audit_share=0.0,
        )
        async with refiner:
            await refiner.start_all(
                [PromptIn(key=f"p{n}", prompt=f"Create a quiz about topic {n}") for n in range(chains)]
            )
            await refiner.wait()
            judged = _rounds_judged(refiner.database)
    return judged, _size(folder / "loop.db.checkpoints")


def _writer_cpu_s() -> float:
    """CPU of the store's writer thread so far, from the system."""
    for thread in threading.enumerate():
        if thread.name == "refine-writer" and thread.native_id is not None:
            fields = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()
            return int(fields[0]) / 1e9
    return 0.0


def _rounds_judged(database: Database) -> int:
    return database.read(lambda c: int(c.exec_driver_sql("SELECT count(*) FROM verdict").scalar_one()))


def _size(path: Path) -> int:
    return sum(part.stat().st_size for part in (path, Path(f"{path}-wal")) if part.exists())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="20 chains, once")
    options = parser.parse_args()
    if options.quick:
        options.chains, options.repeat = 20, 1
    costs = []
    for _ in range(options.repeat):
        with tempfile.TemporaryDirectory() as folder:
            costs.append(asyncio.run(measure(Path(folder), chains=options.chains, rounds=options.rounds)))

    def median(value: Callable[[Cost], float]) -> float:
        return statistics.median(value(cost) for cost in costs)

    print(f"{options.chains} chains, {costs[0].rounds} rounds judged, median of {options.repeat}; CPU-ms a round:")
    print(f"  all                      {median(lambda c: c.total_ms):6.2f}")
    print(f"  client                   {median(lambda c: c.client_ms):6.2f}")
    print(f"  panel                    {median(lambda c: c.panel_ms):6.2f}")
    print(f"  engines                  {median(lambda c: c.engines_ms):6.2f}")
    print(f"  graph + store            {median(lambda c: c.rest_ms):6.2f}")
    print(f"    of it: storing {RANKINGS} rankings {median(lambda c: c.feedback_ms):6.2f}")
    print(f"    of it: writer thread   {median(lambda c: c.writer_ms):6.2f}")
    print(f"database: {median(lambda c: c.database_bytes):,.0f} bytes a chain")

    for rounds in (3, 10, 30):
        with tempfile.TemporaryDirectory() as folder:
            judged, size = asyncio.run(size_checkpoints(Path(folder), chains=10, rounds=rounds))
        print(f"checkpoints of 10 chains: {size:,} bytes after {judged} rounds, {size / judged:,.0f} a round")


if __name__ == "__main__":
    main()
