"""A real stage for attacks: a server with a page of ours around two frames, Chromium, and collectors on loopback.

`Stage.play` opens one page in the frame of a hostile candidate, beside a victim, and tells what harm came of it. Everything
runs in a loop of its own thread, so that tests of other kinds may have their own. With `guarded=False` the same page stands
in a plain frame of a page without any of our protection: there the attack has to work, or the test would prove nothing.
"""

import asyncio
import contextlib
import re
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from playwright.async_api import Browser, BrowserContext, CDPSession, Dialog, Error, Page, Playwright, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from refine.delivery import (
    FrameHosts,
    PageRecord,
    Sites,
    Tokens,
    delivery_app,
    frame_html,
    host_headers,
    host_script_tag,
)
from refine.render import find_chromium
from refine.render.chromium import FEATURES_OFF
from refine.types import CodeFile, Files
from tests.delivery.attacks import Attack

T = TypeVar("T")
CHROMIUM = find_chromium()
HOSTILE = Path(__file__).parent / "hostile"
OPTIONS: dict[str, Any] = {
    "executable_path": str(CHROMIUM),
    "ignore_default_args": ["--disable-background-networking"],  # it would turn early connections off for everybody
    "args": [
        *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
        "--host-resolver-rules=MAP *.google.com ~NOTFOUND, MAP *.googleapis.com ~NOTFOUND",
        f"--disable-features={','.join(FEATURES_OFF)}",
    ],
}
PERMISSIONS = ["geolocation", "camera", "clipboard-read"]
FROZEN_S = 15
"""A page that has not answered by then is frozen; far more than a busy machine needs."""
CLICKED = {"n02_top_nav_click", "n11_download"}
"""Of the folder: pages whose attack is a click of the person."""

VICTIM = """<!doctype html><html><body><p>VICTIMSECRET</p><script>
window.heard=[];window.beats=0;setInterval(()=>{window.beats++},50);
addEventListener('message',e=>{window.heard.push(String(e.data))});
try{localStorage.setItem('v','VICTIM')}catch{}try{sessionStorage.setItem('v','VICTIM')}catch{}
try{document.cookie='v=VICTIM'}catch{}try{indexedDB.open('VICTIMDB')}catch{}try{caches.open('VICTIMC').catch(()=>0)}catch{}
try{let c=new BroadcastChannel('v');c.onmessage=()=>c.postMessage('VICTIM')}catch{}
try{navigator.locks.request('v',()=>new Promise(()=>0)).catch(()=>0)}catch{}
</script></body></html>"""

STAGE_SCRIPT = """
document.cookie = 'session=PARENTSECRET';
localStorage.setItem('tok', 'PARENTSECRET');
window.secret = 'PARENTSECRET';
window.ranked = [];
window.longestGap = 0;
window.heard = 0;
let last = performance.now();
setInterval(() => { const now = performance.now(); window.longestGap = Math.max(window.longestGap, now - last); last = now; }, 30);
addEventListener('message', (event) => {
  window.heard += 1;
  for (let i = 0; i < 50; i++) JSON.parse(JSON.stringify(event.data)); // what an application would do with it
  if (event.data && event.data.type === 'rank') window.ranked.push(event.data.order);
});
document.querySelector('textarea').focus();
"""


@dataclass
class Collector:
    """Whatever arrives for one attack: bytes over TCP (HTTP, WebSocket, TURN), connections without any, and datagrams."""

    port: int = 0
    arrived: list[str] = field(default_factory=list)

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at = len(self.arrived)
        self.arrived.append("a connection")
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            first = await asyncio.wait_for(reader.read(2000), 5)
            if first:
                self.arrived[at] = first.split(b"\r\n")[0].decode("latin-1")[:120]
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\nok"
                )
        writer.close()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Collector"]:
        collector = self

        class Datagrams(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                collector.arrived.append(f"a datagram of {len(data)} bytes")

        server = await asyncio.start_server(self._on_connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", self.port))
        try:
            yield self
        finally:
            transport.close()
            server.close()


@dataclass(frozen=True)
class Shown:
    """A stage page that is open."""

    page: Page
    context: BrowserContext
    hostile: str
    """The token of the candidate under test."""
    victim: str


class House:
    """The server: the real routes, a real page around them, and the same page without protection."""

    def __init__(self, port: int, *, one_host: bool) -> None:
        if one_host:
            self.sites = Sites(host=f"http://127.0.0.1:{port}")
        else:
            self.sites = Sites(host=f"http://localhost:{port}", frames=f"http://{{label}}.localhost:{port}")
        self.tokens = Tokens(b"0" * 32)
        self.files: dict[str, Files] = {}
        self.secret_asked: dict[str, int] = {}
        inner = Starlette(
            routes=[
                Route("/stage/{guard}/{hostile}/{victim}", self._stage),
                Route("/many", self._many),
                Route("/stage.js", self._script),
                Route("/raw/{name}", self._raw),
                Route("/secret", self._secret, methods=["GET", "POST"]),
                Route("/before", self._before),
                Route("/sw.js", self._worker),
                Mount(
                    self.sites.prefix,
                    delivery_app(self._lookup, lambda request: request.cookies.get("who"), self.sites),
                ),
            ]
        )
        self._app = FrameHosts(inner, self.sites)
        self.sent_bytes = 0
        """Of bodies and headers, as they went over the wire."""

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        async def counted(message: Any) -> None:
            self.sent_bytes += len(message.get("body", b""))
            self.sent_bytes += sum(len(name) + len(value) + 4 for name, value in message.get("headers", ()))
            await send(message)

        if scope["type"] == "http" and scope["query_string"] == b"secret":
            self.secret_asked["query"] = self.secret_asked.get("query", 0) + 1
        await self._app(scope, receive, counted)

    def add(self, name: str, page: str | Files, audience: str = "ann") -> str:
        self.files[name] = (CodeFile(filename="index.html", content=page),) if isinstance(page, str) else page
        return self.tokens.mint(name, audience=audience)

    def _lookup(self, token: str) -> PageRecord | None:
        claims = self.tokens.open(token)
        if claims is None or claims.candidate not in self.files:
            return None
        return PageRecord(files=self.files[claims.candidate], audience=claims.audience)

    async def _stage(self, request: Request) -> Response:
        victim, hostile = request.path_params["victim"], request.path_params["hostile"]
        if request.path_params["guard"] == "guarded":
            frames = "".join(
                frame_html(self.sites, each, label=label) for each, label in ((victim, "A"), (hostile, "B"))
            )
            headers = host_headers([self.sites.frame_url(each) for each in (victim, hostile)])
            script = host_script_tag(self.sites)
        else:
            names = [self.tokens.open(each) for each in (victim, hostile)]
            frames = "".join(
                f'<iframe name="f{i}" src="/raw/{each.candidate}"></iframe>' for i, each in enumerate(names) if each
            )
            headers, script = {}, ""
        page = (
            f"<!doctype html><html><head><title>Stage</title><style>iframe,refine-frame{{display:block;width:600px;height:300px}}"
            f"</style>{script}<script src=/stage.js defer></script></head><body><textarea></textarea>{frames}"
            "<div style='height:2000px'></div></body></html>"
        )
        return HTMLResponse(page, headers=headers)

    async def _many(self, request: Request) -> Response:
        """Several candidates side by side, as an assignment is."""
        tokens = request.query_params.getlist("token")
        frames = "".join(
            frame_html(self.sites, each, label=label) for each, label in zip(tokens, "ABCDEFGH", strict=False)
        )
        style = (
            "<style>body{display:grid;grid-template-columns:1fr 1fr;gap:8px;margin:0}refine-frame{height:340px}</style>"
        )
        page = f"<!doctype html><title>Many</title>{style}{host_script_tag(self.sites)}<body>{frames}"
        return HTMLResponse(page, headers=host_headers([self.sites.frame_url(each) for each in tokens]))

    async def _script(self, _: Request) -> Response:
        return Response(STAGE_SCRIPT, media_type="text/javascript")

    async def _raw(self, request: Request) -> Response:
        return HTMLResponse(self.files[request.path_params["name"]][0].content)

    async def _secret(self, request: Request) -> Response:
        who = request.cookies.get("who", "nobody")
        self.secret_asked[who] = self.secret_asked.get(who, 0) + 1
        return PlainTextResponse("the host's secret")

    async def _before(self, _: Request) -> Response:
        return HTMLResponse("before")

    async def _worker(self, _: Request) -> Response:
        return Response("self.x=1", media_type="text/javascript")


class Stage:
    """Chromium and the two houses; use it through `run`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []
        self._kept: set[asyncio.Future[None]] = set()
        self.houses: dict[bool, House] = {}
        self.browser: Browser
        self._playwright: Playwright

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = 150) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    @contextlib.contextmanager
    def open(self) -> Iterator["Stage"]:
        self._thread.start()
        try:
            self.run(self._start())
            yield self
        finally:
            self.run(self._stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()

    async def _start(self) -> None:
        for one_host in (False, True):
            listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
            port = listener.sockets[0].getsockname()[1]
            listener.close()
            self.houses[one_host] = House(port, one_host=one_host)
            config = uvicorn.Config(
                *(self.houses[one_host].app, "127.0.0.1", port), log_level="error", lifespan="off", interface="asgi3"
            )
            server = _Server(config)
            self._servers.append((server, asyncio.ensure_future(server.serve())))
            while not server.started:
                await asyncio.sleep(0.02)
        self._playwright = await async_playwright().start()
        self.browser = await self.launch()

    async def launch(self, *arguments: str) -> Browser:
        return await self._playwright.chromium.launch(**OPTIONS | {"args": [*OPTIONS["args"], *arguments]})

    async def _stop(self) -> None:
        with contextlib.suppress(Error, asyncio.TimeoutError):
            await asyncio.wait_for(self.browser.close(), 20)
        await self._playwright.stop()
        for server, task in self._servers:
            server.should_exit = server.force_exit = True
            await task

    # --- One page on the stage -------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def shown(
        self,
        html: str | Files,
        *,
        guarded: bool = True,
        one_host: bool = False,
        name: str = "page",
        browser: Browser | None = None,
        given: BrowserContext | None = None,
    ) -> AsyncIterator[Shown]:
        """The stage with this page on it. A context that is given is left open, and shared by those who are given it."""
        house = self.houses[one_host]
        who = "shared" if given else f"{name}-{guarded}"
        hostile = house.add(f"{who}-{name}-hostile", html, who)
        victim = house.add(f"{who}-{name}-victim", VICTIM, who)
        context = given or await (browser or self.browser).new_context(permissions=PERMISSIONS)
        page: Page | None = None
        try:
            await context.add_cookies([{"name": "who", "value": who, "url": house.sites.host}])
            page = await context.new_page()
            if "history" in html or "navigation" in html:
                await page.goto(f"{house.sites.host}/before")  # where the way back leads
            guard = "guarded" if guarded else "open"
            await page.goto(f"{house.sites.host}/stage/{guard}/{hostile}/{victim}", wait_until="commit")
            yield Shown(page, context, hostile, victim)
        finally:
            closing = context.close() if given is None or page is None else page.close()
            with contextlib.suppress(Error, asyncio.TimeoutError):
                await asyncio.wait_for(closing, 15)

    async def play(
        self,
        attack: Attack,
        *,
        guarded: bool,
        one_host: bool = False,
        seconds: float = 1.6,
        browser: Browser | None = None,
        given: BrowserContext | None = None,
    ) -> list[str]:
        """The harm that came of it: one line each, none when nothing happened."""
        house = self.houses[one_host]
        async with Collector().open() as collector:
            html = attack.html
            places = {"__EVIL__": f"127.0.0.1:{collector.port}", "__STUN__": f"127.0.0.1:{collector.port}"}
            places |= {"__TURN__": f"127.0.0.1:{collector.port}", "__TAG__": "tag", "__HOST__": house.sites.host[7:]}
            for place, value in places.items():
                html = html.replace(place, value)
            if "__SIBLING__" in html:
                own = house.add("sibling", VICTIM, "ann")
                path = house.sites.page_path(own) if guarded else "/raw/sibling"
                html = html.replace("__SIBLING__", house.sites.host + path)
            async with self.shown(
                html, guarded=guarded, one_host=one_host, name=attack.name, browser=browser, given=given
            ) as shown:
                harm = await self._watch(
                    shown, attack, guarded=guarded, house=house, seconds=seconds, arrived=collector.arrived
                )
            return harm + [f"arrived: {line}" for line in collector.arrived[:5]]

    async def _watch(
        self, shown: Shown, attack: Attack, *, guarded: bool, house: House, seconds: float, arrived: Sequence[str]
    ) -> list[str]:
        harm: list[str] = []
        page, context = shown.page, shown.context
        context.on("page", lambda _: harm.append("opened: a window"))
        page.on("download", lambda download: harm.append("opened: a download"))
        page.on("dialog", lambda dialog: self._dismiss(dialog, harm))
        control = await context.new_cdp_session(page)
        url = page.url
        asked = sum(house.secret_asked.values())
        await self._until_ready(page, guarded=guarded)
        is_host_well = False
        try:
            async with asyncio.timeout(FROZEN_S):
                if attack.needs_click:
                    await page.mouse.click(300, 500)
                    if guarded:  # the first click is the one that opens the frame to clicks
                        await asyncio.sleep(0.2)
                        await page.mouse.click(300, 500)
                if guarded:
                    await asyncio.sleep(seconds)
                elif await self._has_harm_soon(page, seconds, lambda: bool(harm or arrived or page.url != url)):
                    return harm + ([] if page.url == url else [f"navigated: {page.url[:80]}"]) or ["seen at once"]
                if page.url == url:
                    harm += await self._harm_to_host(page, attack)
                    is_host_well = True
                    harm += await self._harm_to_victim(page, shown, house, guarded=guarded)
        except TimeoutError:
            harm.append("frozen: the neighbour" if is_host_well else "frozen: the host page")
        except Error as error:
            # Playwright calls a page crashed when any frame's process has ended; what counts is ours.
            if page.url == url and await self._is_gone(control):
                harm.append(f"broken: the host page ({str(error)[:60]})")
        if page.url != url:
            harm.append(f"navigated: {page.url[:80]}")
        if sum(house.secret_asked.values()) > asked and "secret" in attack.html:
            harm.append("sent: a request to the host page's server")
        for frame in page.frames[1:]:
            if "/stage" in frame.url or "/secret" in frame.url:
                harm.append("navigated: a page of ours inside a frame")
            with contextlib.suppress(Error, TimeoutError):
                async with asyncio.timeout(1):
                    won = await frame.evaluate("window.__r && window.__r.ok && window.__r.d")
                    if won:
                        harm.append(f"got: {won}")
        return harm

    async def _has_harm_soon(self, page: Page, seconds: float, is_seen: Callable[[], bool]) -> bool:
        """Whether the attack is known to work before the time is up: then there is nothing more to wait for."""
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            if is_seen():
                return True
            for frame in page.frames[1:]:
                with contextlib.suppress(Error, TimeoutError):
                    async with asyncio.timeout(0.5):
                        if await frame.evaluate("!!(window.__r && window.__r.ok)"):
                            return True
            await asyncio.sleep(0.15)
        return is_seen()

    def _dismiss(self, dialog: Dialog, harm: list[str]) -> None:
        harm.append(f"dialog: {dialog.type}")

        async def dismiss() -> None:
            with contextlib.suppress(Error):
                await dialog.dismiss()

        self._kept.add(task := asyncio.ensure_future(dismiss()))
        task.add_done_callback(self._kept.discard)

    async def _is_gone(self, control: CDPSession) -> bool:
        try:
            async with asyncio.timeout(FROZEN_S):
                answer = await control.send("Runtime.evaluate", {"expression": "document.title"})
        except (Error, TimeoutError):
            return True
        return bool(answer["result"].get("value") != "Stage")

    async def _until_ready(self, page: Page, *, guarded: bool) -> None:
        """Both frames have got their page, or the attack was quicker."""
        if not guarded:
            with contextlib.suppress(Error):
                await page.wait_for_load_state("load", timeout=4000)
            return
        for _ in range(100):
            with contextlib.suppress(Error):
                states = await page.evaluate("[...document.querySelectorAll('refine-frame')].map((each) => each.state)")
                if len(states) == 2 and not {"", "loading", None} & {*states}:
                    return
            await asyncio.sleep(0.15)

    async def _harm_to_host(self, page: Page, attack: Attack) -> list[str]:
        harm = []
        if not attack.needs_click:
            await page.keyboard.type("zz")
        state = await page.evaluate(
            "({pwned: !!document.getElementById('pwned'), title: document.title, ranked: window.ranked, heard: window.heard, gap: longestGap,"
            " typed: document.querySelector('textarea').value, cookie: document.cookie, scrolled: scrollY,"
            " entries: history.length, full: !!document.fullscreenElement, focus: document.activeElement.localName})"
        )
        if state["pwned"] or state["title"] != "Stage":
            harm.append("written: the host page")
        if state["ranked"]:
            harm.append("written: a ranking")
        if state["heard"] > 1000:
            harm.append(f"flooded: {state['heard']} messages for the application of the host page")
        if state["gap"] > 5000:
            harm.append(f"frozen: the host page for {state['gap']:.0f} ms")
        if not attack.needs_click and state["typed"] != "zz":
            harm.append(f"focus: typed {state['typed']!r}, focus on {state['focus']}")
        if "evil" in state["cookie"]:
            harm.append("written: a cookie")
        for _ in range(10):  # a frame may jerk the page for a moment; what counts is where it stays
            if not state["scrolled"]:
                break
            await asyncio.sleep(0.05)
            state["scrolled"] = await page.evaluate("scrollY")
        if state["scrolled"]:
            harm.append(f"scrolled: the host page to {state['scrolled']}")
        if state["entries"] > 40 and "pushState" in attack.html:
            harm.append(f"written: {state['entries']} entries of history")
        if state["full"]:
            harm.append("opened: full screen")
        return harm

    async def _harm_to_victim(self, page: Page, shown: Shown, house: House, *, guarded: bool) -> list[str]:
        claims = house.tokens.open(shown.victim)
        assert claims is not None
        wanted = house.sites.frame_url(shown.victim) if guarded else f"{house.sites.host}/raw/{claims.candidate}"
        frames = [frame for frame in page.frames if frame.url == wanted]
        if not frames:
            return ["navigated: the neighbour"]
        before = await frames[0].evaluate("window.beats")
        await asyncio.sleep(0.25)
        after, heard = await frames[0].evaluate("[window.beats, window.heard]")
        harm = [f"written: {heard[0][:40]} to the neighbour"] if heard else []
        return harm + (["frozen: the neighbour"] if after == before else [])

    async def names_looked_up(self, attacks: Sequence[Attack], log: Path, *, guarded: bool) -> set[str]:
        """Names under .test that Chromium's network log has: it asked for their addresses while the attacks were on."""
        # A profile on disk: in private windows Chromium makes no early look-ups for anybody.
        context = await self._playwright.chromium.launch_persistent_context(
            log.parent / f"profile-{guarded}", **OPTIONS | {"args": [*OPTIONS["args"], f"--log-net-log={log}"]}
        )
        try:
            # All at once, and for the whole time: what is looked up is read from the log when the browser has ended.
            await asyncio.gather(*(self.play(attack, guarded=guarded, given=context) for attack in attacks))
        finally:
            await context.close()
        return set(re.findall(r"[\w.-]+\.test\b", log.read_text(encoding="utf-8", errors="replace")))

    async def play_all(
        self, attacks: Sequence[Attack], *, guarded: bool, one_host: bool = False, at_once: int = 4
    ) -> dict[str, list[str]]:
        """Harm by attack, several at a time."""
        gate = asyncio.Semaphore(at_once)

        async def one(attack: Attack) -> tuple[str, list[str] | None]:
            async with gate:
                if not self.browser.is_connected():
                    return attack.name, None
                try:
                    harm = await self.play(attack, guarded=guarded, one_host=one_host)
                    if not (guarded or harm):  # a busy machine may need longer to show that an attack works
                        harm = await self.play(attack, guarded=guarded, one_host=one_host, seconds=6)
                    return attack.name, harm
                except Error:
                    if self.browser.is_connected():
                        raise
                    return attack.name, None

        played = dict(await asyncio.gather(*(one(attack) for attack in attacks)))
        harm = {name: each for name, each in played.items() if each is not None}
        for attack in attacks:  # those that were there when one of them ended the whole browser, each in its own
            if attack.name not in harm:
                harm[attack.name] = await self._play_alone(attack, guarded=guarded, one_host=one_host)
        if not self.browser.is_connected():
            self.browser = await self.launch()
        return harm

    async def _play_alone(self, attack: Attack, *, guarded: bool, one_host: bool) -> list[str]:
        browser = await self.launch()
        try:
            return await self.play(attack, guarded=guarded, one_host=one_host, browser=browser)
        except Error:
            if browser.is_connected():
                raise
            return ["broken: the browser"]
        finally:
            with contextlib.suppress(Error):
                await browser.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def folder_attacks() -> list[Attack]:
    """The pages of hostile/."""
    pages = sorted(HOSTILE.glob("*.html"))
    return [Attack(page.stem, page.read_text(encoding="utf-8"), page.stem in CLICKED) for page in pages]
