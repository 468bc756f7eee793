"""Rankings as the ranking engine takes them, and what it found of labelers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select

from store.controls import not_upheld
from store.ids import make_ulid, now
from store.statements import inserting
from store.tables import ASSIGNMENT, CHAIN, CONTROL, LABELER, RANKING, RELIABILITY_SNAPSHOT, ROUND

GoldRow = tuple[str, str, str, str, int]
"""Labeler, chain, original, its control, and 0 where the original came first, 1 for a tie, 2 where the control did."""
RankedRow = tuple[str, str, list[list[str]], list[str]]
"""Labeler, chain, tie groups of candidates best first, candidates in the order shown that could be judged."""

_INSERT_SNAPSHOT = inserting(RELIABILITY_SNAPSHOT, *(it.name for it in RELIABILITY_SNAPSHOT.columns if it.name != "id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What labelers can be judged by: rankings of rounds that have their verdict."""

    rows: list[RankedRow]
    """By labeler.ulid and chain.ulid; copies that a fork took over are not repeated."""
    golds: list[GoldRow]
    """What was said of controls, which are not in `rows`; those of which a dispute was upheld are left out."""
    rounds: dict[str, int]
    """Chain -> the newest of its rounds among them."""


def load_ranked(connection: Connection, project_key: int | None = None) -> tuple[list[RankedRow], list[GoldRow]]:
    """Of one project or of all, oldest first, audit rounds included; labelers by name."""
    query = _ranked(LABELER.c.name)
    if project_key is not None:
        query = query.where(CHAIN.c.project_id == project_key)
    rows: list[RankedRow] = []
    golds: list[GoldRow] = []
    for labeler, chain, groups, shown, number, fork_round, original, control, is_gold in connection.execute(query):
        if fork_round is not None and number <= fork_round:
            continue  # a copy of what its parent has
        rows.append(_row(labeler, chain, groups, shown, control))
        golds += _gold(labeler, chain, groups, original, control) if is_gold else []
    return rows, golds


def load_judged(connection: Connection, project_key: int | None) -> Judged:
    """Of one project; with None, of all projects, without what simulated labelers made: their names mean another one
    in every project. Audit rounds are left out: they feed no verdict, by no way round."""
    query = _ranked(LABELER.c.ulid).where(ROUND.c.state == "judged", ROUND.c.kind == "normal")
    query = query.where(_in_scope(project_key))
    rows: list[RankedRow] = []
    golds: list[GoldRow] = []
    rounds: dict[str, int] = {}
    for labeler, chain, groups, shown, number, fork_round, original, control, is_gold in connection.execute(query):
        rounds[chain] = max(rounds.get(chain, 0), number)
        if fork_round is None or number > fork_round:
            rows.append(_row(labeler, chain, groups, shown, control))
            golds += _gold(labeler, chain, groups, original, control) if is_gold else []
    return Judged(rows=rows, golds=golds, rounds=rounds)


def count_judged(connection: Connection, project_key: int | None) -> int:
    """Rankings that `load_judged` would give."""
    query = select(func.count()).select_from(
        RANKING.join(ROUND, ROUND.c.id == RANKING.c.round_id).join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
    )
    query = query.where(ROUND.c.state == "judged", ROUND.c.kind == "normal", _in_scope(project_key))
    query = query.where(or_(CHAIN.c.fork_round.is_(None), ROUND.c.number > CHAIN.c.fork_round))
    return int(connection.execute(query).scalar_one())


def record_snapshot(
    connection: Connection,
    project_key: int | None,
    *,
    ulid: str,
    rankings: int,
    comparisons: int,
    seed: int,
    method: str,
    population: Mapping[str, Any],
    labelers: Mapping[str, Any],
) -> None:
    _INSERT_SNAPSHOT.run(
        connection,
        ulid=ulid,
        project_id=project_key,
        rankings=rankings,
        comparisons=comparisons,
        seed=seed,
        method=method,
        population=population,
        labelers=labelers,
        created_at=now(),
    )


def new_snapshot_id() -> str:
    return make_ulid()


def load_kinds(connection: Connection) -> dict[str, str]:
    """Labeler -> person, assisted, program, simulated or judge."""
    return {name: kind for name, kind in connection.execute(select(LABELER.c.name, LABELER.c.kind))}


def _ranked(labeler: Any) -> Any:
    return (
        select(
            *(labeler, CHAIN.c.ulid, RANKING.c.groups, ASSIGNMENT.c.shown, ROUND.c.number, CHAIN.c.fork_round),
            *(CONTROL.c.original_id, CONTROL.c.candidate_id, not_upheld(CONTROL.c.id).label("is_gold")),
        )
        .join(ASSIGNMENT, ASSIGNMENT.c.id == RANKING.c.assignment_id)
        .join(LABELER, LABELER.c.id == RANKING.c.labeler_id)
        .join(ROUND, ROUND.c.id == RANKING.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .outerjoin(CONTROL, CONTROL.c.id == ASSIGNMENT.c.control_id)
        .order_by(RANKING.c.id)
    )


def _in_scope(project_key: int | None) -> Any:
    return RANKING.c.made_by != "simulated" if project_key is None else CHAIN.c.project_id == project_key


def _row(
    labeler: str, chain: str, groups: Iterable[Iterable[int]], shown: Iterable[int], control: int | None
) -> RankedRow:
    named = [[str(key) for key in group if key != control] for group in groups]
    named = [group for group in named if group]
    ranked = {key for group in named for key in group}
    return labeler, chain, named, [str(key) for key in shown if str(key) in ranked]


def _gold(
    labeler: str, chain: str, groups: Iterable[Iterable[int]], original: int | None, control: int | None
) -> list[GoldRow]:
    """What a ranking says of its control; nothing where it has none, or either could not be judged."""
    if original is None or control is None:
        return []
    places = {key: place for place, group in enumerate(groups) for key in group}
    if original not in places or control not in places:
        return []
    lead = places[control] - places[original]
    return [(labeler, chain, str(original), str(control), 0 if lead > 0 else 1 if lead == 0 else 2)]
