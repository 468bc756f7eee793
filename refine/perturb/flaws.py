"""The catalogue of planted flaws: what the scripted model plants and mends, and what simulated labelers notice.

They fit the pages of `demo/scripted`; on other pages they neither apply nor are found. Nothing else in Refine lists
flaws of its own. What the same two say about any other page is in `wishes`.
"""

import re
from collections.abc import Iterable

from refine.perturb._function_flaws import BEHAVIOUR, CONTENT
from refine.perturb._surface_flaws import ACCESSIBILITY, LATENCY, LOOK
from refine.perturb.flaw import Flaw
from refine.perturb.wishes import WISHES, Wish

FLAWS: tuple[Flaw, ...] = (*BEHAVIOUR, *CONTENT, *LOOK, *ACCESSIBILITY, *LATENCY)
_ALL: tuple[Flaw | Wish, ...] = (*FLAWS, *WISHES)
BY_NAME = {each.name: each for each in _ALL}

_KNOWN_PAGE_FITS = 10
"""A page that this many flaws fit was written by the scripted model; the fragments do not gather by chance."""
_LONGEST_SAYING = 4000
_NOT_WORD = re.compile(r"[^\w]+")


def find_flaws(pages: Iterable[str]) -> tuple[Flaw, ...]:
    """The flaws of a candidate's files together, in the catalogue's order."""
    texts = tuple(pages)
    return tuple(flaw for flaw in FLAWS if any(flaw.detect(text) for text in texts))


def is_known_page(pages: Iterable[str]) -> bool:
    """Whether the files are a page that the catalogue is made for, flawed or not."""
    texts = tuple(pages)
    return sum(any(flaw.fits(text) for text in texts) for flaw in FLAWS) >= _KNOWN_PAGE_FITS


def find_wishes(pages: Iterable[str]) -> tuple[Wish, ...]:
    """What people miss on a page that the catalogue is not made for; nothing on a known page."""
    texts = tuple(pages)
    wishes = tuple(wish for wish in WISHES if any(wish.detect(text) for text in texts))
    return () if not wishes or is_known_page(texts) else wishes


def understand(saying: str) -> tuple[Flaw | Wish, ...]:
    """The flaws and wishes that a saying names in a canonical claim or a known phrase; only its beginning is read."""
    text = _normal(saying[:_LONGEST_SAYING])
    return tuple(each for each, keys in _KEYS if any(key in text for key in keys))


def _normal(text: str) -> str:
    return f" {_NOT_WORD.sub(' ', text.casefold()).strip()} "


_KEYS = tuple((each, tuple(_normal(saying) for saying in (each.claim, *each.phrases))) for each in _ALL)
