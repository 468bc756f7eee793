"""The story of a chain: its record, with readable names for candidates and labelers."""

from dataclasses import dataclass

from refine.api.reading import read_chain, read_damaged_chain
from refine.export import ExportCandidate, ExportChain
from store.calls import Spending, sum_spending
from store.chains import load_chain
from store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    chain: ExportChain
    spending: Spending
    names: dict[str, str]
    """Candidate id -> "draft 2", "page 3 (its given id)", "revision 1 of round 2"."""
    labelers: dict[str, str]
    """Labeler id -> a pseudonym within this chain, "L1", "L2", …"""

    @property
    def winners(self) -> tuple[str, ...]:
        """Per judged round, the readable name of who won it."""
        return tuple(
            self.names[round.verdict.winner] for round in self.chain.rounds if round.kind == "normal" and round.verdict
        )


def load_story(database: Database, chain_id: str) -> Story:
    """Raises InputError for an unknown id, StoreError for a damaged chain."""
    return _tell(database, read_chain(database, chain_id))


def load_damaged_story(database: Database, chain_id: str) -> tuple[Story, tuple[str, ...]]:
    """What can be read of it, and a line for each part that cannot. Raises InputError for an unknown id."""
    chain, damage = read_damaged_chain(database, chain_id)
    return _tell(database, chain), damage


def _tell(database: Database, chain: ExportChain) -> Story:
    key = database.read(load_chain, chain.id).key
    labelers: dict[str, str] = {}
    for round in chain.rounds:
        for ranking in round.rankings:
            labelers.setdefault(ranking.labeler, f"L{len(labelers) + 1}")
    return Story(
        chain=chain,
        spending=database.read(sum_spending, chain_key=key),
        names=name_candidates(chain.candidates),
        labelers=labelers,
    )


def name_candidates(candidates: tuple[ExportCandidate, ...]) -> dict[str, str]:
    names: dict[str, str] = {}
    counts: dict[tuple[str, int], int] = {}
    for candidate in candidates:
        place = (candidate.kind, candidate.made_in_round)
        counts[place] = number = counts.get(place, 0) + 1
        later = f" of round {candidate.made_in_round}" if candidate.made_in_round > 1 else ""
        if candidate.kind == "given":
            names[candidate.id] = f"page {number}" + (f" ({candidate.given_id})" if candidate.given_id else "")
        else:
            names[candidate.id] = f"{candidate.kind} {number}{later}"
    return names
