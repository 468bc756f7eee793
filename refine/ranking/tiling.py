"""Tiles made from comparisons: each row packed into one number, the numbers sorted, and unpacked tile by tile."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from refine.ranking.cells import Cells, Floats, Ints, Lookup, Outcomes, pieces
from refine.ranking.comparisons import RIGHT, TIE, Codes, Comparisons
from refine.ranking.tiles import Kinds, Tile, Tiles

MOST_CELLS: Final = 24
"""Of a group: the cavity of a block takes their cube."""
_ROWS: Final = 49_152
"""Of a tile, about: what its rows and matrices take fits a processor's second cache."""
_MOST_KINDS: Final = 250
_SHUFFLE: Final = 20_240_607
"""Draws the order of groups; any number would do."""


def tiles_of(data: Comparisons, cells: Cells, lookup: Lookup) -> Tiles | None:
    """Of data whose cells are those. None where a group is too large for this layout, or rankings are of too many
    lengths."""
    if not len(data) or int(cells.size.max()) > MOST_CELLS:
        return None
    ranking = _Rankings.of(data)
    kinds = Kinds.of(ranking.lengths)
    groups = _group_order(cells)
    layout = _Layout.of(slots=len(groups), labelers=len(data.labelers), kinds=len(kinds))
    if len(kinds) > _MOST_KINDS or layout.bits > 62:
        return None
    slot_of = np.zeros(len(cells.size), dtype=np.int64)
    slot_of[groups] = np.arange(len(groups))
    keys = np.empty(len(data), dtype=np.int64)
    is_control = data.is_control
    for rows in pieces(data):
        group = data.group[rows]
        start = cells.start[group]
        left, right = lookup(rows)
        kind = ranking.kind(data.ranking[rows]) * 2 + is_control[rows]
        keys[rows] = layout.pack(
            slot_of[group], data.labeler[rows], left - start, right - start, data.outcome[rows], kind
        )
    keys.sort()
    answers, control_answers = np.zeros((2, len(data.labelers), 3))
    found = []
    for first, end, begin, stop in _cuts(keys, layout, cells.size[groups]):
        found.append(_tile(cells, groups[first:end], keys[begin:stop], first, layout, kinds, answers, control_answers))
    return Tiles(
        cells=cells,
        tiles=found,
        kinds=kinds,
        answers=answers,
        control_answers=control_answers,
        can_judge=any(_has_company(tile) for tile in found),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rankings:
    lengths: Ints
    """How many rows rankings have, 0 first."""
    of_number: Ints
    """Place among the lengths, by ranking; the first is for -1, no ranking."""
    numbers: Ints | None
    """Those rankings go by, sorted, where they are too far apart to count."""

    @classmethod
    def of(cls, data: Comparisons) -> "_Rankings":
        numbers = None
        if int(data.ranking.max()) > 4 * len(data) + 1000:
            numbers = np.unique(data.ranking).astype(np.int64)
            numbers = np.unique(np.concatenate([[-1], numbers]))
            rows = np.bincount(np.searchsorted(numbers, data.ranking), minlength=len(numbers))
        else:
            rows = np.bincount(data.ranking + np.int32(1))
        rows[0] = 0
        lengths = np.flatnonzero(np.bincount(rows))
        place = np.zeros(int(lengths.max()) + 1, dtype=np.int64)
        lengths = np.unique(np.concatenate([[0], lengths]))
        place[lengths] = np.arange(len(lengths))
        return cls(lengths=lengths, of_number=place[rows], numbers=numbers)

    def kind(self, ranking: Codes) -> Ints:
        at = ranking + 1 if self.numbers is None else np.searchsorted(self.numbers, ranking)
        return self.of_number[at]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """How a row is packed: slot of its group, labeler, left, right, outcome, kind; highest bits first."""

    labeler: int
    kind: int
    bits: int

    @classmethod
    def of(cls, *, slots: int, labelers: int, kinds: int) -> "_Layout":
        by_labeler, by_kind = labelers.bit_length(), kinds.bit_length()
        return cls(labeler=by_labeler, kind=by_kind, bits=slots.bit_length() + by_labeler + 12 + by_kind)

    def pack(self, slot: Ints, labeler: Codes, left: Ints, right: Ints, outcome: Outcomes, kind: Ints) -> Ints:
        key = (slot << self.labeler) + labeler
        for width, value in ((5, left), (5, right), (2, outcome), (self.kind, kind)):
            key <<= width
            key += value
        return key

    def slot(self, key: Ints) -> Ints:
        return key >> (self.labeler + self.kind + 12)

    def block(self, key: Ints) -> Ints:
        return key >> (self.kind + 12)

    def take(self, key: Ints, after: int, width: int) -> Ints:
        return (key >> after) & ((1 << width) - 1)


def _group_order(cells: Cells) -> Ints:
    """Groups that have cells, by size; those of one size in an order drawn once."""
    groups = np.flatnonzero(cells.size > 0)
    drawn = np.random.Generator(np.random.PCG64(_SHUFFLE)).permutation(groups)
    return drawn[np.argsort(cells.size[drawn], kind="stable")]


def _cuts(keys: Ints, layout: _Layout, sizes: Ints) -> Iterator[tuple[int, int, int, int]]:
    """First and last slot, first and last row of each tile."""
    edge = np.searchsorted(keys, np.arange(len(sizes) + 1) << (layout.labeler + layout.kind + 12))
    first = 0
    while first < len(sizes):
        same = int(np.searchsorted(sizes, sizes[first], side="right"))
        end = int(np.searchsorted(edge, edge[first] + _ROWS, side="right")) - 1
        end = min(max(end, first + 1), same)
        yield first, end, int(edge[first]), int(edge[end])
        first = end


def _tile(
    cells: Cells, groups: Ints, key: Ints, first: int, layout: _Layout, kinds: Kinds, answers: Floats,
    control_answers: Floats,
) -> Tile:  # fmt: skip
    size, count = int(cells.size[groups[0]]), len(groups)
    slot = layout.slot(key) - first
    block = layout.block(key)
    labeler = layout.take(block, 0, layout.labeler)
    is_new = np.empty(len(key), dtype=bool)
    is_new[0], is_new[1:] = True, block[1:] != block[:-1]
    starts = np.flatnonzero(is_new)
    outcome, kind = layout.take(key, layout.kind, 2), layout.take(key, 0, layout.kind)
    left, right = layout.take(key, layout.kind + 7, 5), layout.take(key, layout.kind + 2, 5)
    is_right = outcome == RIGHT
    code = np.where(is_right, right * size + left, left * size + right)
    weight = kinds.for_labelers[kind].astype(np.float64)
    answer = labeler * 3 + outcome
    answers += np.bincount(answer, weight, answers.size).reshape(answers.shape)
    is_control = kinds.is_control[kind]
    controls = np.flatnonzero(is_control)
    if len(controls):
        added = np.bincount(answer[controls], weight[controls], answers.size)
        control_answers += added.reshape(answers.shape)
    return Tile(
        cells=cells.start[groups] + np.arange(size)[:, None],
        entry=(code * count + slot).astype(np.int32),
        code=code.astype(np.int16),
        labeler=labeler.astype(np.int32),
        kind=kind.astype(np.uint8),
        lean=np.where(is_right, np.int8(-1), np.int8(1)),
        has_pairs=bool(kinds.is_pair[kind].any()),
        ties=np.flatnonzero(outcome == TIE),
        controls=controls,
        control_sign=np.where(is_right[controls], np.float32(-1), np.float32(1)),
        block_rows=np.diff(np.append(starts, len(key))),
        block_group=slot[starts],
    )


def _has_company(tile: Tile) -> bool:
    return bool(len(tile.controls)) or bool((np.diff(tile.block_group) == 0).any())
