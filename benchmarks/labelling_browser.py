"""The labelling page in Chromium: what a key costs, and assignment after assignment on a slow phone.

    python benchmarks/labelling_browser.py [--keys 120] [--assignments 40]

Desktop: from the moment a key arrives to the end of its handlers, and to the second frame after it (what it changed is
painted by then), over ranking keys pressed by the browser. Phone: 390 x 844, touch, CPU / 6, 1.6 Mbit/s, 300 ms; bytes of
the first page without candidates, the time from asking for it until its board answers, and the heap after each
assignment, garbage collected.
"""

import argparse
import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labelling import percentile, prepare

CHROMIUM = os.environ.get("REFINE_CHROMIUM") or "/usr/bin/chromium"
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
SLOW = {"offline": False, "latency": 300, "downloadThroughput": 200_000, "uploadThroughput": 96_000}
WATCH = """() => {
  window.seen = [];
  let began = 0;
  window.addEventListener('keydown', () => (began = performance.now()), true);
  window.addEventListener('keydown', (event) => {
    const handled = performance.now() - began;
    const arrived = event.timeStamp;
    requestAnimationFrame(() => requestAnimationFrame(() => seen.push([handled, performance.now() - arrived])));
  });
}"""


@contextmanager
def served(path: Path) -> Iterator[str]:
    """The page over the database, in a process of its own; where it is."""
    import time

    import httpx

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, str(Path(__file__).with_name("labelling.py")), "--serve", str(path)]
        process = subprocess.Popen([*command, str(listener.fileno())], pass_fds=[listener.fileno()])
        try:
            for _ in range(600):
                try:
                    httpx.get(f"{url}/healthz", timeout=60)
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(30)


async def enter(page: Any, url: str, code: str) -> None:
    await page.goto(f"{url}/enter#{code}")
    await page.wait_for_url(f"{url}/")


async def start(page: Any) -> None:
    await page.locator("form[action='/next'] button").click()
    await page.wait_for_url("**/assignment/*")
    await page.locator("#place button").first.wait_for()


async def measure_keys(browser: Any, url: str, code: str, keys: int) -> None:
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    await enter(page, url, code)
    await start(page)
    await page.wait_for_timeout(2000)
    await page.evaluate(WATCH)
    for n in range(keys):
        await page.keyboard.press(("a", "1", "b", "2", "ArrowUp", "c", "3", "u")[n % 8])
        await page.wait_for_timeout(40)
    await page.wait_for_timeout(200)
    seen = await page.evaluate("seen")
    handled, painted = [each[0] for each in seen], [each[1] for each in seen]
    print(
        f"{len(seen)} keys: handlers p50 {percentile(handled, 0.5):.2f} ms, p95 {percentile(handled, 0.95):.2f},"
        f" most {max(handled):.2f}; second frame after p50 {percentile(painted, 0.5):.0f} ms,"
        f" p95 {percentile(painted, 0.95):.0f}; load {os.getloadavg()[0]:.1f}"
    )
    await page.close()


async def measure_phone(browser: Any, url: str, code: str, assignments: int) -> None:
    context = await browser.new_context(**PHONE)
    page = await context.new_page()
    page.set_default_timeout(120_000)
    session = await context.new_cdp_session(page)
    await enter(page, url, code)
    await session.send("Network.enable")
    await session.send("Network.emulateNetworkConditions", SLOW)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    await session.send("Network.clearBrowserCache")
    urls: dict[str, str] = {}
    sizes: dict[str, float] = {}
    session.on("Network.requestWillBeSent", lambda it: urls.update({it["requestId"]: it["request"]["url"]}))
    session.on("Network.loadingFinished", lambda it: sizes.update({it["requestId"]: it["encodedDataLength"]}))
    usable: list[float] = []
    heaps: list[float] = []
    for n in range(assignments):
        if n == 0:
            await page.evaluate("document.querySelector(\"form[action='/next']\").submit()")
        await page.wait_for_url("**/assignment/*")
        await page.locator("#place button").first.wait_for()
        usable.append(
            await page.evaluate("performance.now() - performance.getEntriesByType('navigation')[0].startTime")
        )
        if n == 0:
            ours = {
                address: sizes.get(key, 0.0)
                for key, address in urls.items()
                if not re.search(r"/delivery/(page|library|frame)|/picture/", address)
            }
            print(f"first page of work: {sum(ours.values()) / 1000:.1f} kB in {len(ours)} requests, without candidates")
        letters = await page.evaluate("Refine.data.frames.map((each) => each.label)")
        for letter in letters:  # each page runs once
            await page.evaluate(
                "letter => document.querySelectorAll('#tabs button')[letter].click()", letters.index(letter)
            )
            await page.evaluate("n => document.querySelectorAll('#place button')[n].click()", letters.index(letter))
        address = page.url
        await page.evaluate("document.getElementById('hand-in').click()")
        await page.locator("dialog button[value='anyway']").click()
        for _ in range(2400):
            if page.url != address:
                break
            await asyncio.sleep(0.05)
        await page.locator("#place button").first.wait_for()
        await session.send("HeapProfiler.collectGarbage")
        used = await session.send("Runtime.getHeapUsage")
        heaps.append(used["usedSize"] / 2**20)
    print(
        f"{len(heaps)} assignments on a phone: board there after p50 {percentile(usable, 0.5) / 1000:.2f} s, first"
        f" {usable[0] / 1000:.2f}, p95 {percentile(usable, 0.95) / 1000:.2f}; heap {heaps[0]:.2f} MiB after the first,"
        f" {heaps[len(heaps) // 2]:.2f} half way, {heaps[-1]:.2f} at the end, most {max(heaps):.2f};"
        f" load {os.getloadavg()[0]:.1f}"
    )
    await context.close()


async def measure(url: str, codes: list[str], options: argparse.Namespace) -> None:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        await measure_keys(browser, url, codes[0], options.keys)
        await measure_phone(browser, url, codes[1], options.assignments)
        await browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=120)
    parser.add_argument("--assignments", type=int, default=40)
    options = parser.parse_args()
    from refine.api.labelers import add_labeler
    from store.opening import open_database

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "load.db"
        prepare(path, options.assignments + 2)
        with open_database(path) as database:
            codes = [add_labeler(database, name).url.partition("#")[2] for name in ("desk", "phone")]
        with served(path) as url:
            asyncio.run(measure(url, codes, options))


if __name__ == "__main__":
    main()
