"""Numbers by project and key, made of a part of each chain that can be replaced."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
K = TypeVar("K", bound=Hashable)


class Grouped(Generic[K]):
    """Numbers by project and key, of which each chain has a part that can be replaced."""

    def __init__(self) -> None:
        self._sums: dict[int, dict[K, Floats]] = defaultdict(dict)
        self._parts: dict[int, tuple[int, tuple[K, ...], Floats]] = {}

    def put(self, chain: int, project: int, part: Mapping[K, list[float]]) -> None:
        """Raises ValueError or TypeError, and changes nothing, for what is no number."""
        new = np.array(list(part.values()), dtype=np.float64)
        known = self._parts.pop(chain, None)
        if known is not None:
            sums = self._sums[known[0]]
            for key, numbers in zip(known[1], known[2], strict=True):
                sums[key] = sums[key] - numbers
        if not part:
            return
        self._parts[chain] = project, tuple(part), new
        sums = self._sums[project]
        for key, numbers in zip(part, new, strict=True):
            sums[key] = sums[key] + numbers if key in sums else numbers

    def of(self, project: int | None) -> dict[K, Floats]:
        """The sums of a project, or of all; not to be changed."""
        if project is not None:
            return self._sums.get(project, {})
        found: dict[K, Floats] = {}
        for sums in list(self._sums.values()):
            for key, numbers in sums.items():
                found[key] = found[key] + numbers if key in found else numbers
        return found


def merge(parts: Iterable[Mapping[K, Floats]], name: Callable[[K], K]) -> dict[K, Floats]:
    """The same numbers under coarser keys."""
    found: dict[K, Floats] = {}
    for part in parts:
        for key, numbers in part.items():
            coarse = name(key)
            found[coarse] = found[coarse] + numbers if coarse in found else numbers
    return found
