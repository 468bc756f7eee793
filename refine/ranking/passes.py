"""Passes to and fro between scores and labelers, exact: every row's evidence is worked out by itself.

Scores given what is believed of labelers, labelers given scores without their own rows (`cavity`), the widths of both
populations by empirical Bayes. The first passes take everybody alike. At the end predictions are calibrated on rows
predicted without their own block. `tiled` does the same for many rows.
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np

from refine.ranking.calibration import calibrate
from refine.ranking.cells import Floats, Ints
from refine.ranking.comparisons import TIE
from refine.ranking.history import History
from refine.ranking.labelers import (
    Beliefs,
    Evidence,
    Population,
    answer_chances,
    believe,
    learn_population,
    learn_sides,
    no_evidence,
)
from refine.ranking.makers import generators_of, only_controls, place_controls
from refine.ranking.ordered_logit import log_likelihood, probabilities
from refine.ranking.rows import Rows, views_for
from refine.ranking.scores import NEAR, ROUGHLY, Scores, View, solve_scores
from refine.ranking.trusted import Fitted

BLIND_PASSES: Final = 4
PASSES: Final = 24
"""At most; and"""
SETTLED: Final = 0.005
"""how little shares and widths of the population move in the last one."""
WORTH_SCORES: Final = 4.0
"""Scores that the expected variances are worth, and those:"""
VARIANCE: Final = 0.7
GENERATOR_VARIANCE: Final = 0.2
CONTROL_LEAD: Final = 2.0
"""How far an original is ahead of its control before anything is known."""
THETA: Final = (0.02, 6.0)


class Passes:
    """The state that passes improve."""

    def __init__(self, rows: Rows) -> None:
        data = rows.data
        self.rows = rows
        counts = np.bincount(data.outcome, minlength=3) + 1.0
        decided = (counts[0] + counts[2]) / 2
        rates = np.array([decided, counts[TIE], decided]) / counts.sum()
        self.theta = float(np.clip(2 * np.arctanh(np.clip(rates[TIE], 0.02, 0.9)), *THETA))
        self.population = Population.expected(rates, self.theta)
        self.controls = only_controls(data, rows.cells, rows.lookup)
        self.names, self.generator = generators_of(data, rows.cells, rows.lookup, self.controls[0])
        self.variance, self.generator_variance = 1.0, 0.3
        self.control_lead = CONTROL_LEAD
        self.mean, self.generators = np.zeros(len(rows.cells)), np.zeros(len(self.names))
        self.evidence = no_evidence(len(data.labelers))
        self.sides = np.zeros(len(data.labelers))
        self.beliefs: Beliefs | None = None
        self.blind: dict[str, Any] = {}
        self.blind_score = -np.inf
        pairs = np.unique(rows.labeler * max(len(data.groups), 1) + data.group) % max(len(data.groups), 1)
        self.can_judge = bool(
            (np.bincount(pairs) > 1).any() or len(rows.is_control)
        )  # somebody's answers stand beside another's

    def advance(self, *, trusting: bool) -> float:
        """One pass: scores, then their widths and theta, then labelers if `trusting`; how far those moved."""
        rows = self.rows
        scores = self._solve(ROUGHLY)
        self.mean, self.generators = scores.mean, scores.generators
        self._learn_widths(scores)
        lead, variance = self._leads(scores)
        views = self._views()
        self._learn_theta(lead, variance, views)
        if not trusting:
            return np.inf
        self.evidence = self._gather(lead, variance, rows.labeler, len(rows.data.labelers))
        before = self.population
        self.population, drift = learn_population(replace(before, theta=self.theta), self.evidence)
        self.beliefs = believe(self.population, self.evidence)
        self.sides = learn_sides(
            rows.data.outcome, lead, variance, weight=rows.for_labelers * rows.is_pair, views=self._views(),
            labeler=rows.labeler, labelers=len(rows.data.labelers),
        )  # fmt: skip
        scale = float(np.exp(drift))  # leads grow by it and gains shrink: what labelers see stays the same
        self.mean, self.generators = self.mean * scale, self.generators * scale
        self.variance, self.generator_variance = self.variance * scale**2, self.generator_variance * scale**2
        self.control_lead *= scale
        self.beliefs = replace(self.beliefs, unit=1 / scale)
        return self.population.distance(before)

    def remember_blind(self) -> None:
        """Keep where the passes stand, to come back to if telling labelers apart explains no more."""
        scores = self._solve()
        self.blind_score = self._blind_score(*self._leads(scores))
        kept = ("variance", "generator_variance", "theta", "mean", "generators", "control_lead")
        self.blind = {name: getattr(self, name) for name in kept}

    def explained(self) -> Floats:
        """By labeler: log Bayes factor of seeing the leads that others' rows give, against seeing none, if good."""
        rows = self.rows
        lead, variance = self._leads(self._solve())
        count = len(rows.data.labelers)
        prior = np.log(np.maximum(self.population.good, 1e-300))
        seen = self._gather(lead, variance, rows.labeler, count).good + prior
        nothing = self._gather(0 * lead, 0 * variance, rows.labeler, count).good + prior
        return np.asarray(np.logaddexp.reduce(seen, (1, 2)) - np.logaddexp.reduce(nothing, (1, 2)))

    def finish(self, *, seed: int, draws: int) -> Fitted:
        rows = self.rows
        scores = self._solve()
        lead, variance = self._leads(scores)
        self.evidence = self._gather(lead, variance, rows.labeler, len(rows.data.labelers))  # at the scale that stays
        self.beliefs = believe(self.population, self.evidence)
        chances, p_good = self._without_own(lead, variance)
        weight = rows.for_labelers * p_good
        calibration, told_of = calibrate(rows.data.outcome, chances, weight), self.beliefs
        if not self.can_judge or self._score(calibration(chances)) < self.blind_score:  # the simpler model does as well
            told = self.population
            for name, value in self.blind.items():
                setattr(self, name, value)
            self.population = self.population.alike(self.theta)
            self.evidence, self.sides = no_evidence(len(self.sides)), np.zeros_like(self.sides)
            self.beliefs = believe(self.population, self.evidence)
            scores = self._solve()
            lead, variance = self._leads(scores)
            chances, _ = self._without_own(lead, variance)
            calibration = calibrate(rows.data.outcome, chances, rows.for_labelers)
            told_of = believe(told, self.evidence)  # the scores took all alike; of labelers nothing is known
        assert self.beliefs is not None
        assert told_of is not None
        mean, covariances = place_controls(
            rows.cells, scores.mean, scores.covariances, *self.controls, self.control_lead
        )
        return Fitted(
            data=rows.data,
            cells=rows.cells,
            mean=mean,
            covariances=covariances,
            prior_sd=float(np.sqrt(self.variance + (self.generator_variance if self.names else 0.0))),
            seed=seed,
            draws=draws,
            population=self.population,
            history=(History(data=rows.data, is_sorted=True),),
            names=rows.data.labelers,
            evidence=self.evidence,
            beliefs=told_of,
            scored_by=self.beliefs,
            sides=self.sides,
            counts=np.bincount(rows.labeler, minlength=len(rows.data.labelers)),
            calibration=calibration,
            control_lead=self.control_lead,
            generator_names=self.names,
            generators=scores.generators,
            generator_covariance=scores.generator_covariance,
            variance=self.variance,
            generator_variance=self.generator_variance,
        )

    def _solve(self, near: float = NEAR) -> Scores:
        rows = self.rows
        return solve_scores(
            rows.cells, rows.left, rows.right, rows.data.outcome, self._views(), generator=self.generator,
            variance=self.variance, generator_variance=self.generator_variance, mean=self.mean,
            generators=self.generators, near=near,
        )  # fmt: skip

    def _views(self) -> list[View]:
        return views_for(self.rows, self.beliefs, self.theta, self.sides)

    def _leads(self, scores: Scores) -> tuple[Floats, Floats]:
        return self.rows.leads(scores, self.control_lead)

    def _learn_widths(self, scores: Scores) -> None:
        worth = WORTH_SCORES
        self.variance = max((scores.spread + worth * VARIANCE) / (len(scores.mean) + worth), 0.02)
        if self.names:
            expected = scores.generator_spread + worth * GENERATOR_VARIANCE
            self.generator_variance = max(expected / (len(self.names) + worth), 0.001)

    def _learn_theta(self, lead: Floats, variance: Floats, views: list[View]) -> None:
        """By a search near the present one on rows predicted without their own block; of controls' lead too."""
        rows, view = self.rows, views[0]
        good = np.ones(len(lead)) if self.beliefs is None else self.beliefs.p_good[rows.labeler]
        weight = rows.for_labelers * good
        factors = np.exp(np.linspace(-0.3, 0.3, 7))

        def score(lead: Floats, factor: float, chosen: "Ints | slice") -> float:
            chances = _good_chances(view, lead, variance, factor, chosen)
            return float(np.sum(weight[chosen] * log_likelihood(rows.data.outcome[chosen], chances)))

        best = max(factors.tolist(), key=lambda factor: (score(lead, factor, slice(None)), -abs(factor - 1)))
        self.theta = float(np.clip(self.theta * best, *THETA))
        if len(rows.is_control):

            def fits(factor: float) -> float:
                tried = lead.copy()
                tried[rows.is_control] = self.control_lead * factor
                return score(tried, 1.0, rows.is_control) - 0.5 * (self.control_lead * factor - CONTROL_LEAD) ** 2

            self.control_lead *= max(factors.tolist(), key=fits)

    def _gather(self, lead: Floats, variance: Floats, owner: Ints, owners: int) -> Evidence:
        return self.rows.gather(lead, variance, self.theta, self.sides[self.rows.labeler], owner, owners)

    def _without_own(self, lead: Floats, variance: Floats) -> tuple[Floats, Floats]:
        """Chances of every row's answer with nothing known from its labeler's rows in its group; and P(good) so."""
        rows = self.rows
        groups = max(len(rows.data.groups), 1)
        keys, block = np.unique(rows.labeler * groups + rows.data.group, return_inverse=True)
        own = self._gather(lead, variance, block, len(keys))
        beliefs = believe(self.population, self.evidence.of(keys // groups) - own)
        side = self.sides[rows.labeler] * rows.is_pair
        chances = answer_chances(beliefs, block, lead, variance, theta=self.theta, side=side)
        return chances, beliefs.p_good[block]

    def _blind_score(self, lead: Floats, variance: Floats) -> float:
        view = views_for(self.rows, None, self.theta, self.sides)[0]
        chances = _good_chances(view, lead, variance, 1.0, slice(None))
        return self._score(calibrate(self.rows.data.outcome, chances, self.rows.for_labelers)(chances))

    def _score(self, chances: Floats) -> float:
        return float(np.sum(self.rows.for_labelers * log_likelihood(self.rows.data.outcome, chances)))


def _good_chances(view: View, lead: Floats, variance: Floats, factor: float, chosen: "Ints | slice") -> Floats:
    return probabilities(
        lead[chosen], variance[chosen], gain=view.gain[chosen], theta=view.theta[chosen] * factor,
        side=view.side[chosen],
    )  # fmt: skip
