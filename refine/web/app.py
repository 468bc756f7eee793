"""The application: pages, endpoints, delivery of candidates, health; everything else is not there."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from refine.api.queue import WorkDesk
from refine.delivery import FrameHosts, Sites, Tokens, delivery_app
from refine.web import access, views
from refine.web.assets import asset_routes
from refine.web.endpoints import Endpoints
from refine.web.frames import lookup_in, picture_route
from refine.web.pages import Pages
from refine.web.place import Place
from store.database import Database

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

Readiness = Callable[[], tuple[bool, dict[str, object]]]
"""Whether work can be given out and taken, and what there is to say about it."""


def labelling_app(
    database: Database, sites: Sites, *, secret: bytes, readiness: Readiness, is_limited: bool = True
) -> "ASGIApp":
    """The labelling page at `sites`, over a database that is open for writing.

    `secret` (32 bytes or more) seals the tokens of candidates: with the same one, open pages outlive a restart. Without
    `is_limited` anybody may ask as fast as they can, which is for load tests.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Mount

    place = Place(desk=WorkDesk(database), database=database, sites=sites, tokens=Tokens(secret), is_limited=is_limited)

    async def refuse(request: "Request", error: Exception) -> "Response":
        status = error.status_code if isinstance(error, HTTPException) else 500
        return views.show_message(place, request, "not_found" if status < 500 else "not_now", status=status)

    inner = Starlette(
        routes=[
            *Pages(place).routes(),
            *Endpoints(place).routes(),
            *asset_routes(place),
            picture_route(place),
            Mount(sites.prefix, delivery_app(lookup_in(place), access.audience_of(place), sites)),
        ],
        exception_handlers={HTTPException: refuse},
    )
    return Health(FrameHosts(inner, sites), readiness)


class Health:
    """/healthz and /readyz, whatever name the server is asked by: probes come by its address."""

    def __init__(self, app: "ASGIApp", readiness: Readiness) -> None:
        self._app = app
        self._readiness = readiness

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "http" and scope["path"] in ("/healthz", "/readyz") and scope["method"] in ("GET", "HEAD"):
            is_ready, said = (True, {}) if scope["path"] == "/healthz" else self._readiness()
            response = access.answer_json({"ok": is_ready, **said}, 200 if is_ready else 503)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)
