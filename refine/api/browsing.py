"""Everything there is to see of one chain."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from refine.api.story import Story, load_damaged_story
from refine.types import ChainRecord, Files, PageView
from store import dashboards
from store.candidates import load_candidates, load_files
from store.chains import load_chain
from store.crops import find_crops
from store.dashboards import ControlLine
from store.database import Connection, Database
from store.owners import last_seen
from store.pictures import PictureFacts, load_pictures

__all__ = ["Inspection", "inspect_chain", "load_candidate_files"]


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
