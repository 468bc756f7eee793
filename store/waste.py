"""What is known of labelers, and rounds with their rankings as they came in: to find work that changed nothing. Only
reads.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from refine.types import RankingRecord
from store.rankings import load_rankings
from store.rounds import load_shown
from store.statements import dump_json, without_snapshot
from store.tables import ASSIGNMENT, CHAIN, LABELER, PROJECT, RANKING, RELIABILITY_SNAPSHOT, ROUND, VERDICT
from store.verdicts import load_verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    models_usd: float
    people_usd: float
    people_s: float
    calls: int
    assignments: int

    @property
    def usd(self) -> float:
        return self.models_usd + self.people_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRound:
    """A judged round with its rankings in the order they came in."""

    chain: str
    shown: tuple[str, ...]
    incumbent: str | None
    gate: float
    seed: int
    p_best: float
    """The highest in its verdict."""
    before: tuple[RankingRecord, ...]
    """Of the rounds before it."""
    came_in: tuple[tuple[RankingRecord, int], ...]
    """With the key of its assignment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CritiqueUse:
    critiques: int
    applied: int
    """Named by an issue that at least one revision applied."""
    praise: int
    """Not among them, and named by what a plan preserves."""
    planned: int
    """Rounds that have an edit plan; only their critiques are counted."""

    @property
    def never_applied(self) -> int:
        return self.critiques - self.applied - self.praise


def load_beliefs(connection: Connection, project_key: int) -> dict[int, tuple[float, float]]:
    """labeler.id -> (P(careless), P(adversarial)), by the newest snapshot of the project and that of all people; empty
    where none was made."""
    found: dict[str, Any] = {}
    for scope in (RELIABILITY_SNAPSHOT.c.project_id.is_(None), RELIABILITY_SNAPSHOT.c.project_id == project_key):
        newest = connection.execute(
            select(RELIABILITY_SNAPSHOT.c.labelers).where(scope).order_by(RELIABILITY_SNAPSHOT.c.id.desc()).limit(1)
        ).scalar()
        found |= newest or {}
    keys = {ulid: key for ulid, key in connection.execute(select(LABELER.c.ulid, LABELER.c.id))}
    return {keys[ulid]: (float(values[2]), float(values[3])) for ulid, values in found.items() if ulid in keys}


@without_snapshot
def newest_snapshot(connection: Connection) -> int:
    """Key of the newest reliabilities; 0 where there are none."""
    return int(connection.execute(select(func.coalesce(func.max(RELIABILITY_SNAPSHOT.c.id), 0))).scalar_one())


@without_snapshot
def list_project_keys(connection: Connection) -> list[int]:
    return list(connection.execute(select(PROJECT.c.id)).scalars())


def list_chains_of_labelers(connection: Connection, labelers: Collection[int]) -> set[int]:
    """Keys of the chains that these have worked in."""
    return _chains_where(connection, ASSIGNMENT.c.labeler_id, labelers)


def list_chains_of_assignments(connection: Connection, assignments: Collection[int]) -> set[int]:
    return _chains_where(connection, ASSIGNMENT.c.id, assignments)


def _chains_where(connection: Connection, column: Any, keys: Collection[int]) -> set[int]:
    named = select(func.json_each(bindparam("keys")).table_valued("value").c.value)
    query = (
        select(ROUND.c.chain_id)
        .join(ASSIGNMENT, ASSIGNMENT.c.round_id == ROUND.c.id)
        .where(column.in_(named))
        .distinct()
    )
    return set(connection.execute(query, {"keys": dump_json(list(keys))}).scalars())


def load_judged_round(connection: Connection, round_key: int, *, above: float) -> JudgedRound | None:
    """None where no P(best) of its verdict is above this."""
    verdict = load_verdict(connection, round_key)
    p_best = max((it.p_best for it in verdict.ratings), default=0.0) if verdict is not None else 0.0
    if verdict is None or p_best <= above:
        return None
    row = connection.execute(
        select(ROUND.c.number, ROUND.c.chain_id, CHAIN.c.ulid)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .where(ROUND.c.id == round_key)
    ).one()
    judged_at = select(VERDICT.c.created_at).where(VERDICT.c.round_id == round_key).scalar_subquery()
    order = connection.execute(
        select(RANKING.c.ulid, RANKING.c.assignment_id)
        .where(RANKING.c.round_id == round_key, RANKING.c.created_at <= judged_at)
        .order_by(RANKING.c.id)
    ).all()
    rankings = load_rankings(connection, row.chain_id, upto=row.number)
    known = {it.id: it for it in rankings}
    return JudgedRound(
        chain=row.ulid,
        shown=tuple(candidate.id for candidate, _, _ in load_shown(connection, round_key)),
        incumbent=verdict.incumbent,
        gate=verdict.threshold,
        seed=verdict.seed,
        p_best=p_best,
        before=tuple(it for it in rankings if it.round < row.number),
        came_in=tuple((known[ulid], key) for ulid, key in order if ulid in known),
    )
