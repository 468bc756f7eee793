"""Rows that updates may need again, found by their groups."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refine.ranking.cells import Ints
from refine.ranking.comparisons import Comparisons


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    data: Comparisons
    is_sorted: bool
    """By group. Otherwise all rows are looked through: 0.6 ms a million."""

    def rows(self, groups: Sequence[str]) -> Ints:
        """Of those groups, in the order of `data`."""
        codes = [bisect_left(self.data.groups, name) for name in groups]
        here = [
            code
            for code, name in zip(codes, groups, strict=True)
            if code < len(self.data.groups) and self.data.groups[code] == name
        ]
        if not here:
            return np.zeros(0, dtype=np.int64)
        if not self.is_sorted:
            if len(here) == 1:
                return np.flatnonzero(self.data.group == here[0])
            is_wanted = np.zeros(len(self.data.groups), dtype=bool)
            is_wanted[here] = True
            return np.flatnonzero(is_wanted[self.data.group])
        edges = np.searchsorted(self.data.group, [[code, code + 1] for code in sorted(here)])
        return np.concatenate([np.arange(first, end) for first, end in edges.tolist()])
