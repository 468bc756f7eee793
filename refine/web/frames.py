"""Candidates of an assignment on their way into frames: tokens, and what stands behind one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from refine.api.showing import are_pictured, files_on_show, picture_on_show
from refine.delivery import PageRecord
from refine.delivery.headers import private_headers
from refine.web.access import session_of
from refine.web.bodies import LETTERS
from refine.web.place import Place
from refine.web.tutorial import lesson_files

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

_TUTORIAL = "tutorial"


def make_frames(place: Place, *, labeler: str, assignment: str, candidates: Sequence[str]) -> list[dict[str, str]]:
    """What the script makes frames of, in the order shown. Tokens are new each time and for this labeler alone. Where
    all pages have a picture, each has the path of its own."""
    frames = [_frame(place, n, f"{assignment}/{candidate}", labeler) for n, candidate in enumerate(candidates)]
    if are_pictured(place.database, candidates):
        for frame, candidate in zip(frames, candidates, strict=True):
            frame["picture"] = f"/picture/{place.tokens.mint(f'{assignment}/{candidate}', audience=labeler)}"
    return frames


def make_lesson_frames(place: Place, *, labeler: str, number: int, count: int) -> list[dict[str, str]]:
    return [_frame(place, n, f"{_TUTORIAL}/{number}/{n}", labeler) for n in range(count)]


def frame_urls(frames: Sequence[dict[str, str]]) -> list[str]:
    return [each["src"] for each in frames]


def _frame(place: Place, position: int, what: str, labeler: str) -> dict[str, str]:
    token = place.tokens.mint(what, audience=labeler)
    return {"label": LETTERS[position], "src": place.sites.frame_url(token), "page": place.sites.page_path(token)}


def lookup_in(place: Place) -> Callable[[str], PageRecord | None]:
    """For delivery: what a token stands for, if its labeler may still see it."""

    def lookup(token: str) -> PageRecord | None:
        claims = place.tokens.open(token)
        if claims is None or not claims.is_for(claims.audience):  # expired
            return None
        first, _, rest = claims.candidate.partition("/")
        if first == _TUTORIAL:
            number, _, position = rest.partition("/")
            files = lesson_files(int(number), int(position))
        else:
            files = files_on_show(place.database, labeler=claims.audience, assignment=first, candidate=rest)
        return None if files is None else PageRecord(files=files, audience=claims.audience)

    return lookup


def picture_route(place: Place) -> "BaseRoute":
    """Pictures of pages that are put away on a phone, to whom they are on show."""
    from starlette.responses import Response
    from starlette.routing import Route

    async def send(request: "Request") -> "Response":
        session = session_of(place, request)
        claims = place.tokens.open(request.path_params["token"])
        found = None
        if session is not None and claims is not None and claims.is_for(session.labeler):
            assignment, _, candidate = claims.candidate.partition("/")
            found = picture_on_show(place.database, labeler=session.labeler, assignment=assignment, candidate=candidate)
        if found is None:
            return Response("There is nothing here.", status_code=404, headers=private_headers())
        media_type, data = found
        return Response(data, media_type=media_type, headers=private_headers())

    return Route("/picture/{token}", send, methods=["GET"])
