"""The records that cross storeys: frozen, keyword-only, checked where they are made.

Public ids are ULIDs (26 characters). Times are aware UTC. Ranks count from 1, 1 is best.
Big or hot records are plain dataclasses; what comes from outside is a pydantic model.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from refine.settings import ChainKind

MadeBy = Literal["person", "assisted", "program", "simulated", "judge"]
ChainState = Literal["new", "active", "waiting", "audit", "ended"]
StopReason = Literal[
    "rounds", "cost", "rankings", "deadline", "plateau", "nothing_left", "ranked", "criticised", "stopped", "failed"
]
RoundKind = Literal["normal", "audit"]
CandidateKind = Literal["draft", "revision", "given", "control"]
Step = Literal["draft", "distil", "revise", "repair", "perturb", "vary", "variation"]
IssueKind = Literal["behaviour", "content", "look", "accessibility", "performance", "other"]


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# --- Web code -----------------------------------------------------------------------------------------------------


class CodeFile(Record):
    """One file of a candidate, exactly as it is stored and shown."""

    filename: str = Field(min_length=1, max_length=255)
    content: str


Files = tuple[CodeFile, ...]
PageView = Literal["desktop", "phone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePicture:
    """How a page looks when it is opened, drawn by our own browser and compressed by us."""

    view: PageView
    width: int
    height: int
    """In CSS pixels of the page; the picture itself may have fewer."""
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check says of a page."""

    name: str
    passed: bool
    detail: str = ""
    """What is wrong, in one sentence; empty when it passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeControl:
    """A copy of a page that is worse on purpose, and proven to be."""

    files: Files
    operator: str
    channel: str
    severity: float
    record: dict[str, Any]
    """What was changed, and the proof (refine.perturb.perturbation_record)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedControl:
    """A copy of a page that is meant to be worse, and of which nothing is proven yet."""

    files: Files
    operator: str
    channel: str
    severity: float
    shows_in: frozenset[str]
    """Channels of a probe (refine.artifact.probe) of which one must differ."""
    record: dict[str, Any]
    """As that of a MadeControl, without the proof."""


# --- Messages to models -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of a critique's text: characters `start` to `end` of the critique with public id `critique`."""

    critique: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message. With `span`, `text` is a labeler's words, stored once elsewhere and only referred to."""

    text: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, as the provider counted them; None where it did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    model: str
    messages: tuple[Message, ...]
    seed: int
    temperature: float | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    text: str
    model_returned: str
    provider: str
    finish_reason: str
    """`stop`, `length` (truncated), `content_filter` or what the provider said."""
    reasoning: str | None = None
    reasoning_kind: Literal["visible", "summarised", "absent"] = "absent"
    usage: Usage = Usage()
    cost_usd: float | None = None
    """None: the price is unknown."""
    latency_ms: float = 0.0
    """Of the attempt that succeeded."""
    errors: tuple[str, ...] = ()
    """One line per failed attempt before it, oldest first."""
    is_cached: bool = False


# --- Edits --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanIssue:
    """One thing to fix. `span` is set where `claim` is a labeler's own words."""

    id: str
    """`i1`, `i2`, … in order of expected gain."""
    kind: IssueKind
    target: str
    """Where: a selector, a function, a part of the page in words; may be empty."""
    claim: str
    severity: float
    """0 to 1."""
    support: float
    """Sum of the reliabilities of the labelers who said so."""
    opposition: float = 0.0
    span: Span | None = None
    cites: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanKeep:
    """Something people praised, to be left as it is."""

    claim: str
    support: float
    span: Span | None = None
    cites: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRejection:
    """A critique, or piece of one, that the plan leaves out, and why."""

    reason: str
    cite: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanConflict:
    """Issues that ask for opposite things; left alone, or the axis on which revisions differ."""

    issues: tuple[str, ...]
    claims: tuple[str, ...]
    spans: tuple[Span | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EditPlan:
    made_by: Literal["distiller", "deterministic"]
    issues: tuple[PlanIssue, ...]
    keep: tuple[PlanKeep, ...] = ()
    conflicts: tuple[PlanConflict, ...] = ()
    rejected: tuple[PlanRejection, ...] = ()
    version: int = 1

    @property
    def is_empty(self) -> bool:
        return not self.issues


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What became of one search/replace block, or of one issue no block served."""

    issues: tuple[str, ...]
    filename: str
    status: Literal["applied", "not_applied"]
    how: Literal["exact", "whole_file", "none"]
    reason: str = ""
    """Why it was not applied; empty when it was."""
    start: int = -1
    """Byte offset in the parent's file; -1 where it does not apply."""
    end: int = -1
    search: str = ""
    replace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """An engine wants another model turn."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An engine made a candidate."""

    files: Files
    edits: tuple[Edit, ...] = ()
    how: Literal["draft", "blocks", "whole_file"] = "draft"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GaveUp:
    """An engine could not use the replies."""

    reason: str
    edits: tuple[Edit, ...] = ()


# --- Feedback -----------------------------------------------------------------------------------------------------


MAX_STATE_BYTES = 8 * 1024
"""Of an anchor's `state` and `trail` together, as JSON."""
CritiqueAim = Literal["improve", "keep"]
Severity = Literal["low", "medium", "high"]
FollowUp = Literal["fixed", "not_fixed", "worse"]


class _Anchor(Record):
    """What all anchors may say of the moment they were set in. It came from the page and may be forged."""

    state: dict[str, Any] | None = None
    """What the page was like: a dialog open, how far scrolled, on a phone."""
    trail: tuple[dict[str, Any], ...] | None = None
    """What the labeler had done in it, oldest first."""

    @model_validator(mode="after")
    def _bounded(self) -> "_Anchor":
        if self.state is None and self.trail is None:
            return self
        try:
            size = len(orjson.dumps([self.state, self.trail]))
        except TypeError as error:
            raise ValueError(f"state and trail are not JSON ({error})") from error
        if size > MAX_STATE_BYTES:
            raise ValueError(f"state and trail have {size} bytes; at most {MAX_STATE_BYTES} are kept")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Anchors are stored, and keys are made of them: one that says nothing of its moment looks as it always did."""
        values: dict[str, Any] = handler(self)
        optional = ("state", "trail", *(("box", "viewport") if values.get("kind") == "edit" else ()))
        return {name: value for name, value in values.items() if value is not None or name not in optional}


class ElementAnchor(_Anchor):
    kind: Literal["element"]
    selector: str = Field(max_length=2000)
    box: tuple[float, float, float, float]
    """x, y, width, height in CSS pixels of the viewport."""
    viewport: tuple[int, int]


class RegionAnchor(_Anchor):
    kind: Literal["region"]
    box: tuple[float, float, float, float]
    viewport: tuple[int, int]


class SketchAnchor(_Anchor):
    kind: Literal["sketch"]
    strokes: tuple[tuple[tuple[float, float], ...], ...] = Field(max_length=500)
    viewport: tuple[int, int]


class EditAnchor(_Anchor):
    kind: Literal["edit"]
    selector: str = Field(max_length=2000)
    property: str = Field(max_length=200)
    old: str = Field(max_length=4000)
    new: str = Field(max_length=4000)
    box: tuple[float, float, float, float] | None = None
    viewport: tuple[int, int] | None = None


Anchor = Annotated[ElementAnchor | RegionAnchor | SketchAnchor | EditAnchor, Field(discriminator="kind")]


class CritiqueIn(Record):
    """A critique as it comes in; `candidate` is a ULID by the time the store sees it."""

    candidate: str
    text: str = Field(max_length=20_000)
    anchor: Anchor | None = None
    aim: CritiqueAim | None = None
    """Whether it says what to improve or what to keep, where the labeler said which."""
    category: IssueKind | None = None
    severity: Severity | None = None
    snapshot: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """The page as it stood, brought ahead (`store.snapshots`); one that is not there is no mistake."""


Tried = tuple[Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)], Annotated[int, Field(ge=0, le=1_000_000)]]
"""Seconds that a candidate was in use, and inputs it got."""
Device = Literal["desktop", "phone"]


class RankingIn(Record):
    """One labeler's ordering: tie groups, best first; ULIDs of candidates of the round."""

    groups: tuple[tuple[str, ...], ...]
    unjudgeable: tuple[str, ...] = ()
    critiques: tuple[CritiqueIn, ...] = ()
    reasons: dict[str, Annotated[str, Field(max_length=4000)]] = Field(default_factory=dict)
    """Candidate that cannot be judged -> why."""
    why: str | None = Field(default=None, max_length=4000)
    """Why the first is better than the second, verbatim."""
    criteria: dict[str, tuple[tuple[str, ...], ...]] = Field(default_factory=dict)
    """Criterion of the project -> tie groups of the candidates compared by it, best first."""
    follow_ups: dict[str, FollowUp] = Field(default_factory=dict)
    """Critique of an earlier round -> what became of what it asked for."""
    tried: dict[str, Tried] = Field(default_factory=dict)
    """Candidate -> how much the labeler tried it, as their page counted; what a page says of itself may be forged."""

    @field_validator("criteria", "follow_ups", "reasons", "tried")
    @classmethod
    def _few(cls, value: dict[str, Any]) -> dict[str, Any]:
        if len(value) > 100:
            raise ValueError("has more than 100 entries")
        return value

    @property
    def has_details(self) -> bool:
        return bool(self.why or self.reasons or self.criteria or self.follow_ups or self.tried)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One round's candidates for one labeler, in an order of its own."""

    id: str
    round: str
    chain: str
    prompt: str
    instructions: str
    labeler: str
    """The labeler's name."""
    candidates: tuple[str, ...]
    """ULIDs in the order shown."""
    lease_expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """There is no work for a labeler now."""

    reason: Literal["in_others_hands", "being_made", "all_done", "nothing"]
    """Every place is taken; pages are still being made; what is open this labeler has done or may not see; nothing is
    open at all."""
    retry_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """What a labeler is told of a project before they work in it."""

    project: str
    instructions: str
    pay_rate_usd_hour: float | None
    expected_minutes: float | None
    """For one assignment."""
    uses_allowed: tuple[str, ...]
    terms: str
    terms_version: str | None
    """None where there are no terms to accept."""
    is_accepted: bool
    """Nothing stands between the labeler and the work: these terms were accepted, or there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An assignment with what its labeler needs to know about it."""

    assignment: Assignment
    project: str
    state: Literal["leased", "finished", "skipped", "reported"]
    is_reopened: bool
    can_be_reopened: bool
    is_withdrawn: bool
    """It is not shown any more: one of its pages was reported."""
    criteria: tuple[str, ...]
    pay_rate_usd_hour: float | None
    expected_minutes: float | None
    active_s: float
    ranking: RankingIn | None
    """What was handed in, where something was; without words that were erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCritique:
    """A labeler's critique of an earlier round, about what candidates now on show came from."""

    id: str
    round: int
    candidate: str
    """What it was about."""
    descendants: tuple[str, ...]
    """Candidates on show that are it or were made from it."""
    text: str
    anchor: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    assignment: str
    project: str
    state: Literal["accepted", "pending", "not_paid"]
    why: str
    """Why it is not paid; empty otherwise."""
    finished_at: datetime | None
    minutes: float | None
    amount_usd: float | None
    is_handed_in: bool = False
    """A ranking stands behind it; work that was skipped or reported has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelerStatement:
    """What a labeler did and what it is worth."""

    labeler: str
    """Their public id."""
    finished: int
    accepted: int
    pending: int
    not_paid: dict[str, int]
    """Why -> how many."""
    minutes: float
    amount_usd: float
    """Of what is accepted."""
    pending_usd: float
    lines: tuple[StatementLine, ...]
    """Newest first, at most as many as were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCandidate:
    """A candidate of an open round, as panels get it."""

    id: str
    position: int
    """From 1, as in `c1`."""
    given_id: str | None
    """Its `id` in the prompts file."""
    content_sha256: str
    files: Files


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRound:
    """A round that waits for feedback, as panels get it. Nothing in it says which candidate is the incumbent."""

    id: str
    chain: str
    project: str
    number: int
    kind: RoundKind
    prompt_key: str
    prompt: str
    instructions: str
    wanted: int
    """Rankings wanted in all."""
    received: int
    candidates: tuple[ShownCandidate, ...]
    others: tuple[ShownCandidate, ...] = ()
    """Pages that an assignment may show in the place of one of them; of no position."""
    is_fork: bool = False
    """A line of feedback without a chain's id is not for a fork."""
    seen_by: frozenset[str]
    """Names of labelers that may not be asked: they finished an assignment of this round or, in an audit round, were
    ever shown the chain. One who holds a lease on this round may be asked again: the lease is theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CritiqueRecord:
    """A critique as the distiller's intake gets it."""

    id: str
    candidate: str
    labeler: str
    """The labeler's public id."""
    text: str
    """Verbatim."""
    anchor: dict[str, Any] | None
    reliability: float
    rank: int | None
    """Where this labeler put the candidate; None if unjudgeable."""
    is_erased: bool = False
    """The words are gone; `text` is a stand-in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingRecord:
    id: str
    round: int
    labeler: str
    groups: tuple[tuple[str, ...], ...]
    shown: tuple[str, ...]
    """Candidates in the order this labeler saw them."""
    weight: float = 1.0
    """What an operator lets its labeler's rankings count for, 0 to 1."""


# --- Verdict ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    candidate: str
    mean: float
    sd: float
    p_best: float
    """Over the candidates on show."""
    p_beats_incumbent: float | None
    """None in a round without an incumbent, and for the incumbent itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The aggregate of a round and what it rested on."""

    winner: str
    """The incumbent after this round."""
    incumbent: str | None
    """The incumbent before it."""
    ratings: tuple[Rating, ...]
    threshold: float
    comparisons: int
    """Over the whole chain so far, ties included."""
    rankings: int
    method: str
    seed: int
    details: dict[str, Any] = field(default_factory=dict)


# --- Prompts ------------------------------------------------------------------------------------------------------


class GivenCandidate(Record):
    """A page that came with a prompt, in the shape of Dojo's dumps."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str | None = None
    model: str | None = None
    files: tuple[CodeFile, ...] = Field(min_length=1)


class PromptIn(Record):
    """A row of a prompts file."""

    key: str
    """`id` in the file, or 16 hex digits of the text's SHA-256."""
    prompt: str = Field(min_length=1)
    licence: str | None = None
    source: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    candidates: tuple[GivenCandidate, ...] = ()


# --- Chains as seen from outside ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRecord:
    id: str
    project: str
    prompt_key: str
    prompt: str
    kind: ChainKind
    state: ChainState
    stop_reason: StopReason | None
    round: int
    """The newest round's number; 0 before the first."""
    rounds_judged: int
    seed: int
    priority: int
    settings_version: int
    incumbent: str | None
    pinned: str | None
    """Takes the incumbent's place at the next verdict."""
    is_paused: bool
    stop_requested: bool
    is_demo: bool
    is_simulated: bool
    error: str | None
    parent_chain: str | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a trajectory: small, typed, and full of references."""

    seq: int
    type: str
    round: int
    refs: dict[str, Any]
    at: datetime
