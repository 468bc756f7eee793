"""Drafting: a candidate from the prompt alone."""

from collections.abc import Sequence

from refine.artifact import parse_files
from refine.prompts import fence, render
from refine.revise.turns import ReplyLike, conversation, render_once, repair, run_replies
from refine.types import Ask, GaveUp, Made


def draft_step(prompt: str, *, instructions: str = "", replies: Sequence[ReplyLike]) -> Ask | Made | GaveUp:
    """Asks for a page, once more when the first reply held none, then gives up with the reason of the last."""
    if not replies:
        return _ask(prompt, instructions)
    parsed = parse_files(replies[-1].text, finish_reason=replies[-1].finish_reason)
    if parsed.problem is None:
        return Made(files=parsed.files, how="draft")
    if len(replies) == 1:
        return repair(_ask(prompt, instructions), render("draft_repair", problem=parsed.detail))
    return GaveUp(reason=f"{parsed.problem}: {parsed.detail}")


def _ask(prompt: str, instructions: str) -> Ask:
    parts = fence("prompt", prompt)
    if instructions.strip():
        parts += fence("instructions", instructions)
    return conversation(render_once("draft"), parts)


def draft_from_replies(prompt: str, *, instructions: str = "", replies: Sequence[ReplyLike]) -> Made | GaveUp:
    """Replay: the draft that the recorded replies make, without a model."""

    def step(so_far: Sequence[ReplyLike]) -> Ask | Made | GaveUp:
        return draft_step(prompt, instructions=instructions, replies=so_far)

    result: Ask | Made | GaveUp = run_replies(step, replies)
    return GaveUp(reason="the recorded replies end too early") if isinstance(result, Ask) else result
