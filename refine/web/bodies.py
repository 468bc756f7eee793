"""What the page's script sends, checked, and turned into feedback.

Candidates are letters here: their ids tell in which order they were made, so none reaches a browser.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError, field_validator

from refine.errors import FeedbackError
from refine.types import (
    Anchor,
    CritiqueAim,
    CritiqueIn,
    Device,
    FollowUp,
    IssueKind,
    RankingIn,
    Record,
    Severity,
    Tried,
)

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST_CRITIQUES = 200

T = TypeVar("T", bound=Record)
Letter = Annotated[str, Field(pattern=r"^[A-Z]$")]
Key = Annotated[str, Field(min_length=16, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]
Text = Annotated[str, Field(max_length=20_000)]


class Said(Record):
    """A critique."""

    candidate: Letter
    text: Text = ""
    aim: CritiqueAim | None = None
    category: IssueKind | None = None
    severity: Severity | None = None
    anchor: Anchor | None = None
    snapshot: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """What keeping the page as it stood gave."""

    @field_validator("anchor")
    @classmethod
    def _finite(cls, value: Anchor | None) -> Anchor | None:
        if value is not None and not _is_finite(value.model_dump()):
            raise ValueError("holds a number that is none")
        return value


class Ranked(Record):
    """The part that is a ranking: shelves from the best down, and what cannot be judged with its reason."""

    ranking: Annotated[tuple[tuple[Letter, ...], ...], Field(max_length=26)] = ()
    unjudgeable: Annotated[dict[Letter, Annotated[str, Field(max_length=4000)]], Field(max_length=26)] = Field(
        default_factory=dict
    )


class HandedIn(Ranked):
    key: Key
    critiques: Annotated[tuple[Said, ...], Field(max_length=_MOST_CRITIQUES)] = ()
    why: Annotated[str, Field(max_length=4000)] = ""
    criteria: Annotated[dict[str, tuple[tuple[Letter, ...], ...]], Field(max_length=10)] = Field(default_factory=dict)
    follow_ups: Annotated[dict[str, FollowUp], Field(max_length=100)] = Field(default_factory=dict)
    tried: Annotated[dict[Letter, Tried], Field(max_length=26)] = Field(default_factory=dict)
    device: Device | None = None
    active_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 0.0
    """Since the last beat."""
    beat_key: Key


class Beat(Record):
    key: Key
    active_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class DraftIn(Record):
    revision: Annotated[int, Field(ge=0, le=2**31)]
    payload: dict[str, Any]


class Reason(Record):
    key: Key
    reason: Annotated[str, Field(max_length=4000)] = ""


class Standing(Record):
    """Why they stand by what they handed in."""

    reason: Annotated[str, Field(max_length=4000, pattern=r"\S")]


class PageIn(Record):
    """A page as it stood, as it told itself."""

    html: Annotated[str, Field(min_length=1, max_length=512 * 1024)]


class ReportIn(Reason):
    candidate: Letter


class Keyed(Record):
    key: Key


class Code(Record):
    code: Annotated[str, Field(min_length=1, max_length=200)]


def parse_body(kind: type[T], value: dict[str, Any]) -> T:
    """Raises FeedbackError that names the first field that is wrong."""
    try:
        return kind.model_validate(value, strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][:4]) or "the request"
        raise FeedbackError(f"{where[:120]}: {first['msg'][:200]}") from error


def make_ranking(given: HandedIn, candidates: Sequence[str]) -> RankingIn:
    """The feedback, with the candidates of the assignment in the place of letters."""
    ids = dict(zip(LETTERS, candidates, strict=False))

    def find(letter: str) -> str:
        if letter not in ids:
            raise FeedbackError(f"there is no page {letter} in this assignment")
        return ids[letter]

    def groups(shelves: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(find(letter) for letter in shelf) for shelf in shelves if shelf)

    return RankingIn(
        groups=groups(given.ranking),
        unjudgeable=tuple(find(letter) for letter in given.unjudgeable),
        reasons={find(letter): reason for letter, reason in given.unjudgeable.items() if reason.strip()},
        critiques=tuple(
            CritiqueIn(
                candidate=find(said.candidate),
                text=said.text,
                anchor=said.anchor,
                aim=said.aim,
                category=said.category,
                severity=said.severity,
                snapshot=said.snapshot,
            )
            for said in given.critiques
            if said.text.strip() or said.anchor is not None
        ),
        why=given.why if given.why.strip() else None,
        criteria={name: groups(shelves) for name, shelves in given.criteria.items() if any(shelves)},
        follow_ups=dict(given.follow_ups),
        tried={find(letter): how for letter, how in given.tried.items()},
    )


def missing_letters(given: Ranked, count: int) -> list[str]:
    """Letters that are neither ranked nor said to be beyond judging."""
    named = {letter for shelf in given.ranking for letter in shelf} | set(given.unjudgeable)
    return [letter for letter in LETTERS[:count] if letter not in named]


def as_letters(ranking: RankingIn, candidates: Sequence[str]) -> dict[str, Any]:
    """A ranking that was handed in, as a draft of the page: for taking it up again."""
    names = {candidate: LETTERS[n] for n, candidate in enumerate(candidates)}
    return {
        "shelves": [[names[each] for each in group] for group in ranking.groups],
        "unjudgeable": {names[each]: ranking.reasons.get(each, "") for each in ranking.unjudgeable},
        "notes": [
            {
                "candidate": names[each.candidate],
                "text": each.text,
                "aim": each.aim,
                "category": each.category,
                "severity": each.severity,
                "anchor": None if each.anchor is None else each.anchor.model_dump(mode="json"),
                "snapshot": each.snapshot,
            }
            for each in ranking.critiques
        ],
        "why": ranking.why or "",
        "criteria": {
            name: [[names[each] for each in group] for group in groups] for name, groups in ranking.criteria.items()
        },
        "follow_ups": dict(ranking.follow_ups),
        "tried": {names[each]: how for each, how in ranking.tried.items()},
    }


def _is_finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(_is_finite(each) for each in value.values())
    if isinstance(value, (list, tuple)):
        return all(_is_finite(each) for each in value)
    return True
