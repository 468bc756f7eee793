"""How hard controls are to notice, learnt from how labelers did with them.

A control stands `severity` below its original, so by the ranking model a labeler of reliability 1 puts the original
first with probability 1 / (1 + exp(-10 · severity)): 0.65 for a typo, 0.95 for a dead button. That is the prior; what
labelers do moves it. Every labeler counts for as much as they are trusted, and what the untrusted do is kept apart: a
control is worth most where the two differ most.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

STEEPNESS = 10.0
"""Of the curve from severity to the share of comparisons that a good labeler gets right. Assumed, not measured."""
GLANCE = 0.25
"""How much of a severity somebody sees who only glances. Assumed, not measured."""
PRIOR_COMPARISONS = 8.0
TRUSTED = 0.5
"""Reliability from which a labeler's misses can retire a control; a typical good labeler has 1."""
MIN_EVIDENCE = 10.0
"""Effective number of trusted labelers without whom nothing is retired."""
DISPUTED = 0.4
"""Share of trusted labelers who get it wrong from which a control says nothing about them."""
INVERTED = 0.6
"""Share above which they prefer the copy."""
_LEAST, _MOST = 0.01, 1.0
_GRID = 4001


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A labeler ranked a control and its original."""

    key: str
    """Of the control, or of its operator: whatever is to be estimated."""
    is_right: bool
    """The original came before the control; a tie is not right."""
    reliability: float
    """The labeler's, as the ranking engine has it: 1 a typical good one, 0 chance, below 0 inverted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """What is known of one key, with 90 % intervals."""

    key: str
    seen: float
    """Effective number of labelers, by how far they are trusted."""
    wrong_share: float | None
    """Of trusted labelers, as counted; None where there are none."""
    right: float
    """Share that a trusted labeler gets right, with the prior."""
    right_low: float
    right_high: float
    severity: float
    """Re-estimated."""
    severity_low: float
    severity_high: float
    is_retired: bool
    bits: float
    """What one comparison says about whether a labeler is attentive; 0 for a retired one. A weight for choosing."""

    @property
    def is_inverted(self) -> bool:
        """Most trusted labelers prefer the copy."""
        return self.wrong_share is not None and self.wrong_share > INVERTED


def right_share(severity: float) -> float:
    """The share of comparisons that a labeler of reliability 1 gets right, before anybody has tried."""
    return 1 / (1 + math.exp(-STEEPNESS * severity))


def severity_of(right: float) -> float:
    """The severity at which a labeler of reliability 1 gets this share right; within 0.01 to 1."""
    if right >= 1:
        return _MOST
    if right <= 0.5:
        return _LEAST
    return min(max(math.log(right / (1 - right)) / STEEPNESS, _LEAST), _MOST)


def fit_difficulty(sightings: Iterable[Sighting], severities: Mapping[str, float]) -> dict[str, Difficulty]:
    """For every key of `severities` (key -> prior severity); sightings of other keys are left out."""
    tallies = {key: _Tally() for key in severities}
    for each in sightings:
        if each.key in tallies:
            tallies[each.key].add(each)
    return {key: _estimate(key, tallies[key], severity) for key, severity in severities.items()}


def operator_weights(difficulties: Mapping[str, Difficulty]) -> dict[str, float]:
    """For `propose`: in proportion to what a comparison tells, 1 in the mean of those that are not retired."""
    kept = [each.bits for each in difficulties.values() if not each.is_retired]
    mean = sum(kept) / len(kept) if kept else 0.0
    return {key: 0.0 if each.is_retired or not mean else each.bits / mean for key, each in difficulties.items()}


class _Tally:
    """Sums over the sightings of one key."""

    def __init__(self) -> None:
        self.right = self.wrong = self.squares = 0.0
        self.glanced_right = self.glanced_wrong = 0.0
        self.trusted = self.trusted_wrong = self.trusted_squares = 0.0

    def add(self, each: Sighting) -> None:
        weight = min(max(each.reliability, 0.0), 1.0) if math.isfinite(each.reliability) else 0.0
        self.squares += weight * weight
        if each.is_right:
            self.right += weight
        else:
            self.wrong += weight
        if 0 <= each.reliability < TRUSTED:  # inverted labelers see the flaw; they do not glance
            self.glanced_right += each.is_right * (1 - weight)
            self.glanced_wrong += (not each.is_right) * (1 - weight)
        elif each.reliability >= TRUSTED:
            self.trusted += weight
            self.trusted_wrong += weight * (not each.is_right)
            self.trusted_squares += weight * weight


def _estimate(key: str, tally: _Tally, severity: float) -> Difficulty:
    prior = right_share(severity)
    a, b = PRIOR_COMPARISONS * prior + tally.right, PRIOR_COMPARISONS * (1 - prior) + tally.wrong
    right = a / (a + b)
    low, high = _interval(a, b)
    wrong_share = tally.trusted_wrong / tally.trusted if tally.trusted else None
    evidence = tally.trusted**2 / tally.trusted_squares if tally.trusted_squares else 0.0
    is_retired = wrong_share is not None and evidence >= MIN_EVIDENCE and wrong_share >= DISPUTED
    glance = right_share(GLANCE * severity)
    glanced = (PRIOR_COMPARISONS * glance + tally.glanced_right) / (
        PRIOR_COMPARISONS + tally.glanced_right + tally.glanced_wrong
    )
    return Difficulty(
        key=key,
        seen=(tally.right + tally.wrong) ** 2 / tally.squares if tally.squares else 0.0,
        wrong_share=wrong_share,
        right=right,
        right_low=low,
        right_high=high,
        severity=severity_of(right),
        severity_low=severity_of(low),
        severity_high=severity_of(high),
        is_retired=is_retired,
        bits=0.0 if is_retired else _bits(right, glanced),
    )


def _interval(a: float, b: float) -> tuple[float, float]:
    """The middle 90 % of Beta(a, b), to 1/4000."""
    import numpy as np

    at = (np.arange(_GRID) + 0.5) / _GRID
    log = (a - 1) * np.log(at) + (b - 1) * np.log1p(-at)
    mass = np.cumsum(np.exp(log - log.max()))
    low, high = np.searchsorted(mass / mass[-1], [0.05, 0.95])
    return float(at[low]), float(at[min(high, _GRID - 1)])


def _bits(good: float, glancing: float) -> float:
    """What one outcome says about which of two kinds a labeler is, both as likely: the Jensen-Shannon divergence."""
    return max(_entropy((good + glancing) / 2) - (_entropy(good) + _entropy(glancing)) / 2, 0.0)


def _entropy(share: float) -> float:
    return -sum(each * math.log2(each) for each in (share, 1 - share) if each > 0)
