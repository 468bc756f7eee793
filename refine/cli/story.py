"""The story of a chain, told in a terminal.

Prompts, critiques, claims and reasons come from outside: all of it goes through `clean` and is printed as plain text.
"""

import shlex
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.text import Text

from refine.cli.output import add_row, make_table
from refine.cli.summary import explain_stop, show_spending
from refine.cli.text import clean, clean_line, count, format_time, shorten
from refine.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from refine.api.story import Story
    from refine.export import ExportCandidate, ExportRanking, ExportRound
    from refine.types import EditPlan, PlanIssue, Verdict

_LONGEST_PROMPT = 1200
_LONGEST_CRITIQUE = 600
_LABELERS_SHOWN = 12
_CRITIQUES_SHOWN = 30
_REJECTIONS_SHOWN = 10


def show_story(console: "Console", story: "Story", db: Path) -> None:
    chain = story.chain
    _show_head(console, story)
    for round in chain.rounds:
        console.print()
        if round.kind == "audit":
            _show_audit(console, story, round)
        else:
            _show_round(console, story, round)
    _show_dropped(console, story)
    console.print()
    _show_end(console, story, db)


def story_values(story: "Story") -> dict[str, Any]:
    """The same for machines: the record that `refine export trajectory` writes, the names, and the spending."""
    from refine.export import Filters, trajectory

    return {
        **next(trajectory([story.chain], Filters(include_demo=True))),
        "names": story.names,
        "pseudonyms": story.labelers,
        "spending": asdict(story.spending),
    }


def _show_head(console: "Console", story: "Story") -> None:
    chain = story.chain
    about = [f"project {shorten(chain.project, 60)}", f"prompt {shorten(chain.prompt_key, 60)}"]
    about += [f"kind {chain.kind}"] if chain.kind != "refine" else []
    console.print(Text(f"Chain {chain.id}", style="bold"))
    console.print(Text(" · ".join(about)))
    if chain.is_demo:
        console.print(Text("The model was a script, not a language model.", style="dim"))
    if chain.is_simulated:
        console.print(Text("The labelers were simulated.", style="dim"))
    if chain.parent_chain is not None:
        console.print(Text(f"Forked from {chain.parent_chain}"))
    console.print(_indent(Text(clean(chain.prompt, longest=_LONGEST_PROMPT), style="italic"), 2))


def write_pages(story: "Story", folder: Path) -> list[Path]:
    """Write what the newest round has on show, a folder each, named by position as feedback names them."""
    if not story.chain.rounds:
        return []
    shown = story.chain.rounds[-1].shown
    files = {it.id: it.files for it in story.chain.candidates}
    written = []
    for position, candidate in enumerate(shown, start=1):
        place = folder / f"c{position}"
        for file in files[candidate]:
            target = place / file.filename
            if not target.resolve().is_relative_to(place.resolve()):
                raise InputError(f"{shorten(file.filename, 100)!r}: leads out of its folder; it was not written")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(file.content, encoding="utf-8", errors="replace", newline="")
        written.append(place)
    return written


# --- A round ------------------------------------------------------------------------------------------------------


def _show_round(console: "Console", story: "Story", round: "ExportRound") -> None:
    rankings = count(len(round.rankings), "ranking")
    console.print(Text(f"Round {round.number}", style="bold").append(f" · {rankings}", style="not bold"))
    verdict = round.verdict
    ratings = {rating.candidate: rating for rating in verdict.ratings} if verdict is not None else {}
    firsts = _count_firsts(round.rankings)
    table = make_table("", "candidate", "P(best)", "rating", "ranked first", "", right=["P(best)"])
    for position, candidate in enumerate(round.shown, start=1):
        rating = ratings.get(candidate)
        won = verdict is not None and verdict.winner == candidate
        is_incumbent = verdict is not None and verdict.incumbent == candidate
        marks = [name for name, is_so in (("incumbent", is_incumbent), ("won", won)) if is_so]
        cells = [
            f"c{position}",
            story.names[candidate],
            "" if rating is None else f"{rating.p_best:.2f}",
            "" if rating is None else f"{rating.mean:+.2f} ± {rating.sd:.2f}",
            f"{firsts[candidate]:g} of {len(round.rankings)}" if round.rankings else "",
            ", ".join(marks),
        ]
        add_row(table, cells, style="bold" if won else None)
    console.print(_indent(table, 2))
    if verdict is None:
        console.print("  No verdict yet.")
    else:
        console.print(_indent(Text(_say_verdict(story, round)), 2))
        if (counted := _say_labelers(story, verdict)) is not None:
            console.print(_indent(Text(counted, style="dim"), 2))
    if round.pinned is not None:
        console.print(_indent(Text(f"A person pinned {story.names[round.pinned]}: it becomes the incumbent."), 2))
    _show_critiques(console, story, round)
    if round.plan is not None:
        _show_plan(console, story, round, round.plan)


def _say_verdict(story: "Story", round: "ExportRound") -> str:
    verdict = round.verdict
    assert verdict is not None
    becomes = "wins the round" if round.pinned is not None else "becomes the incumbent"
    if verdict.incumbent is None:
        return f"{_named(story, verdict.winner)} {becomes}."
    if verdict.winner == verdict.incumbent:
        beats = [it.p_beats_incumbent for it in verdict.ratings if it.p_beats_incumbent is not None]
        best = f" (the best challenger beats it with P {max(beats):.2f})" if beats else ""
        return f"The incumbent stays{best}."
    p = next((it.p_beats_incumbent for it in verdict.ratings if it.candidate == verdict.winner), None)
    beats_with = "" if p is None else f": it beats the old one with P {p:.2f}, above the gate of {verdict.threshold:g}"
    return f"{_named(story, verdict.winner)} {becomes}{beats_with}."


def _say_labelers(story: "Story", verdict: "Verdict") -> str | None:
    """What each labeler counted for; None where all counted alike."""
    if "snapshot" not in verdict.details:
        return None
    means = {name: found["mean"] for name, found in verdict.details["labelers"].items()}
    shown = sorted(means, key=lambda name: -means[name])[:_LABELERS_SHOWN]
    said = ", ".join(f"{shorten(story.labelers.get(name, name), 40)} {means[name]:.2f}" for name in shown)
    more = f" and {len(means) - len(shown)} more" if len(means) > len(shown) else ""
    return f"Labelers counted for what is known of them (1 is a typical good one): {said}{more}."


def _count_firsts(rankings: "tuple[ExportRanking, ...]") -> Counter[str]:
    """How often each was ranked first, alone or tied."""
    return Counter(name for ranking in rankings if ranking.groups for name in ranking.groups[0])


def _show_critiques(console: "Console", story: "Story", round: "ExportRound") -> None:
    critiques = [(ranking.labeler, it) for ranking in round.rankings for it in ranking.critiques]
    if not critiques:
        return
    console.print(Text(f"  {count(len(critiques), 'critique')}", style="bold"))
    for labeler, critique in critiques[:_CRITIQUES_SHOWN]:
        who = f"{story.labelers.get(labeler, labeler)} on {story.names[critique.candidate]}: "
        words = "[erased]" if critique.text is None else f"“{clean_line(critique.text, longest=_LONGEST_CRITIQUE)}”"
        where = "" if critique.anchor is None else f" (points at {_describe_anchor(critique.anchor)})"
        line = Text(who, style="dim").append(words, style="not dim").append(where)
        console.print(_indent(line, 4))
    if len(critiques) > _CRITIQUES_SHOWN:
        console.print(f"    … and {len(critiques) - _CRITIQUES_SHOWN:,} more; --json has them all")


def _describe_anchor(anchor: dict[str, Any]) -> str:
    if anchor.get("kind") in ("element", "edit"):
        return f"{anchor['kind']} {shorten(str(anchor.get('selector', '')), 60)}"
    return f"a {clean_line(str(anchor.get('kind', 'place')), longest=20)}"


# --- The plan, and what became of it ------------------------------------------------------------------------------


def _show_plan(console: "Console", story: "Story", round: "ExportRound", plan: "EditPlan") -> None:
    by = "distilled by the model" if plan.made_by == "distiller" else "made without the model, a critique an issue"
    console.print(Text("  Edit plan", style="bold").append(f", {by}", style="not bold"))
    revisions = [it for it in story.chain.candidates if it.kind == "revision" and it.made_in_round == round.number + 1]
    for issue in plan.issues:
        _show_issue(console, story, issue, revisions)
    if not plan.issues:
        console.print("    nothing to fix")
    for keep in plan.keep:
        console.print(_indent(Text("keep  ", style="green").append(clean_line(keep.claim), style="default"), 4))
    for conflict in plan.conflicts:
        claims = " / ".join(clean_line(claim, longest=120) for claim in conflict.claims)
        console.print(_indent(Text(f"left alone, because people disagree: {claims}"), 4))
    reasons = Counter(clean_line(it.reason) for it in plan.rejected)
    for reason, number in reasons.most_common(_REJECTIONS_SHOWN):
        console.print(_indent(Text(f"left out  {count(number, 'piece')}: {reason}", style="dim"), 4))


def _show_issue(console: "Console", story: "Story", issue: "PlanIssue", revisions: "list[ExportCandidate]") -> None:
    against = f", {issue.opposition:.1f} against" if issue.opposition else ""
    line = Text(f"{issue.id}  ", style="bold").append(clean_line(issue.claim), style="not bold")
    target = f" · at {shorten(issue.target, 60)}" if issue.target.strip() else ""
    line.append(f"  {issue.kind}{target} · {issue.support:.1f} for{against}", style="dim not bold")
    console.print(_indent(line, 4))
    for revision in revisions:
        console.print(_indent(_what_became(story, issue.id, revision), 8))


def _what_became(story: "Story", issue: str, revision: "ExportCandidate") -> Text:
    name = story.names[revision.id]
    edits = [edit for edit in revision.edits if issue in edit.issues]
    applied = [edit for edit in edits if edit.status == "applied"]
    if applied:
        how = ", ".join(sorted({edit.how.replace("_", " ") for edit in applied}))
        failed = len(edits) - len(applied)
        rest = f"; {count(failed, 'block')} not" if failed else ""
        said, style = f"applied ({count(len(applied), 'block')}, {how}{rest})", "green"
    elif edits:
        reasons = "; ".join(dict.fromkeys(clean_line(edit.reason, longest=160) for edit in edits))
        said, style = f"not applied: {reasons or 'no reason was recorded'}", "yellow"
    elif revision.is_failed:
        said, style = f"not made: {clean_line(revision.reason or 'no reason was recorded')}", "red"
    else:
        said, style = "not applied: no block names it", "yellow"
    return Text(f"{name}: ", style="dim").append(said, style=f"not dim {style}")


# --- The end ------------------------------------------------------------------------------------------------------


def _show_audit(console: "Console", story: "Story", round: "ExportRound") -> None:
    first = next((it.id for it in story.chain.candidates if it.id in round.shown), None)
    final = next((name for name in round.shown if name != first), None)
    console.print(Text("Audit round", style="bold").append(" · blind, by labelers new to the chain", style="not bold"))
    if first is None or final is None:
        console.print("  First and final are the same page: a tie.")
        return
    wins = ties = losses = 0
    for ranking in round.rankings:
        places = {name: place for place, group in enumerate(ranking.groups) for name in group}
        if first in places and final in places:
            wins += places[final] < places[first]
            ties += places[final] == places[first]
            losses += places[final] > places[first]
    console.print(
        Text(f"  {_named(story, final)} (final) against {story.names[first]} (first): ").append(
            f"{wins} won, {ties} tied, {losses} lost", style="bold"
        )
    )
    _show_critiques(console, story, round)


def _show_dropped(console: "Console", story: "Story") -> None:
    dropped = [it for it in story.chain.candidates if it.is_failed]
    if not dropped:
        return
    console.print()
    console.print(Text("Dropped before people saw them", style="bold"))
    for candidate in dropped:
        reason = clean_line(candidate.reason or "no reason was recorded")
        console.print(_indent(Text(f"{story.names[candidate.id]}: {reason}"), 2))


def _show_end(console: "Console", story: "Story", db: Path) -> None:
    chain = story.chain
    if chain.state == "ended" and chain.stop_reason is not None:
        console.print(Text(f"Ended       {explain_stop(chain.stop_reason)} ({format_time(chain.ended_at)} UTC)"))
        if chain.error:
            console.print(Text(f"            {clean_line(chain.error, longest=600)}"))
    else:
        console.print(Text(f"State       {chain.state}"))
    if chain.incumbent is not None:
        word = "Final" if chain.state == "ended" else "Incumbent"
        console.print(Text(f"{word:<12}{_named(story, chain.incumbent)} ({chain.incumbent})"))
    show_spending(console, story.spending)
    where = f"--db {shlex.quote(str(db))}"
    console.print(Text(f"Check it    refine chain replay {chain.id} {where}", style="dim"), soft_wrap=True)


def _indent(what: "Text | Table", by: int) -> Padding:
    return Padding(what, (0, 0, 0, by), expand=False)


def _named(story: "Story", candidate: str) -> str:
    return story.names[candidate]
