"""Rankings with how they were made, for judging labelers' habits; and one labeler's, a page at a time. Only reads."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select

from store.controls import not_upheld
from store.tables import ASSIGNMENT, CHAIN, CONTROL, CRITIQUE, LABELER, PROJECT, RANKING, ROUND, WORDS
from store.work_tables import DISPUTE, LABELER_DECISION

_CHUNK = 500
_IS_OWN = or_(CHAIN.c.fork_round.is_(None), ROUND.c.number > CHAIN.c.fork_round)
"""No copy that a fork took over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWork:
    labeler: str
    chain: str
    round: str
    groups: tuple[tuple[int, ...], ...]
    """Tie groups of candidate.id, best first, the control among them."""
    shown: tuple[int, ...]
    original: int | None
    """Of its control; None also where a dispute of the control was upheld, so that it tells nothing."""
    control: int | None
    active_s: float | None
    device: str | None
    at: datetime
    texts: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLabeler:
    id: str
    name: str
    kind: str
    weight: float | None
    is_disabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRanking:
    key: int
    chain: str
    project: str
    round: int
    at: datetime
    active_s: float | None
    device: str | None
    had_control: bool


def load_work(connection: Connection, project_key: int | None, *, limit: int) -> list[StoredWork]:
    """The newest `limit` rankings of a project or of all, the oldest first; copies that a fork took over are none."""
    query = (
        select(
            *(RANKING.c.id, LABELER.c.ulid.label("labeler"), CHAIN.c.ulid.label("chain"), ROUND.c.ulid.label("round")),
            *(RANKING.c.groups, ASSIGNMENT.c.shown, CONTROL.c.original_id, CONTROL.c.candidate_id),
            *(ASSIGNMENT.c.active_s, ASSIGNMENT.c.device, RANKING.c.created_at),
            not_upheld(CONTROL.c.id).label("is_gold"),
        )
        .join(ASSIGNMENT, ASSIGNMENT.c.id == RANKING.c.assignment_id)
        .join(LABELER, LABELER.c.id == RANKING.c.labeler_id)
        .join(ROUND, ROUND.c.id == RANKING.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .outerjoin(CONTROL, CONTROL.c.id == ASSIGNMENT.c.control_id)
        .where(_IS_OWN)
        .order_by(RANKING.c.id.desc())
        .limit(limit)
    )
    if project_key is not None:
        query = query.where(CHAIN.c.project_id == project_key)
    rows = connection.execute(query).all()
    texts = _load_texts(connection, [row.id for row in rows])
    return [
        StoredWork(
            labeler=row.labeler,
            chain=row.chain,
            round=row.round,
            groups=tuple(tuple(group) for group in row.groups),
            shown=tuple(row.shown),
            original=row.original_id if row.is_gold else None,
            control=row.candidate_id,
            active_s=row.active_s,
            device=row.device,
            at=row.created_at,
            texts=tuple(texts.get(row.id, ())),
        )
        for row in reversed(rows)
    ]


def _load_texts(connection: Connection, rankings: list[int]) -> dict[int, list[tuple[int, str]]]:
    found: dict[int, list[tuple[int, str]]] = {}
    for start in range(0, len(rankings), _CHUNK):
        query = (
            select(CRITIQUE.c.ranking_id, CRITIQUE.c.candidate_id, WORDS.c.text)
            .join(WORDS, WORDS.c.id == CRITIQUE.c.words_id)
            .where(CRITIQUE.c.ranking_id.in_(rankings[start : start + _CHUNK]), WORDS.c.text.is_not(None))
        )
        for ranking, candidate, text in connection.execute(query):
            found.setdefault(ranking, []).append((candidate, text))
    return found


def load_known(connection: Connection) -> dict[str, KnownLabeler]:
    """By public id."""
    query = select(LABELER.c.ulid, LABELER.c.name, LABELER.c.kind, LABELER.c.weight, LABELER.c.disabled_at)
    return {
        ulid: KnownLabeler(id=ulid, name=name, kind=kind, weight=weight, is_disabled=disabled_at is not None)
        for ulid, name, kind, weight, disabled_at in connection.execute(query)
    }


def newest_work(connection: Connection) -> tuple[int, tuple[Any, ...]]:
    """(key of the newest ranking or 0, what is another one after a decision on a labeler or a dispute, and when a
    person was erased)."""
    ranking = connection.execute(select(func.max(RANKING.c.id))).scalar_one()
    decided = (
        select(func.max(LABELER_DECISION.c.id)),
        select(func.max(DISPUTE.c.resolved_at)).where(DISPUTE.c.resolution.is_not(None)),
        select(func.max(LABELER.c.erased_at)),
    )
    return ranking or 0, tuple(connection.execute(query).scalar_one() for query in decided)


def page_own(
    connection: Connection, labeler_id: str, *, project_key: int | None, before: int | None, limit: int
) -> list[OwnRanking]:
    """Rankings of the labeler with this public id, the newest first, those with a key below `before`; no copies of
    forks."""
    query: Any = (
        select(
            *(RANKING.c.id, CHAIN.c.ulid, PROJECT.c.name, ROUND.c.number, RANKING.c.created_at),
            *(ASSIGNMENT.c.active_s, ASSIGNMENT.c.device, ASSIGNMENT.c.control_id),
        )
        .join(ASSIGNMENT, ASSIGNMENT.c.id == RANKING.c.assignment_id)
        .join(LABELER, LABELER.c.id == RANKING.c.labeler_id)
        .join(ROUND, ROUND.c.id == RANKING.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .join(PROJECT, PROJECT.c.id == CHAIN.c.project_id)
        .where(LABELER.c.ulid == labeler_id, _IS_OWN)
        .order_by(RANKING.c.id.desc())
        .limit(limit)
    )
    if project_key is not None:
        query = query.where(CHAIN.c.project_id == project_key)
    if before is not None:
        query = query.where(RANKING.c.id < before)
    return [
        OwnRanking(
            key=key,
            chain=chain,
            project=project,
            round=number,
            at=at,
            active_s=active_s,
            device=device,
            had_control=control is not None,
        )
        for key, chain, project, number, at, active_s, device, control in connection.execute(query)
    ]
