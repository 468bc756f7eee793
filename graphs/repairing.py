"""A page that checks find broken goes back to the model with what they found, before anybody's time is spent on it."""

from collections.abc import Sequence
from dataclasses import replace

from graphs.calls import converse
from graphs.context import LoopContext
from graphs.slots import Slot
from refine.artifact import content_hash
from refine.errors import LimitReached, ModelError, ModelMisconfigured, ModelUnreachable
from refine.revise import MAX_REPAIRS, repair_step, repaired
from refine.types import Ask, Files, Finding, GaveUp, Made
from store.calls import RecordedReply
from store.chains import StoredChain
from store.repairs import load_repairs, record_repair


async def repair(context: LoopContext, chain: StoredChain, round: int, slot: Slot) -> tuple[Slot, BaseException | None]:
    """The slot with a page that passes, or, after `MAX_REPAIRS` attempts or a model that cannot, with the last one; and
    what stopped the repairs, if that is to stop the chain once the slot is stored.

    What was found before an interruption is mended as it was then, also where nothing looks at pages any more.
    """
    if slot.files is None:
        return slot, None
    known = context.database.read(load_repairs, chain.key, round, slot.number)
    turn = 0
    for attempt in range(MAX_REPAIRS):
        assert isinstance(slot.outcome, Made)
        assert slot.content_sha256 is not None
        if attempt < len(known):  # what was asked is asked again, and is in the ledger
            findings = known[attempt]
        elif context.checker is None:
            return slot, None
        else:
            findings = await context.checker.check(slot.outcome.files)
            if all(finding.passed for finding in findings):
                return slot, None
            await context.database.write(
                record_repair,
                chain.key,
                round=round,
                slot=slot.number,
                attempt=attempt,
                content_sha256=slot.content_sha256,
                findings=findings,
            )
        try:
            outcome, replies = await _ask(context, chain, round, slot, findings, turn)
        except LimitReached as limit:
            return slot, limit
        except ModelError as error:
            if isinstance(error, ModelMisconfigured | ModelUnreachable):
                raise
            return replace(slot, is_final=True), None
        turn += len(replies)
        if not isinstance(outcome, Made):
            return slot, None
        made = repaired(slot.outcome, outcome)
        slot = replace(slot, outcome=made, content_sha256=content_hash(made.files), reply=replies[-1])
    return slot, None


async def _ask(
    context: LoopContext, chain: StoredChain, round: int, slot: Slot, findings: Sequence[Finding], turn: int
) -> tuple[Made | GaveUp, list[RecordedReply]]:
    assert isinstance(slot.outcome, Made)
    files: Files = slot.outcome.files

    def next_step(replies: Sequence[RecordedReply]) -> Ask | Made | GaveUp:
        return repair_step(files, findings, chain.record.prompt, replies)

    return await converse(
        context, chain, round=round, step="repair", slot=slot.number, next_step=next_step, first_turn=turn
    )
