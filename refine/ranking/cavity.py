"""Leads as everybody else sees them: the posterior with one labeler's own rows in one group taken out.

A labeler judged by scores that his own answers went into looks better than he is, and mean-field bounds shrink
reliabilities and scores together where items are sparse; the cavity (Opper & Winther, Neural Computation 2000; Minka,
UAI 2001) has neither fault.
"""

import numpy as np

from refine.ranking.cells import Cells, Floats, Ints
from refine.ranking.comparisons import Comparisons

_LONGEST = 128
"""Rows taken out at once; a longer block is cut, since its cost grows with the cube."""
_CHUNK = 2_000_000
"""Numbers in one stack of matrices: bounds memory, changes no result."""


def own_blocks(data: Comparisons) -> list[Ints]:
    """Rows of each labeler in each group, blocks of one length stacked: (blocks, rows)."""
    key = data.labeler.astype(np.int64) * max(len(data.groups), 1) + data.group
    order = np.argsort(key, kind="stable")
    if not len(order):
        return []
    sorted_key = key[order]
    first = np.flatnonzero(np.concatenate([[True], sorted_key[1:] != sorted_key[:-1]]))
    length = np.diff(np.concatenate([first, [len(order)]]))
    pieces = -(-length // _LONGEST)
    number = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    starts = np.repeat(first, pieces) + number * _LONGEST
    lengths = np.minimum(np.repeat(length, pieces) - number * _LONGEST, _LONGEST)
    return [order[starts[lengths == n][:, None] + np.arange(n)] for n in np.unique(lengths).tolist()]


def leads_without_own(
    cells: Cells, left: Ints, right: Ints, blocks: list[Ints], *, lead: Floats, covariances: Floats, pull: Floats,
    bend: Floats,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Mean and variance of every row's lead without its block.

    `pull` and `bend` are what each row added to the gradient and to minus the Hessian, by its lead. With V the
    covariance of the block's leads and H = diag(bend): V' = (I - V H)^-1 V, lead' = lead - V' pull.
    """
    mean, variance = np.array(lead), np.zeros_like(lead)
    for rows in blocks:
        length = rows.shape[1]
        step = max(_CHUNK // (length * length), 1)
        for at in range(0, len(rows), step):
            own = rows[at : at + step]
            shared = shared_covariances(cells, left[own], right[own], covariances)
            without = np.linalg.solve(np.eye(length) - shared * bend[own][:, None, :], shared)
            mean[own] = lead[own] - (without @ pull[own][:, :, None])[:, :, 0]
            variance[own] = np.maximum(np.diagonal(without, axis1=1, axis2=2), 1e-9)
    return mean, variance


def shared_covariances(cells: Cells, i: Ints, j: Ints, covariances: Floats) -> Floats:
    """(blocks, rows, rows): of the leads of cells i over cells j, (blocks, rows) each, one group a block."""
    return np.asarray(
        covariances[cells.entry(i[:, :, None], i[:, None, :])]
        - covariances[cells.entry(i[:, :, None], j[:, None, :])]
        - covariances[cells.entry(j[:, :, None], i[:, None, :])]
        + covariances[cells.entry(j[:, :, None], j[:, None, :])]
    )
