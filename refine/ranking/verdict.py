"""The verdict of a round: which candidate is the incumbent from now on, and what that rests on."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from refine.errors import InputError
from refine.types import RankingRecord, Rating, Verdict

if TYPE_CHECKING:
    from refine.ranking.cells import Floats
    from refine.ranking.comparisons import RankingRow
    from refine.ranking.fitted import Posterior
    from refine.ranking.snapshot import Snapshot

METHOD = "bradley-terry-map@1"
"""Every labeler counts alike."""
TRUSTING_METHOD = "ordered-logit-mixture@1"
"""Labelers count for as much as is believed of them."""

_CHAIN = "chain"
_KEPT = 24
"""Candidates whose joint posterior a verdict keeps: those on show, then the oldest; it grows with the square."""
_DIGITS = 9
"""Of every number in a verdict: what differs after that is the rounding of sums, not evidence."""


def judge(
    *,
    rankings: Sequence[RankingRecord],
    shown: Sequence[str],
    incumbent: str | None,
    gate: float,
    seed: int,
    snapshot: "Snapshot | None" = None,
    chain: str = _CHAIN,
) -> Verdict:
    """Judge the candidates in `shown` by all `rankings` of the chain so far, oldest round first.

    Without an incumbent the candidate of highest P(best) wins. With one, the challenger of highest P(best) takes its
    place if P(beats incumbent) is above `gate`. Equal ones are separated by mean, then by the order of `shown`. A
    candidate that nobody compared has its prior for a rating and cannot win while another one was compared. With no
    comparisons at all the incumbent, or else the first shown, wins.

    Rankings of weight 0 are out of account, and others count for that share of what they would.

    With a `snapshot` labelers count for what is believed of them, from what they did in other chains and in the rounds
    of this one (`chain` is its name there); without one everybody counts alike. What each counted for stands in the
    verdict's details.

    Nothing depends on how candidates are called, only on their order in `shown` and in the rankings.
    """
    if not shown or len({*shown}) != len(shown):
        raise InputError("a verdict needs candidates on show, each named once")
    removed = sorted({ranking.labeler for ranking in rankings if ranking.weight == 0})
    rankings = [ranking for ranking in rankings if ranking.weight > 0]
    alias = _aliases(rankings, shown if incumbent is None else [*shown, incumbent])
    rated = _rate_alike(rankings, alias, seed) if snapshot is None else _rate(rankings, alias, seed, snapshot, chain)
    compared = {name for name, by_order in alias.items() if (_CHAIN, by_order) in rated.posterior.place}
    ratings = _ratings(rated.posterior, shown, alias, incumbent)
    return Verdict(
        winner=_winner(ratings, incumbent, gate, compared),
        incumbent=incumbent,
        ratings=ratings,
        threshold=gate,
        comparisons=len(rated.posterior.data),
        rankings=len(rankings),
        method=rated.method,
        seed=seed,
        details={
            "prior_sd": round(rated.posterior.prior_sd, _DIGITS),
            "draws": rated.posterior.draws,
            "ties": rated.ties,
            **rated.details,
            "labelers": _with_weights(rated.details["labelers"], rankings, removed),
            **_joint(rated.posterior, alias),
        },
    )


def rate_so_far(
    *,
    rankings: Sequence[RankingRecord],
    shown: Sequence[str],
    seed: int,
    snapshot: "Snapshot | None" = None,
    chain: str = _CHAIN,
) -> "tuple[Floats, Floats]":
    """Mean (K) and covariance (K, K) of the ratings of those in `shown`, as a verdict would find them now."""
    rankings = [ranking for ranking in rankings if ranking.weight > 0]
    alias = _aliases(rankings, shown)
    rated = _rate_alike(rankings, alias, seed) if snapshot is None else _rate(rankings, alias, seed, snapshot, chain)
    return rated.posterior.posterior(_CHAIN, [alias[name] for name in shown])


class _Rated(NamedTuple):
    posterior: "Posterior"
    method: str
    ties: int
    details: dict[str, Any]


def _rate_alike(rankings: Sequence[RankingRecord], alias: Mapping[str, str], seed: int) -> _Rated:
    from refine.ranking.comparisons import TIE, Comparisons
    from refine.ranking.laplace import fit_blind

    data = Comparisons.from_rankings(_rows(rankings, alias), weights=_weights(rankings))
    fitted = fit_blind(data, seed=seed)
    details = {
        "theta": round(fitted.theta, _DIGITS),
        "ranking_weight": "2/K",
        "labelers": {name: {"mean": 1.0} for name in sorted({it.labeler for it in rankings})},
    }
    return _Rated(fitted, METHOD, int((data.outcome == TIE).sum()), details)


def _rate(
    rankings: Sequence[RankingRecord], alias: Mapping[str, str], seed: int, snapshot: "Snapshot", chain: str
) -> _Rated:
    from refine.ranking.comparisons import TIE, Comparisons
    from refine.ranking.snapshot import reliabilities_of

    known, weights = snapshot.rounds.get(chain, 0), _weights(rankings)
    seen = Comparisons.from_rankings(_rows([it for it in rankings if it.round <= known], alias), weights=weights)
    new = Comparisons.from_rankings(_rows([it for it in rankings if it.round > known], alias), weights=weights)
    fitted = snapshot.rate(seen, new, seed=seed)
    labelers = reliabilities_of(fitted, sorted({it.labeler for it in rankings}))
    details = {
        "theta": round(fitted.theta, _DIGITS),
        "ranking_weight": "3/(K+1)",
        "snapshot": snapshot.id,
        "labelers": {
            name: {key: round(value, _DIGITS) for key, value in asdict(it).items()} for name, it in labelers.items()
        },
    }
    return _Rated(fitted, TRUSTING_METHOD, int((fitted.data.outcome == TIE).sum()), details)


def _weights(rankings: Sequence[RankingRecord]) -> dict[str, float]:
    return {ranking.labeler: ranking.weight for ranking in rankings if ranking.weight != 1}


def _with_weights(
    labelers: Mapping[str, Mapping[str, float]], rankings: Sequence[RankingRecord], removed: Sequence[str]
) -> dict[str, dict[str, float]]:
    """What labelers counted for: the means are times the weights that an operator gave, which stand beside them."""
    found = {name: {**believed} for name, believed in labelers.items()}
    for name, weight in _weights(rankings).items():
        found[name] |= {"mean": round(found[name]["mean"] * weight, _DIGITS), "weight": weight}
    return found | {name: {"mean": 0.0, "weight": 0.0} for name in removed}


def _aliases(rankings: Sequence[RankingRecord], candidates: Sequence[str]) -> dict[str, str]:
    """A name by order for every candidate: those on show first, then as the rankings bring them up."""
    names = dict.fromkeys(candidates)
    for ranking in rankings:
        names.update(dict.fromkeys(ranking.shown))
        for group in ranking.groups:
            names.update(dict.fromkeys(group))
    return {name: f"{number:06}" for number, name in enumerate(names)}


def _rows(rankings: Sequence[RankingRecord], alias: Mapping[str, str]) -> "Iterator[RankingRow]":
    for ranking in rankings:
        groups = [[alias[item] for item in group] for group in ranking.groups]
        is_order_known = {item for group in ranking.groups for item in group} <= {*ranking.shown}
        yield ranking.labeler, _CHAIN, groups, [alias[item] for item in ranking.shown] if is_order_known else None


def _ratings(
    fitted: "Posterior", shown: Sequence[str], alias: Mapping[str, str], incumbent: str | None
) -> tuple[Rating, ...]:
    from refine.ranking.best import best_probabilities, p_above, shared_normals

    everyone = [*shown] if incumbent is None or incumbent in shown else [*shown, incumbent]
    mean, covariance = fitted.posterior(_CHAIN, [alias[name] for name in everyone])
    count = len(shown)
    if any((_CHAIN, alias[name]) in fitted.place for name in shown):
        normals = shared_normals(count, fitted.draws, fitted.seed)
        p_best = best_probabilities(mean[None, :count], covariance[None, :count, :count], normals)[0].tolist()
    else:
        p_best = [1 / count] * count
    ratings = []
    for at, name in enumerate(shown):
        p_beats = None
        if incumbent is not None and name != incumbent:
            two = [at, everyone.index(incumbent)]
            p_beats = round(p_above(mean[two], covariance[two][:, two]), _DIGITS)
        ratings.append(
            Rating(
                candidate=name,
                mean=round(float(mean[at]), _DIGITS),
                sd=round(float(covariance[at, at]) ** 0.5, _DIGITS),
                p_best=round(p_best[at], _DIGITS),
                p_beats_incumbent=p_beats,
            )
        )
    return tuple(ratings)


def _winner(ratings: Sequence[Rating], incumbent: str | None, gate: float, compared: Container[str]) -> str:
    able = [rating for rating in ratings if rating.candidate != incumbent and rating.candidate in compared]
    if incumbent is None:
        able = able or list(ratings)
    if not able:
        return incumbent or ratings[0].candidate
    best = max(able, key=lambda rating: (rating.p_best, rating.mean))  # max keeps the first of equals
    if incumbent is None or (best.p_beats_incumbent or 0.0) > gate:
        return best.candidate
    return incumbent


def _joint(fitted: "Posterior", alias: Mapping[str, str]) -> dict[str, Any]:
    """The joint posterior of at most `_KEPT` compared candidates, as plain lists."""
    kept = [name for name, by_order in alias.items() if (_CHAIN, by_order) in fitted.place][:_KEPT]
    mean, covariance = fitted.posterior(_CHAIN, [alias[name] for name in kept])
    return {
        "candidates": kept,
        "mean": [round(x, _DIGITS) for x in mean.tolist()],
        "covariance": [[round(x, _DIGITS) for x in row] for row in covariance.tolist()],
    }
