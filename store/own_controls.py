"""How controls went for a labeler, as they may be told: how many there were and how many they saw, never which.

A number that moves when one assignment is handed in says that a control was in it. So the numbers stand still over
blocks of BLOCK assignments handed in: what is told is what was so when the last whole block was complete, also of
controls that were retired or disputed since.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from store.disputes import is_missed
from store.tables import ASSIGNMENT, CHAIN, CONTROL, LABELER, RANKING, ROUND
from store.work_tables import RANKING_HISTORY

BLOCK = 20
"""Assignments handed in from one number to the next."""
FEWEST = 5
"""Controls met before anything is told: of fewer, a share says nothing."""


@dataclass(frozen=True, slots=True)
class ControlsMet:
    met: int
    seen: int
    """Of those, the original came before its control."""


def load_controls_met(connection: Connection, labeler: str) -> ControlsMet | None:
    """Of the labeler with this public id, over all projects; None where there is too little to tell.

    Copies that a fork took over are not counted, nor rankings that leave either page out, nor controls that were
    retired by then: that nobody sees one, or that a dispute of it was upheld, is no fault of a labeler's.
    """
    done = _done(ASSIGNMENT.c.control_id, ASSIGNMENT.c.id, ASSIGNMENT.c.finished_at).where(LABELER.c.ulid == labeler)
    told = connection.execute(done).all()
    told = told[: len(told) // BLOCK * BLOCK]
    if not told:
        return None
    until = told[-1].finished_at
    with_control = {row.id for row in told if row.control_id is not None}
    met = seen = 0
    columns = CONTROL.c.original_id, CONTROL.c.candidate_id, CONTROL.c.retired_at
    controls = (
        _done(ASSIGNMENT.c.id, RANKING.c.groups, RANKING.c.created_at, RANKING.c.id.label("ranking"), *columns)
        .join(RANKING, RANKING.c.assignment_id == ASSIGNMENT.c.id)
        .join(CONTROL, CONTROL.c.id == ASSIGNMENT.c.control_id)
        .where(LABELER.c.ulid == labeler)
    )
    for row in connection.execute(controls).all():
        is_retired = row.retired_at is not None and row.retired_at <= until
        groups = row.groups if row.created_at <= until else _groups_at(connection, row.ranking, until)
        places = {key for group in groups for key in group}
        if row.id not in with_control or is_retired or not {row.original_id, row.candidate_id} <= places:
            continue
        met += 1
        seen += not is_missed(groups, row.original_id, row.candidate_id)
    return ControlsMet(met, seen) if met >= FEWEST else None


def _groups_at(connection: Connection, ranking: int, at: datetime) -> list[list[int]]:
    """As the ranking was then: what was handed in anew since must not move a number."""
    record = connection.execute(
        select(RANKING_HISTORY.c.record)
        .where(
            RANKING_HISTORY.c.ranking_id == ranking,
            RANKING_HISTORY.c.created_at <= at,
            RANKING_HISTORY.c.superseded_at > at,
        )
        .order_by(RANKING_HISTORY.c.id)
    ).scalar()
    return [] if record is None else record["groups"]


def _done(*columns: Any) -> Any:
    """Assignments handed in, oldest first."""
    return (
        select(*columns)
        .select_from(ASSIGNMENT)
        .join(LABELER, LABELER.c.id == ASSIGNMENT.c.labeler_id)
        .join(ROUND, ROUND.c.id == ASSIGNMENT.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .where(
            ASSIGNMENT.c.state == "finished",
            or_(CHAIN.c.fork_round.is_(None), ROUND.c.number > CHAIN.c.fork_round),
        )
        .order_by(ASSIGNMENT.c.finished_at, ASSIGNMENT.c.id)
    )
