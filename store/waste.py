"""Where dollars and minutes went that changed nothing, summed over many chains. Only reads.

Each way of spending is a condition on model calls and one on assignments, so that what several of them name can also
be counted once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, case, false, func, literal, or_, select

from refine.types import RankingRecord
from store.rankings import load_rankings
from store.rounds import load_shown
from store.tables import (
    ASSIGNMENT,
    CANDIDATE,
    CHAIN,
    CRITIQUE,
    EDIT,
    LABELER,
    MODEL_CALL,
    PLAN,
    RANKING,
    RELIABILITY_SNAPSHOT,
    ROUND,
    VERDICT,
)
from store.verdicts import load_verdict

_DONE = ("finished", "reported")
"""States of assignments that are paid for."""


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
class Condition:
    """Which calls and which assignments; both are SQL conditions."""

    calls: Any
    assignments: Any


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


# --- Conditions -----------------------------------------------------------------------------------------------------


def idle_rounds() -> Condition:
    """Judged rounds in which the incumbent stood: their rankings, and the plan and revisions made for them."""
    idle = (
        select(ROUND.c.id, ROUND.c.chain_id, ROUND.c.number)
        .join(VERDICT, VERDICT.c.round_id == ROUND.c.id)
        .where(ROUND.c.kind == "normal", VERDICT.c.winner_id == VERDICT.c.incumbent_id)
        .subquery()
    )
    made_for = or_(
        MODEL_CALL.c.step.in_(("revise", "repair")) & (MODEL_CALL.c.round == idle.c.number),
        (MODEL_CALL.c.step == "distil") & (MODEL_CALL.c.round == idle.c.number - 1),
    )
    return Condition(
        calls=select(idle.c.id)
        .where(idle.c.chain_id == MODEL_CALL.c.chain_id, made_for)
        .correlate(MODEL_CALL)
        .exists(),
        assignments=ASSIGNMENT.c.round_id.in_(select(idle.c.id)),
    )


def dropped_candidates() -> Condition:
    """Calls for candidates that nobody was shown, because a check failed or nothing could be made of the reply."""
    is_dropped = (
        select(CANDIDATE.c.id)
        .where(
            CANDIDATE.c.chain_id == MODEL_CALL.c.chain_id,
            CANDIDATE.c.round == MODEL_CALL.c.round,
            CANDIDATE.c.slot == MODEL_CALL.c.slot,
            CANDIDATE.c.state == "failed",
        )
        .correlate(MODEL_CALL)
        .exists()
    )
    return Condition(calls=MODEL_CALL.c.step.in_(("draft", "revise", "repair")) & is_dropped, assignments=false())


def unimproved_chains() -> Condition:
    """Ended chains whose final page is one of the first round's: everything after their first verdict."""
    incumbent = CANDIDATE.alias("final")
    chains = (
        select(CHAIN.c.id)
        .join(incumbent, incumbent.c.id == CHAIN.c.incumbent_id)
        .where(CHAIN.c.state == "ended", CHAIN.c.kind == "refine", incumbent.c.round == 1)
    )
    later = select(ROUND.c.id).where(ROUND.c.chain_id.in_(chains), ROUND.c.kind == "normal", ROUND.c.number > 1)
    return Condition(
        calls=MODEL_CALL.c.chain_id.in_(chains) & or_(MODEL_CALL.c.round > 1, MODEL_CALL.c.step == "distil"),
        assignments=ASSIGNMENT.c.round_id.in_(later),
    )


def of_labelers(keys: Collection[int]) -> Condition:
    return Condition(calls=false(), assignments=ASSIGNMENT.c.labeler_id.in_(list(keys)) if keys else false())


def of_assignments(keys: Collection[int]) -> Condition:
    return Condition(calls=false(), assignments=ASSIGNMENT.c.id.in_(list(keys)) if keys else false())


def everything() -> Condition:
    return Condition(calls=literal(True), assignments=literal(True))


def any_of(conditions: Collection[Condition]) -> Condition:
    return Condition(
        calls=or_(*(each.calls for each in conditions)), assignments=or_(*(each.assignments for each in conditions))
    )


# --- Sums -----------------------------------------------------------------------------------------------------------


def sum_spent(connection: Connection, project_key: int, condition: Condition) -> Spent:
    """Copied calls of forks are left out, here as everywhere."""
    chains = select(CHAIN.c.id).where(CHAIN.c.project_id == project_key)
    models_usd, calls = connection.execute(
        select(func.coalesce(func.sum(MODEL_CALL.c.cost_usd), 0.0), func.count()).where(
            MODEL_CALL.c.chain_id.in_(chains), MODEL_CALL.c.is_copied.is_(False), condition.calls
        )
    ).one()
    rounds = select(ROUND.c.id).where(ROUND.c.chain_id.in_(chains))
    people_usd, people_s, assignments = connection.execute(
        select(
            func.coalesce(func.sum(ASSIGNMENT.c.cost_usd), 0.0),
            func.coalesce(func.sum(ASSIGNMENT.c.active_s), 0.0),
            func.count(),
        ).where(ASSIGNMENT.c.round_id.in_(rounds), ASSIGNMENT.c.state.in_(_DONE), condition.assignments)
    ).one()
    return Spent(models_usd=models_usd, people_usd=people_usd, people_s=people_s, calls=calls, assignments=assignments)


def count_improvements(connection: Connection, project_key: int) -> tuple[int, int]:
    """(rounds in which a challenger took the incumbent's place, rounds in which the incumbent stood)."""
    is_replaced = case((VERDICT.c.winner_id != VERDICT.c.incumbent_id, 1), else_=0)
    replaced, judged = connection.execute(
        select(func.coalesce(func.sum(is_replaced), 0), func.count())
        .join(ROUND, ROUND.c.id == VERDICT.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .where(CHAIN.c.project_id == project_key, ROUND.c.kind == "normal", VERDICT.c.incumbent_id.is_not(None))
    ).one()
    return replaced, judged - replaced


def count_dropped(connection: Connection, project_key: int) -> int:
    return int(
        connection.execute(
            select(func.count())
            .select_from(CANDIDATE.join(CHAIN, CHAIN.c.id == CANDIDATE.c.chain_id))
            .where(CHAIN.c.project_id == project_key, CANDIDATE.c.state == "failed", CANDIDATE.c.kind != "given")
        ).scalar_one()
    )


def list_unimproved(connection: Connection, project_key: int) -> list[tuple[str, int]]:
    """(id, key) of ended chains whose final page is one of the first round's."""
    incumbent = CANDIDATE.alias("final")
    rows = connection.execute(
        select(CHAIN.c.ulid, CHAIN.c.id)
        .join(incumbent, incumbent.c.id == CHAIN.c.incumbent_id)
        .where(
            CHAIN.c.project_id == project_key,
            CHAIN.c.state == "ended",
            CHAIN.c.kind == "refine",
            incumbent.c.round == 1,
        )
        .order_by(CHAIN.c.id)
    )
    return [(ulid, key) for ulid, key in rows]


def count_critiques(connection: Connection, project_key: int) -> CritiqueUse:
    """Of rounds with an edit plan."""
    of_project = and_(CHAIN.c.project_id == project_key, ROUND.c.kind == "normal")
    plans = connection.execute(
        select(PLAN.c.id, PLAN.c.plan)
        .join(ROUND, ROUND.c.id == PLAN.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .where(of_project)
    ).all()
    done: dict[int, set[str]] = {}
    edits = connection.execute(
        select(CANDIDATE.c.plan_id, EDIT.c.issues)
        .join(CANDIDATE, CANDIDATE.c.id == EDIT.c.candidate_id)
        .join(CHAIN, CHAIN.c.id == CANDIDATE.c.chain_id)
        .where(CHAIN.c.project_id == project_key, EDIT.c.status == "applied", CANDIDATE.c.plan_id.is_not(None))
    )
    for plan_key, issues in edits:
        done.setdefault(plan_key, set()).update(issues)
    applied: set[str] = set()
    kept: set[str] = set()
    for key, plan in plans:
        for keep in plan.get("keep", ()):
            kept.update(_cited(keep))
        for issue in plan.get("issues", ()):
            if issue.get("id") in done.get(key, ()):
                applied.update(_cited(issue))
    critiques = connection.execute(
        select(func.count())
        .select_from(CRITIQUE.join(PLAN, PLAN.c.round_id == CRITIQUE.c.round_id))
        .join(ROUND, ROUND.c.id == CRITIQUE.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .where(of_project)
    ).scalar_one()
    return CritiqueUse(critiques=critiques, applied=len(applied), praise=len(kept - applied), planned=len(plans))


def _cited(item: Mapping[str, Any]) -> set[str]:
    """Critiques that an issue, or what is to be kept, rests on."""
    spans = [*(item.get("cites") or ()), item.get("span")]
    return {span["critique"] for span in spans if isinstance(span, Mapping) and "critique" in span}


# --- Labelers and rankings ------------------------------------------------------------------------------------------


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


def load_judged_rounds(connection: Connection, project_key: int, *, limit: int, above: float) -> list[JudgedRound]:
    """Of the newest `limit` judged rounds, those whose verdict has a P(best) above this; the newest first."""
    rows = connection.execute(
        select(ROUND.c.id, ROUND.c.number, ROUND.c.chain_id, CHAIN.c.ulid)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .where(CHAIN.c.project_id == project_key, ROUND.c.kind == "normal", ROUND.c.state == "judged")
        .order_by(ROUND.c.id.desc())
        .limit(limit)
    ).all()
    found = []
    for row in rows:
        verdict = load_verdict(connection, row.id)
        p_best = max((it.p_best for it in verdict.ratings), default=0.0) if verdict is not None else 0.0
        if verdict is None or p_best <= above:
            continue
        order = connection.execute(
            select(RANKING.c.ulid, RANKING.c.assignment_id)
            .where(RANKING.c.round_id == row.id, RANKING.c.created_at <= _judged_at(row.id))
            .order_by(RANKING.c.id)
        ).all()
        rankings = load_rankings(connection, row.chain_id, upto=row.number)
        known = {it.id: it for it in rankings}
        found.append(
            JudgedRound(
                chain=row.ulid,
                shown=tuple(candidate.id for candidate, _, _ in load_shown(connection, row.id)),
                incumbent=verdict.incumbent,
                gate=verdict.threshold,
                seed=verdict.seed,
                p_best=p_best,
                before=tuple(it for it in rankings if it.round < row.number),
                came_in=tuple((known[ulid], key) for ulid, key in order if ulid in known),
            )
        )
    return found


def _judged_at(round_key: int) -> Any:
    return select(VERDICT.c.created_at).where(VERDICT.c.round_id == round_key).scalar_subquery()
