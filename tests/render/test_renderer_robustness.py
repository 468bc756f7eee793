"""Pages that do their worst get a report; no worker sticks, no process is left over."""

import asyncio
import itertools
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from refine.render import Renderer, RenderSettings, check_report
from refine.render.chromium import Chromium, processes_of
from tests.conftest import IS_FULL
from tests.render.bad_pages import BAD_PAGES
from tests.render.conftest import page

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1800 if IS_FULL else 400)]

TIGHT = RenderSettings(
    with_accessibility=False, hang_cpu_s=1.5, hang_s=20, page_timeout_s=40, heap_mb=128, renderer_mb=500
)
CHOSEN = (
    *("loop at load", "loop of microtasks", "buffer bomb", "alert flood", "confirm until it stops", "console flood"),
    *("exception flood", "endless animation", "service worker", "worker that spins", "ten megabytes", "huge DOM"),
    *("reload loop", "writes itself anew", "takes the globals away", "forges answers"),
)
LOOP = page("<h1>a</h1><script>while (true);</script>")
GOOD = page("<!DOCTYPE html><html lang=en><h1>Good page</h1><p>It has text.</p></html>")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tight() -> AsyncIterator[Renderer]:
    async with Renderer(TIGHT) as renderer:
        yield renderer


def running(renderer: Renderer) -> Chromium:
    assert renderer._running is not None
    return renderer._running


async def eventually_none(group: int) -> bool:
    for _ in range(50):
        if not list(processes_of(group)):
            return True
        await asyncio.sleep(0.1)
    return False


@pytest.mark.parametrize("name", sorted(BAD_PAGES) if IS_FULL else CHOSEN)
async def test_the_worst_a_page_can_do_is_a_report(tight: Renderer, name: str) -> None:
    code, outcomes = BAD_PAGES[name]
    report = await tight.render(page(code))
    # A busy machine may run out of time where an idle one sees the end.
    assert report.outcome in {*outcomes, "timeout"}, report.problem
    assert check_report(report)
    report.model_dump_json().encode()
    assert (await tight.render(GOOD)).outcome == "ok"


async def test_nothing_is_left_after_many_bad_pages() -> None:
    names = sorted(BAD_PAGES) if IS_FULL else ["alert flood", "popups", "navigates to a blob", "frames of itself"]
    count = 200 if IS_FULL else 8
    order = list(itertools.islice(itertools.cycle(random.Random(1).sample(names, len(names))), count))
    async with Renderer(TIGHT) as renderer:
        await asyncio.gather(*(renderer.render(page(BAD_PAGES[name][0])) for name in order))
        assert (await renderer.render(GOOD)).outcome == "ok"
        group = running(renderer).group
        for _ in range(50):  # contexts end a moment after they are closed
            renderers = [each for each in processes_of(group) if each.is_renderer]
            if len(renderers) <= 2:
                break
            await asyncio.sleep(0.1)
        assert len(renderers) <= 2, "the browser keeps one or two for the next page"
    assert await eventually_none(group)


async def test_a_page_given_up_by_its_caller_leaves_nothing() -> None:
    async with Renderer(TIGHT) as renderer:
        await renderer.version()
        group = running(renderer).group
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(renderer.render(LOOP), 1)
        assert (await renderer.render(GOOD)).outcome == "ok"
    assert await eventually_none(group)


async def test_a_browser_that_dies_is_started_anew_and_its_pages_are_seen_again() -> None:
    async with Renderer(TIGHT) as renderer:
        await renderer.render(GOOD)
        work = asyncio.create_task(renderer.render(page("<h1>Slow</h1><script>setTimeout(() => 1, 900)</script>")))
        await asyncio.sleep(0.15)
        running(renderer).kill()
        assert (await work).outcome == "ok"
        assert renderer.launches == 2
        group = running(renderer).group
    assert await eventually_none(group)


SCRIPT = """
import asyncio
from refine.render import Renderer, RenderSettings
from refine.types import CodeFile
async def main():
    async with Renderer(RenderSettings()) as renderer:
        await renderer.version()
        print("started", flush=True)
        await renderer.render((CodeFile(filename="index.html", content="<script>while(1);</script>"),))
asyncio.run(main())
"""


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT])
async def test_a_process_that_is_ended_takes_its_browser_along(signum: signal.Signals, tmp_path: Path) -> None:
    """The signal goes to all of its process group, as a terminal sends it."""
    mark = f"REFINE_TEST_MARK_{uuid.uuid4().hex}"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, mark: "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == "started\n"
        await asyncio.sleep(1)
        assert len(marked(mark)) > 3
        os.killpg(process.pid, signum)
        process.wait(30)
    until = time.monotonic() + 20
    while (left := marked(mark)) and time.monotonic() < until:
        await asyncio.sleep(0.2)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


def marked(mark: str) -> list[int]:
    """Processes that carry the mark in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "environ").read_bytes() and " Z " not in (entry / "stat").read_text():
                found.append(int(entry.name))
        except OSError:
            continue
    return found
