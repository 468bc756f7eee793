"""The maximum of the posterior by Newton's method, and the curvature there (Laplace's approximation)."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from refine.errors import InputError
from refine.ranking.bradley_terry import Problem
from refine.ranking.cells import Floats, Ints
from refine.ranking.comparisons import Comparisons
from refine.ranking.fitted import DRAWS, BlindFit

PRIOR_SD = 1.5
"""How far apart items of one group are expected to be, in log-odds. Of 0.3 to 2.5, values from 1 to 1.5 predicted
held-out comparisons best or nearly so on three public sets (llmfao, UKPConvArg1, SIGIR 2010 music)."""

_ENOUGH = 1e-12
"""Newton's decrement at which the next step is the last; its error is then of the order of the square."""


def fit_blind(
    data: Comparisons,
    *,
    seed: int = 0,
    start: BlindFit | None = None,
    prior_sd: float = PRIOR_SD,
    labeler_weights: Mapping[str, float] | None = None,
    draws: int = DRAWS,
) -> BlindFit:
    """Ratings of every item in `data`, with their uncertainty, every labeler taken alike.

    Every group has its own items; the tie threshold is one for all of them. `labeler_weights` scales what each
    labeler's rows count for (default 1, 0 leaves them out); `start` is an earlier fit to begin from, which saves
    steps and changes the result by rounding only. `seed` and `draws` matter for P(best) alone.

    Never fails on odd evidence: without rows there are no ratings, groups that fall apart stay comparable through
    the prior, all ties gives equal ratings, contradictions give ratings near each other. The standard deviations
    take comparisons as independent given the ratings; they do not know that one careless labeler made several.
    Memory grows with the square of a group's items.
    """
    if not (prior_sd > 0 and math.isfinite(prior_sd)):
        raise InputError(f"prior_sd is {prior_sd}; it must be a positive number")
    weight = row_weights(data, labeler_weights)
    problem = Problem.of(data, weight, prior_sd=prior_sd)
    scores, theta = _start(problem, data, start)
    places = problem.cells.by_size()
    step = _newton_step(problem, scores, theta, places)
    for _ in range(100):
        scores, theta = _advance(problem, scores, theta, step)
        is_last = step.decrement < _ENOUGH
        step = _newton_step(problem, scores, theta, places)
        if is_last:
            break
    return BlindFit(
        data=data,
        weight=weight,
        problem=problem,
        cells=problem.cells,
        mean=scores,
        covariances=step.covariances,
        theta=theta,
        theta_sd=step.theta_sd,
        prior_sd=prior_sd,
        seed=seed,
        draws=draws,
    )


def row_weights(data: Comparisons, labeler_weights: Mapping[str, float] | None = None) -> Floats:
    """What each row counts for: 1, or (K - 1) / rows in a ranking of K items: 2/K for a full one. Times the weights.

    A ranking of K is K - 1 choices made one after the other (Plackett 1975, Luce 1959), not K(K - 1)/2 separate
    comparisons; counting its pairs in full is a composite likelihood, which finds the same ratings but is too sure
    of them (Varin, Reid & Firth, Statistica Sinica 2011; on breaking rankings into pairs: Azari Soufiani et al.,
    NIPS 2013, Khetan & Oh, JMLR 2016).
    """
    weight = np.ones(len(data))
    ranked = np.flatnonzero(data.ranking >= 0)
    if len(ranked):
        _, ranking = np.unique(data.ranking[ranked], return_inverse=True)
        items = max(len(data.items), 1)
        pairs = np.concatenate([ranking * items + data.left[ranked], ranking * items + data.right[ranked]])
        size = np.bincount(np.unique(pairs) // items)
        weight[ranked] = ((size - 1) / np.bincount(ranking))[ranking]
    if data.weights is not None:
        weight *= data.weights[data.labeler]
    if labeler_weights is not None:
        by_labeler = np.array([labeler_weights.get(name, 1.0) for name in data.labelers])
        if not (np.isfinite(by_labeler).all() and (by_labeler >= 0).all()):
            raise InputError("a labeler's weight is negative or not a number; weights are 0 or more")
        weight *= by_labeler[data.labeler]
    return weight


class _Step(NamedTuple):
    scores: Floats
    theta: float
    decrement: float
    """Gradient times step: twice the gain that Newton's method expects."""
    covariances: Floats
    theta_sd: float


def _start(problem: Problem, data: Comparisons, start: BlindFit | None) -> tuple[Floats, float]:
    if start is not None:
        names = zip(problem.cells.group.tolist(), problem.cells.item.tolist(), strict=True)
        known = [start.place.get((data.groups[group], data.items[item])) for group, item in names]
        return np.array([0.0 if at is None else start.mean[at] for at in known]), start.theta
    rows = float(problem.wins.sum() + problem.losses.sum() - problem.ties)
    share = (problem.ties + 0.5) / (rows + 2)
    return np.zeros(len(problem.cells)), 2 * math.atanh(share)  # where even items tie as often as was seen


_Places = list[tuple[int, Ints, Ints]]
"""Of `Cells.by_size`, worked out once a fit."""


def _newton_step(problem: Problem, scores: Floats, theta: float, places: _Places) -> _Step:
    """The step, and the inverse of minus the Hessian: by block, then corrected for the border (Schur complement)."""
    at = problem.derivatives(scores, theta)
    covariances = np.empty_like(at.blocks)
    plain, lean = np.empty_like(scores), np.empty_like(scores)
    for _, items, entries in places:
        inverse = np.linalg.inv(at.blocks[entries])
        covariances[entries] = inverse
        plain[items] = (inverse @ at.gradient[items][:, :, None])[:, :, 0]
        lean[items] = (inverse @ at.border[items][:, :, None])[:, :, 0]
    schur = at.corner - float(at.border @ lean)
    by_theta = (at.gradient_theta - float(at.border @ plain)) / schur
    for _, items, entries in places:
        tilt = lean[items]
        covariances[entries] += tilt[:, :, None] * tilt[:, None, :] / schur
    by_scores = plain - lean * by_theta
    return _Step(
        scores=by_scores,
        theta=by_theta,
        decrement=float(at.gradient @ by_scores) + at.gradient_theta * by_theta,
        covariances=covariances,
        theta_sd=schur**-0.5,
    )


def _advance(problem: Problem, scores: Floats, theta: float, step: _Step) -> tuple[Floats, float]:
    """Along the step, as far as theta stays positive and the posterior rises."""
    length = 1.0 if theta + step.theta > 0 else -0.9 * theta / step.theta
    if step.decrement < 1e-6:  # so close that rounding could spoil the comparison
        return scores + length * step.scores, theta + length * step.theta
    before = problem.log_posterior(scores, theta)
    for _ in range(60):
        new = scores + length * step.scores, theta + length * step.theta
        if problem.log_posterior(*new) > before + 1e-4 * length * step.decrement:
            return new
        length /= 2
    return scores, theta
