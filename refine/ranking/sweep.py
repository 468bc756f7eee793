"""One tile, once: scores moved by Newton's method, and leads as they are without each labeler's own block.

The same likelihood as `scores` and `cavity`, for groups of one size at a time and without storing anything a row long.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refine.ranking.cells import Floats, summed
from refine.ranking.inverses import invert
from refine.ranking.tiles import Kinds, Small, Tile

_LONGEST: Final = 2.0
"""That a score moves in one step."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """By labeler: how the scores read his rows. A careless labeler's say nothing of them."""

    good: Small
    """How likely he is a good one, times what his rows are let count for; so is the last."""
    gain: Small
    theta: Small
    side: Small
    adversarial: Small


@dataclass(slots=True, kw_only=True, eq=False)
class Solved:
    """Of one tile."""

    mean: Floats
    """(size, groups)."""
    precision: Floats
    """(size, size, groups), and"""
    covariance: Floats
    """its inverse."""
    variance: Small
    """Of leads, the same shape."""
    pull: Small
    """By row, at `mean`: derivative of the log likelihood by the lead of the entry's first over its second, and"""
    bend: Small
    """minus the second one."""


class Glance:
    """A tile as it is read in one sweep."""

    def __init__(self, tile: Tile, kinds: Kinds, seen: Seen, *, theta: float) -> None:
        self.tile, self.theta = tile, np.float32(theta)
        self.entry, self.labeler = tile.entry.astype(np.intp), tile.labeler.astype(np.intp)
        weight = kinds.for_scores.take(tile.kind)
        self.gain = seen.gain.take(self.labeler)
        self.threshold = seen.theta.take(self.labeler)
        self.good = weight * seen.good.take(self.labeler)
        self.good *= self.gain
        self.gain_squared = self.gain * self.gain
        self.side: Small | None = None
        """Added to the lead as the labeler sees it."""
        if tile.has_pairs:
            self.side = tile.lean * kinds.is_pair[tile.kind] * seen.side.take(self.labeler)
        self.inverted = np.zeros(0, dtype=np.intp)
        if (seen.adversarial > 0.01).any():
            adversarial = seen.adversarial.take(self.labeler)
            self.inverted = np.flatnonzero(adversarial > 0.01)
            self.inverted_weight = weight[self.inverted] * adversarial[self.inverted]
            is_tie = np.zeros(len(tile), dtype=bool)
            is_tie[tile.ties] = True
            self.inverted_ties = np.flatnonzero(is_tie[self.inverted])

    def slopes(self, lead: Small, variance: Small) -> tuple[Small, Small]:
        """By row: derivative of the log likelihood by the lead, and minus the second one, averaged over leads of that
        variance as in `scores.slopes_of`."""
        seen = lead * self.gain
        if self.side is not None:
            seen += self.side
        shrink = _shrinkage(variance * self.gain_squared)
        lost = _falling((seen - self.threshold) * shrink)
        pull = self.good * lost
        bend = pull * self.gain
        bend *= shrink
        lost -= 1
        bend *= -lost
        if len(ties := self.tile.ties):
            other = _falling((-seen[ties] - self.threshold[ties]) * shrink[ties])
            part = self.good[ties] * other
            pull[ties] -= part
            bend[ties] += part * self.gain[ties] * shrink[ties] * (1 - other)
        if len(rows := self.inverted):
            weight, at, shrink = self.inverted_weight, lead[rows], _shrinkage(variance[rows])
            lost = _falling((-at - self.theta) * shrink)
            pull[rows] -= weight * lost
            bend[rows] += weight * shrink * lost * (1 - lost)
            if len(tied := self.inverted_ties):
                other = _falling((at[tied] - self.theta) * shrink[tied])
                pull[rows[tied]] += weight[tied] * other
                bend[rows[tied]] += weight[tied] * shrink[tied] * other * (1 - other)
        return pull, bend


def solve(
    glance: Glance, mean: Floats, variance: Small, *, expected: Floats | float, precision: float, steps: int
) -> Solved:
    """Newton steps from `mean` (size, groups), under a prior N(expected, 1 / precision) on every cell.

    `variance` (size, size, groups) is what is thought of the leads' at first; each step finds it anew.
    """
    size, groups = mean.shape
    entries, diagonal = size * size * groups, np.arange(size)
    for _ in range(steps):
        lead = _differences(mean).astype(np.float32).reshape(-1).take(glance.entry)
        pull, bend = glance.slopes(lead, variance.reshape(-1).take(glance.entry))
        slope = summed(glance.entry, pull, entries).reshape(size, size, groups)
        curve = summed(glance.entry, bend, entries).reshape(size, size, groups)
        gradient = slope.sum(1) - slope.sum(0) - (mean - expected) * precision
        curve += curve.transpose(1, 0, 2).copy()
        np.negative(curve, out=curve)
        curve[diagonal, diagonal] = precision - curve.sum(1)
        covariance = invert(curve.copy())
        own = covariance[diagonal, diagonal]
        variance = (own[:, None] + own[None] - 2 * covariance).astype(np.float32)
        step = (covariance * gradient).sum(1)
        step *= np.minimum(1, _LONGEST / np.maximum(np.abs(step).max(0), 1e-9))
        mean = mean + step
    pull -= bend * _differences(step).astype(np.float32).reshape(-1).take(glance.entry)
    return Solved(mean=mean, precision=curve, covariance=covariance, variance=variance, pull=pull, bend=bend)


def leads_without_own(tile: Tile, solved: Solved) -> tuple[Small, Small]:
    """By row: mean and variance of the lead of its entry's first without its labeler's rows in its group."""
    if len(tile.block_rows) == len(tile):
        return _without_row(tile, solved)
    size, blocks = tile.size, len(tile.block_rows)
    entries, diagonal = size * size * blocks, np.arange(size)
    place = tile.code * np.intp(blocks)
    place += np.repeat(np.arange(blocks), tile.block_rows)
    shape = (size, size, blocks)
    slope = np.bincount(place, solved.pull, entries).reshape(shape)
    share = np.bincount(place, solved.bend, entries).astype(np.float32).reshape(shape)
    share += share.transpose(1, 0, 2).copy()
    without = solved.precision.astype(np.float32).reshape(size * size, -1).take(tile.block_group, axis=1).reshape(shape)
    without += share
    without[diagonal, diagonal] -= share.sum(1)
    invert(without)
    own = (slope.sum(1) - slope.sum(0)).astype(np.float32)
    mean = solved.mean.astype(np.float32).take(tile.block_group, axis=1)
    mean -= (without * own).sum(1)
    variance = without[diagonal, diagonal]
    spread = variance[:, None] + variance[None]
    spread -= without
    spread -= without
    return _differences(mean).reshape(-1).take(place), np.maximum(spread.reshape(-1).take(place), np.float32(1e-9))


def _without_row(tile: Tile, solved: Solved) -> tuple[Small, Small]:
    """The same where every block is one row: a change of rank one."""
    entry = tile.entry.astype(np.intp)
    spread = solved.variance.reshape(-1).take(entry)
    spread /= np.maximum(1 - spread * solved.bend, np.float32(1e-6))
    lead = _differences(solved.mean).astype(np.float32).reshape(-1).take(entry)
    return lead - spread * solved.pull, np.maximum(spread, np.float32(1e-9))


def _differences(of: NDArray[Any]) -> NDArray[Any]:
    """(size, many) to (size, size, many): each first less each second."""
    return np.asarray(of[:, None] - of[None])


def _shrinkage(variance: Small) -> Small:
    """1 / sqrt(1 + pi / 8 variance); variance is not kept."""
    variance *= np.float32(math.pi / 8)
    variance += 1
    np.sqrt(variance, out=variance)
    return np.reciprocal(variance, out=variance)


def _falling(x: Small) -> Small:
    """1 / (1 + exp(x)); x is not kept."""
    np.minimum(x, np.float32(60), out=x)
    np.exp(x, out=x)
    x += 1
    return np.reciprocal(x, out=x)
