"""Running many chains at once in one process.

Workers take ready chains from a queue, run each as far as it goes, let the panel fill the round it waits for, and go on
while it does. A chain that waits for people holds no worker; a watcher brings it back when the store says that its
round is full. A chain is claimed for as long as a worker has it, so two processes never run the same one.
"""

import asyncio
import heapq
import itertools
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from graphs.context import LoopContext, Meter, ReplyCache
from graphs.graph import Loop
from graphs.progress import look_at_round
from graphs.reliabilities import Reliabilities
from graphs.running import advance_chain
from refine.errors import ChainFailed, LimitReached, ModelMisconfigured, ModelUnreachable, RenderError, StoreError
from refine.llm.budget import Budget
from refine.panel import open_panel
from refine.protocols import ControlMaker, ModelClient, PageChecker, Panel
from refine.settings import RunOptions
from refine.types import OpenRound
from store.calls import sum_spending
from store.chains import (
    StoredChain,
    claim_chain,
    count_states,
    end_chain,
    find_ready,
    list_unfinished,
    load_chain,
    release_chain,
)
from store.database import Connection, Database
from store.feedback import Desk
from store.owners import Owner, find_dead_owners, find_free, heartbeat
from store.projects import load_settings
from store.rounds import find_answered, find_awaited_round, load_open_round

_LOOK_S = 0.25
"""How often the store is asked for what other processes and people have done."""
_LOOKS = 25
"""Open rounds that the watcher works out anew before it looks again for chains that are ready."""
_HEARTBEAT_S = 20.0
_SLOW_SUM_S = 0.1
"""What adding up a project of many ten thousand calls may take; a smaller one is added up after every round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a project stands now. Calls, tokens and dollars are of this run; states are of the whole project."""

    states: dict[str, int]
    """new, active, waiting, audit, paused, failed, ended."""
    meter: Meter
    running: int
    """Chains that a worker has at this moment."""

    @property
    def total(self) -> int:
        return sum(self.states.values())

    @property
    def done(self) -> int:
        return self.states.get("ended", 0) + self.states.get("failed", 0)

    @property
    def waiting(self) -> int:
        return self.states.get("waiting", 0) + self.states.get("audit", 0)


@dataclass(slots=True)
class _Queue:
    """Ready chains: higher priority first, then as they came."""

    heap: list[tuple[int, int, str]] = field(default_factory=list)
    counter: "itertools.count[int]" = field(default_factory=itertools.count)
    known: dict[str, int] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, chain: str, priority: int = 0) -> None:
        """A chain that is there already moves, if its priority is another now."""
        if self.known.get(chain) != priority:
            self.known[chain] = priority
            heapq.heappush(self.heap, (-priority, next(self.counter), chain))
            self.changed.set()

    async def get(self) -> str:
        while True:
            while not self.heap:
                self.changed.clear()
                await self.changed.wait()
            priority, _, chain = heapq.heappop(self.heap)
            if self.known.get(chain) == -priority:  # else it has moved
                del self.known[chain]
                return chain


class Runner:
    """Runs chains of one project. Use within `running()`."""

    def __init__(
        self,
        database: Database,
        owner: Owner,
        loop: Loop,
        client: ModelClient,
        options: RunOptions,
        *,
        project_key: int,
        cache: ReplyCache | None = None,
        checker: PageChecker | None = None,
        control_maker: ControlMaker | None = None,
    ) -> None:
        self.meter = Meter()
        self._database = database
        self._owner = owner
        self._project_key = project_key
        self._loop = loop
        self._client = client
        self._cache = cache
        self._checker = checker
        self._control_maker = control_maker
        self._reliabilities = Reliabilities(database)
        self._slots = asyncio.Semaphore(options.concurrency)
        # While one chain computes, another must be waiting for each model slot: two chains a slot (measured: 1.04 x
        # ideal against 1.16 x with one).
        self._workers = max(4, 2 * options.concurrency)
        self._desk = Desk(database)
        self._queue = _Queue()
        self._running: set[str] = set()
        self._again: set[str] = set()
        """Chains that became ready while a worker had them."""
        self._elsewhere: set[str] = set()
        """Chains that another live process has."""
        self._budgets: dict[float | None, Budget] = {}
        self._budget_due: dict[float | None, float] = {}
        self._panels: dict[int, Panel] = {}
        self._to_look_at: dict[str, None] = {}
        """Chains whose open round got rankings, oldest first."""
        self._fatal: BaseException | None = None
        self._moved = asyncio.Event()

    # --- From outside ---------------------------------------------------------------------------------------------

    def start_chain(self, chain: str, *, priority: int = 0) -> None:
        if chain in self._running:
            self._again.add(chain)
        else:
            self._queue.put(chain, priority)

    def start_all(self) -> None:
        """Every chain of the project that has something to do or might have: a panel may have grown meanwhile.

        Those that wait for people are left to the watcher, which sees when they need not any longer.
        """
        panels: dict[int, str] = {}
        for chain in self._database.read(list_unfinished, self._project_key):
            if chain.settings_key not in panels:
                panels[chain.settings_key] = self._database.read(load_settings, chain.settings_key).panel
            if not (chain.is_open and panels[chain.settings_key] == "people"):
                self.start_chain(chain.id, priority=chain.priority)

    def reprioritise(self, chain: str, priority: int) -> None:
        """Move the chain, if it is waiting for a worker."""
        if chain in self._queue.known:
            self._queue.put(chain, priority)

    @property
    def is_idle(self) -> bool:
        """Nothing is running, ready to run, or run elsewhere: what has not ended waits for people."""
        return not (self._running or self._queue.known or self._elsewhere)

    async def settle(self) -> None:
        """Until idle. Raises what made the run impossible (a misconfigured model, a full disk)."""
        while True:
            self.raise_fatal()
            if self.is_idle:
                return
            await self._wait_for_move()

    async def wait_for_end(self) -> None:
        """Until every chain of the project has ended or is paused."""
        while self._database.read(list_unfinished, self._project_key):
            self.raise_fatal()
            await self._wait_for_move()
        self.raise_fatal()

    async def _wait_for_move(self) -> None:
        self._moved.clear()
        try:
            await asyncio.wait_for(self._moved.wait(), timeout=1.0)
        except TimeoutError:
            return

    def progress(self) -> Progress:
        states = self._database.read(count_states, self._project_key)
        return Progress(states=states, meter=self.meter, running=len(self._running))

    def raise_fatal(self) -> None:
        if self._fatal is not None:
            raise self._fatal

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Runner"]:
        """With workers and watcher at work; leaving abandons calls in flight and keeps everything recorded."""
        tasks = [asyncio.create_task(self._work(), name=f"worker-{n}") for n in range(self._workers)]
        tasks.append(asyncio.create_task(self._watch(), name="watcher"))
        tasks.append(asyncio.create_task(self._beat(), name="heartbeat"))
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._reliabilities.aclose()

    # --- Inside ---------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            chain = await self._queue.get()
            self._running.add(chain)
            try:
                await self._run(chain)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001  # handed to whoever waits for the run
                self._fatal = self._fatal or error
                return
            finally:
                self._running.discard(chain)
                if chain in self._again:
                    self._again.discard(chain)
                    self._queue.put(chain)
                self._moved.set()

    async def _run(self, ulid: str) -> None:
        if not await self._database.write(self._claim, ulid):
            stored = self._database.read(load_chain, ulid)
            if stored.record.state != "ended" and not stored.record.is_paused:
                self._elsewhere.add(ulid)
            return
        self._elsewhere.discard(ulid)
        try:
            chain = self._database.read(load_chain, ulid)
            await self._take_to_wait_or_end(chain)
        finally:
            await self._database.write_surely(release_chain, ulid, self._owner.key)

    def _claim(self, connection: Connection, ulid: str) -> bool:
        if claim_chain(connection, ulid, self._owner.key):
            return True
        dead = find_dead_owners(connection)
        return bool(dead) and claim_chain(connection, ulid, self._owner.key, dead=dead)

    async def _take_to_wait_or_end(self, chain: StoredChain) -> None:
        ulid = chain.record.id
        context = LoopContext(
            database=self._database,
            client=self._client,
            budget=self._budget_of(chain),
            slots=self._slots,
            cache=self._cache,
            meter=self.meter,
            checker=self._checker,
            control_maker=self._control_maker,
            reliabilities=self._reliabilities,
        )
        panel = self._panel_of(chain)
        round_id = self._database.read(find_awaited_round, chain)
        while True:
            if round_id is not None and await self._ask_panel(panel, round_id, chain):
                return  # it waits for people; the watcher will bring it back
            try:
                round_id = await advance_chain(self._loop, context, ulid)
            except (ModelMisconfigured, ModelUnreachable, StoreError, LimitReached, RenderError) as error:
                if isinstance(error, ModelMisconfigured) and chain.record.parent_chain is not None:
                    await self._fail(chain, error)  # a fork has a model of its own; the project has another
                    return
                raise  # not the chain's fault: the run stops, the chain can go on another time
            except Exception as error:  # noqa: BLE001  # one chain's failure is recorded, its siblings go on
                await self._fail(chain, error)
                return
            if round_id is None:
                return

    async def _ask_panel(self, panel: Panel, round_id: str, chain: StoredChain) -> bool:
        """Let the panel fill the round; whether it still wants rankings after that."""
        open_round = self._database.read(load_open_round, round_id)
        while open_round is not None:
            asked = open_round
            await panel.fill(replace(asked, wanted=_next_goal(asked, chain)), self._desk)
            open_round = self._database.read(load_open_round, round_id)
            if open_round is None or open_round.received == asked.received:
                break  # full, or the panel has no more
            may_end = open_round.kind == "normal" and chain.settings.rankings_at_least is not None
            if may_end and await look_at_round(self._database, self._reliabilities, chain.record.id):
                open_round = None
        self._refresh_budget(chain)
        return open_round is not None

    async def _fail(self, chain: StoredChain, error: Exception) -> None:
        is_known = isinstance(error, ChainFailed | ModelMisconfigured)
        where = "" if is_known else f" ({_place(error)})"
        await self._database.write(
            end_chain,
            chain.key,
            reason="failed",
            round=chain.record.round,
            error=f"{type(error).__name__}: {error}{where}",
        )

    def _budget_of(self, chain: StoredChain) -> Budget:
        limit = chain.settings.budget_usd
        if limit not in self._budgets:
            self._budgets[limit] = Budget(limit)
            self._refresh_budget(chain)
        return self._budgets[limit]

    def _refresh_budget(self, chain: StoredChain) -> None:
        """Take over from the ledger what people, and other processes, have cost meanwhile.

        That adds up the whole project; where that is slow, it may take a twentieth of the time at most.
        """
        limit = chain.settings.budget_usd
        began = time.monotonic()
        if limit is None or began < self._budget_due.get(limit, 0.0):
            return
        spent = self._database.read(sum_spending, project_key=chain.project_key)
        budget = self._budget_of(chain)
        budget.spent_usd = max(budget.spent_usd, spent.models_usd + spent.people_usd)
        now = time.monotonic()
        self._budget_due[limit] = now + 20 * (now - began) if now - began > _SLOW_SUM_S else now

    def _panel_of(self, chain: StoredChain) -> Panel:
        panel = self._panels.get(chain.settings_key)
        if panel is None:
            panel = self._panels[chain.settings_key] = open_panel(chain.settings)
        return panel

    async def _watch(self) -> None:
        """Bring back chains whose round filled up, chains to be stopped, and chains whose owner has died."""
        seen = -1
        newest: int | None = None
        newest_version = -1
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                version = self._database.data_version()
                if version != seen:
                    ready = dict(self._database.read(find_ready, self._project_key))
                    # A worker that has one of them may have looked before it was ready: look again when it lets go.
                    seen = version if self._running.isdisjoint(ready) else -1
                    for chain, priority in ready.items():
                        if not any(chain in it for it in (self._running, self._elsewhere, self._queue.known)):
                            self._queue.put(chain, priority)
                if any(panel.has_news() for panel in self._panels.values()):
                    self.start_all()
                if self._elsewhere:
                    for chain in await self._database.write(find_free, sorted(self._elsewhere)):
                        self._elsewhere.discard(chain)
                        self._queue.put(chain)
                if version != newest_version:
                    newest_version = version
                    newest = await self._look_at_answered(newest)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001  # without the watcher nothing would ever move: the run stops
                self._fatal = self._fatal or error
                self._moved.set()
                return

    async def _look_at_answered(self, after: int | None) -> int:
        """Of people's open rounds that got rankings: what the next one is worth, and whether none is needed."""
        newest, chains = self._database.read(find_answered, self._project_key, after=after)
        self._to_look_at.update(dict.fromkeys(chains))
        for ulid in [*self._to_look_at][:_LOOKS]:
            del self._to_look_at[ulid]
            if ulid not in self._running and self._database.read(load_chain, ulid).settings.panel == "people":
                await look_at_round(self._database, self._reliabilities, ulid)
        return newest

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            await self._database.write(heartbeat, self._owner.key)


def _next_goal(round: OpenRound, chain: StoredChain) -> int:
    """How many rankings to have before looking whether more are needed."""
    least = chain.settings.rankings_at_least
    if least is None or round.kind != "normal":
        return round.wanted
    return min(round.wanted, max(least, round.received + 1))


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "nowhere"
