"""The browser as the loop uses it: pages as labelers get them, looked at once, findings kept by content."""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import orjson

from refine.artifact import content_hash
from refine.errors import InputError, NoBrowser
from refine.settings import ProjectSettings
from refine.types import CodeFile, Files, Finding, MadeControl, ProposedControl
from store.cache import ReplyCache
from store.pictures import add_pictures, load_pictures

if TYPE_CHECKING:
    from refine.render import Prepared, Renderer
    from refine.render.report import Library
    from store.database import Database

PREPARED_AS = "delivered@2"
_PLACE = "/refine-asset/"
_KEY = re.compile(r"refine-asset:([0-9a-f]{24})")
_ATTEMPTS = 6
"""Perturbations of a page that are tried; most first ones are proven."""


def prepare_as_delivered(files: Files) -> "Prepared":
    """The page with the libraries that delivery keeps beside it, and notes of those it does not have.

    They are served, not written into the page: Chromium needs more than a gigabyte for Babel in a data: URL.
    """
    from refine.delivery import bundle
    from refine.delivery.bundling import text_of
    from refine.render import Prepared, Resource

    try:
        made = bundle(files)
    except InputError:
        return Prepared(files=files)
    pages = {made.entry: made.html, **made.pages}
    return Prepared(
        files=tuple(CodeFile(filename=name, content=_placed(html)) for name, html in pages.items()),
        resources={
            f"{_PLACE}{asset.key}": Resource(
                body=_placed(text_of(asset)).encode(), content_type=f"{asset.media_type}; charset=utf-8"
            )
            for asset in made.assets
        },
        libraries=(
            *(_library(it.address, f"{it.package} {it.version}", "substituted") for it in made.substituted),
            *(_library(address, address.rsplit("/", 1)[-1], "unknown") for address in made.unknown),
        ),
    )


def _placed(text: str) -> str:
    """With addresses on the page's own site where the bundle has keys."""
    return _KEY.sub(lambda found: f"{_PLACE}{found[1]}", text)


def _library(address: str, name: str, status: Literal["substituted", "unknown"]) -> "Library":
    from refine.render.report import Library

    kind: Literal["script", "stylesheet"] = "stylesheet" if ".css" in address else "script"
    return Library(url=address[:300], name=name[:80], kind=kind, status=status)


class Browser:
    """Implements refine.protocols.PageChecker and ControlMaker, and keeps a picture of every page it looked at.

    Close it: it is a process with children of its own.
    """

    def __init__(
        self, renderer: "Renderer", cache: ReplyCache | None = None, database: "Database | None" = None
    ) -> None:
        """Without a `database` no pictures are kept."""
        self.renderer = renderer
        self._cache = cache
        self._database = database
        self._known: dict[str, tuple[Finding, ...]] = {}
        self._looking: dict[str, asyncio.Task[tuple[Finding, ...]]] = {}

    @classmethod
    def open(
        cls,
        *,
        chromium: Path | None = None,
        cache: ReplyCache | None = None,
        database: "Database | None" = None,
        pages: int = 2,
    ) -> Self:
        """Raises NoBrowser where there is no Chromium; it is started with the first page. `pages` are open at once."""
        from refine.render import Renderer, RenderSettings, find_chromium

        path = chromium or find_chromium()
        settings = RenderSettings(pages=pages)
        renderer = Renderer(settings, chromium=path, prepare=prepare_as_delivered, prepared_as=PREPARED_AS)
        return cls(renderer, cache, database)

    async def aclose(self) -> None:
        tasks = [*self._looking.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.renderer.aclose()

    async def check(self, files: Files) -> tuple[Finding, ...]:
        """Hints pass, with what they say."""
        key = content_hash(files)
        known = self._known.get(key)
        if known is not None:
            return known
        looking = self._looking.get(key)
        if looking is None:  # else another chain's page is this very one
            looking = self._looking[key] = asyncio.create_task(self._look(key, files))
            looking.add_done_callback(lambda _: self._looking.pop(key, None))
        found = self._known[key] = await asyncio.shield(looking)
        return found

    async def keep_pictures(self, files: Files) -> bool:
        """Take the page's pictures for the store, unless it has them. Whether it has one of the desktop now."""
        if self._database is None:
            return False
        key = content_hash(files)
        if "desktop" in self._database.read(load_pictures, [key]).get(key, {}):
            return True
        pictures = await self.renderer.take_pictures(files)
        await self._database.write(add_pictures, key, pictures)
        return any(picture.view == "desktop" for picture in pictures)

    async def make_control(self, files: Files, *, seed: int, weights: Mapping[str, float]) -> MadeControl | None:
        """See refine.protocols.ControlMaker."""
        from refine.perturb import find_proven, perturbation_record

        try:
            found = await find_proven(
                files,
                lambda each: self.renderer.probe(each, seed=seed),
                seed=seed,
                weights=weights or None,
                attempts=_ATTEMPTS,
                is_evened=True,
            )
        except InputError:
            return None  # the page has no place for any operator
        made = found.perturbation
        if made is None:
            return None
        await self.keep_pictures(made.files)  # as of any other candidate, or its lack would give the control away
        return MadeControl(
            files=made.files,
            operator=made.operator,
            channel=made.channel,
            severity=made.severity,
            record={**perturbation_record(made, found.proof), "refused_before": dict(found.refused)},
        )

    async def prove_control(self, files: Files, proposed: ProposedControl, *, seed: int) -> MadeControl | str:
        """See refine.protocols.ControlMaker."""
        from refine.perturb import proof_record, prove_one

        proof = await prove_one(files, proposed, lambda each: self.renderer.probe(each, seed=seed))
        if not proof.ok:
            return proof.refused_because
        await self.keep_pictures(proposed.files)
        return MadeControl(
            files=proposed.files,
            operator=proposed.operator,
            channel=proposed.channel,
            severity=proposed.severity,
            record={**proposed.record, **proof_record(proof)},
        )

    async def _look(self, content_sha256: str, files: Files) -> tuple[Finding, ...]:
        key = await self._key(content_sha256)
        kept = None if self._cache is None else self._cache.get(key)
        if kept is not None and (found := _read(kept)) is not None:
            await self.keep_pictures(files)
            return found
        from refine.render import check_report, pictures_of

        report = await self.renderer.render(files)
        checks = check_report(report)
        found = tuple(
            Finding(name=f"browser.{it.name}", passed=it.passed or it.severity == "hint", detail=it.detail)
            for it in checks
        )
        if self._database is not None:
            pictures = await asyncio.to_thread(pictures_of, report)
            await self._database.write(add_pictures, content_sha256, pictures)
        if self._cache is not None and report.outcome not in ("timeout", "crashed", "memory"):
            self._cache.put(key, orjson.dumps([[it.name, it.passed, it.detail] for it in found]).decode())
        return found

    async def _key(self, content_sha256: str) -> str:
        from refine.render.renderer import FORMAT

        said = [FORMAT, PREPARED_AS, content_sha256, await self.renderer.version()]
        return f"findings-{hashlib.sha256(orjson.dumps(said)).hexdigest()}"


def _read(kept: str) -> tuple[Finding, ...] | None:
    """None for what something else wrote."""
    try:
        rows = orjson.loads(kept)
        return tuple(Finding(name=str(name), passed=bool(passed), detail=str(detail)) for name, passed, detail in rows)
    except (ValueError, TypeError):
        return None


def open_browser(
    settings: ProjectSettings, *, cache: ReplyCache | None, database: "Database | None" = None
) -> tuple[Browser | None, str]:
    """The browser, if the project's settings want one, or None and, where it is wanted and missing, one line on it. It
    keeps pictures in the database, where one is given.

    Raises NoBrowser where the settings insist on it.
    """
    if not settings.is_checking_in_browser:
        return None, ""
    try:
        return Browser.open(cache=cache, database=database), ""
    except NoBrowser as error:
        if settings.browser_checks:
            raise
        return None, f"browser checks are off: {error}"
