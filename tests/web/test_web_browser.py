"""Labelers at work in a real browser: by keyboard alone, by touch on a phone, with pins, sketches and edits."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Error, Frame, Page, async_playwright

from refine.render import find_chromium
from refine.render.chromium import FEATURES_OFF
from refine.web.views import LANGUAGE_COOKIE
from tests.conftest import IS_FULL
from tests.web.house import House, Labeler, free_listener, listening, open_house

CHROMIUM = find_chromium()
ROOT = Path(__file__).parents[2]
AXE = sorted((ROOT / "refine" / "render" / "vendored" / "axe-core").glob("**/axe.min.js"))
MODULE = pytest.mark.asyncio(loop_scope="module")
pytestmark = MODULE
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
NUMBERS = itertools.count(1)
WIDE = {"viewport": {"width": 1280, "height": 800}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", f"--disable-features={','.join(FEATURES_OFF)}"]
        )
        yield opened
        await opened.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One for all tests here."""
    listener = free_listener()
    path, port = tmp_path_factory.mktemp("house") / "refine.db", listener.getsockname()[1]
    async with open_house(path, port=port, prompts=0, is_limited=False) as opened, listening(opened, listener):
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def house(server: House) -> House:
    """A project of the test's own, whose labelers see no other."""
    return await server.room(f"p{next(NUMBERS)}", rounds=2, criteria=("appeal",))


@asynccontextmanager
async def at_home(browser: Browser, house: House, name: str, **options: Any) -> AsyncIterator[Page]:
    """Somebody who followed their link; no error may appear in the page."""
    context: BrowserContext = await browser.new_context(**(options or WIDE))
    page = await context.new_page()
    errors: list[str] = []
    ours = (
        house.sites.host + "/static/",
        house.sites.host + "/delivery/host",
    )  # candidates may have errors of their own
    page.on(
        "pageerror", lambda error: errors.append(str(error)) if any(it in (error.stack or "") for it in ours) else None
    )
    page.set_default_timeout(30_000)
    await page.goto(house.sites.host + "/enter")  # a link may be opened where the page is open already
    await page.goto(house.link(name))
    await page.wait_for_url(house.sites.host + "/")
    yield page
    for _ in range(5):  # a page that still runs would keep Chromium from closing its context
        try:
            await page.goto("about:blank")
            break
        except Error:  # it was on its way somewhere
            await asyncio.sleep(0.5)
    await context.close()
    assert errors == []


async def until(page: Page, expression: str, arg: Any = None, *, timeout: float = 30_000) -> None:
    """Playwright's own waiting evaluates text within the page, which the page's policy refuses."""
    end = asyncio.get_running_loop().time() + timeout / 1000
    while not await page.evaluate(expression, arg):
        assert asyncio.get_running_loop().time() < end, f"never: {expression}"
        await asyncio.sleep(0.05)


async def start(page: Page) -> str:
    """The id of the assignment that is open now."""
    await page.locator("form[action='/next'] button").click()
    await page.wait_for_url("**/assignment/*")
    await page.locator("#place button").first.wait_for()
    return page.url.rsplit("/", 1)[1]


async def saved(page: Page) -> None:
    """The server has the draft."""
    await page.wait_for_timeout(750)
    await until(page, "document.getElementById('saved').dataset.state === 'saved'")


async def shown(page: Page, count: int) -> None:
    await until(
        page,
        "count => [...document.querySelectorAll('refine-frame')].filter((it) => it.state === 'ready').length >= count",
        arg=count,
    )


async def wrong_with(page: Page) -> dict[str, str]:
    """Letter -> what is wrong with the page, read from what the browser may read."""
    data = await page.evaluate("Refine.data")
    client: Any = page.request

    class Reader:
        async def get(self, path: str) -> Any:
            answer = await client.get(page.url.partition("/assignment/")[0] + path)
            body = await answer.json()

            class Body:
                @staticmethod
                def json() -> Any:
                    return body

            return Body

    return await Labeler(None, Reader()).true_critiques(data)  # type: ignore[arg-type]


async def test_a_whole_assignment_by_keyboard_alone_and_the_next_round_asks_whether_it_is_fixed(
    browser: Browser, house: House
) -> None:
    async with at_home(browser, house, "ann") as page:
        await page.keyboard.press("Tab")
        for _ in range(12):
            if await page.evaluate("document.activeElement.closest('form')?.getAttribute('action') === '/next'"):
                break
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/assignment/*")
        await shown(page, 3)
        wrong = await wrong_with(page)
        best = next(iter(wrong))
        others = [letter for letter in "ABC" if letter != best]
        press = page.keyboard.press
        for letter in "ABC":  # try each, and come back by the chord
            await press(letter.lower())
            await press("t")
            await until(page, "document.getElementById('keyboard').classList.contains('theirs')")
            await page.locator(".cell.current .said:not(.untried)").wait_for()
            await press("Alt+Shift+KeyX")
            await until(page, "!document.getElementById('keyboard').classList.contains('theirs')")
        await press(best.lower())
        await press("1")
        await press(others[0].lower())
        await press("1")  # alike
        await press("ArrowDown")
        await press(others[1].lower())
        await press("3")
        await press("u")
        await press("2")  # a tie with the other
        for letter, text in wrong.items():
            await press(letter.lower())
            await press("w")
            await page.keyboard.type(text)
            await press("Escape")
        await press("k")
        await page.keyboard.type("The title is clear.")
        await press("Control+Enter")
        await page.wait_for_url(lambda url: "/assignment/" not in url or house.rankings() != [])
        (ranking,) = house.rankings()
        assert [len(group) for group in ranking.groups] == [1, 2]
        await house.wait_for_round(2)
        await page.goto(house.sites.host + "/")
        await start(page)
        await shown(page, 2)
        letters = await page.evaluate("Refine.data.frames.map((each) => each.label)")
        for n, letter in enumerate(letters):
            await press(letter.lower())
            await press(str(n + 1))
        assert await page.locator("dialog").count() == 0
        await press("Control+Enter")
        await page.get_by_role("button", name="Hand in all the same").press("Enter")  # none was tried
        await page.locator("dialog legend").first.wait_for()
        assert wrong[best] in await page.locator("dialog").inner_text()
        await page.locator("dialog input[value='fixed']").first.focus()
        await press("Space")
        await page.locator("dialog button[value='go']").press("Enter")
        for _ in range(200):
            if len(house.rankings()) == 2:
                break
            await asyncio.sleep(0.05)
        assert len(house.rankings()) == 2


async def test_a_whole_assignment_by_touch_on_a_phone(browser: Browser, house: House) -> None:
    house.add_pictures()
    async with at_home(browser, house, "ann", **PHONE) as page:
        await page.locator("form[action='/next'] button").tap()
        await page.wait_for_url("**/assignment/*")
        await shown(page, 1)
        assert await page.locator("refine-frame").count() == 1
        assert await page.locator(".paused").count() == 2
        await until(
            page, "[...document.querySelectorAll('#tabs img')].filter((it) => it.naturalWidth === 39).length === 3"
        )
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for letter, rank in (("A", 2), ("B", 1), ("C", 1)):
            await page.locator(f"#tabs button:nth-child({ord(letter) - 64})").tap()
            await shown(page, 1)
            assert await page.locator("refine-frame").get_attribute("label") == letter
            box = await page.locator("refine-frame").bounding_box()
            assert box is not None
            await page.touchscreen.tap(box["x"] + 60, box["y"] + 80)
            await page.locator("#keyboard.theirs").wait_for()
            await page.locator(".cell.current .said:not(.untried)").wait_for()
            await page.touchscreen.tap(box["x"] + 60, box["y"] + 80)  # the first one was for it to be in use
            await page.wait_for_timeout(50)
            await page.locator("#keyboard button").tap()
            await page.locator("#place button", has_text=str(rank)).tap()
        await page.evaluate("document.querySelector('[data-shelf=\"1\"]').scrollIntoView({ block: 'center' })")
        await page.wait_for_timeout(200)
        await drag_by_touch(page, "[data-chip='C']", "[data-shelf='2']")
        assert await page.locator("[data-shelf='2'] [data-chip='C']").count() == 1
        await page.locator("#hand-in").tap()
        await page.wait_for_url(house.sites.host + "/")
        (ranking,) = house.rankings()
        assert [len(group) for group in ranking.groups] == [1, 1, 1]
        (tried, device) = house.tried()
        assert (device, {seconds >= 2 for seconds, _ in tried.values()}) == ("phone", {True})
        assert all(inputs >= 1 for _, inputs in tried.values()), tried


async def drag_by_touch(page: Page, start: str, end: str) -> None:
    session = await page.context.new_cdp_session(page)
    boxes = [await page.locator(each).bounding_box() for each in (start, end)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    (x, y), (to_x, to_y) = [(each["x"] + 20, each["y"] + each["height"] / 2) for each in boxes if each is not None]
    send = session.send
    await send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for part in (0.3, 0.6, 1.0):
        point = {"x": x + (to_x - x) * part, "y": y + (to_y - y) * part}
        await send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        await page.wait_for_timeout(60)
    await send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await page.wait_for_timeout(500)  # after a quick drag Chromium takes the next tap for the end of a fling


async def test_a_pin_a_sketch_and_an_edit_arrive_as_they_were_made(browser: Browser, house: House) -> None:
    async with at_home(browser, house, "ann") as page:
        await start(page)
        await shown(page, 3)
        await page.keyboard.press("b")
        await page.locator("[data-tool='pin']").click()
        overlay = await page.locator(".overlay").bounding_box()
        assert overlay is not None
        x, y = overlay["x"] + 150, overlay["y"] + 40
        await page.mouse.click(x, y)
        await page.locator(".note textarea").fill("This title should be larger.")
        await page.locator("[data-tool='sketch']").click()
        await page.mouse.move(x, y)
        await page.mouse.down()
        await page.mouse.move(x + 60, y + 40, steps=5)
        await page.mouse.up()
        await page.locator(".overlay .primary").click()
        await page.locator(".note textarea").nth(1).fill("Move it over here.")
        await page.keyboard.press("Escape")
        await page.keyboard.press("m")  # by keyboard: the cross starts in the middle
        for key in ("ArrowUp", "ArrowLeft", "Enter"):
            await page.keyboard.press(key)
        await page.locator(".note .new").fill("Another text")
        for letter, rank in (("a", "1"), ("b", "2"), ("c", "3")):
            await page.keyboard.press("Escape")
            await page.keyboard.press(letter)
            await page.keyboard.press(rank)
        await saved(page)
        await page.reload()
        await page.locator("#place button").first.wait_for()
        await page.keyboard.press("b")
        assert await page.locator(".note").count() == 3  # the draft has them
        await page.keyboard.press("Control+Enter")
        await page.get_by_role("button", name="Hand in all the same").click()
        await page.wait_for_url(lambda url: house.rankings() != [])
    from refine.api.reading import read_chain

    chain = read_chain(house.database, house.chains[0])
    anchors = {
        each.anchor["kind"]: each.anchor
        for round in chain.rounds
        for ranking in round.rankings
        for each in ranking.critiques
        if each.anchor is not None
    }
    assert set(anchors) == {"element", "sketch", "edit"}
    assert anchors["element"]["selector"]
    assert anchors["element"]["state"]["viewport"] == anchors["element"]["viewport"]
    assert len(anchors["sketch"]["strokes"][0]) >= 3
    assert (anchors["edit"]["property"], anchors["edit"]["new"]) == ("text", "Another text")


LIVELY = """<!doctype html><html lang="en"><title>Lively</title><style>body{margin:0;height:3000px}</style>
<button id="open" onclick="box.showModal()">Open</button> <input id="name"> <input type="password" id="secret">
<select id="pick"><option>one<option>two</select><canvas id="art" width="40" height="40"></canvas>
<button id="beep" onclick="beep()">Beep</button><p id="far" style="margin-top:900px">Far down</p>
<dialog id="box"><p>Inside</p></dialog>
<script>
const ink = art.getContext("2d"); ink.fillStyle = "#c00"; ink.fillRect(0, 0, 40, 40);
let sound;
function beep() {
  sound = new AudioContext();
  const tone = new OscillatorNode(sound);
  tone.connect(sound.destination);
  tone.start();
}
</script>"""


BROKEN = (
    "<p>Other<script>for (const it of [Document, Element]) it.prototype.querySelectorAll = () => { throw 1; };</script>"
)


async def test_a_pin_keeps_the_page_as_it_stood(browser: Browser, server: House) -> None:
    room = await server.room(f"p{next(NUMBERS)}", pages=[LIVELY, BROKEN], kind="rank", candidates=2)
    async with at_home(browser, room, "ann") as page:
        await start(page)
        await shown(page, 2)
        letters = await page.evaluate("Refine.data.frames.map((each) => each.label)")
        inner = {await frame.title(): frame for frame in page.frames[1:]}["Lively"]
        handle = await inner.frame_element()
        letter = await handle.evaluate("it => it.title.slice(-1)")
        await page.keyboard.press(letter.lower())
        await page.keyboard.press("t")
        await page.locator("#keyboard.theirs").wait_for()
        await inner.locator("#name").click()
        await page.keyboard.type("Ada & <b>")
        await inner.locator("#secret").click()
        await page.keyboard.type("hunter2")
        await inner.locator("#pick").select_option("two")
        sound = page.locator(f"#cell-{letter} .tools button").first
        assert not await sound.is_visible()
        await inner.locator("#beep").click()
        await sound.wait_for()
        assert await inner.evaluate("sound.destination.gain.value") == 0
        await sound.click()
        await until_in(inner, "sound.destination.gain.value === 1")
        await page.keyboard.press("t")
        await page.locator("#keyboard.theirs").wait_for()
        await inner.locator("#open").click()
        await inner.evaluate("scrollTo(0, 300); location.hash = 'there'")
        await page.keyboard.press("Alt+Shift+KeyX")
        await page.keyboard.press("n")
        for key in ("ArrowUp", "Enter"):
            await page.keyboard.press(key)
        await page.locator(".note textarea").fill("This box hides everything.")
        await page.keyboard.press("Escape")
        await page.keyboard.press(next(each for each in letters if each != letter).lower())
        await page.keyboard.press("n")
        await page.keyboard.press("Enter")
        await page.locator(".note textarea").fill("This one does not say how it stands.")
        await page.keyboard.press("Escape")
        for n, each in enumerate(letters):
            await page.keyboard.press(each.lower())
            await page.keyboard.press(str(n + 1))
        await page.keyboard.press("Control+Enter")
        await page.get_by_role("button", name="Hand in all the same").click()
        await page.wait_for_url(lambda url: room.rankings() != [])
    ((anchor, html),) = room.pinned()  # and the other note is there without
    assert room.critiques() == ["This box hides everything.", "This one does not say how it stands."]
    state, trail = anchor["state"], anchor["trail"]
    assert (state["scroll"], state["hash"], state["open"]) == ([0, 300], "#there", ["#box"])
    assert [step["on"] for step in trail if step["what"] == "click"] == ["#name", "#secret", "#beep", "#open"]
    assert [step for step in trail if "key" in step and step.get("on") == "#name"] == []  # not even where words end
    assert {"what": "input", "on": "#name"}.items() <= next(it for it in trail if it["what"] == "input").items()
    assert 'value="Ada &amp; <b>"' in html or 'value="Ada &amp; &lt;b&gt;"' in html
    assert "data-refine-modal" in html and 'data-refine-scroll="0 300"' in html and "data:image/webp" in html
    assert re.search(r"<option selected(=\"\")?>two", html)
    assert [it for it in ("<script", "onclick", "hunter2", "beep()") if it in html] == []


async def until_in(frame: Frame, expression: str) -> None:
    end = asyncio.get_running_loop().time() + 20
    while not await frame.evaluate(expression):
        assert asyncio.get_running_loop().time() < end, f"never: {expression}"
        await asyncio.sleep(0.05)


async def test_dragging_a_letter_between_lines_gives_it_a_line_of_its_own(browser: Browser, house: House) -> None:
    async with at_home(browser, house, "ann") as page:
        await start(page)
        for letter, rank in (("a", "1"), ("b", "2")):
            await page.keyboard.press(letter)
            await page.keyboard.press(rank)
        await page.locator("[data-chip='C']").hover()
        await page.mouse.down()
        gap = await page.locator("[data-gap='1']").bounding_box()
        assert gap is not None
        await page.mouse.move(gap["x"] + 60, gap["y"] + 3, steps=6)
        await page.mouse.up()
        rows = await page.locator("[data-shelf]").evaluate_all(
            "rows => rows.map((row) => row.querySelector('.chip')?.textContent)"
        )
        assert rows == ["A", "C", "B"]
        await page.wait_for_timeout(500)  # the click that ends a drag is not one on what lies under it
        await page.locator("#undo").click()
        await page.locator(".pool .chip").first.wait_for()
        assert await page.locator(".pool .chip").all_inner_texts() == ["C"]


async def test_a_page_in_use_cannot_keep_the_keyboard_nor_rank(browser: Browser, house: House) -> None:
    async with at_home(browser, house, "ann") as page:
        await start(page)
        await shown(page, 3)
        await page.keyboard.press("t")
        await page.locator("#keyboard.theirs").wait_for()
        for key in ("1", "b", "2", "x"):
            await page.keyboard.press(key)  # the page's own
        await page.keyboard.press("Alt+Shift+KeyX")
        await page.locator("#keyboard:not(.theirs)").wait_for()
        assert await page.locator(".pool .chip").count() == 3
        await page.keyboard.press("1")
        assert await page.locator(".pool .chip").count() == 2


async def test_without_a_connection_nothing_is_lost_and_it_says_so(browser: Browser, house: House) -> None:
    async with at_home(browser, house, "ann") as page:
        assignment = await start(page)
        await page.context.set_offline(True)
        await page.keyboard.press("1")
        await page.keyboard.press("w")
        await page.keyboard.type("Written under ground.")
        await page.locator("#saved[data-state='offline']").wait_for()
        kept = await page.evaluate("name => localStorage.getItem(name)", f"refine:draft:{assignment}")
        assert "Written under ground." in kept
        await page.context.set_offline(False)
        await page.locator("#saved[data-state='saved']").wait_for()
        cookies = "; ".join(f"{each['name']}={each['value']}" for each in await page.context.cookies())
        async with house.visitor(Cookie=cookies) as client:
            assert "Written under ground." in (await client.get(f"/assignment/{assignment}")).text


async def test_handing_in_while_the_connection_breaks_is_done_once_it_is_back(browser: Browser, house: House) -> None:
    async with at_home(browser, house, "ann") as page:
        await start(page)
        for letter, rank in (("a", "1"), ("b", "2"), ("c", "3")):
            await page.keyboard.press(letter)
            await page.keyboard.press(rank)
        await page.context.set_offline(True)
        await page.keyboard.press("Control+Enter")
        await page.get_by_role("button", name="Hand in all the same").click()
        await page.locator("#banners .notice").wait_for()
        await page.context.set_offline(False)
        await page.wait_for_url(house.sites.host + "/")
        assert len(house.rankings()) == 1


async def test_the_first_page_of_work_is_light(browser: Browser, house: House) -> None:
    async with at_home(browser, house, "ann", **PHONE) as page:
        session = await page.context.new_cdp_session(page)
        await session.send("Network.enable")
        await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        urls: dict[str, str] = {}
        sizes: dict[str, float] = {}
        session.on(
            "Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]})
        )
        session.on(
            "Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]})
        )
        await start(page)
        await shown(page, 1)
        ours = {
            url: sizes.get(key, 0)
            for key, url in urls.items()
            if url.startswith(house.sites.host) and not re.search(r"/delivery/(page|library)", url)
        }
        assert len(ours) >= 5
        assert sum(ours.values()) < 60_000, ours


# --- Everybody ----------------------------------------------------------------------------------------------------


async def pages_of(page: Page, house: House) -> AsyncIterator[str]:
    """Every kind of page, opened one after the other, with what can be opened on it."""
    await page.goto(house.sites.host + "/")
    yield "home"
    await page.locator(".menu summary").click()
    yield "menu"
    await page.goto(house.sites.host + "/statement")
    yield "statement"
    await page.goto(house.sites.host + "/nothing")
    yield "message"
    await page.goto(house.sites.host + "/enter")
    yield "enter"
    await page.goto(house.sites.host + "/tutorial/2")
    await page.locator("#place button").first.wait_for()
    yield "tutorial"
    await page.goto(house.sites.host + "/")
    await start(page)
    for key in ("a", "1", "b", "1"):
        await page.keyboard.press(key)
    await page.keyboard.press("w")
    await page.keyboard.type("bad")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Escape")
    await page.keyboard.press("c")
    await page.keyboard.press("x")
    await page.keyboard.press("Escape")
    yield "work"
    await page.locator(".prompt summary").click()
    yield "prompt"
    await page.keyboard.press("Escape")
    await page.locator("#help").click()
    yield "help"
    await page.keyboard.press("Escape")
    await page.locator("#skip").click()
    yield "skip"
    await page.keyboard.press("Escape")
    await page.locator("#hand-in").click()
    yield "untried"
    await page.locator("dialog button[value='anyway']").click()
    await page.wait_for_url(house.sites.host + "/")
    work = await page.goto(house.sites.host + "/statement")
    assert work is not None
    yield "statement with work"
    await page.locator("[data-stand]").first.click()
    await page.locator("#stand-reason").fill("bad")
    yield "stand"
    await page.locator("dialog button[value='stand']").click()
    await page.locator("td.acts small").wait_for()
    yield "stood by"
    await page.locator("td a").first.click()
    await page.locator(".given").wait_for()
    yield "done"


async def test_axe_finds_nothing_on_any_page_light_or_dark(browser: Browser, house: House) -> None:
    async with at_home(browser, house, "ann", bypass_csp=True, reduced_motion="reduce", **WIDE) as page:
        found: dict[str, list[str]] = {}
        async for name in pages_of(page, house):
            await page.evaluate(AXE[0].read_text(encoding="utf-8"))
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                rules = "" if scheme == "light" else ", runOnly: ['color-contrast']"  # what a scheme can change
                result = await page.evaluate(
                    "axe.run({exclude: [['refine-frame']]}, {iframes: false, resultTypes: ['violations']" + rules + "})"
                )
                lines = [
                    f"{each['id']}: {node['html'][:160]}" for each in result["violations"] for node in each["nodes"]
                ]
                if lines:
                    found[f"{name}, {scheme}"] = lines
        assert found == {}


TEXTS = """() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (parent.closest('script, style, noscript, kbd, option[lang], code')) continue;
    if (parent.closest('.line, .prompt .pre, h3, .lead.pre, .cards .pre, td:nth-child(2), dd')) continue;
    found.push(walk.currentNode.textContent);
  }
  for (const each of document.querySelectorAll('[aria-label], [title], [placeholder]')) {
    for (const name of ['aria-label', 'title', 'placeholder']) found.push(each.getAttribute(name) ?? '');
  }
  found.push(document.title.replace(' · Refine', ''));
  return found;
}"""
OWN = {"Refine", "Alt", "Shift", "Ctrl", "Enter", "Esc", "ann", "appeal", "bad"}


async def test_no_text_is_written_into_the_code_and_right_to_left_fits(browser: Browser, house: House) -> None:
    async with at_home(browser, house, "ann", **PHONE) as page:
        await page.context.add_cookies([{"name": LANGUAGE_COOKIE, "value": "ar-XB", "url": house.sites.host}])
        plain: dict[str, set[str]] = {}
        async for name in pages_of(page, house):
            words = {word for text in await page.evaluate(TEXTS) for word in re.findall(r"[A-Za-z]{2,}", text)}
            if name == "work":
                words |= {word for text in await texts_of_frames(page) for word in re.findall(r"[A-Za-z]{2,}", text)}
            if words - OWN:
                plain[name] = words - OWN
            assert await page.evaluate("document.documentElement.dir") == "rtl"
            for direction in ("rtl", "ltr"):
                await page.evaluate("to => (document.documentElement.dir = to)", direction)
                wide = await page.evaluate("Math.max(document.documentElement.scrollWidth, innerWidth)")
                assert wide <= 390, (name, direction)  # a phone widens its window to what sticks out
            await page.evaluate("document.documentElement.dir = 'rtl'")
        assert plain == {}


async def texts_of_frames(page: Page) -> list[str]:
    """What the page's own code says in its frames: their shadow trees are closed to scripts."""
    session = await page.context.new_cdp_session(page)
    found: list[str] = []

    def walk(node: dict[str, Any]) -> None:
        attributes = node.get("attributes", [])
        named = dict(zip(attributes[::2], attributes[1::2], strict=True))
        found.extend(named[name] for name in ("aria-label", "title") if name in named)
        if node["nodeType"] == 3:
            found.append(node["nodeValue"])
        for child in node.get("children", []):
            walk(child)

    def find(node: dict[str, Any]) -> None:
        if node["localName"] == "refine-frame":
            for root in node["shadowRoots"]:
                walk(root)
        for child in node.get("children", []):
            find(child)

    find((await session.send("DOM.getDocument", {"depth": -1, "pierce": True}))["root"])
    assert len(found) >= 4
    return found


@pytest.mark.parametrize("locale", ["vi", "zh-Hans", "es"])
async def test_the_same_answer_in_another_language_is_the_same_row(browser: Browser, house: House, locale: str) -> None:
    async with at_home(browser, house, "ann", locale=locale, **WIDE) as page:
        await start(page)
        assert await page.evaluate("document.documentElement.lang") == locale
        for key in ("a", "1", "b", "2", "c", "2"):
            await page.keyboard.press(key)
        await page.locator("#hand-in").click()
        await page.locator("dialog button[value='anyway']").click()
        await page.wait_for_url(house.sites.host + "/")
        (ranking,) = house.rankings()
        assert ([len(group) for group in ranking.groups], ranking.unjudgeable) == ([1, 2], [])


@pytest.mark.full
@pytest.mark.skipif(not IS_FULL, reason="long")
async def test_forty_assignments_in_a_row_leave_no_heap_behind(browser: Browser, tmp_path: Path) -> None:
    listener = free_listener()
    path, port = tmp_path / "refine.db", listener.getsockname()[1]
    async with (
        open_house(path, port=port, rounds=40, plateau_rounds=40, kind="refine", is_limited=False) as house,
        listening(house, listener),
        at_home(browser, house, "ann", **PHONE) as page,
    ):
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable")
        heaps = []
        for _ in range(40):
            if "/assignment/" not in page.url:
                await page.goto(house.sites.host + "/")
                if (
                    house.database.read(lambda connection: None)
                    or not await page.locator("form[action='/next']").count()
                ):
                    break
                await start(page)
            wrong = await wrong_with(page)
            letters = await page.evaluate("Refine.data.frames.map((each) => each.label)")
            first = next(iter(wrong), letters[0])
            for n, letter in enumerate([first, *(each for each in letters if each != first)]):
                await page.keyboard.press(letter.lower())
                await page.keyboard.press(str(n + 1))
            before = len(house.rankings())
            await page.locator("#hand-in").click()
            await page.locator("dialog button").first.click()
            for _ in range(400):
                if len(house.rankings()) > before:
                    break
                if await page.locator("dialog button[value='go']").count():
                    await page.locator("dialog button[value='go']").click()
                await asyncio.sleep(0.05)
            await session.send("HeapProfiler.collectGarbage")
            values = await session.send("Performance.getMetrics")
            heaps.append(next(each["value"] for each in values["metrics"] if each["name"] == "JSHeapUsedSize"))
        assert max(heaps[-5:]) < 2 * max(heaps[:5])
