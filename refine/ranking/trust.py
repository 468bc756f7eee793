"""Ratings and labelers found together: whom to trust, from what they all said.

The model is that of `labelers` over the scores of `scores`. Passes go to and fro: scores given what is believed of
labelers, labelers given scores without their own rows (`cavity`), the widths of both populations by empirical Bayes.
The first pass takes everybody alike. At the end predictions are calibrated on rows predicted without their own block.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refine.ranking.calibration import calibrate
from refine.ranking.cavity import leads_without_own, own_blocks
from refine.ranking.cells import Cells, Floats, Ints
from refine.ranking.comparisons import TIE, Comparisons
from refine.ranking.fitted import DRAWS
from refine.ranking.joining import in_order, join, part
from refine.ranking.labelers import (
    Beliefs,
    Evidence,
    Population,
    answer_chances,
    believe,
    gather,
    learn_population,
    learn_sides,
    no_evidence,
    views_of,
)
from refine.ranking.ordered_logit import log_likelihood, probabilities
from refine.ranking.scores import Scores, View, solve_scores
from refine.ranking.trusted import CONTROL_VARIANCE, Fitted

BLIND_PASSES, PASSES = 4, 8
_WORTH_SCORES, _VARIANCE, _GENERATOR_VARIANCE = 4.0, 0.7, 0.2
"""Scores that the expected variances are worth, and those."""
_CONTROL_LEAD = 2.0
"""How far an original is ahead of its control before anything is known."""
_MOST_NAMES = 200
"""Item names that serve as generators where none are given, the most frequent: cost grows with the cube."""
_THETA = (0.02, 6.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Comparisons made ready for passes: cells, weights, blocks."""

    data: Comparisons
    cells: Cells
    left: Ints
    right: Ints
    labeler: Ints
    for_scores: Floats
    """What a row counts for the scores: 1, or 3 / (K + 1) in a ranking of K; 0 for a control."""
    for_labelers: Floats
    """For what is believed of its labeler: 1, or 9 / (2K + 5)."""
    is_pair: Floats
    """1 outside rankings: only there is a side of the screen to prefer."""
    is_control: Ints
    """Rows whose left item is an original and the right one its control."""
    blocks: list[Ints]

    @classmethod
    def of(cls, data: Comparisons) -> "Rows":
        cells, left, right = Cells.of(data)
        is_ranked = data.ranking >= 0
        _, ranking = np.unique(data.ranking[is_ranked], return_inverse=True)
        size = (1 + np.sqrt(1 + 8 * np.bincount(ranking))) / 2  # K of K (K - 1) / 2 rows
        for_scores, for_labelers = np.ones(len(data)), np.ones(len(data))
        for_scores[is_ranked] = np.minimum(3 / (size + 1), 1)[ranking]
        for_labelers[is_ranked] = np.minimum(9 / (2 * size + 5), 1)[ranking]
        control = data.is_control
        for_scores[control] = 0.0
        return cls(
            data=data,
            cells=cells,
            left=left,
            right=right,
            labeler=data.labeler.astype(np.int64),
            for_scores=for_scores,
            for_labelers=for_labelers,
            is_pair=(~is_ranked).astype(np.float64),
            is_control=np.flatnonzero(control),
            blocks=own_blocks(data),
        )


def fit(data: Comparisons, *, seed: int = 0, start: Fitted | None = None, draws: int = DRAWS) -> Fitted:
    """Ratings of every item and reliabilities of every labeler in `data`.

    With `start`, `data` is what came since: labelers keep what `start` believes of them and learn from the new rows,
    and the groups in `data` are rated by their rows in `start` and the new ones together, at the widths and the
    calibration of `start`. That takes milliseconds for a round; the result holds those groups only, and all
    labelers; it can be updated again.
    A fit of everything is the truth that such updates stay near.

    `seed` and `draws` matter for P(best) alone. Never fails on odd evidence: no rows, one labeler, groups that fall
    apart, all ties and contradictions give ratings near each other, kept finite by the priors; where no two labelers
    share a group nobody can be judged, and all count alike. Items of one name in
    several groups are separate, but where no generators are given the 200 most frequent names serve as such, for what
    that explains.
    Memory grows with the square of a group's items.
    """
    if start is not None:
        return _update(start, data, seed=seed, draws=draws)
    rows = Rows.of(in_order(data))
    loop = _Passes(rows)
    for _ in range(BLIND_PASSES):
        loop.advance(trusting=False)
    loop.remember_blind()
    for _ in range(PASSES):
        loop.advance(trusting=True)
    return loop.finish(seed=seed, draws=draws)


class _Passes:
    """The state that passes improve."""

    def __init__(self, rows: Rows) -> None:
        data = rows.data
        self.rows = rows
        counts = np.bincount(data.outcome, minlength=3) + 1.0
        decided = (counts[0] + counts[2]) / 2
        rates = np.array([decided, counts[TIE], decided]) / counts.sum()
        self.theta = float(np.clip(2 * np.arctanh(np.clip(rates[TIE], 0.02, 0.9)), *_THETA))
        self.population = Population.expected(rates, self.theta)
        self.names, self.generator = _generators(data, rows)
        self.variance, self.generator_variance = 1.0, 0.3
        self.control_lead = _CONTROL_LEAD
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

    def advance(self, *, trusting: bool) -> None:
        """One pass: scores, then their widths and theta, then labelers if `trusting`."""
        rows = self.rows
        scores = self._solve()
        self.mean, self.generators = scores.mean, scores.generators
        self._learn_widths(scores)
        lead, variance = self._leads(scores)
        views = self._views()
        self._learn_theta(lead, variance, views)
        if not trusting:
            return
        self.evidence = self._gather(lead, variance, rows.labeler, len(rows.data.labelers))
        population = replace(self.population, theta=self.theta)
        self.population, drift = learn_population(population, self.evidence)
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

    def remember_blind(self) -> None:
        """Keep where the passes stand, to come back to if telling labelers apart explains no more."""
        scores = self._solve()
        self.blind_score = self._blind_score(*self._leads(scores))
        kept = ("variance", "generator_variance", "theta", "mean", "generators", "control_lead")
        self.blind = {name: getattr(self, name) for name in kept}

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
            self.population = replace(
                self.population, theta=self.theta, shares=np.array([1 - 2e-9, 1e-9, 1e-9]), gain_sd=0.05, tie_sd=0.05
            )
            self.evidence, self.sides = no_evidence(len(self.sides)), np.zeros_like(self.sides)
            self.beliefs = believe(self.population, self.evidence)
            scores = self._solve()
            lead, variance = self._leads(scores)
            chances, _ = self._without_own(lead, variance)
            calibration = calibrate(rows.data.outcome, chances, rows.for_labelers)
            told_of = believe(told, self.evidence)  # the scores took all alike; of labelers nothing is known
        assert self.beliefs is not None
        assert told_of is not None
        mean, covariances = _with_controls(rows, scores, self.control_lead)
        return Fitted(
            data=rows.data,
            cells=rows.cells,
            mean=mean,
            covariances=covariances,
            prior_sd=float(np.sqrt(self.variance + (self.generator_variance if self.names else 0.0))),
            seed=seed,
            draws=draws,
            population=self.population,
            history=(rows.data,),
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

    def _solve(self) -> Scores:
        rows = self.rows
        return solve_scores(
            rows.cells, rows.left, rows.right, rows.data.outcome, self._views(), generator=self.generator,
            variance=self.variance, generator_variance=self.generator_variance, mean=self.mean,
            generators=self.generators,
        )  # fmt: skip

    def _views(self) -> list[View]:
        return views_for(self.rows, self.beliefs, self.theta, self.sides)

    def _leads(self, scores: Scores) -> tuple[Floats, Floats]:
        return _leads(self.rows, scores, self.control_lead)

    def _learn_widths(self, scores: Scores) -> None:
        worth = _WORTH_SCORES
        self.variance = max((scores.spread + worth * _VARIANCE) / (len(scores.mean) + worth), 0.02)
        if self.names:
            expected = scores.generator_spread + worth * _GENERATOR_VARIANCE
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
        self.theta = float(np.clip(self.theta * best, *_THETA))
        if len(rows.is_control):

            def fits(factor: float) -> float:
                tried = lead.copy()
                tried[rows.is_control] = self.control_lead * factor
                return score(tried, 1.0, rows.is_control) - 0.5 * (self.control_lead * factor - _CONTROL_LEAD) ** 2

            self.control_lead *= max(factors.tolist(), key=fits)

    def _gather(self, lead: Floats, variance: Floats, owner: Ints, owners: int) -> Evidence:
        return _gather(self.rows, lead, variance, self.theta, self.sides[self.rows.labeler], owner, owners)

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


def _update(start: Fitted, more: Comparisons, *, seed: int, draws: int) -> Fitted:
    data, is_new = in_order(more), np.ones(len(more), dtype=np.int64)
    for earlier in start.history:
        data, is_new = join(part(earlier, _rows_in(earlier, more.groups)), data, is_new)
    place = {name: at for at, name in enumerate(start.names)}
    everybody = start.names + tuple(name for name in data.labelers if name not in place)
    place.update({name: at for at, name in enumerate(everybody)})
    rows = Rows.of(data)
    rows = replace(rows, labeler=np.array([place[name] for name in data.labelers], dtype=np.int64)[data.labeler])
    known = np.where(np.arange(len(everybody)) < len(start.names), np.arange(len(everybody)), -1)
    evidence = start.evidence.of(known)
    sides = np.where(known >= 0, start.sides[known] if len(start.sides) else 0.0, 0.0)
    prior_mean, prior_variance = _priors(start, data, rows)
    theta, fresh = start.population.theta, np.flatnonzero(is_new)
    beliefs = believe(start.population, evidence)
    total, scores = evidence, None
    for _ in range(2):
        scores = solve_scores(
            rows.cells, rows.left, rows.right, data.outcome, views_for(rows, beliefs, theta, sides),
            generator=np.full(len(rows.cells), -1), variance=prior_variance, generator_variance=1.0,
            mean=np.zeros(len(rows.cells)) if scores is None else scores.mean, generators=np.zeros(0),
            offset=prior_mean,
        )  # fmt: skip
        lead, variance = _leads(rows, scores, start.control_lead)
        gained = _gather(rows, lead, variance, theta, sides[rows.labeler], rows.labeler, len(everybody), chosen=fresh)
        total = evidence + gained
        beliefs = believe(start.population, total)
    assert scores is not None
    counts = np.bincount(rows.labeler[fresh], minlength=len(everybody))
    counts[: len(start.names)] += start.counts
    mean, covariances = _with_controls(rows, scores, start.control_lead)
    return replace(
        start,
        data=data,
        cells=rows.cells,
        mean=mean,
        covariances=covariances,
        history=(*start.history, in_order(more)),
        seed=seed,
        draws=draws,
        names=everybody,
        evidence=total,
        beliefs=beliefs,
        scored_by=beliefs,
        sides=sides,
        counts=counts,
    )


def _rows_in(data: Comparisons, groups: Sequence[str]) -> Ints:
    """Rows of those groups, in data that is sorted by group."""
    found = [np.zeros(0, dtype=np.int64)]
    for name in groups:
        code = bisect_left(data.groups, name)
        if code < len(data.groups) and data.groups[code] == name:
            first, end = np.searchsorted(data.group, [code, code + 1]).tolist()
            found.append(np.arange(first, end))
    return np.concatenate(found)


def _priors(start: Fitted, data: Comparisons, rows: Rows) -> tuple[Floats, Floats]:
    """Prior mean and variance of each cell: its generator's, as far as `start` knows that."""
    names, generator = _generators(data, rows, start.generator_names)
    place = {name: at for at, name in enumerate(start.generator_names)}
    known = np.array([*(place.get(name, -2) for name in names), -1], dtype=np.int64)[generator]
    spread = np.append(np.diagonal(start.generator_covariance), [start.generator_variance, 0.0])  # -2: new, -1: none
    mean = np.append(start.generators, [0.0, 0.0])
    return mean[known], start.variance + spread[known]


def _only_controls(rows: Rows) -> dict[int, int]:
    """Control -> its original, by cell: controls that nothing else was compared with."""
    compared = np.zeros(len(rows.cells), dtype=bool)
    compared[rows.left], compared[rows.right[~rows.data.is_control]] = True, True
    pairs = zip(rows.right[rows.is_control].tolist(), rows.left[rows.is_control].tolist(), strict=True)
    return {control: original for control, original in pairs if not compared[control]}


def _with_controls(rows: Rows, scores: Scores, control_lead: float) -> tuple[Floats, Floats]:
    """Means and covariances, with controls placed below their originals: their own rows do not move the scores."""
    mean, covariances, cells = scores.mean.copy(), scores.covariances.copy(), rows.cells
    for control, original in _only_controls(rows).items():
        group = int(cells.group[original])
        same = cells.start[group] + np.arange(cells.size[group])
        here, there = np.full(len(same), control), np.full(len(same), original)
        covariances[cells.entry(here, same)] = covariances[cells.entry(there, same)]
        covariances[cells.entry(same, here)] = covariances[cells.entry(same, there)]
        own = int(cells.diagonal[control])
        covariances[own] = covariances[int(cells.diagonal[original])] + CONTROL_VARIANCE
        mean[control] = mean[original] - control_lead
    return mean, covariances


def views_for(
    rows: Rows, beliefs: Beliefs | None, theta: float, sides: Floats, *, labeler: Ints | None = None
) -> list[View]:
    """How the scores read the rows; `labeler` where beliefs are of more labelers than the rows have."""
    if beliefs is None:
        ones = np.ones(len(rows.labeler))
        return [View(weight=rows.for_scores, gain=ones, theta=theta * ones, side=0 * ones)]
    who = rows.labeler if labeler is None else labeler
    return views_of(beliefs, theta, sides, who, rows.for_scores, rows.is_pair)


def _leads(rows: Rows, scores: Scores, control_lead: float) -> tuple[Floats, Floats]:
    lead, variance = leads_without_own(
        rows.cells, rows.left, rows.right, rows.blocks, lead=scores.mean[rows.left] - scores.mean[rows.right],
        covariances=scores.covariances, pull=scores.pull, bend=scores.bend,
    )  # fmt: skip
    lead[rows.is_control], variance[rows.is_control] = control_lead, CONTROL_VARIANCE
    return lead, variance


def _good_chances(view: View, lead: Floats, variance: Floats, factor: float, chosen: "Ints | slice") -> Floats:
    return probabilities(
        lead[chosen], variance[chosen], gain=view.gain[chosen], theta=view.theta[chosen] * factor,
        side=view.side[chosen],
    )  # fmt: skip


def _gather(
    rows: Rows, lead: Floats, variance: Floats, theta: float, side: Floats, owner: Ints, owners: int,
    chosen: "Ints | slice" = slice(None),
) -> Evidence:  # fmt: skip
    return gather(
        rows.data.outcome[chosen], lead[chosen], variance[chosen], weight=rows.for_labelers[chosen],
        side=(side * rows.is_pair)[chosen], theta=theta, owner=owner[chosen], owners=owners,
    )  # fmt: skip


def _generators(data: Comparisons, rows: Rows, known: tuple[str, ...] | None = None) -> tuple[tuple[str, ...], Ints]:
    """Names, and each cell's position among them, -1 for none: as given, else item names that several groups share."""
    code = np.full(len(rows.cells), -1, dtype=np.int64)
    if data.generators:
        np.maximum.at(code, rows.left, data.left_generator.astype(np.int64))
        np.maximum.at(code, rows.right, data.right_generator.astype(np.int64))
        names = data.generators
    elif known is not None:
        place: Mapping[str, int] = {name: at for at, name in enumerate(known)}
        return known, np.array([place.get(name, -1) for name in data.items], dtype=np.int64)[rows.cells.item]
    else:
        groups = np.bincount(rows.cells.item, minlength=len(data.items))
        most = np.argsort(-groups, kind="stable")[:_MOST_NAMES]
        shared = np.sort(most[groups[most] > 1])
        position = np.full(len(data.items), -1, dtype=np.int64)
        position[shared] = np.arange(len(shared))
        code, names = position[rows.cells.item], tuple(data.items[at] for at in shared.tolist())
    code[list(_only_controls(rows))] = -1
    return names, code
