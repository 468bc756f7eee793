"""Making candidates and ending chains: the parts of nodes that are done per slot or in one write."""

from collections.abc import Callable, Sequence
from typing import Literal

from graphs.calls import converse
from graphs.context import LoopContext
from graphs.policy import AUDITED, blind_order, is_chosen_for_audit
from graphs.repairing import repair
from graphs.slots import Slot
from refine.artifact import content_hash
from refine.errors import ModelError, ModelMisconfigured, ModelUnreachable
from refine.revise import draft_step, revise_step
from refine.types import Ask, Files, GaveUp, Made, StopReason
from store.calls import RecordedReply
from store.candidates import StoredCandidate, add_candidate, find_unchecked, load_candidate, load_candidates
from store.chains import StoredChain, end_chain
from store.database import Connection
from store.plans import StoredPlan
from store.rounds import open_round


def spare_slots(made: Sequence[StoredCandidate], wanted: int) -> list[int]:
    """Slots in which nothing was made yet, and in which nothing failed either."""
    taken = {candidate.slot for candidate in made}
    return [slot for slot in range(wanted) if slot not in taken]


async def make_draft(context: LoopContext, chain: StoredChain, round: int, slot: int) -> Slot:
    def next_step(replies: Sequence[RecordedReply]) -> Ask | Made | GaveUp:
        return draft_step(chain.record.prompt, instructions=chain.settings.instructions, replies=replies)

    outcome, reply = await _converse(context, chain, round, "draft", slot, next_step)
    made = Slot(number=slot, kind="draft", outcome=outcome, content_sha256=_hash(outcome), reply=reply)
    return await _mend(context, chain, round, made)


async def make_revision(
    context: LoopContext,
    chain: StoredChain,
    round: int,
    slot: int,
    *,
    parent: StoredCandidate,
    files: Files,
    plan: StoredPlan,
) -> Slot:
    def next_step(replies: Sequence[RecordedReply]) -> Ask | Made | GaveUp:
        return revise_step(files, plan.plan, chain.record.prompt, replies, slot=slot)

    outcome, reply = await _converse(context, chain, round, "revise", slot, next_step)
    made = Slot(
        number=slot,
        kind="revision",
        outcome=outcome,
        content_sha256=_hash(outcome),
        reply=reply,
        parent=parent,
        plan=plan,
    )
    return await _mend(context, chain, round, made)


async def _mend(context: LoopContext, chain: StoredChain, round: int, slot: Slot) -> Slot:
    slot, stopped_by = await repair(context, chain, round, slot)
    if stopped_by is not None:  # what was made is kept; it is not whole, so nobody is to see it unless it passes
        await context.database.write_surely(store_slots, chain, round, [slot])
        raise stopped_by
    return await _kept(context, chain, round, slot)


async def _kept(context: LoopContext, chain: StoredChain, round: int, slot: Slot) -> Slot:
    """A slot whose call failed for good has no reply to be made from again: unless stored at once, a crash would have
    it asked and paid for once more while the other slots are still at work."""
    if slot.reply is None or slot.is_final:
        await context.database.write_surely(store_slots, chain, round, [slot])
    return slot


async def _converse(
    context: LoopContext,
    chain: StoredChain,
    round: int,
    step: Literal["draft", "revise"],
    slot: int,
    next_step: Callable[[Sequence[RecordedReply]], Ask | Made | GaveUp],
) -> tuple[Made | GaveUp, RecordedReply | None]:
    """A model that failed for good has given this slot up."""
    try:
        outcome, replies = await converse(context, chain, round=round, step=step, slot=slot, next_step=next_step)
    except (ModelMisconfigured, ModelUnreachable):
        raise
    except ModelError as error:
        return GaveUp(reason=f"the model failed: {error}"), None
    return outcome, replies[-1] if replies else None


def _hash(outcome: Made | GaveUp) -> str | None:
    return content_hash(outcome.files) if isinstance(outcome, Made) else None


def store_slots(
    connection: Connection, chain: StoredChain, round: int, slots: Sequence[Slot]
) -> tuple[list[StoredCandidate], list[StoredCandidate]]:
    """Make candidates of them; returns those of the round that no check has seen, and those shown before."""
    for slot in slots:
        add_candidate(
            connection,
            chain.key,
            round=round,
            slot=slot.number,
            kind=slot.kind,
            files=slot.files,
            content_sha256=slot.content_sha256,
            parent=slot.parent,
            plan_key=slot.plan.key if slot.plan else None,
            call_key=slot.reply.key if slot.reply else None,
            generator=slot.reply.model if slot.reply else None,
            how=slot.outcome.how if isinstance(slot.outcome, Made) else "",
            edits=slot.outcome.edits,
            reason=slot.outcome.reason if isinstance(slot.outcome, GaveUp) else None,
        )
    shown_before = [] if chain.incumbent_key is None else [load_candidate(connection, chain.incumbent_key)]
    return find_unchecked(connection, chain.key, round), shown_before


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
