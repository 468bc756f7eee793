"""Scores of cells given what is believed of labelers, generators included: Newton's method on the expected posterior.

Prior: the score of a cell is N(g of its generator, variance), g is N(0, generator_variance). The Hessian is an arrow,
a block for each group and one border for all generators, solved by the border's Schur complement.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from refine.ranking.cells import Cells, Floats, Ints, Outcomes, summed
from refine.ranking.ordered_logit import slopes

_STEPS = 40
NEAR, ROUGHLY = 1e-7, 1e-3
"""A step as small as this is the last."""


class View(NamedTuple):
    """How rows are read: each counts `weight`, for a labeler who sees `gain` times the lead, plus `side`."""

    weight: Floats
    gain: Floats
    theta: Floats
    side: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    mean: Floats
    """By cell."""
    covariances: Floats
    """Each group's matrix, in the order of `Cells.block`."""
    generators: Floats
    """Mean of g by generator."""
    generator_covariance: Floats
    spread: float
    """Expected sum of squares of the scores' distances from their generators."""
    generator_spread: float
    pull: Floats
    """By row: derivative of the log likelihood by the lead, and"""
    bend: Floats
    """minus the second one."""


def solve_scores(
    cells: Cells,
    left: Ints,
    right: Ints,
    outcome: Outcomes,
    views: Sequence[View],
    *,
    generator: Ints,
    variance: Floats | float,
    generator_variance: float,
    mean: Floats,
    generators: Floats,
    offset: Floats | float = 0.0,
    near: float = NEAR,
) -> Scores:
    """The normal nearest to the posterior, from `mean` and `generators` on: where the expected slope of the log
    posterior is zero, with the expected curvature as precision (Opper & Archambeau, Neural Computation 2009). The
    maximum itself lies too near to the prior where rows are few.

    `generator` is each cell's, -1 for none. Rows may be read in several views at once, as mixtures
    are. `offset` is what a score is expected to be beside its generator's g.
    `variance` may be by cell where there are no generators.
    """
    count = len(generators)
    maker = np.where(generator >= 0, generator, count)  # the last one stands for none: 0, and never moved
    precision, by_size = 1 / variance, cells.by_size()
    where = (cells.entry(left, left), cells.entry(right, right), cells.entry(left, right), cells.entry(right, left))
    scatter = np.concatenate(where)
    diagonal, total = cells.diagonal, len(cells)
    covariances, own_variance = np.empty(cells.entries), np.empty(total)
    inverse = np.zeros((count + 1, count + 1))
    doubt = np.zeros(len(left))
    for number in range(_STEPS):
        pull, bend = slopes_of(outcome, mean[left] - mean[right], views, doubt)
        away = mean - offset - np.append(generators, 0.0)[maker]
        gradient = summed(left, pull, total) - summed(right, pull, total) - away * precision
        curvature = summed(scatter, np.concatenate([bend, bend, -bend, -bend]), cells.entries)
        curvature[diagonal] += precision
        step = np.empty(total)
        schur = np.zeros((count + 1, count + 1))
        for _, of_cells, entries in by_size:
            block = np.linalg.inv(curvature[entries])
            covariances[entries] = block
            step[of_cells] = (block @ gradient[of_cells][:, :, None])[:, :, 0]
            if count:
                of = maker[of_cells]
                np.subtract.at(schur, (of[:, :, None], of[:, None, :]), block * precision**2)
        own_variance[:] = covariances[diagonal]
        turn = np.zeros(count)
        if count:
            made = np.bincount(maker, minlength=count + 1)[:count]
            schur[np.arange(count), np.arange(count)] += made * precision + 1 / generator_variance
            inverse[:count, :count] = np.linalg.inv(schur[:count, :count])
            slope = precision * summed(maker, away + step, count + 1)[:count] - generators / generator_variance
            turn = inverse[:count, :count] @ slope
            for size, of_cells, entries in by_size:
                tilt = covariances[entries] * precision
                of = maker[of_cells]
                shared = inverse[of[:, :, None], of[:, None, :]]
                step[of_cells] += (tilt @ np.append(turn, 0.0)[of][:, :, None])[:, :, 0]
                apart = tilt - np.eye(size)
                own_variance[of_cells] += np.einsum("nij,njk,nik->ni", apart, shared, apart)
                covariances[entries] += tilt @ shared @ tilt.transpose(0, 2, 1)
        doubt = np.maximum(covariances[where[0]] + covariances[where[1]] - 2 * covariances[where[2]], 0)
        size_of_step = float(np.abs(step).max(initial=0.0))
        if size_of_step < near or number == _STEPS - 1:
            break
        length = min(1.0, 2 / size_of_step)
        mean, generators = mean + length * step, generators + length * turn
    away = mean - offset - np.append(generators, 0.0)[maker]
    return Scores(
        mean=mean,
        covariances=covariances,
        generators=generators,
        generator_covariance=inverse[:count, :count].copy(),
        spread=float(away @ away + own_variance.sum()),
        generator_spread=float(generators @ generators + np.trace(inverse)),
        pull=pull,
        bend=bend,
    )


def slopes_of(
    outcome: Outcomes, lead: Floats, views: Sequence[View], variance: Floats | float = 0.0
) -> tuple[Floats, Floats]:
    """By row, over all views: derivative of the log likelihood by the lead, and minus the second one.

    Both averaged over a lead of that variance, by MacKay's approximation (Neural Computation 1992).
    """
    pull, bend = np.zeros_like(lead), np.zeros_like(lead)
    for view in views:
        shrink = 1 / np.sqrt(1 + math.pi / 8 * view.gain**2 * variance)
        first, second = slopes(outcome, shrink * (view.gain * lead + view.side), shrink * view.theta)
        pull += view.weight * view.gain * first
        bend += view.weight * view.gain**2 * shrink * second
    return pull, bend
