"""Atoms: the separate remarks a distiller found, read strictly out of its reply.

An atom cites a segment by id and never quotes, so what it rests on is verbatim by construction.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, get_args

from refine.revise.intake import Segment, normalise
from refine.types import IssueKind, Span

Polarity = Literal["fix", "keep", "off_topic"]

MAX_REPLY_CHARS = 400_000
MAX_ATOMS = 500
MAX_CLAIM_CHARS = 600
MAX_TARGET_CHARS = 200
MAX_SLUG_CHARS = 80

_FIELDS = frozenset({"segment", "kind", "polarity", "issue", "target", "claim", "severity"})
_KINDS = frozenset(get_args(IssueKind))
_POLARITIES = frozenset(get_args(Polarity))
_NOT_WORD = re.compile(r"[\W_]+")
_FENCED = re.compile(r"^ {0,3}(?:```|~~~)[^\n]*\n(.*?)^ {0,3}(?:```|~~~)", re.DOTALL | re.MULTILINE)


class InvalidAtoms(ValueError):
    """The reply is not a valid list of atoms; the message says what is wrong, for the repair turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Atom:
    segment: Segment
    kind: IssueKind
    polarity: Polarity
    slug: str
    """Lower case, words joined by hyphens; empty when the distiller gave none."""
    target: str
    claim: str
    severity: float
    span: Span | None
    """Set where `claim` is the labeler's own words."""


def slugify(text: str, *, limit: int = MAX_SLUG_CHARS) -> str:
    return _NOT_WORD.sub("-", normalise(text)).strip("-")[:limit]


def parse_atoms(reply: str, segments: Mapping[str, Segment]) -> list[Atom]:
    """The atoms of a reply: a JSON object, perhaps fenced or among prose. Raises InvalidAtoms with the first faults."""
    rows = _rows(_read_json(reply))
    if len(rows) > MAX_ATOMS:
        raise InvalidAtoms(f"{len(rows)} atoms, at most {MAX_ATOMS} are read")
    atoms: list[Atom] = []
    faults: list[str] = []
    for number, row in enumerate(rows, start=1):
        try:
            atoms.append(_atom(row, segments))
        except InvalidAtoms as exc:
            faults.append(f"atom {number}: {exc}")
    if faults:
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise InvalidAtoms("; ".join(faults[:5]) + more)
    return atoms


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _read_json(reply: str) -> Any:
    if len(reply) > MAX_REPLY_CHARS:
        raise InvalidAtoms(f"the reply is longer than {MAX_REPLY_CHARS} characters")
    text = reply.strip()
    if text.startswith("<think"):
        text = text.partition("</think")[2].partition(">")[2].strip()
    if not text:
        raise InvalidAtoms("the reply is empty")
    fenced = _FENCED.search(text)
    start, end = text.find("{"), text.rfind("}")
    fault = "there is no JSON object in it"
    for piece in (text, fenced[1] if fenced else "", text[start : end + 1] if 0 <= start < end else ""):
        if piece.lstrip()[:1] not in ("{", "["):
            continue
        try:
            return json.loads(piece, parse_constant=_refuse_constant)
        except RecursionError:
            fault = "the JSON is nested too deeply"
        except ValueError as exc:
            fault = f"it is not JSON ({str(exc)[:120]})"
    raise InvalidAtoms(fault)


def _rows(document: Any) -> list[Any]:
    rows = document.get("atoms") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise InvalidAtoms('the object has no list "atoms"')
    return rows


def _atom(row: Any, segments: Mapping[str, Segment]) -> Atom:
    if not isinstance(row, dict):
        raise InvalidAtoms("not an object")
    missing = sorted(_FIELDS - row.keys())
    if missing:
        raise InvalidAtoms(f"missing {', '.join(missing)}")
    segment = segments.get(_text(row, "segment", 20))
    if segment is None:
        raise InvalidAtoms(f"unknown segment {row['segment'][:20]!r}")
    kind, polarity = _text(row, "kind", 20), _text(row, "polarity", 20)
    if kind not in _KINDS:
        raise InvalidAtoms(f"unknown kind {kind!r}")
    if polarity not in _POLARITIES:
        raise InvalidAtoms(f"unknown polarity {polarity!r}")
    severity = row["severity"]
    if isinstance(severity, bool) or not isinstance(severity, int | float) or not 0 <= severity <= 1:
        raise InvalidAtoms("severity is not a number from 0 to 1")
    claim = _text(row, "claim", MAX_CLAIM_CHARS).strip()
    if polarity != "off_topic" and not normalise(claim):
        raise InvalidAtoms("the claim is empty")
    span = _find(claim, segment)
    return Atom(
        segment=segment,
        kind=kind,  # type: ignore[arg-type]  # checked against the literal's values above
        polarity=polarity,  # type: ignore[arg-type]
        slug=slugify(_text(row, "issue", MAX_SLUG_CHARS)),
        target=_text(row, "target", MAX_TARGET_CHARS).strip(),
        claim=segment.critique.text[span.start : span.end] if span else claim,
        severity=float(severity),
        span=span,
    )


def _text(row: dict[str, Any], name: str, limit: int) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise InvalidAtoms(f"{name} is not text")
    if len(value) > limit:
        raise InvalidAtoms(f"{name} is longer than {limit} characters")
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise InvalidAtoms(f"{name} holds half a character")
    return value


def _find(claim: str, segment: Segment) -> Span | None:
    """Where the claim stands in the labeler's text, when it is their own words."""
    place = segment.text.find(claim) if claim else -1
    if place >= 0:
        start = segment.start + place
        return Span(critique=segment.critique.id, start=start, end=start + len(claim))
    return segment.span if claim and normalise(claim) == normalise(segment.text) else None
