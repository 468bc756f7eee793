"""Scripts and styles: files as they are written, put together by page, named by their content and cached for good."""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from refine.web.access import page_headers
from refine.web.place import Place

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

STATIC = Path(__file__).parent / "static"
BUNDLES: dict[str, tuple[str, ...]] = {
    "page.css": ("base.css",),
    "work.css": ("work.css", "board.css", "notes.css"),
    "page.js": ("base.js",),
    "enter.js": ("enter.js",),
    "later.js": ("later.js",),
    "stand.js": ("stand.js",),
    "work.js": (
        *("clock.js", "shelves.js", "draft.js", "stage.js", "board.js", "notes.js", "overlay.js", "kept.js"),
        *("handing.js", "keys.js", "work.js"),
    ),
}
"""A request of a page -> its files, in the order in which they are read."""
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Asset:
    path: str
    media_type: str
    text: bytes
    packed: bytes


@cache
def asset(name: str) -> Asset:
    text = "\n".join((STATIC / part).read_text(encoding="utf-8") for part in BUNDLES[name])
    # Comments that fill whole lines are for those who read the source.
    text = re.sub(r"^\s*//[^\n]*\n", "", text, flags=re.MULTILINE)
    data = text.encode()
    stem, suffix = name.split(".")
    path = f"/static/{stem}-{hashlib.sha256(data).hexdigest()[:16]}.{suffix}"
    return Asset(path, _TYPES["." + suffix], data, gzip.compress(data, 9, mtime=0))


def asset_routes(place: Place) -> "list[BaseRoute]":
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route

    def route(made: Asset) -> "BaseRoute":
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Vary": "Accept-Encoding",
        }

        async def send(request: "Request") -> "Response":
            if "gzip" in request.headers.get("accept-encoding", ""):
                return Response(made.packed, media_type=made.media_type, headers=headers | {"Content-Encoding": "gzip"})
            return Response(made.text, media_type=made.media_type, headers=headers)

        return Route(made.path, send, methods=["GET"])

    async def robots(_: "Request") -> "Response":
        return PlainTextResponse("User-agent: *\nDisallow: /\n", headers=page_headers(place))

    return [*(route(asset(name)) for name in BUNDLES), Route("/robots.txt", robots, methods=["GET"])]
