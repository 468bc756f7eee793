"""Who hands in what another labeler did: rankings that are the same, and critiques that read nearly the same, more
often than two people who look at the same pages would make them."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import numpy as np

from refine.ranking.cells import Floats
from refine.ranking.work import Work

PRIOR_COPYING: Final = 0.03
"""Of labelers who copy somebody, before anything is seen; spread over those they share rounds with."""
_SHARES: Final = np.array([0.0, 0.4, 0.6, 0.8, 0.9, 0.97])
"""Of shared rounds in which a copier copies the ranking, and of texts that are copied; each as likely."""
_LATER: Final = 0.95
"""How often a copier is the later one of two."""
_CLOSE: Final = ((1.0, 0.6), (1.5, 0.25), (2.5, 0.1), (4.0, 0.05))
"""How many times likelier than others two people may be to agree, without copying, and how often they are."""
_WORTH: Final = 3.0
"""Pairs of rankings that what is usual is worth, in a round and of a labeler."""
_CHANCE: Final = (0.002, 0.9)
"""Least and most that two who look are taken to rank a round alike."""
_LEAST_TEXT, _MOST_TEXT = 20, 2000
_MOST_SAID: Final = 10
"""Texts of a labeler about one candidate that are compared, and"""
_MOST_ABOUT: Final = 60
"""of all about it: who writes hundreds is compared by some."""
_NEAR: Final = 0.6
"""Jaccard similarity of five-letter pieces from which on two texts are nearly the same."""
_GENERIC: Final = 3
"""Labelers who say the very same: from so many on it is a commonplace."""
_FEW: Final = 3
"""The same rankings and texts together that are looked at closely: fewer are no habit."""
_MOST: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """What a labeler has in common with the one they are likeliest to copy."""

    other: str
    shared: int
    """Rounds both ranked, with two candidates in common at least."""
    same: int
    """Of those, in which both rankings are the same in all that they have in common."""
    expected: float
    """The same ones, by chance."""
    later: int
    """Of the same ones, those that this labeler handed in after the other."""
    timed: int
    """Of the same ones, those with both times known."""
    texts: int
    """Pairs of critiques of one candidate that are long enough to tell."""
    near_texts: int
    partners: int
    probability: float
    terms: Floats
    """Log likelihood ratio of the rankings for each of `_SHARES`."""
    rest: tuple[float, float, float]
    """Of the texts; and of who came later, if this one copies, and if the other does."""

    @property
    def further(self) -> int | None:
        """Shared rounds ranked otherwise after which it would be as likely as not; None where it takes too many."""
        for more in range(1, _MOST + 1):
            if _probability(self.terms + more * np.log1p(-_SHARES), self.rest, self.partners) < 0.5:
                return more
        return None


@dataclass(slots=True)
class _Pair:
    same: list[str] = field(default_factory=list)
    """Rounds."""
    other: list[str] = field(default_factory=list)
    later: int = 0
    """Of the same ones, those that the second of the two handed in later; and"""
    earlier: int = 0


@dataclass(slots=True)
class _Texts:
    near: int = 0
    all: int = 0


def copying(work: Sequence[Work]) -> dict[str, Copying]:
    """By labeler, of those who have anything to show for it."""
    by_round: dict[str, list[Work]] = defaultdict(list)
    for each in work:
        by_round[each.round].append(each)
    pairs: dict[tuple[str, str], _Pair] = defaultdict(_Pair)
    alike: dict[str, tuple[int, int]] = {}
    """Round -> pairs that are the same, all pairs."""
    kinds: dict[str, int] = {}
    for round, together in by_round.items():
        together.sort(key=lambda it: it.labeler)
        same = count = 0
        for first, second in combinations(together, 2):
            if first.labeler == second.labeler:
                continue
            compared = _is_same(first, second)
            if compared is None:
                continue
            pair = pairs[first.labeler, second.labeler]
            count += 1
            if not compared:
                pair.other.append(round)
                continue
            same += 1
            pair.same.append(round)
            if first.at is not None and second.at is not None:
                pair.later += second.at > first.at
                pair.earlier += second.at < first.at
        alike[round] = same, count
        kinds[round] = max((len(it.shown) for it in together), default=0)
    texts, usual_texts = _near_texts(by_round)
    usual = _usual(alike, kinds)
    leaning = _leanings(pairs, alike, usual)
    partners: dict[str, int] = defaultdict(int)
    for one, other in pairs:
        partners[one] += 1
        partners[other] += 1
    found: dict[str, Copying] = {}
    for names, pair in pairs.items():
        said = texts.get(names, _Texts())
        if len(pair.same) + said.near < _FEW:
            continue
        chances = {
            round: _chance(round, round in pair.same, alike, usual, leaning[names[0]] * leaning[names[1]])
            for round in (*pair.same, *pair.other)
        }
        chance = np.array([chances[round] for round in pair.same])[:, None]
        missed = np.array([chances[round] for round in pair.other])
        terms = np.log(_SHARES + (1 - _SHARES) * chance).sum(0) + len(pair.other) * np.log1p(-_SHARES)
        terms = terms + np.log1p(-missed).sum() - _log_by_chance(chance[:, 0], missed)
        wrote = said.near * np.log((_SHARES + (1 - _SHARES) * usual_texts) / usual_texts)
        wrote = wrote + (said.all - said.near) * np.log1p(-_SHARES)
        for labeler, other, later, earlier in (
            (names[1], names[0], pair.later, pair.earlier),
            (names[0], names[1], pair.earlier, pair.later),
        ):
            direction = later * math.log(2 * _LATER) + earlier * math.log(2 * (1 - _LATER))
            reverse = earlier * math.log(2 * _LATER) + later * math.log(2 * (1 - _LATER))
            rest = _mean_log(wrote), direction, reverse
            probability = _probability(terms, rest, partners[labeler])
            known = found.get(labeler)
            if known is None or probability > known.probability:
                found[labeler] = Copying(
                    other=other,
                    shared=len(chances),
                    same=len(pair.same),
                    expected=sum(chances.values()),
                    later=later,
                    timed=later + earlier,
                    texts=said.all,
                    near_texts=said.near,
                    partners=partners[labeler],
                    probability=probability,
                    terms=terms,
                    rest=rest,
                )
    return found


def _log_by_chance(same: Floats, other: Floats) -> float:
    """Log likelihood of a pair's rounds without copying: two people may see things more alike than others do."""
    each = []
    for times, share in _CLOSE:
        likelier, likelier_too = np.minimum(times * same, _CHANCE[1]), np.minimum(times * other, _CHANCE[1])
        each.append(math.log(share) + float(np.log(likelier).sum() + np.log1p(-likelier_too).sum()))
    return float(np.logaddexp.reduce(each))


def _probability(terms: Floats, rest: tuple[float, float, float], partners: int) -> float:
    """That this one copies the other, that both are one, or that they copy each other; the other way round is left to
    the other."""
    texts, direction, reverse = rest
    same = _mean_log(terms) + texts + math.log(PRIOR_COPYING / max(partners, 1))
    blamed = np.logaddexp(same + direction, same)
    return float(np.exp(blamed - np.logaddexp.reduce([0.0, blamed, same + reverse])))


def _is_same(one: Work, other: Work) -> bool | None:
    """Whether both rank what they have in common alike; None where that is less than two."""
    common = {*one.shown} & {*other.shown}
    if len(common) < 2:
        return None
    return _order(one, common) == _order(other, common)


def _order(work: Work, of: set[str]) -> list[frozenset[str]]:
    return [kept for group in work.groups if (kept := frozenset(of.intersection(group)))]


def _usual(alike: Mapping[str, tuple[int, int]], kinds: Mapping[str, int]) -> dict[str, float]:
    """Round -> share of pairs that are the same, in all rounds of as many candidates."""
    sums: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for round, (same, count) in alike.items():
        sums[kinds[round]][0] += same
        sums[kinds[round]][1] += count
    share = {size: (same + 1) / (count + 4) for size, (same, count) in sums.items()}
    return {round: share[kinds[round]] for round in alike}


def _leanings(
    pairs: Mapping[tuple[str, str], _Pair], alike: Mapping[str, tuple[int, int]], usual: Mapping[str, float]
) -> dict[str, float]:
    """Labeler -> how much likelier than usual to agree with anybody; who looks closely agrees more."""
    same: dict[str, float] = defaultdict(float)
    expected: dict[str, float] = defaultdict(float)
    for names, pair in pairs.items():
        chance = sum(_chance(round, True, alike, usual, 1.0) for round in pair.same)
        chance += sum(_chance(round, False, alike, usual, 1.0) for round in pair.other)
        capped = min(len(pair.same), 2 * chance + 2)  # one partner who is copied does not make a labeler agreeable
        for name in names:
            same[name] += capped
            expected[name] += chance
    return {name: (same[name] + _WORTH) / (expected[name] + _WORTH) for name in expected}


def _chance(
    round: str, is_same: bool, alike: Mapping[str, tuple[int, int]], usual: Mapping[str, float], leaning: float
) -> float:
    """That a pair in this round ranks it alike, by the round's other pairs and what is usual."""
    same, count = alike[round]
    share = (same - is_same + _WORTH * usual[round]) / (count - 1 + _WORTH)
    return min(max(share * leaning, _CHANCE[0]), _CHANCE[1])


# --- Words ----------------------------------------------------------------------------------------------------------


def _near_texts(by_round: Mapping[str, Sequence[Work]]) -> tuple[dict[tuple[str, str], _Texts], float]:
    """By pair of labelers; and the share of pairs of texts that are nearly the same, in all."""
    plain = {
        text: _plain(text)
        for together in by_round.values()
        for each in together
        for _, text in each.texts
        if len(text) >= _LEAST_TEXT
    }
    speakers: dict[str, set[str]] = defaultdict(set)
    for together in by_round.values():
        for each in together:
            for _, text in each.texts:
                if text in plain:
                    speakers[plain[text]].add(each.labeler)
    found: dict[tuple[str, str], _Texts] = defaultdict(_Texts)
    near = count = 0
    for together in by_round.values():
        of_page: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for each in together:
            for candidate, text in each.texts:
                words = plain.get(text, "")
                told = of_page[candidate]
                if len(told) == _MOST_ABOUT or sum(who == each.labeler for who, _ in told) == _MOST_SAID:
                    continue
                if len(words) >= _LEAST_TEXT and len(speakers[words]) < _GENERIC:
                    told.append((each.labeler, words))
        for said in of_page.values():
            pieces = {words: _pieces(words) for _, words in said}
            for (one, words), (other, words_too) in combinations(said, 2):
                if one == other:
                    continue
                pair = found[min(one, other), max(one, other)]
                is_near = _is_near(pieces[words], pieces[words_too])
                pair.all += 1
                pair.near += is_near
                count += 1
                near += is_near
    most = max((pair.near for pair in found.values()), default=0)
    return found, (near - most + 1) / (count - most + 50)  # without the pair that has most of them


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text[:_MOST_TEXT].casefold()).strip()


def _pieces(text: str) -> frozenset[str]:
    return frozenset(text[at : at + 5] for at in range(len(text) - 4))


def _is_near(one: frozenset[str], other: frozenset[str]) -> bool:
    if not 0.5 < len(one) / len(other) < 2:
        return False
    common = len(one & other)
    return common >= _NEAR * (len(one) + len(other) - common)


def _mean_log(values: Floats) -> float:
    return float(np.logaddexp.reduce(values)) - math.log(len(values))
