"""What audit rounds brought in."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select

from store.candidates import load_candidates
from store.rounds import load_shown, newest_round
from store.tables import CANDIDATE, CHAIN, LABELER, RANKING, ROUND, VERDICT

_COURSE = ("rounds", "rankings", "plateau", "nothing_left")
"""Stop reasons of the chains that audits are drawn from; a test holds this and graphs.policy.AUDITED together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedChain:
    first: int
    """candidate.id of the first draft."""
    final: int
    is_same: bool
    """First and final are one page: a certain tie."""
    is_done: bool
    rankings: tuple[tuple[tuple[int, ...], ...], ...]
    """Tie groups of candidate.id, of labelers whose work is not out of account."""


def count_auditable(connection: Connection, project_key: int) -> int:
    """Ended chains that could have been drawn for an audit round."""
    return int(
        connection.execute(
            select(func.count())
            .select_from(CHAIN)
            .where(
                CHAIN.c.project_id == project_key,
                CHAIN.c.kind == "refine",
                CHAIN.c.stop_reason.in_(_COURSE),
                CHAIN.c.incumbent_id.is_not(None),
            )
        ).scalar_one()
    )


def load_audited(connection: Connection, project_key: int) -> list[AuditedChain]:
    rows = connection.execute(
        select(CHAIN.c.id, CHAIN.c.audit, CHAIN.c.incumbent_id)
        .where(CHAIN.c.project_id == project_key, CHAIN.c.audit.is_not(None))
        .order_by(CHAIN.c.id)
    ).all()
    return [load_audited_chain(connection, row.id, audit=row.audit, final=row.incumbent_id) for row in rows]


def load_audited_chain(connection: Connection, chain_key: int, *, audit: str, final: int) -> AuditedChain:
    """Of a chain that was chosen for an audit round and has it."""
    if audit == "same":
        return AuditedChain(first=final, final=final, is_same=True, is_done=True, rankings=())
    round = newest_round(connection, chain_key, kind="audit")
    assert round is not None
    shown = [candidate.key for candidate, _, _ in load_shown(connection, round.key)]
    rankings = connection.execute(
        select(RANKING.c.groups)
        .join(LABELER, LABELER.c.id == RANKING.c.labeler_id)
        .where(RANKING.c.round_id == round.key, or_(LABELER.c.weight.is_(None), LABELER.c.weight > 0))
    ).scalars()
    return AuditedChain(
        first=next(key for key in shown if key != final),
        final=final,
        is_same=False,
        is_done=audit == "done",
        rankings=tuple(tuple(tuple(group) for group in groups) for groups in rankings),
    )


def load_last_verdicts(connection: Connection, project_key: int) -> list[tuple[dict[str, Any], str, str]]:
    """(details of the last verdict, first draft, final) of every ended chain with a verdict, public ids."""
    newest = (
        select(func.max(ROUND.c.number))
        .where(ROUND.c.chain_id == CHAIN.c.id, ROUND.c.kind == "normal", ROUND.c.state == "judged")
        .correlate(CHAIN)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(CHAIN.c.id, CANDIDATE.c.ulid, VERDICT.c.verdict)
        .join(ROUND, (ROUND.c.chain_id == CHAIN.c.id) & (ROUND.c.kind == "normal") & (ROUND.c.number == newest))
        .join(VERDICT, VERDICT.c.round_id == ROUND.c.id)
        .join(CANDIDATE, CANDIDATE.c.id == CHAIN.c.incumbent_id)
        .where(CHAIN.c.project_id == project_key, CHAIN.c.kind == "refine", CHAIN.c.stop_reason.in_(_COURSE))
        .order_by(CHAIN.c.id)
    ).all()
    found = []
    for chain_key, final, verdict in rows:
        first = next(it for it in load_candidates(connection, chain_key, round=1) if it.is_ok)
        found.append((verdict["details"], first.id, final))
    return found
