"""One candidate shown as a labeler would see it: the page around its frame, and a server for it."""

import html
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from refine.delivery.bundling import Bundle, Substitution, bundle
from refine.delivery.frame import BROWSER, frame_html, host_script_tag
from refine.delivery.headers import host_headers, library_headers, private_headers
from refine.delivery.routes import FrameHosts, PageRecord, delivery_app
from refine.delivery.sites import Sites
from refine.delivery.tokens import Tokens
from refine.types import Files

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

_COOKIE = "refine_preview"
_AUDIENCE = "preview"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    app: "ASGIApp"
    url: str
    """Where to open it; it holds a secret, without which there is nothing to see."""
    made: Bundle


def make_preview(files: Files, *, port: int, one_host: bool) -> Preview:
    """Raises InputError when there is no page among the files."""
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse, PlainTextResponse, Response
    from starlette.routing import Mount, Route

    if one_host:
        sites = Sites(host=f"http://127.0.0.1:{port}")
    else:
        sites = Sites(host=f"http://localhost:{port}", frames=f"http://{{label}}.localhost:{port}")
    made = bundle(files)
    tokens = Tokens(secrets.token_bytes(32))
    secret = secrets.token_urlsafe(24)
    token = tokens.mint("page", audience=_AUDIENCE)

    def lookup(asked: str) -> PageRecord | None:
        claims = tokens.open(asked)
        return PageRecord(files=files, audience=_AUDIENCE) if claims and claims.is_for(_AUDIENCE) else None

    def audience_of(request: "Request") -> str | None:
        held = request.cookies.get(_COOKIE, "")
        return _AUDIENCE if secrets.compare_digest(held.encode(), secret.encode()) else None

    async def show(request: "Request") -> Response:
        if not secrets.compare_digest(request.path_params["secret"].encode(), secret.encode()):
            return PlainTextResponse("There is nothing here.", status_code=404, headers=private_headers())
        page = _page(made, frame_html(sites, token, label="A"), host_script_tag(sites))
        response = HTMLResponse(page, headers=host_headers([sites.frame_url(token)]))
        response.set_cookie(_COOKIE, secret, httponly=True, samesite="strict")
        return response

    async def script(_: "Request") -> Response:
        text = (BROWSER / "preview.js").read_text(encoding="utf-8")
        return Response(text, media_type="text/javascript", headers=library_headers() | {"Cache-Control": "no-store"})

    inner = Starlette(
        routes=[
            Route("/preview.js", script),
            Route("/view/{secret}", show),
            Mount(sites.prefix, delivery_app(lookup, audience_of, sites)),
        ]
    )
    return Preview(app=FrameHosts(inner, sites), url=f"{sites.host}/view/{secret}", made=made)


def _page(made: Bundle, frame: str, script: str) -> str:
    style = (BROWSER / "preview.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Preview · Refine</title>
<link rel="icon" href="data:,">
<style>{style}</style>
{script}
<script src="/preview.js" defer></script>
</head>
<body>
<header>
<h1>Preview</h1>
<div class="widths" role="group" aria-label="Width">
<button type="button" data-width="" aria-pressed="true">Full</button>
<button type="button" data-width="820" aria-pressed="false">Tablet</button>
<button type="button" data-width="390" aria-pressed="false">Phone</button>
</div>
<p class="state" role="status"></p>
<span class="space"></span>
{_report(made)}
<button type="button" class="again">Show afresh</button>
</header>
<main>{frame}</main>
</body>
</html>
"""


def _report(made: Bundle) -> str:
    if not made.substituted and not made.unknown:
        return ""
    rows = [
        f"<li><b>{html.escape(_name(each))}</b>"
        f"{'' if each.is_same_major else ' <em>another major version than asked for</em>'}"
        f"<small>{html.escape(each.address)}</small></li>"
        for each in made.substituted
    ]
    rows += [
        f"<li class='not'><b>Not given to the page</b><small>{html.escape(each)}</small></li>" for each in made.unknown
    ]
    count = len(made.unknown)
    said = f"{len(made.substituted)} from here" + (f", {count} not given" if count else "")
    return f"<details><summary>Addresses: {said}</summary><ul>{''.join(rows)}</ul></details>"


def _name(each: Substitution) -> str:
    return f"{each.package} {each.version}" if each.version else f"Fonts: {each.path}"
