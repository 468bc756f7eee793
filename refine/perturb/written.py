"""Perturbations that a model writes: its request, and its reply read as hostile input.

They go through the same proof as the rest. A pure function of the replies so far, like the steps of refine.revise, so
that a recorded one is replayed by giving its replies again.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol, get_args

from refine.errors import InputError
from refine.perturb.degrade import SHOWS_IN, Site
from refine.perturb.edits import ByteEdit, apply_edits
from refine.perturb.flaw import Channel
from refine.perturb.perturbing import Perturbation, syntax_problem
from refine.perturb.source import read_source
from refine.prompts import fence, render
from refine.types import Ask, Files, GaveUp, Message, Part

WRITTEN = "written"
"""What their operator is called."""
LEAST, MOST = 0.03, 0.5
"""Severities that a model's word is taken for; others are moved to the nearer end."""
MAX_BLOCK_CHARS = 6000
_MAX_REPLY_CHARS = 200_000
_MAX_NOTICE_CHARS = 200
_LINE = re.compile(r"^[ \t*]{0,8}(CHANNEL|SEVERITY|NOTICE)[ \t*]{0,4}:[ \t*]{0,4}(.{1,1000})$", re.MULTILINE)
_OPEN = re.compile(r"<{5,9} ?SEARCH\b[ \t]*(.{0,300})")
_DIVIDER = re.compile(r"={5,9}[ \t]*")
_CLOSE = re.compile(r">{5,9} ?REPLACE\b.*")
_REACHES = re.compile(
    r"https?:|wss?:|[\"'(]//|\b(?:fetch|eval|Function|import|importScripts|XMLHttpRequest|WebSocket|EventSource|Worker|"
    r"sendBeacon|RTCPeerConnection)\b|\.(?:cookie|opener|parent|top)\b|<\s*(?:iframe|object|embed|base|meta|link|form)\b",
    re.IGNORECASE,
)
_TELLS = re.compile(
    r"(?://|/\*|<!--|#)[^\n]{0,200}\b(?:flaw|bug|broken|wrong|mistake|intentional|degrad|perturb|subtle|error)",
    re.IGNORECASE,
)


class ReplyLike(Protocol):
    """What is read of a reply; `refine.types.ModelReply` is one."""

    @property
    def text(self) -> str: ...


class _Read(NamedTuple):
    channel: Channel
    severity: float
    notice: str
    filename: str
    search: str
    replace: str


class _Unusable(Exception):
    """Why a reply cannot be used."""


def write_step(
    prompt: str, files: Files, *, replies: Sequence[ReplyLike], channel: Channel | None = None, seed: int = 0
) -> Ask | Perturbation | GaveUp:
    """Asks for a flaw (of `channel`, where given), once more when the first reply cannot be used, then gives up with
    the reason of the last. `seed` is recorded; it belongs to the request that the caller makes of the Ask."""
    if not replies:
        return _ask(prompt, files, channel)
    try:
        return _read_perturbation(replies[-1].text, files, channel, seed)
    except _Unusable as problem:
        if len(replies) > 1:
            return GaveUp(reason=str(problem))
        first = _ask(prompt, files, channel)
        note = Message("user", (Part(render("perturb_repair", problem=str(problem))),))
        return Ask(messages=(*first.messages, Message("assistant", (Part("(This reply could not be used.)"),)), note))


def write_from_replies(
    prompt: str, files: Files, *, replies: Sequence[ReplyLike], channel: str | None = None, seed: int = 0
) -> Perturbation | GaveUp:
    """Replay: the perturbation that the recorded replies make, without a model."""
    asked = next((each for each in get_args(Channel) if each == channel), None)
    for count in range(1, len(replies) + 1):
        made = write_step(prompt, files, replies=replies[:count], channel=asked, seed=seed)
        if not isinstance(made, Ask):
            return made
    return GaveUp(reason="the recorded replies end too early")


def _ask(prompt: str, files: Files, channel: Channel | None) -> Ask:
    parts = fence("prompt", prompt)
    for file in files:
        parts += fence("file", file.content, name=file.filename)
    system = render("perturb", channel=channel or "")
    return Ask(messages=(Message("system", (Part(system),)), Message("user", parts)))


def _read_perturbation(text: str, files: Files, channel: Channel | None, seed: int) -> Perturbation:
    read = _read_reply(text)
    if channel is not None and read.channel != channel:
        raise _Unusable(f"the flaw is of the kind {read.channel}, and {channel} was asked for")
    edit = _place(read, files)
    try:
        mutant = apply_edits(files, [edit])
    except (InputError, UnicodeEncodeError) as exc:
        raise _Unusable("the edit does not fit the file") from exc
    problem = syntax_problem(read_source(files), mutant)
    if problem:
        raise _Unusable(problem)
    site = Site(
        operator=WRITTEN,
        file=edit.file,
        start=edit.start,
        end=edit.end,
        how="",
        text=" ".join(read.search.split())[:60],
        spot=None,
    )
    return Perturbation(
        files=mutant,
        edits=(edit,),
        operator=WRITTEN,
        channel=read.channel,
        shows_in=SHOWS_IN[read.channel],
        severity=read.severity,
        seed=seed,
        description=read.notice,
        site=site,
    )


def _read_reply(text: str) -> _Read:
    text = text[:_MAX_REPLY_CHARS].replace("\r\n", "\n")
    above, filename, search, replace = _read_block(text.split("\n"))
    said = {name: value.strip(" \t*`") for name, value in reversed(_LINE.findall(above))}
    channel = next((each for each in get_args(Channel) if each == said.get("CHANNEL", "").lower()), None)
    if channel is None:
        raise _Unusable(f"the line CHANNEL must be one of {', '.join(get_args(Channel))}")
    notice = "".join(each if each.isprintable() else " " for each in said.get("NOTICE", ""))[:_MAX_NOTICE_CHARS].strip()
    if len(notice) < 8:
        raise _Unusable("the line NOTICE is missing")
    number = re.fullmatch(r"[01]?\.?\d{1,6}", said.get("SEVERITY", ""))
    if number is None:
        raise _Unusable("the line SEVERITY must be a number from 0.05 to 0.40")
    severity = min(max(float(number[0]), LEAST), MOST)
    return _Read(channel, severity, notice, filename, search, replace)


def _read_block(lines: Sequence[str]) -> tuple[str, str, str, str]:
    """The text above the one block, the file it names, and its two halves."""
    opens = [at for at, line in enumerate(lines) if _OPEN.fullmatch(line)]
    closes = [at for at, line in enumerate(lines) if _CLOSE.fullmatch(line)]
    if len(opens) > 1 and len(closes) > 1:
        raise _Unusable("there is more than one block")
    divides = [at for at, line in enumerate(lines) if opens and at > opens[0] and _DIVIDER.fullmatch(line)]
    if len(opens) != 1 or len(closes) != 1 or len(divides) != 1 or closes[0] < divides[0]:
        raise _Unusable("there is no block with SEARCH, one divider and REPLACE")
    opening = _OPEN.fullmatch(lines[opens[0]])
    assert opening is not None
    halves = lines[opens[0] + 1 : divides[0]], lines[divides[0] + 1 : closes[0]]
    name = opening[1].strip(" \t`:")
    return "\n".join(lines[: opens[0]]), name, "\n".join(halves[0]), "\n".join(halves[1])


def _place(read: _Read, files: Files) -> ByteEdit:
    """Where the block goes. Whatever it says stands in the file exactly once, and brings nothing that reaches out of
    the page or tells what it is."""
    if not read.search.strip() or max(len(read.search), len(read.replace)) > MAX_BLOCK_CHARS:
        raise _Unusable(f"the SEARCH text is empty, or the block is longer than {MAX_BLOCK_CHARS} characters")
    if read.search == read.replace:
        raise _Unusable("the block changes nothing")
    named = [at for at, file in enumerate(files) if file.filename == read.filename] or list(range(len(files)))
    found = [at for at in named if files[at].content.count(read.search) == 1]
    if len(found) != 1:
        raise _Unusable("the SEARCH text does not stand in the file exactly once")
    if set(_REACHES.findall(read.replace)) - set(_REACHES.findall(read.search)):
        raise _Unusable("the edit brings in something that reaches out of the page")
    if _TELLS.search(read.replace) and not _TELLS.search(read.search):
        raise _Unusable("the edit says what it is")
    before, _, _ = files[found[0]].content.partition(read.search)
    try:
        start, old, new = len(before.encode()), read.search.encode(), read.replace.encode()
    except UnicodeEncodeError as exc:
        raise _Unusable("the edit holds half a character") from exc
    return ByteEdit(file=found[0], start=start, old=old, new=new)
