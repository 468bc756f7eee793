"""What answers to controls say: of all of them the original's lead is the same."""

import numpy as np

from refine.ranking.cells import Floats
from refine.ranking.labelers import LOG_GAINS, TIE_SHIFTS
from refine.ranking.ordered_logit import probabilities
from refine.ranking.trusted import CONTROL_VARIANCE


def control_likelihoods(lead: float, theta: float, unit: float = 1.0) -> tuple[Floats, Floats]:
    """Log likelihoods of left, tie and right on a control: (3, gains, shifts), and (3) of an adversarial labeler.

    `unit` multiplies all gains.
    """
    mean = np.full((len(LOG_GAINS), len(TIE_SHIFTS)), lead)
    gains, thresholds = unit * np.exp(LOG_GAINS)[:, None], theta * np.exp(TIE_SHIFTS)
    good = probabilities(mean, CONTROL_VARIANCE, gain=gains, theta=thresholds, side=0.0)
    inverted = probabilities(np.array(lead), CONTROL_VARIANCE, gain=-1.0, theta=theta, side=0.0)
    return np.log(np.maximum(np.moveaxis(good, -1, 0), 1e-12)), np.log(np.maximum(inverted, 1e-12))
