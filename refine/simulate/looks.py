"""What a page is worth in the simulation: the hidden truth that simulated labelers see through their noise."""

import hashlib
import math
import random
from collections import OrderedDict
from dataclasses import dataclass

from refine.perturb import Flaw, Wish, find_flaws, find_wishes, is_known_page, without_wishes
from refine.types import Files

_KNEE = 0.8
"""Up to this sum of severities quality falls in a line; behind it ever more slowly, so that it stays above 0."""
_FOREIGN_BEST, _FOREIGN_SPREAD = 0.9, 0.4
_CACHED_LOOKS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What there is to see on a page."""

    quality: float
    """0 to 1, 1 is best."""
    faults: tuple[Flaw | Wish, ...]
    """Worst first."""


class Looks:
    """Looks by content hash, the newest few thousand kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Look] = OrderedDict()

    def get(self, content_sha256: str, files: Files) -> Look:
        look = self._kept.get(content_sha256)
        if look is None:
            look = self._kept[content_sha256] = take_look(files)
            if len(self._kept) > _CACHED_LOOKS:
                self._kept.popitem(last=False)
        return look


def take_look(files: Files) -> Look:
    """On a page that the flaw catalogue is made for, quality falls with every flaw. On any other it is a made-up
    number from the page's content, and rises with every wish granted."""
    pages = tuple(file.content for file in files)
    faults: tuple[Flaw | Wish, ...]
    if is_known_page(pages):
        faults, best = find_flaws(pages), 1.0
    else:
        faults, best = find_wishes(pages), _FOREIGN_BEST - _FOREIGN_SPREAD * _made_up(files)
    worth = best * _worth(sum(fault.severity for fault in faults))
    return Look(quality=worth, faults=tuple(sorted(faults, key=lambda fault: (-fault.severity, fault.name))))


def quality(files: Files) -> float:
    """The hidden truth of a page: 0 to 1, 1 is best."""
    return take_look(files).quality


def _worth(severity: float) -> float:
    if severity <= _KNEE:
        return 1 - severity
    return (1 - _KNEE) * math.exp(-(severity - _KNEE) / (1 - _KNEE))


def _made_up(files: Files) -> float:
    digest = hashlib.sha256()
    for file in files:
        # White space at the ends is not carried by a reply's fences, and nobody sees it.
        for text in (file.filename, without_wishes(file.content).strip()):
            digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return random.Random(digest.digest()).random()
