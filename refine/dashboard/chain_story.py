"""Why the chain got better: round by round, from critiques to issues to changed lines to ratings."""

import streamlit as st

from refine.api.browsing import Inspection
from refine.api.lineage import Attempt, Cited, IssuePath, trace_issues
from refine.dashboard.chain_critiques import show_crop, words_of
from refine.dashboard.chain_names import candidate_of, name_of
from refine.dashboard.diffs import make_diff
from refine.dashboard.places import make_page
from refine.dashboard.text import count, escape, line, plain
from refine.export import ExportRound
from refine.types import Verdict

_CITED_SHOWN = 4
_LONGEST_QUOTE = 500
_LINES_SHOWN = 40


def show_story(found: Inspection) -> None:
    rounds = [it for it in found.story.chain.rounds if it.kind == "normal"]
    if not rounds:
        st.info("No round has been opened yet: its pages are being made.")
        return
    _show_timeline(found, rounds)
    for round in rounds:
        paths = trace_issues(found.story.chain, round)
        if not paths:
            continue
        st.subheader(f"Round {round.number}: what people said, and what came of it", anchor=False)
        _link_looks(found, round.number + 1)
        for path in paths:
            _show_path(found, path)
        _show_changes(found, round.number + 1)


def _link_looks(found: Inspection, number: int) -> None:
    """From a revision that won to how it looks beside the page it was made from."""
    after = next((it for it in found.story.chain.rounds if it.kind == "normal" and it.number == number), None)
    won = None if after is None or after.verdict is None else candidate_of(found, after.verdict.winner)
    if won is not None and won.kind == "revision" and won.made_in_round == number and won.parent:
        st.page_link(
            make_page("chain"),
            label="What won, before and after",
            icon=":material/compare:",
            query_params={
                "chain": found.record.id,
                "view": "Compare",
                "before": line(name_of(found, won.parent), 60),
                "after": line(name_of(found, won.id), 60),
            },
        )


def _show_timeline(found: Inspection, rounds: list[ExportRound]) -> None:
    applied = {it.number: _count_applied(found, it) for it in rounds}
    st.dataframe(
        {
            "round": [it.number for it in rounds],
            "result": [say_verdict(found, it) for it in rounds],
            "P(beats incumbent)": [_p_won(it.verdict) for it in rounds],
            "shown": [", ".join(name_of(found, each) for each in it.shown if each not in it.controls) for it in rounds],
            "rankings": [len(it.rankings) for it in rounds],
            "critiques": [sum(len(each.critiques) for each in it.rankings) for it in rounds],
            "issues planned": [None if it.plan is None else len(it.plan.issues) for it in rounds],
            "issues applied": [applied[it.number] for it in rounds],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={
            "round": st.column_config.NumberColumn(width="small"),
            "result": st.column_config.TextColumn(width="medium"),
            "P(beats incumbent)": st.column_config.NumberColumn(
                format="%.2f", width="small", help="Of the best challenger; above the gate it takes the place."
            ),
            "shown": st.column_config.TextColumn(width="medium"),
            "rankings": st.column_config.NumberColumn(width="small"),
            "critiques": st.column_config.NumberColumn(width="small"),
            "issues planned": st.column_config.NumberColumn(width="small"),
            "issues applied": st.column_config.NumberColumn(
                width="small", help="By at least one revision of the next round."
            ),
        },
    )


def _count_applied(found: Inspection, round: ExportRound) -> int | None:
    if round.plan is None:
        return None
    return sum(any(it.is_applied for it in path.attempts) for path in trace_issues(found.story.chain, round))


def say_verdict(found: Inspection, round: ExportRound) -> str:
    verdict = round.verdict
    if verdict is None:
        return "no verdict yet"
    if verdict.incumbent is None:
        return f"{name_of(found, verdict.winner)} wins"
    if verdict.winner == verdict.incumbent:
        return "the incumbent stays"
    return f"{name_of(found, verdict.winner)} takes its place"


def _p_won(verdict: Verdict | None) -> float | None:
    found = [it.p_beats_incumbent for it in verdict.ratings if it.p_beats_incumbent is not None] if verdict else []
    return max(found, default=None)


def _show_path(found: Inspection, path: IssuePath) -> None:
    issue = path.issue
    with st.container(border=True):
        said, done = st.columns([5, 7], gap="medium")
        with said:
            st.caption(f"PEOPLE SAID · {count(len(path.cited), 'critique')}")
            for cited in path.cited[:_CITED_SHOWN]:
                _show_cited(found, cited)
            if len(path.cited) > _CITED_SHOWN:
                st.caption(f"… and {len(path.cited) - _CITED_SHOWN} more, under Rounds")
            if not path.cited:
                st.caption("No critique of this round is named.")
        with done:
            against = f", {issue.opposition:.1f} against" if issue.opposition else ""
            target = f" · at {escape(issue.target, 60)}" if issue.target.strip() else ""
            st.caption(f"THE PLAN · {issue.id} · {issue.kind}{target} · {issue.support:.1f} for{against}")
            st.text(plain(issue.claim, longest=_LONGEST_QUOTE))
            if not path.attempts:
                st.caption("No revision was made of it.")
            for attempt in path.attempts:
                _show_attempt(found, attempt)


def _show_cited(found: Inspection, cited: Cited) -> None:
    who = found.story.labelers.get(cited.labeler, "a labeler")
    about = found.story.names.get(cited.critique.candidate, "a page")
    weight = "" if cited.weight is None else f" · counts {cited.weight:.2f}"
    with st.container(gap=None):
        st.text(f"“{words_of(cited.critique, longest=_LONGEST_QUOTE)}”")
        show_crop(found, cited.critique)
        st.caption(f"{escape(who)} on {escape(about)}{weight}")


def _show_attempt(found: Inspection, attempt: Attempt) -> None:
    name = escape(name_of(found, attempt.candidate.id))
    st.markdown(f"**{name}** — {_say_became(attempt)}")
    reasons = dict.fromkeys(line(it.reason, 200) for it in attempt.edits if it.status == "not_applied" and it.reason)
    for reason in reasons:
        st.text(f"not applied: {reason}")
    for edit in attempt.edits:
        if edit.status == "applied" and edit.how == "exact":
            st.code(
                make_diff(edit.search, edit.replace, context=1, most=_LINES_SHOWN), language="diff", wrap_lines=True
            )
    if attempt.candidate.is_failed and attempt.candidate.reason:
        st.text(f"dropped: {line(attempt.candidate.reason, 300)}")


def _show_changes(found: Inspection, number: int) -> None:
    """Of revisions that were written anew as whole files: their blocks tell nothing of the lines they changed."""
    files = {it.id: {file.filename: file.content for file in it.files} for it in found.story.chain.candidates}
    for it in found.story.chain.candidates:
        if it.kind != "revision" or it.made_in_round != number or it.how != "whole_file" or not it.files:
            continue
        before, after = files.get(it.parent or "", {}), files[it.id]
        with st.expander(f"Lines that {escape(name_of(found, it.id))} changed, for all its issues together"):
            for name in dict.fromkeys([*before, *after]):
                text = make_diff(before.get(name, ""), after.get(name, ""), context=1)
                if text:
                    st.caption(escape(name))
                    st.code(text, language="diff", wrap_lines=True)


def _say_became(attempt: Attempt) -> str:
    """Our own words and numbers only: it is Markdown."""
    if attempt.is_applied:
        whole = any(it.how == "whole_file" for it in attempt.edits if it.status == "applied")
        done = ":green[applied] in the whole page, written anew" if whole else ":green[applied]"
    elif attempt.candidate.is_failed:
        return ":red[the revision was dropped before people saw it]"
    else:
        done = ":orange[not applied]"
    if attempt.rating is None or attempt.change is None:
        return f"{done}; no verdict on it"
    beats = attempt.rating.p_beats_incumbent
    p = "" if beats is None else f", beats it with P {beats:.2f}"
    won = " and **won the round**" if attempt.won else ""
    return f"{done}; rated {attempt.change:+.2f} against the page it was made from{p}{won}"
