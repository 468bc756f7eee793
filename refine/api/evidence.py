"""What a round's rankings say one by one: P(best) as they came in, and how far labelers agree.

Plain functions of a chain's record. Controls, which are worse on purpose, are left out of all of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from refine.export import ExportChain, ExportRanking, ExportRound
from refine.types import RankingRecord

_MOST_FITS = 40
"""Fits of one round: where more rankings came in, not all of them have a point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What was to be believed when so many rankings of the round were in."""

    rankings: int
    labeler: str
    """Whose ranking was the last of them; empty before the first."""
    p_best: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far the labelers of a round agree, 1 fully, 0 as by chance."""

    tau: float | None
    """Mean of Kendall's tau-b over all pairs of labelers; None where no two rankings can be compared."""
    alpha: float | None
    """Krippendorff's alpha of their comparisons, ordinal."""
    with_verdict: Mapping[str, float]
    """Ranking -> tau-b with the order of the verdict's ratings."""


def trace_p_best(chain: ExportChain, round: ExportRound) -> tuple[Standing, ...]:
    """P(best) of the candidates on show before the first ranking and after each. All labelers count alike in it, so the
    last one may differ from a verdict that weighed them. Empty for an audit round, and where nothing was compared."""
    shown = tuple(name for name in round.shown if name not in round.controls)
    if round.kind != "normal" or len(shown) < 2 or not round.rankings:
        return ()
    came_in = _records(round)
    before = tuple(
        record
        for earlier in chain.rounds
        if earlier.kind == "normal" and earlier.number < round.number
        for record in _records(earlier)
    )
    most = min(len(came_in), _MOST_FITS - 1)
    counts = sorted({n * len(came_in) // most for n in range(most + 1)})
    seed = (chain.seed + round.number) & 0x7FFFFFFF
    return tuple(
        Standing(
            rankings=count,
            labeler=came_in[count - 1].labeler if count else "",
            p_best=dict(zip(shown, _p_best((*before, *came_in[:count]), shown, seed), strict=True)),
        )
        for count in counts
    )


@lru_cache(maxsize=512)
def _p_best(rankings: tuple[RankingRecord, ...], shown: tuple[str, ...], seed: int) -> tuple[float, ...]:
    from refine.ranking import judge

    verdict = judge(rankings=rankings, shown=shown, incumbent=None, gate=0.5, seed=seed)
    return tuple(rating.p_best for rating in verdict.ratings)


def measure_agreement(round: ExportRound) -> Agreement:
    from refine.ranking import agreement
    from refine.ranking.comparisons import Comparisons
    from refine.ranking.krippendorff import alpha_of_comparisons

    groups = {it.id: _without(it.groups, round) for it in round.rankings}
    taus = [tau for a, b in combinations(groups.values(), 2) if (tau := agreement(a, b)) is not None]
    rows = [(it.labeler, "round", groups[it.id]) for it in round.rankings if groups[it.id]]
    by_rating: dict[str, float] = {}
    if round.verdict is not None:
        best_first = sorted(round.verdict.ratings, key=lambda it: -it.mean)
        order = [(it.candidate,) for it in best_first]
        found = ((name, agreement(each, order)) for name, each in groups.items())
        by_rating = {name: tau for name, tau in found if tau is not None}
    return Agreement(
        tau=sum(taus) / len(taus) if taus else None,
        alpha=alpha_of_comparisons(Comparisons.from_rankings(rows)) if len(rows) > 1 else None,
        with_verdict=by_rating,
    )


def _records(round: ExportRound) -> tuple[RankingRecord, ...]:
    """As they came in, without controls."""
    return tuple(
        RankingRecord(
            id=it.id,
            round=round.number,
            labeler=it.labeler,
            groups=_without(it.groups, round),
            shown=tuple(name for name in it.shown if name not in round.controls),
        )
        for it in sorted(round.rankings, key=_came_in)
    )


def _came_in(ranking: ExportRanking) -> tuple[str, str]:
    return ("" if ranking.created_at is None else ranking.created_at.isoformat(), ranking.id)


def _without(groups: tuple[tuple[str, ...], ...], round: ExportRound) -> tuple[tuple[str, ...], ...]:
    kept = (tuple(name for name in group if name not in round.controls) for group in groups)
    return tuple(group for group in kept if group)
