"""The routes of pictures: how candidates look, and crops of what stood under pins.

The bytes are ours: drawn by our browser and compressed by us, of one type; a picture never changes under its address.
"""

import re
from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from refine.api.pictures import load_crop, load_picture
from refine.dashboard.source import Source, open_source
from refine.errors import RefineError

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_FOR_GOOD = "private, max-age=31536000, immutable"
_NOT_KEPT = "no-store"
"""Crops show what people pointed at, and go when a person is erased."""
_TYPES = frozenset({"image/webp", "image/png"})
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ULID = re.compile(r"[0-9A-Z]{26}")

Loaded = tuple[str, bytes] | None


def picture_path(content_sha256: str, view: str) -> str:
    return f"/picture/{content_sha256}/{view}"


def crop_path(critique: str) -> str:
    return f"/crop/{critique}"


def picture_routes() -> list[BaseRoute]:
    async def picture(request: Request) -> Response:
        sha256, view = request.path_params["sha256"], request.path_params["view"]
        if not _SHA256.fullmatch(sha256) or view not in ("desktop", "phone"):
            return _missing()
        return await _answer(lambda source: source.load(load_picture, sha256, view), _FOR_GOOD)

    async def crop(request: Request) -> Response:
        critique = request.path_params["critique"]
        if not _ULID.fullmatch(critique):
            return _missing()
        return await _answer(lambda source: source.load(load_crop, critique), _NOT_KEPT)

    return [_route("/picture/{sha256}/{view}", picture), _route("/crop/{critique}", crop)]


def _route(path: str, handler: Callable[[Request], Awaitable[Response]]) -> Route:
    return Route(path, handler, methods=["GET"])


async def _answer(load: Callable[[Source], Loaded], kept: str) -> Response:
    try:
        found = await run_in_threadpool(lambda: load(open_source()))
    except RefineError:
        return PlainTextResponse(
            "This picture cannot be read.\n", 503, headers={**_HEADERS, "Cache-Control": _NOT_KEPT}
        )
    if found is None or found[0] not in _TYPES:
        return _missing()
    return Response(found[1], media_type=found[0], headers={**_HEADERS, "Cache-Control": kept})


def _missing() -> Response:
    return _say("There is no such picture.", 404)


def _say(words: str, status: int) -> Response:
    return PlainTextResponse(f"{words}\n", status, headers={**_HEADERS, "Cache-Control": _NOT_KEPT})
