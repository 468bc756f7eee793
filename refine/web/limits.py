"""Rate limits: token buckets in memory, one for each who asks."""

import time
from collections.abc import Callable

_MOST = 20_000
"""Buckets kept; full ones are forgotten first, which changes nothing."""


class Buckets:
    """Each key may ask `burst` times at once and `per_s` times a second in the long run."""

    def __init__(self, *, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> float:
        """0.0 when it may; else the seconds after which it may again."""
        now = self._clock()
        level, at = self._levels.get(key, (float(self._burst), now))
        level = min(float(self._burst), level + (now - at) * self._per_s)
        if level < 1:
            self._levels[key] = (level, now)
            return (1 - level) / self._per_s
        if key not in self._levels and len(self._levels) >= _MOST:
            self._forget(now)
        self._levels[key] = (level - 1, now)
        return 0.0

    def _forget(self, now: float) -> None:
        self._levels = {
            key: (level, at)
            for key, (level, at) in self._levels.items()
            if level + (now - at) * self._per_s < self._burst
        }
        while len(self._levels) >= _MOST:
            del self._levels[next(iter(self._levels))]
