"""The dashboard as it is started, in a real browser; and whom it answers."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from refine.dashboard.app import LocalOnly
from refine.render import find_chromium
from refine.render.chromium import FEATURES_OFF
from tests.dashboard.made_store import HOSTILE

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = find_chromium()


@pytest.fixture(scope="module")
def address(story: tuple[Path, dict[str, str]]) -> Iterator[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("REFINE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "refine", "dashboard", "--db", str(story[0]), "--json"],
        env={**environ, "PYTHONPATH": str(ROOT)},
        cwd=story[0].parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    said = re.search(r'"url":\s*"(http://127\.0\.0\.1:\d+)"', process.stdout.readline())
    assert said, process.stderr.read()
    wait_for(said[1])
    yield said[1]
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)
    process.stdout.close()
    process.stderr.close()


def wait_for(address: str) -> None:
    import time

    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the dashboard did not start")


def test_a_browser_shows_hostile_words_as_words_and_frames_nothing(
    address: str, story: tuple[Path, dict[str, str]]
) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", f"--disable-features={','.join(FEATURES_OFF)}"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/chain?chain={story[1]['better']}")
        page.get_by_text("won the round").wait_for(timeout=60_000)
        assert page.get_by_text(HOSTILE, exact=False).count() >= 2
        assert page.evaluate("window.pwned") is None
        assert page.locator("iframe").count() == 0
        assert page.locator("img[src=x]").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        page.get_by_text("Rounds", exact=True).click()
        page.get_by_text("2 rankings").wait_for(timeout=60_000)
        assert "view=Rounds" in page.url
        assert page.evaluate("window.pwned") is None
        assert [url for url in asked if not url.startswith((address, address.replace("http", "ws"), "data:"))] == []
        browser.close()


async def _ask(client: str, kind: str = "http") -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "inner"})

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def receive() -> Any:
        return {}

    await LocalOnly(inner)({"type": kind, "client": (client, 1)}, receive, send)
    return sent


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_is_answered(client: str) -> None:
    assert await _ask(client) == [{"type": "inner"}]


@pytest.mark.parametrize("client", ["192.168.1.7", "8.8.8.8", "::ffff:10.0.0.1", "2001:db8::1", "", "nobody"])
async def test_other_machines_are_not(client: str) -> None:
    sent = await _ask(client)
    assert sent[0]["status"] == 403
    assert await _ask(client, "websocket") == [{"type": "websocket.close", "code": 1008}]


def run(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    environ = {name: value for name, value in os.environ.items() if not name.startswith("REFINE_")}
    return subprocess.run(
        [sys.executable, "-m", "refine", "dashboard", *arguments],
        env={**environ, "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_database_that_is_not_there_and_a_port_that_is_taken_are_one_line_and_exit_2(
    tmp_path: Path, story: tuple[Path, dict[str, str]]
) -> None:
    missing = run("--db", "none.db", cwd=tmp_path)
    assert (missing.returncode, len(missing.stderr.splitlines())) == (2, 1)
    assert "none.db: there is no database here" in missing.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = run("--db", str(story[0]), "--port", str(port), cwd=tmp_path)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert f"--port: {port}" in refused.stderr
