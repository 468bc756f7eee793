"""The last word on predictions: two small logistic maps, fitted on rows predicted without their own block."""

import math
from dataclasses import dataclass

import numpy as np

from refine.ranking.cells import Floats, Outcomes
from refine.ranking.comparisons import LEFT, RIGHT, TIE
from refine.ranking.ordered_logit import sigmoid

_STRETCH_WORTH = 40.0
"""Precision of the prior on log stretch."""
_TIE_WORTH = np.array([10.0, 40.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    stretch: float = 1.0
    """Of the log-odds of left against right."""
    tie_shift: float = 0.0
    tie_stretch: float = 1.0
    """Of the log-odds of a tie."""

    def __call__(self, chances: Floats) -> Floats:
        """(rows, 3) to (rows, 3)."""
        left = sigmoid(self.stretch * np.log(chances[:, LEFT] / chances[:, RIGHT]))
        tie = sigmoid(self.tie_shift + self.tie_stretch * _log_odds(chances[:, TIE]))
        return np.stack([(1 - tie) * left, tie, (1 - tie) * (1 - left)], axis=1)


def calibrate(outcome: Outcomes, chances: Floats, weight: Floats) -> Calibration:
    """By penalised maximum likelihood (Platt 1999, with priors at no change); `weight` is what each row counts."""
    decided = outcome != TIE
    odds, won, counts = (
        np.log(chances[decided, LEFT] / chances[decided, RIGHT]),
        outcome[decided] == LEFT,
        weight[decided],
    )
    stretch = 1.0
    for _ in range(20):
        q = sigmoid(stretch * odds)
        slope = (counts * (won - q)) @ odds - _STRETCH_WORTH * math.log(stretch) / stretch
        bend = (counts * q * (1 - q)) @ odds**2 + _STRETCH_WORTH / stretch**2
        stretch = min(max(stretch + slope / bend, 0.2), 5.0)
    features = np.stack([np.ones(len(outcome)), _log_odds(chances[:, TIE])], axis=1)
    tie = np.array([0.0, 1.0])
    for _ in range(20):
        q = sigmoid(features @ tie)
        slopes = features.T @ (weight * ((outcome == TIE) - q)) - _TIE_WORTH * (tie - [0, 1])
        bends = (features * (weight * q * (1 - q))[:, None]).T @ features + np.diag(_TIE_WORTH)
        tie = tie + np.clip(np.linalg.solve(bends, slopes), -1, 1)
    return Calibration(stretch=stretch, tie_shift=float(tie[0]), tie_stretch=max(float(tie[1]), 0.1))


def _log_odds(p: Floats) -> Floats:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(p / (1 - p)))
