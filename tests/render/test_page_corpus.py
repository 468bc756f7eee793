"""Pages as models write them: the broken ones are caught, for the reason they were broken; the good ones pass."""

import asyncio
import random
from pathlib import Path

import pytest

from refine.render import Renderer, check_report, is_broken
from tests.conftest import IS_FULL
from tests.render.conftest import PAGES, stored

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]
BROKEN, GOOD = sorted((PAGES / "broken").glob("*.html")), sorted((PAGES / "good").glob("*.html"))


def chosen(pages: list[Path]) -> list[Path]:
    """All at full count, else a third, the same one every time. Endless loops cost seconds each: one is enough."""
    if IS_FULL:
        return pages
    third = random.Random(4).sample(pages, len(pages) // 3)
    loops = [path for path in third if path.name.startswith("runs--")]
    return [path for path in third if path not in loops[1:]]


async def test_broken_pages_are_caught_for_what_is_broken(renderer: Renderer) -> None:
    pages = chosen(BROKEN)
    reports = await asyncio.gather(*(renderer.render(stored(path)) for path in pages))
    missed, other = [], []
    for path, report in zip(pages, reports, strict=True):
        checks = check_report(report)
        failed = [each.name for each in checks if not each.passed and each.severity == "broken"]
        if not is_broken(checks):
            missed.append(path.name)
        elif path.name.split("--")[0] not in failed:
            other.append(f"{path.name}: {failed}")
    assert len(missed) <= 0.05 * len(pages), missed
    assert len(other) <= 0.05 * len(pages), other


async def test_good_pages_pass(renderer: Renderer) -> None:
    pages = chosen(GOOD)
    reports = await asyncio.gather(*(renderer.render(stored(path)) for path in pages))
    accused = [
        (path.name, [each.detail for each in check_report(report) if not each.passed and each.severity == "broken"])
        for path, report in zip(pages, reports, strict=True)
        if is_broken(check_report(report))
    ]
    assert len(accused) <= 0.02 * len(pages), accused


async def test_there_are_enough_of_both() -> None:
    assert len(BROKEN) >= 40
    assert len(GOOD) >= 20
