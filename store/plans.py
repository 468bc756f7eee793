"""Edit plans. A labeler's own words in them are spans, not text."""

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.sqlite import insert

from refine.types import (
    EditPlan,
    PlanConflict,
    PlanIssue,
    PlanKeep,
    PlanRejection,
    Span,
)
from store.events import record_event
from store.ids import make_ulid, now
from store.messages import ERASED, load_words
from store.rounds import StoredRound
from store.statements import Statement, without_snapshot
from store.tables import (
    PLAN,
    ROUND,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    key: int
    id: str
    round_key: int
    parent_key: int
    plan: EditPlan


_SELECT_PLAN = select(PLAN.c.id, PLAN.c.ulid, PLAN.c.round_id, PLAN.c.parent_candidate_id, PLAN.c.plan)
_PLAN_OF_ROUND = Statement(_SELECT_PLAN.where(PLAN.c.round_id == bindparam("wanted")))
_PLAN_BY_KEY = Statement(_SELECT_PLAN.where(PLAN.c.id == bindparam("wanted")))
_INSERT_PLAN = Statement(
    insert(PLAN).on_conflict_do_nothing(index_elements=["round_id"]),
    ("ulid", "round_id", "parent_candidate_id", "call_id", "made_by", "plan", "sha256", "created_at"),
)


def record_plan(
    connection: Connection,
    chain_key: int,
    round: StoredRound,
    plan: EditPlan,
    *,
    parent_key: int,
    call_key: int | None,
) -> None:
    stored = plan_to_json(plan)
    ulid = make_ulid()
    is_new = _INSERT_PLAN.run(
        connection,
        ulid=ulid,
        round_id=round.key,
        parent_candidate_id=parent_key,
        call_id=call_key,
        made_by=plan.made_by,
        plan=stored,
        sha256=hashlib.sha256(orjson.dumps(stored, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        created_at=now(),
    )
    if is_new:
        record_event(
            connection, chain_key, "plan_made", round.number, plan=ulid, issues=len(plan.issues), made_by=plan.made_by
        )


@without_snapshot
def load_plan(connection: Connection, round_key: int) -> StoredPlan | None:
    return _plan(connection, _PLAN_OF_ROUND.first(connection, wanted=round_key))


@without_snapshot
def has_plan(connection: Connection, chain_key: int, number: int) -> bool:
    """Whether the normal round of that number has an edit plan; one without critiques has none."""
    query = (
        select(PLAN.c.id)
        .join(ROUND, ROUND.c.id == PLAN.c.round_id)
        .where(ROUND.c.chain_id == chain_key, ROUND.c.kind == "normal", ROUND.c.number == number)
    )
    return connection.execute(query).first() is not None


def load_plan_by_key(connection: Connection, key: int) -> StoredPlan | None:
    return _plan(connection, _PLAN_BY_KEY.first(connection, wanted=key))


def _plan(connection: Connection, row: Any | None) -> StoredPlan | None:
    if row is None:
        return None
    return StoredPlan(
        key=row.id,
        id=row.ulid,
        round_key=row.round_id,
        parent_key=row.parent_candidate_id,
        plan=plan_from_json(connection, row.plan),
    )


def plan_to_json(plan: EditPlan) -> dict[str, Any]:
    """Claims that are a labeler's own words are left out: their span says where the words are."""

    return {
        "version": plan.version,
        "made_by": plan.made_by,
        "issues": [_without_words(issue) for issue in plan.issues],
        "keep": [_without_words(keep) for keep in plan.keep],
        "conflicts": [
            {
                "issues": list(conflict.issues),
                "claims": [
                    None if span else claim for claim, span in zip(conflict.claims, _padded(conflict), strict=True)
                ],
                "spans": [_span_to_json(span) for span in _padded(conflict)],
            }
            for conflict in plan.conflicts
        ],
        "rejected": [{"reason": it.reason, "cite": _span_to_json(it.cite)} for it in plan.rejected],
    }


def _without_words(item: PlanIssue | PlanKeep) -> dict[str, Any]:
    fields = {name: getattr(item, name) for name in item.__slots__}
    return fields | {
        "claim": None if item.span else item.claim,
        "span": _span_to_json(item.span),
        "cites": tuple(_span_to_json(cite) for cite in item.cites),
    }


def _span_to_json(span: Span | None) -> dict[str, Any] | None:
    return None if span is None else {"critique": span.critique, "start": span.start, "end": span.end}


def _padded(conflict: PlanConflict) -> tuple[Span | None, ...]:
    return conflict.spans or (None,) * len(conflict.claims)


def plan_from_json(connection: Connection, stored: dict[str, Any]) -> EditPlan:
    spans = [item["span"] for item in (*stored["issues"], *stored["keep"])]
    spans += [span for conflict in stored["conflicts"] for span in conflict["spans"]]
    words = load_words(connection, {span["critique"] for span in spans if span})

    def span_of(value: dict[str, Any] | None) -> Span | None:
        return None if value is None else Span(**value)

    def claim_of(claim: str | None, span: Span | None) -> str:
        if span is None:
            return claim or ""
        text = words[span.critique][0]
        return ERASED if text is None else text[span.start : span.end]

    def item_of(item: dict[str, Any]) -> dict[str, Any]:
        span = span_of(item["span"])
        cites = tuple(Span(**cite) for cite in item["cites"])
        return {**item, "claim": claim_of(item["claim"], span), "span": span, "cites": cites}

    conflicts = []
    for conflict in stored["conflicts"]:
        of_conflict = tuple(span_of(span) for span in conflict["spans"])
        claims = tuple(claim_of(claim, span) for claim, span in zip(conflict["claims"], of_conflict, strict=True))
        conflicts.append(PlanConflict(issues=tuple(conflict["issues"]), claims=claims, spans=of_conflict))
    return EditPlan(
        version=stored["version"],
        made_by=stored["made_by"],
        issues=tuple(PlanIssue(**item_of(item)) for item in stored["issues"]),
        keep=tuple(PlanKeep(**item_of(item)) for item in stored["keep"]),
        conflicts=tuple(conflicts),
        rejected=tuple(PlanRejection(reason=r["reason"], cite=Span(**r["cite"])) for r in stored["rejected"]),
    )
