"""Steering chains from outside a run: pause, resume, stop, priority, pin, fork. A loop sees it at its next step."""

from typing import Any

from refine.api.opening import make_settings
from refine.errors import InputError
from refine.types import ChainRecord
from store import chains
from store.database import Connection, Database
from store.forks import fork_chain as fork_stored
from store.owners import find_dead_owners

MOST_PRIORITY = 1_000_000


def pause_chain(database: Database, /, chain: str) -> ChainRecord:
    """No new step and no new assignment until it is resumed. Raises InputError for one that has ended, as all here."""
    return _steer(database, chain, chains.pause_chain)


def resume_chain(database: Database, /, chain: str) -> ChainRecord:
    return _steer(database, chain, chains.resume_chain)


def stop_chain(database: Database, /, chain: str) -> ChainRecord:
    """At once where nobody runs it; else it has `stop_requested` and stops at its next step."""
    return _steer(database, chain, _stop)


def prioritise_chain(database: Database, /, chain: str, priority: int) -> ChainRecord:
    """Higher is run, and shown to labelers, first. Raises InputError beyond ±1,000,000."""
    if abs(priority) > MOST_PRIORITY:
        raise InputError(f"PRIORITY: expected a number from -{MOST_PRIORITY} to {MOST_PRIORITY} (got {priority})")
    return _steer(database, chain, chains.set_priority, priority)


def pin_candidate(database: Database, /, chain: str, candidate: str) -> ChainRecord:
    """It becomes the incumbent at the next verdict. Raises InputError for one that is not the chain's, or failed."""
    return _steer(database, chain, chains.pin_candidate, candidate)


def fork_chain(database: Database, /, chain: str, *, round: int | None = None, **changes: Any) -> ChainRecord:
    """A new chain that is this one up to the verdict of `round` (None: the newest), then under changed settings.

    Raises InputError for a round without a verdict and a setting that cannot be.
    """
    stored = database.read(chains.load_chain, chain)
    settings = make_settings(stored.settings, changes)
    after = round or max(stored.record.rounds_judged, 1)
    ulid = database.write_now(fork_stored, stored.record.id, round=after, settings=settings)
    return database.read(chains.load_chain, ulid).record


def _stop(connection: Connection, chain: chains.StoredChain) -> None:
    chains.stop_chain(connection, chain, dead=find_dead_owners(connection))


def _steer(database: Database, /, chain: str, action: Any, *arguments: Any) -> ChainRecord:
    stored = database.read(chains.load_chain, chain)
    database.write_now(action, stored, *arguments)
    return database.read(chains.load_chain, stored.record.id).record
