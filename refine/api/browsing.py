"""Finding a chain among many, and everything there is to see of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from refine.api.story import Story, load_damaged_story
from refine.errors import InputError
from refine.ranking.audit import in_chain_estimate
from refine.types import ChainRecord, Files, PageView
from store import dashboards
from store.candidates import load_candidates, load_files
from store.chains import load_chain
from store.crops import find_crops
from store.dashboards import ChainFilter, ControlLine, ListedChain, Sort
from store.database import Connection, Database
from store.owners import last_seen
from store.pictures import PictureFacts, load_pictures

__all__ = [
    "ChainFilter",
    "ChainPage",
    "FoundChain",
    "Inspection",
    "Sort",
    "find_chains",
    "inspect_chain",
    "load_candidate_files",
]

PAGE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundChain:
    chain: ListedChain
    p_final_better: float | None
    """P(its incumbent's rating is above its first candidate's), by its newest verdict: from the rankings that chose
    the incumbent, so optimistic. None without a verdict, or where it no longer knows both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPage:
    chains: tuple[FoundChain, ...]
    after: str | None
    """What to hand in for the following page; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    story: Story
    record: ChainRecord
    damage: tuple[str, ...]
    """A line for each part of the chain that cannot be read; it is left out of the story."""
    owner_seen_at: datetime | None
    """When the process that has the chain was last heard of; None where none has it."""
    controls: tuple[ControlLine, ...]
    failed_checks: Mapping[str, list[tuple[str, str]]]
    """Candidate -> (name, detail) of the checks it did not pass."""
    pictures: Mapping[str, Mapping[PageView, PictureFacts]]
    """Content hash -> view -> how it looks; those that have no picture are left out."""
    crops: frozenset[str]
    """Critiques with a picture of what stood under their pin."""


def find_chains(
    database: Database, wanted: ChainFilter, *, sort: Sort = "newest", after: str | None = None, limit: int = PAGE
) -> ChainPage:
    """A page of the chains that fit. Raises InputError for an `after` that no page gave."""
    return database.read(_find, wanted, sort, None if after is None else _parse_after(after), limit)


def inspect_chain(database: Database, chain_id: str) -> Inspection:
    """What can be read of a chain, also of one that is damaged or half written. Raises InputError for an unknown id, or
    the beginning of several."""
    story, damage = load_damaged_story(database, chain_id)
    return database.read(_inspect, story, damage)


def load_candidate_files(database: Database, chain: str, candidate: str) -> Files | None:
    """A candidate's files, controls' too; None where it has none or is not the chain's. Raises InputError for an
    unknown chain."""

    def load(connection: Connection) -> Files | None:
        stored = load_chain(connection, chain)
        found = [it.key for it in load_candidates(connection, stored.key, controls=True) if it.id == candidate]
        return load_files(connection, found[0]) if found else None

    return database.read(load)


def _find(
    connection: Connection, wanted: ChainFilter, sort: Sort, after: tuple[int, str] | None, limit: int
) -> ChainPage:
    found = dashboards.page_chains(connection, wanted, sort=sort, after=after, limit=limit + 1)
    shown = found[:limit]
    following = None
    if len(found) > limit:
        following = f"{shown[-1].cost_micros}:{shown[-1].id}"
    return ChainPage(
        chains=tuple(FoundChain(chain=each, p_final_better=_gain(connection, each)) for each in shown), after=following
    )


def _gain(connection: Connection, chain: ListedChain) -> float | None:
    if chain.improved_in is None:
        return None
    verdict = dashboards.load_last_verdict(connection, chain.key)
    return None if verdict is None else in_chain_estimate([verdict]).p_final_better


def _parse_after(text: str) -> tuple[int, str]:
    cost, _, ulid = text.partition(":")
    try:
        return int(cost), ulid
    except ValueError as error:
        raise InputError(f"{text[:60]!r} is no place in the list; begin at its first page") from error


def _inspect(connection: Connection, story: Story, damage: tuple[str, ...]) -> Inspection:
    stored = load_chain(connection, story.chain.id)
    return Inspection(
        story=story,
        record=stored.record,
        damage=damage,
        owner_seen_at=last_seen(connection, stored.key),
        controls=tuple(dashboards.load_controls(connection, stored.key)),
        failed_checks=dashboards.load_failed_checks(connection, stored.key),
        pictures=load_pictures(connection, {it.content_sha256 for it in story.chain.candidates if it.content_sha256}),
        crops=find_crops(connection, stored.key),
    )
