"""Making a perturbation: an operator, a place and a severity, chosen by seed, and the edits that follow."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from refine.artifact.probe import Channel as Seen
from refine.errors import InputError
from refine.perturb.degrade import Operator, Site
from refine.perturb.edits import ByteEdit, apply_edits, undo_edits
from refine.perturb.flaw import Channel
from refine.perturb.operators import OPERATORS, operator_named
from refine.perturb.source import Source, read_source
from refine.types import Files

_NEAR = 1.5
"""An operator that cannot be scaled serves for severities up to this factor away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbation:
    """A degraded copy of a candidate, and all it takes to undo it. It parses; nothing more is proven."""

    files: Files
    edits: tuple[ByteEdit, ...]
    operator: str
    channel: Channel
    shows_in: frozenset[Seen]
    """Channels of a probe of which one must differ, for it to be proven."""
    severity: float
    """What was asked for, or the operator's prior."""
    seed: int
    description: str
    """One line on what a person would notice; may quote the page, so it is hostile."""
    site: Site

    def undo(self) -> Files:
        """The original, byte for byte."""
        return undo_edits(self.files, self.edits)


def find_sites(files: Files, *, operator: str | None = None) -> list[Site]:
    """Every place where an operator, or any, can be put. Raises InputError for an unknown operator only."""
    source = read_source(files)
    return [site for each in _asked(operator) for site in each.sites(source)]


def _asked(name: str | None) -> tuple[Operator, ...]:
    return OPERATORS if name is None else (operator_named(name),)


def perturb(files: Files, *, operator: str | None = None, severity: float | None = None, seed: int = 0) -> Perturbation:
    """One perturbation, the same for the same arguments. Raises InputError, in one line, where none can be made."""
    found = next(propose(files, operator=operator, severity=severity, seed=seed), None)
    if found is None:
        what = operator or "any operator"
        raise InputError(f"nothing to perturb: the page has no place for {what}; choose another operator or page")
    return found


def propose(
    files: Files,
    *,
    operator: str | None = None,
    severity: float | None = None,
    seed: int = 0,
    weights: Mapping[str, float] | None = None,
) -> Iterator[Perturbation]:
    """All perturbations there are, in an order that follows from the seed, until the caller has enough.

    `weights` (operator -> weight, 1 where none is given, 0 for never) say how often each operator comes first; within
    an operator every place is as likely. Raises InputError at once for an unknown operator, or a severity it does not
    have.
    """
    operators = _fitting(operator, severity)
    return _propose(files, operators, severity, seed, weights or {})


def _fitting(name: str | None, severity: float | None) -> list[Operator]:
    asked = _asked(name)
    if severity is None:
        return list(asked)
    if not 0 < severity <= 1:
        raise InputError(f"a severity is above 0 and at most 1, not {severity:g}")
    if name is None:
        return [each for each in asked if _has_severity(each, severity)] or _nobody(severity)
    only = asked[0]
    if only.is_scaled and not only.least <= severity <= only.most:
        raise InputError(f"{name} has severities from {only.least:g} to {only.most:g}, not {severity:g}")
    if not only.is_scaled and severity != only.severity:
        raise InputError(f"{name} has one severity, {only.severity:g}; leave the severity out")
    return [only]


def _has_severity(operator: Operator, severity: float) -> bool:
    if operator.is_scaled:
        return operator.least <= severity <= operator.most
    return operator.severity / _NEAR <= severity <= operator.severity * _NEAR


def _nobody(severity: float) -> list[Operator]:
    least, most = min(each.least for each in OPERATORS), max(each.most for each in OPERATORS)
    raise InputError(f"no operator has severity {severity:g}; they have {least:g} to {most:g}")


def _propose(
    files: Files, operators: list[Operator], severity: float | None, seed: int, weights: Mapping[str, float]
) -> Iterator[Perturbation]:
    source = read_source(files)
    rng = random.Random(f"perturb {seed}")
    places = {each.name: each.sites(source) for each in operators if weights.get(each.name, 1.0) > 0}
    waiting = {each.name: each for each in operators if places.get(each.name)}
    while waiting:
        names = list(waiting)
        name = rng.choices(names, [weights.get(each, 1.0) for each in names])[0]
        sites = places[name]
        site = sites.pop(rng.randrange(len(sites)))
        if not sites:
            del waiting[name]
        each = operator_named(name)
        strong = each.severity if severity is None or not each.is_scaled else severity
        made = apply_site(source, site, severity=strong, seed=rng.getrandbits(32))
        if made is not None:
            yield made


def apply_site(source: Source, site: Site, *, severity: float, seed: int) -> Perturbation | None:
    """The perturbation of this place; None where it changes nothing, cannot be written there, or no longer parses."""
    operator = operator_named(site.operator)
    if site.spot is None:
        return None
    spot = site.spot
    change = operator.alter(spot, operator.strength(severity), random.Random(seed))
    if change is None:
        return None
    edits = tuple(edit for edit in change.edits if edit.old != edit.new)
    if not edits or not all(spot.region.takes(edit.start, edit.end, edit.new) for edit in edits):
        return None
    files = apply_edits(source.files, edits)
    if syntax_problem(source, files):
        return None
    return Perturbation(
        files=files,
        edits=edits,
        operator=operator.name,
        channel=operator.channel,
        shows_in=operator.shows_in,
        severity=severity,
        seed=seed,
        description=change.notice or operator.notice,
        site=site,
    )


def syntax_problem(source: Source, files: Files) -> str:
    """Why the changed files are worse to parse than the source; empty when they are not."""
    for index, (before, after) in enumerate(zip(source.files, files, strict=True)):
        if before == after:
            continue
        mutant = read_source((after,))
        errors = sum(region.errors for region in source.regions if region.file == index)
        if mutant.contents[0] is None or not mutant.regions or mutant.errors > errors:
            return f"{after.filename}: the mutant does not parse"
    return ""
