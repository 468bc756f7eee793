"""P(best): how often each item is the highest when ratings are drawn from their joint posterior."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refine.ranking.cells import Floats, Ints

_CHUNK = 1_000_000
"""Numbers drawn at once: bounds memory, changes no result."""
MANY: Final = 2000
"""Groups of one size whose draws would take seconds."""
_POINTS: Final = 40
_NEAR: Final = 0.1
"""Largest relative error of the differences' standard deviations with which items are taken as independent: P(best) is
then off by 0.002 in the mean, as by 4,096 draws."""
_GROUPS: Final = 1000
"""Integrated at once."""


def normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def p_above(mean: Floats, covariance: Floats) -> float:
    """P(the first of two is above the second), exact for their mean (2) and covariance (2, 2)."""
    sd = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    return normal_cdf(float(mean[0] - mean[1]) / sd)


def shared_normals(rows: int, draws: int, seed: int) -> Floats:
    """`rows` by `draws` standard normals, each half the negative of the other.

    A row depends on the seed and its number alone, so that the same numbers serve every group, every subset of a
    group and every later fit: differences between two P(best) are then not noise of the draws.
    """
    half = np.random.Generator(np.random.PCG64(seed)).standard_normal((rows, (draws + 1) // 2))
    return np.concatenate([half, -half], axis=1)


def best_probabilities(mean: Floats, covariance: Floats, normals: Floats) -> Floats:
    """P(best) of groups of one size: mean (G, K), covariance (G, K, K), normals (K, draws), result (G, K).

    Exact for one and two items, otherwise with an error of the order of 1 / sqrt(draws); of `MANY` groups and more the
    ones near enough to independence are integrated instead, with as small an error (`_integrated`).
    """
    groups, size = mean.shape
    if size > 2 and groups >= MANY:
        found, is_near = _integrated(mean, covariance)
        if not is_near.all():
            far = np.flatnonzero(~is_near)
            found[far] = _drawn(mean[far], covariance[far], normals)
        return found
    return _drawn(mean, covariance, normals)


def _drawn(mean: Floats, covariance: Floats, normals: Floats) -> Floats:
    groups, size = mean.shape
    if size == 1:
        return np.ones((groups, 1))
    if size == 2:
        sd = np.sqrt(covariance[:, 0, 0] + covariance[:, 1, 1] - 2 * covariance[:, 0, 1])
        first = np.array([normal_cdf(x) for x in ((mean[:, 0] - mean[:, 1]) / sd).tolist()])
        return np.stack([first, 1 - first], axis=1)
    root = np.linalg.cholesky(covariance)
    count = np.empty((groups, size))
    step = max(_CHUNK // normals.size, 1)
    for at in range(0, groups, step):
        drawn = root[at : at + step] @ normals + mean[at : at + step, :, None]
        best: Ints = drawn.argmax(axis=1)
        offset = np.arange(len(best))[:, None] * size
        count[at : at + step] = np.bincount((best + offset).ravel(), minlength=len(best) * size).reshape(-1, size)
    return np.divide(count, normals.shape[1])


def _integrated(mean: Floats, covariance: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """P(best) of each as the integral of P(all others are below x) over its density, and where that is near.

    What moves all items together does not matter, so items are taken as independent, with the variances whose sums
    come nearest to those of the differences.
    """
    groups, size = mean.shape
    found, is_near = np.empty((groups, size)), np.empty(groups, dtype=bool)
    at = np.arange(size)
    for first in range(0, groups, _GROUPS):
        some = slice(first, first + _GROUPS)
        joint = covariance[some]
        own = joint[:, at, at]
        spread = own[:, :, None] + own[:, None] - 2 * joint
        total = spread.sum((1, 2)) / 2 / (size - 1)
        variance = (spread.sum(2) - total[:, None]) / (size - 2)
        variance = np.maximum(variance, 0.02 * total[:, None] / size)
        apart = np.sqrt(np.maximum(spread, 1e-12)) / np.sqrt(variance[:, :, None] + variance[:, None])
        off = np.abs(apart - 1)
        off[:, at, at] = 0
        is_near[some] = off.max((1, 2)) < _NEAR
        found[some] = _independent(mean[some], np.sqrt(variance))
    return found, is_near


def _independent(mean: Floats, sd: Floats) -> Floats:
    """(G, K): by the trapezoidal rule over where the highest can be."""
    low, high = (mean - 4.5 * sd).max(1), (mean + 4.5 * sd).max(1)
    place = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, _POINTS)
    z = (place[:, None] - mean[:, :, None]) / sd[:, :, None]
    below = _normal_cdf(z)
    density = np.exp(-0.5 * z * z) / sd[:, :, None]
    rest = np.prod(below, axis=1, keepdims=True) / np.maximum(below, 1e-30)
    found = (density * rest).sum(2)
    return np.asarray(found / found.sum(1, keepdims=True))


def _normal_cdf(z: Floats) -> Floats:
    """Within 2e-4 (Bowling et al., Journal of Industrial Engineering and Management 2009)."""
    return np.asarray(1 / (1 + np.exp(np.clip(-z * (1.5976 + 0.07056 * z * z), -80, 80))))
