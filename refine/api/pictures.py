"""Pictures for faces: how a candidate looks, what is missing, and taking it."""

import asyncio
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from refine.api.browser import Browser
from refine.errors import InputError, NoBrowser, RenderError, StoreError
from refine.types import PageView
from store.candidates import load_files
from store.database import Database
from store.pictures import (
    PictureFacts,
    Uncropped,
    Unpictured,
    add_crop,
    find_uncropped,
    find_unpictured,
    lacks_pictures,
    load_snapshot,
)
from store.pictures import load_crop as read_crop
from store.pictures import load_picture as read_picture
from store.pictures import load_pictures as read_pictures
from store.projects import find_project

_AT_ONCE = 20
"""Pages that are loaded from the store at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturesTaken:
    """What a run brought."""

    taken: int
    """Pages, each with its views."""
    failed: int
    """Pages that hang, crash or hold nothing to open: none was to be had of them."""
    crops: int = 0
    """What stood under pins."""


def load_pictures(database: Database, content_sha256s: Collection[str]) -> dict[str, dict[PageView, PictureFacts]]:
    """Content hash -> view -> facts, without the bytes; those that have no picture are left out."""
    return database.read(read_pictures, content_sha256s)


def load_picture(database: Database, content_sha256: str, view: PageView) -> tuple[str, bytes] | None:
    """(media type, bytes) of one view, or None."""
    return database.read(read_picture, content_sha256, view)


def load_crop(database: Database, critique: str) -> tuple[str, bytes] | None:
    """(media type, bytes) of what stood under the critique's pin, or None."""
    return database.read(read_crop, critique)


def missing_notice(database: Database) -> str:
    """One line on how to get pictures, where there are candidates and no picture at all; else empty."""
    return f"No pictures of pages yet; `{take_command(database.path)}` takes them." if has_none(database) else ""


def has_none(database: Database) -> bool:
    return database.read(lacks_pictures)


def take_command(path: Path) -> str:
    """The command that takes what is missing, for a shell."""
    return shlex.join(["refine", "db", "pictures", "--db", str(path)])


async def take_missing(
    database: Database,
    browser: Browser,
    *,
    project: str | None = None,
    limit: int | None = None,
    on_progress: Callable[[PicturesTaken], None] | None = None,
) -> PicturesTaken:
    """Take the pictures of all candidates that have none, or of a project's, or of `limit` pages, oldest first.

    `browser` keeps them in the same database. Raises InputError for an unknown project.
    """
    project_key = None
    if project is not None:
        found = database.read(find_project, project)
        if found is None:
            raise InputError(f"there is no project {project!r} in {database.path}; `refine project list` shows them")
        project_key = found.key
    seen: set[str] = set()
    after = taken = failed = 0
    while limit is None or taken < limit:
        rows = database.read(find_unpictured, after=after, limit=_AT_ONCE, project_key=project_key)
        if not rows:
            break
        after = rows[-1].key
        distinct = {row.content_sha256: row for row in rows if row.content_sha256 not in seen}
        seen |= distinct.keys()
        pages = list(distinct.values())[: None if limit is None else limit - taken]
        kept = await _take_all(database, browser, pages)
        taken += sum(kept)
        failed += len(kept) - sum(kept)
        if on_progress is not None:
            on_progress(PicturesTaken(taken=taken, failed=failed))
    return PicturesTaken(taken=taken, failed=failed)


async def _take_all(database: Database, browser: Browser, pages: list[Unpictured]) -> list[bool]:
    """For each page whether it has pictures now. When one raises, the others are waited for, and what it raised is."""
    results = await asyncio.gather(*(_take(database, browser, page) for page in pages), return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures:
        raise failures[0]
    return [result is True for result in results]


async def _take(database: Database, browser: Browser, page: Unpictured) -> bool:
    try:
        files = database.read(load_files, page.key)
    except StoreError:
        return False  # damaged; `refine db verify` says where
    return await browser.keep_pictures(files)


# --- Crops of snapshots -------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Where a pin stood."""

    viewport: tuple[float, float]
    box: tuple[float, float, float, float]
    scroll: tuple[float, float]


async def draw_missing_crops(
    database: Database, browser: Browser, *, failed: set[int] | None = None, limit: int | None = None
) -> int:
    """Draw what stood under the pins of critiques that brought a snapshot and have no crop; how many were drawn.

    For whoever runs a browser: the loop of a server looks every few seconds. Those that cannot be drawn are put into
    `failed`, and left out when they are in it. Raises NoBrowser.
    """
    failed = set() if failed is None else failed
    after = drawn = 0
    while limit is None or drawn < limit:
        found = database.read(find_uncropped, after=after, limit=_AT_ONCE)
        if not found:
            break
        after = found[-1].key
        for critique in found:
            if critique.key in failed or (limit is not None and drawn >= limit):
                continue
            if await _draw_crop(database, browser, critique):
                drawn += 1
            else:
                failed.add(critique.key)
    return drawn


async def _draw_crop(database: Database, browser: Browser, critique: Uncropped) -> bool:
    try:
        html = database.read(load_snapshot, critique)
    except StoreError:
        return False  # damaged; those behind it are drawn all the same
    if html is None:
        return False
    place = place_of(critique.anchor)
    try:
        data = await browser.renderer.draw_snapshot(html, **place._asdict())
    except NoBrowser:
        raise
    except RenderError:
        return False
    return await database.write(add_crop, critique, data)


def place_of(anchor: Mapping[str, Any]) -> Place:
    """The viewport that a stored anchor was made in, the box around what it marks there, and how far the page was
    scrolled; the whole of a desktop's where it says nothing. Anchors are checked when they come in."""
    viewport = anchor.get("viewport") or (1280, 800)
    box = anchor.get("box")
    if box is None and (points := [point for stroke in anchor.get("strokes") or () for point in stroke]):
        xs, ys = [point[0] for point in points], [point[1] for point in points]
        box = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    scroll = (anchor.get("state") or {}).get("scroll")
    if not isinstance(scroll, list) or len(scroll) != 2:
        scroll = (0, 0)  # the page may have told anything
    return Place(tuple(viewport), tuple(box or (0, 0, *viewport)), tuple(scroll))
