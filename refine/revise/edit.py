"""Revising: the parent and an edit plan become a revision.

The editor sees the prompt, the plan and the files, never a critique. It answers with search/replace blocks, or, for
small pages and when no block could be applied, with whole files.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from refine.artifact import entry_file, parse_files, size_bytes
from refine.prompts import fence, render
from refine.revise.blocks import MAX_REASON_CHARS, ParsedBlocks, apply_blocks, parse_blocks, parse_declined
from refine.revise.intake import words
from refine.revise.scan import scan
from refine.revise.turns import ReplyLike, conversation, render_once, repair, run_replies
from refine.revise.whole_file import find_omission, is_same, overlay
from refine.types import Ask, Edit, EditPlan, Files, GaveUp, Made, Part, Span

Prefer = Literal["auto", "blocks", "whole_file"]

MAX_TURNS = 2
WHOLE_FILE_BELOW = 6 * 1024
"""Bytes of a page under which `auto` asks for whole files at once."""

# Revisions of one plan should differ; people choose between them.
_APPROACHES = (
    "Make the smallest change that really fixes an issue.",
    "Fix each issue thoroughly, including other places in the page that have the same fault.",
)

_JSON_ESCAPES = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n"}


def revise_step(
    parent: Files,
    plan: EditPlan,
    prompt: str,
    replies: Sequence[ReplyLike],
    *,
    prefer: Prefer = "auto",
    slot: int = 0,
) -> Ask | Made | GaveUp:
    """Asks for edits, once more for whole files when the first reply changed nothing usable, then is done.

    A reply in the other format than was asked for is read as what it is. A revision that the scan rejects, or that is
    its parent again, is given up at once.
    """
    if plan.is_empty:
        return GaveUp(reason="no change: the plan has no issues")
    whole = prefer == "whole_file" or (prefer == "auto" and size_bytes(parent) < WHOLE_FILE_BELOW)
    if not replies:
        return _ask("revise_whole" if whole else "revise", parent, plan, prompt, slot)
    outcome = _read(parent, plan, prompt, replies[0], whole)
    if isinstance(outcome, Made) or not outcome.is_retried:
        return outcome if isinstance(outcome, Made) else outcome.give_up()
    if len(replies) == 1:
        first = _ask("revise_whole", parent, plan, prompt, slot)
        return repair(first, render("revise_repair", problem=outcome.reason))
    last = _read(parent, plan, prompt, replies[1], True)
    if isinstance(last, Made):
        return Made(files=last.files, edits=last.edits, how=last.how, notes=(f"first reply: {outcome.reason}",))
    return last.give_up()


def revise_from_replies(
    parent: Files,
    plan: EditPlan,
    prompt: str,
    replies: Sequence[ReplyLike],
    *,
    prefer: Prefer = "auto",
    slot: int = 0,
) -> Made | GaveUp:
    """Replay: the revision that the recorded replies make, byte for byte, without a model."""

    def step(so_far: Sequence[ReplyLike]) -> Ask | Made | GaveUp:
        return revise_step(parent, plan, prompt, so_far, prefer=prefer, slot=slot)

    result: Ask | Made | GaveUp = run_replies(step, replies)
    return GaveUp(reason="the recorded replies end too early") if isinstance(result, Ask) else result


class _Failure:
    """A reply that made no revision."""

    def __init__(self, reason: str, edits: tuple[Edit, ...] = (), *, is_retried: bool = True) -> None:
        self.reason = reason
        self.edits = edits
        self.is_retried = is_retried

    def give_up(self) -> GaveUp:
        return GaveUp(reason=self.reason, edits=self.edits)


def _ask(template: str, parent: Files, plan: EditPlan, prompt: str, slot: int) -> Ask:
    parts = (*fence("prompt", prompt), *fence("plan", list(_plan_parts(plan))))
    for file in parent:
        parts += fence("file", file.content, name=file.filename)
    return conversation(render_once(template, approach=_APPROACHES[slot % len(_APPROACHES)]), parts)


def _plan_parts(plan: EditPlan) -> Iterator[Part]:
    """The plan as JSON; a labeler's words in it stay parts of their own."""
    yield Part('{"issues": [')
    for number, issue in enumerate(plan.issues):
        fields = {"id": issue.id, "kind": issue.kind, "target": issue.target}
        yield Part((", " if number else "") + _quote(fields).removesuffix("}") + ', "claim": ')
        yield from _claim(issue.claim, issue.span)
        yield Part("}")
    yield Part('], "keep": [')
    for number, keep in enumerate(plan.keep):
        if number:
            yield Part(", ")
        yield from _claim(keep.claim, keep.span)
    yield Part("]}")


def _claim(claim: str, span: Span | None) -> Iterator[Part]:
    """A JSON string; of a labeler's words when there is a span and the words are still all there."""
    if span is None or len(claim) != span.end - span.start:
        yield Part(_quote(claim))
        return
    yield Part('"')
    yield from words(claim, span, escapes=_JSON_ESCAPES)
    yield Part('"')


def _quote(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read(parent: Files, plan: EditPlan, prompt: str, reply: ReplyLike, whole: bool) -> Made | _Failure:
    """What a reply makes. The format that was asked for comes first, then the other one."""
    parsed = parse_blocks(reply.text)
    if parsed.blocks and not whole:
        return _read_blocks(parent, plan, prompt, parsed)
    page = parse_files(reply.text, finish_reason=reply.finish_reason, entry=_entry_name(parent))
    if page.problem is None:
        return _read_whole(parent, plan, prompt, page.files, parse_declined(page.prose))
    if parsed.blocks:
        return _read_blocks(parent, plan, prompt, parsed)
    declined = {issue.id: parsed.declined[issue.id] for issue in plan.issues if issue.id in parsed.declined}
    if len(declined) == len(plan.issues) and reply.finish_reason == "stop":
        return _Failure("no change: every issue was declined", _unserved(plan, (), declined), is_retried=False)
    is_text = not whole and page.problem == "not_html"
    reason = "it holds no search/replace block" if is_text else f"{page.problem}: {page.detail}"
    return _Failure(reason, _unserved(plan, (), declined))


def _entry_name(parent: Files) -> str:
    entry = entry_file(parent)
    return entry.filename if entry else "index.html"


def _read_blocks(parent: Files, plan: EditPlan, prompt: str, parsed: ParsedBlocks) -> Made | _Failure:
    files, edits = apply_blocks(parent, parsed.blocks, issues=[issue.id for issue in plan.issues])
    edits += _unserved(plan, edits, parsed.declined)
    if not any(edit.status == "applied" for edit in edits):
        counts = Counter(edit.reason for edit in edits if edit.search or edit.replace or edit.reason.startswith("the "))
        why = ", ".join(f"{reason} ({count})" for reason, count in sorted(counts.items())[:5])
        return _Failure(f"none of its {len(parsed.blocks)} blocks could be applied: {why}", edits)
    return _accept(parent, files, prompt, edits, "blocks")


def _read_whole(parent: Files, plan: EditPlan, prompt: str, reply: Files, declined: dict[str, str]) -> Made | _Failure:
    files = overlay(parent, reply)
    edits = tuple(
        Edit(issues=(issue.id,), filename="", status="not_applied", how="none", reason=declined[issue.id])
        if issue.id in declined
        else Edit(issues=(issue.id,), filename=_entry_name(parent), status="applied", how="whole_file")
        for issue in plan.issues
    )
    omission = find_omission(parent, files)
    if omission:
        return _Failure(omission, _refused(edits, "the reply was refused"))
    return _accept(parent, files, prompt, edits, "whole_file")


def _accept(
    parent: Files, files: Files, prompt: str, edits: tuple[Edit, ...], how: Literal["blocks", "whole_file"]
) -> Made | _Failure:
    if is_same(parent, files):
        return _Failure("no change: the revision is its parent", _refused(edits, "changed nothing"), is_retried=False)
    reasons = scan(parent, files, prompt)
    if reasons:
        why = "; ".join(reasons[:5])[:MAX_REASON_CHARS]
        return _Failure(f"rejected by the scan: {why}", _refused(edits, f"rejected: {why}"), is_retried=False)
    return Made(files=files, edits=edits, how=how)


def _refused(edits: tuple[Edit, ...], reason: str) -> tuple[Edit, ...]:
    """The same edits where the whole reply was refused: nothing of it was applied."""
    return tuple(
        Edit(
            issues=edit.issues, filename=edit.filename, status="not_applied", how="none",
            reason=edit.reason or reason, search=edit.search, replace=edit.replace,
        )
        for edit in edits
    )  # fmt: skip


def _unserved(plan: EditPlan, edits: Sequence[Edit], declined: dict[str, str]) -> tuple[Edit, ...]:
    """An edit for every issue that no block speaks for, applied or not."""
    spoken = {issue for edit in edits for issue in edit.issues}
    return tuple(
        Edit(
            issues=(issue.id,), filename="", status="not_applied", how="none",
            reason=declined.get(issue.id, "no block serves it"),
        )
        for issue in plan.issues
        if issue.id not in spoken
    )  # fmt: skip
