"""Labelers beside each other, from everything they ranked."""

from collections import Counter
from dataclasses import dataclass

from refine.api.findings import look_at_labelers
from refine.errors import InputError
from refine.ranking import Comparisons, fit, standing
from store.database import Database
from store.projects import find_project
from store.standing import load_kinds, load_ranked
from store.works import load_known

_WIDTH = 1.96
"""Standard deviations either side that hold 95 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelerLine:
    labeler: str
    kind: str
    rankings: int
    comparisons: int
    reliability: float
    """1 sees what a typical good labeler sees, 0 is chance, below 0 inverted."""
    reliability_low: float
    reliability_high: float
    """A 95 % interval."""
    p_careless: float
    p_adversarial: float
    controls: int
    """Rankings that had a control in them."""
    controls_passed: int
    """Those that put the original before it."""
    passed_low: float
    passed_high: float
    """Where the share passed lies with 95 %, by Wilson (1927); 0 and 1 without controls."""
    agreement: float
    """Share of decided comparisons in which the labeler sides with everybody else."""
    bits: float
    """Information that the labeler's rankings gave."""
    pay_share: float
    """Of all labelers' bits; sums to 1."""
    findings: tuple[tuple[str, float], ...]
    """Kind and probability of what was found, the likeliest first; of the newest rankings (`refine.api.findings`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    labelers: tuple[LabelerLine, ...]
    """By pay share, highest first."""
    rankings: int
    chains: int
    seed: int


def labeler_board(database: Database, *, project: str | None = None, seed: int = 0) -> Board:
    """Fits every ranking of the store, or of one project. Raises InputError for an unknown project."""
    key = None
    if project is not None:
        found = database.read(find_project, project)
        if found is None:
            raise InputError(f"there is no project {project!r} in {database.path}; `refine project list` shows them")
        key = found.key
    rows, golds = database.read(load_ranked, key)
    habits = {it.labeler.name: it.profile.findings for it in look_at_labelers(database, project).labelers}
    kinds = database.read(load_kinds)
    weights = {it.name: it.weight for it in database.read(load_known).values() if it.weight is not None}
    fitted = fit(Comparisons.from_rankings(rows, golds=golds, weights=weights), seed=seed)
    table, stands = fitted.labelers, standing(fitted)
    counted: dict[str, int] = {}
    for row in rows:
        counted[row[0]] = counted.get(row[0], 0) + 1
    met = Counter(gold[0] for gold in golds)
    passed = Counter(gold[0] for gold in golds if gold[4] == 0)
    between = {name: _wilson(passed[name], met[name]) for name in table.labeler}
    lines = [
        LabelerLine(
            labeler=name,
            kind=kinds[name],
            rankings=counted[name],
            comparisons=int(table.comparisons[at]),
            reliability=float(table.reliability[at]),
            reliability_low=float(table.reliability[at] - _WIDTH * table.reliability_sd[at]),
            reliability_high=float(table.reliability[at] + _WIDTH * table.reliability_sd[at]),
            p_careless=float(table.p_careless[at]),
            p_adversarial=float(table.p_adversarial[at]),
            controls=met[name],
            controls_passed=passed[name],
            passed_low=between[name][0],
            passed_high=between[name][1],
            agreement=float(stands.agreement[at]),
            bits=float(stands.bits[at]),
            pay_share=float(stands.pay_share[at]),
            findings=tuple((it.kind, it.probability) for it in habits.get(name, ())),
        )
        for at, name in enumerate(table.labeler)
    ]
    lines.sort(key=lambda line: (-line.pay_share, line.labeler))
    return Board(labelers=tuple(lines), rankings=len(rows), chains=len({row[1] for row in rows}), seed=seed)


def _wilson(passed: int, of: int) -> tuple[float, float]:
    if not of:
        return 0.0, 1.0
    share, spread = passed / of, _WIDTH**2 / of
    centre = (share + spread / 2) / (1 + spread)
    half = _WIDTH / (1 + spread) * (share * (1 - share) / of + spread / (4 * of)) ** 0.5
    return (0.0 if passed == 0 else max(0.0, centre - half)), (1.0 if passed == of else min(1.0, centre + half))
