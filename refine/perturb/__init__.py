"""Deliberate degradations of web pages: for now, the catalogue of planted flaws."""

from refine.perturb.flaw import Channel, Flaw, Pair
from refine.perturb.flaws import BY_NAME, FLAWS, find_flaws, find_wishes, is_known_page, understand
from refine.perturb.phrases import EMPTY_REMARKS, HELD_OUT_PRAISES, PRAISES
from refine.perturb.wishes import WISHES, Wish, without_wishes

__all__ = [
    "BY_NAME",
    "EMPTY_REMARKS",
    "FLAWS",
    "HELD_OUT_PRAISES",
    "PRAISES",
    "WISHES",
    "Channel",
    "Flaw",
    "Pair",
    "Wish",
    "find_flaws",
    "find_wishes",
    "is_known_page",
    "understand",
    "without_wishes",
]
