"""The ASGI routes of delivery: frames' documents, candidates on their way to the page around them, and libraries."""

import gzip
import inspect
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from refine.delivery import libraries, texts
from refine.delivery.addresses import Wanted
from refine.delivery.bundling import Bundle, bundle
from refine.delivery.frame import frame_document, host_script, host_script_url
from refine.delivery.headers import frame_headers, library_headers, private_headers
from refine.delivery.libraries import Library
from refine.delivery.sites import FRAME_PATH, Sites, is_label
from refine.types import Files

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRecord:
    """What a token stands for: the files as they are stored, and who may see them."""

    files: Files
    audience: str


Lookup = Callable[[str], PageRecord | Awaitable[PageRecord | None] | None]
"""Token -> its record, or None for one that is unknown or expired. A plain function is called in the event loop."""
AudienceOf = Callable[["Request"], str | None]
"""Who asks, by a session of the page around the frames; None for nobody. It is never read from the token."""

_known: dict[str, Library] = {}
"""Libraries by key, once one was asked for."""


def delivery_app(lookup: Lookup, audience_of: AudienceOf, sites: Sites) -> "Starlette":
    """The routes to mount at `sites.prefix` on the origin of the page around the frames.

    A candidate is given only to who asks with a session whose audience is the token's: a token alone opens nothing.
    Anything else is answered 404, the same way whatever the reason.
    """
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    origin = sites.host

    async def page(request: Request) -> Response:
        token = request.path_params["token"]
        audience = audience_of(request)
        if audience is None or not _is_from_here(request, origin):
            return _missing()
        found = lookup(token)
        record = await found if inspect.isawaitable(found) else found
        if record is None or record.audience != audience:
            return _missing()
        content = json.dumps(page_values(bundle(record.files), sites)).encode()
        return _sent(request, content, "application/json", private_headers())

    async def library(request: Request) -> Response:
        found = find_library(request.path_params["key"], request.query_params.getlist("family"))
        if found is None:
            return _missing()
        return _sent(request, None, found.media_type, library_headers(), library=found)

    async def script(request: Request) -> Response:
        return _sent(request, host_script(), "text/javascript", library_headers())

    async def frame(request: Request) -> Response:
        label = request.path_params["label"]
        if not is_label(label):
            return _missing()
        return _sent(request, frame_document(), "text/html", frame_headers([origin], sites.frame_url_of(label)))

    routes = [
        Route("/page/{token}", page, methods=["GET"]),
        Route("/library/{key}/{name}", library, methods=["GET"]),
        Route(host_script_url(sites).removeprefix(sites.prefix), script, methods=["GET"]),
    ]
    if sites.is_one_host:
        routes.append(Route(f"{FRAME_PATH}/{{label}}", frame, methods=["GET"]))
    return Starlette(routes=routes)


class FrameHosts:
    """ASGI middleware: answers for the hostnames of frames, and only there; everything else goes to the app inside.

    On such a hostname there is one document and nothing more, so that no page of ours is ever on a frame's origin.
    Requests for a hostname that is neither a frame's nor `sites.host` are refused: another name for this server would
    be another origin, without the headers that are made for this one.
    """

    def __init__(self, app: "ASGIApp", sites: Sites) -> None:
        self._app = app
        self._sites = sites

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        if self._sites.is_frame_host(host):
            await self._frame(host.lower().partition(".")[0], scope, receive, send)
        elif host.lower() == urlsplit(self._sites.host).netloc.lower():
            await self._app(scope, receive, send)
        else:
            await _refuse(scope, receive, send, 421)

    async def _frame(self, label: str, scope: "Scope", receive: "Receive", send: "Send") -> None:
        from starlette.requests import Request

        if scope["type"] != "http" or scope["path"] != FRAME_PATH or scope["method"] not in ("GET", "HEAD"):
            await _refuse(scope, receive, send, 404)
            return
        headers = frame_headers([self._sites.host], self._sites.frame_url_of(label))
        response = _sent(Request(scope), frame_document(), "text/html", headers)
        await response(scope, receive, send)


def page_values(made: Bundle, sites: Sites) -> dict[str, object]:
    """What the page around a frame gets of a candidate: texts and addresses of libraries, no names, no ids."""
    assets = []
    for asset in made.assets:
        value: dict[str, str] = {"key": f"refine-asset:{asset.key}", "type": asset.media_type}
        if asset.library is not None:
            query = urlencode([("family", family) for family in asset.library.families])
            value["url"] = f"{sites.prefix}/library/{asset.key}/{asset.library.filename}{query and '?' + query}"
        else:
            value["text"] = asset.text
        assets.append(value)
    files = {name: f"refine-asset:{key}" for name, key in made.files.items()}
    return {"html": made.html, "entry": made.entry, "pages": made.pages, "files": files, "assets": assets}


def find_library(key: str, families: Sequence[str] = ()) -> Library | None:
    """By key; also in a process that has delivered no page which needs it."""
    if families:
        found = libraries.find(Wanted(name="@fontsource", families=tuple(families[:20])), "style")
        return found.library if found and found.library.key == key else None
    if key not in _known:
        _known.update((each.key, each) for each in libraries.all_libraries())
    return _known.get(key)


def _is_from_here(request: "Request", origin: str) -> bool:
    """Browsers say where a request comes from; another site, or a frame, has no business here."""
    if request.headers.get("origin", origin) != origin:
        return False
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _sent(
    request: "Request",
    content: bytes | None,
    media_type: str,
    headers: dict[str, str],
    *,
    library: Library | None = None,
) -> "Response":
    from starlette.responses import Response

    headers = {**headers, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        packed = texts.gzipped(library) if library else _gzipped(content or b"")
        return Response(packed, media_type=media_type, headers={**headers, "Content-Encoding": "gzip"})
    plain = texts.text_of(library).encode() if library else content
    return Response(plain, media_type=media_type, headers=headers)


@lru_cache(maxsize=32)
def _gzipped(content: bytes) -> bytes:
    return gzip.compress(content, 6, mtime=0)


def _missing() -> "Response":
    from starlette.responses import PlainTextResponse

    return PlainTextResponse("There is nothing here.", status_code=404, headers=private_headers())


async def _refuse(scope: "Scope", receive: "Receive", send: "Send", status: int) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    from starlette.responses import PlainTextResponse

    response = PlainTextResponse("There is nothing here.", status_code=status, headers=private_headers())
    await response(scope, receive, send)
