"""The queue's rows: which open rounds want labelers now, how many more, and in what order they are given out.

They follow from rounds, chains and what is in labelers' hands; `restore_places` makes them anew from these. Who gets
which round is decided in `store.queue`.
"""

from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from refine.settings import ProjectSettings
from refine.types import RoundKind
from store.statements import Statement, driver_of, inserting, run_plain, updating
from store.tables import CANDIDATE, PROJECT, ROUND_CANDIDATE
from store.work_tables import QUEUE, REPORT

AUDIT, BEGUN, FRESH, NOTHING = 0, 1, 2, 3
"""Phases, in the order given out: chains that were begun are finished before others are begun."""
_NEVER = 253_402_300_799
"""The end of the year 9999: a deadline that none is."""

_INSERT = inserting(QUEUE, *(column.name for column in QUEUE.columns))
_PROJECT_PRIORITY = Statement(select(PROJECT.c.priority).where(PROJECT.c.id == bindparam("key")))
_SET_PLACES = updating(QUEUE, "phase", "places", where=QUEUE.c.round_id == bindparam("key"))
_DELETE = Statement(delete(QUEUE).where(QUEUE.c.round_id == bindparam("key")))
_SET_PRIORITY = updating(QUEUE, "priority_rank", where=QUEUE.c.round_id == bindparam("key"))
_REPORTED = Statement(
    select(REPORT.c.id)
    .join(CANDIDATE, CANDIDATE.c.content_sha256 == REPORT.c.content_sha256)
    .join(ROUND_CANDIDATE, ROUND_CANDIDATE.c.candidate_id == CANDIDATE.c.id)
    .where(ROUND_CANDIDATE.c.round_id == bindparam("key"), REPORT.c.resolution.is_distinct_from("dismissed"))
    .limit(1)
)
_FREED = """
UPDATE queue SET places = places + 1, phase = CASE
    WHEN phase < 3 THEN phase
    WHEN is_held OR places < 0 THEN 3
    WHEN EXISTS (SELECT 1 FROM chain WHERE chain.id = queue.chain_id
        AND (chain.paused_at IS NOT NULL OR chain.stop_requested_at IS NOT NULL)) THEN 3
    ELSE (SELECT CASE WHEN round.kind = 'audit' THEN 0 ELSE 1 END FROM round WHERE round.id = queue.round_id) END
WHERE round_id = ?
"""
_PHASES = """
UPDATE queue SET phase = CASE
    WHEN places <= 0 OR is_held THEN 3
    WHEN EXISTS (SELECT 1 FROM chain WHERE chain.id = queue.chain_id
        AND (chain.paused_at IS NOT NULL OR chain.stop_requested_at IS NOT NULL)) THEN 3
    WHEN EXISTS (SELECT 1 FROM round WHERE round.id = queue.round_id AND round.kind = 'audit') THEN 0
    WHEN EXISTS (SELECT 1 FROM round WHERE round.id = queue.round_id AND round.number > 1)
        OR EXISTS (SELECT 1 FROM assignment WHERE assignment.round_id = queue.round_id) THEN 1
    ELSE 2 END
WHERE chain_id = ?
"""
_RESTORE = """
INSERT OR REPLACE INTO queue
    (round_id, chain_id, project_id, phase, urgency_rank, due, rounds_left, priority_rank, places, is_held)
SELECT round.id, chain.id, chain.project_id, 3, -(project.priority * 4294967296 + chain.priority),
    coalesce(CAST(strftime('%s', json_extract(settings_version.settings, '$.deadline')) AS INTEGER), 253402300799),
    CASE WHEN round.kind = 'audit' OR chain.kind <> 'refine' THEN 0
        ELSE max(0, json_extract(settings_version.settings, '$.rounds') - round.number) END,
    -round.priority,
    round.wanted - round.received
        - (SELECT count(*) FROM held WHERE held.round_id = round.id AND held.place_until IS NOT NULL),
    EXISTS (SELECT 1 FROM round_candidate
        JOIN candidate ON candidate.id = round_candidate.candidate_id
        JOIN report ON report.content_sha256 = candidate.content_sha256
        WHERE round_candidate.round_id = round.id AND report.resolution IS NOT 'dismissed')
FROM round
JOIN chain ON chain.id = round.chain_id
JOIN project ON project.id = chain.project_id
JOIN settings_version ON settings_version.id = chain.settings_version_id
WHERE round.state = 'open' AND chain.id = ? AND json_extract(settings_version.settings, '$.panel') = 'people'
"""

_MOVED = """
SELECT DISTINCT chain.id FROM chain
JOIN round ON round.chain_id = chain.id AND round.state = 'open'
JOIN settings_version ON settings_version.id = chain.settings_version_id
WHERE chain.project_id = ? AND (json_extract(settings_version.settings, '$.panel') = 'people')
    <> EXISTS (SELECT 1 FROM queue WHERE queue.round_id = round.id)
"""


def add_places(
    connection: Connection,
    *,
    round_key: int,
    chain_key: int,
    project_key: int,
    settings: ProjectSettings,
    kind: RoundKind,
    number: int,
    wanted: int,
    chain_priority: int,
    priority: float,
) -> None:
    """Let people have the round that was just opened. Its candidates are there already."""
    is_held = _REPORTED.first(connection, key=round_key) is not None
    is_last = kind == "audit" or settings.kind != "refine"
    _INSERT.run(
        connection,
        round_id=round_key,
        chain_id=chain_key,
        project_id=project_key,
        phase=NOTHING if is_held else AUDIT if kind == "audit" else BEGUN if number > 1 else FRESH,
        urgency_rank=-((_PROJECT_PRIORITY.scalar(connection, key=project_key) << 32) + chain_priority),
        due=_NEVER if settings.deadline is None else int(settings.deadline.timestamp()),
        rounds_left=0 if is_last else max(0, settings.rounds - number),
        priority_rank=-priority,
        places=wanted,
        is_held=is_held,
    )


def set_round_priority(connection: Connection, round_key: int, priority: float) -> None:
    """How much a ranking of this round is worth now: of rounds alike otherwise, the higher is given out first."""
    run_plain(connection, "UPDATE round SET priority = ? WHERE id = ?", (priority, round_key))
    _SET_PRIORITY.run(connection, key=round_key, priority_rank=-priority)


def take_place(connection: Connection, round_key: int, *, phase: int, places: int) -> None:
    """One place less; `phase` and `places` are those before."""
    left = places - 1
    begun = BEGUN if phase == FRESH else phase
    _SET_PLACES.run(connection, key=round_key, phase=begun if left > 0 else NOTHING, places=left)


def free_place(connection: Connection, round_key: int) -> None:
    """One place more, for somebody else."""
    run_plain(connection, _FREED, (round_key,))


def drop_places(connection: Connection, round_key: int) -> None:
    """The round wants nobody any more."""
    _DELETE.run(connection, key=round_key)


def drop_places_of_chain(connection: Connection, chain_key: int, kind: RoundKind) -> None:
    run_plain(
        connection,
        "DELETE FROM queue WHERE chain_id = ? AND round_id IN (SELECT id FROM round WHERE chain_id = ? AND kind = ?)",
        (chain_key, chain_key, kind),
    )


def refresh_places(connection: Connection, chain_key: int) -> None:
    """After the chain was paused, resumed, stopped, or one of its rounds held back or let go."""
    run_plain(connection, _PHASES, (chain_key,))


def restore_places(connection: Connection, chain_key: int) -> None:
    """Make the chain's rows of the queue from what else is stored."""
    run_plain(connection, "DELETE FROM queue WHERE chain_id = ?", (chain_key,))
    run_plain(connection, _RESTORE, (chain_key,))
    refresh_places(connection, chain_key)


def follow_panels(connection: Connection, project_key: int) -> None:
    """After the project's chains were put under other settings: rounds that people are asked for now, or not any more,
    enter or leave the queue."""
    moved = driver_of(connection).execute(_MOVED, (project_key,)).fetchall()
    for (chain_key,) in moved:
        restore_places(connection, chain_key)


def set_urgency(connection: Connection, *, project_key: int | None = None, chain_key: int | None = None) -> None:
    """Take over the priority of project and chain, after either was changed."""
    column, key = ("project_id", project_key) if chain_key is None else ("chain_id", chain_key)
    run_plain(
        connection,
        "UPDATE queue SET urgency_rank = (SELECT -(project.priority * 4294967296 + chain.priority) FROM chain"  # noqa: S608
        f" JOIN project ON project.id = chain.project_id WHERE chain.id = queue.chain_id) WHERE {column} = ?",
        (key,),
    )


def hold_rounds(connection: Connection, content_sha256: str, *, is_held: bool) -> list[Any]:
    """Hold back, or let go, every open round that shows a page with these bytes; (round key, chain key) of each."""
    showing = (
        select(QUEUE.c.round_id, QUEUE.c.chain_id)
        .join(ROUND_CANDIDATE, ROUND_CANDIDATE.c.round_id == QUEUE.c.round_id)
        .join(CANDIDATE, CANDIDATE.c.id == ROUND_CANDIDATE.c.candidate_id)
        .where(CANDIDATE.c.content_sha256 == content_sha256)
        .distinct()
    )
    rows = [(row.round_id, row.chain_id) for row in connection.execute(showing)]
    for round_key, chain_key in rows:
        held = is_held or _REPORTED.first(connection, key=round_key) is not None
        run_plain(connection, "UPDATE queue SET is_held = ? WHERE round_id = ?", (held, round_key))
        refresh_places(connection, chain_key)
    return rows
