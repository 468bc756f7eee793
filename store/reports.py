"""What labelers reported as disturbing, and what was decided about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select, update

from refine.errors import InputError
from store.ids import now
from store.places import hold_rounds
from store.tables import ASSIGNMENT, CANDIDATE, CHAIN, LABELER, ROUND, ROUND_CANDIDATE, WORDS
from store.work_tables import REPORT


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport:
    id: str
    candidate: str
    content_sha256: str
    chain: str
    labeler: str
    """Their name."""
    reason: str | None
    """In the labeler's words; None when they were erased."""
    resolution: Literal["upheld", "dismissed"] | None
    created_at: datetime


def list_reports(connection: Connection, *, with_resolved: bool = False) -> list[StoredReport]:
    """Oldest first."""
    query = (
        select(
            REPORT.c.ulid,
            CANDIDATE.c.ulid.label("candidate"),
            REPORT.c.content_sha256,
            CHAIN.c.ulid.label("chain"),
            LABELER.c.name,
            WORDS.c.text,
            REPORT.c.resolution,
            REPORT.c.created_at,
        )
        .join(CANDIDATE, CANDIDATE.c.id == REPORT.c.candidate_id)
        .join(ASSIGNMENT, ASSIGNMENT.c.id == REPORT.c.assignment_id)
        .join(ROUND, ROUND.c.id == ASSIGNMENT.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .join(LABELER, LABELER.c.id == REPORT.c.labeler_id)
        .join(WORDS, WORDS.c.id == REPORT.c.words_id)
        .order_by(REPORT.c.id)
    )
    if not with_resolved:
        query = query.where(REPORT.c.resolution.is_(None))
    return [
        StoredReport(
            id=row.ulid,
            candidate=row.candidate,
            content_sha256=row.content_sha256,
            chain=row.chain,
            labeler=row.name,
            reason=row.text,
            resolution=row.resolution,
            created_at=row.created_at,
        )
        for row in connection.execute(query)
    ]


def resolve_report(connection: Connection, report: str, *, is_upheld: bool) -> tuple[str, ...]:
    """Decide about the page of a report, and with it about every report of the same bytes. Dismissed, its rounds are
    given out again; upheld, they stay held back, and the chains to be stopped are returned: those, not ended, that have
    an open round with it. Raises InputError for an unknown report."""
    row = connection.execute(select(REPORT.c.content_sha256).where(REPORT.c.ulid == report)).first()
    if row is None:
        raise InputError(f"there is no report {report!r}; `refine labeler reports` shows them")
    connection.execute(
        update(REPORT)
        .where(REPORT.c.content_sha256 == row.content_sha256)
        .values(resolution="upheld" if is_upheld else "dismissed", resolved_at=now())
    )
    hold_rounds(connection, row.content_sha256, is_held=is_upheld)
    if not is_upheld:
        return ()
    chains = connection.execute(
        select(CHAIN.c.ulid)
        .join(ROUND, ROUND.c.chain_id == CHAIN.c.id)
        .join(ROUND_CANDIDATE, ROUND_CANDIDATE.c.round_id == ROUND.c.id)
        .join(CANDIDATE, CANDIDATE.c.id == ROUND_CANDIDATE.c.candidate_id)
        .where(
            CANDIDATE.c.content_sha256 == row.content_sha256,
            ROUND.c.state.in_(("open", "full")),
            CHAIN.c.state != "ended",
        )
        .distinct()
    ).scalars()
    return tuple(chains)
