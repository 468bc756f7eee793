"""One round of a chain: how its pages look, how they were judged, by whom, and what became of it."""

from collections import Counter

import streamlit as st

from refine.api.browsing import Inspection
from refine.dashboard import charts
from refine.dashboard.chain_critiques import marks_on, show_critiques
from refine.dashboard.chain_names import candidate_of, name_in_round, name_of
from refine.dashboard.chain_pictures import choose_view, say_no_pictures
from refine.dashboard.chain_plan import show_plan
from refine.dashboard.chain_rankings import show_came_in, show_controls, show_labelers, show_rankings
from refine.dashboard.chain_story import say_verdict
from refine.dashboard.picturing import Shown, has_picture, show_row
from refine.dashboard.text import count, escape, line
from refine.export import ExportRound


def show_rounds(found: Inspection) -> None:
    rounds = found.story.chain.rounds
    if not rounds:
        st.info("No round has been opened yet: its pages are being made.")
        return
    round = _choose(rounds)
    _show_pages(found, round)
    left, right = st.columns([7, 5], gap="large")
    with left:
        _show_standing(found, round)
    with right:
        _show_chart(found, round)
    show_came_in(found, round)
    show_rankings(found, round)
    show_controls(found, round)
    show_labelers(found, round)
    show_critiques(found, round)
    if round.plan is not None:
        show_plan(round.plan)


def _choose(rounds: tuple[ExportRound, ...]) -> ExportRound:
    """A slider: moved along, it replays the chain."""
    labels = [_label(it) for it in rounds]
    if len(labels) == 1:
        return rounds[0]
    chosen = st.select_slider(
        "Round",
        labels,
        value=labels[0],
        key="round",
        bind="query-params",
        width=420,
        help="Move it to replay the chain.",
    )
    return rounds[labels.index(chosen)]


def _label(round: ExportRound) -> str:
    return "audit" if round.kind == "audit" else str(round.number)


def _show_pages(found: Inspection, round: ExportRound) -> None:
    view = choose_view(found, round.shown)
    cards = []
    for each in round.shown:
        candidate = candidate_of(found, each)
        if candidate is None:
            continue
        note = "a copy made worse on purpose" if each in round.controls else _note(round, each)
        won = round.verdict is not None and round.verdict.winner == each
        cards.append(
            Shown(
                candidate=candidate,
                name=name_in_round(found, round, each),
                note=note,
                is_best=won,
                marks=marks_on(found, round, candidate, view),
            )
        )
    show_row(found, cards, view=view, key=f"pages-{_label(round)}-{view}")
    if not any(has_picture(found, it.candidate, view) for it in cards):
        say_no_pictures()


def _note(round: ExportRound, candidate: str) -> str:
    verdict = round.verdict
    if verdict is None:
        return ""
    words = []
    if verdict.incumbent == candidate:
        words.append("incumbent")
    if verdict.winner == candidate:
        words.append("won")
    words += [f"P(best) {it.p_best:.2f}" for it in verdict.ratings if it.candidate == candidate]
    return " · ".join(words)


def _show_standing(found: Inspection, round: ExportRound) -> None:
    verdict = round.verdict
    ratings = {} if verdict is None else {it.candidate: it for it in verdict.ratings}
    firsts = Counter(name for ranking in round.rankings if ranking.groups for name in ranking.groups[0])
    shown = [each for each in round.shown if each not in round.controls]
    marks = []
    for each in shown:
        is_incumbent = verdict is not None and verdict.incumbent == each
        won = verdict is not None and verdict.winner == each
        marks.append(", ".join(word for word, is_so in (("incumbent", is_incumbent), ("won", won)) if is_so))
    kept = [ratings.get(each) for each in shown]
    st.dataframe(
        {
            "candidate": [line(name_in_round(found, round, each), 60) for each in shown],
            "": marks,
            "P(best)": [None if it is None else it.p_best for it in kept],
            "rating": ["" if it is None else f"{it.mean:+.2f} ± {1.96 * it.sd:.2f}" for it in kept],
            "P(beats incumbent)": [None if it is None else it.p_beats_incumbent for it in kept],
            "ranked first": [f"{firsts[each]} of {len(round.rankings)}" for each in shown],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={
            "P(best)": st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1),
            "rating": st.column_config.TextColumn(help="With the half width of its 95 % interval."),
            "P(beats incumbent)": st.column_config.NumberColumn(format="%.2f"),
        },
    )
    if round.kind == "audit":
        st.caption("An audit round feeds no verdict: first draft and final only, by labelers new to the chain.")
        return
    st.markdown(f"**{escape(say_verdict(found, round))}.**")
    if verdict is not None:
        gate = "" if verdict.incumbent is None else f" · the gate is {verdict.threshold:g}"
        words = f"{count(verdict.comparisons, 'comparison')} of the chain so far · {escape(verdict.method)}{gate}"
        st.caption(words)
    if round.pinned is not None:
        st.caption(f"A person pinned {escape(name_of(found, round.pinned))}: it became the incumbent.")


def _show_chart(found: Inspection, round: ExportRound) -> None:
    if round.verdict is not None:
        rows = [(line(name_in_round(found, round, it.candidate), 40), it) for it in round.verdict.ratings]
        charts.draw_ratings(rows, winner=round.verdict.winner, title="Ratings with 95 % intervals")
