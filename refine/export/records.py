"""What exports are made of: a chain with all that is recorded about it, as plain records without a database."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from refine.settings import ChainKind
from refine.types import (
    CandidateKind,
    ChainState,
    Edit,
    EditPlan,
    Event,
    Files,
    MadeBy,
    Message,
    ModelReply,
    RoundKind,
    Step,
    StopReason,
    Verdict,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCandidate:
    id: str
    parent: str | None = None
    kind: CandidateKind
    generator: str | None
    """The model that wrote it; None where nobody said."""
    made_in_round: int
    files: Files
    """Empty where none were made."""
    content_sha256: str | None
    """None where no files were made."""
    given_id: str | None = None
    how: str = ""
    """`draft`, `blocks` or `whole_file`; empty for a given candidate."""
    edits: tuple[Edit, ...] = ()
    """What became of each block of a revision."""
    is_failed: bool = False
    """Dropped by a check before people saw it, or never made."""
    reason: str | None = None
    """Why it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCritique:
    id: str
    """Spans in messages and plans name critiques by this."""
    candidate: str
    text: str | None
    """Verbatim; None when its labeler was erased."""
    anchor: dict[str, Any] | None = None
    aim: str | None = None
    """`improve` or `keep`, where the labeler said which; so for the next two."""
    category: str | None = None
    severity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReplaced:
    """A ranking whose labeler handed in another in its place, which is the one that counts."""

    id: str
    groups: tuple[tuple[str, ...], ...]
    unjudgeable: tuple[str, ...] = ()
    critiques: tuple[ExportCritique, ...] = ()
    created_at: datetime
    replaced_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRanking:
    id: str
    labeler: str
    """The labeler's public id, never a name."""
    groups: tuple[tuple[str, ...], ...]
    """Tie groups of candidate ids, best first."""
    unjudgeable: tuple[str, ...] = ()
    shown: tuple[str, ...]
    """In the order this labeler saw them."""
    critiques: tuple[ExportCritique, ...] = ()
    why: str | None = None
    """Why the first is better than the second, verbatim."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Candidate that could not be judged -> why."""
    criteria: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    """Criterion -> tie groups of the candidates compared by it, best first."""
    follow_ups: Mapping[str, str] = field(default_factory=dict)
    """The labeler's critique of an earlier round -> fixed, not_fixed or worse."""
    replaced: tuple[ExportReplaced, ...] = ()
    """What the labeler had handed in before, oldest first."""
    made_by: MadeBy
    settings_version: int
    uses_allowed: tuple[str, ...]
    """What this labeler allowed the feedback to be used for."""
    active_s: float | None = None
    cost_usd: float | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRound:
    number: int
    kind: RoundKind
    shown: tuple[str, ...]
    """Candidates on show, by position; controls are among them."""
    controls: tuple[str, ...] = ()
    """Those of them that are controls: no export takes them for candidates."""
    rankings: tuple[ExportRanking, ...] = ()
    verdict: Verdict | None = None
    pinned: str | None = None
    """The candidate that a person made the incumbent after the verdict, whoever had won."""
    plan: EditPlan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCall:
    """A model call of the ledger."""

    id: str
    round: int
    step: Step
    slot: int
    turn: int
    """0 is the first turn of the step's conversation, 1 the repair turn."""
    attempt: int = 0
    """Counts calls that failed for good and were asked again."""
    template: str
    """`name@version`."""
    model: str
    """As asked for; the reply names the one that answered."""
    seed: int
    params: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[Message, ...]
    messages_sha256: str
    reply: ModelReply | None
    """None when the call failed."""
    error: str | None = None
    is_copied: bool = False
    """Copied by a fork: paid for by the chain it came from."""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportChain:
    id: str
    project: str
    prompt_key: str
    prompt: str
    licence: str | None = None
    source: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    kind: ChainKind
    state: ChainState
    stop_reason: StopReason | None
    error: str | None = None
    seed: int
    parent_chain: str | None = None
    fork_round: int | None = None
    """Rounds up to this one are copies of the parent's."""
    settings_version: int
    settings: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """Every version that anything in the chain was made under."""
    is_demo: bool
    is_simulated: bool
    incumbent: str | None
    """The best candidate so far; of an ended chain the final one."""
    candidates: tuple[ExportCandidate, ...]
    """All of them, in the order they were made, those that failed too."""
    rounds: tuple[ExportRound, ...]
    """By number, an audit round last."""
    calls: tuple[ExportCall, ...] = ()
    """In the order they were recorded."""
    events: tuple[Event, ...] = ()
    models_cost_usd: float | None = None
    """None: a price is unknown."""
    people_cost_usd: float | None = None
    """None: a pay rate or time is unknown."""
    created_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which chains and rows an export takes."""

    include_demo: bool = False
    """Take chains of the scripted model, which no export should train on by accident."""
    uses: tuple[str, ...] = ()
    """Only rows whose feedback may be used for all of these."""
    min_confidence: float = 0.6
    """Of a pair: the least P(chosen beats rejected)."""

    def reason_against(self, chain: ExportChain, uses: tuple[str, ...]) -> str | None:
        """Why a row of this chain is left out, whose feedback may be used for `uses`; None: it is taken."""
        if chain.is_demo and not self.include_demo:
            return "demo"
        return None if set(self.uses) <= set(uses) else "uses"


LeftOut = Counter[str]
"""Rows that an export could have had, by what left them out: the first of the reasons in REASONS that holds."""
REASONS = {
    "unfinished": "of chains that have not ended, failed, or have no final page",
    "copied": "pairs of rounds that a fork copied from its parent, which has them",
    "same_page": "pairs of one and the same page",
    "behind": "pairs whose winner is not rated above the other, which a gate can bring about",
    "demo": "of chains of the demo model",
    "uses": "whose labelers did not allow every use asked for",
    "confidence": "pairs below the least confidence",
}


def uses_allowed(chain: ExportChain, *, up_to: int | None = None, with_audit: bool = False) -> tuple[str, ...]:
    """What every labeler whose feedback went into the chain allowed, sorted; empty when nobody gave any.

    Audit rounds, which feed nothing, count only `with_audit`. `up_to`: only rounds with at most this number.
    """
    allowed = [set(ranking.uses_allowed) for ranking in _rankings(chain, up_to, with_audit)]
    return tuple(sorted(set.intersection(*allowed))) if allowed else ()


def made_by(chain: ExportChain, *, up_to: int | None = None) -> tuple[str, ...]:
    """Who gave the feedback that went into the chain, sorted and without doubles; rounds as in `uses_allowed`."""
    return tuple(sorted({ranking.made_by for ranking in _rankings(chain, up_to, False)}))


def _rankings(chain: ExportChain, up_to: int | None, with_audit: bool) -> list[ExportRanking]:
    return [
        ranking
        for round in chain.rounds
        if (with_audit or round.kind != "audit") and (up_to is None or round.number <= up_to)
        for ranking in round.rankings
    ]
