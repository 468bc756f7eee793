"""The tables of people at work: access, the queue, what they hold, drafts, and what came with a ranking.

What is secret is stored as SHA-256 only. `queue`, `held` and `draft` say what is going on now: their rows go when the
round is full or the work is in.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.columns import core_of, json_column, sha256_column, text_column, time_column, ulid_column

# --- Access -------------------------------------------------------------------------------------------------------


class LabelerKeyRow(SQLModel, table=True):
    """A labeler's durable key."""

    __tablename__ = "labeler_key"
    id: int | None = Field(default=None, primary_key=True)
    labeler_id: int = Field(foreign_key="labeler.id", index=True)
    sha256: str = sha256_column(unique=True)
    created_at: datetime = time_column()
    revoked_at: datetime | None = time_column(default=None)


class LabelerLinkRow(SQLModel, table=True):
    """A code that opens one session, once."""

    __tablename__ = "labeler_link"
    id: int | None = Field(default=None, primary_key=True)
    labeler_id: int = Field(foreign_key="labeler.id", index=True)
    sha256: str = sha256_column(unique=True)
    created_at: datetime = time_column()
    expires_at: datetime = time_column()
    used_at: datetime | None = time_column(default=None)


class LabelerSessionRow(SQLModel, table=True):
    """A browser that a labeler works in."""

    __tablename__ = "labeler_session"
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = ulid_column()
    labeler_id: int = Field(foreign_key="labeler.id", index=True)
    sha256: str = sha256_column(unique=True)
    created_at: datetime = time_column()
    expires_at: datetime = time_column()
    revoked_at: datetime | None = time_column(default=None)


class LabelerProjectRow(SQLModel, table=True):
    """A project that a labeler is limited to; one without such rows may work in all."""

    __tablename__ = "labeler_project"
    __table_args__ = (UniqueConstraint("labeler_id", "project_id"),)
    id: int | None = Field(default=None, primary_key=True)
    labeler_id: int = Field(foreign_key="labeler.id")
    project_id: int = Field(foreign_key="project.id")


class ConsentRow(SQLModel, table=True):
    """A labeler accepted the terms of a project. Their text is in the project's settings."""

    __tablename__ = "consent"
    __table_args__ = (UniqueConstraint("labeler_id", "project_id", "version"),)
    id: int | None = Field(default=None, primary_key=True)
    labeler_id: int = Field(foreign_key="labeler.id")
    project_id: int = Field(foreign_key="project.id")
    version: str = Field(max_length=64)
    accepted_at: datetime = time_column()


class WriteKeyRow(SQLModel, table=True):
    """An idempotency key of something done from outside that is no ranking."""

    __tablename__ = "write_key"
    id: int | None = Field(default=None, primary_key=True)
    labeler_id: int = Field(foreign_key="labeler.id", index=True)
    key: str = Field(max_length=255, unique=True)
    what: str = Field(max_length=64)
    """What was done, and the assignment it was done to."""
    created_at: datetime = time_column()


# --- The queue ----------------------------------------------------------------------------------------------------


class QueueRow(SQLModel, table=True):
    """An open round that people are asked for. Claims take the lowest in the order of the index."""

    __tablename__ = "queue"
    __table_args__ = (
        Index(
            "ix_queue_order",
            *("phase", "urgency_rank", "due", "rounds_left", "priority_rank", "round_id"),
        ),
        Index(
            "ix_queue_project_order",
            *("project_id", "phase", "urgency_rank", "due", "rounds_left", "priority_rank", "round_id"),
        ),
        Index("ix_queue_chain", "chain_id"),
    )
    round_id: int | None = Field(default=None, primary_key=True, foreign_key="round.id")
    chain_id: int = Field(foreign_key="chain.id")
    project_id: int = Field(foreign_key="project.id")
    phase: int
    """0 an audit round, 1 a round of a chain that has been begun, 2 of one that has not, 3 nothing to give: all places
    taken, chain paused or stopping, or held back."""
    urgency_rank: int = Field(sa_type=BigInteger)
    """Minus (project priority · 2³² + chain priority)."""
    due: int = Field(sa_type=BigInteger)
    """The project's deadline in seconds since 1970; far away where there is none."""
    rounds_left: int
    """After this one, as far as is known."""
    priority_rank: float
    """Minus round.priority."""
    places: int
    """Rankings wanted, less those that are in and those that are being made. Below 0 when more came than were asked."""
    is_held: bool = False
    """A candidate in it was reported; nobody gets it until somebody has looked."""


class HeldRow(SQLModel, table=True):
    """Work in a labeler's hands."""

    __tablename__ = "held"
    __table_args__ = (Index("ix_held_labeler", "labeler_id"), Index("ix_held_place", "place_until"))
    assignment_id: int | None = Field(default=None, primary_key=True, foreign_key="assignment.id")
    labeler_id: int = Field(foreign_key="labeler.id")
    round_id: int = Field(foreign_key="round.id", index=True)
    place_until: datetime | None = time_column(default=None)
    """None: its lease lapsed and freed the place, or it never had one. The work is still taken."""
    beat_at: datetime | None = time_column(default=None)
    beat_key: str | None = Field(default=None, max_length=64)
    """Of the last beat: the same one again counts nothing."""


class CandidateAuthorRow(SQLModel, table=True):
    """A labeler wrote or edited this candidate, and is never asked to judge it."""

    __tablename__ = "candidate_author"
    __table_args__ = (UniqueConstraint("labeler_id", "candidate_id"),)
    id: int | None = Field(default=None, primary_key=True)
    labeler_id: int = Field(foreign_key="labeler.id")
    candidate_id: int = Field(foreign_key="candidate.id", index=True)


class ReportRow(SQLModel, table=True):
    """A labeler found a page disturbing. Its rounds, and those of pages with the same bytes, are held back."""

    __tablename__ = "report"
    __table_args__ = (UniqueConstraint("assignment_id", "candidate_id"),)
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = ulid_column()
    assignment_id: int = Field(foreign_key="assignment.id")
    candidate_id: int = Field(foreign_key="candidate.id", index=True)
    content_sha256: str = sha256_column(index=True)
    labeler_id: int = Field(foreign_key="labeler.id", index=True)
    words_id: int = Field(foreign_key="words.id", index=True)
    created_at: datetime = time_column()
    resolved_at: datetime | None = time_column(default=None)
    resolution: str | None = Field(default=None, max_length=16)
    """`upheld` or `dismissed`."""


class DisputeRow(SQLModel, table=True):
    """A labeler stands by a ranking that a control speaks against, without knowing which page was the control."""

    __tablename__ = "dispute"
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = ulid_column()
    assignment_id: int = Field(foreign_key="assignment.id", unique=True)
    labeler_id: int = Field(foreign_key="labeler.id", index=True)
    words_id: int = Field(foreign_key="words.id", index=True)
    created_at: datetime = time_column()
    resolved_at: datetime | None = time_column(default=None)
    resolution: str | None = Field(default=None, max_length=16)
    """`upheld` or `dismissed`."""


class LabelerDecisionRow(SQLModel, table=True):
    """What an operator did about a labeler, and why."""

    __tablename__ = "labeler_decision"
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = ulid_column()
    labeler_id: int = Field(foreign_key="labeler.id", index=True)
    action: str = Field(max_length=16)
    """`disable`, `enable` or `weigh`."""
    weight: float | None = None
    """Of `weigh`: 0 takes their rankings out of account; None lets the engine find it."""
    reason: str = text_column()
    created_at: datetime = time_column()


# --- Drafts and what comes with a ranking -------------------------------------------------------------------------


class DraftRow(SQLModel, table=True):
    """An unfinished ranking as the page saves it."""

    __tablename__ = "draft"
    assignment_id: int | None = Field(default=None, primary_key=True, foreign_key="assignment.id")
    labeler_id: int = Field(foreign_key="labeler.id", index=True)
    revision: int
    payload: str = text_column()
    """JSON as it came."""
    saved_at: datetime = time_column()


class RankingDetailRow(SQLModel, table=True):
    """What a labeler said beside ranking and critiques; only where they did."""

    __tablename__ = "ranking_detail"
    id: int | None = Field(default=None, primary_key=True)
    ranking_id: int = Field(foreign_key="ranking.id", unique=True)
    why_words_id: int | None = Field(default=None, foreign_key="words.id", index=True)
    reasons: dict[str, str] = json_column()
    """candidate.id -> why it cannot be judged."""
    criteria: dict[str, Any] = json_column()
    """Criterion -> tie groups of candidate.id, best first."""
    follow_ups: dict[str, str] = json_column()
    """critique.ulid -> fixed, not_fixed or worse."""
    tried: dict[str, Any] | None = json_column(default=None)
    """candidate.id -> [seconds it was open, inputs it got], as the labeler's page counted."""


class RankingHistoryRow(SQLModel, table=True):
    """A ranking as it was before its labeler handed in another in its place."""

    __tablename__ = "ranking_history"
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = ulid_column()
    ranking_id: int = Field(foreign_key="ranking.id", index=True)
    labeler_id: int = Field(foreign_key="labeler.id", index=True)
    key: str = Field(max_length=255, unique=True)
    record: dict[str, Any] = json_column()
    """groups, unjudgeable, reasons and criteria by candidate.id, follow_ups; why and critiques by words.ulid."""
    created_at: datetime = time_column()
    superseded_at: datetime = time_column()


LABELER_KEY = core_of(LabelerKeyRow)
LABELER_LINK = core_of(LabelerLinkRow)
LABELER_SESSION = core_of(LabelerSessionRow)
LABELER_PROJECT = core_of(LabelerProjectRow)
CONSENT = core_of(ConsentRow)
WRITE_KEY = core_of(WriteKeyRow)
QUEUE = core_of(QueueRow)
HELD = core_of(HeldRow)
CANDIDATE_AUTHOR = core_of(CandidateAuthorRow)
REPORT = core_of(ReportRow)
DISPUTE = core_of(DisputeRow)
LABELER_DECISION = core_of(LabelerDecisionRow)
DRAFT = core_of(DraftRow)
RANKING_DETAIL = core_of(RankingDetailRow)
RANKING_HISTORY = core_of(RankingHistoryRow)
