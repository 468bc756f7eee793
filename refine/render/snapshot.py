"""A page as it stood when a critique was pinned, drawn once more: sent by a hostile frame, so nothing of it runs.

Scripts are off in the browser, and by a policy that allows inline styles and `data:` pictures alone, in a sandbox that
allows nothing; no request but the one for the snapshot itself is answered, and none leaves the browser.
"""

import io
import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from refine.errors import RenderError
from refine.render.serving import Prepared, Site
from refine.render.settings import Size
from refine.render.visit import Visit
from refine.render.webp import compress

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Request, Route

MAX_BYTES = 2_000_000
"""Of a snapshot."""
MAX_CROP_BYTES = 40_000
MARGIN = 32
"""Pixels around the box."""
LEAST = (240, 160)
MOST = (1000, 1000)
"""Width and height of a crop, in pixels of the page; what is larger is made smaller."""
_VIEWPORTS = (200, 2000)
_FRAME = "#d97706"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox"
_HOST = "snapshot.localhost"

# Where the page was scrolled to, and the end of what moves in. Run in a world of our own, since scripts are off.
_PLACE = """(([left, top]) => {
  const at = (value) => Math.max(0, Math.min(1e6, Number(value) || 0));
  window.scrollTo(at(left), at(top));
  for (const each of [...document.querySelectorAll("[data-refine-scroll]")].slice(0, 200)) {
    const [x, y] = each.getAttribute("data-refine-scroll").split(" ");
    each.scrollTo(at(x), at(y));
  }
  for (const each of document.getAnimations().slice(0, 2000)) {
    try { each.finish(); } catch { each.pause(); }
  }
})"""


class SnapshotSite(Site):
    """Answers for the snapshot alone; `asked` says what it wanted beside that."""

    def __init__(self, html: bytes) -> None:
        super().__init__(Prepared(files=()), _HOST)
        self.url = f"http://{_HOST}/"
        self._html = html

    async def _answer(self, route: "Route", request: "Request") -> None:
        if self._is_open or request.url != self.url:
            self._note(request.url, request.resource_type, "blocked")
            await route.abort("blockedbyclient")
            return
        self._is_open = True
        headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": _POLICY}
        await route.fulfill(status=200, body=self._html, headers={**headers, "cache-control": "no-store"})


class SnapshotVisit(Visit):
    """`seen.desktop_png` is the viewport. Limits and ends are those of any visit."""

    def __init__(self, *arguments: Any, viewport: Size, scroll: tuple[float, float], **more: Any) -> None:
        super().__init__(*arguments, seed=0, **more)
        self._viewport = viewport
        self._scroll = scroll

    async def _open_context(self) -> "BrowserContext":
        return await self._chromium.browser.new_context(
            viewport={"width": self._viewport.width, "height": self._viewport.height},
            java_script_enabled=False,
            service_workers="block",
            accept_downloads=False,
            timezone_id="UTC",
            locale="en-US",
            color_scheme="light",
            device_scale_factor=1,
        )

    async def _visit(self, context: "BrowserContext", started: float) -> None:
        del started
        page = await self._watched(context.new_page())
        await context.route("**/*", self._site.answer)
        page.on("crash", lambda _: self._on_crash())
        session = await context.new_cdp_session(page)
        await self._watched(page.goto(self._site.url, wait_until="load", timeout=self._settings.page_timeout_s * 1000))
        self._doing = "being put in place"
        tree = await self._watched(session.send("Page.getFrameTree"))
        world = {"frameId": tree["frameTree"]["frame"]["id"], "worldName": "refine"}
        made = await self._watched(session.send("Page.createIsolatedWorld", world))
        expression = f"({_PLACE})({json.dumps(self._scroll)})"
        run = {"expression": expression, "contextId": made["executionContextId"]}
        await self._watched(session.send("Runtime.evaluate", run))
        self._doing = "being pictured"
        self.seen.desktop_png = await self._picture(session)


def viewport_of(wanted: Sequence[float]) -> Size:
    """As asked for, within reason."""
    width, height = (int(min(max(_number(each), _VIEWPORTS[0]), _VIEWPORTS[1])) for each in wanted)
    return Size(width=width, height=height)


def crop(png: bytes, box: Sequence[float]) -> bytes:
    """WebP of what is around `box` (x, y, width, height in the picture's pixels), with a thin frame around the box."""
    from PIL import Image, ImageDraw

    with Image.open(io.BytesIO(png), formats=["PNG"]) as opened:
        image = opened.convert("RGB")
    left, right = _span(box[0], box[2], image.width)
    top, bottom = _span(box[1], box[3], image.height)
    if (left, top, right, bottom) != (0, 0, image.width, image.height):
        ImageDraw.Draw(image).rectangle((left - 3, top - 3, right + 2, bottom + 2), outline=_FRAME, width=2)
    x, x_end = _around(left, right, LEAST[0], image.width)
    y, y_end = _around(top, bottom, LEAST[1], image.height)
    part = image.crop((x, y, x_end, y_end))
    part.thumbnail(MOST, Image.Resampling.LANCZOS)
    kept = io.BytesIO()
    part.save(kept, "PNG")
    return compress(kept.getvalue(), limit_bytes=MAX_CROP_BYTES)


def _span(start: float, length: float, most: int) -> tuple[int, int]:
    """First pixel and the one after the last, inside the picture and not empty."""
    first = int(min(max(_number(start), 0), most - 1))
    last = math.ceil(min(max(_number(start) + max(_number(length), 0), first + 1), most))
    return first, last


def _around(first: int, last: int, least: int, most: int) -> tuple[int, int]:
    """With a margin, and not too narrow, as far as the picture goes."""
    more = max(MARGIN, (least - (last - first)) // 2)
    return max(0, first - more), min(most, last + more)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0.0
    return min(max(float(value), -1e6), 1e6)


def check_size(html: bytes) -> None:
    if len(html) > MAX_BYTES:
        raise RenderError(f"the snapshot has {len(html)} bytes; at most {MAX_BYTES} are drawn")
