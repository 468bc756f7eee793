"""How one thing in a chain led to another: critique to issue to change to rating, and a line to the round it came from.

Plain functions of a chain's record.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from refine.export import ExportCandidate, ExportChain, ExportCritique, ExportRanking, ExportRound
from refine.types import Edit, PlanIssue, Rating, Verdict

_MANY_LINES = 4000
"""Above this many differing lines on either side a diff takes too long: all of them count as changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A critique that an issue rests on."""

    critique: ExportCritique
    labeler: str
    weight: float | None
    """What its labeler counted for in the round's verdict; None where that is not recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one revision did about an issue, and what people then thought of the revision."""

    candidate: ExportCandidate
    edits: tuple[Edit, ...]
    """Those that name the issue."""
    rating: Rating | None
    """In the round it was made for; None where it was not shown, or there is no verdict yet."""
    parent_rating: Rating | None
    won: bool

    @property
    def is_applied(self) -> bool:
        return any(edit.status == "applied" for edit in self.edits)

    @property
    def change(self) -> float | None:
        """By how much it is rated above the page it was made from."""
        if self.rating is None or self.parent_rating is None:
            return None
        return self.rating.mean - self.parent_rating.mean


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePath:
    issue: PlanIssue
    cited: tuple[Cited, ...]
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOrigin:
    """A line of a page, and the candidate that brought it."""

    number: int
    text: str
    candidate: str
    round: int
    issues: tuple[str, ...]
    """Issues of the plan of the round before that a block with this line served; empty where no block tells."""


def trace_issues(chain: ExportChain, round: ExportRound) -> tuple[IssuePath, ...]:
    """The paths of a round's plan, in the plan's order; empty where there is no plan."""
    if round.plan is None:
        return ()
    critiques = {it.id: (ranking, it) for ranking in round.rankings for it in ranking.critiques}
    following = next((it for it in chain.rounds if it.kind == "normal" and it.number == round.number + 1), None)
    verdict = None if following is None else following.verdict
    revisions = [it for it in chain.candidates if it.kind == "revision" and it.made_in_round == round.number + 1]
    return tuple(
        IssuePath(
            issue=issue,
            cited=_cited(issue, critiques, round.verdict),
            attempts=tuple(_attempt(issue, revision, verdict) for revision in revisions),
        )
        for issue in round.plan.issues
    )


def _cited(
    issue: PlanIssue, critiques: Mapping[str, tuple[ExportRanking, ExportCritique]], verdict: Verdict | None
) -> tuple[Cited, ...]:
    spans = (*issue.cites, *(() if issue.span is None else (issue.span,)))
    named = dict.fromkeys(span.critique for span in spans)
    return tuple(
        Cited(
            critique=critiques[name][1],
            labeler=critiques[name][0].labeler,
            weight=labeler_weight(verdict, critiques[name][0].labeler),
        )
        for name in named
        if name in critiques
    )


def labeler_weight(verdict: Verdict | None, labeler: str) -> float | None:
    """What a labeler counted for in a verdict: 1 is a typical good one."""
    known = {} if verdict is None else verdict.details.get("labelers", {})
    mean = known.get(labeler, {}).get("mean") if isinstance(known, dict) else None
    return float(mean) if isinstance(mean, int | float) else None


def _attempt(issue: PlanIssue, revision: ExportCandidate, verdict: Verdict | None) -> Attempt:
    ratings = {} if verdict is None else {rating.candidate: rating for rating in verdict.ratings}
    return Attempt(
        candidate=revision,
        edits=tuple(edit for edit in revision.edits if issue.id in edit.issues),
        rating=ratings.get(revision.id),
        parent_rating=ratings.get(revision.parent or ""),
        won=verdict is not None and verdict.winner == revision.id,
    )


# --- Lines ----------------------------------------------------------------------------------------------------------


def ancestors(chain: ExportChain, candidate: str) -> tuple[ExportCandidate, ...]:
    """The candidate and all it was made from, the oldest first; empty for one that the chain does not have."""
    known = {it.id: it for it in chain.candidates}
    found: list[ExportCandidate] = []
    at = known.get(candidate)
    while at is not None and at not in found:
        found.append(at)
        at = known.get(at.parent or "")
    return tuple(reversed(found))


def trace_lines(chain: ExportChain, candidate: str, filename: str) -> tuple[LineOrigin, ...]:
    """Where every line of a candidate's file comes from. A line that was changed comes from where it was changed."""
    origins: list[tuple[ExportCandidate, tuple[str, ...]]] = []
    before: list[str] = []
    parent = ""
    for version in ancestors(chain, candidate):
        content = next((file.content for file in version.files if file.filename == filename), "")
        lines = content.splitlines()
        served = _served_lines(version.edits, filename, parent, content)
        now: list[tuple[ExportCandidate, tuple[str, ...]]] = []
        for tag, start, end, new_start, new_end in diff_lines(before, lines):
            if tag == "equal":
                now += origins[start:end]
            else:
                now += [(version, served.get(number, ())) for number in range(new_start, new_end)]
        origins, before, parent = now, lines, content
    return tuple(
        LineOrigin(number=number, text=text, candidate=version.id, round=version.made_in_round, issues=issues)
        for number, (text, (version, issues)) in enumerate(zip(before, origins, strict=True), start=1)
    )


def diff_lines(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    """As `difflib.SequenceMatcher.get_opcodes`, in bounded time."""
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    found: list[tuple[str, int, int, int, int]] = [("equal", 0, head, 0, head)] if head else []
    if max(len(old), len(new)) > _MANY_LINES:
        found.append(("replace", head, head + len(old), head, head + len(new)))
    else:
        for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=len(old) > 500).get_opcodes():
            found.append((tag, a + head, b + head, c + head, d + head))
    if tail:
        found.append(("equal", len(before) - tail, len(before), len(after) - tail, len(after)))
    return found


def _served_lines(edits: Sequence[Edit], filename: str, parent: str, content: str) -> dict[int, tuple[str, ...]]:
    """Line (from 0) of the new file -> the issues that the block it came in served.

    Offsets of blocks are bytes of the parent's file; what lies before a block has moved it. A block that is not found
    where it should be tells nothing.
    """
    blocks = sorted(
        (
            edit
            for edit in edits
            if edit.status == "applied" and edit.how == "exact" and edit.filename == filename and edit.start >= 0
        ),
        key=lambda edit: edit.start,
    )
    data = content.encode("utf-8", "surrogatepass")
    served: dict[int, tuple[str, ...]] = {}
    moved = 0
    for edit in blocks:
        new = edit.replace.encode("utf-8", "surrogatepass")
        start = edit.start + moved
        moved += len(new) - (edit.end - edit.start)
        if data[start : start + len(new)] != new:
            continue
        first = _line_of(data, start)
        last = _line_of(data, start + max(len(new.rstrip(b"\r\n")) - 1, 0))
        for number in range(first, last + 1):
            served[number] = tuple(dict.fromkeys((*served.get(number, ()), *edit.issues)))
    return served


def _line_of(data: bytes, offset: int) -> int:
    """As `str.splitlines` counts, from 0."""
    before = data[:offset].decode("utf-8", "surrogatepass")
    lines = before.splitlines(keepends=True)
    return len(lines) - 1 if lines and lines[-1].splitlines()[0] == lines[-1] else len(lines)
