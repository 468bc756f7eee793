"""What a fit found: ratings, their joint uncertainty, and what follows from both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from refine.errors import InputError
from refine.ranking.best import best_probabilities, p_above, shared_normals
from refine.ranking.bradley_terry import Problem
from refine.ranking.cells import Cells, Floats, Ints
from refine.ranking.comparisons import LEFT, RIGHT, TIE, Codes, Comparisons

DRAWS = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ratings:
    """Columns, one row an item, sorted by group, then by name."""

    group: tuple[str, ...]
    item: tuple[str, ...]
    mean: Floats
    """Log-odds; means of a group's items are near zero in sum, and mean nothing across groups."""
    sd: Floats
    p_best: Floats
    """Within the item's group."""

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True, kw_only=True, eq=False)
class Posterior:
    """A normal approximation of the ratings' posterior, group by group. Equal data and seed give equal numbers,
    whatever the rows' order."""

    data: Comparisons
    cells: Cells
    mean: Floats
    """By cell, in the order of `ratings`."""
    covariances: Floats
    """Each group's matrix, row by row, groups after each other."""
    prior_sd: float
    """Of an item nobody has seen."""
    seed: int
    draws: int

    @cached_property
    def place(self) -> dict[tuple[str, str], int]:
        """Row in `ratings` of each (group, item)."""
        cells = zip(self.cells.group.tolist(), self.cells.item.tolist(), strict=True)
        return {(self.data.groups[group], self.data.items[item]): at for at, (group, item) in enumerate(cells)}

    @cached_property
    def ratings(self) -> Ratings:
        p_best, sd = np.empty_like(self.mean), np.empty_like(self.mean)
        normals = shared_normals(int(self.cells.size.max(initial=0)), self.draws, self.seed)
        for size, cells, entries in self.cells.by_size():
            covariance = self.covariances[entries]
            sd[cells] = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
            p_best[cells] = best_probabilities(self.mean[cells], covariance, normals[:size])
        return Ratings(
            group=tuple(self.data.groups[code] for code in self.cells.group.tolist()),
            item=tuple(self.data.items[code] for code in self.cells.item.tolist()),
            mean=self.mean,
            sd=sd,
            p_best=p_best,
        )

    def beats(self, group: str, i: str, j: str) -> float:
        """P(the rating of i is above that of j). Raises InputError for an item this fit has not seen."""
        self._refuse_unseen(group, [i, j])
        return 0.5 if i == j else p_above(*self.posterior(group, [i, j]))

    def p_best(self, group: str, items: Sequence[str]) -> dict[str, float]:
        """P(best) among `items` only; sums to 1. Raises InputError for an item twice or not seen by this fit."""
        if len({*items}) != len(items):
            raise InputError(f"P(best) in {group!r}: an item is named twice; name each once")
        self._refuse_unseen(group, items)
        if not items:
            return {}
        ordered = sorted(items)
        mean, covariance = self.posterior(group, ordered)
        cells = np.array([self.place[group, item] for item in ordered])
        rows = cells - self.cells.start[self.cells.group[cells]]
        normals = shared_normals(int(rows.max()) + 1, self.draws, self.seed)[rows]
        found = dict(zip(ordered, best_probabilities(mean[None], covariance[None], normals)[0].tolist(), strict=True))
        return {item: found[item] for item in items}

    def posterior(self, group: str, items: Sequence[str]) -> tuple[Floats, Floats]:
        """Mean (K) and covariance (K, K) of items of a group, in the order asked for.

        Items this fit has not seen have the prior's, independent of all others.
        """
        at = np.array([self.place.get((group, item), -1) for item in items], dtype=np.int64)
        mean, covariance = np.zeros(len(at)), np.eye(len(at)) * self.prior_sd**2
        seen = np.flatnonzero(at >= 0)
        if len(seen):
            cells = at[seen]
            number = self.cells.group[cells[0]]
            local, size = cells - self.cells.start[number], self.cells.size[number]
            mean[seen] = self.mean[cells]
            entries = self.cells.block[number] + local[:, None] * size + local
            covariance[seen[:, None], seen] = self.covariances[entries]
        return mean, covariance

    def _refuse_unseen(self, group: str, items: Sequence[str]) -> None:
        for item in items:
            if (group, item) not in self.place:
                raise InputError(f"{item!r} in {group!r} has not been compared; ask only for items in `ratings`")

    def _unseen(self, other: Comparisons) -> tuple[Floats, Floats]:
        """Prior mean and variance of the left items, then of the right ones."""
        return np.zeros(2 * len(other)), np.full(2 * len(other), self.prior_sd**2)

    def _cells(self, column: Codes) -> Ints:
        """Rows in `ratings` of the items in a column of `data`."""
        names = max(len(self.data.items), 1)
        wanted = self.data.group.astype(np.int64) * names + column
        return np.searchsorted(self.cells.group * names + self.cells.item, wanted)

    def _differences(self, other: Comparisons) -> tuple[Floats, Floats]:
        """Mean and variance of left's rating minus right's, by row of `other`."""
        rows, names = len(other), max(len(other.items), 1)
        base = other.group.astype(np.int64) * names
        cells, code = np.unique(np.concatenate([base + other.left, base + other.right]), return_inverse=True)
        named = [(other.groups[cell // names], other.items[cell % names]) for cell in cells.tolist()]
        at = np.array([self.place.get(name, -1) for name in named], dtype=np.int64)[code]
        is_known, safe = at >= 0, np.maximum(at, 0)
        (mean, variance), covariance = self._unseen(other), np.zeros(rows)
        if len(self.mean):
            layout = self.cells
            number = layout.group[safe]
            local, size, origin = safe - layout.start[number], layout.size[number], layout.block[number]
            mean = np.where(is_known, self.mean[safe], mean)
            variance = np.where(is_known, self.covariances[origin + local * (size + 1)], variance)
            is_both = is_known[:rows] & is_known[rows:]
            across = np.where(is_both, origin[:rows] + local[:rows] * size[:rows] + local[rows:], 0)
            covariance = np.where(is_both, self.covariances[across], covariance)
        return mean[:rows] - mean[rows:], variance[:rows] + variance[rows:] - 2 * covariance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlindLabelers:
    """Columns, one row a labeler, sorted by name."""

    labeler: tuple[str, ...]
    comparisons: Ints
    agreement: Floats
    """Share of the labeler's decided comparisons won by the item with the higher fitted rating; 0.5 without any.
    The labeler's own comparisons are in those ratings, so it flatters labelers of few."""
    reliability: Floats
    """1.0 for everybody: this model does not tell labelers apart."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BlindFit(Posterior):
    """Ratings by a model that takes every labeler alike."""

    weight: Floats
    """By row."""
    problem: Problem
    theta: float
    """Tie threshold: even items tie with probability tanh(theta / 2)."""
    theta_sd: float

    @cached_property
    def labelers(self) -> BlindLabelers:
        data = self.data
        rows = len(data.labelers)
        lead = self.mean[self._cells(data.left)] - self.mean[self._cells(data.right)]
        agrees = np.where(lead == 0, 0.5, (lead > 0) == (data.outcome == LEFT))
        is_decided = data.outcome != TIE
        decided = np.bincount(data.labeler, is_decided, rows)
        share = np.bincount(data.labeler, agrees * is_decided, rows) / np.maximum(decided, 1)
        return BlindLabelers(
            labeler=data.labelers,
            comparisons=np.bincount(data.labeler, minlength=rows),
            agreement=np.where(decided > 0, share, 0.5),
            reliability=np.ones(rows),
        )

    def predict(self, other: Comparisons) -> Floats:
        """P(left wins), P(tie), P(right wins) by row of `other`, whose outcomes are not looked at.

        Averaged over the posterior of the ratings by MacKay's approximation (Neural Computation 1992). Items this fit
        has not seen have the prior's mean and spread.
        """
        mean, variance = self._differences(other)
        shrink = 1 / np.sqrt(1 + math.pi / 8 * variance)
        found = np.empty((len(other), 3))
        found[:, LEFT] = np.exp(-np.logaddexp(0, shrink * (self.theta - mean)))
        found[:, RIGHT] = np.exp(-np.logaddexp(0, shrink * (self.theta + mean)))
        found[:, TIE] = np.maximum(1 - found[:, LEFT] - found[:, RIGHT], 0)
        return found
