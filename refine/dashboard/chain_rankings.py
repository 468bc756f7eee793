"""The rankings of a round: how people ordered the pages, how far they agree, and how they did on controls."""

from typing import Any

import streamlit as st

from refine.api.browsing import Inspection
from refine.api.evidence import Agreement, measure_agreement, trace_p_best
from refine.api.lineage import labeler_weight
from refine.dashboard import charts
from refine.dashboard.chain_names import name_in_round
from refine.dashboard.text import count, line
from refine.export import ExportRanking, ExportRound


def show_came_in(found: Inspection, round: ExportRound) -> None:
    """P(best) as rankings came in."""
    standings = trace_p_best(found.story.chain, round)
    if standings:
        names = {it: line(name_in_round(found, round, it), 40) for it in standings[0].p_best}
        who = found.story.labelers
        charts.draw_p_best(
            [
                (it.rankings, who.get(it.labeler, ""), {names[name]: p for name, p in it.p_best.items()})
                for it in standings
            ],
            title="P(best) as rankings came in",
        )


def show_rankings(found: Inspection, round: ExportRound) -> None:
    st.subheader(f"{count(len(round.rankings), 'ranking')}", anchor=False)
    if not round.rankings:
        st.caption("None has come in yet.")
        return
    agreement = measure_agreement(round)
    st.caption(_say_agreement(agreement))
    st.dataframe(
        {
            "labeler": [found.story.labelers.get(it.labeler, it.labeler) for it in round.rankings],
            "best first": [line(_say_ranking(found, round, it), 300) for it in round.rankings],
            "counts": [labeler_weight(round.verdict, it.labeler) for it in round.rankings],
            "agrees": [agreement.with_verdict.get(it.id) for it in round.rankings],
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
            "agrees": st.column_config.NumberColumn(
                format="%.2f",
                width="small",
                help="Kendall's tau-b with the verdict's order: 1 the same, -1 reversed.",
            ),
            "seconds": st.column_config.NumberColumn(format="%.0f", width="small"),
            "paid": st.column_config.NumberColumn(format="dollar", width="small"),
            "changed": st.column_config.NumberColumn(width="small", help="How often it was handed in anew."),
        },
    )


def _say_agreement(found: Agreement) -> str:
    said = []
    if found.tau is not None:
        said.append(f"Two labelers agree by {found.tau:+.2f} in the mean (Kendall's tau-b)")
    if found.alpha is not None:
        said.append(f"Krippendorff's alpha {found.alpha:+.2f}")
    return (
        f"{' · '.join(said)}. 1 is full agreement, 0 what chance gives."
        if said
        else "Too few to compare with each other."
    )


def _say_ranking(found: Inspection, round: ExportRound, ranking: ExportRanking) -> str:
    said = " > ".join(" = ".join(name_in_round(found, round, each) for each in group) for group in ranking.groups)
    if ranking.unjudgeable:
        said += " · could not judge " + ", ".join(name_in_round(found, round, each) for each in ranking.unjudgeable)
    return said


def show_controls(found: Inspection, round: ExportRound) -> None:
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


def show_labelers(found: Inspection, round: ExportRound) -> None:
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
