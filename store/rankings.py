"""Rankings and critiques as the engines read them."""

from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select

from refine.types import (
    CritiqueRecord,
    RankingRecord,
    RoundKind,
)
from store.candidates import NAMES_WITHOUT_CONTROLS
from store.details import load_details, load_replaced
from store.messages import ERASED
from store.statements import Statement, without_snapshot
from store.tables import (
    ASSIGNMENT,
    CANDIDATE,
    CRITIQUE,
    LABELER,
    RANKING,
    ROUND,
    SETTINGS_VERSION,
    VERDICT,
    WORDS,
)
from store.verdicts import load_verdict

_ALL_ROUNDS = 2**31
_RANKINGS = Statement(
    select(RANKING.c.ulid, ROUND.c.number, LABELER.c.ulid, RANKING.c.groups, ASSIGNMENT.c.shown, LABELER.c.weight)
    .join(ROUND, ROUND.c.id == RANKING.c.round_id)
    .join(LABELER, LABELER.c.id == RANKING.c.labeler_id)
    .join(ASSIGNMENT, ASSIGNMENT.c.id == RANKING.c.assignment_id)
    .where(
        ROUND.c.chain_id == bindparam("chain_key"),
        ROUND.c.kind == bindparam("of_kind"),
        ROUND.c.number <= bindparam("upto"),
    )
    .order_by(ROUND.c.number, LABELER.c.name)
)
_CRITIQUES = Statement(
    select(
        CRITIQUE.c.ulid,
        CANDIDATE.c.id.label("candidate_key"),
        CANDIDATE.c.ulid.label("candidate"),
        LABELER.c.ulid.label("labeler"),
        WORDS.c.text,
        CRITIQUE.c.anchor,
        RANKING.c.groups,
    )
    .join(RANKING, RANKING.c.id == CRITIQUE.c.ranking_id)
    .join(LABELER, LABELER.c.id == RANKING.c.labeler_id)
    .join(CANDIDATE, CANDIDATE.c.id == CRITIQUE.c.candidate_id)
    .join(WORDS, WORDS.c.id == CRITIQUE.c.words_id)
    .outerjoin(VERDICT, VERDICT.c.round_id == CRITIQUE.c.round_id)
    .where(
        CRITIQUE.c.round_id == bindparam("round_key"),
        or_(VERDICT.c.id.is_(None), RANKING.c.created_at <= VERDICT.c.created_at),
    )
    .order_by(LABELER.c.name, CANDIDATE.c.round, CANDIDATE.c.slot, CRITIQUE.c.id)
)


def load_rankings(
    connection: Connection, chain_key: int, *, kind: RoundKind = "normal", upto: int | None = None
) -> list[RankingRecord]:
    """Every ranking of the chain's rounds of that kind, oldest round first, in the order of labelers' names, which does
    not depend on who was quicker; controls are left out. Each has its labeler's weight as it is now."""
    names = dict(NAMES_WITHOUT_CONTROLS.all(connection, chain_key=chain_key))
    rows = _RANKINGS.all(connection, chain_key=chain_key, of_kind=kind, upto=_ALL_ROUNDS if upto is None else upto)
    return [
        RankingRecord(
            id=ulid,
            round=number,
            labeler=labeler,
            groups=_named(groups, names),
            shown=tuple(names[key] for key in shown if key in names),
            weight=1.0 if weight is None else weight,
        )
        for ulid, number, labeler, groups, shown, weight in rows
    ]


def _named(groups: list[list[int]], names: dict[int, str]) -> tuple[tuple[str, ...], ...]:
    """Public ids; what has no name is passed over, and a group of nothing else with it."""
    named = (tuple(names[key] for key in group if key in names) for group in groups)
    return tuple(group for group in named if group)


def load_full_rankings(connection: Connection, chain_key: int) -> dict[int, list[dict[str, Any]]]:
    """Round key -> everything about its rankings and their critiques, by labeler name, with public ids."""
    names: dict[int, str] = {
        key: ulid
        for key, ulid in connection.execute(
            select(CANDIDATE.c.id, CANDIDATE.c.ulid).where(CANDIDATE.c.chain_id == chain_key)
        )
    }
    critiques: dict[int, list[dict[str, Any]]] = {}
    for row in connection.execute(
        select(
            *(CRITIQUE.c.ranking_id, CRITIQUE.c.ulid, CRITIQUE.c.candidate_id, WORDS.c.text, CRITIQUE.c.anchor),
            *(CRITIQUE.c.aim, CRITIQUE.c.category, CRITIQUE.c.severity),
        )
        .join(WORDS, WORDS.c.id == CRITIQUE.c.words_id)
        .join(ROUND, ROUND.c.id == CRITIQUE.c.round_id)
        .where(ROUND.c.chain_id == chain_key)
        .order_by(CRITIQUE.c.id)
    ):
        critiques.setdefault(row.ranking_id, []).append(
            {
                "id": row.ulid,
                "candidate": names[row.candidate_id],
                "text": row.text,
                "anchor": row.anchor,
                "aim": row.aim,
                "category": row.category,
                "severity": row.severity,
            }
        )
    details = load_details(connection, chain_key, names)
    replaced = load_replaced(connection, chain_key, names)
    rankings: dict[int, list[dict[str, Any]]] = {}
    for row in connection.execute(
        select(
            RANKING,
            LABELER.c.ulid.label("labeler"),
            ASSIGNMENT.c.shown,
            ASSIGNMENT.c.active_s,
            ASSIGNMENT.c.cost_usd,
            SETTINGS_VERSION.c.version,
        )
        .join(ROUND, ROUND.c.id == RANKING.c.round_id)
        .join(LABELER, LABELER.c.id == RANKING.c.labeler_id)
        .join(ASSIGNMENT, ASSIGNMENT.c.id == RANKING.c.assignment_id)
        .join(SETTINGS_VERSION, SETTINGS_VERSION.c.id == RANKING.c.settings_version_id)
        .where(ROUND.c.chain_id == chain_key)
        .order_by(LABELER.c.name)
    ):
        rankings.setdefault(row.round_id, []).append(
            {
                "id": row.ulid,
                "labeler": row.labeler,
                "groups": tuple(tuple(names[key] for key in group) for group in row.groups),
                "unjudgeable": tuple(names[key] for key in row.unjudgeable),
                "shown": tuple(names[key] for key in row.shown),
                "critiques": critiques.get(row.id, []),
                **details.get(row.id, {}),
                "replaced": replaced.get(row.id, []),
                "made_by": row.made_by,
                "settings_version": row.version,
                "uses_allowed": tuple(row.uses_allowed),
                "active_s": row.active_s,
                "cost_usd": row.cost_usd,
                "created_at": row.created_at,
            }
        )
    return rankings


def count_rankings(connection: Connection, chain_key: int) -> int:
    """Of its normal rounds."""
    return int(
        connection.execute(
            select(func.coalesce(func.sum(ROUND.c.received), 0)).where(
                ROUND.c.chain_id == chain_key, ROUND.c.kind == "normal"
            )
        ).scalar_one()
    )


@without_snapshot
def load_critiques(connection: Connection, round_key: int) -> list[CritiqueRecord]:
    """The round's critiques, by labeler name and candidate position. Erased words read `[erased]`.

    Those that came after the verdict are left out, and labelers are as reliable as the verdict took them for: the plan,
    and a replay of it, rest on what was there then.
    """
    rows = _CRITIQUES.all(connection, round_key=round_key)
    reliability = _reliability_in_verdict(connection, round_key) if rows else None
    if reliability is not None:  # who is not in it came while it was being given
        rows = [row for row in rows if row.labeler in reliability]
    return [
        CritiqueRecord(
            id=row.ulid,
            candidate=row.candidate,
            labeler=row.labeler,
            text=ERASED if row.text is None else row.text,
            anchor=row.anchor,
            reliability=1.0 if reliability is None else reliability[row.labeler],
            rank=_rank_of(row.candidate_key, row.groups),
            is_erased=row.text is None,
        )
        for row in rows
    ]


def _reliability_in_verdict(connection: Connection, round_key: int) -> dict[str, float] | None:
    """By labeler.ulid, without those whose work was out of account; None where there is no verdict, or one of a version
    that did not say so."""
    verdict = load_verdict(connection, round_key)
    labelers = None if verdict is None else verdict.details.get("labelers")
    if not labelers:
        return None
    return {ulid: float(it["mean"]) for ulid, it in labelers.items() if it.get("weight") != 0}


def _rank_of(candidate_key: int, groups: list[list[int]]) -> int | None:
    rank = 1
    for group in groups:
        if candidate_key in group:
            return rank
        rank += len(group)
    return None
