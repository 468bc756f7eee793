"""Intake: critiques cut into segments that the distiller can cite by id, without changing a character.

A segment is a slice of the original text. What is left out of a message (invisible characters) is left out by cutting
the slice in two, so every part of a message that holds a person's words is still a plain slice of the critique.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from refine.types import CritiqueRecord, Part, PlanRejection, Span

MAX_CRITIQUES = 40
MAX_CHARS = 4000
"""Of one critique; the rest is not read."""
MAX_SEGMENTS = 12
MAX_SEGMENT_CHARS = 500

_LINE = re.compile(r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")  # every line end that str.splitlines knows
_SENTENCE = re.compile(r"(?<![.!?…])[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]+")
_KEPT_FORMAT = "\u200c\u200d"  # joiners: emoji and Persian need them
_SCREEN = "|".join(
    (
        r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:previous|prior|above|all|earlier|your|these|those)\b"
        r".{0,30}\b(?:instruction|prompt|rule|message|direction|guideline)",
        r"\b(?:system|developer)\s?(?:prompt|message)\b|\b(?:reveal|print|repeat)\b.{0,30}\b(?:prompt|instructions)\b",
        r"\byou are (?:now|no longer)\b|\bact as (?:an?|the)\b|\bpretend (?:to be|you)\b|\bas an ai\b",
        r"\A\W{0,5}(?:system|assistant|developer|human|user)\s?[:>\]]",
        r"<\|[a-z_]{1,30}\|>|\[/?inst\]|<</?sys>>|</?(?:system|assistant|instructions?)>",
        r"<{5,}\s?search|>{5,}\s?replace|\[refine:|\"atoms\"|[0-9a-f]{12}>>>|<<<[a-z_]+ ",
        r"\b(?:ignora|ignorez|ignoriere|vergiss|olvida|oubliez)\b.{0,40}\b(?:instruc|anweisung|consignes?|istruzion)",
        r"忽略.{0,12}(?:指令|指示|提示)|无视.{0,12}(?:指令|指示)|игнорируй.{0,40}инструкци|以前の指示|指示を無視",
        r"<script\b|javascript:|\bfetch\s?\(|document\.cookie|\beval\s?\(",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One sentence or line of a critique."""

    id: str
    """`k1.2`: the second segment of the first critique."""
    critique: CritiqueRecord
    start: int
    end: int

    @property
    def is_flagged(self) -> bool:
        """Looks like an attempt to instruct the model: telemetry, never the defence."""
        return is_suspicious(self.text)

    @property
    def span(self) -> Span:
        return Span(critique=self.critique.id, start=self.start, end=self.end)

    @property
    def text(self) -> str:
        return self.critique.text[self.start : self.end]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    critiques: tuple[tuple[Segment, ...], ...]
    """The segments of each critique that is used, in order; never an empty one."""
    rejected: tuple[PlanRejection, ...]

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(segment for critique in self.critiques for segment in critique)


def take_in(critiques: Sequence[CritiqueRecord], parent: str) -> Intake:
    """The critiques about the parent, in segments, and what is left out with its reason."""
    rejected: list[PlanRejection] = []
    about: list[CritiqueRecord] = []
    for critique in critiques:
        if critique.candidate != parent:
            rejected.append(_reject(critique, "about another candidate"))
        elif not normalise(critique.text):
            rejected.append(_reject(critique, "empty"))
        else:
            about.append(critique)
    trusted = sorted(about, key=lambda critique: (-critique.reliability, critique.id))[:MAX_CRITIQUES]
    chosen = {critique.id for critique in trusted}
    used: list[tuple[Segment, ...]] = []
    for critique in about:
        if critique.id not in chosen:
            rejected.append(_reject(critique, f"beyond the {MAX_CRITIQUES} critiques that are read"))
            continue
        spans = _cut(critique.text[:MAX_CHARS])
        if spans:
            used.append(_segments(critique, f"k{len(used) + 1}", spans[:MAX_SEGMENTS]))
        rest = spans[MAX_SEGMENTS][0] if len(spans) > MAX_SEGMENTS else min(MAX_CHARS, len(critique.text))
        if critique.text[rest:].strip():
            rejected.append(_reject(critique, "beyond the length that is read", start=rest))
    return Intake(critiques=tuple(used), rejected=tuple(rejected))


def _segments(critique: CritiqueRecord, key: str, spans: Sequence[tuple[int, int]]) -> tuple[Segment, ...]:
    return tuple(
        Segment(id=f"{key}.{place}", critique=critique, start=start, end=end)
        for place, (start, end) in enumerate(spans, start=1)
    )


def _reject(critique: CritiqueRecord, reason: str, start: int = 0) -> PlanRejection:
    return PlanRejection(reason=reason, cite=Span(critique=critique.id, start=start, end=len(critique.text)))


def _cut(text: str) -> list[tuple[int, int]]:
    """Where the segments are: sentences, short ones of one line joined where there would be too many."""
    lines = [list(_sentences(text, line.start(), line.end())) for line in _LINE.finditer(text)]
    count = sum(len(line) for line in lines)
    if count <= MAX_SEGMENTS:
        return [span for line in lines for span in line]
    wanted = min(MAX_SEGMENT_CHARS, len(text) // MAX_SEGMENTS + 1)
    joined: list[tuple[int, int]] = []
    for line in lines:
        for place, (start, end) in enumerate(line):
            fits = place > 0 and end - joined[-1][0] <= MAX_SEGMENT_CHARS and joined[-1][1] - joined[-1][0] < wanted
            if fits:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
    return joined


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    ends = [match.end() for match in _SENTENCE.finditer(text, start, end)]
    for stop in [*ends, end]:
        piece_start = start
        while piece_start < stop:
            piece_stop = min(stop, piece_start + MAX_SEGMENT_CHARS)
            if piece_stop < stop:
                space = text.rfind(" ", piece_start + 1, piece_stop)
                piece_stop = space if space > 0 else piece_stop
            left, right = _strip(text, piece_start, piece_stop)
            if normalise(text[left:right]):
                yield left, right
            piece_start = piece_stop
        start = stop


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))


def _is_hidden(char: str) -> bool:
    return char not in _KEPT_FORMAT and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") and char != "\t"


def words(text: str, span: Span, *, escapes: Mapping[str, str] = MappingProxyType({})) -> Iterator[Part]:
    """A person's words as parts that are slices of the critique, without invisible characters and line ends.

    `text` is the slice that `span` names. A character in `escapes` is written as its escape, in a part without a span.
    """
    if text.isprintable() and not any(char in text for char in escapes):
        if text:
            yield Part(text, span)
        return
    start = 0
    for place, char in enumerate([*text, "\x00"]):
        if char not in escapes and not _is_hidden(char) and char not in "\u2028\u2029":
            continue
        if place > start:
            piece = Span(critique=span.critique, start=span.start + start, end=span.start + place)
            yield Part(text[start:place], piece)
        if char in escapes:
            yield Part(escapes[char])
        start = place + 1


def normalise(text: str) -> str:
    """A copy for comparing and screening: compatibility forms folded, invisible characters dropped, spaces single."""
    seen = unicodedata.normalize("NFKC", text)
    if not seen.isprintable():  # printable text has no invisible characters
        seen = "".join(char for char in seen if not _is_hidden(char) or char.isspace())
    return " ".join(seen.casefold().split())


def is_suspicious(text: str) -> bool:
    """Whether a segment looks like an attempt to instruct the model."""
    copy = normalise(text)[: 2 * MAX_SEGMENT_CHARS]
    hidden = not text.isprintable() and any(
        unicodedata.category(char) == "Cf" and char not in _KEPT_FORMAT for char in text
    )
    # The patterns are bounded; the time-out is a second lock on text that strangers write.
    return hidden or _screen().search(copy, timeout=1.0) is not None


@cache
def _screen() -> Any:
    import regex  # type: ignore[import-untyped]  # it ships no types; late: most plans need no screen

    return regex.compile(_SCREEN)
