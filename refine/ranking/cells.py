"""Cells: an item in its group. Where each row's two cells are, and where each group's block of a joint matrix is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from refine.ranking.comparisons import Comparisons

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Outcomes: TypeAlias = NDArray[np.int8]
"""LEFT, TIE or RIGHT."""
Lookup: TypeAlias = Callable[[slice], tuple[Ints, Ints]]
"""Rows to their left and right cells."""

_PIECE = 1 << 18


def summed(index: Ints, values: NDArray[Any], size: int) -> Floats:
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
        cells, lookup = find_cells(data)
        return cells, *lookup(slice(None))

    @classmethod
    def at(cls, codes: Ints, *, names: int, groups: int) -> "Cells":
        """From the sorted codes group * names + item."""
        group = codes // names
        size = np.bincount(group, minlength=groups).astype(np.int64)
        return cls(
            group=group,
            item=codes % names,
            size=size,
            start=np.cumsum(size) - size,
            block=np.cumsum(size * size) - size * size,
        )

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

    def lead_variances(self, i: Ints, j: Ints, covariances: Floats) -> Floats:
        """Of cell i's score over cell j's."""
        own = covariances[self.diagonal]
        return np.asarray(np.maximum(own[i] + own[j] - 2 * covariances[self.entry(i, j)], 0))

    def by_size(self) -> list[tuple[int, Ints, Ints]]:
        """(cells, (groups, cells), (groups, cells, cells)): of groups of one size, their cells and their entries."""
        found = []
        for size in np.unique(self.size[self.size > 0]).tolist():
            groups = np.flatnonzero(self.size == size)
            cells = self.start[groups, None] + np.arange(size)
            entries = (self.block[groups, None] + np.arange(size * size)).reshape(-1, size, size)
            found.append((size, cells, entries))
        return found


def pieces(data: Comparisons) -> Iterator[slice]:
    """All rows, some at a time: bounds what is worked on at once."""
    return (slice(at, at + _PIECE) for at in range(0, len(data), _PIECE))


def find_cells(data: Comparisons) -> tuple[Cells, Lookup]:
    """The cells in `data`, and what gives those of any rows.

    Sorting all rows' items is the slow way to do it: where no item is in two groups, or where groups share few
    names, one table answers.
    """
    names, groups = max(len(data.items), 1), len(data.groups)
    home = np.full(names, -1, dtype=np.int32)
    home[data.left] = data.group
    home[data.right] = data.group
    if all(
        np.array_equal(home[side[rows]], data.group[rows]) for rows in pieces(data) for side in (data.left, data.right)
    ):
        items = np.flatnonzero(home >= 0)
        codes = np.sort(home[items].astype(np.int64) * names + items)
        place = np.zeros(names, dtype=np.int32)
        place[codes % names] = np.arange(len(codes))

        def by_item(rows: slice) -> tuple[Ints, Ints]:
            return place[data.left[rows]].astype(np.int64), place[data.right[rows]].astype(np.int64)

        return Cells.at(codes, names=names, groups=groups), by_item

    def both(rows: slice) -> tuple[Ints, Ints]:
        base = data.group[rows].astype(np.int64) * names
        return base + data.left[rows], base + data.right[rows]

    if names * groups <= 4 * len(data):
        is_there = np.zeros(names * groups, dtype=bool)
        for side in both(slice(None)):
            is_there[side] = True
        codes = np.flatnonzero(is_there)
        table = np.cumsum(is_there, dtype=np.int32) - 1

        def by_name(rows: slice) -> tuple[Ints, Ints]:
            left, right = both(rows)
            return table[left].astype(np.int64), table[right].astype(np.int64)

        return Cells.at(codes, names=names, groups=groups), by_name
    codes = np.unique(np.concatenate(both(slice(None))))

    def by_search(rows: slice) -> tuple[Ints, Ints]:
        left, right = both(rows)
        return np.searchsorted(codes, left), np.searchsorted(codes, right)

    return Cells.at(codes, names=names, groups=groups), by_search
