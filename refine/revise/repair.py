"""Repairing: what checks found broken becomes an edit plan, and the editor serves it as it serves people's."""

from collections.abc import Sequence
from dataclasses import replace

from refine.revise.edit import revise_step
from refine.revise.turns import ReplyLike
from refine.types import Ask, EditPlan, Files, Finding, GaveUp, Made, PlanIssue

MAX_REPAIRS = 3
_MAX_ISSUES = 5
_MAX_CLAIM = 600


def repair_plan(findings: Sequence[Finding]) -> EditPlan:
    """An issue for each check that did not pass, the first five."""
    broken = [finding for finding in findings if not finding.passed][:_MAX_ISSUES]
    return EditPlan(
        made_by="deterministic",
        issues=tuple(
            PlanIssue(
                id=f"i{number}",
                kind="behaviour",
                target="",
                claim=f"{finding.name}: {finding.detail}"[:_MAX_CLAIM],
                severity=1.0,
                support=1.0,
            )
            for number, finding in enumerate(broken, start=1)
        ),
    )


def repair_step(
    files: Files, findings: Sequence[Finding], prompt: str, replies: Sequence[ReplyLike]
) -> Ask | Made | GaveUp:
    """One attempt: asks for edits that mend what was found, as `revise_step` does for a plan made of critiques."""
    return revise_step(files, repair_plan(findings), prompt, replies)


def repaired(made: Made, mended: Made) -> Made:
    """The page as it is now. What became of the plan's issues is what the first reply said of them."""
    return replace(made, files=mended.files, notes=(*made.notes, "mended after a check"))


def repair_from_replies(
    made: Made, attempts: Sequence[Sequence[Finding]], prompt: str, replies: Sequence[ReplyLike]
) -> Made:
    """Replay: the page that the recorded repair replies make of a draft or revision, attempt after attempt."""
    used = 0
    for findings in attempts:
        outcome: Ask | Made | GaveUp | None = None
        for count in range(used, len(replies) + 1):
            outcome = repair_step(made.files, findings, prompt, replies[used:count])
            if not isinstance(outcome, Ask):
                used = count
                break
        if not isinstance(outcome, Made):
            return made
        made = repaired(made, outcome)
    return made
