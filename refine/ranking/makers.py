"""What cells are known to be besides themselves: their generators', or controls of others."""

from collections.abc import Mapping

import numpy as np

from refine.ranking.cells import Cells, Floats, Ints, Lookup, pieces
from refine.ranking.comparisons import Comparisons
from refine.ranking.trusted import CONTROL_VARIANCE

MOST_NAMES = 200
"""Item names that serve as generators where none are given, the most frequent: cost grows with the cube."""


def generators_of(
    data: Comparisons, cells: Cells, lookup: Lookup, controls: Ints, known: tuple[str, ...] | None = None
) -> tuple[tuple[str, ...], Ints]:
    """Names, and each cell's position among them, -1 for none: as given, else item names that several groups share.

    `controls` are cells without one; `known` are the names of an earlier fit.
    """
    if data.generators:
        code, names = np.full(len(cells), -1, dtype=np.int64), data.generators
        for rows in pieces(data):
            for cell, made in zip(lookup(rows), (data.left_generator[rows], data.right_generator[rows]), strict=True):
                np.maximum.at(code, cell, made.astype(np.int64))
    elif known is not None:
        place: Mapping[str, int] = {name: at for at, name in enumerate(known)}
        code, names = np.array([place.get(name, -1) for name in data.items], dtype=np.int64)[cells.item], known
    else:
        groups = np.bincount(cells.item, minlength=len(data.items))
        most = np.argsort(-groups, kind="stable")[:MOST_NAMES]
        shared = np.sort(most[groups[most] > 1])
        position = np.full(len(data.items), -1, dtype=np.int64)
        position[shared] = np.arange(len(shared))
        code, names = position[cells.item], tuple(data.items[at] for at in shared.tolist())
    code[controls] = -1
    return names, code


def only_controls(data: Comparisons, cells: Cells, lookup: Lookup) -> tuple[Ints, Ints]:
    """Cells of controls that nothing but their original was compared with, and of those originals."""
    is_control = data.is_control
    none = np.zeros(0, dtype=np.int64)
    if not is_control.any():
        return none, none
    original, compared = np.full(len(cells), -1, dtype=np.int64), np.zeros(len(cells), dtype=bool)
    for rows in pieces(data):
        left, right = lookup(rows)
        gold = is_control[rows]
        compared[left], compared[right[~gold]] = True, True
        np.maximum.at(original, right[gold], left[gold])
    controls = np.flatnonzero(~compared & (original >= 0))
    return controls, original[controls]


def place_controls(
    cells: Cells, mean: Floats, covariances: Floats, controls: Ints, originals: Ints, lead: float
) -> tuple[Floats, Floats]:
    """Means and covariances, with controls placed below their originals: their own rows do not move the scores."""
    if not len(controls):
        return mean, covariances
    like = np.arange(len(cells))
    like[controls] = originals
    placed, mean = covariances.copy(), mean.copy()
    group = cells.group[controls]
    for local in range(int(cells.size[group].max())):
        there = np.flatnonzero(cells.size[group] > local)
        control, other = controls[there], cells.start[group[there]] + local
        found = covariances[cells.entry(like[control], like[other])]
        placed[cells.entry(control, other)] = placed[cells.entry(other, control)] = found
    placed[cells.diagonal[controls]] += CONTROL_VARIANCE
    mean[controls] = mean[originals] - lead
    return mean, placed
