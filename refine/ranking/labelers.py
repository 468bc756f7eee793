"""Labelers as a mixture: good ones of any reliability, careless ones who do not look, adversarial ones who invert.

A good labeler sees the lead `gain` times (log-normal around 1, which pins the scale of the scores) and has a tie
threshold of his own, theta exp(u). A careless one draws his answers at rates of his own (a Dirichlet around
everybody's), whatever is shown. An adversarial one has gain -1. Beliefs are exact on a grid of gain and u, given leads
without the labeler's own rows (`cavity`); shares of the kinds and widths of the population are estimated from all
(empirical Bayes; Dawid & Skene 1979 and Raykar et al., JMLR 2010, treat labelers in this spirit).
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from refine.ranking.cells import Floats, Ints, Outcomes, summed
from refine.ranking.ordered_logit import log_likelihood, probabilities, slopes
from refine.ranking.scores import View

LOG_GAINS: Final = np.array([-1.8, -1.2, -0.8, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1.0])
TIE_SHIFTS: Final = np.array([-1.2, -0.6, 0, 0.6, 1.2])
SIDE_VARIANCE = 0.09
"""Of a good labeler's side bias; a looser one would explain those who always choose the left."""
_GAIN_SD, _TIE_SD, _SHARES = 0.5, 0.6, np.array([0.88, 0.10, 0.02])
"""What is expected of a population nobody has seen: good, careless, adversarial."""
_WORTH_LABELERS, _WORTH_SHARES = 10.0, 8.0
"""Labelers that expectation is worth: of the widths, of the shares."""
_MOST_GAIN_SD = 0.6
"""Good labelers wider apart than this would take in the careless, as of a gain near 0, and shrink all scores."""
_ANSWERS_WORTH = 8.0
"""Answers that everybody's rates are worth against a careless labeler's own."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Population:
    theta: float
    shares: Floats
    """Good, careless, adversarial."""
    gain_sd: float
    tie_sd: float
    answers: Floats
    """Of careless labelers: the Dirichlet's three numbers."""
    can_invert: bool = True
    """Whether anybody may be adversarial."""

    @classmethod
    def expected(cls, rates: Floats, theta: float) -> "Population":
        return cls(theta=theta, shares=_SHARES, gain_sd=_GAIN_SD, tie_sd=_TIE_SD, answers=_ANSWERS_WORTH * rates)

    def distance(self, other: "Population") -> float:
        """How far widths and shares are from those."""
        widths = abs(self.gain_sd - other.gain_sd), abs(self.tie_sd - other.tie_sd)
        return max(*widths, float(np.abs(self.shares - other.shares).max()))

    def alike(self, theta: float) -> "Population":
        """Everybody good, and as good as everybody else."""
        shares = np.array([1 - 2e-9, 1e-9, 1e-9])
        return replace(self, theta=theta, shares=shares, gain_sd=0.05, tie_sd=0.05)

    @property
    def good(self) -> Floats:
        """(gains, shifts): probabilities of a good labeler's."""
        by_gain = np.exp(-0.5 * (LOG_GAINS / self.gain_sd) ** 2)
        by_shift = np.exp(-0.5 * (TIE_SHIFTS / self.tie_sd) ** 2)
        both = by_gain[:, None] * by_shift
        return np.asarray(both / both.sum())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Log likelihoods, summed over somebody's rows."""

    good: Floats
    """(n, gains, shifts)."""
    adversarial: Floats
    answers: Floats
    """(n, 3): weights of left, tie and right."""

    def __add__(self, other: "Evidence") -> "Evidence":
        return Evidence(
            good=self.good + other.good,
            adversarial=self.adversarial + other.adversarial,
            answers=self.answers + other.answers,
        )

    def __sub__(self, other: "Evidence") -> "Evidence":
        return Evidence(
            good=self.good - other.good,
            adversarial=self.adversarial - other.adversarial,
            answers=np.maximum(self.answers - other.answers, 0),
        )

    def of(self, who: Ints) -> "Evidence":
        """Of those; -1: of somebody nobody has seen."""
        known = who >= 0
        if not len(self.adversarial):
            return no_evidence(len(who))
        return Evidence(
            good=np.where(known[:, None, None], self.good[who], 0),
            adversarial=np.where(known, self.adversarial[who], 0),
            answers=np.where(known[:, None], self.answers[who], 0),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beliefs:
    """Of each labeler."""

    good: Floats
    """(n, gains, shifts): joint probability of being good and this; with the next two it sums to 1."""
    careless: Floats
    adversarial: Floats
    answers: Floats
    """(n, 3): rates at which the labeler answers if careless."""
    unit: float = 1.0
    """What gains are to be multiplied by, when the scores have been stretched since."""

    @property
    def p_good(self) -> Floats:
        return np.asarray(self.good.sum((1, 2)))

    @property
    def gain(self) -> Floats:
        """Expected, if good."""
        mean = (self.good * np.exp(LOG_GAINS)[:, None]).sum((1, 2)) / np.maximum(self.p_good, 1e-12)
        return np.asarray(self.unit * mean)

    @property
    def tie_shift(self) -> Floats:
        """Expected, if good."""
        return np.asarray((self.good * TIE_SHIFTS).sum((1, 2)) / np.maximum(self.p_good, 1e-12))

    @property
    def reliability(self) -> Floats:
        """Expected gain, a careless labeler's being 0 and an adversarial one's -1."""
        return self.gain * self.p_good - self.adversarial

    @property
    def reliability_sd(self) -> Floats:
        squares = self.unit**2 * (self.good * np.exp(2 * LOG_GAINS)[:, None]).sum((1, 2)) + self.adversarial
        return np.asarray(np.sqrt(np.maximum(squares - self.reliability**2, 0)))


def no_evidence(count: int) -> Evidence:
    return Evidence(
        good=np.zeros((count, len(LOG_GAINS), len(TIE_SHIFTS))),
        adversarial=np.zeros(count),
        answers=np.zeros((count, 3)),
    )


def gather(
    outcome: Outcomes,
    mean: Floats,
    variance: Floats,
    *,
    weight: Floats,
    side: Floats,
    theta: float,
    owner: Ints,
    owners: int,
) -> Evidence:
    """Evidence of rows (leads of that mean and variance) by `owner`."""
    found = no_evidence(owners)
    rows = np.arange(len(outcome))
    thresholds = theta * np.exp(TIE_SHIFTS)[:, None]
    for a, gain in enumerate(np.exp(LOG_GAINS).tolist()):
        chances = probabilities(mean, variance, gain=gain, theta=thresholds, side=side)
        said = np.log(np.maximum(chances[:, rows, outcome], 1e-12)) * weight
        for u in range(len(TIE_SHIFTS)):
            found.good[:, a, u] = summed(owner, said[u], owners)
    inverted = probabilities(mean, variance, gain=-1.0, theta=theta, side=0.0)
    found.adversarial[:] = summed(owner, weight * log_likelihood(outcome, inverted), owners)
    for answer in range(3):
        found.answers[:, answer] = summed(owner, weight * (outcome == answer), owners)
    return found


def believe(population: Population, evidence: Evidence) -> Beliefs:
    log_good = np.log(np.maximum(population.good * population.shares[0], 1e-300)) + evidence.good
    log_careless = math.log(population.shares[1]) + _careless_likelihood(population, evidence.answers)
    share = math.log(population.shares[2]) if population.can_invert else -np.inf
    log_adversarial = share + evidence.adversarial
    top = np.maximum(log_good.max((1, 2), initial=-np.inf), np.maximum(log_careless, log_adversarial))
    good = np.exp(log_good - top[:, None, None])
    careless, adversarial = np.exp(log_careless - top), np.exp(log_adversarial - top)
    total = good.sum((1, 2)) + careless + adversarial
    answers = evidence.answers + population.answers
    return Beliefs(
        good=good / total[:, None, None],
        careless=careless / total,
        adversarial=adversarial / total,
        answers=answers / answers.sum(1, keepdims=True),
    )


def learn_population(population: Population, evidence: Evidence) -> tuple[Population, float]:
    """Shares and widths re-estimated, and the mean of the log gains, by which the scale of the scores is off.

    Where adversarial labelers would be half as many as good ones, nobody may be adversarial.
    """
    for _ in range(20):
        beliefs, before = believe(population, evidence), population.shares
        found = np.array([beliefs.good.sum(), beliefs.careless.sum(), beliefs.adversarial.sum()])
        if found[2] > found[0] / 2:  # who inverts whom cannot be told: then nobody is said to
            population = replace(population, can_invert=False)
            continue
        found += _WORTH_SHARES * _SHARES
        population = replace(population, shares=found / found.sum())
        if float(np.abs(population.shares - before).max()) < 1e-4:
            break
    beliefs = believe(population, evidence)
    by_gain, by_shift = beliefs.good.sum((0, 2)), beliefs.good.sum((0, 1))
    good = float(by_gain.sum())
    centre = float(by_gain @ LOG_GAINS) / max(good, 1e-12)
    middle = float(by_shift @ TIE_SHIFTS) / max(good, 1e-12)
    worth = _WORTH_LABELERS
    gain_sd = math.sqrt((by_gain @ (LOG_GAINS - centre) ** 2 + worth * _GAIN_SD**2) / (good + worth))
    tie_sd = math.sqrt((by_shift @ (TIE_SHIFTS - middle) ** 2 + worth * _TIE_SD**2) / (good + worth))
    return replace(population, gain_sd=min(gain_sd, _MOST_GAIN_SD), tie_sd=tie_sd), centre


def learn_sides(
    outcome: Outcomes,
    mean: Floats,
    variance: Floats,
    *,
    weight: Floats,
    views: list[View],
    labeler: Ints,
    labelers: int,
) -> Floats:
    """Each labeler's side bias, if good: two Newton steps from 0 under N(0, SIDE_VARIANCE)."""
    view = views[0]
    shrink = 1 / np.sqrt(1 + math.pi / 8 * view.gain**2 * variance)
    sides = np.zeros(labelers)
    for _ in range(2):
        first, second = slopes(outcome, shrink * (view.gain * mean + sides[labeler]), shrink * view.theta)
        slope = summed(labeler, weight * view.weight * shrink * first, labelers) - sides / SIDE_VARIANCE
        bend = summed(labeler, weight * view.weight * shrink**2 * second, labelers) + 1 / SIDE_VARIANCE
        sides = sides + slope / bend
    return sides


def views_of(
    beliefs: Beliefs, theta: float, sides: Floats, labeler: Ints, weight: Floats, is_pair: Floats
) -> list[View]:
    """How the scores read each labeler's rows: as a good one's and, where that is likely, as an adversarial one's.

    A careless labeler's rows say nothing of the scores.
    """
    good = View(
        weight=weight * beliefs.p_good[labeler],
        gain=beliefs.gain[labeler],
        theta=theta * np.exp(beliefs.tie_shift)[labeler],
        side=sides[labeler] * is_pair,
    )
    if not (beliefs.adversarial > 0.01).any():
        return [good]
    ones = np.ones(len(labeler))
    inverted = View(
        weight=weight * beliefs.adversarial[labeler], gain=-ones, theta=theta * ones, side=np.zeros(len(labeler))
    )
    return [good, inverted]


def answer_chances(
    beliefs: Beliefs, who: Ints, mean: Floats, variance: Floats, *, theta: float, side: Floats
) -> Floats:
    """(rows, 3): what labeler `who` of each row answers to such leads, over all that is believed of him."""
    chances = beliefs.careless[who][:, None] * beliefs.answers[who]
    thresholds = theta * np.exp(TIE_SHIFTS)[:, None]
    for a, gain in enumerate(np.exp(LOG_GAINS).tolist()):
        at = probabilities(mean, variance, gain=gain, theta=thresholds, side=side)
        chances += np.einsum("nu,unc->nc", beliefs.good[who, a], at)
    chances += beliefs.adversarial[who][:, None] * probabilities(mean, variance, gain=-1.0, theta=theta, side=0.0)
    return np.asarray(chances / chances.sum(1, keepdims=True))


def _careless_likelihood(population: Population, answers: Floats) -> Floats:
    """Dirichlet-multinomial, of answers in their order."""
    prior = population.answers
    total = log_gamma(prior.sum()) - log_gamma(prior.sum() + answers.sum(1))
    return np.asarray(total + (log_gamma(prior + answers) - log_gamma(prior)).sum(1))


def log_gamma(x: Floats) -> Floats:
    """Of positive numbers: Stirling's series eight places on, and back (error under 1e-12)."""
    x = np.asarray(x, dtype=np.float64)
    back = sum(np.log(x + k) for k in range(8))
    y = x + 8
    series = 1 / (12 * y) - 1 / (360 * y**3) + 1 / (1260 * y**5) - 1 / (1680 * y**7)
    return np.asarray((y - 0.5) * np.log(y) - y + 0.5 * math.log(2 * math.pi) + series - back)
