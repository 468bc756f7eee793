"""Replay: every candidate and plan made again from the recorded replies, without a model."""

from collections.abc import Sequence
from dataclasses import dataclass

from refine.artifact import content_hash
from refine.revise import distil_from_replies, draft_from_replies, repair_from_replies, revise_from_replies
from refine.types import GaveUp, Made, Step
from store.calls import RecordedReply, load_replies
from store.candidates import StoredCandidate, load_candidate, load_candidates, load_files
from store.chains import StoredChain, load_chain
from store.controls import CONTROL_SLOT, load_controls
from store.database import Connection, Database
from store.plans import load_plan, load_plan_by_key, plan_to_json
from store.rankings import load_critiques
from store.repairs import load_repairs
from store.rounds import StoredRound, load_rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that did not come out as it is stored."""

    what: str
    """`candidate` or `plan`."""
    id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    candidates: int
    """Drafts, revisions and controls that a model made, made again; those that had failed included."""
    plans: int
    erased: int
    """Candidates and plans that cannot be made again, because words they rest on have been erased."""
    differing: tuple[Difference, ...]

    @property
    def is_identical(self) -> bool:
        return not self.differing


def replay_chain(database: Database, chain_id: str) -> ReplayReport:
    """Make everything again and compare it byte for byte. Raises InputError for an unknown id. No model is asked."""
    return database.read(_replay, chain_id)


def _replay(connection: Connection, chain_id: str) -> ReplayReport:
    chain = load_chain(connection, chain_id)
    differing: list[Difference] = []
    stored_candidates = load_candidates(connection, chain.key, controls=True)
    candidates = [it for it in stored_candidates if it.kind != "given" and it.call_key is not None]
    plans = erased = 0
    for candidate in candidates:
        if any(reply.is_erased for reply in _replies_of(connection, chain, candidate)):
            erased += 1
            continue
        why = _compare_candidate(connection, chain, candidate)
        if why:
            differing.append(Difference(what="candidate", id=candidate.id, why=why))
    for round in load_rounds(connection, chain.key):
        stored = load_plan(connection, round.key)
        if stored is None:
            continue
        plans += 1
        parent = load_candidate(connection, stored.parent_key)
        critiques = [it for it in load_critiques(connection, round.key) if it.candidate == parent.id]
        if any(critique.is_erased for critique in critiques):
            erased += 1
            continue
        made = distil_from_replies(
            chain.record.prompt, critiques, parent=parent.id, replies=_replies(connection, chain, round, "distil", 0)
        )
        if plan_to_json(made) != plan_to_json(stored.plan):
            differing.append(Difference(what="plan", id=stored.id, why="the replies make another plan"))
    return ReplayReport(candidates=len(candidates), plans=plans, erased=erased, differing=tuple(differing))


def _replies(
    connection: Connection, chain: StoredChain, round: StoredRound | int, step: Step, slot: int
) -> Sequence[RecordedReply]:
    number = round if isinstance(round, int) else round.number
    return load_replies(connection, chain_key=chain.key, round=number, step=step, slot=slot)


def _replies_of(connection: Connection, chain: StoredChain, candidate: StoredCandidate) -> Sequence[RecordedReply]:
    if candidate.kind == "control":
        steps: tuple[Step, ...] = ("perturb", "vary", "variation")
        return [it for step in steps for it in _replies(connection, chain, candidate.round, step, CONTROL_SLOT)]
    return _replies(
        connection, chain, candidate.round, "draft" if candidate.kind == "draft" else "revise", candidate.slot
    )


def _compare_candidate(connection: Connection, chain: StoredChain, candidate: StoredCandidate) -> str | None:
    """Why the candidate does not come out of its replies as it is stored; None when it does."""
    outcome: Made | GaveUp
    replies = _replies_of(connection, chain, candidate)
    if candidate.kind == "control":
        outcome = _control(connection, chain, candidate)
    elif candidate.kind == "draft":
        # Instructions may have been changed since; they shape what is asked, not what is made of the reply.
        outcome = draft_from_replies(chain.record.prompt, replies=replies)
    else:
        plan = None if candidate.plan_key is None else load_plan_by_key(connection, candidate.plan_key)
        if plan is None or candidate.parent_key is None:
            return "its plan or its parent is missing"
        parent = load_files(connection, candidate.parent_key)
        outcome = revise_from_replies(parent, plan.plan, chain.record.prompt, replies, slot=candidate.slot)
    if isinstance(outcome, Made) and candidate.kind != "control":
        attempts = load_repairs(connection, chain.key, candidate.round, candidate.slot)
        mending = _replies(connection, chain, candidate.round, "repair", candidate.slot)
        outcome = repair_from_replies(outcome, attempts, chain.record.prompt, mending)
    if isinstance(outcome, GaveUp):
        if candidate.content_sha256 is None:
            return None
        return f"nothing could be made of its replies ({outcome.reason})"
    if candidate.content_sha256 is None:
        return "its replies make a page, and it is stored as failed"
    if content_hash(outcome.files) != candidate.content_sha256:
        return "the page made of its replies differs"
    if outcome.files != load_files(connection, candidate.key):
        return "the stored page differs from the one made of its replies"
    return None


def _control(connection: Connection, chain: StoredChain, candidate: StoredCandidate) -> Made | GaveUp:
    """The page that the recorded replies make of a control."""
    from refine.perturb import CHANGES, VARIATION, even_out, vary_from_replies, write_from_replies

    stored = next(it for it in load_controls(connection, chain.key) if it.candidate_key == candidate.key)
    if stored.operator != VARIATION:
        original = load_files(connection, stored.original_key)
        replies = _replies(connection, chain, candidate.round, "perturb", CONTROL_SLOT)
        flawed = write_from_replies(
            chain.record.prompt,
            original,
            replies=replies,
            channel=stored.channel,
            seed=int(stored.record.get("seed", 0)),
        )
        return flawed if isinstance(flawed, GaveUp) else Made(files=even_out(flawed).files)
    change = next((it for it in CHANGES if it == stored.record.get("change")), None)
    if change is None:
        return GaveUp(reason="its record does not say how the prompt was varied")
    replies = _replies(connection, chain, candidate.round, "vary", CONTROL_SLOT)
    varied = vary_from_replies(chain.record.prompt, change=change, replies=replies)
    if isinstance(varied, GaveUp):
        return varied
    replies = _replies(connection, chain, candidate.round, "variation", CONTROL_SLOT)
    return draft_from_replies(varied.prompt, replies=replies)
