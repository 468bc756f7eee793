"""Variations of a prompt: the same request but for one requirement, so that a page made for it falls short.

A model writes the request, and its reply is read as hostile input; another call makes the page of it, as any draft.
That the page is worse as an answer to the first request is not certain: like any control it has to be proven to
differ, and is retired where trusted labelers do not find it worse. A pure function of the replies, for replay.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from refine.artifact import content_hash
from refine.perturb.written import ReplyLike
from refine.prompts import fence, render
from refine.types import Ask, Files, GaveUp, Message, Part, ProposedControl

Change = Literal["add", "drop", "change"]
CHANGES: tuple[Change, ...] = ("add", "drop", "change")
VARIATION = "variation"
"""What their operator is called."""
SEVERITY = 0.15
"""The prior, from nobody's measurement."""
MAX_PROMPT_CHARS = 50_000
LEAST_SHARED = 0.3
"""Of the character 4-grams of the shorter one: less, and it is another request, not this one varied."""
_LEAST_LENGTH = 0.3
"""Of the first request's: what is left of it is no whole request."""
_GRAM = 4
_MAX_REPLY_CHARS = 200_000
_MAX_NOTICE_CHARS = 200
_NOTICE = re.compile(r"^[ \t*]{0,8}NOTICE[ \t*]{0,4}:[ \t*]{0,4}(.{1,1000})$", re.MULTILINE)
_OPEN = re.compile(r"<{5,9} ?REQUEST[ \t]*")
_CLOSE = re.compile(r">{5,9} ?REQUEST[ \t]*")
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn")
"""Controls, of the direction of text too, and what no font has. Blanks of every script are none."""
_JOINERS = "\n\t\u200c\u200d"
"""The last two join letters and emoji."""
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """A request that differs from the first in one requirement."""

    prompt: str
    """Of the model's making, so hostile."""
    change: Change
    """What the model was asked to do to the requirement."""
    notice: str
    """One line on what a person misses; hostile too."""


class _Unusable(Exception):
    """Why a reply cannot be used."""


def vary_step(prompt: str, *, change: Change, replies: Sequence[ReplyLike]) -> Ask | Variation | GaveUp:
    """Asks for a varied request, once more when the first reply cannot be used, then gives up with the reason of the
    last."""
    if not replies:
        return _ask(prompt, change)
    try:
        return _read(replies[-1].text, prompt, change)
    except _Unusable as problem:
        if len(replies) > 1:
            return GaveUp(reason=str(problem))
        note = Message("user", (Part(render("vary_repair", problem=str(problem))),))
        unusable = Message("assistant", (Part("(This reply could not be used.)"),))
        return Ask(messages=(*_ask(prompt, change).messages, unusable, note))


def vary_from_replies(prompt: str, *, change: Change, replies: Sequence[ReplyLike]) -> Variation | GaveUp:
    """Replay: what the recorded replies make, without a model."""
    for count in range(1, len(replies) + 1):
        made = vary_step(prompt, change=change, replies=replies[:count])
        if not isinstance(made, Ask):
            return made
    return GaveUp(reason="the recorded replies end too early")


def propose_variation(variation: Variation, original: Files, files: Files) -> ProposedControl:
    """`files`, made for the variation, as a control beside `original`, which was made for the prompt itself."""
    return ProposedControl(
        files=files,
        operator=VARIATION,
        channel="content",
        severity=SEVERITY,
        shows_in=frozenset({"content", "behaviour", "look"}),
        record={
            "format": 1,
            "original": content_hash(original),
            "mutant": content_hash(files),
            "operator": VARIATION,
            "channel": "content",
            "severity": SEVERITY,
            "description": variation.notice,
            "change": variation.change,
            "prompt": variation.prompt,
        },
    )


def _ask(prompt: str, change: Change) -> Ask:
    system = Message("system", (Part(render("vary", change=change)),))
    return Ask(messages=(system, Message("user", fence("prompt", prompt))))


def _read(text: str, prompt: str, change: Change) -> Variation:
    lines = text[:_MAX_REPLY_CHARS].replace("\r\n", "\n").split("\n")
    opens = [at for at, line in enumerate(lines) if _OPEN.fullmatch(line)]
    closes = [at for at, line in enumerate(lines) if _CLOSE.fullmatch(line)]
    if len(opens) != 1 or len(closes) != 1 or closes[0] < opens[0]:
        raise _Unusable("there is no request between one line <<<<<<< REQUEST and one line >>>>>>> REQUEST")
    varied = "\n".join(lines[opens[0] + 1 : closes[0]]).strip()
    if not varied or len(varied) > min(MAX_PROMPT_CHARS, 2 * len(prompt) + 1000):
        raise _Unusable("the request is empty, or much longer than the first")
    if len(varied) < _LEAST_LENGTH * len(prompt):
        raise _Unusable("the request is much shorter than the first")
    if any(unicodedata.category(each) in _UNSEEN and each not in _JOINERS for each in varied):
        raise _Unusable("the request holds characters that cannot be printed")
    mine, first = _plain(varied), _plain(prompt)
    if mine == first:
        raise _Unusable("the request is the first one again")
    if _shared(mine, first) < LEAST_SHARED:
        raise _Unusable("the request is another one altogether; one requirement is to differ")
    found = _NOTICE.search("\n".join(lines[: opens[0]]))
    said = "" if found is None else found[1].strip(" \t*`")
    notice = "".join(each if each.isprintable() else " " for each in said)[:_MAX_NOTICE_CHARS].strip()
    if len(notice) < 8:
        raise _Unusable("the line NOTICE is missing")
    return Variation(prompt=varied, change=change, notice=notice)


def _plain(text: str) -> str:
    return _NOT_WORD.sub(" ", text.casefold()).strip()


def _shared(a: str, b: str) -> float:
    """How many 4-grams of the shorter the other has too: of characters, so that it holds in every script."""
    one, other = _grams(a), _grams(b)
    return len(one & other) / min(len(one), len(other))


def _grams(text: str) -> set[str]:
    return {text[at : at + _GRAM] for at in range(max(len(text) - _GRAM + 1, 1))}
