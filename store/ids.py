"""Public ids and the clock of the store."""

import os
import threading
import time
from datetime import UTC, datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


class _Ulids:
    """ULIDs of this process: those of one millisecond count up, so that they sort in the order made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._time_ms = -1
        self._random = 0

    def make(self) -> str:
        time_ms = time.time_ns() // 1_000_000
        with self._lock:
            if time_ms == self._time_ms:
                self._random += 1
            else:
                self._time_ms = time_ms
                self._random = int.from_bytes(os.urandom(10), "big") >> 1  # half the range is left to count up in
            value = time_ms << 80 | self._random
        return "".join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)])


make_ulid = _Ulids().make


def make_ulid_beside(ulid: str) -> str:
    """One of the same millisecond as another: by their ids nobody can tell which of the two came first."""
    value = int.from_bytes(os.urandom(10), "big")
    return ulid[:10] + "".join([_PAIRS[value >> shift & 1023] for shift in range(70, -1, -10)])


def write_time(at: datetime) -> str:
    """As times are stored: UTC, of fixed width, ending in Z."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:-6] + "Z"


def now() -> datetime:
    return datetime.now(UTC)
