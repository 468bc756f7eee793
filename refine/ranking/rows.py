"""Comparisons made ready for exact passes: where each row's cells are, what it counts for, whose block it is in."""

from dataclasses import dataclass

import numpy as np

from refine.ranking.cavity import leads_without_own, own_blocks
from refine.ranking.cells import Cells, Floats, Ints
from refine.ranking.comparisons import Comparisons
from refine.ranking.labelers import Beliefs, Evidence, gather, views_of
from refine.ranking.scores import Scores, View
from refine.ranking.trusted import CONTROL_VARIANCE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    data: Comparisons
    cells: Cells
    left: Ints
    right: Ints
    labeler: Ints
    for_scores: Floats
    """What a row counts for the scores: 1, or 3 / (K + 1) in a ranking of K, times its labeler's weight; 0 for a
    control."""
    for_labelers: Floats
    """For what is believed of its labeler: 1, or 9 / (2K + 5)."""
    is_pair: Floats
    """1 outside rankings: only there is a side of the screen to prefer."""
    is_control: Ints
    """Rows whose left item is an original and the right one its control."""
    blocks: list[Ints]

    @classmethod
    def of(cls, data: Comparisons) -> "Rows":
        cells, left, right = Cells.of(data)
        is_ranked = data.ranking >= 0
        _, ranking = np.unique(data.ranking[is_ranked], return_inverse=True)
        size = (1 + np.sqrt(1 + 8 * np.bincount(ranking))) / 2  # K of K (K - 1) / 2 rows
        for_scores, for_labelers = np.ones(len(data)), np.ones(len(data))
        for_scores[is_ranked] = np.minimum(3 / (size + 1), 1)[ranking]
        for_labelers[is_ranked] = np.minimum(9 / (2 * size + 5), 1)[ranking]
        control = data.is_control
        for_scores[control] = 0.0
        if data.weights is not None:
            for_scores *= data.weights[data.labeler]
        return cls(
            data=data,
            cells=cells,
            left=left,
            right=right,
            labeler=data.labeler.astype(np.int64),
            for_scores=for_scores,
            for_labelers=for_labelers,
            is_pair=(~is_ranked).astype(np.float64),
            is_control=np.flatnonzero(control),
            blocks=own_blocks(data),
        )

    def lookup(self, rows: slice) -> tuple[Ints, Ints]:
        """Left and right cells."""
        return self.left[rows], self.right[rows]

    def leads(self, scores: Scores, control_lead: float) -> tuple[Floats, Floats]:
        """Mean and variance of each row's lead without its labeler's rows in its group."""
        lead, variance = leads_without_own(
            self.cells, self.left, self.right, self.blocks, lead=scores.mean[self.left] - scores.mean[self.right],
            covariances=scores.covariances, pull=scores.pull, bend=scores.bend,
        )  # fmt: skip
        lead[self.is_control], variance[self.is_control] = control_lead, CONTROL_VARIANCE
        return lead, variance

    def gather(
        self, lead: Floats, variance: Floats, theta: float, side: Floats, owner: Ints, owners: int,
        chosen: "Ints | slice" = slice(None),
    ) -> Evidence:  # fmt: skip
        """Evidence by `owner` of `chosen` rows; `side` is the bias of each row's labeler."""
        return gather(
            self.data.outcome[chosen], lead[chosen], variance[chosen], weight=self.for_labelers[chosen],
            side=(side * self.is_pair)[chosen], theta=theta, owner=owner[chosen], owners=owners,
        )  # fmt: skip


def views_for(
    rows: Rows, beliefs: Beliefs | None, theta: float, sides: Floats, *, labeler: Ints | None = None
) -> list[View]:
    """How the scores read the rows; `labeler` where beliefs are of more labelers than the rows have."""
    if beliefs is None:
        ones = np.ones(len(rows.labeler))
        return [View(weight=rows.for_scores, gain=ones, theta=theta * ones, side=0 * ones)]
    who = rows.labeler if labeler is None else labeler
    return views_of(beliefs, theta, sides, who, rows.for_scores, rows.is_pair)
