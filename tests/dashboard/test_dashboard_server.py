"""The dashboard as it is started, in a real browser; and whom it answers."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Frame, Page, sync_playwright

from refine.dashboard.app import LocalOnly
from refine.dashboard.places import TITLES
from refine.render import find_chromium
from refine.render.chromium import FEATURES_OFF
from store.chains import load_chain
from store.database import Database
from store.opening import open_database
from tests.dashboard.lively import make_lively
from tests.dashboard.made_store import HOSTILE, make_story

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = find_chromium()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    address: str
    database: Database
    ids: dict[str, str]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The command, over a database that a test may write."""
    path = tmp_path_factory.mktemp("house") / "refine.db"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environ = {name: value for name, value in os.environ.items() if not name.startswith("REFINE_")}
    with open_database(path) as database:
        ids = database.write_now(make_story) | database.write_now(make_lively, port)
        process = subprocess.Popen(
            [sys.executable, "-m", "refine", "dashboard", "--db", str(path), "--port", str(port), "--json"],
            env={**environ, "PYTHONPATH": str(ROOT)},
            cwd=path.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None and process.stderr is not None
        said = re.search(r'"url":\s*"(http://127\.0\.0\.1:\d+)"', process.stdout.readline())
        assert said, process.stderr.read()
        wait_for(said[1])
        yield House(address=said[1], database=database, ids=ids)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
        process.stdout.close()
        process.stderr.close()


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    """A browser for each test: Playwright's loop would be in the way of tests that have one of their own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", f"--disable-features={','.join(FEATURES_OFF)}"]
        )
        made = browser.new_context(viewport={"width": 1280, "height": 900})
        made.set_default_timeout(60_000)
        yield made
        browser.close()


def wait_for(address: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the dashboard did not start")


def test_a_browser_shows_hostile_words_as_words_and_frames_nothing(house: House, context: BrowserContext) -> None:
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{house.address}/chain?chain={house.ids['better']}")
    page.get_by_text("won the round").wait_for()
    assert page.get_by_text(HOSTILE, exact=False).count() >= 2
    assert page.evaluate("window.pwned") is None
    assert page.locator("iframe").count() == 0
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    page.get_by_text("Rounds", exact=True).click()
    page.get_by_text("2 rankings").wait_for()
    assert "view=Rounds" in page.url
    assert page.evaluate("window.pwned") is None
    ours = (house.address, house.address.replace("http", "ws"), "data:")
    assert [url for url in asked if not url.startswith(ours)] == []


def test_pages_need_nothing_that_their_policy_forbids_and_it_forbids_what_is_elsewhere(
    house: House, context: BrowserContext
) -> None:
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    views = [f"chain?chain={house.ids['chain']}&view={view}" for view in ("Rounds", "Family", "Lines", "Compare")]
    for path in ("", *(name for name in TITLES if name not in ("overview", "chain")), *views):
        page.goto(f"{house.address}/{path}")
        page.get_by_test_id("stHeading").first.wait_for()
        page.wait_for_timeout(700)  # charts and tables come by and by
        if "Rounds" in path or not path:
            page.locator("[data-testid=stVegaLiteChart] :is(canvas, svg)").first.wait_for()
    assert not refused, "\n".join(refused)
    for tag, place in (("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src")):
        by = page.evaluate(ADD, [tag, place])
        assert by, tag
    assert len(refused) >= 4


ADD = """([tag, place]) => new Promise(done => {
  addEventListener("securitypolicyviolation", it => done(it.effectiveDirective), {once: true});
  const made = document.createElement(tag);
  if (tag === "link") made.rel = "stylesheet";
  made[place] = "http://elsewhere.invalid/it";
  made.onload = made.onerror = () => setTimeout(() => done(""), 1000);
  document.body.append(made);
})"""


def test_pages_of_many_chains_fit_a_phone_and_lead_to_one_another(house: House, context: BrowserContext) -> None:
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": 390, "height": 844})
    for path, words in (
        ("waste?project=clocks", "Where it went"),
        ("chains?several=true", "Tick the chains to act on"),
        ("models", "By prompt template"),
        ("data?project=clocks", "What an export would hold"),
        ("", "What waits for people"),
    ):
        page.goto(f"{house.address}/{path}")
        page.get_by_text(words).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.get_by_text("What is there to train on?").click()
    page.get_by_text("Choose a project").wait_for()
    assert page.url.startswith(f"{house.address}/data")
    assert page.evaluate("window.pwned") is None
    ours = (house.address, house.address.replace("http", "ws"), "data:")
    assert [url for url in asked if not url.startswith(ours)] == []


def test_pictures_have_pins_that_say_what_was_said_and_a_slider_that_keys_move(
    house: House, context: BrowserContext
) -> None:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{house.address}/chain?chain={house.ids['chain']}&view=Rounds")
    page.get_by_role("button", name="Critique 1:").click()
    page.get_by_role("status").get_by_text(f"1 · L1: {HOSTILE}").wait_for()
    assert page.evaluate("window.pwned") is None
    assert page.locator("figure polyline").count() == 1
    page.goto(f"{house.address}/chain?chain={house.ids['chain']}&view=Compare&before=draft%202&after=draft%201")
    slider = page.get_by_role("slider", name=re.compile("draft 2"))
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "51 % draft 2, 49 % draft 1"
    page.keyboard.press("End")
    at = page.locator(".stage").evaluate("it => getComputedStyle(it).getPropertyValue('--at')")
    assert at == "100%"
    widths = page.locator(".stage img").evaluate_all("all => all.map(it => it.naturalWidth)")
    assert widths == [1280, 1280]
    assert errors == []


def test_a_live_candidate_works_in_its_frame_and_gets_nowhere(house: House, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{house.address}/chain?chain={house.ids['chain']}&view=Rounds")
    asked: list[str] = []
    with context.expect_page() as opened:
        page.get_by_role("link", name="Open live").first.click()
    live = opened.value
    live.on("response", lambda answer: asked.append(answer.url))
    frame = framed(live)
    frame.get_by_text('"origin"').wait_for()
    tried = json.loads(frame.locator("#said").inner_text())
    assert tried.pop("origin") == "null"
    assert set(tried.values()) - {"sent"} == {"refused"}, tried
    assert live.url.startswith(f"{house.address}/live/")
    assert len(context.pages) == 2
    live.locator("refine-frame").click()
    frame.get_by_role("button", name="Go").click()
    frame.get_by_role("button", name="pressed").wait_for()
    assert [url for url in asked if "_stcore" in url or "favicon" in url] == []
    with context.expect_page() as another:
        page.get_by_role("link", name="Open live").last.click()
    framed(another.value).get_by_role("button", name="Go").wait_for()
    live.get_by_text("Put away").wait_for()
    assert live.locator("refine-frame").count() == 0
    assert page.locator("iframe").count() == 0


def framed(page: Page) -> Frame:
    """It stands in a closed shadow tree, where a locator of the page does not look."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for frame in page.frames:
            if ".localhost:" in frame.url:
                return frame
        page.wait_for_timeout(50)
    raise AssertionError("no frame was made")


def test_an_action_asks_first_and_then_shows_what_came_of_it(house: House, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{house.address}/chain?chain={house.ids['chain']}")
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("No new step and no new assignment").wait_for()
    assert not house.database.read(load_chain, house.ids["chain"]).record.is_paused
    page.get_by_role("button", name="Pause it").click()
    page.get_by_text("The chain is paused.").wait_for()
    assert house.database.read(load_chain, house.ids["chain"]).record.is_paused
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download it").click()
    (line,) = Path(taken.value.path()).read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["chain_id"] == house.ids["chain"]


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
