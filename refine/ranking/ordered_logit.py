"""The answer to one comparison: an ordered logit, in d (left's lead as the labeler sees it) and a threshold theta.

    P(left wins) = S(d - theta),   P(right wins) = S(-d - theta),   P(tie) = the rest,   S(x) = 1 / (1 + exp(-x))

(Agresti, Categorical Data Analysis; with exp(theta) as parameter Rao & Kupper, JASA 1967.) All functions take and give
arrays that broadcast against each other.
"""

import math
from typing import TypeAlias

import numpy as np

from refine.ranking.cells import Floats, Outcomes
from refine.ranking.comparisons import LEFT, RIGHT

Values: TypeAlias = Floats | float

_TINY = 1e-12


def sigmoid(x: Values) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -40, 40))))


def slopes(outcome: Outcomes, d: Floats, theta: Values) -> tuple[Floats, Floats]:
    """First derivative by d of the log likelihood, and minus the second (never negative)."""
    not_right, not_left = outcome != RIGHT, outcome != LEFT
    p, q = sigmoid(theta - d), sigmoid(theta + d)
    return not_right * p - not_left * q, not_right * (p * (1 - p)) + not_left * (q * (1 - q))


def probabilities(mean: Floats, variance: Values, *, gain: Values, theta: Values, side: Values) -> Floats:
    """(..., 3): of left, tie and right, for a lead of that mean and variance that the labeler sees `gain` times.

    Averaged over the lead by MacKay's approximation (Neural Computation 1992); `side` is added to the lead.
    """
    shrink = 1 / np.sqrt(1 + math.pi / 8 * gain * gain * variance)
    lead = gain * mean + side
    left, right = sigmoid(shrink * (lead - theta)), sigmoid(shrink * (-lead - theta))
    return np.stack([left, np.maximum(1 - left - right, _TINY), right], axis=-1)


def log_likelihood(outcome: Outcomes, chances: Floats) -> Floats:
    """Of what each row answered, by chances (rows, 3)."""
    return np.asarray(np.log(np.maximum(np.take_along_axis(chances, outcome[:, None], 1)[:, 0], _TINY)))
