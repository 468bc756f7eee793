"""Pages a minute and CPU a page of the browser checks, beside a naive browser for every page.

python benchmarks/render.py [--pages tests/data/pages/good] [--count 60] [--naive 10]

The naive way: playwright starts a browser for each page, opens it, waits for two seconds as scripts of the net do,
takes the two screenshots, runs axe-core, clicks every button once. Its CPU and ours are those of all processes that
the run started: Python, playwright's driver and the browser's.
"""

import argparse
import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from refine.render import Renderer, RenderSettings, check_report, find_chromium, is_broken
from refine.render.visit import axe_source
from refine.types import CodeFile, Files

TICKS = os.sysconf("SC_CLK_TCK")


def pages_of(folder: Path, count: int) -> list[Files]:
    found = sorted(folder.rglob("*.html"))
    pages = [(CodeFile(filename="index.html", content=path.read_text(encoding="utf-8")),) for path in found]
    return [pages[at % len(pages)] for at in range(count)]


class FamilyCpu:
    """CPU of this process and all its descendants, those that end meanwhile included: sampled ten times a second."""

    def __init__(self) -> None:
        self._latest: dict[tuple[int, str], float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample_all, daemon=True)

    def __enter__(self) -> "FamilyCpu":
        self._start = time.process_time()
        self._look()
        self._before = dict(self._latest)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._look()

    @property
    def cpu_s(self) -> float:
        mine = time.process_time() - self._start
        return mine + sum(cpu - self._before.get(key, 0.0) for key, cpu in self._latest.items())

    def _sample_all(self) -> None:
        while not self._ended.wait(0.1):
            self._look()

    def _look(self) -> None:
        parents: dict[int, int] = {}
        seen: dict[int, tuple[str, float]] = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            seen[int(entry.name)] = (fields[19], (int(fields[11]) + int(fields[12])) / TICKS)
        family = {os.getpid()}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        for pid in family - {os.getpid()}:
            self._latest[(pid, seen[pid][0])] = seen[pid][1]


async def ours(pages: list[Files], settings: RenderSettings) -> int:
    async with Renderer(settings) as renderer:
        reports = await asyncio.gather(*(renderer.render(files) for files in pages))
    return sum(is_broken(check_report(report)) for report in reports)


async def naive(pages: list[Files], *, with_axe: bool) -> int:
    from playwright.async_api import Error, async_playwright

    failures = 0
    for files in pages:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find_chromium())
            page = await browser.new_page(viewport={"width": 1280, "height": 800})
            problems: list[str] = []
            page.on("pageerror", partial(_keep, problems))
            await page.set_content(files[0].content)
            await page.wait_for_timeout(2000)
            await page.screenshot()
            if with_axe:
                await page.add_script_tag(content=axe_source())
                await page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa']})")
            for button in await page.query_selector_all("button"):
                try:
                    await button.click(timeout=500)
                    await page.wait_for_timeout(200)
                except Error:
                    continue
            await page.set_viewport_size({"width": 390, "height": 844})
            await page.screenshot()
            failures += bool(problems)
            await browser.close()
    return failures


def _keep(problems: list[str], error: object) -> None:
    problems.append(str(error))


def measure(name: str, pages: list[Files], run: Callable[[], Coroutine[Any, Any, int]]) -> None:
    started = time.perf_counter()
    with FamilyCpu() as meter:
        broken = asyncio.run(run())
    wall = time.perf_counter() - started
    print(
        f"| {name} | {len(pages)} | {60 * len(pages) / wall:.0f} | {meter.cpu_s / len(pages):.2f} | {broken} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, default=Path("tests/data/pages/good"))
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--naive", type=int, default=10)
    options = parser.parse_args()
    pages = pages_of(options.pages, options.count)
    few = pages[: options.naive]
    print(f"load before: {os.getloadavg()[0]:.1f}; cores: {os.cpu_count()}\n")
    print("| way | pages | pages a minute | CPU-s a page | found broken |\n|---|---|---|---|---|")
    plain = RenderSettings(with_accessibility=False)
    measure("one browser, 2 pages at once", pages, lambda: ours(pages, plain))
    measure("the same with axe-core", pages, lambda: ours(pages, RenderSettings()))
    if few:
        measure("naive: a browser for every page", few, lambda: naive(few, with_axe=False))
        measure("naive with axe-core", few, lambda: naive(few, with_axe=True))
    print(f"\nload after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
