"""The loop of every project that people label, for as long as a server runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from graphs.checkpoints import open_checkpoints
from graphs.graph import Loop, build_loop
from refine.api.browser import Browser
from refine.api.pictures import draw_missing_crops
from refine.api.runner import Runner
from refine.errors import NoBrowser, RefineError
from refine.llm import open_client
from refine.settings import RunOptions
from store.cache import ReplyCache
from store.chains import list_unfinished
from store.database import Database
from store.owners import Owner, register_owner
from store.projects import StoredProject, list_projects

_LOOK_S = 2.0
"""How often projects are looked for that began meanwhile."""
_AGAIN_S = 30.0
"""After which a project whose model could not be used is tried again."""
_CROPS = 5
"""Drawn at a time, between two looks."""


@dataclass(slots=True)
class _Running:
    stack: AsyncExitStack
    runner: Runner
    settings_key: int


@dataclass(slots=True)
class Serving:
    """The loops that run, and what keeps others from it."""

    database: Database
    owner: Owner
    loop: Loop
    options: RunOptions
    environ: Mapping[str, str]
    only: str | None
    """The one project to run; None: all."""
    browser: Browser | None = None
    """What looks at pages before people do, makes controls, takes pictures and draws crops; None: nothing does."""
    notice: str = ""
    """Why there is none, in one line."""
    problems: dict[str, str] = field(default_factory=dict)
    """Project -> why its loop stands still, in one line."""
    _running: dict[str, _Running] = field(default_factory=dict)
    _again_at: dict[str, float] = field(default_factory=dict)
    _failed_crops: set[int] = field(default_factory=set)
    _crops_at: float = 0.0

    @property
    def projects(self) -> list[str]:
        """Names of those whose loop runs."""
        return sorted(self._running)

    async def look(self) -> None:
        """Start the loops of projects that have something to do, and end those that failed, to be tried again."""
        for name, running in list(self._running.items()):
            try:
                running.runner.raise_fatal()
            except RefineError as error:
                await self._end(name)
                self._set_back(name, error)
        for project in self.database.read(list_projects):
            if project.settings.panel == "people" and self.only in (None, project.name):
                await self._see_to(project)

    async def _see_to(self, project: StoredProject) -> None:
        running = self._running.get(project.name)
        if running is not None:
            if running.settings_key == project.settings_key:
                return
            await self._end(project.name)  # its model may be another now
        if asyncio.get_running_loop().time() < self._again_at.get(project.name, 0.0):
            return
        if not self.database.read(list_unfinished, project.key):
            self.problems.pop(project.name, None)
            return
        try:
            await self._start(project)
        except RefineError as error:
            self._set_back(project.name, error)
        else:
            self.problems.pop(project.name, None)

    async def _start(self, project: StoredProject) -> None:
        async with AsyncExitStack() as stack:
            client = open_client(project.settings, self.options, environ=self.environ)
            stack.push_async_callback(client.aclose)
            browser = self.browser if project.settings.is_checking_in_browser else None
            if browser is None and project.settings.browser_checks:
                raise NoBrowser(self.notice)
            runner = Runner(
                self.database,
                self.owner,
                self.loop,
                client,
                self.options,
                project_key=project.key,
                checker=browser,
                control_maker=browser,
            )
            await stack.enter_async_context(runner.running())
            runner.start_all()
            self._running[project.name] = _Running(stack.pop_all(), runner, project.settings_key)

    async def _end(self, name: str) -> None:
        await self._running.pop(name).stack.aclose()

    def _set_back(self, name: str, error: RefineError) -> None:
        self.problems[name] = str(error)
        self._again_at[name] = asyncio.get_running_loop().time() + _AGAIN_S

    async def draw_crops(self) -> None:
        """A few of what stood under new pins."""
        if self.browser is None or asyncio.get_running_loop().time() < self._crops_at:
            return
        try:
            await draw_missing_crops(self.database, self.browser, failed=self._failed_crops, limit=_CROPS)
        except NoBrowser as error:
            # Pages are checked by the same browser: it is tried again at the next page, and here a while later.
            self.notice = str(error)
            self._crops_at = asyncio.get_running_loop().time() + _AGAIN_S

    async def close(self) -> None:
        for name in list(self._running):
            await self._end(name)


@asynccontextmanager
async def serving(
    database: Database, *, options: RunOptions, environ: Mapping[str, str], project: str | None = None
) -> AsyncIterator[Serving]:
    """With the loops of all projects that people label running, or of the one named; projects ordered later join in.

    A model that cannot be used stops its own project, which is tried again every half minute; labelers go on.
    """
    with register_owner(database) as owner, open_checkpoints(Path(f"{database.path}.checkpoints")) as saver:
        checks = ReplyCache(f"{database.path}.checks")
        made = Serving(database, owner, build_loop(saver), options, environ, project)
        try:
            browser = made.browser = Browser.open(cache=checks, database=database)
        except NoBrowser as error:
            browser, made.notice = None, str(error)
        await made.look()
        # Apart, since drawing takes its time where pages are hostile.
        watchers = [
            asyncio.create_task(_repeat(made, "", made.look), name="projects"),
            asyncio.create_task(_repeat(made, "(pictures of pins)", made.draw_crops), name="crops"),
        ]
        try:
            yield made
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            await made.close()
            if browser is not None:
                await browser.aclose()
            checks.close()


async def _repeat(made: Serving, key: str, look: Callable[[], Awaitable[None]]) -> None:
    """Every while. What goes wrong for a moment, as a locked database does, is told until it is over."""
    while True:
        await asyncio.sleep(_LOOK_S)
        try:
            await look()
        except RefineError as error:  # labelers are told by their own requests
            made.problems[key] = str(error)
        else:
            made.problems.pop(key, None)
