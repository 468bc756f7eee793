"""One browser for a file's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from refine.render import Renderer, RenderSettings
from refine.types import CodeFile, Files

PAGES = Path(__file__).parents[1] / "data" / "pages"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    async with Renderer(RenderSettings(with_accessibility=False)) as renderer:
        yield renderer


def page(code: str, **others: str) -> Files:
    """A candidate of index.html and other files, whose names have `_` for the dot."""
    more = (CodeFile(filename=name.replace("_", "."), content=content) for name, content in others.items())
    return (CodeFile(filename="index.html", content=code), *more)


def stored(path: Path) -> Files:
    return page(path.read_text(encoding="utf-8"))
