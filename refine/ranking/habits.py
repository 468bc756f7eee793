"""Habits that show without looking at pages: ranking by the place on the screen, and working faster than can be read.

Orders of showing are drawn anew for every labeler, so whatever somebody prefers, each order of places is as likely as
any other. Who ranks by place shows one of them again and again.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np

from refine.ranking.work import Work

PRIOR_STRAIGHT: Final = 0.03
"""Of labelers who rank by the place on the screen, before anything is seen."""
_SHARES: Final = (0.3, 0.5, 0.7, 0.85, 0.95, 1.0)
"""Of a straight-liner's rankings that go by the place: each as likely."""
HURRIED: Final = 1 / 3
"""Of what others take for the same round: below it a ranking counts as hurried."""
_MOST: Final = 400
"""Further rankings beyond which nothing is said of what would change a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Straight:
    """Rankings without ties, by the place of what they put first, second, …"""

    counts: Mapping[tuple[int, ...], int]
    pattern: tuple[int, ...]
    """The most frequent one; empty where there is no ranking to tell by."""
    times: int
    of: int
    """Rankings of as many candidates as the pattern has."""
    expected: float
    """Of those, by chance."""
    probability: float

    @classmethod
    def of_counts(cls, counts: Mapping[tuple[int, ...], int]) -> "Straight":
        if not counts:
            return cls(counts={}, pattern=(), times=0, of=0, expected=0.0, probability=PRIOR_STRAIGHT)
        by_size: dict[int, int] = defaultdict(int)
        for places, times in counts.items():
            by_size[len(places)] += times

        def excess(places: tuple[int, ...]) -> float:
            return counts[places] - by_size[len(places)] / math.factorial(len(places))

        pattern = max(sorted(counts), key=excess)
        rows = by_size[len(pattern)]
        return cls(
            counts=dict(counts),
            pattern=pattern,
            times=counts[pattern],
            of=rows,
            expected=rows / math.factorial(len(pattern)),
            probability=_odds_to_p(_log_odds_straight(counts, by_size)),
        )

    @property
    def further(self) -> int | None:
        """Rankings in other orders of places after which it would be as likely as not; None where it takes too many."""
        return _first(lambda more: self._after(more) < 0.5)

    def _after(self, more: int) -> float:
        """The same with so many rankings more, each by an order of its own."""
        by_size: dict[int, int] = defaultdict(int)
        for places, times in self.counts.items():
            by_size[len(places)] += times
        by_size[len(self.pattern)] += more
        return _odds_to_p(_log_odds_straight(self.counts, by_size))


def straight_lining(work: Iterable[Work]) -> Straight:
    """Of one labeler."""
    return Straight.of_counts(Counter(places for each in work if (places := each.places) is not None))


def _log_odds_straight(counts: Mapping[tuple[int, ...], int], by_size: Mapping[int, int]) -> float:
    """Bayes factor of one fixed order for a share of the rankings, against all orders alike; the order that is kept to
    is unknown, and a longer screen has an order of its own."""
    total = 0.0
    for size, rows in by_size.items():
        orders = math.factorial(size)
        shares = np.array(_SHARES)
        hit = np.log(shares + (1 - shares) / orders)
        miss = np.log(np.maximum((1 - shares) / orders, 1e-300))
        null = -rows * math.log(orders)
        seen = [times for places, times in counts.items() if len(places) == size]
        each = [_mean_log(times * hit + (rows - times) * miss) for times in seen]
        unseen = orders - len(seen)
        if unseen > 0:
            each.append(_mean_log(rows * miss) + math.log(unseen))
        total += float(np.logaddexp.reduce(each)) - math.log(orders) - null
    return total + math.log(PRIOR_STRAIGHT / (1 - PRIOR_STRAIGHT))


# --- Pace -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long rankings took, beside others' of the same rounds."""

    timed: int
    """Rankings with a time that there is something to compare with."""
    hurried: int
    """Of those, the ones below `HURRIED`."""
    ratio: float | None
    """The middle of own time over others'; None without any."""
    typical_s: float | None
    probability: float
    """That more than half of all rankings are hurried."""

    @classmethod
    def of_counts(cls, timed: int, hurried: int, ratio: float | None, typical_s: float | None) -> "Pace":
        return cls(timed=timed, hurried=hurried, ratio=ratio, typical_s=typical_s, probability=_mostly(hurried, timed))

    def further(self, seeing_badly: float) -> int | None:
        """Rankings at an ordinary pace after which it would be as likely as not, were nothing else to change."""
        return _first(lambda more: _mostly(self.hurried, self.timed + more) * seeing_badly < 0.5)


def paces(work: Sequence[Work]) -> dict[str, Pace]:
    """By labeler, of all of them."""
    by_round: dict[str, list[Work]] = defaultdict(list)
    for each in work:
        if each.active_s is not None and each.active_s > 0:
            by_round[each.round].append(each)
    ratios: dict[str, list[float]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    for together in by_round.values():
        for each in together:
            assert each.active_s is not None
            seconds[each.labeler].append(each.active_s)
            others = [it.active_s for it in together if it.labeler != each.labeler and it.active_s is not None]
            if len(others) >= 2:
                ratios[each.labeler].append(each.active_s / median(others))
    found = {}
    for labeler in {each.labeler for each in work}:
        own = ratios.get(labeler, [])
        found[labeler] = Pace.of_counts(
            len(own),
            sum(ratio < HURRIED for ratio in own),
            median(own) if own else None,
            median(seconds[labeler]) if labeler in seconds else None,
        )
    return found


def _mostly(hurried: int, timed: int) -> float:
    """P(share > 1/2), under a Beta(0.5, 3) for the share: few hurry, and who does, does it often."""
    return _beta_above_half(hurried + 0.5, timed - hurried + 3.0)


def _beta_above_half(a: float, b: float) -> float:
    """By a sum over 2,000 points: the density is smooth there, or next to nothing."""
    x = (np.arange(2000) + 0.5) / 2000
    log = (a - 1) * np.log(x) + (b - 1) * np.log1p(-x)
    density = np.exp(log - log.max())
    return float(density[x > 0.5].sum() / density.sum())


def _first(is_enough: Callable[[int], bool]) -> int | None:
    """The least number for which it is so, by halving; None above `_MOST`."""
    if not is_enough(_MOST):
        return None
    low, high = -1, _MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _mean_log(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    return float(np.logaddexp.reduce(values)) - math.log(len(values))


def _odds_to_p(log_odds: float) -> float:
    return 1 / (1 + math.exp(-min(max(log_odds, -700.0), 700.0)))
