"""Labelers who see something else than most: those whose answers the ratings do not explain, looked at by themselves.

Who answers at random agrees with nobody; who inverts puts controls before their originals. Labelers of another taste
agree with each other, and with themselves, and pass controls. The model of `labelers` is fitted again to the rows of
those whom it takes for careless or adversarial, without their controls: who follows the ratings found there has a taste
of their own. What is left over is looked at once more, as there may be several.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from refine.ranking.cells import Floats
from refine.ranking.comparisons import Comparisons
from refine.ranking.joining import in_order, part
from refine.ranking.labelers import LOG_GAINS, Beliefs
from refine.ranking.passes import BLIND_PASSES, PASSES, SETTLED, Passes
from refine.ranking.rows import Rows
from refine.ranking.trusted import Fitted
from refine.ranking.work import Work

LEAST: Final = 0.35
"""Gain below which a labeler sees next to nothing: a typical one has 1."""
WELL: Final = 0.6
"""Gain below which a labeler sees badly."""
_TIMES: Final = 3
"""Tastes beside the first that are looked for."""
_FOLLOWS: Final = 1.0
"""Log Bayes factor from which on a labeler counts among those of a taste."""
_FEWEST: Final = 3
"""Labelers that make a taste."""
_PASSES_BY_CHANCE: Final = 0.5
"""Of controls, by who does not look, and"""
_FAILS_BY_INVERTING: Final = 0.12
"""passes by who inverts."""
_CONSISTENT: Final = 0.75
"""How often the same two candidates are put in the same order again, by who looks."""
_MOST: Final = 20.0
"""Log odds that a taste that others share is worth at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taste:
    """What speaks for a labeler who answers otherwise than most."""

    company: int
    """Other labelers who follow the same taste; 0 where there are none."""
    log_factor: float
    """Bayes factor for a taste of their own against answers that do not depend on what is shown, and"""
    log_factor_inverted: float
    """against answers turned round."""
    repeated: int
    """Pairs of candidates that the labeler ordered more than once, and"""
    kept: int
    """those of them ordered the same way again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What a labeler said of controls."""

    met: int
    passed: int
    tied: int

    @property
    def failed(self) -> int:
        return self.met - self.passed - self.tied


def controls_of(work: Iterable[Work]) -> dict[str, Controls]:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for each in work:
        if each.control is not None:
            counts[each.labeler][each.control] += 1
    return {name: Controls(met=sum(it), passed=it[0], tied=it[1]) for name, it in counts.items()}


def pass_rate(controls: Mapping[str, Controls], good: Iterable[str]) -> float:
    """Of decided controls, by labelers who look."""
    known = [controls[name] for name in good if name in controls]
    passed, failed = sum(it.passed for it in known), sum(it.failed for it in known)
    return (passed + 9) / (passed + failed + 10)


def tastes(fitted: Fitted, work: Sequence[Work], controls: Mapping[str, Controls], rate: float) -> dict[str, Taste]:
    """Of the labelers whom the fit takes for careless or adversarial rather than good."""
    p_sees = dict(zip(fitted.names, seeing(fitted.beliefs).tolist(), strict=True))
    doubtful = [name for name in fitted.data.labelers if p_sees[name] < 0.5]
    company: dict[str, tuple[int, float]] = {}
    p_well = dict(zip(fitted.names, seeing(fitted.beliefs, least=WELL).tolist(), strict=True))
    left = [name for name in fitted.data.labelers if p_well[name] < 0.5]  # a taste is told from all who may share it
    for _ in range(_TIMES):
        found = _one_taste(fitted.data, left)
        follow = [name for name, factor in found.items() if factor > _FOLLOWS]
        if len(follow) < _FEWEST:
            break
        if not _is_inverted(follow, controls, rate):
            for name in follow:
                company[name] = len(follow) - 1, min(found[name], _MOST)
        left = [name for name in left if name not in follow]
        if len(left) < _FEWEST:
            break
    again = _repeats(each for each in work if each.labeler in {*doubtful})
    seen = {}
    for name in doubtful:
        others, shared = company.get(name, (0, 0.0))
        repeated, kept = again.get(name, (0, 0))
        own = _log_ratio(kept, repeated - kept, _CONSISTENT, 0.5)
        met = controls.get(name, Controls(met=0, passed=0, tied=0))
        seen[name] = Taste(
            company=others,
            log_factor=shared + own + _log_ratio(met.passed, met.failed, rate, _PASSES_BY_CHANCE),
            log_factor_inverted=shared + _log_ratio(met.passed, met.failed, rate, _FAILS_BY_INVERTING),
            repeated=repeated,
            kept=kept,
        )
    return seen


def _one_taste(data: Comparisons, labelers: Sequence[str]) -> dict[str, float]:
    """Labeler -> log Bayes factor of following the ratings that these labelers agree on, from others' rows; empty
    where there is nothing to agree on."""
    place = {name: at for at, name in enumerate(data.labelers)}
    is_wanted = np.zeros(len(data.labelers), dtype=bool)
    is_wanted[[place[name] for name in labelers]] = True
    rows = np.flatnonzero(is_wanted[data.labeler] & ~data.is_control)
    if len(rows) < 2:
        return {}
    passes = Passes(Rows.of(in_order(part(data, rows))))
    if not passes.can_judge:
        return {}
    for _ in range(BLIND_PASSES):
        passes.advance(trusting=False)
    for _ in range(PASSES):
        if passes.advance(trusting=True) < SETTLED:
            break
    return dict(zip(passes.rows.data.labelers, passes.explained().tolist(), strict=True))


def seeing(beliefs: Beliefs, *, least: float = LEAST) -> Floats:
    """P(good, and of a gain of `least` or more), by labeler: those of less see next to nothing, whatever they do."""
    is_enough = beliefs.unit * np.exp(LOG_GAINS) >= least
    return np.asarray(beliefs.good[:, is_enough].sum((1, 2)))


def _is_inverted(labelers: Sequence[str], controls: Mapping[str, Controls], rate: float) -> bool:
    """Whether they who agree fail controls, as those who turn their answers round do."""
    known = [controls[name] for name in labelers if name in controls]
    passed, failed = sum(it.passed for it in known), sum(it.failed for it in known)
    return _log_ratio(passed, failed, rate, _FAILS_BY_INVERTING) < 0


def _repeats(work: Iterable[Work]) -> dict[str, tuple[int, int]]:
    """Labeler -> pairs ordered more than once, and of them, ordered the same way again."""
    before: dict[tuple[str, str, str], bool] = {}
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for each in sorted(work, key=lambda it: (it.labeler, it.at or 0.0, it.round)):
        rank = {item: place for place, group in enumerate(each.groups) for item in group}
        items = sorted(rank)
        for at, one in enumerate(items):
            for other in items[at + 1 :]:
                if rank[one] == rank[other]:
                    continue
                pair, is_first = (each.labeler, one, other), rank[one] < rank[other]
                if pair in before:
                    counts[each.labeler][0] += 1
                    counts[each.labeler][1] += before[pair] == is_first
                before[pair] = is_first
    return {name: (repeated, kept) for name, (repeated, kept) in counts.items()}


def _log_ratio(hits: int, misses: int, of: float, against: float) -> float:
    return hits * math.log(of / against) + misses * math.log((1 - of) / (1 - against))
