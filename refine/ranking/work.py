"""One ranking with all that is known of how it was made: what labelers' habits are told from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    labeler: str
    group: str
    """The chain."""
    round: str
    """Rankings of one round are of the same candidates."""
    groups: tuple[tuple[str, ...], ...]
    """Tie groups, best first, without the control."""
    shown: tuple[str, ...]
    """Those that were ranked, in the order shown, which is drawn for each labeler."""
    control: int | None = None
    """Where it had a control: 0 the original came first, 1 a tie, 2 the control did."""
    active_s: float | None = None
    at: float | None = None
    """When it was handed in, in seconds of any clock."""
    texts: tuple[tuple[str, str], ...] = ()
    """(candidate, words) of its critiques."""

    @property
    def places(self) -> tuple[int, ...] | None:
        """Where what is ranked first, second, … stood on the screen; None with a tie or fewer than two."""
        if len(self.groups) < 2 or any(len(group) != 1 for group in self.groups):
            return None
        where = {item: place for place, item in enumerate(self.shown)}
        return tuple(where[group[0]] for group in self.groups)

    @property
    def rows(self) -> tuple[str, str, tuple[tuple[str, ...], ...], tuple[str, ...]]:
        """As `Comparisons.from_rankings` takes it."""
        return self.labeler, self.group, self.groups, self.shown
