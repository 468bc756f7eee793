"""What a sweep over tiles adds up: bins of leads, widths of the scores, generators, side biases."""

from dataclasses import dataclass

import numpy as np

from refine.ranking.binned import Counts
from refine.ranking.cells import Floats
from refine.ranking.tiles import Small


@dataclass(slots=True, kw_only=True, eq=False)
class Harvest:
    """What a sweep adds up."""

    counts: Counts
    cells: int
    spread: float
    schur: Floats
    """Generators' precision, from cells; and"""
    slope: Floats
    """their gradient."""
    side_slope: Floats
    side_bend: Floats
    shrinkages: list[Small]
    """Of some leads."""

    @classmethod
    def nothing(cls, owners: int, *, labelers: int, generators: int) -> "Harvest":
        return cls(
            counts=Counts(owners),
            cells=0,
            spread=0.0,
            schur=np.zeros((generators + 1, generators + 1)),
            slope=np.zeros(generators + 1),
            side_slope=np.zeros(labelers),
            side_bend=np.zeros(labelers),
            shrinkages=[],
        )

    def add(self, other: "Harvest") -> None:
        self.counts.merge(other.counts)
        self.cells += other.cells
        self.spread += other.spread
        self.schur += other.schur
        self.slope += other.slope
        self.side_slope += other.side_slope
        self.side_bend += other.side_bend
        self.shrinkages += other.shrinkages
