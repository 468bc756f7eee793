"""The same action on many chains: what was done, and why the others were left as they were."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from refine.api.exporting import export_chains
from refine.api.steering import prioritise_chain, stop_chain
from refine.errors import InputError
from refine.export import Written
from refine.types import ChainRecord
from store.database import Database

MOST = 1000
"""Chains that one action may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResult:
    done: int
    refused: tuple[tuple[str, int], ...]
    """(why, chains), the most frequent first; ids are left out of the reasons."""

    @property
    def left(self) -> int:
        return sum(number for _, number in self.refused)


def stop_chains(database: Database, chains: Sequence[str]) -> BulkResult:
    """Each at once where nobody runs it, else at its next step. Those that have ended stay as they are."""
    return _each(chains, lambda chain: stop_chain(database, chain))


def prioritise_chains(database: Database, chains: Sequence[str], priority: int) -> BulkResult:
    return _each(chains, lambda chain: prioritise_chain(database, chain, priority))


def write_trajectories(database: Database, chains: Sequence[str], folder: Path, *, include_demo: bool) -> Written:
    """Everything about these chains, one a line. Raises InputError for a folder that is not an export's."""
    _refuse_many(chains)
    return export_chains(database, "trajectory", folder, chains=chains, include_demo=include_demo)


def _each(chains: Iterable[str], action: Callable[[str], ChainRecord]) -> BulkResult:
    chains = list(chains)
    _refuse_many(chains)
    done, refused = 0, Counter[str]()
    for chain in chains:
        try:
            action(chain)
        except InputError as error:
            refused[str(error).replace(chain, "the chain")] += 1
        else:
            done += 1
    return BulkResult(done=done, refused=tuple(refused.most_common()))


def _refuse_many(chains: Sequence[str]) -> None:
    if len(chains) > MOST:
        raise InputError(f"{len(chains):,} chains were chosen; at most {MOST:,} are taken at a time, so filter further")
