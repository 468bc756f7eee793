"""Making candidates and ending chains: the parts of nodes that are done per slot or in one write."""

from collections.abc import Sequence

from graphs.calls import converse
from graphs.context import LoopContext
from graphs.policy import AUDITED, blind_order, is_chosen_for_audit
from refine.artifact import content_hash
from refine.errors import ModelError, ModelMisconfigured, ModelUnreachable
from refine.revise import draft_step, revise_step
from refine.types import Ask, CandidateKind, EditPlan, Files, GaveUp, Made, StopReason
from store.calls import RecordedReply
from store.chains import StoredChain, end_chain
from store.database import Connection
from store.rounds import StoredCandidate, StoredPlan, add_candidate, load_candidate, load_candidates, open_round


def spare_slots(made: Sequence[StoredCandidate], wanted: int) -> list[int]:
    """Slots in which nothing was made yet, and in which nothing failed either."""
    taken = {candidate.slot for candidate in made}
    return [slot for slot in range(wanted) if slot not in taken]


async def make_draft(context: LoopContext, chain: StoredChain, round: int, slot: int) -> None:
    def next_step(replies: Sequence[RecordedReply]) -> Ask | Made | GaveUp:
        return draft_step(chain.record.prompt, instructions=chain.settings.instructions, replies=replies)

    try:
        outcome, reply = await converse(context, chain, round=round, step="draft", slot=slot, next_step=next_step)
    except (ModelMisconfigured, ModelUnreachable):
        raise
    except ModelError as error:
        await _store_failure(context, chain, round, slot, "draft", str(error))
        return
    assert not isinstance(outcome, EditPlan)
    await _store(context, chain, round, slot, "draft", outcome, reply, parent=None, plan=None)


async def make_revision(
    context: LoopContext,
    chain: StoredChain,
    round: int,
    slot: int,
    *,
    parent: StoredCandidate,
    files: Files,
    plan: StoredPlan,
) -> None:
    def next_step(replies: Sequence[RecordedReply]) -> Ask | Made | GaveUp:
        return revise_step(files, plan.plan, chain.record.prompt, replies, slot=slot)

    try:
        outcome, reply = await converse(context, chain, round=round, step="revise", slot=slot, next_step=next_step)
    except (ModelMisconfigured, ModelUnreachable):
        raise
    except ModelError as error:
        await _store_failure(context, chain, round, slot, "revision", str(error), parent=parent, plan=plan)
        return
    assert not isinstance(outcome, EditPlan)
    await _store(context, chain, round, slot, "revision", outcome, reply, parent=parent, plan=plan)


async def _store(
    context: LoopContext,
    chain: StoredChain,
    round: int,
    slot: int,
    kind: CandidateKind,
    outcome: Made | GaveUp,
    reply: RecordedReply | None,
    *,
    parent: StoredCandidate | None,
    plan: StoredPlan | None,
) -> None:
    made = outcome if isinstance(outcome, Made) else None
    await context.database.write(
        add_candidate,
        chain.key,
        round=round,
        slot=slot,
        kind=kind,
        files=made.files if made else None,
        content_sha256=content_hash(made.files) if made else None,
        parent=parent,
        plan_key=plan.key if plan else None,
        call_key=reply.key if reply else None,
        generator=reply.model if reply else None,
        how=made.how if made else "",
        edits=outcome.edits,
        reason=outcome.reason if isinstance(outcome, GaveUp) else None,
    )


async def _store_failure(
    context: LoopContext,
    chain: StoredChain,
    round: int,
    slot: int,
    kind: CandidateKind,
    reason: str,
    *,
    parent: StoredCandidate | None = None,
    plan: StoredPlan | None = None,
) -> None:
    await context.database.write(
        add_candidate,
        chain.key,
        round=round,
        slot=slot,
        kind=kind,
        files=None,
        content_sha256=None,
        parent=parent,
        plan_key=plan.key if plan else None,
        reason=f"the model failed: {reason}",
    )


def split_duplicates(candidates: Sequence[StoredCandidate], before: Sequence[StoredCandidate]) -> dict[int, str | None]:
    """Per candidate key: the id of one with the same content that comes before it, or None."""
    seen = {candidate.content_sha256: candidate.id for candidate in before}
    twins: dict[int, str | None] = {}
    for candidate in candidates:
        twins[candidate.key] = seen.get(candidate.content_sha256)
        seen.setdefault(candidate.content_sha256, candidate.id)
    return twins


def finish_chain(connection: Connection, chain: StoredChain, *, reason: StopReason, error: str | None) -> bool:
    """End the chain, or open its audit round (True): first draft and final only, for labelers new to it."""
    audit: str | None = None
    shown: list[StoredCandidate] = []
    is_drawn = chain.settings.kind == "refine" and reason in AUDITED and is_chosen_for_audit(chain)
    if is_drawn and chain.incumbent_key is not None:
        first = next(it for it in load_candidates(connection, chain.key, round=1) if it.is_ok)
        final = load_candidate(connection, chain.incumbent_key)
        audit = "same" if first.content_sha256 == final.content_sha256 else "open"
        shown = [first, final]
    is_open = audit == "open"
    end_chain(
        connection,
        chain.key,
        reason=reason,
        round=chain.record.round,
        error=error,
        audit=audit,
        state="audit" if is_open else "ended",
    )
    if is_open:
        open_round(
            connection,
            chain,
            kind="audit",
            number=1,
            candidates=[candidate.key for candidate in blind_order(chain, 0, shown)],
            incumbent=None,
            wanted=chain.settings.rankings_per_round,
        )
    return is_open
