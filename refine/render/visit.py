"""One candidate in one fresh browser context, from load to the end of the walk. Nothing outlasts its limits."""

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from importlib.resources import files as package_files
from typing import TYPE_CHECKING, Any, TypeVar

from refine.render.chromium import Chromium
from refine.render.report import Outcome
from refine.render.serving import Site
from refine.render.settings import RenderSettings, Size

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Page

T = TypeVar("T")
WORLD = "refine"
MAX_STEPS = 200
MAX_STEP_BYTES = 100_000
MAX_TREE = 1500


class PageStopped(Exception):
    """The page hung, crashed or took too much; the candidate's fault, not ours."""

    def __init__(self, outcome: Outcome, problem: str) -> None:
        super().__init__(problem)
        self.outcome: Outcome = outcome
        self.problem = problem


class BrowserDied(Exception):
    """All of the browser is gone; whether this page did it is not known."""


@dataclass(kw_only=True)
class Seen:
    """What a visit brought back, as the page's world told it: not checked yet."""

    load: dict[str, Any] = field(default_factory=dict)
    flash: dict[str, Any] = field(default_factory=dict)
    phone: dict[str, Any] = field(default_factory=dict)
    walk: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    axe: list[dict[str, Any]] | None = None
    tree: list[dict[str, Any]] | None = None
    desktop_png: bytes = b""
    phone_png: bytes = b""
    websockets: list[str] = field(default_factory=list)
    outcome: Outcome = "ok"
    problem: str = ""
    load_s: float = 0.0
    total_s: float = 0.0


def script(name: str) -> str:
    """A script of this package."""
    return (package_files("refine.render") / "scripts" / name).read_text(encoding="utf-8")


def axe_source() -> str:
    return (package_files("refine.render") / "vendored" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


class Visit:
    """Used once."""

    def __init__(
        self,
        chromium: Chromium,
        site: Site,
        settings: RenderSettings,
        *,
        seed: int,
        with_tree: bool = False,
        is_phone: bool = False,
    ) -> None:
        """With `is_phone` the page is opened at phone width, and only its width and picture there are taken."""
        self._chromium = chromium
        self._site = site
        self._settings = settings
        self._seed = seed
        self._with_tree = with_tree
        self._is_phone = is_phone
        self._secret = "x" + secrets.token_hex(16)
        self._world: int | None = None
        self._has_world = asyncio.Event()
        self._stopped: asyncio.Future[PageStopped] = asyncio.get_running_loop().create_future()
        self._progress = 0
        self._doing = "being loaded"
        self._phase = "load"
        self._memory_kills = len(chromium.memory_kills)
        self.seen = Seen()

    async def run(self) -> Seen:
        """Raises BrowserDied; everything else a page can do is in what it returns."""
        from playwright.async_api import Error

        started = time.monotonic()
        context: BrowserContext | None = None
        try:
            async with asyncio.timeout(self._settings.page_timeout_s):
                context = await self._watched(self._open_context())
                await self._visit(context, started)
        except PageStopped as stopped:
            self.seen.outcome, self.seen.problem = stopped.outcome, stopped.problem
        except TimeoutError as exc:
            if not self._chromium.is_alive:
                raise BrowserDied from exc
            self.seen.outcome = "timeout"
            self.seen.problem = f"not done after {self._settings.page_timeout_s:.0f} s, while {self._doing}"
        except Error as exc:
            if self._stopped.done():
                why = self._stopped.result()
                self.seen.outcome, self.seen.problem = why.outcome, why.problem
            elif not self._chromium.is_alive:
                raise BrowserDied from exc
            else:
                self.seen.outcome, self.seen.problem = "crashed", f"the browser lost the page while {self._doing}"
        finally:
            self.seen.total_s = round(time.monotonic() - started, 3)
            if context is not None:
                await self._close(context)
        return self.seen

    async def _open_context(self) -> "BrowserContext":
        size = self._settings.phone if self._is_phone else self._settings.desktop
        return await self._chromium.browser.new_context(
            viewport={"width": size.width, "height": size.height},
            service_workers="block",
            accept_downloads=False,
            timezone_id="UTC",
            locale="en-US",
            color_scheme="light",
            device_scale_factor=1,
        )

    async def _close(self, context: "BrowserContext") -> None:
        """A page that does not let itself be closed takes its browser with it."""
        from playwright.async_api import Error

        try:
            await asyncio.wait_for(context.close(), 10)
        except TimeoutError:
            self._chromium.kill()
        except Error:
            return

    async def _visit(self, context: "BrowserContext", started: float) -> None:
        page = await self._watched(context.new_page())
        await context.route("**/*", self._site.answer)
        session = await context.new_cdp_session(page)
        context.on("page", lambda popup: asyncio.ensure_future(_close_popup(popup)))
        page.on("crash", lambda _: self._on_crash())
        page.on("websocket", lambda socket: self.seen.websockets.append(socket.url[:300]))
        session.on("Runtime.executionContextCreated", self._on_world)
        session.on("Runtime.bindingCalled", self._on_step)
        hook = f"({script('hook.js')})({json.dumps(self._secret)}, {self._seed & 0xFFFFFFFF});"
        walker = f"({script('walker.js')})({json.dumps(self._secret)});"
        await session.send("Page.enable")
        await session.send("Runtime.enable")
        self._has_world.clear()  # the empty page's world is not the one
        self._world = None
        await session.send("Page.addScriptToEvaluateOnNewDocument", {"source": hook})
        await session.send("Page.addScriptToEvaluateOnNewDocument", {"source": walker, "worldName": WORLD})
        await session.send("Runtime.addBinding", {"name": "refineSay", "executionContextName": WORLD})
        await self._watched(
            page.goto(self._site.url, wait_until="commit", timeout=self._settings.page_timeout_s * 1000)
        )
        await self._watched(self._has_world.wait())
        await self._call(session, "refineApi.ready()")
        if self._is_phone:
            self._doing = "settling after its load"
            await self._call(session, "refineApi.load()")
            await self._look_at_phone(session)
            return
        await self._look(session, started)
        if self._settings.with_walk:
            self._doing, self._phase, self._site.phase = "walking", "walk", "walk"
            self.seen.walk = await self._call(session, f"refineApi.walk({self._seed & 0xFFFF}, refineSay)")

    async def _look(self, session: "CDPSession", started: float) -> None:
        self._doing = "settling after its load"
        self.seen.load = await self._call(session, "refineApi.load()")
        self.seen.load_s = round(time.monotonic() - started, 3)
        self._doing = "being pictured"
        self.seen.desktop_png = await self._picture(session)
        if self._with_tree:
            self.seen.tree = await self._tree(session)
        if self._settings.with_accessibility:
            self._doing = "being checked for accessibility"
            await self._call(session, f"{axe_source()};'0'")
            self.seen.axe = await self._call(session, _AXE)
        self._doing = "being looked at for flashing"
        self.seen.flash = await self._call(session, "refineApi.flash()")
        self._doing = "being shown at phone width"
        await self._resize(session, self._settings.phone)
        await self._call(session, "refineApi.settle(300)")
        await self._look_at_phone(session)
        await self._resize(session, self._settings.desktop)
        await self._call(session, "refineApi.settle(100)")

    async def _look_at_phone(self, session: "CDPSession") -> None:
        self._doing = "being shown at phone width"
        self.seen.phone = await self._call(session, "refineApi.width()")
        self.seen.phone_png = await self._picture(session)

    async def _resize(self, session: "CDPSession", size: Size) -> None:
        metrics = {"width": size.width, "height": size.height, "deviceScaleFactor": 1, "mobile": False}
        await self._watched(session.send("Emulation.setDeviceMetricsOverride", metrics))

    async def _picture(self, session: "CDPSession") -> bytes:
        import base64

        taken = await self._watched(session.send("Page.captureScreenshot", {"format": "png", "optimizeForSpeed": True}))
        return base64.b64decode(taken["data"])

    async def _tree(self, session: "CDPSession") -> list[dict[str, Any]]:
        await session.send("Accessibility.enable")
        nodes = (await self._watched(session.send("Accessibility.getFullAXTree", {"depth": 40})))["nodes"]
        await session.send("Accessibility.disable")
        return [each for each in nodes[:MAX_TREE] if isinstance(each, dict)]

    async def _call(self, session: "CDPSession", expression: str) -> Any:
        """The JSON that a phase of the walker gives; it runs in the world the page cannot reach."""
        if self._world is None:
            raise PageStopped("crashed", f"the page replaced itself while {self._doing}")
        request = {
            "expression": expression,
            "contextId": self._world,
            "awaitPromise": True,
            "returnByValue": True,
            "userGesture": self._phase == "walk",
        }
        answer = await self._watched(session.send("Runtime.evaluate", request))
        if problem := answer.get("exceptionDetails"):
            said = str(problem.get("exception", {}).get("description") or problem.get("text") or "")
            raise PageStopped("unread", f"the page could not be read while {self._doing}: {said.splitlines()[0][:200]}")
        try:
            return json.loads(answer["result"]["value"])
        except (KeyError, TypeError, ValueError) as exc:
            raise PageStopped("unread", f"the page could not be read while {self._doing}") from exc

    async def _watched(self, work: Awaitable[T]) -> T:
        """The result of `work`, or PageStopped when the page crashes or burns its limits without a sign of life."""
        task = asyncio.ensure_future(work)
        progress, since = self._progress, time.monotonic()
        burnt: dict[int, float] | None = None
        try:
            while True:
                waiting: set[asyncio.Future[Any]] = {task, self._stopped}
                await asyncio.wait(waiting, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    return task.result()
                if self._stopped.done():
                    raise self._stopped.result()
                if not self._chromium.is_alive:
                    raise BrowserDied
                if self._progress != progress or burnt is None:
                    progress, since, burnt = self._progress, time.monotonic(), self._chromium.renderers()
                    continue
                now = self._chromium.renderers()
                most = max((cpu - burnt.get(pid, cpu) for pid, cpu in now.items()), default=0.0)
                waited = time.monotonic() - since
                if most > self._settings.hang_cpu_s or waited > self._settings.hang_s:
                    raise self._silence(most, waited)
        finally:
            if not task.done():
                task.cancel()
            elif not task.cancelled():
                task.exception()

    def _silence(self, cpu_s: float, waited_s: float) -> PageStopped:
        """What burns CPU hangs; what only waits may be on a machine that is busy."""
        if cpu_s > min(self._settings.hang_cpu_s, 1.5):
            return PageStopped("hung", f"it did not answer for {cpu_s:.0f} s of CPU while {self._doing}")
        return PageStopped("timeout", f"it did not answer for {waited_s:.0f} s while {self._doing}")

    def _on_crash(self) -> None:
        if self._stopped.done():
            return
        if len(self._chromium.memory_kills) > self._memory_kills:
            limit = f"it took more than {self._settings.renderer_mb} MB of memory"
            self._stopped.set_result(PageStopped("memory", f"{limit} while {self._doing}"))
        else:
            self._stopped.set_result(PageStopped("crashed", f"its process ended while {self._doing}"))

    def _on_world(self, event: dict[str, Any]) -> None:
        made = event["context"]
        data = made.get("auxData") or {}
        if made.get("name") == WORLD and data.get("type") == "isolated" and made.get("origin", "").startswith("http"):
            if self._world is None:
                self._world = int(made["id"])
            self._has_world.set()

    def _on_step(self, event: dict[str, Any]) -> None:
        self._progress += 1
        payload = event.get("payload", "")
        if event.get("name") != "refineSay" or event.get("executionContextId") != self._world:
            return
        if len(payload) > MAX_STEP_BYTES or len(self.seen.steps) >= MAX_STEPS:
            return
        try:
            step = json.loads(payload)
        except ValueError:
            return
        if not isinstance(step, dict):
            return
        if "tick" in step:
            return
        if "about" in step:
            self._doing = f"pressing {str(step.get('tag') or '')[:40]} “{str(step['about'])[:40]}”".replace(" “”", "")
        else:
            self.seen.steps.append(step)


async def _close_popup(popup: "Page") -> None:
    from playwright.async_api import Error

    try:
        await popup.close()
    except Error:
        return


_AXE = """(async () => {
  const found = await axe.run(document, {runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']},
    resultTypes: ['violations'], elementRef: false, iframes: false, performanceTimer: false});
  const targets = (each) => each.nodes.slice(0, 3).map((node) => String(node.target).slice(0, 200));
  return JSON.stringify(found.violations.slice(0, 50).map((each) => ({
    rule: each.id, impact: each.impact, help: each.help, places: each.nodes.length, targets: targets(each)})));
})()"""
