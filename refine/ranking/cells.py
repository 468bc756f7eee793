"""Cells: an item in its group. Where each row's two cells are, and where each group's block of a joint matrix is."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from refine.ranking.comparisons import Comparisons

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Outcomes: TypeAlias = NDArray[np.int8]
"""LEFT, TIE or RIGHT."""


def summed(index: Ints, values: Floats, size: int) -> Floats:
    """The sum of `values` by `index`, 0 where there are none."""
    return np.bincount(index, values, size).astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """Cells sorted by group, then by item; a matrix over each group's cells, row by row, groups after each other."""

    group: Ints
    """Of each cell."""
    item: Ints
    size: Ints
    """Cells by group."""
    start: Ints
    """First cell of each group."""
    block: Ints
    """First entry of each group's matrix."""

    @classmethod
    def of(cls, data: Comparisons) -> "tuple[Cells, Ints, Ints]":
        """The cells in `data`, and by row the left and the right one."""
        names = max(len(data.items), 1)
        base = data.group.astype(np.int64) * names
        cells, code = np.unique(np.concatenate([base + data.left, base + data.right]), return_inverse=True)
        group = cells // names
        size = np.bincount(group, minlength=len(data.groups)).astype(np.int64)
        found = cls(
            group=group,
            item=cells % names,
            size=size,
            start=np.cumsum(size) - size,
            block=np.cumsum(size * size) - size * size,
        )
        return found, code[: len(data)], code[len(data) :]

    def __len__(self) -> int:
        return len(self.group)

    @property
    def entries(self) -> int:
        """Of all groups' matrices together."""
        return int(self.size @ self.size)

    @property
    def diagonal(self) -> Ints:
        """Where each cell's own entry is."""
        local = np.arange(len(self)) - self.start[self.group]
        return self.block[self.group] + local * (self.size[self.group] + 1)

    def entry(self, i: Ints, j: Ints) -> Ints:
        """Where the entry of two cells of one group is."""
        group = self.group[i]
        return self.block[group] + (i - self.start[group]) * self.size[group] + j - self.start[group]

    def by_size(self) -> list[tuple[int, Ints, Ints]]:
        """(cells, (groups, cells), (groups, cells, cells)): of groups of one size, their cells and their entries."""
        found = []
        for size in np.unique(self.size[self.size > 0]).tolist():
            groups = np.flatnonzero(self.size == size)
            cells = self.start[groups, None] + np.arange(size)
            entries = (self.block[groups, None] + np.arange(size * size)).reshape(-1, size, size)
            found.append((size, cells, entries))
        return found
