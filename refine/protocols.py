"""What the storeys expect of each other where they may not import each other."""

from collections.abc import Mapping
from typing import Protocol

from refine.types import (
    Assignment,
    Files,
    Finding,
    MadeBy,
    MadeControl,
    ModelReply,
    ModelRequest,
    OpenRound,
    ProposedControl,
    RankingIn,
)


class ModelClient(Protocol):
    """Answers requests. One attempt or many is its own affair; the caller sees a reply or a ModelError."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Raise ModelError (see refine.errors) when no usable reply came."""
        ...

    def estimate_usd(self, request: ModelRequest) -> float | None:
        """An upper estimate of the cost, for the budget; None when the price is unknown."""
        ...

    async def aclose(self) -> None: ...


class PageChecker(Protocol):
    """Looks at pages as a labeler would meet them. The same page gets the same findings."""

    async def check(self, files: Files) -> tuple[Finding, ...]:
        """All checks, always in the same order; a page is broken when any did not pass. Never raises for a page."""
        ...


class ControlMaker(Protocol):
    """Makes copies of pages that test whether labelers look."""

    async def make_control(self, files: Files, *, seed: int, weights: Mapping[str, float]) -> MadeControl | None:
        """One that is proven, by an operator chosen after `weights`; None where nothing can be proven on the page."""
        ...

    async def prove_control(self, files: Files, proposed: ProposedControl, *, seed: int) -> MadeControl | str:
        """The same proof for a copy of `files` that somebody else made; why it was refused, in a word, otherwise."""
        ...


class FeedbackDesk(Protocol):
    """Where feedback is handed in; people and panels use the same one."""

    async def lease_assignment(self, *, round_id: str, labeler: str, made_by: MadeBy) -> Assignment | None:
        """A lease on the round for this labeler (made known if new), or None when the round wants no more or the
        labeler may not see it. The same labeler asking again gets the same assignment."""
        ...

    async def submit_ranking(
        self,
        *,
        assignment_id: str,
        ranking: RankingIn,
        made_by: MadeBy,
        key: str,
        active_s: float | None = None,
    ) -> bool:
        """True when stored, False when `key` was stored before. Raises FeedbackError for a ranking that does not fit.
        A lapsed lease, or a round that filled up meanwhile, never rejects it."""
        ...


class Panel(Protocol):
    """Where feedback comes from."""

    async def fill(self, round: OpenRound, desk: FeedbackDesk) -> None:
        """Hand in what this panel has for the round; nothing, when its feedback comes by itself (people)."""
        ...

    def has_news(self) -> bool:
        """Whether it has come by feedback since it last said so, for rounds that it could not fill."""
        ...
