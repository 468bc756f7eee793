"""Candidates of an assignment on their way into frames: tokens, and what stands behind one."""

from collections.abc import Callable, Sequence

from refine.api.showing import files_on_show
from refine.delivery import PageRecord
from refine.web.bodies import LETTERS
from refine.web.place import Place
from refine.web.tutorial import lesson_files

_TUTORIAL = "tutorial"


def make_frames(place: Place, *, labeler: str, assignment: str, candidates: Sequence[str]) -> list[dict[str, str]]:
    """What the script makes frames of, in the order shown. Tokens are new each time and for this labeler alone."""
    return [_frame(place, n, f"{assignment}/{candidate}", labeler) for n, candidate in enumerate(candidates)]


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
