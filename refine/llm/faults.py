"""Faults for the local server to show: which call gets which, decided by a seed and the request alone."""

import hashlib
import random
from collections import Counter
from typing import Literal, get_args

Fault = Literal["429", "500", "timeout", "truncate", "malformed", "empty", "refuse"]


def parse_faults(text: str) -> dict[Fault, float]:
    """`429:0.05,timeout:0.01` as shares. Raises ValueError for unknown names and shares that are none."""
    shares: dict[Fault, float] = {}
    for item in filter(None, text.split(",")):
        name, _, share = item.partition(":")
        known = next((fault for fault in get_args(Fault) if fault == name.strip()), None)
        if known is None:
            raise ValueError(f"unknown fault {name!r}; expected one of {', '.join(get_args(Fault))}")
        shares[known] = float(share)
        if not 0 <= shares[known] <= 1:
            raise ValueError(f"the share of {name} must be between 0 and 1")
    if sum(shares.values()) > 1:
        raise ValueError("the shares of faults add up to more than 1")
    return shares


class Faults:
    """The same request meets the same faults in the same order, whatever else is in flight."""

    def __init__(self, shares: dict[Fault, float], seed: int) -> None:
        self._shares = shares
        self._seed = seed
        self._seen: Counter[bytes] = Counter()

    def select(self, body: bytes) -> tuple[Fault | None, random.Random]:
        """The fault of this call, if any, and the dice for its details."""
        if not self._shares:
            return None, random.Random(self._seed)
        digest = hashlib.sha256(body).digest()
        self._seen[digest] += 1
        dice = random.Random(f"{self._seed}:{digest.hex()}:{self._seen[digest]}")
        drawn = dice.random()
        for fault, share in self._shares.items():
            drawn -= share
            if drawn < 0:
                return fault, dice
        return None, dice
