"""The tables. They are the truth: checkpoints and caches can be deleted, these cannot.

INTEGER keys inside, ULIDs (`ulid`) outside. Times are aware UTC. Every row that a run might make twice has a unique key
that makes the second time a no-op. `table=True` classes validate nothing: records are checked at the edges.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

import store.work_tables  # noqa: F401  # so that whoever knows the tables knows all of them
from store.columns import core_of
from store.columns import json_column as _json
from store.columns import text_column as _text
from store.columns import time_column as _time
from store.columns import ulid_column as _ulid


class OwnerRow(SQLModel, table=True):
    """A process that runs chains. It is alive on its host while it holds the lock on its lock file."""

    __tablename__ = "owner"
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    host: str = Field(max_length=255)
    pid: int
    lock_file: str = _text()
    started_at: datetime = _time()
    seen_at: datetime = _time()


class ProjectRow(SQLModel, table=True):
    __tablename__ = "project"
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    name: str = Field(max_length=255, unique=True)
    priority: int = 0
    created_at: datetime = _time()


class SettingsVersionRow(SQLModel, table=True):
    """A project's settings as they were from this version on."""

    __tablename__ = "settings_version"
    __table_args__ = (UniqueConstraint("project_id", "version"),)
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    version: int
    scope: str = Field(default="project", max_length=16)
    """`project`, or `fork`: only for the chain that was forked with other settings."""
    settings: dict[str, Any] = _json()
    created_at: datetime = _time()


class BatchRow(SQLModel, table=True):
    """One run of `refine batch`: which file, under which settings."""

    __tablename__ = "batch"
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    project_id: int = Field(foreign_key="project.id", index=True)
    settings_version_id: int = Field(foreign_key="settings_version.id")
    source_file: str = _text()
    source_sha256: str = Field(max_length=64)
    rows: int
    rows_new: int
    options: dict[str, Any] = _json()
    """Run options without secrets."""
    started_at: datetime = _time()
    ended_at: datetime | None = _time(default=None)


class PromptRow(SQLModel, table=True):
    __tablename__ = "prompt"
    __table_args__ = (UniqueConstraint("project_id", "key"),)
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    project_id: int = Field(foreign_key="project.id")
    batch_id: int | None = Field(default=None, foreign_key="batch.id", index=True)
    key: str = Field(max_length=255)
    text: str = _text()
    text_sha256: str = Field(max_length=64)
    licence: str | None = _text(default=None)
    source: str | None = _text(default=None)
    details: dict[str, Any] = _json()
    """The row's metadata."""
    position: int
    created_at: datetime = _time()


class BlobRow(SQLModel, table=True):
    """Bytes stored once under the SHA-256 of what they are uncompressed."""

    __tablename__ = "blob"
    id: int | None = Field(default=None, primary_key=True)
    sha256: str = Field(max_length=64, unique=True)
    size: int
    encoding: str = Field(max_length=16)
    """`raw`, `zstd`, or `zstd-ref`: zstd with the bytes of `base_id` as dictionary."""
    base_id: int | None = Field(default=None, foreign_key="blob.id", index=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ChainRow(SQLModel, table=True):
    __tablename__ = "chain"
    __table_args__ = (
        Index("ix_chain_project_state", "project_id", "state"),
        Index("ix_chain_owner", "owner_id"),
        Index("ix_chain_prompt", "prompt_id"),
        Index("ix_chain_batch", "batch_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    project_id: int = Field(foreign_key="project.id")
    prompt_id: int = Field(foreign_key="prompt.id")
    batch_id: int | None = Field(default=None, foreign_key="batch.id")
    settings_version_id: int = Field(foreign_key="settings_version.id")
    kind: str = Field(max_length=16)
    state: str = Field(max_length=16)
    stop_reason: str | None = Field(default=None, max_length=16)
    seed: int
    priority: int = 0
    owner_id: int | None = Field(default=None, foreign_key="owner.id")
    incumbent_id: int | None = None
    """candidate.id; no foreign key, since candidates refer to chains."""
    pinned_id: int | None = None
    paused_at: datetime | None = _time(default=None)
    stop_requested_at: datetime | None = _time(default=None)
    is_demo: bool = False
    is_simulated: bool = False
    audit: str | None = Field(default=None, max_length=16)
    """None: not chosen for an audit round. `same`: final and first are one, a certain tie. `open`, then `done`."""
    error: str | None = _text(default=None)
    parent_chain_id: int | None = Field(default=None, foreign_key="chain.id", index=True)
    fork_round: int | None = None
    created_at: datetime = _time()
    started_at: datetime | None = _time(default=None)
    ended_at: datetime | None = _time(default=None)


class RoundRow(SQLModel, table=True):
    __tablename__ = "round"
    __table_args__ = (
        UniqueConstraint("chain_id", "kind", "number"),
        Index("ix_round_state", "state", "priority"),
    )
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    chain_id: int = Field(foreign_key="chain.id")
    kind: str = Field(max_length=16)
    number: int
    state: str = Field(max_length=16)
    """`open` (wants rankings), `full`, `judged`, `closed` (ended without a verdict)."""
    wanted: int
    received: int = 0
    priority: float = 0.0
    settings_version_id: int = Field(foreign_key="settings_version.id")
    opened_at: datetime = _time()
    filled_at: datetime | None = _time(default=None)
    judged_at: datetime | None = _time(default=None)


class CandidateRow(SQLModel, table=True):
    """One version of the code; immutable."""

    __tablename__ = "candidate"
    __table_args__ = (
        UniqueConstraint("chain_id", "round", "slot"),
        Index("ix_candidate_sha", "content_sha256"),
        Index("ix_candidate_parent", "parent_id"),
        Index("ix_candidate_call", "call_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    chain_id: int = Field(foreign_key="chain.id")
    round: int
    """The round it was made for."""
    slot: int
    kind: str = Field(max_length=16)
    state: str = Field(max_length=16)
    """`ok`, or `failed`: dropped by a check, or never made."""
    parent_id: int | None = Field(default=None, foreign_key="candidate.id")
    plan_id: int | None = Field(
        default=None,
        # use_alter: plans refer to candidates, so one of the two keys is left out when tables are put in order
        sa_column=Column(ForeignKey("plan.id", name="fk_candidate_plan", use_alter=True), index=True, nullable=True),
    )
    call_id: int | None = Field(default=None, foreign_key="model_call.id")
    """The call whose reply it was made from, the last one where there were several turns."""
    given_id: str | None = _text(default=None)
    generator: str | None = _text(default=None)
    """The model that wrote it; never shown to labelers."""
    made_by: str = Field(default="program", max_length=16)
    content_sha256: str | None = Field(default=None, max_length=64)
    """None when no files were made."""
    size_bytes: int = 0
    how: str = Field(default="", max_length=16)
    reason: str | None = _text(default=None)
    """Why it failed."""
    created_at: datetime = _time()


class CandidateFileRow(SQLModel, table=True):
    __tablename__ = "candidate_file"
    __table_args__ = (UniqueConstraint("candidate_id", "position"),)
    id: int | None = Field(default=None, primary_key=True)
    candidate_id: int = Field(foreign_key="candidate.id")
    position: int
    filename: str = Field(max_length=255)
    blob_id: int = Field(foreign_key="blob.id", index=True)


class CheckRow(SQLModel, table=True):
    """What a check found in a candidate."""

    __tablename__ = "check_result"
    __table_args__ = (UniqueConstraint("candidate_id", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    candidate_id: int = Field(foreign_key="candidate.id")
    name: str = Field(max_length=64)
    passed: bool
    detail: str = _text(default="")


class PictureRow(SQLModel, table=True):
    """How a candidate looks when it is opened, from the browser that checked it; the same bytes have the same ones."""

    __tablename__ = "picture"
    __table_args__ = (UniqueConstraint("content_sha256", "view"),)
    id: int | None = Field(default=None, primary_key=True)
    content_sha256: str = Field(max_length=64)
    view: str = Field(max_length=16)
    """`desktop` or `phone`."""
    width: int
    height: int
    """In CSS pixels of the page."""
    media_type: str = Field(max_length=32)
    blob_id: int = Field(foreign_key="blob.id", index=True)
    created_at: datetime = _time()


class RepairRow(SQLModel, table=True):
    """A page that checks found broken before it was a candidate, and what the model was asked to mend."""

    __tablename__ = "repair"
    __table_args__ = (UniqueConstraint("chain_id", "round", "slot", "attempt"),)
    id: int | None = Field(default=None, primary_key=True)
    chain_id: int = Field(foreign_key="chain.id")
    round: int
    slot: int
    attempt: int
    content_sha256: str = Field(max_length=64)
    """Of the broken page."""
    findings: list[list[str]] = _json()
    """Name and detail of every check that did not pass."""
    created_at: datetime = _time()


class RoundCandidateRow(SQLModel, table=True):
    """A candidate on show in a round; `position` is the n of `cn`."""

    __tablename__ = "round_candidate"
    __table_args__ = (
        UniqueConstraint("round_id", "candidate_id"),
        UniqueConstraint("round_id", "position"),
        Index("ix_round_candidate_candidate", "candidate_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id")
    candidate_id: int = Field(foreign_key="candidate.id")
    position: int
    is_incumbent: bool = False


class ControlRow(SQLModel, table=True):
    """A proven perturbation of a candidate of the round: whoever looks puts the original before it."""

    __tablename__ = "control"
    __table_args__ = (Index("ix_control_round", "round_id"),)
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    round_id: int = Field(foreign_key="round.id")
    original_id: int = Field(foreign_key="candidate.id", index=True)
    candidate_id: int = Field(foreign_key="candidate.id", unique=True)
    operator: str = Field(max_length=64)
    channel: str = Field(max_length=32)
    severity: float
    record: dict[str, Any] = _json()
    """As `refine.perturb.perturbation_record`: the edits, so that it can be undone, and the proof."""
    retired_at: datetime | None = _time(default=None)
    """Trusted labelers do not see it, or dispute it: it is not given to anybody any more."""
    created_at: datetime = _time()


class LabelerRow(SQLModel, table=True):
    __tablename__ = "labeler"
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    name: str = Field(max_length=200, unique=True)
    kind: str = Field(max_length=16)
    """As `made_by`: person, assisted, program, simulated, judge."""
    consent_version: str | None = Field(default=None, max_length=64)
    uses_allowed: list[str] | None = _json(default=None)
    """None: whatever the project's settings say."""
    pay_rate_usd_hour: float | None = None
    disabled_at: datetime | None = _time(default=None)
    erased_at: datetime | None = _time(default=None)
    created_at: datetime = _time()
    last_seen_at: datetime | None = _time(default=None)
    weight: float | None = None
    """What an operator lets their rankings count for beside others', 0 to 1; None: as the engine finds."""


class AssignmentRow(SQLModel, table=True):
    __tablename__ = "assignment"
    __table_args__ = (UniqueConstraint("round_id", "labeler_id"), Index("ix_assignment_labeler", "labeler_id"))
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    round_id: int = Field(foreign_key="round.id")
    labeler_id: int = Field(foreign_key="labeler.id")
    state: str = Field(max_length=16)
    """`leased`, `finished`, `skipped`, `reported`. A lease past its time still takes the finished work."""
    shown: list[int] = _json()
    """candidate.id in the order shown to this labeler."""
    leased_at: datetime = _time()
    lease_expires_at: datetime = _time()
    finished_at: datetime | None = _time(default=None)
    active_s: float | None = None
    pay_rate_usd_hour: float | None = None
    cost_usd: float | None = None
    """active_s at the pay rate; None where either is unknown."""
    note: str | None = _text(default=None)
    """Why it was skipped, in the labeler's words."""
    reopened_at: datetime | None = _time(default=None)
    """A finished one: its labeler is changing what they handed in, which counts until the new one is in."""
    control_id: int | None = Field(default=None, foreign_key="control.id", index=True)
    device: str | None = Field(default=None, max_length=16)
    """`desktop` or `phone`: what it was handed in from."""


class RankingRow(SQLModel, table=True):
    __tablename__ = "ranking"
    __table_args__ = (Index("ix_ranking_round", "round_id"), Index("ix_ranking_labeler", "labeler_id"))
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    assignment_id: int = Field(foreign_key="assignment.id", unique=True)
    round_id: int = Field(foreign_key="round.id")
    labeler_id: int = Field(foreign_key="labeler.id")
    groups: list[list[int]] = _json()
    """Tie groups of candidate.id, best first."""
    unjudgeable: list[int] = _json()
    key: str = Field(max_length=255, unique=True)
    """Idempotency key."""
    made_by: str = Field(max_length=16)
    settings_version_id: int = Field(foreign_key="settings_version.id")
    consent_version: str | None = Field(default=None, max_length=64)
    uses_allowed: list[str] = _json()
    created_at: datetime = _time()


class WordsRow(SQLModel, table=True):
    """A person's words, stored once. Erasing them removes text and salt and leaves the hash as a tombstone."""

    __tablename__ = "words"
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    labeler_id: int = Field(foreign_key="labeler.id", index=True)
    text: str | None = _text(default=None)
    salt: str | None = Field(default=None, max_length=32)
    sha256: str = Field(max_length=64)
    """Of salt and text: without the salt, a guess at erased words cannot be tested."""
    erased_at: datetime | None = _time(default=None)


class CritiqueRow(SQLModel, table=True):
    __tablename__ = "critique"
    __table_args__ = (
        Index("ix_critique_ranking", "ranking_id"),
        Index("ix_critique_candidate", "candidate_id"),
        Index("ix_critique_round", "round_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    """Spans name critiques by this."""
    ranking_id: int = Field(foreign_key="ranking.id")
    round_id: int = Field(foreign_key="round.id")
    candidate_id: int = Field(foreign_key="candidate.id")
    words_id: int = Field(foreign_key="words.id", index=True)
    anchor: dict[str, Any] | None = _json(default=None)
    made_by: str = Field(max_length=16)
    created_at: datetime = _time()
    aim: str | None = Field(default=None, max_length=16)
    category: str | None = Field(default=None, max_length=16)
    severity: str | None = Field(default=None, max_length=16)
    snapshot_id: int | None = Field(default=None, foreign_key="blob.id", index=True)
    """The page as it stood when the critique was pinned, as the page itself told: a hint, and hostile."""
    crop_id: int | None = Field(default=None, foreign_key="blob.id", index=True)
    """A picture of the snapshot, drawn without scripts or network."""


class VerdictRow(SQLModel, table=True):
    __tablename__ = "verdict"
    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id", unique=True)
    winner_id: int = Field(foreign_key="candidate.id", index=True)
    incumbent_id: int | None = Field(default=None, foreign_key="candidate.id", index=True)
    verdict: dict[str, Any] = _json()
    """The whole record, as in refine.types.Verdict."""
    created_at: datetime = _time()


class ReliabilitySnapshotRow(SQLModel, table=True):
    """What was believed of labelers at one moment. Verdicts name the one they rested on."""

    __tablename__ = "reliability_snapshot"
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    project_id: int | None = Field(default=None, foreign_key="project.id", index=True)
    """None: of all rankings that no simulated labeler made."""
    rankings: int
    comparisons: int
    seed: int
    method: str = Field(max_length=64)
    population: dict[str, Any] = _json()
    labelers: dict[str, Any] = _json()
    """By labeler.ulid: mean, sd, p_careless, p_adversarial."""
    created_at: datetime = _time()


class PlanRow(SQLModel, table=True):
    """The edit plan made of a round's critiques. Verbatim words in it are spans, not text."""

    __tablename__ = "plan"
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    round_id: int = Field(foreign_key="round.id", unique=True)
    parent_candidate_id: int = Field(foreign_key="candidate.id", index=True)
    call_id: int | None = Field(default=None, foreign_key="model_call.id", index=True)
    made_by: str = Field(max_length=16)
    plan: dict[str, Any] = _json()
    sha256: str = Field(max_length=64)
    created_at: datetime = _time()


class EditRow(SQLModel, table=True):
    """What became of one block of a revision, or of one issue no block served."""

    __tablename__ = "edit"
    __table_args__ = (UniqueConstraint("candidate_id", "position"),)
    id: int | None = Field(default=None, primary_key=True)
    candidate_id: int = Field(foreign_key="candidate.id")
    position: int
    issues: list[str] = _json()
    filename: str = _text()
    status: str = Field(max_length=16)
    how: str = Field(max_length=16)
    reason: str = _text(default="")
    start: int = -1
    end: int = -1
    search_sha256: str | None = Field(default=None, max_length=64)
    replace_sha256: str | None = Field(default=None, max_length=64)


class ModelCallRow(SQLModel, table=True):
    """The ledger: every call to a model, recorded before anything is done with its reply."""

    __tablename__ = "model_call"
    __table_args__ = (UniqueConstraint("chain_id", "round", "step", "slot", "turn", "attempt"),)
    id: int | None = Field(default=None, primary_key=True)
    ulid: str = _ulid()
    chain_id: int = Field(foreign_key="chain.id")
    round: int
    step: str = Field(max_length=16)
    slot: int
    turn: int
    """0 is the first turn of the step's conversation, 1 the repair turn."""
    attempt: int
    """Counts calls that failed for good and were asked again."""
    state: str = Field(max_length=16)
    """`ok` or `failed`."""
    template: str = Field(max_length=64)
    """`name@version` of the system template."""
    model: str = _text()
    model_returned: str | None = _text(default=None)
    provider: str | None = _text(default=None)
    params: dict[str, Any] = _json()
    seed: int
    messages: list[Any] = _json()
    """[[role, [part, …]], …]; a part is {"t": text}, {"b": sha256 of a blob} or, for a labeler's words,
    {"c": critique ulid, "s": start, "e": end}."""
    messages_sha256: str = Field(max_length=64)
    """Over the hashes of the parts, so that it can be recomputed after an erasure."""
    reply: list[Any] | None = _json(default=None)
    """Parts, as in messages: where it quotes a labeler's words it refers to them. None when no reply came."""
    reply_sha256: str | None = Field(default=None, max_length=64)
    reasoning: list[Any] | None = _json(default=None)
    reasoning_sha256: str | None = Field(default=None, max_length=64)
    reasoning_kind: str = Field(default="absent", max_length=16)
    finish_reason: str | None = Field(default=None, max_length=64)
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    retries: int = 0
    errors: list[str] = _json(default=None)
    is_cached: bool = False
    is_copied: bool = False
    """Copied by a fork: paid for by the chain it came from."""
    created_at: datetime = _time()


class EventRow(SQLModel, table=True):
    """The journal of a chain, in the transaction of what it tells."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("chain_id", "seq"),)
    id: int | None = Field(default=None, primary_key=True)
    chain_id: int = Field(foreign_key="chain.id")
    seq: int
    type: str = Field(max_length=32)
    round: int
    refs: dict[str, Any] = _json()
    at: datetime = _time()


# The same tables for Core statements, which cost a tenth of the ORM's time per written row.
OWNER = core_of(OwnerRow)
PROJECT = core_of(ProjectRow)
SETTINGS_VERSION = core_of(SettingsVersionRow)
BATCH = core_of(BatchRow)
PROMPT = core_of(PromptRow)
BLOB = core_of(BlobRow)
CHAIN = core_of(ChainRow)
ROUND = core_of(RoundRow)
CANDIDATE = core_of(CandidateRow)
CANDIDATE_FILE = core_of(CandidateFileRow)
CHECK = core_of(CheckRow)
PICTURE = core_of(PictureRow)
REPAIR = core_of(RepairRow)
ROUND_CANDIDATE = core_of(RoundCandidateRow)
CONTROL = core_of(ControlRow)
LABELER = core_of(LabelerRow)
ASSIGNMENT = core_of(AssignmentRow)
RANKING = core_of(RankingRow)
WORDS = core_of(WordsRow)
CRITIQUE = core_of(CritiqueRow)
VERDICT = core_of(VerdictRow)
RELIABILITY_SNAPSHOT = core_of(ReliabilitySnapshotRow)
PLAN = core_of(PlanRow)
EDIT = core_of(EditRow)
MODEL_CALL = core_of(ModelCallRow)
EVENT = core_of(EventRow)
