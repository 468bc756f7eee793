"""Evidence of many rows from few numbers: leads counted by labeler in bins, the likelihood evaluated once a bin.

A row's lead counts in the two nearest nodes, so that what is read off is linear between nodes; what that is off in the
mean is taken back, as leads lie anywhere between two nodes. How unsure a lead is goes into its place exactly for a
labeler of gain 1, and by its nearest level for others.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from refine.ranking.cells import Floats, Ints
from refine.ranking.comparisons import LEFT, TIE
from refine.ranking.labelers import LOG_GAINS, TIE_SHIFTS, Evidence
from refine.ranking.ordered_logit import probabilities
from refine.ranking.tiles import Small

_REACH: Final = 8.0
_NODES: Final = 49
_STEP: Final = 2 * _REACH / (_NODES - 1)
_LEVELS: Final = 4
_TIES: Final = _LEVELS * _NODES
"""Where the bins of ties begin: those have one level, the middle of all."""
BINS: Final = _TIES + _NODES


def shrinkage(variance: Small) -> Small:
    """By which a lead of such a variance is seen nearer to zero (MacKay 1992), by a labeler of gain 1."""
    return np.asarray(1 / np.sqrt(1 + np.float32(math.pi / 8) * variance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    low: float
    high: float
    """Shrinkages of the levels: the lowest and the highest."""

    def place(self, lead: Small, shrink: Small, ties: Ints) -> tuple[Ints, Small]:
        """Of each lead: the node below it, and how far it is towards the next, 0 to 1."""
        at = lead * shrink
        at += np.float32(_REACH)
        at *= np.float32(1 / _STEP)
        np.clip(at, 0, np.float32(_NODES - 1.001), out=at)
        node = at.astype(np.intp)
        at -= node
        level = (shrink - np.float32(self.low)) * np.float32((_LEVELS - 1) / max(self.high - self.low, 1e-3))
        level += np.float32(0.5)
        np.clip(level, 0, _LEVELS - 1, out=level)
        of_ties = node[ties]
        node += level.astype(np.intp) * _NODES
        node[ties] = of_ties + _TIES
        return node, at

    def tables(self, theta: float, unit: float = 1.0) -> tuple[Floats, Floats]:
        """Log likelihoods (bins, gains, shifts) of good labelers, and (bins) of an adversarial one.

        `unit` multiplies all gains.
        """
        levels = np.append(np.linspace(self.low, self.high, _LEVELS), (self.low + self.high) / 2)
        shrink = np.repeat(levels, _NODES)
        mean = np.tile(np.linspace(-_REACH, _REACH, _NODES), _LEVELS + 1) / shrink
        variance = (1 / shrink**2 - 1) * 8 / math.pi
        answer = np.where(np.arange(BINS) < _TIES, LEFT, TIE)
        gains, thresholds = unit * np.exp(LOG_GAINS)[:, None], theta * np.exp(TIE_SHIFTS)
        good = probabilities(
            mean[:, None, None], variance[:, None, None], gain=gains, theta=thresholds, side=0.0
        )[np.arange(BINS), :, :, answer]  # fmt: skip
        inverted = probabilities(mean, variance, gain=-1.0, theta=theta, side=0.0)[np.arange(BINS), answer]
        return _unbent(np.log(good)), _unbent(np.log(inverted))


def _unbent(values: Floats) -> Floats:
    """(bins, ...) at the nodes, less what linear interpolation between them is off in the mean."""
    by_node = values.reshape(_LEVELS + 1, _NODES, *values.shape[1:])
    bent = np.zeros_like(by_node)
    bent[:, 1:-1] = by_node[:, 2:] - 2 * by_node[:, 1:-1] + by_node[:, :-2]
    return np.asarray((by_node - bent / 12).reshape(values.shape))


class Counts:
    """Weights by owner and bin, added up in batches."""

    size = 1 << 20
    """Of a batch, in rows: counting costs as much as there are bins, whatever the rows."""

    def __init__(self, owners: int) -> None:
        self.values = np.zeros(owners * BINS)
        self._place = np.empty(self.size, dtype=np.intp)
        self._below, self._above = np.empty(self.size, dtype=np.float64), np.empty(self.size, dtype=np.float64)
        self._filled = 0

    def add(self, place: Ints, part: Small, weight: Small) -> None:
        """`place` is owner * BINS + bin; no more rows at once than `size`."""
        if self._filled + len(place) > self.size:
            self._flush()
        rows = slice(self._filled, self._filled + len(place))
        self._place[rows] = place
        np.multiply(weight, part, out=self._above[rows])
        np.subtract(weight, self._above[rows], out=self._below[rows])
        self._filled += len(place)

    def by_owner(self) -> Floats:
        """(owners, bins)."""
        self._flush()
        return self.values.reshape(-1, BINS)

    def merge(self, other: "Counts") -> None:
        self._flush()
        other._flush()
        self.values += other.values

    def _flush(self) -> None:
        place = self._place[: self._filled]
        self.values += np.bincount(place, self._below[: self._filled], len(self.values))
        place += 1
        self.values += np.bincount(place, self._above[: self._filled], len(self.values))
        self._filled = 0


def evidence_of(counts: Floats, answers: Floats, bins: Bins, theta: float) -> Evidence:
    """Of each owner of counts (owners, bins) and answers (owners, 3)."""
    good, inverted = bins.tables(theta)
    return Evidence(
        good=(counts @ good.reshape(BINS, -1)).reshape(-1, len(LOG_GAINS), len(TIE_SHIFTS)),
        adversarial=counts @ inverted,
        answers=answers,
    )
