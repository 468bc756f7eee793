"""Every ranking of the store, as the ranking engine takes them."""

from sqlalchemy import select

from store.database import Connection
from store.tables import ASSIGNMENT, CHAIN, LABELER, RANKING, ROUND

RankedRow = tuple[str, str, list[list[str]], list[str]]
"""Labeler, chain, tie groups of candidates best first, candidates in the order shown."""


def load_ranked(connection: Connection, project_key: int | None = None) -> list[RankedRow]:
    """Of one project or of all, oldest first, audit rounds included; candidates by their row number as text."""
    query = (
        select(LABELER.c.name, CHAIN.c.ulid, RANKING.c.groups, ASSIGNMENT.c.shown)
        .join(ASSIGNMENT, ASSIGNMENT.c.id == RANKING.c.assignment_id)
        .join(LABELER, LABELER.c.id == RANKING.c.labeler_id)
        .join(ROUND, ROUND.c.id == RANKING.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .order_by(RANKING.c.id)
    )
    if project_key is not None:
        query = query.where(CHAIN.c.project_id == project_key)
    return [
        (name, ulid, [[str(key) for key in group] for group in groups], [str(key) for key in shown])
        for name, ulid, groups, shown in connection.execute(query)
    ]


def load_kinds(connection: Connection) -> dict[str, str]:
    """Labeler -> person, assisted, program, simulated or judge."""
    return {name: kind for name, kind in connection.execute(select(LABELER.c.name, LABELER.c.kind))}
