"""When a round has enough answers: who is best, or whether the incumbent is beaten, is sure; or the cap is reached."""

from typing import Literal, TypeAlias

import numpy as np

from refine.errors import InputError
from refine.ranking.best import best_probabilities, p_above, shared_normals
from refine.ranking.cells import Floats
from refine.ranking.fitted import DRAWS

StopReason: TypeAlias = Literal["best", "challenger", "incumbent", "most"]
"""One candidate is surely the best; a challenger surely beats the incumbent; no challenger plausibly does; the cap."""

CAUTION = 1.08
"""Standard deviations are taken as this many times as wide. A rule that looks after every answer stops just above its
threshold, where a posterior that takes reliabilities as known is a little too sure: of simulated rounds stopped at
P(best) > 0.95 without caution 0.94 to 0.97 were right, with it 0.96 to 0.99 (benchmarks/ranking_labels.py)."""


def enough(
    mean: Floats,
    covariance: Floats,
    *,
    count: int,
    least: int = 1,
    most: int,
    incumbent: int | None = None,
    p_best: float = 0.95,
    p_beats: float | None = 0.95,
    caution: float = CAUTION,
    seed: int = 0,
) -> StopReason | None:
    """Why a round of ratings `mean` (K) and `covariance` (K, K) needs no more answers, or None if it does.

    `count` is of the answers so far, rankings or comparisons, in the same unit as `least`, before which nothing but
    the cap is a reason, and `most`, the cap. With an `incumbent` (its position) the round is decided too when a
    challenger beats it with at least `p_beats`, or when none does with more than 1 - `p_beats`; None leaves that out.

    Looking after every answer is allowed for: a posterior does not depend on why the answers ended (Berger & Wolpert,
    The Likelihood Principle, 1988), as far as it is right; `caution` is for how far it is not. Raises InputError for
    thresholds not between 0.5 and 1, or a cap below `least`.
    """
    for name, value in (("p_best", p_best), ("p_beats", p_beats)):
        if value is not None and not 0.5 <= value < 1:
            raise InputError(f"{name} is {value}; give a probability from 0.5 to below 1")
    if most < least:
        raise InputError(f"most is {most}, below least, {least}; the cap must be the larger one")
    if incumbent is not None and not 0 <= incumbent < len(mean):
        raise InputError(f"the round has no candidate {incumbent} to be the incumbent; it has {len(mean)}")
    if count >= least and len(mean):
        wide = covariance * caution**2
        if _is_best_sure(mean, wide, p_best, seed):
            return "best"
        if incumbent is not None and p_beats is not None and len(mean) > 1:
            chances = [_p_beats(mean, wide, at, incumbent) for at in range(len(mean)) if at != incumbent]
            if max(chances) >= p_beats:
                return "challenger"
            if max(chances) <= 1 - p_beats:
                return "incumbent"
    return "most" if count >= most else None


def _is_best_sure(mean: Floats, covariance: Floats, threshold: float, seed: int) -> bool:
    """Whether the highest mean is the best with more than `threshold`; most rounds are settled without draws."""
    first = int(np.argmax(mean))
    if any(_p_beats(mean, covariance, first, at) <= threshold for at in range(len(mean)) if at != first):
        return False  # P(best) is not above any P(beats)
    normals = shared_normals(len(mean), DRAWS, seed)
    return float(best_probabilities(mean[None], covariance[None], normals)[0, first]) > threshold


def _p_beats(mean: Floats, covariance: Floats, one: int, other: int) -> float:
    two = [one, other]
    return p_above(mean[two], covariance[np.ix_(two, two)])
