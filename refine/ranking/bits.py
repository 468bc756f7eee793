"""What one more answer is expected to tell: bits about which of two items is the better one.

Of a lead d ~ N(mean, variance) of one item over another and a labeler's answer o to that pair, the mutual information

    I(sign d; o) = P(d < 0) KL(o | d < 0, o) + P(d > 0) KL(o | d > 0, o)

(Lindley, Annals of Mathematical Statistics 1956, on experiments; MacKay, Neural Computation 1992, on choosing data by
it). Answers follow the ordered logit of `ordered_logit` as a labeler of that reliability gives them; the integrals are
Gauss-Legendre sums, one on either side of zero. No draws: equal input gives equal bits.
"""

import math
from dataclasses import dataclass

import numpy as np

from refine.ranking.cells import Floats, Ints
from refine.ranking.labelers import LOG_GAINS
from refine.ranking.ordered_logit import Values, sigmoid

THETA = 0.3
"""Tie threshold where none is given: even items tie in 15 of 100 comparisons."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)
_GAINS = (math.exp(float(LOG_GAINS[0])), math.exp(float(LOG_GAINS[-1])))
_ROOT = 1 / math.sqrt(2 * math.pi)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """How labelers see, one entry each: what `Fitted.labelers` says, taken apart again."""

    gain: Floats
    """Times that a good one sees the lead."""
    careless: Floats
    adversarial: Floats

    @classmethod
    def of(cls, *, reliability: Floats, p_careless: Floats, p_adversarial: Floats) -> "Sight":
        """From the columns of `Fitted.labelers`."""
        good = np.maximum(1 - p_careless - p_adversarial, 1e-6)
        gain = np.clip((reliability + p_adversarial) / good, *_GAINS)
        return cls(gain=gain, careless=np.asarray(p_careless), adversarial=np.asarray(p_adversarial))

    @classmethod
    def typical(cls) -> "Sight":
        """One good labeler, of reliability 1."""
        return cls(gain=np.ones(1), careless=np.zeros(1), adversarial=np.zeros(1))

    def __len__(self) -> int:
        return len(self.gain)

    def take(self, who: Ints) -> "Sight":
        return Sight(gain=self.gain[who], careless=self.careless[who], adversarial=self.adversarial[who])


def sign_bits(mean: Floats, variance: Floats, sight: Sight, *, theta: float = THETA) -> Floats:
    """Bits about the sign of leads of that mean and variance, answered by labelers of that sight.

    All one-dimensional; of length one is paired with everything. 0 for a careless labeler, and close to it for a lead
    that is sure.
    """
    mean, sd = np.asarray(mean, dtype=np.float64), np.sqrt(np.maximum(variance, 1e-12))
    z = mean / sd
    low, high = np.minimum(-5.0, -z - 4), np.maximum(5.0, 4 - z)
    below, answers_below = _side(mean, sd, low, -z, sight, theta)
    above, answers_above = _side(mean, sd, -z, high, sight, theta)
    total = below + above
    expected = (answers_below + answers_above) / total[:, None]
    nats = sum(
        share / total * _divergence(answers / share[:, None], expected)
        for share, answers in ((below, answers_below), (above, answers_above))
    )
    return np.asarray(nats / math.log(2))


def _side(mean: Floats, sd: Floats, low: Values, high: Values, sight: Sight, theta: float) -> tuple[Floats, Floats]:
    """P(the lead, in its standard deviations, is between low and high), and with it P(that and each answer)."""
    half = np.asarray((high - low) / 2)
    x = np.asarray(low)[:, None] + half[:, None] * (_NODES + 1)
    weight = _ROOT * np.exp(-x * x / 2) * _WEIGHTS * half[:, None]
    lead = mean[:, None] + sd[:, None] * x
    left, right = _decided(lead, sight, theta)
    share = weight.sum(1)
    on_left, on_right = (weight * left).sum(1), (weight * right).sum(1)
    share = np.maximum(np.broadcast_to(share, on_left.shape), 1e-300)
    return share, np.maximum(np.stack([on_left, share - on_left - on_right, on_right], axis=-1), 1e-320)


def _decided(lead: Floats, sight: Sight, theta: float) -> tuple[Floats, Floats]:
    """P(left), P(right) by labeler and lead (rows, nodes)."""
    gain, careless, adversarial = sight.gain[:, None], sight.careless[:, None], sight.adversarial[:, None]
    good, guess = 1 - careless - adversarial, careless * float(sigmoid(-theta))
    seen = gain * lead
    left, right = good * sigmoid(seen - theta) + guess, good * sigmoid(-seen - theta) + guess
    if sight.adversarial.any():
        left, right = left + adversarial * sigmoid(-lead - theta), right + adversarial * sigmoid(lead - theta)
    return left, right


def _divergence(p: Floats, q: Floats) -> Floats:
    """Of Kullback and Leibler, in nats; exact too where p and q are nearly equal and bits are few."""
    excess = p / q - 1
    return np.asarray((q * ((1 + excess) * np.log1p(excess) - excess)).sum(-1))
