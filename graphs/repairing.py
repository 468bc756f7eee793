"""A page that checks find broken goes back to the model with what they found, before anybody's time is spent on it."""

from collections.abc import Sequence
from dataclasses import replace

from graphs.calls import converse
from graphs.context import LoopContext
from graphs.slots import Slot
from refine.artifact import content_hash
from refine.errors import ModelError, ModelMisconfigured, ModelUnreachable
from refine.revise import MAX_REPAIRS, repair_step, repaired
from refine.types import Ask, Files, Finding, GaveUp, Made
from store.calls import RecordedReply
from store.chains import StoredChain
from store.repairs import load_repairs, record_repair


async def repair(context: LoopContext, chain: StoredChain, round: int, slot: Slot) -> Slot:
    """The slot with a page that passes, or, after `MAX_REPAIRS` attempts or a model that cannot, with the last one."""
    checker = context.checker
    if checker is None or slot.files is None:
        return slot
    known = context.database.read(load_repairs, chain.key, round, slot.number)
    turn = 0
    for attempt in range(MAX_REPAIRS):
        assert isinstance(slot.outcome, Made)
        assert slot.content_sha256 is not None
        if attempt < len(known):  # found before an interruption; what was asked is asked again, and is in the ledger
            findings = known[attempt]
        else:
            findings = await checker.check(slot.outcome.files)
            if all(finding.passed for finding in findings):
                return slot
            await context.database.write(
                record_repair,
                chain.key,
                round=round,
                slot=slot.number,
                attempt=attempt,
                content_sha256=slot.content_sha256,
                findings=findings,
            )
        outcome, replies = await _ask(context, chain, round, slot, findings, turn)
        turn += len(replies)
        if not isinstance(outcome, Made):
            return slot
        made = repaired(slot.outcome, outcome)
        slot = replace(slot, outcome=made, content_sha256=content_hash(made.files), reply=replies[-1])
    return slot


async def _ask(
    context: LoopContext, chain: StoredChain, round: int, slot: Slot, findings: Sequence[Finding], turn: int
) -> tuple[Made | GaveUp, list[RecordedReply]]:
    assert isinstance(slot.outcome, Made)
    files: Files = slot.outcome.files

    def next_step(replies: Sequence[RecordedReply]) -> Ask | Made | GaveUp:
        return repair_step(files, findings, chain.record.prompt, replies)

    try:
        outcome, replies = await converse(
            context, chain, round=round, step="repair", slot=slot.number, next_step=next_step, first_turn=turn
        )
    except (ModelMisconfigured, ModelUnreachable):
        raise
    except ModelError as error:
        return GaveUp(reason=f"the model failed: {error}"), []
    assert isinstance(outcome, Made | GaveUp)
    return outcome, replies
