"""Merging atoms into an edit plan, the same whatever order the critiques came in.

Support is the sum over distinct labelers of their reliability (never below zero), opposition the same over those who
praise what an issue would change. Expected gain is severity x (support - opposition); the best issues are kept and
everything else is recorded with its reason.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

from refine.revise.atoms import MAX_CLAIM_CHARS, Atom, slugify
from refine.revise.direction import find_direction
from refine.revise.intake import Intake, Segment
from refine.types import EditPlan, PlanConflict, PlanIssue, PlanKeep, PlanRejection, Span

MAX_ISSUES = 5
MAX_KEEP = 5

# Targets that name the whole page: praise of it is not praise of each thing in it.
_WHOLE = frozenset(
    {"", "page", "body", "html", "the-page", "whole-page", "index-html", "layout", "design", "everything"}
)


@dataclass(frozen=True)
class _Group:
    """Atoms about one matter that pull one way; `atoms[0]` speaks for them."""

    slug: str
    atoms: tuple[Atom, ...]
    opposition: float = 0.0
    opposed_by: tuple["_Group", ...] = ()

    @cached_property
    def support(self) -> float:
        return _support(self.atoms)

    @cached_property
    def severity(self) -> float:
        """The mean over atoms, weighted by reliability."""
        weights = [_weight(atom) for atom in self.atoms]
        total = math.fsum(weights)
        if total <= 0:
            return math.fsum(atom.severity for atom in self.atoms) / len(self.atoms)
        return math.fsum(w * atom.severity for w, atom in zip(weights, self.atoms, strict=True)) / total

    @property
    def gain(self) -> float:
        return self.severity * (self.support - self.opposition)

    @cached_property
    def target(self) -> str:
        return slugify(self.atoms[0].target)

    @cached_property
    def pull(self) -> tuple[str, int] | None:
        return find_direction(self.atoms[0].claim)


def merge(intake: Intake, atoms: Sequence[Atom]) -> EditPlan:
    """The plan of a distiller's atoms; segments that no atom cites are recorded as not taken up."""
    cited = {atom.segment.id for atom in atoms}
    rejected = list(intake.rejected)
    rejected += [_left_out(s, "not taken up by the distiller") for s in intake.segments if s.id not in cited]
    rejected += [_left_out(atom.segment, "off topic") for atom in atoms if atom.polarity == "off_topic"]
    praise = _group(atom for atom in atoms if atom.polarity == "keep")
    groups = [_oppose(group, praise) for group in _group(atom for atom in atoms if atom.polarity == "fix")]
    groups.sort(key=lambda group: (-group.gain, group.slug, group.atoms[0].claim))
    chosen, pulled, left = _select(groups)
    rejected += left
    issues = tuple(_issue(number, group) for number, group in enumerate(chosen, start=1))
    opposed = {group.slug for winner in chosen for group in (winner, *winner.opposed_by)}
    kept = [group for group in praise if group.slug not in opposed and group.support > 0]
    kept.sort(key=lambda group: (-group.support, group.slug))
    for group in praise:
        if group.slug in opposed:
            rejected += [_left_out(atom.segment, "praise of what an issue changes") for atom in group.atoms]
        elif group not in kept[:MAX_KEEP]:
            rejected += [_left_out(atom.segment, "praise beyond the preserve list") for atom in group.atoms]
    return EditPlan(
        made_by="distiller",
        issues=issues,
        keep=tuple(
            PlanKeep(claim=g.atoms[0].claim, support=g.support, span=g.atoms[0].span, cites=_cites(g.atoms))
            for g in kept[:MAX_KEEP]
        ),
        conflicts=_conflicts(chosen, issues, pulled),
        rejected=_in_order(rejected),
    )


def merge_deterministic(intake: Intake) -> EditPlan:
    """The plan without a distiller: each critique is an issue in its own words, equal words counted together.

    Segments that look like instructions to the model are left out here, since nobody has read them.
    """
    rejected = list(intake.rejected)
    atoms: list[Atom] = []
    for segments in intake.critiques:
        claimed, left = _first_remarks(segments)
        if claimed:
            atoms.append(_plain_atom(claimed))
        rejected += left
    groups = sorted(_group(atoms), key=lambda group: (-group.gain, group.slug))
    chosen, _, left = _select(groups)
    return EditPlan(
        made_by="deterministic",
        issues=tuple(_issue(number, group) for number, group in enumerate(chosen, start=1)),
        rejected=_in_order([*rejected, *left]),
    )


def _first_remarks(segments: Sequence[Segment]) -> tuple[Segment | None, list[PlanRejection]]:
    """The first stretch of segments that fits a claim and holds none that is flagged, as one; and what is left out."""
    claimed: Segment | None = None
    is_open = True
    left: list[PlanRejection] = []
    for segment in segments:
        if segment.is_flagged:
            left.append(_left_out(segment, "off topic"))
            is_open = claimed is None
        elif claimed is None:
            claimed = segment
        elif is_open and segment.end - claimed.start <= MAX_CLAIM_CHARS:
            claimed = replace(claimed, end=segment.end)
        else:
            is_open = False
            left.append(_left_out(segment, "beyond the first remarks, without a distiller"))
    return claimed, left


def _plain_atom(segment: Segment) -> Atom:
    return Atom(
        segment=segment,
        kind="other",
        polarity="fix",
        slug=slugify(segment.text, limit=MAX_CLAIM_CHARS),
        target="",
        claim=segment.text,
        severity=0.5,
        span=segment.span,
    )


def _weight(atom: Atom) -> float:
    return max(atom.segment.critique.reliability, 0.0)


def _support(atoms: Iterable[Atom]) -> float:
    by_labeler = {atom.segment.critique.labeler: _weight(atom) for atom in atoms}
    return math.fsum(by_labeler.values())


def _precedence(atom: Atom) -> tuple[float, float, str, int, str]:
    return (-_weight(atom), -atom.severity, atom.segment.critique.id, atom.segment.start, atom.claim)


def _group(atoms: Iterable[Atom]) -> list[_Group]:
    """By slug; a slug whose atoms pull both ways along one axis becomes two groups."""
    by_slug: dict[str, list[Atom]] = defaultdict(list)
    for atom in atoms:
        by_slug[atom.slug or slugify(atom.claim) or "unnamed"].append(atom)
    groups: list[_Group] = []
    for slug, members in sorted(by_slug.items()):
        members.sort(key=_precedence)
        pulls = {id(atom): find_direction(atom.claim) if atom.polarity == "fix" else None for atom in members}
        axes = {pull[0] for pull in pulls.values() if pull}
        split = next((axis for axis in sorted(axes) if {(axis, 1), (axis, -1)} <= set(pulls.values())), None)
        if split is None:
            groups.append(_Group(slug, tuple(members)))
            continue
        groups.append(_Group(slug, tuple(atom for atom in members if pulls[id(atom)] != (split, -1))))
        groups.append(_Group(slug, tuple(atom for atom in members if pulls[id(atom)] == (split, -1))))
    return groups


def _oppose(group: _Group, praise: Sequence[_Group]) -> _Group:
    """The group with the praise that stands against it: of the same slug, or of the same kind and narrow target."""
    against = [
        other
        for other in praise
        if other.slug == group.slug
        or (other.target not in _WHOLE and other.target == group.target and other.atoms[0].kind == group.atoms[0].kind)
    ]
    fixers = {atom.segment.critique.labeler for atom in group.atoms}
    opposition = _support(
        atom for other in against for atom in other.atoms if atom.segment.critique.labeler not in fixers
    )
    return replace(group, opposition=opposition, opposed_by=tuple(against) if opposition > 0 else ())


def _pull_apart(first: _Group, second: _Group) -> bool:
    """Whether two groups ask for opposite things of one matter."""
    same = first.slug == second.slug or (first.target not in _WHOLE and first.target == second.target)
    return same and first.pull is not None and second.pull == (first.pull[0], -first.pull[1])


def _select(groups: Sequence[_Group]) -> tuple[list[_Group], list[tuple[_Group, _Group]], list[PlanRejection]]:
    """The groups that become issues (best first), the pairs that ask for opposite things, and what is left out.

    Of two opposite ones the stronger stays; neither does when they are equally strong.
    """
    pulling = [group for group in groups if group.gain > 0 and group.pull]
    pairs = [pair for pair in combinations(pulling, 2) if _pull_apart(*pair)]
    losers = {id(second) for _, second in pairs} | {id(a) for a, b in pairs if math.isclose(a.gain, b.gain)}
    chosen: list[_Group] = []
    left: list[PlanRejection] = []
    for group in groups:
        if group.gain <= 0:
            reason = "outweighed by praise" if group.opposition > 0 else "no weight: severity or reliability is zero"
        elif id(group) in losers:
            reason = "conflicts with an opposite wish"
        elif len(chosen) == MAX_ISSUES:
            reason = f"beyond the first {MAX_ISSUES} issues"
        else:
            chosen.append(group)
            continue
        left += [_left_out(atom.segment, reason) for atom in group.atoms]
    return chosen, pairs, left


def _issue(number: int, group: _Group) -> PlanIssue:
    first = group.atoms[0]
    return PlanIssue(
        id=f"i{number}",
        kind=first.kind,
        target=next((atom.target for atom in group.atoms if atom.target), ""),
        claim=first.claim,
        severity=group.severity,
        support=group.support,
        opposition=group.opposition,
        span=first.span,
        cites=_cites(group.atoms),
    )


def _conflicts(
    chosen: Sequence[_Group], issues: Sequence[PlanIssue], pulled: Sequence[tuple[_Group, _Group]]
) -> tuple[PlanConflict, ...]:
    ids = {id(group): issue.id for group, issue in zip(chosen, issues, strict=True)}
    sides = [(group, other) for group in chosen for other in group.opposed_by] + list(pulled)
    return tuple(
        PlanConflict(
            issues=tuple(ids[id(side)] for side in pair if id(side) in ids),
            claims=tuple(side.atoms[0].claim for side in pair),
            spans=tuple(side.atoms[0].span for side in pair),
        )
        for pair in sides
    )


def _cites(atoms: Sequence[Atom]) -> tuple[Span, ...]:
    spans = {atom.segment.span for atom in atoms}
    return tuple(sorted(spans, key=lambda span: (span.critique, span.start, span.end)))


def _left_out(segment: Segment, reason: str) -> PlanRejection:
    flagged = (
        f"{reason}; looks like instructions to the model" if reason == "off topic" and segment.is_flagged else reason
    )
    return PlanRejection(reason=flagged, cite=segment.span)


def _in_order(rejected: Iterable[PlanRejection]) -> tuple[PlanRejection, ...]:
    return tuple(sorted(set(rejected), key=lambda r: (r.cite.critique, r.cite.start, r.cite.end, r.reason)))
