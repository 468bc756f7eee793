"""The renderer: one reused browser, a fresh context for every candidate, reports by content hash."""

import asyncio
import hashlib
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import orjson
from pydantic import ValidationError

from refine.artifact import content_hash, entry_file
from refine.artifact.probe import Probe
from refine.errors import RenderError
from refine.render.chromium import Chromium, find_chromium
from refine.render.reading import make_probe, make_report
from refine.render.report import RenderReport
from refine.render.serving import Prepare, Site, as_they_are
from refine.render.settings import RenderSettings
from refine.render.snapshot import SnapshotSite, SnapshotVisit, check_size, crop, viewport_of
from refine.render.visit import BrowserDied, Seen, Visit, scripts_hash
from refine.render.webp import pictures_of
from refine.types import Files, PagePicture

FORMAT = 1
"""Raised when reports are made otherwise, so that older ones are not used; scripts are in the key by their hash."""
TRIES = 2
"""Of one page, when the whole browser died: it may have been a page beside it."""
SNAPSHOT_S = 20.0
"""Wall time for one snapshot, whatever is in it."""


class RenderCache(Protocol):
    """Where reports are kept; may forget anything."""

    def get(self, key: str) -> bytes | None: ...

    def set(self, key: str, value: bytes) -> None: ...


class Renderer:
    """`async with Renderer() as renderer: report = await renderer.render(files)`. For one event loop.

    The browser starts with the first page. Raises NoBrowser where there is none.
    """

    def __init__(
        self,
        settings: RenderSettings | None = None,
        *,
        chromium: Path | None = None,
        prepare: Prepare = as_they_are,
        prepared_as: str = "",
        cache: RenderCache | None = None,
    ) -> None:
        """`prepared_as` names what `prepare` does and its version, for the cache: a change there is another report."""
        self.settings = settings or RenderSettings()
        self._path = chromium
        self._prepare = prepare
        self._prepared_as = prepared_as
        self._cache = cache
        self._places = asyncio.Semaphore(self.settings.pages)
        self._starting = asyncio.Lock()
        self._running: Chromium | None = None
        self._is_closed = False
        self.launches = 0
        """How often a browser was started: more than once means that it died or was ended."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the browser and every process of it."""
        self._is_closed = True
        running, self._running = self._running, None
        if running is not None:
            await asyncio.shield(running.close())

    async def version(self) -> str:
        """Chromium's, started for it if need be."""
        return (await self._browser()).version

    async def render(self, files: Files, *, seed: int = 0) -> RenderReport:
        """What the browser sees of the candidate. Whatever the page does is in the report; never raises for it."""
        candidate = content_hash(files)
        if entry_file(files) is None:
            return self._no_page(candidate, seed)
        key = None
        if self._cache is not None:
            key = self._key(candidate, seed, await self.version())
            if (kept := self._read(key)) is not None:
                return kept
        report, _ = await self._see(files, candidate, seed, with_tree=False)
        if key is not None and self._cache is not None:
            self._write(key, report)
        return report

    async def probe(self, files: Files, *, seed: int = 0) -> Probe:
        """The part of what it sees that is the same every time, for telling two candidates apart. Never cached."""
        return (await self.probe_with_report(files, seed=seed))[0]

    async def probe_with_report(self, files: Files, *, seed: int = 0) -> tuple[Probe, RenderReport]:
        """Both from one visit."""
        candidate = content_hash(files)
        if entry_file(files) is None:
            report = self._no_page(candidate, seed)
            return make_probe(report, None), report
        report, seen = await self._see(files, candidate, seed, with_tree=True)
        return make_probe(report, seen.tree), report

    async def take_pictures(self, files: Files, *, seed: int = 0) -> tuple[PagePicture, ...]:
        """The pictures of a report, to the pixel, without the rest of it; those that the page lets be taken."""
        candidate = content_hash(files)
        if entry_file(files) is None:
            return ()
        only_looking = self.settings.model_copy(update={"with_accessibility": False, "with_walk": False})
        report, _ = await self._see(files, candidate, seed, with_tree=False, settings=only_looking)
        return await asyncio.to_thread(pictures_of, report)

    async def draw_snapshot(
        self,
        html: bytes,
        *,
        viewport: tuple[float, float],
        box: tuple[float, float, float, float],
        scroll: tuple[float, float] = (0, 0),
    ) -> bytes:
        """WebP of what is around `box` in a page that a frame sent as it stood: hostile HTML, drawn without scripts and
        network.

        `box` is x, y, width, height in CSS pixels of the viewport; the page is scrolled to `scroll`, and elements with
        an attribute `data-refine-scroll="left top"` to that. Values out of reason are brought into it. Raises
        RenderError for a snapshot that is too large, or that the browser cannot draw.
        """
        check_size(html)
        settings = self.settings.model_copy(update={"page_timeout_s": SNAPSHOT_S, "hang_s": SNAPSHOT_S})
        for attempt in range(1, TRIES + 1):
            async with self._places:
                browser = await self._browser()
                site = SnapshotSite(html)
                visit = SnapshotVisit(browser, site, settings, viewport=viewport_of(viewport), scroll=scroll)
                try:
                    seen = await visit.run()
                except BrowserDied:
                    if attempt < TRIES:
                        continue
                    raise RenderError(f"the whole browser ended with the snapshot, {TRIES} times") from None
            if not seen.desktop_png:
                raise RenderError(f"the snapshot cannot be drawn: {seen.problem or seen.outcome}")
            return await asyncio.to_thread(crop, seen.desktop_png, box)
        raise AssertionError("the last attempt returns or raises")

    def _no_page(self, candidate: str, seed: int) -> RenderReport:
        problem = "there is no .html file to open"
        return RenderReport(candidate=candidate, chromium="", seed=seed, outcome="no_page", problem=problem)

    async def _see(
        self, files: Files, candidate: str, seed: int, *, with_tree: bool, settings: RenderSettings | None = None
    ) -> tuple[RenderReport, Seen]:
        settings = settings or self.settings
        prepared = self._prepare(files)
        host = f"c{candidate[:24]}.localhost"
        for attempt in range(1, TRIES + 1):
            async with self._places:
                browser = await self._browser()
                site = Site(prepared, host)
                visit = Visit(browser, site, settings, seed=seed, with_tree=with_tree)
                try:
                    seen = await visit.run()
                    if seen.outcome == "ok" and _is_wide(seen, settings):
                        await self._see_on_phone(seen, browser, Site(prepared, host), seed)
                except BrowserDied:
                    if attempt < TRIES:
                        continue
                    seen = visit.seen
                    seen.outcome = "memory" if browser.memory_kills else "crashed"
                    seen.problem = f"the whole browser ended with it, {TRIES} times"
                report = await asyncio.to_thread(
                    make_report, seen, site, files, candidate=candidate, chromium=browser.version, seed=seed
                )
                return report, seen
        raise AssertionError("the last attempt returns")

    async def _see_on_phone(self, seen: Seen, browser: Chromium, site: Site, seed: int) -> None:
        """A page made narrow may be wider than one that was opened narrow, as a phone does: that one counts."""
        phone = await Visit(browser, site, self.settings, seed=seed, is_phone=True).run()
        if phone.outcome == "ok":
            seen.phone, seen.phone_png = phone.phone, phone.phone_png
            seen.total_s = round(seen.total_s + phone.total_s, 3)

    async def _browser(self) -> Chromium:
        if self._is_closed:
            raise RenderError("the renderer is closed")
        async with self._starting:
            if self._running is not None and not self._running.is_alive:
                dead, self._running = self._running, None
                await dead.close()
            if self._running is None:
                self._running = await Chromium.launch(self._path or find_chromium(), self.settings)
                self.launches += 1
            return self._running

    def _key(self, candidate: str, seed: int, version: str) -> str:
        settings = self.settings.model_dump(mode="json", exclude={"pages", "sandbox"})
        said = orjson.dumps(
            [FORMAT, scripts_hash(), candidate, seed, version, self._prepared_as, settings], option=orjson.OPT_SORT_KEYS
        )
        return f"render-{hashlib.sha256(said).hexdigest()}"

    def _read(self, key: str) -> RenderReport | None:
        assert self._cache is not None
        kept = self._cache.get(key)
        if kept is None:
            return None
        try:
            report = RenderReport.model_validate_json(kept)
        except ValidationError:
            return None  # written by something else: as good as forgotten
        pictures = {}
        for shot in report.shots:
            png = self._cache.get(f"render-picture-{shot.sha256}")
            if png is None or hashlib.sha256(png).hexdigest() != shot.sha256:
                return None
            pictures[shot.sha256] = png
        return report.model_copy(update={"pictures": pictures})

    def _write(self, key: str, report: RenderReport) -> None:
        """What depended on the machine's state at that moment is seen anew next time."""
        assert self._cache is not None
        if report.outcome in ("timeout", "crashed", "memory"):
            return
        for sha256, png in report.pictures.items():
            self._cache.set(f"render-picture-{sha256}", png)
        self._cache.set(key, report.model_dump_json().encode())


def _is_wide(seen: Seen, settings: RenderSettings) -> bool:
    needed = seen.phone.get("needed")
    return isinstance(needed, int | float) and needed > settings.phone.width
