"""How far labelers agree over and above chance: Krippendorff's alpha.

After Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011). Written here because no library fits: PyPI's
`krippendorff` is under the GPL, `irrCAC` 0.4.4 asks for one version of scipy, pandas and a test tool, `simpledorff`
has had no release since 2020 and imports pandas, all for what is one matrix of counts.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from refine.ranking.cells import Floats, Ints
from refine.ranking.comparisons import RIGHT, Comparisons

Level: TypeAlias = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(units: Sequence[Sequence[float]], *, level: Level = "nominal") -> float | None:
    """Alpha of the values that each unit was given, in any order and by any number of labelers, for missing ones none.

    1 is full agreement, 0 what chance would give, below 0 less than that. Units of less than two values say nothing.
    With `ordinal`, values count by their order alone; with `interval`, by their distance. None where alpha is not
    defined: no unit has two values, or all values are equal.
    """
    unit = np.repeat(np.arange(len(units)), [len(values) for values in units])
    flat = np.array([value for values in units for value in values], dtype=np.float64)
    values, code = np.unique(flat, return_inverse=True)
    counts = np.zeros((len(units), len(values)))
    np.add.at(counts, (unit, code), 1)
    return _alpha(counts, values, level)


def alpha_of_comparisons(data: Comparisons, *, level: Level = "ordinal") -> float | None:
    """Krippendorff's alpha of the labelers in `data`, pair by pair.

    A unit is a pair of items of one group, the one that sorts first on the left; its values are 0 (left is better),
    1 (tie), 2 (right is better), one for each comparison of it. Of `ordinal` distances a tie lies between the two, so
    that a tie against a win counts as less of a disagreement than a win against a loss; `nominal` takes all
    disagreements alike. Controls are left out. Pairs out of one ranking are not independent, so that alpha is right
    but surer than it looks. A labeler's second comparison of a pair counts as another labeler's. None where no pair
    was compared twice, or all answers are equal.
    """
    rows = np.flatnonzero(~data.is_control)
    left, right = data.left[rows].astype(np.int64), data.right[rows].astype(np.int64)
    flip, items = left > right, max(len(data.items), 1)
    low, high = np.where(flip, right, left), np.where(flip, left, right)
    key = (data.group[rows].astype(np.int64) * items + low) * items + high
    _, unit = np.unique(key, return_inverse=True)
    value: Ints = np.where(flip, RIGHT - data.outcome[rows], data.outcome[rows]).astype(np.int64)
    counts = np.bincount(unit * 3 + value, minlength=3 * (int(unit.max(initial=-1)) + 1)).reshape(-1, 3)
    return _alpha(counts.astype(np.float64), np.arange(3.0), level)


def _alpha(counts: Floats, values: Floats, level: Level) -> float | None:
    """From how often each unit (row) was given each value (column, ascending)."""
    counts = counts[counts.sum(1) > 1]
    size = counts.sum(1)
    paired = counts.sum(0)
    total = float(paired.sum())
    distance = _distances(paired, values, level)
    expected = float(paired @ distance @ paired)
    if total == 0 or expected == 0:
        return None
    observed = float(np.einsum("uc,ck,uk->u", counts, distance, counts, optimize=True) @ (1 / (size - 1)))
    return 1 - (total - 1) * observed / expected


def _distances(paired: Floats, values: Floats, level: Level) -> Floats:
    """Squared, of every two values; of ordinal ones by how many of the paired values lie from one to the other."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    place = np.cumsum(paired) - paired / 2 if level == "ordinal" else values
    return np.asarray((place[:, None] - place) ** 2)
