"""Real pages keep working in a frame: what models write, not what attackers do."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import Frame

from refine.types import CodeFile, Files
from tests.delivery.stage import Shown, Stage

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage().open() as opened:
        yield opened


async def frame_of(stage: Stage, shown: Shown) -> Frame:
    """The frame of the page under test, once its page is in it."""
    url = stage.houses[False].sites.frame_url(shown.hostile)
    for _ in range(200):
        for frame in shown.page.frames:
            if frame.url.partition("#")[0] == url and await frame.evaluate(
                "document.readyState === 'complete' && (document.body.childElementCount > 0 || document.title !== 'Page')"
            ):
                return frame
        await asyncio.sleep(0.1)
    raise AssertionError("the page did not come")


async def until(frame: Frame, expression: str, seconds: float = 20) -> Any:
    """What the expression gives, once that is something."""
    for _ in range(int(seconds * 10)):
        value = await frame.evaluate(expression)
        if value:
            return value
        await asyncio.sleep(0.1)
    raise AssertionError(f"{expression} stayed {value!r}")


async def state_of(shown: Shown) -> str:
    return str(await shown.page.evaluate("document.querySelectorAll('refine-frame')[1]?.state ?? ''"))


async def until_state(shown: Shown, wanted: str, seconds: float = 20) -> None:
    for _ in range(int(seconds * 5)):
        if await state_of(shown) == wanted:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"the frame is {await state_of(shown)!r}, not {wanted!r}")


ORDER = """<!DOCTYPE html><html lang="de"><head><title>Order</title><script>window.log=[document.readyState, document.compatMode];
document.addEventListener('DOMContentLoaded',()=>log.push('content '+document.readyState));
window.addEventListener('load',()=>log.push('load '+document.readyState));window.onerror=(m)=>log.push(m)</script>
<script defer src="data:text/javascript,log.push('deferred')"></script><script type=module>log.push('module')</script></head>
<body onload="log.push('onload')"><p id=first>x</p><script>log.push(document.currentScript.previousElementSibling.id)</script>"""


def test_a_page_is_read_in_the_order_it_would_be_anywhere(stage: Stage) -> None:
    async def see() -> None:
        async with stage.shown(ORDER, name="order") as shown:
            frame = await frame_of(stage, shown)
            log = await until(frame, "log.includes('onload') && log")
            assert log[:3] == ["loading", "CSS1Compat", "first"]
            assert log[3:5] == ["deferred", "module"]
            assert [line.split()[0] for line in log[5:7]] == ["content", "load"]
            assert await frame.evaluate("document.documentElement.lang") == "de"

    stage.run(see())


KEPT = """<body><script>
window.visits = Number(localStorage.getItem('visits') || 0) + 1; localStorage.setItem('visits', visits);
localStorage.theme = 'dark'; sessionStorage.setItem('tab', '1'); document.cookie = 'a=1; path=/'; document.cookie = 'b=2; max-age=60';
document.cookie = 'a=; max-age=0';
window.seen = [Object.keys(localStorage).sort().join(), localStorage.length, localStorage.getItem('none'), 'theme' in localStorage,
  document.cookie, sessionStorage.tab, localStorage.key(0), JSON.stringify(localStorage)];
try { localStorage.setItem('big', 'x'.repeat(6e6)) } catch (e) { window.full = e.name }
</script><p>kept</p>"""


def test_storage_and_cookies_work_and_outlast_a_reload(stage: Stage) -> None:
    async def see() -> None:
        async with stage.shown(KEPT, name="kept") as shown:
            frame = await frame_of(stage, shown)
            seen = await frame.evaluate("seen")
            assert seen[:7] == ["theme,visits", 2, None, True, "b=2", "1", "visits"]
            assert seen[7] == '{"visits":"1","theme":"dark"}'
            assert await frame.evaluate("full") == "QuotaExceededError"
            await frame.evaluate("location.reload()")
            await asyncio.sleep(0.5)
            frame = await frame_of(stage, shown)
            assert await until(frame, "window.visits") == 2
            assert await frame.evaluate("[document.cookie, localStorage.theme, window.name]") == ["b=2", "dark", ""]

    stage.run(see())


APP = """<body><form id=f><input id=i name=q value=hello><button>Go</button></form><a id=route href="#/about">About</a>
<a id=away href="https://example.com/">Away</a><button id=ask>Ask</button><canvas id=c width=40 height=40></canvas><script>
window.got = [];
f.onsubmit = (event) => { event.preventDefault(); got.push('submit ' + new FormData(f).get('q')) };
addEventListener('hashchange', () => got.push('route ' + location.hash));
ask.onclick = () => { alert('hello'); got.push('asked ' + confirm('sure?') + ' ' + prompt('name', 'ann')) };
history.pushState({ page: 1 }, '', '/somewhere'); got.push('state ' + history.state.page);
const two = c.getContext('2d'); two.fillStyle = '#f00'; two.fillRect(0, 0, 40, 40); got.push('canvas ' + two.getImageData(1, 1, 1, 1).data[0]);
got.push('url ' + c.toDataURL().startsWith('data:image/png'));
const gl = document.createElement('canvas').getContext('webgl'); gl.clearColor(0, 1, 0, 1); gl.clear(gl.COLOR_BUFFER_BIT);
const pixel = new Uint8Array(4); gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel); got.push('webgl ' + pixel[1]);
got.push('eval ' + eval('6*7') + ' ' + new Function('return 7')());
const bytes = new Uint8Array([0,97,115,109,1,0,0,0,1,7,1,96,2,127,127,1,127,3,2,1,0,7,7,1,3,97,100,100,0,0,10,9,1,7,0,32,0,32,1,106,11]);
WebAssembly.instantiate(bytes).then(({ instance }) => got.push('wasm ' + instance.exports.add(2, 3)));
fetch('data:application/json,{"a":1}').then((r) => r.json()).then((j) => got.push('fetch ' + j.a));
navigator.serviceWorker.register('sw.js').catch((e) => got.push('worker ' + e.name));
const image = new Image(); image.onload = () => got.push('image ' + image.width);
image.src = 'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>';
document.fonts.ready.then(() => got.push('fonts'));
window.postMessage('mine', '*'); addEventListener('message', (event) => got.push('message ' + event.data));
</script>"""


def test_an_applications_means_work(stage: Stage) -> None:
    async def see() -> None:
        async with stage.shown(APP, name="app") as shown:
            frame = await frame_of(stage, shown)
            await until(frame, "got.some(e => e.startsWith('image')) && got.some(e => e.startsWith('wasm'))")
            await until_state(shown, "ready")
            await shown.page.mouse.click(300, 500)
            await until_state(shown, "active")
            await frame.click("#f button")
            await frame.click("#route")
            await frame.click("#ask")
            await frame.click("#away")
            await until(frame, "got.some(e => e.startsWith('asked')) && got.some(e => e.startsWith('route'))")
            got = set(await frame.evaluate("got"))
            assert got >= {
                "submit hello",
                "route #/about",
                "asked true ann",
                "state 1",
                "canvas 255",
                "url true",
                "webgl 255",
            }
            assert got >= {
                "eval 42 7",
                "wasm 5",
                "fetch 1",
                "worker NotSupportedError",
                "image 7",
                "fonts",
                "message mine",
            }
            assert await state_of(shown) == "active", "a link to elsewhere left the page where it was"

    stage.run(see())


SEVERAL: Files = tuple(
    CodeFile(filename=name, content=content)
    for name, content in {
        "index.html": "<!doctype html><html><head><link rel=stylesheet href='css/look.css'></head><body><img id=pic src='img/pic.svg'>"
        "<a id=next href='second.html'>next</a><script src='./plain.js'></script><script type=module src='main.js'></script>"
        "<script type=module>import { twice } from './lib/twice.js'; got.push('inline ' + twice(4))</script></body></html>",
        "second.html": "<!doctype html><body><p id=here>second</p><a id=back href='index.html'>back</a>"
        "<script src='plain.js'></script></body>",
        "css/look.css": "@import './base.css'; a { color: rgb(1, 2, 3) } img { width: 33px }",
        "css/base.css": "body { background: rgb(4, 5, 6) url('../img/pic.svg') }",
        "img/pic.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
        "plain.js": "window.got = ['plain']; fetch('data.json').then(r => r.json()).then(d => got.push('data ' + d.n));"
        "const x = new XMLHttpRequest(); x.open('GET', './data.json'); x.onload = () => got.push('xhr ' + x.responseText.length); x.send()",
        "main.js": "import { twice } from './lib/twice.js'; import('./lib/late.js').then(m => got.push('late ' + m.late)); got.push('main ' + twice(3))",
        "lib/twice.js": "import { one } from '../lib/one.js'; export const twice = (n) => n * 2 * one",
        "lib/one.js": "import './twice.js'; export const one = 1",
        "lib/late.js": "export const late = 'ok'",
        "data.json": '{"n": 5}',
    }.items()
)


def test_a_candidate_of_several_files_is_put_together_and_its_pages_lead_to_each_other(stage: Stage) -> None:
    async def see() -> None:
        async with stage.shown(SEVERAL, name="several") as shown:
            frame = await frame_of(stage, shown)
            got = await until(frame, "window.got && got.length > 5 && got")
            assert set(got) == {"plain", "data 5", "xhr 8", "main 6", "late ok", "inline 8"}
            look = "[getComputedStyle(next).color, getComputedStyle(document.body).backgroundColor, pic.clientWidth, pic.naturalWidth]"
            assert await frame.evaluate(look) == ["rgb(1, 2, 3)", "rgb(4, 5, 6)", 33, 9]
            await until_state(shown, "ready")
            await shown.page.mouse.click(300, 500)
            await frame.click("#next")
            await asyncio.sleep(0.5)
            frame = await frame_of(stage, shown)
            assert await until(frame, "window.here && here.textContent") == "second"
            await frame.click("#back")
            await asyncio.sleep(0.5)
            assert await until(await frame_of(stage, shown), "window.next && next.textContent") == "next"

    stage.run(see())


def test_a_page_that_swallows_every_key_can_be_left_by_the_keyboard(stage: Stage) -> None:
    page = "<body><input id=i autofocus><script>window.keys=[];for(const t of [window,document])for(const k of ['keydown','keyup'])"
    page += "t.addEventListener(k,e=>{keys.push(e.code);e.preventDefault();e.stopImmediatePropagation()},true);i.focus()</script>"

    async def see() -> None:
        async with stage.shown(page, name="swallows") as shown:
            frame = await frame_of(stage, shown)
            await until_state(shown, "ready")
            assert await shown.page.evaluate("document.activeElement.localName") == "textarea"
            await shown.page.mouse.click(300, 520)
            await until_state(shown, "active")
            await shown.page.keyboard.press("a")
            assert await until(frame, "keys.length && keys") == ["KeyA", "KeyA"] or "KeyA" in await frame.evaluate(
                "keys"
            )
            await shown.page.keyboard.press("Alt+Shift+KeyX")
            await until_state(shown, "ready")
            await shown.page.locator("textarea").click()
            await shown.page.keyboard.type("mine")
            assert await shown.page.evaluate("document.querySelector('textarea').value") == "mine"
            assert "KeyM" not in await frame.evaluate("keys")

    stage.run(see())


@pytest.mark.parametrize(
    ("name", "script", "state"),
    [
        ("hangs", "setTimeout(()=>{for(;;){}},200)", "hung"),
        ("floods", "setInterval(()=>{for(let i=0;i<2000;i++)parent.postMessage(i,'*')},0)", "flooded"),
        ("reloads", "setTimeout(()=>location.reload(),10)", "flooded"),
        ("leaves", "location.href='https://example.com/'", "left"),
        ("leaves_within", "location.pathname='/secret'", "left"),
        (
            "takes",
            "setInterval(()=>{let d=document.createElement('dialog');d.innerHTML='<input autofocus>';document.body.append(d);"
            "d.showModal()},50)",
            "greedy",
        ),
    ],
)
def test_a_page_that_misbehaves_is_put_away_and_said_so(stage: Stage, name: str, script: str, state: str) -> None:
    async def see() -> None:
        async with stage.shown(f"<body><input id=i><script>{script}</script>", name=name) as shown:
            await until_state(shown, state, 40)
            assert await shown.page.evaluate("document.querySelectorAll('refine-frame')[0]?.state") == "ready"
            assert await shown.page.evaluate("ranked.length + longestGap") < 5000

    stage.run(see())


def test_a_pin_gets_what_stands_there_and_nothing_that_is_too_big(stage: Stage) -> None:
    page = (
        "<body style='margin:0'><main><p>a</p><p id=one style='margin:0;height:60px'>two</p></main><p style='height:50px'>"
        + "x" * 9000
    )

    async def see() -> None:
        async with stage.shown(page, name="pin") as shown:
            frame = await frame_of(stage, shown)
            await until_state(shown, "ready")
            top = await frame.evaluate("one.getBoundingClientRect().y")
            found = await shown.page.evaluate(f"document.querySelectorAll('refine-frame')[1].describe(20, {top + 5})")
            assert (found["selector"], found["text"], found["box"][1]) == ("#one", "two", top)
            far = await shown.page.evaluate(f"document.querySelectorAll('refine-frame')[1].describe(20, {top + 90})")
            assert len(far["text"]) == 4000
            assert far["selector"] == "html > body > p"
            assert await shown.page.evaluate("document.querySelectorAll('refine-frame')[1].describe(-5, -5)") is None

    stage.run(see())


def test_what_stands_in_password_boxes_is_never_in_a_picture_of_the_page(stage: Stage) -> None:
    page = "<body><input id=pw type=password><input type=hidden value=token-7><input id=shown value=Ann>"

    async def see() -> None:
        async with stage.shown(page, name="password") as shown:
            frame = await frame_of(stage, shown)
            await until_state(shown, "ready")
            # As frameworks do that keep the attribute as the field is.
            await frame.evaluate("pw.value = 'hunter2'; pw.setAttribute('value', pw.value)")
            for step in ("", "pw.type = 'text'"):  # a button that shows what was typed
                if step:
                    await frame.evaluate(step)
                html = (await shown.page.evaluate("document.querySelectorAll('refine-frame')[1].record()"))["html"]
                assert "hunter2" not in html and "token-7" not in html
                assert 'id="shown" value="Ann"' in html

    stage.run(see())


@pytest.mark.parametrize(
    "plays",
    [
        "const a = new Audio(); a.autoplay = true; a.src = 'data:audio/wav;base64,'",
        "document.createElement('video').setAttribute('autoplay', '')",
        "const root = document.body.appendChild(document.createElement('div')).attachShadow({mode: 'closed'});"
        "root.innerHTML = '<audio>'; root.firstChild.dispatchEvent(new Event('play'))",
    ],
    ids=["outside the document", "by attribute", "in a shadow root"],
)
def test_what_would_be_heard_is_hushed_and_asked_for(stage: Stage, plays: str) -> None:
    async def see() -> None:
        async with stage.shown("<body>", name="sound") as shown:
            frame = await frame_of(stage, shown)
            await until_state(shown, "ready")
            await shown.page.evaluate("window.asked = 0; addEventListener('refine-sounds', () => (asked += 1))")
            await frame.evaluate(f"() => {{ {plays} }}")
            await until(shown.page.main_frame, "asked === 1")

    stage.run(see())


GRAB = (
    "window.got='';addEventListener('keydown',e=>got+=e.key,true);"
    "const grab=()=>{let d=document.createElement('dialog');d.innerHTML='<input autofocus>';document.body.append(d);d.showModal()};"
)
SILENT = GRAB + "Object.defineProperty(document,'activeElement',{get(){throw 1}});setTimeout(grab,1500)"


def test_a_page_that_takes_the_keyboard_and_keeps_quiet_about_it_reads_next_to_nothing(stage: Stage) -> None:
    async def see() -> None:
        async with stage.shown(f"<body><script>{SILENT}</script>", name="silent") as shown:
            frame = await frame_of(stage, shown)
            await shown.page.evaluate(
                "() => { const box = document.createElement('textarea'); box.id = 'own'; document.body.prepend(box); box.focus(); }"
            )
            await until(frame, "document.querySelector('dialog')")
            await shown.page.keyboard.type("password12", delay=60)
            got = await frame.evaluate("got")
            own = await shown.page.evaluate("document.getElementById('own').value")
            assert len(got) <= 2 and len(own) >= 8, (got, own)

    stage.run(see())


def test_the_way_out_by_keyboard_cannot_be_switched_off(stage: Stage) -> None:
    script = "Object.defineProperty(KeyboardEvent.prototype,'altKey',{get:()=>false})"

    async def see() -> None:
        async with stage.shown(f"<body><input id=i><script>{script}</script>", name="no_way_out") as shown:
            await frame_of(stage, shown)
            await shown.page.evaluate("document.querySelectorAll('refine-frame')[1].activate()")
            await until_state(shown, "active")
            await shown.page.keyboard.press("Alt+Shift+KeyX")
            await until_state(shown, "ready")

    stage.run(see())
