"""One round of a chain: what was shown, how it was judged, by whom, and what became of it."""

from collections import Counter
from typing import Any

import streamlit as st

from refine.api.browsing import Inspection
from refine.api.lineage import labeler_weight
from refine.dashboard import charts
from refine.dashboard.chain_story import say_verdict
from refine.dashboard.text import count, escape, line, plain
from refine.export import ExportCritique, ExportRanking, ExportRound
from refine.types import EditPlan

_CRITIQUES_SHOWN = 40
_CONTROL = "a control"


def show_rounds(found: Inspection) -> None:
    rounds = found.story.chain.rounds
    if not rounds:
        st.info("No round has been opened yet: its pages are being made.")
        return
    labels = [_label(it) for it in rounds]
    chosen = st.segmented_control(
        "Round",
        labels,
        default=labels[0],
        required=True,
        key="round",
        bind="query-params",
    )
    round = rounds[labels.index(chosen)]
    left, right = st.columns([7, 5], gap="large")
    with left:
        _show_standing(found, round)
    with right:
        _show_chart(found, round)
    _show_rankings(found, round)
    _show_controls(found, round)
    _show_labelers(found, round)
    _show_critiques(found, round)
    if round.plan is not None:
        _show_plan(round.plan)


def _label(round: ExportRound) -> str:
    return "audit" if round.kind == "audit" else str(round.number)


def _name(found: Inspection, round: ExportRound, candidate: str) -> str:
    return _CONTROL if candidate in round.controls else found.story.names.get(candidate, candidate)


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
            "candidate": [line(_name(found, round, each), 60) for each in shown],
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
        st.caption(f"A person pinned {escape(found.story.names[round.pinned])}: it became the incumbent.")


def _show_chart(found: Inspection, round: ExportRound) -> None:
    if round.verdict is not None:
        rows = [(line(_name(found, round, it.candidate), 40), it) for it in round.verdict.ratings]
        charts.draw_ratings(rows, winner=round.verdict.winner, title="Ratings with 95 % intervals")


def _show_rankings(found: Inspection, round: ExportRound) -> None:
    st.subheader(f"{count(len(round.rankings), 'ranking')}", anchor=False)
    if not round.rankings:
        st.caption("None has come in yet.")
        return
    st.dataframe(
        {
            "labeler": [found.story.labelers.get(it.labeler, it.labeler) for it in round.rankings],
            "best first": [line(_say_ranking(found, round, it), 300) for it in round.rankings],
            "counts": [labeler_weight(round.verdict, it.labeler) for it in round.rankings],
            "seconds": [it.active_s for it in round.rankings],
            "paid": [it.cost_usd for it in round.rankings],
            "by": [it.made_by for it in round.rankings],
            "why": [line(it.why or "", 200) for it in round.rankings],
            "changed": [len(it.replaced) or None for it in round.rankings],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={
            "best first": st.column_config.TextColumn(width="large", help="> is better than, = is tied with."),
            "counts": st.column_config.NumberColumn(
                format="%.2f", width="small", help="What the labeler counted for: 1 is a typical good one."
            ),
            "seconds": st.column_config.NumberColumn(format="%.0f", width="small"),
            "paid": st.column_config.NumberColumn(format="dollar", width="small"),
            "changed": st.column_config.NumberColumn(width="small", help="How often it was handed in anew."),
        },
    )


def _say_ranking(found: Inspection, round: ExportRound, ranking: ExportRanking) -> str:
    said = " > ".join(" = ".join(_name(found, round, each) for each in group) for group in ranking.groups)
    if ranking.unjudgeable:
        said += " · could not judge " + ", ".join(_name(found, round, each) for each in ranking.unjudgeable)
    return said


def _show_controls(found: Inspection, round: ExportRound) -> None:
    lines = [it for it in found.controls if it.candidate in round.controls]
    if not lines:
        return
    st.subheader("Controls", anchor=False)
    rows: list[dict[str, Any]] = []
    for each in lines:
        seen, passed = [], 0
        for ranking in round.rankings:
            places = {name: place for place, group in enumerate(ranking.groups) for name in group}
            if each.candidate in places and each.original in places:
                is_right = places[each.original] < places[each.candidate]
                passed += is_right
                who = found.story.labelers.get(ranking.labeler, ranking.labeler)
                seen.append(f"{who} {'saw it' if is_right else 'missed it'}")
        rows.append(
            {
                "made worse by": line(each.operator, 60),
                "copy of": line(found.story.names.get(each.original, each.original), 60),
                "shows in": line(each.channel, 40),
                "severity": each.severity,
                "passed": f"{passed} of {len(seen)}",
                "who": ", ".join(seen),
                "retired": each.is_retired,
            }
        )
    st.dataframe(rows, hide_index=True, placeholder="", width="stretch")


def _show_labelers(found: Inspection, round: ExportRound) -> None:
    verdict = round.verdict
    if verdict is None or "snapshot" not in verdict.details:
        return
    known = verdict.details.get("labelers", {})
    with st.expander(f"What was believed of {count(len(known), 'labeler')} when this was judged"):
        names = sorted(known, key=lambda name: -float(known[name].get("mean", 0.0)))
        columns = {"mean": "reliability", "sd": "± sd", "p_careless": "P(careless)", "p_adversarial": "P(adversarial)"}
        st.dataframe(
            {
                "labeler": [found.story.labelers.get(name, name) for name in names],
                **{label: [known[name].get(field) for name in names] for field, label in columns.items()},
            },
            hide_index=True,
            placeholder="",
            width="stretch",
        )


def _show_critiques(found: Inspection, round: ExportRound) -> None:
    critiques = [(ranking, it) for ranking in round.rankings for it in ranking.critiques]
    if not critiques:
        return
    st.subheader(f"{count(len(critiques), 'critique')}", anchor=False)
    for ranking, critique in critiques[:_CRITIQUES_SHOWN]:
        who = escape(found.story.labelers.get(ranking.labeler, "a labeler"))
        about = escape(_name(found, round, critique.candidate))
        st.caption(f"{who} on {about}{_say_more(critique)}")
        st.text("[erased]" if critique.text is None else plain(critique.text, longest=2000))
    if len(critiques) > _CRITIQUES_SHOWN:
        st.caption(f"… and {len(critiques) - _CRITIQUES_SHOWN:,} more: `refine chain show --json` has them all.")


def _say_more(critique: ExportCritique) -> str:
    parts = [critique.aim, critique.category, critique.severity]
    anchor = critique.anchor
    if anchor is not None:
        kind = str(anchor.get("kind", "place"))
        selector = str(anchor.get("selector", "")) if kind in ("element", "edit") else ""
        parts.append(f"points at {kind} {selector}".strip())
    return "".join(f" · {escape(part, 100)}" for part in parts if part)


def _show_plan(plan: EditPlan) -> None:
    by = "distilled by the model" if plan.made_by == "distiller" else "made without the model, a critique an issue"
    st.subheader(f"Edit plan, {by}", anchor=False)
    if not plan.issues:
        st.caption("Nothing to fix.")
    else:
        st.dataframe(
            {
                "issue": [it.id for it in plan.issues],
                "what": [line(it.claim, 400) for it in plan.issues],
                "where": [line(it.target, 100) for it in plan.issues],
                "kind": [it.kind for it in plan.issues],
                "severity": [it.severity for it in plan.issues],
                "for": [it.support for it in plan.issues],
                "against": [it.opposition for it in plan.issues],
            },
            hide_index=True,
            placeholder="",
            width="stretch",
            column_config={
                "issue": st.column_config.TextColumn(width="small"),
                "what": st.column_config.TextColumn(width="large"),
                **{name: st.column_config.NumberColumn(format="%.1f", width="small") for name in ("for", "against")},
                "severity": st.column_config.NumberColumn(format="%.2f", width="small"),
            },
        )
    for keep in plan.keep:
        st.text(f"Keep: {line(keep.claim, 300)}")
    for conflict in plan.conflicts:
        st.text(f"Left alone, because people disagree: {line(' / '.join(conflict.claims), 400)}")
    reasons = Counter(line(it.reason, 200) for it in plan.rejected)
    for reason, number in reasons.most_common(10):
        st.text(f"Left out, {count(number, 'piece')}: {reason}")
