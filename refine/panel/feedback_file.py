"""Feedback files: one ranking a line, candidates by whatever name their labeler knows them by.

Reading checks what can be told from the file alone; `resolve` then finds the candidates in an open round.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from refine.errors import FeedbackError
from refine.panel.lines import name_problem, quote, read_objects, text_problem
from refine.types import Anchor, CritiqueIn, MadeBy, OpenRound, RankingIn, Record, ShownCandidate

MAX_LINE_BYTES = 8 * 1024 * 1024
MAX_NAME_CHARS = 200
MAX_CANDIDATES = 100
MAX_CRITIQUES = 500
_POSITION = re.compile(r"c([1-9][0-9]{0,3})", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{12,64}", re.ASCII)
_ULID = re.compile(r"[0-9A-Z]{26}", re.ASCII)
_KNOWN_NAMED = 12
"""Names of known candidates that an error lists."""


def _name(value: str) -> str:
    if (problem := name_problem(value, MAX_NAME_CHARS)) is not None:
        raise ValueError(problem)
    return value


def _text(value: object) -> object:
    return str(value) if type(value) is int else value


def _group(value: object) -> object:
    return [value] if isinstance(value, str) else value


Name = Annotated[str, Field(max_length=MAX_NAME_CHARS)]
Group = Annotated[tuple[Name, ...], BeforeValidator(_group), Field(min_length=1, max_length=MAX_CANDIDATES)]


class FeedbackCritique(Record):
    """A critique as a line has it; `candidate` is any of the names `resolve` knows."""

    candidate: Name
    text: str = Field(default="", max_length=20_000)
    anchor: Anchor | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "FeedbackCritique":
        if (problem := text_problem(self.text)) is not None:
            raise ValueError(f"the critique's text {problem}")
        if not self.text.strip() and self.anchor is None:
            raise ValueError("the critique has neither text nor anchor")
        return self


def _content_key(line: dict[str, Any]) -> str:
    """SHA-256 of the line's content, the same for every way of writing it."""
    content = {
        name: [critique.model_dump(mode="json") for critique in value] if name == "critiques" else value
        for name, value in line.items()
    }
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


class FeedbackLine(Record):
    """One labeler's ranking of one round, and the critiques that came with it."""

    prompt_id: Annotated[Name, BeforeValidator(_text)]
    """The prompt's key: its `id` in the prompts file, or 16 hex digits of its SHA-256."""
    round: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | Literal["audit"]
    chain: Name | None = None
    """The chain's id; only needed for a fork, which has rounds of its own."""
    labeler: Name
    ranking: tuple[Group, ...] = Field(max_length=MAX_CANDIDATES)
    """Tie groups, best first; a plain name in the list is a group of one."""
    unjudgeable: tuple[Name, ...] = Field(default=(), max_length=MAX_CANDIDATES)
    critiques: tuple[FeedbackCritique, ...] = Field(default=(), max_length=MAX_CRITIQUES)
    active_s: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Seconds that the labeler was at work."""
    made_by: MadeBy = "person"
    key: Name = Field(default_factory=_content_key)  # last: it is made of the fields before it
    """Makes the line idempotent within its round."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        """Null means "not given", as writers of tables put it."""
        if not isinstance(value, dict):
            return value
        return {name: each for name, each in value.items() if each is not None}

    @field_validator("prompt_id", "labeler", "key")
    @classmethod
    def _printable(cls, value: str) -> str:
        return _name(value)

    @model_validator(mode="after")
    def _says_something(self) -> "FeedbackLine":
        if not self.ranking and not self.unjudgeable:
            raise ValueError("no candidate is ranked or unjudgeable; name at least one")
        return self


def read_feedback(path: str | Path, *, is_growing: bool = False) -> list[tuple[int, FeedbackLine]]:
    """(line number, line) of the whole file; an empty file has none.

    Raises InputError (for a line that says something wrong, FeedbackError) of the shape "path:line: what was wrong;
    what to do". With `is_growing`, an unreadable last line without a line end is left for the next reading.
    """
    path = Path(path)
    lines: list[tuple[int, FeedbackLine]] = []
    by_key: dict[tuple[str, int | str, str], tuple[int, FeedbackLine]] = {}
    by_labeler: dict[tuple[str, int | str, str], int] = {}
    for number, value in read_objects(path, max_bytes=MAX_LINE_BYTES, is_growing=is_growing):
        line = parse_feedback(value, f"{path}:{number}")
        first, same = by_key.setdefault((line.prompt_id, line.round, line.key), (number, line))
        if first != number:
            if same == line:
                continue
            raise FeedbackError(
                f"{path}:{number}: key {quote(line.key)} stands in line {first} for another ranking; give each its own"
            )
        first = by_labeler.setdefault((line.prompt_id, line.round, line.labeler), number)
        if first != number:
            raise FeedbackError(
                f"{path}:{number}: {quote(line.labeler)} ranked round {line.round} of {quote(line.prompt_id)} in line "
                f"{first} already; keep one of the two"
            )
        lines.append((number, line))
    return lines


def parse_feedback(value: dict[str, Any], where: str) -> FeedbackLine:
    """The line that a JSON object says. Raises FeedbackError, beginning with `where`."""
    try:
        return FeedbackLine.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"] if part not in ("int", "literal['audit']"))
        message = first["msg"].removeprefix("Value error, ")
        if place.startswith("round"):
            place, message = "round", "should be a number from 1 or the word audit"
        message = quote(message, 200)[1:-1]  # it may repeat what the line says
        problem = f"{quote(place, 80)[1:-1]}: {message}" if place else message
        raise FeedbackError(f"{where}: {problem}; see the feedback format") from error


def submission_key(line: FeedbackLine, round_id: str) -> str:
    """The key under which the line is handed in. It holds for one round, so that a file can serve a second project."""
    return hashlib.sha256(f"{round_id}\n{line.key}".encode()).hexdigest()


def resolve(line: FeedbackLine, round: OpenRound) -> RankingIn:
    """The line's ranking with candidates by ULID.

    A candidate is named by its ULID, 12 or more hex digits of its content hash, its `id` in the prompts file, or its
    position (`c1`). A name that could mean two candidates is refused. Raises FeedbackError, without file and line.
    """
    names = _Names(round)
    ranking = RankingIn(
        groups=tuple(tuple(names.find(name) for name in group) for group in line.ranking),
        unjudgeable=tuple(names.find(name) for name in line.unjudgeable),
        critiques=tuple(
            CritiqueIn(candidate=names.find(critique.candidate), text=critique.text, anchor=critique.anchor)
            for critique in line.critiques
        ),
    )
    check_ranking(ranking, {candidate.id for candidate in round.candidates})
    return ranking


def check_ranking(ranking: RankingIn, shown: set[str]) -> None:
    """Raise FeedbackError unless the ranking fits the candidates shown.

    Every candidate stands at most once, ranked or unjudgeable, and at least one does; the rest may be left out. A
    critique may be about any candidate shown.
    """
    if any(not group for group in ranking.groups):
        raise FeedbackError("a tie group is empty; leave it out")
    placed = [name for group in ranking.groups for name in group] + list(ranking.unjudgeable)
    if not placed:
        raise FeedbackError("no candidate is ranked or unjudgeable; name at least one")
    seen: set[str] = set()
    for name in placed:
        if name not in shown:
            raise FeedbackError(_unknown(name, sorted(shown)))
        if name in seen:
            raise FeedbackError(f"candidate {quote(name)} stands twice in the ranking; rank each once")
        seen.add(name)
    for critique in ranking.critiques:
        if critique.candidate not in shown:
            raise FeedbackError(_unknown(critique.candidate, sorted(shown)))
        if (problem := text_problem(critique.text)) is not None:
            raise FeedbackError(f"a critique's text {problem}; remove it")


class _Names:
    """The candidates of a round under all their names."""

    def __init__(self, round: OpenRound) -> None:
        self.candidates = round.candidates
        self.by_ulid = {candidate.id: candidate for candidate in round.candidates}
        self.by_given_id: dict[str, list[ShownCandidate]] = {}
        for candidate in round.candidates:
            if candidate.given_id is not None:
                self.by_given_id.setdefault(candidate.given_id, []).append(candidate)
        self.by_position = {candidate.position: candidate for candidate in round.candidates}

    def find(self, name: str) -> str:
        """The ULID of the candidate so named."""
        found = {candidate.id for candidate in self._readings(name)}
        if not found:
            raise FeedbackError(_unknown(name, self._known()))
        if len(found) > 1:
            raise FeedbackError(
                f"candidate {quote(name)} could be {' or '.join(sorted(found))}; name it by one of these"
            )
        return found.pop()

    def _readings(self, name: str) -> Iterable[ShownCandidate]:
        yield from self.by_given_id.get(name, ())
        if _ULID.fullmatch(name.upper()) and name.upper() in self.by_ulid:
            yield self.by_ulid[name.upper()]
        if (position := _POSITION.fullmatch(name)) and int(position[1]) in self.by_position:
            yield self.by_position[int(position[1])]
        if _HASH.fullmatch(name.lower()):
            for candidate in self.candidates:
                if candidate.content_sha256.startswith(name.lower()):
                    yield candidate

    def _known(self) -> list[str]:
        in_order = sorted(self.candidates, key=lambda candidate: candidate.position)
        return [
            f"c{candidate.position} ({candidate.given_id or candidate.content_sha256[:12]})" for candidate in in_order
        ]


def _unknown(name: str, known: list[str]) -> str:
    listed = ", ".join(quote(each)[1:-1] for each in known[:_KNOWN_NAMED])
    more = f" and {len(known) - _KNOWN_NAMED} more" if len(known) > _KNOWN_NAMED else ""
    return f"no candidate {quote(name)} in this round; known: {listed or 'none'}{more}"
