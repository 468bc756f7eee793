"""What dashboards add up over all chains, a slice of chains at a time. Only reads.

Every change of a chain has an entry in the journal, written with it: whoever remembers the newest entry finds out which
chains to read again. Each read takes its chains as a list of keys and goes by an index; the sums are made elsewhere.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Text, bindparam, func, or_, select, type_coerce

from store.statements import Statement, dump_json
from store.tables import (
    ASSIGNMENT,
    CANDIDATE,
    CHAIN,
    CHECK,
    CRITIQUE,
    EDIT,
    EVENT,
    LABELER,
    MODEL_CALL,
    PLAN,
    RANKING,
    ROUND,
    VERDICT,
)

DONE = ("finished", "reported")
"""States of assignments that are paid for."""


_IS_DONE = (ASSIGNMENT.c.state == DONE[0]) | (ASSIGNMENT.c.state == DONE[1])


def _among(name: str) -> Any:
    return select(func.json_each(bindparam(name)).table_valued("value").c.value)


_OF_CHAINS = _among("chains")
_NEWEST = Statement(select(func.coalesce(func.max(EVENT.c.id), 0)))
_FIRST = Statement(select(type_coerce(CHAIN.c.created_at, Text)).order_by(CHAIN.c.id).limit(1))
_LAST = Statement(select(type_coerce(EVENT.c.at, Text)).order_by(EVENT.c.id.desc()).limit(1))
_CHANGED = Statement(select(EVENT.c.chain_id).where(EVENT.c.id > bindparam("after")))
"""Without DISTINCT, for which SQLite would walk the index by chain from end to end."""
_FOLLOWING = Statement(
    select(CHAIN.c.id).where(CHAIN.c.id > bindparam("after")).order_by(CHAIN.c.id).limit(bindparam("n"))
)
_BOUNDS = Statement(select(func.count(), func.coalesce(func.max(CHAIN.c.id), 0)).select_from(CHAIN))
_INCUMBENT = CANDIDATE.alias("incumbent")
_CHAINS = Statement(
    select(
        CHAIN.c.id,
        CHAIN.c.project_id,
        CHAIN.c.kind,
        CHAIN.c.state,
        CHAIN.c.paused_at.is_not(None).label("is_paused"),
        CHAIN.c.stop_reason,
        CHAIN.c.audit,
        CHAIN.c.is_demo,
        CHAIN.c.fork_round,
        CHAIN.c.incumbent_id,
        _INCUMBENT.c.round.label("improved_in"),
        _INCUMBENT.c.ulid.label("incumbent"),
        type_coerce(CHAIN.c.created_at, Text).label("created_at"),
    )
    .outerjoin(_INCUMBENT, _INCUMBENT.c.id == CHAIN.c.incumbent_id)
    .where(CHAIN.c.id.in_(_OF_CHAINS))
)
_ROUNDS = Statement(
    select(
        ROUND.c.id,
        ROUND.c.chain_id,
        ROUND.c.number,
        ROUND.c.kind,
        ROUND.c.state,
        VERDICT.c.winner_id,
        VERDICT.c.incumbent_id,
        VERDICT.c.verdict,
    )
    .outerjoin(VERDICT, VERDICT.c.round_id == ROUND.c.id)
    .where(ROUND.c.chain_id.in_(_OF_CHAINS))
)
_AT = func.substr(type_coerce(MODEL_CALL.c.created_at, Text), 1, bindparam("width"))
_CALLS = Statement(
    select(
        MODEL_CALL.c.id,
        MODEL_CALL.c.chain_id,
        MODEL_CALL.c.round,
        MODEL_CALL.c.step,
        MODEL_CALL.c.slot,
        MODEL_CALL.c.state,
        MODEL_CALL.c.template,
        MODEL_CALL.c.model,
        MODEL_CALL.c.cost_usd,
        MODEL_CALL.c.prompt_tokens,
        MODEL_CALL.c.completion_tokens,
        MODEL_CALL.c.is_copied,
        _AT.label("at"),
    ).where(MODEL_CALL.c.chain_id.in_(_OF_CHAINS))
)
_DONE_AT = func.substr(type_coerce(ASSIGNMENT.c.finished_at, Text), 1, bindparam("width"))
_WORK = Statement(
    select(
        ASSIGNMENT.c.round_id,
        ASSIGNMENT.c.state,
        _DONE_AT.label("at"),
        func.count().label("number"),
        func.coalesce(func.sum(ASSIGNMENT.c.cost_usd), 0.0).label("usd"),
        func.coalesce(func.sum(ASSIGNMENT.c.active_s), 0.0).label("seconds"),
        func.count(ASSIGNMENT.c.cost_usd).label("priced"),
    )
    .where(ASSIGNMENT.c.round_id.in_(_among("rounds")), _IS_DONE)
    .group_by(ASSIGNMENT.c.round_id, ASSIGNMENT.c.state, _DONE_AT)
)
_UNPRICED = Statement(
    select(ASSIGNMENT.c.round_id, func.count().label("number"))
    .join(LABELER, LABELER.c.id == ASSIGNMENT.c.labeler_id)
    .where(
        ASSIGNMENT.c.round_id.in_(_among("rounds")),
        _IS_DONE,
        ASSIGNMENT.c.cost_usd.is_(None),
        LABELER.c.kind != "simulated",
    )
    .group_by(ASSIGNMENT.c.round_id)
)
_MARKED = Statement(
    select(
        ASSIGNMENT.c.id, ASSIGNMENT.c.round_id, ASSIGNMENT.c.labeler_id, ASSIGNMENT.c.cost_usd, ASSIGNMENT.c.active_s
    ).where(
        ASSIGNMENT.c.round_id.in_(_among("rounds")),
        _IS_DONE,
        or_(ASSIGNMENT.c.labeler_id.in_(_among("labelers")), ASSIGNMENT.c.id.in_(_among("assignments"))),
    )
)
_CANDIDATES = Statement(
    select(
        CANDIDATE.c.id,
        CANDIDATE.c.ulid,
        CANDIDATE.c.chain_id,
        CANDIDATE.c.round,
        CANDIDATE.c.slot,
        CANDIDATE.c.kind,
        CANDIDATE.c.state,
        CANDIDATE.c.generator,
        CANDIDATE.c.call_id,
        CANDIDATE.c.how,
        CANDIDATE.c.content_sha256,
        CANDIDATE.c.size_bytes,
    )
    .where(CANDIDATE.c.chain_id.in_(_OF_CHAINS), CANDIDATE.c.kind != "control")
    .order_by(CANDIDATE.c.chain_id, CANDIDATE.c.round, CANDIDATE.c.slot)
)
_USES = Statement(
    select(RANKING.c.round_id, RANKING.c.uses_allowed).where(RANKING.c.round_id.in_(_among("rounds"))).distinct()
)
_PLANS = Statement(
    select(PLAN.c.id, PLAN.c.round_id, PLAN.c.plan)
    .join(ROUND, ROUND.c.id == PLAN.c.round_id)
    .where(PLAN.c.round_id.in_(_among("rounds")), ROUND.c.kind == "normal")
)
_EDITS = Statement(
    select(
        EDIT.c.candidate_id,
        CANDIDATE.c.plan_id,
        EDIT.c.issues,
        EDIT.c.status,
        EDIT.c.search_sha256.is_not(None).label("is_block"),
    )
    .join(CANDIDATE, CANDIDATE.c.id == EDIT.c.candidate_id)
    .where(CANDIDATE.c.chain_id.in_(_OF_CHAINS))
)
_CRITIQUES = Statement(
    select(CRITIQUE.c.round_id, func.count().label("number"))
    .where(CRITIQUE.c.round_id.in_(_among("rounds")))
    .group_by(CRITIQUE.c.round_id)
)
_FAILED_CHECKS = Statement(
    select(CANDIDATE.c.id, CHECK.c.name)
    .join(CHECK, CHECK.c.candidate_id == CANDIDATE.c.id)
    .where(CANDIDATE.c.id.in_(_among("candidates")), CHECK.c.passed.is_(False))
)


def newest_event(connection: Connection) -> int:
    return int(_NEWEST.scalar(connection))


def find_span(connection: Connection) -> tuple[str, str] | None:
    """(when the first chain was ordered, the time of the newest entry of the journal), as stored; None for a store
    without chains."""
    first, last = _FIRST.scalar(connection), _LAST.scalar(connection)
    return None if first is None or last is None else (first, max(first, last))


def list_changed(connection: Connection, after: int) -> tuple[int, list[int]]:
    """(the newest entry of the journal, chains that any entry after `after` is about)."""
    return newest_event(connection), list({row[0] for row in _CHANGED.all(connection, after=after)})


def list_following(connection: Connection, after: int, limit: int) -> list[int]:
    """Keys of chains after this one, in order."""
    return [row[0] for row in _FOLLOWING.all(connection, after=after, n=limit)]


def count_all(connection: Connection) -> tuple[int, int]:
    """(chains, the highest key among them)."""
    number, highest = _BOUNDS.one(connection)
    return number, highest


class ChainSlice:
    """All rows that are added up of some chains. `width` is how many characters of a time name a slice of it;
    `labelers` and `assignments` are those whose work is wanted singly."""

    def __init__(
        self,
        connection: Connection,
        chains: Collection[int],
        *,
        width: int,
        labelers: Collection[int] = (),
        assignments: Collection[int] = (),
    ) -> None:
        wanted = dump_json(list(chains))
        self.chains = _CHAINS.all(connection, chains=wanted)
        self.rounds = _ROUNDS.all(connection, chains=wanted)
        self.calls = _CALLS.all(connection, chains=wanted, width=width)
        self.candidates = _CANDIDATES.all(connection, chains=wanted)
        self.edits = _EDITS.all(connection, chains=wanted)
        rounds = dump_json([row.id for row in self.rounds])
        self.work = _WORK.all(connection, rounds=rounds, width=width)
        self.uses = _USES.all(connection, rounds=rounds)
        priced = sum(row.priced for row in self.work)
        is_all_priced = priced == sum(row.number for row in self.work)
        self.unpriced = {} if is_all_priced else dict(_UNPRICED.all(connection, rounds=rounds))
        self.marked: list[Any] = []
        if labelers or assignments:
            self.marked = _MARKED.all(
                connection, rounds=rounds, labelers=dump_json(list(labelers)), assignments=dump_json(list(assignments))
            )
        self.plans = _PLANS.all(connection, rounds=rounds)
        self.critiques = dict(_CRITIQUES.all(connection, rounds=dump_json([row.round_id for row in self.plans])))
        failed = [row.id for row in self.candidates if row.state == "failed"]
        self.failed_checks = _FAILED_CHECKS.all(connection, candidates=dump_json(failed)) if failed else []
