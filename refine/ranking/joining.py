"""Parts of comparisons, and two of them made one."""

from dataclasses import replace

import numpy as np

from refine.ranking.cells import Floats, Ints
from refine.ranking.comparisons import Codes, Comparisons

_COLUMNS = (
    "labeler", "group", "left", "right", "outcome", "ranking", "control", "left_generator", "right_generator",
)  # fmt: skip


def rows_of(data: Comparisons, rows: Ints) -> Comparisons:
    """Those rows, in that order; names stay as they are."""
    return replace(data, **{name: getattr(data, name)[rows] for name in _COLUMNS})


def in_order(data: Comparisons) -> Comparisons:
    """Rows sorted by what they say, so that sums do not depend on the order they came in."""
    keys = (data.outcome, data.ranking, data.control, data.right, data.left, data.labeler, data.group)
    return rows_of(data, np.lexsort(keys))


def part(data: Comparisons, rows: Ints) -> Comparisons:
    """Those rows, with the names that occur in them only."""
    found = rows_of(data, rows)
    labelers, labeler = _used(data.labelers, found.labeler)
    groups, group = _used(data.groups, found.group)
    items, sides = _used(data.items, np.concatenate([found.left, found.right]))
    generators, made = _used(data.generators, np.concatenate([found.left_generator, found.right_generator]))
    controls, control = _used(data.controls, found.control)
    count = len(rows)
    place = {name: at for at, name in enumerate(data.labelers)}
    return replace(
        found,
        labelers=labelers, labeler=labeler, groups=groups, group=group, items=items, left=sides[:count],
        right=sides[count:], generators=generators, left_generator=made[:count], right_generator=made[count:],
        controls=controls, control=control,
        weights=None if data.weights is None else data.weights[[place[name] for name in labelers]],
    )  # fmt: skip


def join(before: Comparisons, after: Comparisons, is_new: Ints) -> tuple[Comparisons, Ints]:
    """All rows of both, sorted as by `in_order`; and of each `is_new`, by row of `after`, 0 for those before."""
    labelers, labeler = _united(before.labelers, before.labeler, after.labelers, after.labeler)
    groups, group = _united(before.groups, before.group, after.groups, after.group)
    items, left = _united(before.items, before.left, after.items, after.left)
    _, right = _united(before.items, before.right, after.items, after.right)
    generators, made_left = _united(before.generators, before.left_generator, after.generators, after.left_generator)
    _, made_right = _united(before.generators, before.right_generator, after.generators, after.right_generator)
    controls, control = _united(before.controls, before.control, after.controls, after.control)
    numbers = int(before.ranking.max(initial=-1)) + 1
    ranking = np.concatenate([before.ranking, np.where(after.ranking >= 0, after.ranking + numbers, -1)])
    data = Comparisons(
        labelers=labelers, labeler=labeler, groups=groups, group=group, items=items, left=left, right=right,
        generators=generators, left_generator=made_left, right_generator=made_right, controls=controls,
        control=control, outcome=np.concatenate([before.outcome, after.outcome]), ranking=ranking.astype(np.int32),
        weights=_united_weights(labelers, before, after),
    )  # fmt: skip
    order = np.lexsort((data.outcome, data.ranking, data.control, data.right, data.left, data.labeler, data.group))
    return rows_of(data, order), np.concatenate([np.zeros(len(before), dtype=np.int64), is_new])[order]


def _united_weights(labelers: tuple[str, ...], before: Comparisons, after: Comparisons) -> Floats | None:
    """Of whom both know, as `after` has it."""
    if before.weights is None and after.weights is None:
        return None
    found: dict[str, float] = {}
    for data in (before, after):
        weights = np.ones(len(data.labelers)) if data.weights is None else data.weights
        found.update(zip(data.labelers, weights.tolist(), strict=True))
    return np.array([found[name] for name in labelers])


def _used(names: tuple[str, ...], codes: Codes) -> tuple[tuple[str, ...], Codes]:
    used = np.unique(codes[codes >= 0])
    return tuple(names[at] for at in used.tolist()), np.where(codes >= 0, np.searchsorted(used, codes), -1).astype(
        np.int32
    )


def _united(
    names: tuple[str, ...], codes: Codes, more_names: tuple[str, ...], more: Codes
) -> tuple[tuple[str, ...], Codes]:
    both = tuple(sorted({*names, *more_names}))
    place = {name: at for at, name in enumerate(both)}
    of = np.array([*(place[name] for name in names), -1], dtype=np.int32)
    of_more = np.array([*(place[name] for name in more_names), -1], dtype=np.int32)
    return both, np.concatenate([of[codes], of_more[more]])
