"""Leads as everybody else sees them: the posterior with one labeler's own rows in one group taken out.

A labeler judged by scores that his own answers went into looks better than he is, and mean-field bounds shrink
reliabilities and scores together where items are sparse; the cavity (Opper & Winther, Neural Computation 2000; Minka,
UAI 2001) has neither fault.
"""

import numpy as np

from refine.ranking.cells import Cells, Floats, Ints, summed
from refine.ranking.comparisons import Comparisons

_LONG = 128
"""Rows from which on a block is taken out cell by cell: its cost then grows with the cube of the group's cells."""
_CHUNK = 2_000_000
"""Numbers in one stack of matrices: bounds memory, changes no result."""


def own_blocks(data: Comparisons) -> list[Ints]:
    """Rows of each labeler in each group; blocks of one length stacked: (blocks, rows)."""
    key = data.labeler.astype(np.int64) * max(len(data.groups), 1) + data.group
    order = np.argsort(key, kind="stable")
    if not len(order):
        return []
    sorted_key = key[order]
    first = np.flatnonzero(np.concatenate([[True], sorted_key[1:] != sorted_key[:-1]]))
    lengths = np.diff(np.concatenate([first, [len(order)]]))
    return [order[first[lengths == n][:, None] + np.arange(n)] for n in np.unique(lengths).tolist()]


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
        if length > _LONG:
            for own in rows:
                mean[own], variance[own] = _without_long(
                    cells, left[own], right[own], lead[own], covariances, pull[own], bend[own]
                )
            continue
        step = max(_CHUNK // (length * length), 1)
        for at in range(0, len(rows), step):
            own = rows[at : at + step]
            shared = shared_covariances(cells, left[own], right[own], covariances)
            without = np.linalg.solve(np.eye(length) - shared * bend[own][:, None, :], shared)
            mean[own] = lead[own] - (without @ pull[own][:, :, None])[:, :, 0]
            variance[own] = np.maximum(np.diagonal(without, axis1=1, axis2=2), 1e-9)
    return mean, variance


def _without_long(
    cells: Cells, left: Ints, right: Ints, lead: Floats, covariances: Floats, pull: Floats, bend: Floats
) -> tuple[Floats, Floats]:
    """The same for one block, by the group's cells: M is the rows' share of minus the Hessian, C' = (I - C M)^-1 C."""
    group = int(cells.group[left[0]])
    size, block = int(cells.size[group]), int(cells.block[group])
    i, j = left - cells.start[group], right - cells.start[group]
    at = np.concatenate([i * size + i, j * size + j, i * size + j, j * size + i])
    share = summed(at, np.concatenate([bend, bend, -bend, -bend]), size * size).reshape(size, size)
    slope = summed(i, pull, size) - summed(j, pull, size)
    joint = covariances[block : block + size * size].reshape(size, size)
    without = np.linalg.solve(np.eye(size) - joint @ share, joint)
    moved = without @ slope
    return lead - (moved[i] - moved[j]), np.maximum(without[i, i] + without[j, j] - 2 * without[i, j], 1e-9)


def shared_covariances(cells: Cells, i: Ints, j: Ints, covariances: Floats) -> Floats:
    """(blocks, rows, rows): of the leads of cells i over cells j, (blocks, rows) each, one group a block."""
    return np.asarray(
        covariances[cells.entry(i[:, :, None], i[:, None, :])]
        - covariances[cells.entry(i[:, :, None], j[:, None, :])]
        - covariances[cells.entry(j[:, :, None], i[:, None, :])]
        + covariances[cells.entry(j[:, :, None], j[:, None, :])]
    )
