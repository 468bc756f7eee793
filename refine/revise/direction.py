"""Which way a remark pulls: two remarks on one matter that pull opposite ways are a conflict, not support."""

import re

from refine.revise.intake import normalise

# Axis: words for more of it, words for less of it. Only plain comparisons are understood; anything else pulls nowhere.
_AXES = {
    "size": (
        "big bigger large larger huge wide wider tall taller enlarge increase",
        "small smaller tiny narrow narrower short shorter shrink reduce",
    ),
    "speed": ("fast faster quick quicker", "slow slower sluggish"),
    "light": ("bright brighter light lighter", "dark darker dim dimmer"),
    "loudness": ("loud louder colorful colourful busy", "quiet quieter plain muted dull"),
    "amount": ("more add extra", "less fewer remove simpler"),
    "difficulty": ("hard harder difficult", "easy easier"),
}
_SIGNS = {
    word: (axis, sign)
    for axis, (more, less) in _AXES.items()
    for sign, listed in ((1, more), (-1, less))
    for word in listed.split()
}
# A plain adjective describes ("the fast answer"); these ask.
_ASKING = frozenset(word for word in _SIGNS if word.endswith("er")) | {
    "more", "less", "add", "remove", "increase", "reduce", "enlarge", "shrink",
}  # fmt: skip
_WORD = re.compile(r"[a-z]+")


def find_direction(claim: str) -> tuple[str, int] | None:
    """(axis, +1 or -1) of what a claim asks for; None when it asks for neither, or for both."""
    found = _WORD.findall(normalise(claim))
    asked: set[tuple[str, int]] = set()
    for place, word in enumerate(found):
        if word not in _SIGNS:
            continue
        axis, sign = _SIGNS[word]
        before = found[max(0, place - 4) : place]
        if before[-1:] == ["too"]:
            asked.add((axis, -sign))
            continue
        is_denied = "not" in before or "t" in before  # "isn't" is read as two words
        is_short_of = is_denied and "enough" in found[place + 1 : place + 2]
        if is_short_of or (word in _ASKING and not is_denied):
            asked.add((axis, sign))
    # "not as big, smaller": "more" and "less" only count where nothing more exact was said.
    exact = {pull for pull in asked if pull[0] != "amount"} or asked
    return next(iter(exact)) if len(exact) == 1 else None
