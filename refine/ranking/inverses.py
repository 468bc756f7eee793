"""Inverses of many small positive definite matrices at once, laid out (size, size, many)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def invert(matrices: NDArray[Any]) -> NDArray[Any]:
    """In place, by Gauss-Jordan elimination without pivots, which positive definite matrices do not need.

    `np.linalg.inv` calls LAPACK once a matrix, about 2 µs each; here every step is one operation over all of them.
    """
    size = len(matrices)
    for k in range(size):
        scale = 1 / matrices[k, k]
        column = matrices[:, k].copy()
        column[k] = 0
        matrices[k] *= scale
        matrices[k, k] = scale
        row = matrices[k].copy()
        matrices[:, k] = 0
        matrices[k] = row
        for i in range(size):
            if i != k:
                matrices[i] -= column[i] * row
    return matrices
