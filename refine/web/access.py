"""Who asks, and whether they may: the session cookie, where a request comes from, rate limits, errors as answers."""

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson

from refine.delivery import host_headers
from refine.errors import AccessDenied, FeedbackError, InputError, StoreError
from refine.web.place import Place
from store.labelers import LabelerSession, NewSession

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

LONGEST_BODY = 1_500_000
"""Bytes; a draft may have 256 KB and a ranking with sketches somewhat more."""

Handler = Callable[["Request"], Awaitable["Response"]]
SignedIn = Callable[["Request", LabelerSession], Awaitable["Response"]]


class Refused(Exception):
    """A request that is not taken: a status, and what the page's catalogue calls the reason."""

    def __init__(self, status: int, code: str, *, detail: str = "", wait_s: float = 0.0) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.wait_s = wait_s


def cookie_name(place: Place) -> str:
    """With its prefix a browser takes the cookie from this host alone, and over HTTPS alone."""
    return "__Host-refine" if place.is_https else "refine_session"


def session_of(place: Place, request: "Request") -> LabelerSession | None:
    token = request.cookies.get(cookie_name(place), "")
    return place.desk.find_session(token) if 20 <= len(token) <= 100 else None


def audience_of(place: Place) -> "Callable[[Request], str | None]":
    """For delivery: a candidate is shown to the labeler whose session asks."""

    def find(request: "Request") -> str | None:
        session = session_of(place, request)
        return None if session is None else session.labeler

    return find


def set_session(place: Place, response: "Response", session: NewSession) -> None:
    response.set_cookie(
        cookie_name(place),
        session.token,
        expires=session.expires_at,
        httponly=True,
        secure=place.is_https,
        samesite="lax",  # a link from a mail leads to the page; posts from elsewhere are refused by their Origin
        path="/",
    )


def drop_session(place: Place, response: "Response") -> None:
    response.delete_cookie(cookie_name(place), path="/", secure=place.is_https, httponly=True, samesite="lax")


def page_headers(place: Place, frames: list[str] | None = None) -> dict[str, str]:
    headers = host_headers(frames or []) | {
        "X-Frame-Options": "DENY",
        # Under `no-referrer` a browser says `null` for the origin of a form, which is no proof of anything.
        "Referrer-Policy": "same-origin",
    }
    if place.is_https:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


def check_origin(place: Place, request: "Request") -> None:
    """Nothing is changed for a page that is not ours. A browser says in each post where it comes from."""
    origin = request.headers.get("origin")
    if origin == place.sites.host:
        return
    if origin in (None, "null") and request.headers.get("sec-fetch-site") == "same-origin":
        return  # no page can set this header
    raise Refused(403, "foreign")


def check_rate(place: Place, session: LabelerSession) -> None:
    wait_s = place.asking.take(session.id) if place.is_limited else 0.0
    if wait_s > 0:
        raise Refused(429, "too_fast", wait_s=wait_s)


async def read_body(request: "Request", limit: int = LONGEST_BODY) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise Refused(413, "too_long", detail=f"more than {limit} bytes")
        parts.append(part)
    return b"".join(parts)


async def read_json(request: "Request") -> dict[str, Any]:
    """The JSON object in a request. Forms of other sites cannot send this type without asking first."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "not_json")
    try:
        value = orjson.loads(await read_body(request))
    except orjson.JSONDecodeError as error:
        raise Refused(400, "not_json", detail=error.msg) from error
    if not isinstance(value, dict):
        raise Refused(400, "not_json", detail="not an object")
    return value


def answer_json(value: object, status: int = 200, **headers: str) -> "Response":
    from starlette.responses import Response

    return Response(
        orjson.dumps(value),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **headers},
    )


def answering(handler: Handler) -> Handler:
    """For endpoints of scripts: what is refused is JSON with a code that the page has words for."""

    async def answer(request: "Request") -> "Response":
        try:
            return await handler(request)
        except (Refused, AccessDenied, InputError, StoreError) as error:
            refused = as_refused(error)
            waits = {"Retry-After": str(math.ceil(refused.wait_s))} if refused.wait_s else {}
            return answer_json({"code": refused.code, "detail": refused.detail[:500]}, refused.status, **waits)

    return answer


def as_refused(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, AccessDenied):
        return Refused(404, "not_yours")
    if isinstance(error, FeedbackError):
        return Refused(409, "not_taken", detail=str(error))
    if isinstance(error, InputError):
        return Refused(400, "not_taken", detail=str(error))
    return Refused(503, "not_now")


def for_scripts(place: Place, handler: SignedIn) -> Handler:
    """A post from our own page, by somebody who is signed in."""

    async def checked(request: "Request") -> "Response":
        check_origin(place, request)
        session = session_of(place, request)
        if session is None:
            raise Refused(401, "signed_out")
        check_rate(place, session)
        return await handler(request, session)

    return answering(checked)
