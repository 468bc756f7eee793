"""Rankings that came in when their round's outcome was known already."""

from collections.abc import Callable

from refine.types import RankingRecord
from store.waste import JudgedRound

SURE = 0.95
"""P(best) above which a round's outcome is taken for known."""
CARELESS = 0.5
"""P(careless) or P(adversarial) above which a labeler's work is counted as waste."""
ROUNDS_LOOKED_AT = 500
"""The newest judged rounds of a project, in which rankings after `SURE` are looked for."""


def late_rankings(
    round: JudgedRound, *, p_best: Callable[[JudgedRound, list[RankingRecord]], float] | None = None
) -> list[int]:
    """Keys of assignments whose rankings came in when P(best) was above `SURE` already, and stayed there.

    Ratings are fitted again with labelers alike, after each ranking; `p_best` replaces that (tests).
    """
    fit = p_best or _fit
    rankings = [ranking for ranking, _ in round.came_in]
    needed = len(rankings)
    for taken in range(len(rankings), 0, -1):
        if fit(round, rankings[:taken]) <= SURE:
            break
        needed = taken
    return [assignment for _, assignment in round.came_in[needed:]]


def _fit(round: JudgedRound, rankings: list[RankingRecord]) -> float:
    from refine.ranking import judge

    verdict = judge(
        rankings=[*round.before, *rankings],
        shown=round.shown,
        incumbent=round.incumbent,
        gate=round.gate,
        seed=round.seed,
    )
    return max(it.p_best for it in verdict.ratings)
