"""Scripts and styles of our own pages, each under an address with the hash of what is in it: browsers keep it."""

import hashlib
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from refine.delivery.frame import BROWSER as DELIVERY
from refine.delivery.headers import library_headers

OWN = Path(__file__).parent / "browser"
ASSETS = {
    "live.js": OWN / "live.js",
    "pictures.js": OWN / "pictures.js",
    "pictures.css": OWN / "pictures.css",
    "preview.js": DELIVERY / "preview.js",
    "preview.css": DELIVERY / "preview.css",
}
"""By the name in their address."""


@cache
def asset_url(name: str) -> str:
    digest = hashlib.sha256(ASSETS[name].read_bytes()).hexdigest()[:16]
    return f"/asset/{digest}/{name}"


def asset_routes() -> list[BaseRoute]:
    return [Route(asset_url(name), _sending(name), methods=["GET"]) for name in ASSETS]


def _sending(name: str) -> Callable[[Request], Awaitable[Response]]:
    content = ASSETS[name].read_bytes()
    media_type = "text/css" if name.endswith(".css") else "text/javascript"

    async def send(_: Request) -> Response:
        return Response(content, media_type=media_type, headers=library_headers())

    return send
