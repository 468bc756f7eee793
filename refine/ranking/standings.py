"""How labelers stand beside each other: what each contributed, and how often each sides with the others."""

from dataclasses import dataclass

import numpy as np

from refine.ranking.cavity import leads_without_own, shared_covariances
from refine.ranking.cells import Floats, summed
from refine.ranking.comparisons import LEFT, TIE
from refine.ranking.rows import Rows, views_for
from refine.ranking.scores import slopes_of
from refine.ranking.trusted import Fitted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """Columns, one row a labeler, in the order of `Fitted.labelers`; of the comparisons in `Fitted.data`."""

    labeler: tuple[str, ...]
    bits: Floats
    """By how much the labeler's answers narrowed down the ratings: half the log2 of the ratio of the determinants of
    the covariance without and with them, over his groups (Lindley, Annals of Mathematical Statistics 1956)."""
    agreement: Floats
    """Share of decided comparisons in which the labeler sides with what everybody else's answers say; NaN never, 0.5
    where there is nothing to compare."""
    pay_share: Floats
    """Bits over everybody's bits; sums to 1 unless nobody has any."""


def standing(fitted: Fitted) -> Standing:
    rows = Rows.of(fitted.data)
    count = len(fitted.names)
    place = {name: at for at, name in enumerate(fitted.names)}
    labeler = np.array([place[name] for name in fitted.data.labelers], dtype=np.int64)[rows.labeler]
    lead = fitted.mean[rows.left] - fitted.mean[rows.right]
    beliefs, sides = fitted.scored_by, fitted.sides
    views = views_for(rows, beliefs, fitted.theta, sides, labeler=labeler)
    variance = rows.cells.lead_variances(rows.left, rows.right, fitted.covariances)
    pull, bend = slopes_of(fitted.data.outcome, lead, views, variance)
    bits = np.zeros(count)
    for own in rows.blocks:
        shared = shared_covariances(rows.cells, rows.left[own], rows.right[own], fitted.covariances)
        _, log_ratio = np.linalg.slogdet(np.eye(own.shape[1]) - shared * bend[own][:, None, :])
        bits += summed(labeler[own[:, 0]], -0.5 * log_ratio / np.log(2), count)
    others, _ = leads_without_own(
        rows.cells, rows.left, rows.right, rows.blocks, lead=lead, covariances=fitted.covariances, pull=pull, bend=bend
    )
    is_decided = (fitted.data.outcome != TIE) & (np.abs(others) > 1e-9) & ~fitted.data.is_control
    sides_with = is_decided & ((others > 0) == (fitted.data.outcome == LEFT))
    decided = np.bincount(labeler, is_decided, count)
    agreement = np.where(decided > 0, np.bincount(labeler, sides_with, count) / np.maximum(decided, 1), 0.5)
    total = float(bits.sum())
    return Standing(
        labeler=fitted.names,
        bits=bits,
        agreement=agreement,
        pay_share=bits / total if total > 0 else np.zeros(count),
    )
