"""Everything there is to see of one chain."""

from collections.abc import Mapping
from dataclasses import dataclass

from refine.api.story import Story, load_story
from refine.types import ChainRecord
from store import dashboards
from store.chains import load_chain
from store.dashboards import ControlLine
from store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    story: Story
    record: ChainRecord
    controls: tuple[ControlLine, ...]
    failed_checks: Mapping[str, list[tuple[str, str]]]
    """Candidate -> (name, detail) of the checks it did not pass."""


def inspect_chain(database: Database, chain_id: str) -> Inspection:
    """Raises InputError for an unknown id, or the beginning of several."""
    story = load_story(database, chain_id)
    return database.read(_inspect, story)


def _inspect(connection: Connection, story: Story) -> Inspection:
    stored = load_chain(connection, story.chain.id)
    return Inspection(
        story=story,
        record=stored.record,
        controls=tuple(dashboards.load_controls(connection, stored.key)),
        failed_checks=dashboards.load_failed_checks(connection, stored.key),
    )
