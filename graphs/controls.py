"""A control for a round about to be opened: a proven worse copy of one of those on show.

Most are made by program. Where the project wants it, the model writes the flaw, or makes the page anew from a varied
prompt; what comes of that goes through the same proof, and where nothing does, a program makes the control after all.
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from graphs.calls import converse
from graphs.context import LoopContext
from refine.artifact import check_files, content_hash
from refine.errors import LimitReached, ModelError, ModelMisconfigured, ModelUnreachable, RenderError
from refine.revise import draft_step
from refine.types import Ask, Files, GaveUp, Made, MadeControl, ProposedControl
from store.calls import RecordedReply
from store.candidates import StoredCandidate
from store.chains import StoredChain
from store.controls import CONTROL_SLOT, NewControl

if TYPE_CHECKING:
    from refine.perturb import Channel, Perturbation, Variation

LEAST_SHOWN = 3
"""A control takes another candidate's place; of two there would be nothing left to compare."""
_CHANNELS: tuple["Channel", ...] = ("behaviour", "content", "look", "accessibility")
"""That the model is asked for. Of latency it would have to guess what the probe's clock shows."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the model made, and of which call."""

    proposed: ProposedControl
    call_key: int


async def make_controls(
    context: LoopContext, chain: StoredChain, number: int, shown: Sequence[tuple[StoredCandidate, Files]]
) -> list[NewControl]:
    """One, or none where the project wants none, nothing can be proven, or too few are on show.

    The original is any of them, so that what looks alike is no sign of the incumbent.
    """
    maker = context.control_maker
    if maker is None or chain.settings.share_of_controls == 0 or len(shown) < LEAST_SHOWN:
        return []
    seed = int.from_bytes(hashlib.sha256(f"{chain.record.seed}:control:{number}".encode()).digest()[:4], "big")
    original, files = shown[seed % len(shown)]
    weights = {} if context.reliabilities is None else context.reliabilities.operator_weights(chain)
    call_key, refused = None, ""
    made: MadeControl | str | None = None
    try:
        operator = choose_model_operator(chain, seed, weights)
        if operator is not None:
            asked = await _ask_model(context, chain, number, operator, files, shown, seed)
            if isinstance(asked, _Asked):
                call_key, made = asked.call_key, await maker.prove_control(files, asked.proposed, seed=seed)
            else:
                made = asked
            refused = f"{operator}: {made}" if isinstance(made, str) else ""
        if not isinstance(made, MadeControl):
            call_key, made = None, await maker.make_control(files, seed=seed, weights=weights)
    except RenderError:
        return []  # a round without a control is a round
    if made is None:
        return []
    return [
        NewControl(
            original=original,
            files=made.files,
            operator=made.operator,
            channel=made.channel,
            severity=made.severity,
            record={**made.record, "instead_of": refused} if refused else made.record,
            call_key=call_key,
        )
    ]


def choose_model_operator(
    chain: StoredChain, seed: int, weights: Mapping[str, float]
) -> Literal["written", "variation"] | None:
    """Which of its two kinds the model is to make, if any: by the project's shares, less often where its controls tell
    little of labelers."""
    settings = chain.settings
    written = min(settings.share_of_written_controls * weights.get("written", 1.0), 1.0)
    variation = min(settings.variation_controls * weights.get("variation", 1.0), 1.0)
    drawn = random.Random(f"control by model {seed}").random()
    if drawn < written:
        return "written"
    return "variation" if drawn < written + variation else None


async def _ask_model(
    context: LoopContext,
    chain: StoredChain,
    number: int,
    operator: Literal["written", "variation"],
    files: Files,
    shown: Sequence[tuple[StoredCandidate, Files]],
    seed: int,
) -> _Asked | str:
    """What the model made, or why nothing came of it: a control is not worth stopping a chain for."""
    try:
        if operator == "written":
            return await _write(context, chain, number, files, seed)
        return await _vary(context, chain, number, files, shown, seed)
    except (ModelMisconfigured, ModelUnreachable):
        raise
    except ModelError as error:
        return f"the model failed: {error}"
    except LimitReached:
        return "the budget does not allow it"


async def _write(context: LoopContext, chain: StoredChain, number: int, files: Files, seed: int) -> _Asked | str:
    from refine.perturb import even_out, propose_control, write_step

    prompt, channel = chain.record.prompt, random.Random(seed).choice(_CHANNELS)

    def next_step(replies: Sequence[RecordedReply]) -> "Ask | Perturbation | GaveUp":
        return write_step(prompt, files, replies=replies, channel=channel, seed=seed)

    made, replies = await converse(context, chain, round=number, step="perturb", slot=CONTROL_SLOT, next_step=next_step)
    if isinstance(made, GaveUp):
        return made.reason
    return _Asked(propose_control(even_out(made)), replies[-1].key)


async def _vary(
    context: LoopContext,
    chain: StoredChain,
    number: int,
    files: Files,
    shown: Sequence[tuple[StoredCandidate, Files]],
    seed: int,
) -> _Asked | str:
    """The prompt varied, and a page drafted from that, which must pass what every candidate must."""
    from refine.perturb import CHANGES, propose_variation, vary_step

    change = random.Random(seed).choice(CHANGES)

    def next_variation(replies: Sequence[RecordedReply]) -> "Ask | Variation | GaveUp":
        return vary_step(chain.record.prompt, change=change, replies=replies)

    varied, _ = await converse(context, chain, round=number, step="vary", slot=CONTROL_SLOT, next_step=next_variation)
    if isinstance(varied, GaveUp):
        return varied.reason
    prompt = varied.prompt

    def next_draft(replies: Sequence[RecordedReply]) -> Ask | Made | GaveUp:
        return draft_step(prompt, instructions=chain.settings.instructions, replies=replies)

    drafted, replies = await converse(
        context, chain, round=number, step="variation", slot=CONTROL_SLOT, next_step=next_draft
    )
    if isinstance(drafted, GaveUp):
        return drafted.reason
    broken = [it.name for it in check_files(drafted.files, chain.settings.max_candidate_bytes) if not it.passed]
    if context.checker is not None and not broken:
        broken = [it.name for it in await context.checker.check(drafted.files) if not it.passed]
    if broken:
        return f"a check did not pass: {', '.join(broken)}"
    if content_hash(drafted.files) in {candidate.content_sha256 for candidate, _ in shown}:
        return "it is one of the candidates"
    return _Asked(propose_variation(varied, files, drafted.files), replies[-1].key)
