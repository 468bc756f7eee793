"""What a fit found of items and labelers, and what follows from both."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from refine.ranking.calibration import Calibration
from refine.ranking.cells import Floats, Ints
from refine.ranking.comparisons import Comparisons
from refine.ranking.fitted import Posterior
from refine.ranking.history import History
from refine.ranking.labelers import Beliefs, Evidence, Population, answer_chances, believe

CONTROL_VARIANCE = 0.5
"""Of an original's lead over its control: how much controls differ."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelers:
    """Columns, one row a labeler."""

    labeler: tuple[str, ...]
    reliability: Floats
    """How strongly the labeler sees what a typical good one sees: 1 like that one, 0 chance, below 0 inverted."""
    reliability_sd: Floats
    p_careless: Floats
    """That answers do not depend on what was shown."""
    p_adversarial: Floats
    side_bias: Floats
    """Log-odds towards what stood left, in plain pairs."""
    comparisons: Ints

    def __len__(self) -> int:
        return len(self.labeler)


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted(Posterior):
    """Ratings and labelers, found together."""

    population: Population
    history: tuple[History, ...]
    """All rows that updates may need: those of the full fit, then of each update since."""
    names: tuple[str, ...]
    """Of all labelers: those in `data`, and those of earlier fits."""
    evidence: Evidence
    beliefs: Beliefs
    """Of each labeler."""
    scored_by: Beliefs
    """What the scores took them for: the same, or everybody alike where that explains the data as well."""
    sides: Floats
    counts: Ints
    calibration: Calibration
    control_lead: float
    """Of an original over its control."""
    generator_names: tuple[str, ...]
    generators: Floats
    generator_covariance: Floats
    variance: float
    """Of scores around their generators'."""
    generator_variance: float

    @property
    def theta(self) -> float:
        """Tie threshold of a typical labeler."""
        return self.population.theta

    @cached_property
    def place_of_labeler(self) -> dict[str, int]:
        """Position in `names`."""
        return {name: at for at, name in enumerate(self.names)}

    @cached_property
    def labelers(self) -> Labelers:
        beliefs = self.beliefs
        return Labelers(
            labeler=self.names,
            reliability=beliefs.reliability,
            reliability_sd=beliefs.reliability_sd,
            p_careless=beliefs.careless,
            p_adversarial=beliefs.adversarial,
            side_bias=self.sides,
            comparisons=self.counts,
        )

    def predict(self, other: Comparisons) -> Floats:
        """P(left wins), P(tie), P(right wins) by row of `other`, whose outcomes are not looked at.

        For the labeler of the row: who is known answers as is believed of him, anybody else as the population does.
        An item not seen has its generator's mean and spread, or the prior's.
        """
        mean, variance = self._differences(other)
        is_control = other.is_control
        mean[is_control], variance[is_control] = self.control_lead, CONTROL_VARIANCE
        who = np.array([self.place_of_labeler.get(name, -1) for name in other.labelers], dtype=np.int64)
        beliefs = believe(self.population, self.evidence.of(who))
        sides = np.where(who >= 0, self.sides[who] if len(self.sides) else 0.0, 0.0)
        side = sides[other.labeler] * (other.ranking < 0)
        labeler = other.labeler.astype(np.int64)
        chances = answer_chances(beliefs, labeler, mean, variance, theta=self.theta, side=side)
        return self.calibration(chances)

    def _unseen(self, other: Comparisons) -> tuple[Floats, Floats]:
        place = {name: at for at, name in enumerate(self.generator_names)}
        if other.generators:
            at = np.array([place.get(name, -1) for name in other.generators] + [-1], dtype=np.int64)
            code = at[np.concatenate([other.left_generator, other.right_generator])]
        else:
            at = np.array([place.get(name, -1) for name in other.items] + [-1], dtype=np.int64)
            code = at[np.concatenate([other.left, other.right])]
        spread = np.append(np.diagonal(self.generator_covariance), self.generator_variance if place else 0.0)
        return np.append(self.generators, 0.0)[code], self.variance + spread[code]
