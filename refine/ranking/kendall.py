"""How far two rankings agree."""

import math
from collections.abc import Sequence
from itertools import combinations


def kendall_tau_b(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Kendall's tau-b (Biometrika 1945) of two columns of ranks: 1 the same order, -1 the reverse.

    Pairs tied in one column only count against agreement, by its square root. None when either column is all ties
    or shorter than two, where it is not defined. Time grows with the square of the length.
    """
    if len(a) != len(b):
        raise ValueError(f"columns of {len(a)} and {len(b)} ranks cannot be compared")
    balance = untied_a = untied_b = 0
    for (a1, b1), (a2, b2) in combinations(zip(a, b, strict=True), 2):
        by_a, by_b = (a1 > a2) - (a1 < a2), (b1 > b2) - (b1 < b2)
        balance += by_a * by_b
        untied_a += by_a != 0
        untied_b += by_b != 0
    return balance / math.sqrt(untied_a * untied_b) if untied_a and untied_b else None


def agreement(a: Sequence[Sequence[str]], b: Sequence[Sequence[str]]) -> float | None:
    """Kendall's tau-b of two rankings given as tie groups, best first, over the items that both of them rank."""
    rank_a = {item: rank for rank, group in enumerate(a) for item in group}
    rank_b = {item: rank for rank, group in enumerate(b) for item in group}
    common = [item for item in rank_a if item in rank_b]
    return kendall_tau_b([rank_a[item] for item in common], [rank_b[item] for item in common])
