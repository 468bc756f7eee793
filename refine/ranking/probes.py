"""Rows of a few tiles, looked at one by one: what is one number for everybody needs no more."""

from typing import Any, NamedTuple

import numpy as np

from refine.ranking.cells import Floats, Ints, Outcomes
from refine.ranking.comparisons import LEFT, RIGHT, TIE
from refine.ranking.labelers import Evidence, Population, answer_chances, believe, gather
from refine.ranking.ordered_logit import log_likelihood
from refine.ranking.sweep import Glance, Solved, leads_without_own
from refine.ranking.tiles import Kinds, Tiles
from refine.ranking.trusted import CONTROL_VARIANCE

_BLOCKS = 10_000


class Probe(NamedTuple):
    """Rows with their leads without their own blocks."""

    outcome: Outcomes
    lead: Floats
    """Of left over right."""
    variance: Floats
    weight: Floats
    """For what is believed of the labeler."""
    is_pair: Floats
    labeler: Ints
    block: Ints
    """In this tile."""
    owner: Ints
    """Labeler by block."""

    @classmethod
    def of(cls, glance: Glance, solved: Solved, kinds: Kinds, control_lead: float) -> "Probe":
        tile = glance.tile
        lead, variance = leads_without_own(tile, solved)
        lead[tile.controls], variance[tile.controls] = control_lead * tile.control_sign, CONTROL_VARIANCE
        starts = np.cumsum(tile.block_rows) - tile.block_rows
        outcome = np.where(tile.lean > 0, LEFT, RIGHT).astype(np.int8)
        outcome[tile.ties] = TIE
        return cls(
            outcome=outcome,
            lead=(lead * tile.lean).astype(np.float64),
            variance=variance.astype(np.float64),
            weight=kinds.for_labelers[tile.kind].astype(np.float64),
            is_pair=kinds.is_pair[tile.kind].astype(np.float64),
            labeler=glance.labeler,
            block=np.repeat(np.arange(len(starts)), tile.block_rows),
            owner=glance.labeler[starts],
        )

    @classmethod
    def joined(cls, probes: "list[Probe]") -> "Probe":
        offsets = np.cumsum([0, *(len(probe.owner) for probe in probes)])
        moved = [
            probe._replace(block=probe.block + at) for probe, at in zip(probes, offsets.tolist()[:-1], strict=True)
        ]
        return cls(*(np.concatenate(column) for column in zip(*moved, strict=True)))

    def without_own(
        self, population: Population, evidence: Evidence, sides: Floats, theta: float
    ) -> tuple[Floats, Floats]:
        """Chances of each row's answer with nothing known of its labeler from its block; and P(good) so."""
        found = [part._without_own(population, evidence, sides, theta) for part in self._parts()]
        chances, p_good = zip(*found, strict=True)
        return np.concatenate(chances), np.concatenate(p_good)

    def _parts(self) -> "list[Probe]":
        """Some blocks at a time: what is believed without each of them takes 2 kB."""
        found = []
        for first in range(0, len(self.owner), _BLOCKS):
            at, end = np.searchsorted(self.block, [first, first + _BLOCKS]).tolist()
            columns: list[Any] = [column[at:end] for column in self[:-2]]
            columns += [self.block[at:end] - first, self.owner[first : first + _BLOCKS]]
            found.append(Probe(*columns))
        return found

    def _without_own(
        self, population: Population, evidence: Evidence, sides: Floats, theta: float
    ) -> tuple[Floats, Floats]:
        side = sides[self.labeler] * self.is_pair
        own = gather(
            self.outcome, self.lead, self.variance, weight=self.weight, side=side, theta=theta, owner=self.block,
            owners=len(self.owner),
        )  # fmt: skip
        beliefs = believe(population, evidence.of(self.owner) - own)
        chances = answer_chances(beliefs, self.block, self.lead, self.variance, theta=theta, side=side)
        return chances, beliefs.p_good[self.block]

    def score(self, chances: Floats) -> float:
        return float(np.sum(self.weight * log_likelihood(self.outcome, chances)))


def spread_out(tiles: Tiles, rows: int) -> Ints:
    """Tiles of all sizes with about so many rows."""
    count = min(max(round(rows * len(tiles.tiles) / max(len(tiles), 1)), 1), len(tiles.tiles))
    return np.unique(np.linspace(0, len(tiles.tiles) - 1, 2 * count + 1)[1::2].round().astype(np.int64))
