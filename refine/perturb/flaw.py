"""One flaw: how it is put into a page, how it is taken out, how it is found, and what people say about it."""

import random
from dataclasses import dataclass
from typing import Literal

from refine.types import IssueKind

Channel = Literal["behaviour", "content", "look", "accessibility", "latency"]


@dataclass(frozen=True, slots=True)
class Pair:
    """The same place of a page, sound and flawed."""

    good: str
    bad: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """A planted flaw. A page has it or not: there is never a second instance of one flaw in a page.

    Flaws touch different places, so applying and undoing several of them commutes. No method raises on any text.
    """

    name: str
    channel: Channel
    severity: float
    """0 to 1: how much of a page's worth it takes, before anyone has measured it."""
    notice: str
    """What a person would notice."""
    claim: str
    """The canonical sentence that an edit plan says about it."""
    phrases: tuple[str, ...]
    """What people say; the scripted model understands these."""
    held_out_phrases: tuple[str, ...]
    """The same in other words; the scripted model does not understand these."""
    pairs: tuple[Pair, ...]
    """The places it can be put; which of them exist depends on the page."""

    @property
    def kind(self) -> IssueKind:
        return "performance" if self.channel == "latency" else self.channel

    def apply(self, page: str, rng: random.Random) -> str | None:
        """The page with the flaw; None where there is no place for it, or where `undo` could not take it out again."""
        if self.detect(page):
            return None
        places = [pair for pair in self.pairs if page.count(pair.good) == 1]
        if not places:
            return None
        pair = rng.choice(places)
        flawed = page.replace(pair.good, pair.bad)
        return flawed if self.undo(flawed) == page else None

    def undo(self, page: str) -> str | None:
        """The page without the flaw, byte for byte as before it was applied; None where the flaw is not found."""
        pair = self._find(page)
        return None if pair is None else page.replace(pair.bad, pair.good)

    def detect(self, page: str) -> bool:
        """Whether the page has the flaw, told from its text alone."""
        return self._find(page) is not None

    def fits(self, page: str) -> bool:
        """Whether the page has the flaw or a place for it."""
        return any(page.count(pair.good) == 1 for pair in self.pairs) or self.detect(page)

    def _find(self, page: str) -> Pair | None:
        found: Pair | None = None
        for pair in self.pairs:
            if pair.bad in page:
                if found is not None or page.count(pair.bad) > 1 or pair.good in page:
                    return None
                found = pair
        return found
