"""Pictures for faces: how a candidate looks, what is missing, and taking it."""

import asyncio
import shlex
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from refine.api.browser import Browser
from refine.errors import InputError
from refine.types import PageView
from store.candidates import load_files
from store.database import Database
from store.pictures import PictureFacts, Unpictured, find_unpictured, lacks_pictures
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
    while limit is None or taken + failed < limit:
        rows = database.read(find_unpictured, after=after, limit=_AT_ONCE, project_key=project_key)
        if not rows:
            break
        after = rows[-1].key
        distinct = {row.content_sha256: row for row in rows if row.content_sha256 not in seen}
        seen |= distinct.keys()
        pages = list(distinct.values())[: None if limit is None else limit - taken - failed]
        kept = await _take_all(database, browser, pages)
        taken += sum(kept)
        failed += len(kept) - sum(kept)
        if on_progress is not None:
            on_progress(PicturesTaken(taken=taken, failed=failed))
    return PicturesTaken(taken=taken, failed=failed)


async def _take_all(database: Database, browser: Browser, pages: list[Unpictured]) -> list[bool]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(browser.keep_pictures(database.read(load_files, page.key))) for page in pages]
    return [task.result() for task in tasks]
