"""`Refiner`: open a database, start chains, follow them, hand in feedback, steer."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson

from graphs.checkpoints import open_checkpoints
from graphs.graph import build_loop
from refine.api.browser import open_browser
from refine.api.feedback import store_feedback
from refine.api.opening import make_options, make_settings, prepare_project
from refine.api.prompts_file import prompt_key
from refine.api.runner import Progress, Runner
from refine.errors import InputError, RefineError
from refine.llm import open_client
from refine.panel.lines import name_problem, text_problem
from refine.protocols import ControlMaker, ModelClient, PageChecker
from refine.settings import ProjectSettings, RunOptions
from refine.types import ChainRecord, Event, Files, PromptIn
from store.cache import ReplyCache
from store.candidates import load_files
from store.chains import (
    load_chain,
    pause_chain,
    pin_candidate,
    resume_chain,
    set_priority,
    stop_chain,
)
from store.database import Database
from store.events import load_events
from store.forks import fork_chain
from store.intake import order_chains
from store.opening import open_database
from store.owners import find_dead_owners, register_owner
from store.projects import StoredProject, find_project

if TYPE_CHECKING:
    from refine.api.blocking import BlockingRefiner

_FOLLOW_S = 0.1


class Refiner:
    """A project in a database, with its loop running. Use it as an async context manager:

        async with Refiner.open("refine.db", model="openai/gpt-5", panel="people") as refiner:
            chain = await refiner.start("Create an interactive quiz about data packets")
            async for event in refiner.follow(chain.id):
                print(event)

    Leaving the block abandons model calls in flight; whatever was recorded stays, and opening again goes on.
    """

    def __init__(
        self,
        path: Path,
        *,
        project: str,
        settings: ProjectSettings | None,
        changes: Mapping[str, Any],
        options: RunOptions,
        accept_changes: bool,
        client: ModelClient | None,
        checker: PageChecker | None,
        control_maker: ControlMaker | None,
        environ: Mapping[str, str],
        migrate: bool,
        use_cache: bool,
    ) -> None:
        self._path = path
        self._project_name = project
        self._given_settings = settings
        self._changes = dict(changes)
        self._options = options
        self._accept_changes = accept_changes
        self._given_client = client
        self._given_checker = checker
        self._given_maker = control_maker
        self._environ = environ
        self._migrate = migrate
        self._use_cache = use_cache
        self._stack = AsyncExitStack()
        self._database: Database | None = None
        self._runner: Runner | None = None
        self._project: StoredProject | None = None
        self.notice = ""
        """One line on what this refiner does without, once it is entered; empty when there is nothing to say."""

    @classmethod
    def open(
        cls,
        path: str | Path = "refine.db",
        *,
        project: str = "default",
        settings: ProjectSettings | None = None,
        options: RunOptions | None = None,
        accept_changes: bool = False,
        client: ModelClient | None = None,
        checker: PageChecker | None = None,
        control_maker: ControlMaker | None = None,
        environ: Mapping[str, str] | None = None,
        migrate: bool = True,
        use_cache: bool = False,
        api_base: str | None = None,
        concurrency: int | None = None,
        **changes: Any,
    ) -> Self:
        """A refiner to enter.

        `changes` are fields of ProjectSettings (`model`, `panel`, `rounds`, …), on top of `settings`, else of the
        project's own if it exists, else of the defaults. On entering: SettingsChanged when the project runs under
        others and not `accept_changes`; ModelMisconfigured for an unknown model or a missing key; StoreError for the
        database.
        `client` replaces the model, `checker` and `control_maker` the browser (tests). `use_cache` keeps replies in
        `<path>.cache`, shared between chains.
        """
        run_options = options or RunOptions()
        given = {"api_base": api_base, "concurrency": concurrency}
        overrides = {name: value for name, value in given.items() if value is not None}
        if overrides:
            run_options = make_options(**{**run_options.model_dump(), **overrides})
        return cls(
            Path(path),
            project=project,
            settings=settings,
            changes=changes,
            options=run_options,
            accept_changes=accept_changes,
            client=client,
            checker=checker,
            control_maker=control_maker,
            environ=os.environ if environ is None else environ,
            migrate=migrate,
            use_cache=use_cache,
        )

    @classmethod
    def blocking(cls, path: str | Path = "refine.db", **options: Any) -> "BlockingRefiner":
        """The same without `async`, for scripts and notebooks: the loop runs in a thread of its own."""
        from refine.api.blocking import BlockingRefiner

        return BlockingRefiner(cls.open(path, **options))

    async def __aenter__(self) -> Self:
        try:
            await self._enter()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _enter(self) -> None:
        # The model is checked before the database is touched, as far as the settings are known without it.
        settings = make_settings(self._given_settings or ProjectSettings(), self._changes)
        exists = self._path.exists()
        if not exists or self._given_settings is not None or "model" in self._changes:
            client = self._open_client(settings)
        else:
            client = None
        database = self._database = open_database(self._path, migrate=self._migrate)
        self._stack.callback(database.close)
        found = database.read(find_project, self._project_name)
        if found is not None and self._given_settings is None:
            settings = make_settings(found.settings, self._changes)
        if client is None:
            client = self._open_client(settings)
        if self._given_client is None:
            self._stack.push_async_callback(client.aclose)
        self._project = prepare_project(database, self._project_name, settings, accept_changes=self._accept_changes)
        owner = register_owner(database)
        self._stack.callback(owner.release)
        saver = self._stack.enter_context(open_checkpoints(Path(f"{self._path}.checkpoints")))
        cache = None
        if self._use_cache:
            cache = ReplyCache(f"{self._path}.cache")
            self._stack.callback(cache.close)
        checker, control_maker = self._given_checker, self._given_maker
        if checker is None:
            checks = ReplyCache(f"{self._path}.checks")
            browser, self.notice = open_browser(self._project.settings, cache=checks, database=database)
            if browser is not None:
                self._stack.callback(checks.close)
                self._stack.push_async_callback(browser.aclose)
                checker = control_maker = browser
        runner = Runner(
            database,
            owner,
            build_loop(saver),
            client,
            self._options,
            project_key=self._project.key,
            cache=cache,
            checker=checker,
            control_maker=control_maker,
        )
        self._runner = await self._stack.enter_async_context(runner.running())

    def _open_client(self, settings: ProjectSettings) -> ModelClient:
        return self._given_client or open_client(settings, self._options, environ=self._environ)

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def database(self) -> Database:
        """Raises RefineError outside the `async with` block."""
        if self._database is None:
            raise RefineError("the refiner is not open; use it in `async with Refiner.open(…) as refiner`")
        return self._database

    @property
    def project(self) -> StoredProject:
        if self._project is None:
            raise RefineError("the refiner is not open; use it in `async with Refiner.open(…) as refiner`")
        return self._project

    @property
    def runner(self) -> Runner:
        if self._runner is None:
            raise RefineError("the refiner is not open; use it in `async with Refiner.open(…) as refiner`")
        return self._runner

    # --- Chains ---------------------------------------------------------------------------------------------------

    async def start(
        self, prompt: str, *, key: str | None = None, metadata: dict[str, Any] | None = None, priority: int = 0
    ) -> ChainRecord:
        """The chain of this prompt, begun if it is new. `key` is the prompt's id; by default made from its text."""
        if not prompt.strip():
            raise InputError("the prompt is empty")
        problem = text_problem(prompt)
        if problem is not None:
            raise InputError(f"the prompt {problem}; leave it out")
        row = PromptIn(key=key or prompt_key(prompt), prompt=prompt, metadata=metadata or {})
        (chain,) = await self.start_all([row], priority=priority)
        return chain

    async def start_all(self, prompts: Iterable[PromptIn], *, priority: int = 0) -> list[ChainRecord]:
        """The chains of these prompts, in order. Those already ended stay ended."""
        rows = list(prompts)
        _check_rows(rows, priority)
        ordered = await self.database.write(order_chains, self.project, rows, batch_key=None, priority=priority)
        chains = [self.chain(ulid) for ulid in ordered.chains]
        for chain in chains:
            if chain.state != "ended":
                self.runner.start_chain(chain.id, priority=chain.priority)
        return chains

    def chain(self, chain_id: str) -> ChainRecord:
        """Where the chain stands now. Raises InputError for an unknown id."""
        return self.database.read(load_chain, chain_id).record

    def final_files(self, chain_id: str) -> Files | None:
        """The code of the chain's incumbent; None before the first verdict."""
        stored = self.database.read(load_chain, chain_id)
        return None if stored.incumbent_key is None else self.database.read(load_files, stored.incumbent_key)

    async def follow(self, chain_id: str, *, after: int = 0) -> AsyncIterator[Event]:
        """The chain's events as they are recorded, until it ends. `after` skips those with a seq up to it."""
        stored = self.database.read(load_chain, chain_id)
        seen = after
        while True:
            is_ended = self.chain(stored.record.id).state == "ended"  # before reading, so that no last event is missed
            for event in self.database.read(load_events, stored.key, after=seen):
                seen = event.seq
                yield event
            if is_ended:
                return
            self.runner.raise_fatal()
            await asyncio.sleep(_FOLLOW_S)

    async def wait(self, *, until_ended: bool = False) -> Progress:
        """Until every chain has ended or waits for people; with `until_ended`, until every one has ended."""
        if until_ended:
            await self.runner.wait_for_end()
        else:
            await self.runner.settle()
        return self.progress()

    def progress(self) -> Progress:
        return self.runner.progress()

    # --- Feedback -------------------------------------------------------------------------------------------------

    async def submit_feedback(self, lines: Iterable[Mapping[str, Any]]) -> int:
        """Hand in feedback lines (the shape of `refine import rankings`) for this project; how many were new.

        All or nothing: raises FeedbackError for the first that does not fit, and then stores none.
        """
        stored = await self.database.write(
            store_feedback, self.project.key, [(f"line {n}", line) for n, line in enumerate(lines, start=1)]
        )
        return stored.new

    # --- Steering -------------------------------------------------------------------------------------------------

    async def pause(self, chain_id: str) -> ChainRecord:
        return await self._steer(pause_chain, chain_id)

    async def resume(self, chain_id: str) -> ChainRecord:
        record = await self._steer(resume_chain, chain_id)
        self.runner.start_chain(record.id, priority=record.priority)
        return record

    async def stop(self, chain_id: str) -> ChainRecord:
        """End the chain with reason `stopped`: at once, or at its next step where a process is running it."""
        return await self._steer(_stop, chain_id)

    async def prioritise(self, chain_id: str, priority: int) -> ChainRecord:
        _check_rows((), priority)
        record = await self._steer(set_priority, chain_id, priority)
        self.runner.reprioritise(record.id, priority)
        return record

    async def pin(self, chain_id: str, candidate: str) -> ChainRecord:
        """Make this candidate the incumbent at the chain's next verdict."""
        return await self._steer(pin_candidate, chain_id, candidate)

    async def fork(self, chain_id: str, *, round: int, **changes: Any) -> ChainRecord:
        """A new chain that is this one up to the verdict of `round`, and then goes its own way, under other settings if
        `changes` are given."""
        stored = self.database.read(load_chain, chain_id)
        settings = make_settings(stored.settings, changes)
        ulid = await self.database.write(fork_chain, stored.record.id, round=round, settings=settings)
        self.runner.start_chain(ulid)
        return self.chain(ulid)

    async def _steer(self, action: Any, chain_id: str, *arguments: Any) -> ChainRecord:
        stored = self.database.read(load_chain, chain_id)
        await self.database.write(action, stored, *arguments)
        return self.chain(stored.record.id)


def _stop(connection: Any, chain: Any) -> bool:
    return stop_chain(connection, chain, dead=find_dead_owners(connection))


def _check_rows(rows: Sequence[PromptIn], priority: int) -> None:
    """Raise InputError for what a prompts file would not have let through either."""
    if not -(2**31) <= priority < 2**31:
        raise InputError(f"priority {priority} is out of range; give a whole number of at most ten digits")
    seen: set[str] = set()
    for row in rows:
        problem = text_problem(row.prompt)
        if problem is not None:
            raise InputError(f"prompt {row.key!r} {problem}; leave it out")
        problem = name_problem(row.key, 255)
        if problem is not None:
            raise InputError(f"the key of a prompt {problem}; give it another")
        if row.key in seen:
            raise InputError(f"prompt key {row.key!r} is given twice; give each prompt its own")
        seen.add(row.key)
        try:
            orjson.dumps(row.metadata)
        except TypeError as error:
            raise InputError(f"the metadata of prompt {row.key!r} cannot be stored as JSON: {error}") from error
