"""The model: Bradley-Terry with ties, its log posterior and derivatives. Finding the maximum is left to laplace.py.

With d = s_left - s_right and a threshold theta > 0,

    P(left wins) = S(d - theta),   P(right wins) = S(-d - theta),   P(tie) = the rest,   S(x) = 1 / (1 + exp(-x)).

This is the ordered (cumulative) logit of Agresti (Categorical Data Analysis) and, with exp(theta) as their
parameter, the model of Rao & Kupper (JASA 1967); theta = 0 gives Bradley & Terry (Biometrika 1952). Since

    P(tie) = S(d - theta) S(-d - theta) (exp(2 theta) - 1),

the log likelihood is a sum of log S terms and of log(exp(2 theta) - 1) for each tie, all concave in (s, theta)
together; with the priors, s ~ N(0, prior_sd^2) and theta ~ Gamma(shape, rate), there is exactly one maximum and it is
finite, also for items never beaten, groups that fall apart, and data that is all ties or has none. The Gaussian prior
says how far apart items of one group are expected to be and pins the origin of the scale, which comparisons leave
free (Hunter, Annals of Statistics 2004, on existence without a prior). The Gamma prior is worth about one tie.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from refine.ranking.cells import Cells, Floats, Ints, summed
from refine.ranking.comparisons import LEFT, RIGHT, TIE, Comparisons

THETA_SHAPE, THETA_RATE = 2.0, 3.0
"""Of the prior on theta: mode 1/3, mean 2/3, a sixth to a third of even comparisons tied."""


class Derivatives(NamedTuple):
    """Of the log posterior: gradient, and minus the Hessian as its pieces (it is an arrow: blocks and one border)."""

    gradient: Floats
    """By item."""
    gradient_theta: float
    blocks: Floats
    """Minus the Hessian of each group's items, row by row, groups after each other."""
    border: Floats
    """Minus the mixed derivative by item and theta."""
    corner: float
    """Minus the second derivative by theta."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """Comparisons summed by pair, in an order that does not depend on the order of the rows."""

    cells: Cells
    i: Ints
    """Of each pair: the item that sorts first, and"""
    j: Ints
    """the other one."""
    wins: Floats
    """Weight by pair with which S(s_i - s_j - theta) occurs: i won, or a tie."""
    losses: Floats
    """The same for j."""
    ties: float
    """Weight of all ties."""
    scatter: Ints
    """Where in the blocks a pair's curvature goes: (i, i), (j, j), (i, j), (j, i)."""
    prior_sd: float

    @classmethod
    def of(cls, data: Comparisons, weight: Floats, *, prior_sd: float) -> "Problem":
        """Sum `weight` (one a row, positive) by pair and outcome."""
        cells, left, right = Cells.of(data)
        flip = left > right
        outcome = np.where(flip, RIGHT - data.outcome, data.outcome)
        key = np.where(flip, right, left) * len(cells) + np.where(flip, left, right)
        order = np.lexsort((weight, key))  # equal rows in any order, so that float sums do not depend on theirs
        key, outcome, weight = key[order], outcome[order], weight[order]
        is_first = np.ones(len(key), dtype=bool)
        is_first[1:] = key[1:] != key[:-1]
        pair = np.cumsum(is_first) - 1
        pairs = key[is_first]
        i, j = pairs // max(len(cells), 1), pairs % max(len(cells), 1)
        return cls(
            cells=cells,
            i=i,
            j=j,
            wins=summed(pair, weight * (outcome != RIGHT), len(pairs)),
            losses=summed(pair, weight * (outcome != LEFT), len(pairs)),
            ties=float(weight[outcome == TIE].sum()),
            scatter=np.concatenate([cells.entry(i, i), cells.entry(j, j), cells.entry(i, j), cells.entry(j, i)]),
            prior_sd=prior_sd,
        )

    def log_posterior(self, s: Floats, theta: float) -> float:
        """Up to a constant."""
        d = s[self.i] - s[self.j]
        fit = -self.wins @ np.logaddexp(0, theta - d) - self.losses @ np.logaddexp(0, theta + d)
        log_ties = 2 * theta + np.log(-np.expm1(-2 * theta))
        prior = -0.5 * (s @ s) / self.prior_sd**2 + (THETA_SHAPE - 1) * np.log(theta) - THETA_RATE * theta
        return float(fit + self.ties * log_ties + prior)

    def derivatives(self, s: Floats, theta: float) -> Derivatives:
        d = s[self.i] - s[self.j]
        p = np.exp(-np.logaddexp(0, d - theta))  # S(theta - d), without overflow
        q = np.exp(-np.logaddexp(0, -d - theta))
        win, loss = self.wins * p, self.losses * q
        win_bend, loss_bend = win * (1 - p), loss * (1 - q)
        bend, mixed, slope = win_bend + loss_bend, loss_bend - win_bend, win - loss
        items, precision = len(s), 1 / self.prior_sd**2
        ends = np.concatenate([self.i, self.j])
        rise = -np.expm1(-2 * theta)
        blocks = summed(self.scatter, np.concatenate([bend, bend, -bend, -bend]), self.cells.entries)
        blocks[self.cells.diagonal] += precision
        return Derivatives(
            gradient=summed(ends, np.concatenate([slope, -slope]), items) - s * precision,
            gradient_theta=float(
                2 * self.ties / rise - win.sum() - loss.sum() + (THETA_SHAPE - 1) / theta - THETA_RATE
            ),
            blocks=blocks,
            border=summed(ends, np.concatenate([mixed, -mixed]), items),
            corner=float(bend.sum() + self.ties * 4 * np.exp(-2 * theta) / rise**2 + (THETA_SHAPE - 1) / theta**2),
        )
