"""Passes to and fro between scores and labelers, for many rows: the model of `passes`, tile by tile, evidence binned.

Most passes look at a sample of the tiles, which tells nearly all of what labelers and widths are like; a few look at
all. What is one number for everybody (calibration, whether telling labelers apart explains more) is judged on rows of
a few tiles. The tie threshold maximises the expected log likelihood (EM, Dempster et al. 1977).
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refine.ranking.binned import BINS, Bins, evidence_of, shrinkage
from refine.ranking.calibration import calibrate
from refine.ranking.cells import Floats, Ints, pieces
from refine.ranking.comparisons import LEFT, TIE, Comparisons
from refine.ranking.gold import control_likelihoods
from refine.ranking.harvest import Harvest
from refine.ranking.history import History
from refine.ranking.labelers import (
    LOG_GAINS,
    SIDE_VARIANCE,
    TIE_SHIFTS,
    Beliefs,
    Evidence,
    Population,
    believe,
    learn_population,
    no_evidence,
)
from refine.ranking.makers import place_controls
from refine.ranking.ordered_logit import probabilities, slopes
from refine.ranking.passes import (
    BLIND_PASSES,
    CONTROL_LEAD,
    GENERATOR_VARIANCE,
    PASSES,
    SETTLED,
    THETA,
    VARIANCE,
    WORTH_SCORES,
)  # fmt: skip
from refine.ranking.probes import Probe, spread_out
from refine.ranking.sweep import Glance, Seen, Solved, leads_without_own, solve
from refine.ranking.tiles import Tile, Tiles
from refine.ranking.trusted import Fitted

_SAMPLE: Final = 500_000
"""Rows that most passes look at, and"""
_SAMPLE_OF_LABELER: Final = 40
"""of each labeler in the mean, at least."""
_PROBED: Final = 100_000
"""Rows that calibration looks at."""
_STEPS_AFRESH: Final = 3
_THREADS: Final = 2


class Generators(NamedTuple):
    names: tuple[str, ...]
    of_cell: Ints
    """-1 for none."""


class TiledPasses:
    """The state that passes improve."""

    def __init__(self, data: Comparisons, tiles: Tiles, generators: Generators, controls: tuple[Ints, Ints]) -> None:
        self.data, self.tiles, self.generated, self.controls = data, tiles, generators, controls
        counts = _counts(data, data.outcome, 3) + 1.0
        decided = (counts[0] + counts[2]) / 2
        rates = np.array([decided, counts[TIE], decided]) / counts.sum()
        self.theta = float(np.clip(2 * np.arctanh(np.clip(rates[TIE], 0.02, 0.9)), *THETA))
        self.population = Population.expected(rates, self.theta)
        self.variance, self.generator_variance = 1.0, 0.3
        self.control_lead = CONTROL_LEAD
        self.mean = [np.zeros(tile.cells.shape) for tile in tiles.tiles]
        self.doubt = [np.zeros((tile.size, *tile.cells.shape), dtype=np.float32) for tile in tiles.tiles]
        self.maker = [generators.of_cell[tile.cells] for tile in tiles.tiles]
        count = len(generators.names)
        self.generators, self.generator_covariance = np.zeros(count), np.eye(count) * self.generator_variance
        labelers = len(data.labelers)
        self.evidence, self.sides = no_evidence(labelers), np.zeros(labelers)
        self.beliefs: Beliefs | None = None
        self.bins = Bins(low=0.5, high=1.0)
        self.probes = spread_out(tiles, _PROBED)
        self.sample = np.union1d(spread_out(tiles, max(_SAMPLE, _SAMPLE_OF_LABELER * labelers)), self.probes)
        self.everything = np.arange(len(tiles.tiles))

    def run(self, *, seed: int, draws: int) -> Fitted:
        for number in range(BLIND_PASSES):
            self._advance(self.sample, trusting=False, steps=1 if number else _STEPS_AFRESH)
        blind, blind_score = self._state(), self._blind_score()
        for _ in range(PASSES):
            if self._advance(self.sample, trusting=True) < SETTLED:
                break
        if len(self.sample) < len(self.everything):
            self._advance(self.everything, trusting=True, steps=_STEPS_AFRESH)
            self._advance(self.everything, trusting=True)
        return self._finish(blind, blind_score, seed=seed, draws=draws)

    def _advance(self, which: Ints, *, trusting: bool, steps: int = 1) -> float:
        """One pass: scores, then their widths and theta, then labelers if `trusting`; how far those moved."""
        found = self._sweep(which, trusting=trusting, steps=steps)
        counts = found.counts.by_owner()
        worth = WORTH_SCORES
        self.variance = max((found.spread + worth * VARIANCE) / (found.cells + worth), 0.02)
        self._learn_generators(found)
        self._learn_theta(counts)
        bins = self.bins
        low, high = np.quantile(np.concatenate(found.shrinkages), [0.01, 0.99]).tolist()
        self.bins = Bins(low=low, high=max(high, low + 0.01))
        if not trusting:
            return np.inf
        share = found.cells / len(self.tiles.cells)
        self.evidence = self._evidence(counts, bins, share)
        before = self.population
        self.population, drift = learn_population(replace(before, theta=self.theta), self.evidence)
        self.beliefs = believe(self.population, self.evidence)
        good = self.beliefs.p_good
        slope = good * found.side_slope - self.sides / SIDE_VARIANCE
        self.sides = self.sides + slope / (good * found.side_bend + 1 / SIDE_VARIANCE)
        scale = float(np.exp(drift))  # leads grow by it and gains shrink: what labelers see stays the same
        for number in which.tolist():
            self.mean[number] = self.mean[number] * scale
            self.doubt[number] = self.doubt[number] * np.float32(scale**2)
        self.generators, self.generator_covariance = self.generators * scale, self.generator_covariance * scale**2
        self.variance, self.generator_variance = self.variance * scale**2, self.generator_variance * scale**2
        self.control_lead *= scale
        self.beliefs = replace(self.beliefs, unit=1 / scale)
        return self.population.distance(before)

    def _sweep(self, which: Ints, *, trusting: bool, steps: int, covariances: Floats | None = None) -> Harvest:
        """Every other tile in a thread of its own: two, whatever the machine, so that sums come out alike."""
        seen, owners = self._seen(), len(self.data.labelers) if trusting else 1
        parts = [which[part::_THREADS] for part in range(_THREADS)] if len(which) >= 4 * _THREADS else [which]

        def sweep(some: Ints) -> Harvest:
            found = Harvest.nothing(owners, labelers=len(self.data.labelers), generators=len(self.generators))
            for number in some.tolist():
                glance, solved = self._look(number, seen, steps)
                self.mean[number], self.doubt[number] = solved.mean, solved.variance
                self._add_widths(found, number, solved)
                if covariances is not None:
                    covariances[self._entries(glance.tile)] = solved.covariance
                self._count(found, glance, solved, trusting=trusting)
            return found

        if len(parts) == 1:
            return sweep(which)
        with ThreadPoolExecutor(_THREADS) as threads:
            first, *others = threads.map(sweep, parts)
        for other in others:
            first.add(other)
        return first

    def _look(self, number: int, seen: Seen, steps: int) -> tuple[Glance, Solved]:
        glance = Glance(self.tiles.tiles[number], self.tiles.kinds, seen, theta=self.theta)
        expected = np.append(self.generators, 0.0)[self.maker[number]] if len(self.generators) else 0.0
        return glance, solve(
            glance, self.mean[number], self.doubt[number], expected=expected, precision=1 / self.variance, steps=steps
        )  # fmt: skip

    def _count(self, found: Harvest, glance: Glance, solved: Solved, *, trusting: bool) -> None:
        """The tile's leads, into bins; and what they say of side biases."""
        tile, kinds, bins = glance.tile, self.tiles.kinds, self.bins
        lead, variance = leads_without_own(tile, solved)
        shrink = shrinkage(variance)
        found.shrinkages.append(shrink[::64])
        weight = kinds.for_labelers.take(tile.kind)
        weight[tile.controls] = 0  # counted apart: their lead is one number
        if glance.side is not None and trusting:
            leaning = tile.lean * kinds.is_pair[tile.kind]
            outcome = np.full(len(tile), LEFT, dtype=np.int8)
            outcome[tile.ties] = TIE
            seen_as = (shrink * (glance.gain * lead + glance.side)).astype(np.float64)
            first, second = slopes(outcome, seen_as, (shrink * glance.threshold).astype(np.float64))
            counted = weight * np.abs(leaning)
            found.side_slope += np.bincount(glance.labeler, counted * shrink * first * leaning, len(found.side_slope))
            found.side_bend += np.bincount(glance.labeler, counted * shrink**2 * second, len(found.side_slope))
            lead += glance.side / np.maximum(glance.gain, np.float32(0.3))
        place, part = bins.place(lead, shrink, tile.ties)
        if trusting:
            place += glance.labeler * BINS
        found.counts.add(place, part, weight)

    def _add_widths(self, found: Harvest, number: int, solved: Solved) -> None:
        diagonal, away = np.arange(len(solved.mean)), solved.mean
        if count := len(self.generators):
            maker = np.where(self.maker[number] >= 0, self.maker[number], count)
            away = away - np.append(self.generators, 0.0)[maker]
            precision = 1 / self.variance
            both = (maker[:, None] * (count + 1) + maker[None]).reshape(-1)
            shared = np.bincount(both, solved.covariance.reshape(-1), (count + 1) ** 2).reshape(count + 1, count + 1)
            found.schur += np.diag(np.bincount(maker.reshape(-1), minlength=count + 1)) * precision
            found.schur -= shared * precision**2
            found.slope += precision * np.bincount(maker.reshape(-1), away.reshape(-1), count + 1)
        found.cells += away.size
        found.spread += float(np.vdot(away, away)) + float(solved.covariance[diagonal, diagonal].sum())

    def _learn_generators(self, found: Harvest) -> None:
        if not (count := len(self.generators)):
            return
        precision = found.schur[:count, :count] + np.eye(count) / self.generator_variance
        self.generator_covariance = np.linalg.inv(precision).astype(np.float64)
        slope = found.slope[:count] - self.generators / self.generator_variance
        self.generators = self.generators + self.generator_covariance @ slope
        spread = float(self.generators @ self.generators + np.trace(self.generator_covariance))
        worth = WORTH_SCORES
        self.generator_variance = max((spread + worth * GENERATOR_VARIANCE) / (count + worth), 0.001)

    def _learn_theta(self, counts: Floats) -> None:
        """And the lead of originals over their controls."""
        size = len(LOG_GAINS) * len(TIE_SHIFTS)
        good = np.zeros((1, size))
        good[0, int(np.abs(LOG_GAINS).argmin()) * len(TIE_SHIFTS) + int(np.abs(TIE_SHIFTS).argmin())] = 1
        controls, unit = self.tiles.control_answers, 1.0
        if self.beliefs is None:
            counts, controls = counts.sum(0, keepdims=True), controls.sum(0, keepdims=True)
        else:
            unit, good = self.beliefs.unit, self.beliefs.good.reshape(-1, size)
        weights, gold = good.T @ counts, good.T @ controls
        factors = np.exp(np.linspace(-0.3, 0.3, 7)).tolist()

        def fits(factor: float) -> float:
            tables, _ = self.bins.tables(self.theta * factor, unit)
            said = control_likelihoods(self.control_lead, self.theta * factor, unit)[0]
            return float(np.vdot(weights, tables.reshape(-1, size).T) + np.vdot(gold, said.reshape(-1, size).T))

        best = max(factors, key=lambda factor: (fits(factor), -abs(factor - 1)))
        self.theta = float(np.clip(self.theta * best, *THETA))
        if gold.any():

            def explains(factor: float) -> float:
                lead = self.control_lead * factor
                said = control_likelihoods(lead, self.theta, unit)[0]
                return float(np.vdot(gold, said.reshape(-1, size).T)) - 0.5 * (lead - CONTROL_LEAD) ** 2

            self.control_lead *= max(factors, key=explains)

    def _evidence(self, counts: Floats, bins: Bins, share: float) -> Evidence:
        """Of labelers, of a `share` of all groups."""
        found = evidence_of(counts, share * self.tiles.answers, bins, self.theta)
        if not self.tiles.control_answers.any():
            return found
        good, inverted = control_likelihoods(self.control_lead, self.theta)
        return replace(
            found,
            good=found.good + np.einsum("no,oau->nau", self.tiles.control_answers, good),
            adversarial=found.adversarial + self.tiles.control_answers @ inverted,
        )

    def _seen(self) -> Seen:
        count, beliefs = len(self.data.labelers), self.beliefs
        weights = (np.ones(count) if self.data.weights is None else self.data.weights).astype(np.float32)
        if beliefs is None:
            ones, none = np.ones(count, dtype=np.float32), np.zeros(count, dtype=np.float32)
            return Seen(
                good=weights.astype(np.float32),
                gain=ones,
                theta=ones * np.float32(self.theta),
                side=none,
                adversarial=none,
            )
        return Seen(
            good=weights * beliefs.p_good.astype(np.float32),
            gain=beliefs.gain.astype(np.float32),
            theta=(self.theta * np.exp(beliefs.tie_shift)).astype(np.float32),
            side=self.sides.astype(np.float32),
            adversarial=weights * beliefs.adversarial.astype(np.float32),
        )

    def _entries(self, tile: Tile) -> Ints:
        """Of the tile's matrices, in `Cells`."""
        cells = self.tiles.cells
        return np.asarray(
            cells.block[cells.group[tile.cells[0]]] + (np.arange(tile.size**2)).reshape(tile.size, tile.size, 1)
        )

    def _state(self) -> dict[str, Any]:
        names = ("variance", "generator_variance", "theta", "generators", "generator_covariance", "control_lead")
        return {name: getattr(self, name) for name in names}

    def _blind_score(self) -> float:
        rows = self._probe(steps=2)
        chances = probabilities(rows.lead, rows.variance, gain=1.0, theta=self.theta, side=0.0)
        return rows.score(calibrate(rows.outcome, chances, rows.weight)(chances))

    def _probe(self, *, steps: int) -> Probe:
        seen, found = self._seen(), []
        for number in self.probes.tolist():
            glance, solved = self._look(number, seen, steps)
            found.append(Probe.of(glance, solved, self.tiles.kinds, self.control_lead))
        return Probe.joined(found)

    def _finish(self, blind: dict[str, Any], blind_score: float, *, seed: int, draws: int) -> Fitted:
        covariances = np.empty(self.tiles.cells.entries)
        found = self._sweep(self.everything, trusting=True, steps=2, covariances=covariances)
        self.evidence = self._evidence(found.counts.by_owner(), self.bins, 1.0)  # at the scale that stays
        self.beliefs = told_of = believe(self.population, self.evidence)
        rows = self._probe(steps=1)
        chances, p_good = rows.without_own(self.population, self.evidence, self.sides, self.theta)
        calibration = calibrate(rows.outcome, chances, rows.weight * p_good)
        if not self.tiles.can_judge or rows.score(calibration(chances)) < blind_score:
            told = self.population
            for name, value in blind.items():
                setattr(self, name, value)
            self.population = self.population.alike(self.theta)
            self.evidence, self.sides = no_evidence(len(self.sides)), np.zeros_like(self.sides)
            self.beliefs, told_of = believe(self.population, self.evidence), believe(told, self.evidence)
            self._sweep(self.everything, trusting=False, steps=_STEPS_AFRESH, covariances=covariances)
            rows = self._probe(steps=1)
            chances, _ = rows.without_own(self.population, self.evidence, self.sides, self.theta)
            calibration = calibrate(rows.outcome, chances, rows.weight)
        return self._fitted(covariances, told_of, calibration, seed=seed, draws=draws)

    def _fitted(self, covariances: Floats, told_of: Beliefs, calibration: Any, *, seed: int, draws: int) -> Fitted:
        assert self.beliefs is not None
        cells, mean = self.tiles.cells, np.empty(len(self.tiles.cells))
        for tile, of_tile in zip(self.tiles.tiles, self.mean, strict=True):
            mean[tile.cells] = of_tile
        self._add_generators_doubt(covariances)
        mean, covariances = place_controls(cells, mean, covariances, *self.controls, self.control_lead)
        names = self.generated.names
        return Fitted(
            data=self.data,
            cells=cells,
            mean=mean,
            covariances=covariances,
            prior_sd=float(np.sqrt(self.variance + (self.generator_variance if names else 0.0))),
            seed=seed,
            draws=draws,
            population=self.population,
            history=(History(data=self.data, is_sorted=False),),
            names=self.data.labelers,
            evidence=self.evidence,
            beliefs=told_of,
            scored_by=self.beliefs,
            sides=self.sides,
            counts=_counts(self.data, self.data.labeler, len(self.data.labelers)),
            calibration=calibration,
            control_lead=self.control_lead,
            generator_names=names,
            generators=self.generators,
            generator_covariance=self.generator_covariance,
            variance=self.variance,
            generator_variance=self.generator_variance,
        )

    def _add_generators_doubt(self, covariances: Floats) -> None:
        """Cells of one group share what is not known of their generators."""
        if not (count := len(self.generators)):
            return
        doubt = np.zeros((count + 1, count + 1))
        doubt[:count, :count] = self.generator_covariance
        for tile, maker in zip(self.tiles.tiles, self.maker, strict=True):
            entries = self._entries(tile)
            tilt = covariances[entries].transpose(2, 0, 1) / self.variance
            shared = doubt[maker.T[:, :, None], maker.T[:, None, :]]  # -1, for none, is the last
            covariances[entries] += (tilt @ shared @ tilt.transpose(0, 2, 1)).transpose(1, 2, 0)


def _counts(data: Comparisons, column: NDArray[Any], size: int) -> Ints:
    """How often each code occurs; the library's own copies the column first, eight bytes a row."""
    found = np.zeros(size, dtype=np.int64)
    for rows in pieces(data):
        found += np.bincount(column[rows], minlength=size)
    return found
