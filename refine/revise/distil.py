"""Distilling: critiques become an edit plan. It never gives up: without a usable reply the plan is deterministic."""

from collections.abc import Sequence

from refine.prompts import fence, render
from refine.revise.atoms import MAX_CLAIM_CHARS, InvalidAtoms, parse_atoms
from refine.revise.intake import Intake, Segment, take_in, words
from refine.revise.merge import merge, merge_deterministic
from refine.revise.turns import ReplyLike, conversation, render_once, repair, run_replies
from refine.types import Ask, CritiqueRecord, EditPlan, Part

MAX_TURNS = 2


def distil_step(
    prompt: str, critiques: Sequence[CritiqueRecord], *, parent: str, replies: Sequence[ReplyLike]
) -> Ask | EditPlan:
    """Asks for atoms, once more when the first reply was not valid, then makes the plan.

    `parent` is the id of the candidate to revise; critiques of others make no issues. Without a critique to read, the
    plan is empty and deterministic, and nothing is asked.
    """
    intake = take_in(critiques, parent)
    if not intake.critiques:
        return merge_deterministic(intake)
    first = conversation(render_once("distil"), _user_message(prompt, intake))
    if not replies:
        return first
    try:
        return merge(intake, parse_atoms(replies[-1].text, {segment.id: segment for segment in intake.segments}))
    except InvalidAtoms as exc:
        if len(replies) < MAX_TURNS:
            return repair(first, render("distil_repair", problem=str(exc), claim_chars=MAX_CLAIM_CHARS))
    return merge_deterministic(intake)


def distil_from_replies(
    prompt: str, critiques: Sequence[CritiqueRecord], *, parent: str, replies: Sequence[ReplyLike]
) -> EditPlan:
    """Replay: the plan that the recorded replies make. Replies that end too early (the model call failed for good)
    make the deterministic plan."""

    def step(so_far: Sequence[ReplyLike]) -> Ask | EditPlan:
        return distil_step(prompt, critiques, parent=parent, replies=so_far)

    result = run_replies(step, replies)
    return merge_deterministic(take_in(critiques, parent)) if isinstance(result, Ask) else result


def _user_message(prompt: str, intake: Intake) -> tuple[Part, ...]:
    parts = fence("prompt", prompt)
    for segments in intake.critiques:
        rank = segments[0].critique.rank
        key = segments[0].id.partition(".")[0]
        parts += fence("critique", _lines(segments), id=key, rank="none" if rank is None else str(rank))
    return parts


def _lines(segments: Sequence[Segment]) -> list[Part]:
    parts: list[Part] = []
    for segment in segments:
        parts.append(Part(f"\n{segment.id}| " if parts else f"{segment.id}| "))
        parts.extend(words(segment.text, segment.span))
    return parts
