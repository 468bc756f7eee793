"""One live candidate, the safe way: a page of its own around one frame of `refine.delivery`, on the dashboard's port.

The frame's document is on a hostname of its own (`c-….localhost`), where nothing of ours is; the candidate is handed in
by the page around it. That page works for a browser on this machine; a proxy would need hostnames for frames.
"""

import html
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from refine.api.browsing import load_candidate_files
from refine.dashboard.operators import is_local_use
from refine.dashboard.source import open_source
from refine.dashboard.static import asset_url
from refine.delivery import FrameHosts, PageRecord, Sites, Tokens, delivery_app, frame_html, host_headers
from refine.delivery import host_script_tag as script_tag
from refine.delivery.headers import private_headers
from refine.errors import RefineError

PREFIX = "/delivery"
LIFETIME = timedelta(minutes=30)
_HOST = "127.0.0.1"
_COOKIE = "refine_live"
_VIEWERS = 1000
_LINKS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCandidate:
    chain: str
    candidate: str
    name: str
    """What people call it: "revision 1 of round 2"."""


class Stage:
    """What is live for whom: for each viewer the page that was opened last, and no other."""

    def __init__(self, *, lifetime: timedelta = LIFETIME) -> None:
        self._lifetime = lifetime
        self._tokens = Tokens(secrets.token_bytes(32), lifetime=lifetime)
        self._newest: OrderedDict[str, str] = OrderedDict()

    def make_link(self, it: LiveCandidate, *, viewer: str) -> str:
        """A path that opens the candidate for as long as a link lives. `viewer` is the session's own secret."""
        name = " ".join(it.name.split())[:60]
        return f"/live/{self._tokens.mint(f'{it.chain}/{it.candidate}/{name}', audience=viewer)}"

    def keep_link(self, kept: dict[str, tuple[float, str]], it: LiveCandidate, *, viewer: str) -> str:
        """As `make_link`, the same one again out of `kept` while half of its life is left."""
        now = time.monotonic()
        known = kept.get(it.candidate)
        if known is None or known[0] <= now:
            if len(kept) >= _LINKS:
                kept.clear()
            known = (now + self._lifetime.total_seconds() / 2, self.make_link(it, viewer=viewer))
            kept[it.candidate] = known
        return known[1]

    def open(self, link: str) -> tuple[LiveCandidate, str, str] | None:
        """What a link's token stands for, its viewer, and a new token for the frame, which ends the one before; None
        for one that is unknown or expired."""
        claims = self._tokens.open(link)
        if claims is None or not claims.is_for(claims.audience):
            return None
        token = self._tokens.mint(claims.candidate, audience=claims.audience)
        self._newest[claims.audience] = token
        self._newest.move_to_end(claims.audience)
        while len(self._newest) > _VIEWERS:
            self._newest.popitem(last=False)
        return _parse(claims.candidate), claims.audience, token

    async def look_up(self, token: str) -> PageRecord | None:
        """For delivery: the files behind the newest token of its viewer."""
        claims = self._tokens.open(token)
        if claims is None or not claims.is_for(claims.audience) or self._newest.get(claims.audience) != token:
            return None
        it = _parse(claims.candidate)
        try:
            files = await run_in_threadpool(lambda: open_source().load(load_candidate_files, it.chain, it.candidate))
        except RefineError:
            return None
        return PageRecord(files=files, audience=claims.audience) if files else None


STAGE = Stage()
"""Of this process. Its secret is new at every start: links do not outlive it."""


def _parse(text: str) -> LiveCandidate:
    chain, candidate, name = text.split("/", 2)
    return LiveCandidate(chain=chain, candidate=candidate, name=name)


def new_viewer() -> str:
    return secrets.token_urlsafe(24)


@cache
def sites_on(port: int) -> Sites:
    return Sites(host=f"http://{_HOST}:{port}", frames=f"http://{{label}}.localhost:{port}", prefix=PREFIX)


class FrameGate:
    """ASGI middleware: a frame's hostname has its document and nothing else; all other requests go on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
            sites = sites_on(_port(scope))
            if sites.is_frame_host(host):
                await FrameHosts(self._app, sites)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _port(scope: Scope) -> int:
    server = scope.get("server")
    return int(server[1]) if server and server[1] else 0


def live_routes(stage: Stage = STAGE) -> list[BaseRoute]:
    """The page around the frame, and delivery."""
    return [Route("/live/{link}", _showing(stage), methods=["GET"]), Mount(PREFIX, _Delivery(stage))]


class _Delivery:
    """`delivery_app` for the port that is asked."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._apps: dict[int, ASGIApp] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        port = _port(scope)
        if port not in self._apps:
            self._apps[port] = delivery_app(
                self._stage.look_up, lambda request: request.cookies.get(_COOKIE), sites_on(port)
            )
        await self._apps[port](scope, receive, send)


def _showing(stage: Stage) -> Callable[[Request], Awaitable[Response]]:
    async def show(request: Request) -> Response:
        sites = sites_on(_port(request.scope))
        if not is_local_use({name.lower(): value for name, value in request.headers.items()}):
            return _say("A live page is shown to a browser on the dashboard's own machine only.", 403)
        if request.headers.get("host", "") != sites.host.removeprefix("http://"):
            return RedirectResponse(f"{sites.host}{request.url.path}", 307, headers=private_headers())
        opened = stage.open(request.path_params["link"])
        if opened is None:
            return _say("This link is no longer good. Go back to the chain and open the page from there.", 404)
        it, viewer, token = opened
        response = HTMLResponse(_page(sites, it, token), headers=host_headers([sites.frame_url(token)]))
        response.set_cookie(
            _COOKIE, viewer, httponly=True, samesite="strict", path=PREFIX, max_age=int(LIFETIME.total_seconds())
        )
        return response

    return show


def _say(words: str, status: int) -> Response:
    return PlainTextResponse(f"{words}\n", status_code=status, headers=private_headers())


def _page(sites: Sites, it: LiveCandidate, token: str) -> str:
    name = html.escape(it.name)
    back = html.escape(f"/chain?chain={it.chain}")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name} · Refine</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{asset_url("preview.css")}">
{script_tag(sites)}
<script src="{asset_url("preview.js")}" defer></script>
<script src="{asset_url("live.js")}" defer></script>
</head>
<body>
<header>
<h1>{name}</h1>
<a href="{back}">Its chain</a>
<div class="widths" role="group" aria-label="Width">
<button type="button" data-width="" aria-pressed="true">Full</button>
<button type="button" data-width="820" aria-pressed="false">Tablet</button>
<button type="button" data-width="390" aria-pressed="false">Phone</button>
</div>
<p class="state" role="status"></p>
<span class="space"></span>
<button type="button" class="again">Show afresh</button>
</header>
<main>{frame_html(sites, token, label="live")}</main>
</body>
</html>
"""
