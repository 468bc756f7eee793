"""Did refinement help? How often the final candidate beats the first draft, by audit rounds and by verdicts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from refine.errors import InputError

_FLOOR = 0.8
"""Of the variance that labelers would cause if chains were all alike, the least that is believed. A few audited chains
that happen to agree say nothing of those that would not; 0.8 and the degrees of freedom below were chosen by
benchmarks/audit_coverage.py as what covers neither too seldom nor too often."""

_MANY = 2000
"""Degrees of freedom from which on Student's t hardly changes, and would only cost time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """Chance that a labeler prefers the final candidate over the first draft, a tie counting half."""

    rate: float | None
    """None without an audited chain."""
    low: float | None
    high: float | None
    chains: int
    outcomes: float
    """Labelers' answers, over all chains."""
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class InChainEstimate:
    """The same question answered by the rankings that also chose the final: optimistic, and no substitute.

    The final won those very rankings, so their errors favour it; and its challengers' labelers steered what was made.
    """

    rate: float | None
    """A labeler's expected wins plus half of ties: what `WinRate.rate` measures. None without chains."""
    p_final_better: float | None
    """Mean probability that the final's rating is above the first draft's; not comparable with `WinRate.rate`."""
    chains: int
    left_out: int
    """Chains whose verdict does not know both candidates."""
    is_optimistic: bool = True


def win_rate(
    outcomes: Sequence[tuple[float, float, float]], *, ended_chains: int | None = None, level: float = 0.95
) -> WinRate:
    """From (wins, ties, losses) of final over first in each audited chain; chains nobody answered are left out.

    The rate is the mean over chains of (wins + ties / 2) / answers. A chain whose final is its first draft is a
    certain tie: (0, 1, 0). `ended_chains`, how many the audited ones were drawn from, narrows the interval.

    The interval is Wilson's (JASA 1927) for as many independent answers as the variance between chains is worth
    (Korn & Graubard, Survey Methodology 1998; Franco et al., J. Survey Statistics and Methodology 2019), with
    Student's t: answers in one chain may agree for reasons of their own. It speaks of a random ended chain and a
    random labeler of the panel asked, not of other panels. With fewer than ten chains it holds the truth more often
    than `level`; one chain alone says nothing: 0 to 1.
    """
    if any(not (value >= 0 and math.isfinite(value)) for chain in outcomes for value in chain):
        raise InputError("wins, ties and losses of an audited chain are counts, 0 or more")
    if not 0 < level < 1:
        raise InputError(f"level is {level}; it must be between 0 and 1")
    answered = [chain for chain in outcomes if sum(chain) > 0]
    chains, answers = len(answered), math.fsum(map(sum, answered))
    if ended_chains is not None and ended_chains < chains:
        raise InputError(f"{chains} audited chains cannot be drawn from {ended_chains}")
    if not chains:
        return WinRate(rate=None, low=None, high=None, chains=0, outcomes=0, level=level)
    rates = [(wins + ties / 2) / (wins + ties + losses) for wins, ties, losses in answered]
    rate = math.fsum(rates) / chains
    low, high = 0.0, 1.0
    if chains > 1:
        share = chains / ended_chains if ended_chains else 0.0
        centre = (answers * rate + 0.5) / (answers + 1)  # half a win and half a loss more: Jeffreys' prior
        variance = max(
            _between_chains(answered, rates, rate, share), _FLOOR * _among_answers(answered, centre, answers) / chains
        )
        low, high = _wilson(centre, centre * (1 - centre) / variance, student_t(level, min(chains, _MANY)))
    return WinRate(rate=rate, low=min(low, rate), high=max(high, rate), chains=chains, outcomes=answers, level=level)


def in_chain_estimate(chains: Sequence[tuple[Mapping[str, Any], str, str]]) -> InChainEstimate:
    """From (details of the chain's last verdict, first draft, final candidate) of each chain.

    A chain whose final is its first draft counts as a certain tie.
    """
    rates, better = [], []
    for details, first, final in chains:
        known: list[str] = list(details.get("candidates", ()))
        if first == final:
            rates.append(0.5)
            better.append(0.5)
        elif first in known and final in known:
            i, j = known.index(final), known.index(first)
            mean = details["mean"][i] - details["mean"][j]
            covariance = details["covariance"]
            variance = max(covariance[i][i] + covariance[j][j] - 2 * covariance[i][j], 1e-12)
            shrink = 1 / math.sqrt(1 + math.pi / 8 * variance)  # MacKay 1992, as in `Fitted.predict`
            above = _logistic(shrink * (mean - details["theta"]))
            below = _logistic(shrink * (-mean - details["theta"]))
            rates.append((1 + above - below) / 2)
            better.append(0.5 * math.erfc(-mean / math.sqrt(2 * variance)))
    counted = len(rates)
    return InChainEstimate(
        rate=math.fsum(rates) / counted if counted else None,
        p_final_better=math.fsum(better) / counted if counted else None,
        chains=counted,
        left_out=len(chains) - counted,
    )


@lru_cache(maxsize=256)
def student_t(level: float, df: int) -> float:
    """The t that Student's distribution stays within, either way, with probability `level`."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_within(middle, df) < level else (low, middle)
    return math.sqrt(df) * math.tan(low)


def _student_within(angle: float, df: int) -> float:
    """P(|T| < sqrt(df) tan(angle)): the finite series of Abramowitz & Stegun 26.7.3 and 26.7.4."""
    cos2 = math.cos(angle) ** 2
    is_odd = df % 2
    term, total = (math.cos(angle), 0.0) if is_odd else (1.0, 0.0)
    for k in range(2 + is_odd, df + 1, 2):
        total += term
        term *= cos2 * (k - 1) / k
    if is_odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total


def _between_chains(
    answered: Sequence[tuple[float, float, float]], rates: Sequence[float], rate: float, share: float
) -> float:
    """Variance of the mean rate when a `share` of all ended chains was drawn (Cochran, Sampling Techniques, 10.12).

    Drawing more chains removes the variance between them, not that of the answers within each.
    """
    chains = len(rates)
    between = math.fsum((each - rate) ** 2 for each in rates) / (chains - 1)
    within = 0.0
    for (wins, ties, losses), each in zip(answered, rates, strict=True):
        answers = wins + ties + losses
        spread = _spread((wins, ties, losses), each)
        within += spread / (answers - 1) if answers > 1 else between
    within = min(within / chains, between)
    return ((1 - share) * between + share * within) / chains


def _among_answers(answered: Sequence[tuple[float, float, float]], centre: float, answers: float) -> float:
    """Mean over chains of the variance of a chain's rate, were all answers drawn alike."""
    chains = len(answered)
    seen = math.fsum(_spread(chain, centre) / max(sum(chain), 1) for chain in answered) / chains
    unseen = 0.5 * (centre**2 + (1 - centre) ** 2) * chains / answers  # of the half win and half loss in `centre`
    return (answers * seen + unseen) / (answers + 1)


def _spread(chain: tuple[float, float, float], centre: float) -> float:
    """Mean squared distance of a chain's answers (1, 1/2, 0) from `centre`."""
    wins, ties, losses = chain
    return (wins * (1 - centre) ** 2 + ties * (0.5 - centre) ** 2 + losses * centre**2) / (wins + ties + losses)


def _wilson(rate: float, answers: float, t: float) -> tuple[float, float]:
    bend = t * t / answers
    middle = (rate + bend / 2) / (1 + bend)
    half = t * math.sqrt((rate * (1 - rate) + bend / 4) / answers) / (1 + bend)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _logistic(x: float) -> float:
    return math.exp(min(x, 0.0)) / (1 + math.exp(-abs(x)))
