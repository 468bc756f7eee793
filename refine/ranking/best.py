"""P(best): how often each item is the highest when ratings are drawn from their joint posterior."""

import math

import numpy as np

from refine.ranking.cells import Floats, Ints

_CHUNK = 4_000_000
"""Numbers drawn at once: bounds memory, changes no result."""


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

    Exact for one and two items, otherwise with an error of the order of 1 / sqrt(draws).
    """
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
