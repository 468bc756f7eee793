"""Comparisons laid out for passes over many small groups: tiles of groups of one size, their rows packed and sorted.

A tile is small enough for the processor's cache; within it a matrix over each group's cells is one array (size, size,
groups). Groups come in an order drawn once, so that any few tiles are a fair sample of all. `tiling` makes them.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from refine.ranking.cells import Cells, Floats, Ints
from refine.ranking.comparisons import Codes

Small: TypeAlias = NDArray[np.float32]
Places: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """Groups of one size and their rows, by group and labeler. A row's entry is (winner, loser), or (left, right)."""

    cells: Ints
    """(size, groups): numbers in `Cells`."""
    entry: Codes
    """By row, in (size, size, groups)."""
    code: NDArray[np.int16]
    """By row, in (size, size)."""
    labeler: Codes
    kind: NDArray[np.uint8]
    """By row: which of `Kinds`."""
    lean: NDArray[np.int8]
    """By row: 1 where the entry's first stood left, or -1."""
    has_pairs: bool
    """Whether any row is a plain pair, where a side of the screen may be preferred."""
    ties: Places
    """Rows."""
    controls: Places
    """Rows."""
    control_sign: Small
    """By row of those: 1 where the entry's first is the original, or -1."""
    block_rows: Places
    """By block, one labeler's rows in one group: how many."""
    block_group: Places

    @property
    def size(self) -> int:
        return len(self.cells)

    @property
    def groups(self) -> int:
        return len(self.cells[0])

    def __len__(self) -> int:
        return len(self.entry)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kinds:
    """Rows told apart by how many rows their ranking has (0: none, a plain pair) and whether they are controls."""

    for_scores: Small
    """What a row of the kind counts for the scores, and"""
    for_labelers: Small
    """for what is believed of its labeler."""
    is_pair: NDArray[np.bool_]
    is_control: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.is_pair)

    @classmethod
    def of(cls, lengths: Ints) -> "Kinds":
        """Two kinds a length: without and with control. A ranking of K has K (K - 1) / 2 rows."""
        size = (1 + np.sqrt(1 + 8 * lengths)) / 2
        is_pair, is_control = np.repeat(lengths == 0, 2), np.tile([False, True], len(lengths))
        for_scores = np.where(is_pair, 1.0, np.repeat(np.minimum(3 / (size + 1), 1), 2))
        for_labelers = np.where(is_pair, 1.0, np.repeat(np.minimum(9 / (2 * size + 5), 1), 2))
        return cls(
            for_scores=np.where(is_control, 0.0, for_scores).astype(np.float32),
            for_labelers=for_labelers.astype(np.float32),
            is_pair=is_pair,
            is_control=is_control,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tiles:
    cells: Cells
    tiles: list[Tile]
    kinds: Kinds
    answers: Floats
    """(labelers, 3): weights of left, tie and right."""
    control_answers: Floats
    """The same of controls alone."""
    can_judge: bool
    """Whether anybody's answers stand beside another's."""

    def __len__(self) -> int:
        return sum(len(tile) for tile in self.tiles)
