"""The queue that people are served from: what a claim and a submission cost, and how long chains take.

    python benchmarks/people_queue.py cost      the seed's shape: 40,000 chains, 1.68 million rankings; many labelers at once
    python benchmarks/people_queue.py turnaround    5,000 chains of three rounds and 60 labelers on a simulated clock

The second is a simulation of time only: the queue, its rules and its writes are the real ones. Labelers take a lognormal
time (median 3 minutes, each at a pace of their own), 2 % of assignments are left lying until their lease lapses, 1 % are
skipped, and a round that is full is followed by the next after 2 minutes of making pages.
"""

import argparse
import asyncio
import heapq
import itertools
import json
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from refine.api.queue import WorkDesk
from refine.settings import ProjectSettings
from refine.types import Assignment, CodeFile, GivenCandidate, Later, PromptIn, RankingIn
from store import candidates, chains, intake, labelers, places, projects, queue, rounds, work
from store.database import Database
from store.ids import now
from store.opening import open_database
from store.statements import run_plain

# --- Cost ---------------------------------------------------------------------------------------------------------

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "


def fill(connection: Connection, *, chain_count: int, judged_rounds: int, rankings: int, pages: int) -> None:
    """Chains with judged rounds behind them and an open one that wants five rankings."""
    project = projects.create_project(connection, "seed", ProjectSettings(panel="people", rounds=judged_rounds + 1))
    at = "'2026-01-01T00:00:00.000000Z'"
    many = _NUMBERS.format(count=chain_count)
    per_round = _NUMBERS.format(count=chain_count * (judged_rounds + 1))
    judged = f"CASE WHEN (i - 1) % {judged_rounds + 1} = {judged_rounds} THEN"
    run_plain(
        connection,
        "INSERT INTO prompt (id, ulid, project_id, key, text, text_sha256, details, position, created_at)"
        f" {many} SELECT i, printf('%026d', i), {project.key}, 'p' || i, 'A page about topic ' || i,"
        f" printf('%064d', i), '{{}}', i, {at} FROM n",
    )
    run_plain(
        connection,
        "INSERT INTO chain (id, ulid, project_id, prompt_id, settings_version_id, kind, state, seed, priority, is_demo,"
        f" is_simulated, created_at) {many} SELECT i, printf('%026d', i), {project.key}, i, {project.settings_key},"
        f" 'refine', 'waiting', i, 0, 0, 0, {at} FROM n",
    )
    run_plain(
        connection,
        "INSERT INTO candidate (id, ulid, chain_id, round, slot, kind, state, made_by, content_sha256, size_bytes, how,"
        f" created_at) {_NUMBERS.format(count=chain_count * pages)} SELECT i, printf('%026d', i), (i - 1) / {pages} + 1,"
        f" 1, (i - 1) % {pages}, 'given', 'ok', 'program', printf('%064d', i), 0, 'given', {at} FROM n",
    )
    run_plain(
        connection,
        "INSERT INTO round (id, ulid, chain_id, kind, number, state, wanted, received, priority, settings_version_id,"
        f" opened_at) {per_round} SELECT i, printf('%026d', i), (i - 1) / {judged_rounds + 1} + 1, 'normal',"
        f" (i - 1) % {judged_rounds + 1} + 1, {judged} 'open' ELSE 'judged' END, {judged} 5 ELSE {rankings} END,"
        f" {judged} 0 ELSE {rankings} END, 0, {project.settings_key}, {at} FROM n",
    )
    run_plain(
        connection,
        "INSERT INTO round_candidate (round_id, candidate_id, position, is_incumbent) SELECT round.id, candidate.id,"
        " candidate.slot + 1, 0 FROM round JOIN candidate ON candidate.chain_id = round.chain_id",
    )
    run_plain(
        connection,
        "INSERT INTO labeler (id, ulid, name, kind, created_at)"
        f" {_NUMBERS.format(count=200)} SELECT i, printf('%026d', i), 'labeler-' || i, 'person', {at} FROM n",
    )
    run_plain(
        connection,
        "INSERT INTO assignment (ulid, round_id, labeler_id, state, shown, leased_at, lease_expires_at, finished_at)"
        f" {_NUMBERS.format(count=rankings)} SELECT printf('%020d%06d', round.id, i), round.id,"
        f" (round.id * 7 + i) % 200 + 1, 'finished', '[]', {at}, {at}, {at} FROM round, n WHERE round.state = 'judged'",
    )
    run_plain(
        connection,
        "INSERT INTO ranking (ulid, assignment_id, round_id, labeler_id, groups, unjudgeable, key, made_by,"
        " settings_version_id, uses_allowed, created_at) SELECT ulid, id, round_id, labeler_id, '[[1],[2],[3],[4]]',"
        f" '[]', ulid, 'person', {project.settings_key}, '[\"research\"]', {at} FROM assignment",
    )
    run_plain(connection, "CREATE TEMP TABLE ids AS SELECT id FROM chain")
    for (key,) in connection.exec_driver_sql("SELECT id FROM ids").all():
        places.restore_places(connection, key)


def in_order(assignment: Assignment) -> RankingIn:
    return RankingIn(groups=tuple((candidate,) for candidate in assignment.candidates))


@dataclass(frozen=True, kw_only=True)
class Cost:
    pairs: int
    wall_s: float
    cpu_s: float
    writer_s: float
    claim_ms: list[float]
    submit_ms: list[float]


async def measure(database: Database, *, at_once: int, pairs: int) -> Cost:
    desk = WorkDesk(database)
    people = database.read(
        lambda c: c.exec_driver_sql(f"SELECT ulid FROM labeler ORDER BY id LIMIT {at_once}").scalars().all()
    )
    left = itertools.count(1)
    claim_ms: list[float] = []
    submit_ms: list[float] = []

    async def work_on(labeler: str) -> None:
        while next(left) <= pairs:
            began = time.perf_counter()
            found = await desk.claim(labeler)
            claimed = time.perf_counter()
            assert isinstance(found, Assignment), found
            assert await desk.submit(labeler, found.id, in_order(found), key=f"bench-{found.id}", active_s=60.0)
            claim_ms.append((claimed - began) * 1000)
            submit_ms.append((time.perf_counter() - claimed) * 1000)

    database.write_now(lambda c: None)
    cpu, writer, began = time.process_time(), _writer_cpu_s(), time.perf_counter()
    await asyncio.gather(*(work_on(labeler) for labeler in people))
    return Cost(
        pairs=len(claim_ms),
        wall_s=time.perf_counter() - began,
        cpu_s=time.process_time() - cpu,
        writer_s=_writer_cpu_s() - writer,
        claim_ms=sorted(claim_ms),
        submit_ms=sorted(submit_ms),
    )


def _writer_cpu_s() -> float:
    for thread in threading.enumerate():
        if thread.name == "refine-writer" and thread.native_id is not None:
            fields = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()
            return int(fields[0]) / 1e9
    return 0.0


def show_cost(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder) / "seed.db") as database:
        began = time.perf_counter()
        database.write_now(fill, chain_count=options.chains, judged_rounds=3, rankings=options.rankings, pages=4)
        size = sum(it.stat().st_size for it in Path(folder).iterdir()) / 1e6
        print(f"filled in {time.perf_counter() - began:.0f} s, {size:,.0f} MB")
        for at_once in options.at_once:
            cost = asyncio.run(
                measure(database, at_once=at_once, pairs=options.pairs if at_once > 1 else options.pairs // 10)
            )
            print(
                f"{at_once:4} at once: {cost.pairs:,} pairs, {cost.pairs / cost.wall_s:,.0f} a second;"
                f" CPU {cost.cpu_s / cost.pairs * 1e6:.0f} µs a pair (writer {cost.writer_s / cost.pairs * 1e6:.0f});"
                f" claim p50 {_at(cost.claim_ms, 0.5):.1f} p99 {_at(cost.claim_ms, 0.99):.1f} ms,"
                f" submit p50 {_at(cost.submit_ms, 0.5):.1f} p99 {_at(cost.submit_ms, 0.99):.1f} ms"
            )


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


# --- Turnaround ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Turnaround:
    chains: int
    hours: float
    """Until the last chain was finished."""
    p50_hours: float
    p95_hours: float
    """Of a chain, from its first assignment to its last ranking."""
    finished_at_half: float
    """Share of chains finished when half the time was over."""
    most_open: int
    """Chains begun and not finished, at most."""
    bonus: int
    """Rankings beyond those wanted."""
    rankings: int
    least_work: int
    """Rankings of the labeler who did least."""


class _Simulation:
    def __init__(self, connection: Connection, *, chain_count: int, labeler_count: int, seed: int) -> None:
        self.connection = connection
        self.rng = random.Random(seed)
        self.began = now()
        self.people = [labelers.add_labeler(connection, f"labeler-{n}").id for n in range(labeler_count)]
        self.pace = {labeler: self.rng.lognormvariate(0, 0.3) for labeler in self.people}
        self.heap: list[tuple[datetime, int, str, Any]] = []
        self.order = itertools.count()
        self.started: dict[str, datetime] = {}
        self.finished: dict[str, datetime] = {}
        self.done = dict.fromkeys(self.people, 0)
        self.most_open = 0
        settings = ProjectSettings(panel="people", rounds=3, rankings_per_round=5)
        project = projects.create_project(connection, "simulated", settings)
        page = (
            (CodeFile(filename="index.html", content="<p>a</p>"),),
            (CodeFile(filename="a.html", content="<p>b</p>"),),
        )
        rows = [
            PromptIn(key=f"{n}", prompt=f"A page about {n}", candidates=tuple(GivenCandidate(files=it) for it in page))
            for n in range(chain_count)
        ]
        self.chains = intake.order_chains(connection, project, rows, batch_key=None).chains
        for chain in self.chains:
            self._open(chain, 1)
        for labeler in self.people:
            self._at(self.began + timedelta(minutes=self.rng.random() * 10), "come", labeler)

    def _at(self, at: datetime, what: str, about: Any) -> None:
        heapq.heappush(self.heap, (at, next(self.order), what, about))

    def _open(self, chain: str, number: int) -> None:
        stored = chains.load_chain(self.connection, chain)
        rounds.open_round(
            self.connection,
            stored,
            kind="normal",
            number=number,
            candidates=[it.key for it in candidates.load_candidates(self.connection, stored.key)],
            incumbent=None,
            wanted=5,
            priority=self.rng.random(),
        )

    @property
    def is_over(self) -> bool:
        return len(self.finished) == len(self.chains)

    def step(self, events: int) -> None:
        for _ in range(events):
            if self.is_over:
                return
            at, _, what, about = heapq.heappop(self.heap)
            if what == "come":
                self._come(at, about)
            elif what == "submit":
                self._submit(at, *about)
            elif what == "made":
                self._open(*about)

    def _come(self, at: datetime, labeler: str) -> None:
        found = queue.claim(self.connection, labeler=labeler, at=at)
        if isinstance(found, Later):
            self._at(found.retry_at, "come", labeler)
            return
        assert isinstance(found, Assignment)
        self.started.setdefault(found.chain, at)
        self.most_open = max(self.most_open, len(self.started) - len(self.finished))
        fate = self.rng.random()
        if fate < 0.01:
            work.skip(self.connection, labeler=labeler, assignment=found.id)
            self._at(at + timedelta(minutes=1), "come", labeler)
        elif fate < 0.03:
            self._at(at + timedelta(hours=1 + 4 * self.rng.random()), "submit", (labeler, found))
        else:
            minutes = 3 * self.pace[labeler] * self.rng.lognormvariate(0, 0.5)
            self._at(at + timedelta(minutes=minutes), "submit", (labeler, found))

    def _submit(self, at: datetime, labeler: str, assignment: Assignment) -> None:
        assert work.submit_work(
            self.connection, labeler=labeler, assignment=assignment.id, ranking=in_order(assignment), key=assignment.id
        )
        self.done[labeler] += 1
        self._at(at, "come", labeler)
        round = rounds.newest_round(self.connection, chains.load_chain(self.connection, assignment.chain).key)
        assert round is not None
        if round.state != "full":
            return
        run_plain(self.connection, "UPDATE round SET state = 'judged' WHERE id = ?", (round.key,))
        if round.number < 3:
            self._at(at + timedelta(minutes=2), "made", (assignment.chain, round.number + 1))
        else:
            stored = chains.load_chain(self.connection, assignment.chain)
            chains.end_chain(self.connection, stored.key, reason="rounds", round=3)
            self.finished[assignment.chain] = at


def simulate(database: Database, *, chain_count: int, labeler_count: int, seed: int = 1) -> Turnaround:
    simulation = database.write_now(_Simulation, chain_count=chain_count, labeler_count=labeler_count, seed=seed)

    def go_on(connection: Connection) -> None:
        simulation.connection = connection
        simulation.step(2000)

    while not simulation.is_over:
        database.write_now(go_on)
    end = max(simulation.finished.values())
    half = simulation.began + (end - simulation.began) / 2
    took = sorted((at - simulation.started[it]).total_seconds() / 3600 for it, at in simulation.finished.items())
    wanted, received = database.read(lambda c: c.exec_driver_sql("SELECT sum(wanted), sum(received) FROM round").one())
    return Turnaround(
        chains=chain_count,
        hours=(end - simulation.began).total_seconds() / 3600,
        p50_hours=statistics.median(took),
        p95_hours=_at(took, 0.95),
        finished_at_half=sum(at <= half for at in simulation.finished.values()) / chain_count,
        most_open=simulation.most_open,
        bonus=received - wanted,
        rankings=received,
        least_work=min(simulation.done.values()),
    )


@contextmanager
def temporary() -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder) / "queue.db") as database:
        yield database


def show_turnaround(options: argparse.Namespace) -> None:
    with temporary() as database:
        began = time.process_time()
        found = simulate(database, chain_count=options.chains, labeler_count=options.labelers)
        print(json.dumps(found.__dict__, indent=2))
        print(f"{time.process_time() - began:.1f} CPU-s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    cost = commands.add_parser("cost")
    cost.add_argument("--chains", type=int, default=40_000)
    cost.add_argument("--rankings", type=int, default=14, help="of each of the three judged rounds of a chain")
    cost.add_argument("--pairs", type=int, default=10_000)
    cost.add_argument("--at-once", type=int, nargs="+", default=[200, 32, 1])
    cost.set_defaults(show=show_cost)
    turnaround = commands.add_parser("turnaround")
    turnaround.add_argument("--chains", type=int, default=5000)
    turnaround.add_argument("--labelers", type=int, default=60)
    turnaround.set_defaults(show=show_turnaround)
    options = parser.parse_args()
    options.show(options)


if __name__ == "__main__":
    main()
