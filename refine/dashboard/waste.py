"""Where dollars and minutes went that changed nothing, and what an improvement cost."""

import streamlit as st

from refine.api.overview import find_project_key, list_project_names
from refine.api.waste import CARELESS, ROUNDS_LOOKED_AT, SURE, WasteReport, load_waste
from refine.dashboard.parts import choose_project, pick_row_of, refresh_when_written, show_counting
from refine.dashboard.places import go_to_chain
from refine.dashboard.source import open_source
from refine.dashboard.text import count, format_span, format_usd

_WHAT = {
    "idle_rounds": (
        "rounds that changed nothing",
        "round",
        "The incumbent stood: the round's rankings, and the plan and revisions made for it.",
    ),
    "late_rankings": (
        f"rankings after P(best) was above {SURE:g}",
        "ranking",
        f"In the newest {ROUNDS_LOOKED_AT} judged rounds; ratings fitted again, labelers alike, after each one.",
    ),
    "careless": (
        "careless or adversarial labelers",
        "labeler",
        f"P(careless) or P(adversarial) above {CARELESS:g} in the newest reliabilities; all their work.",
    ),
    "dropped": (
        "candidates dropped before people saw them",
        "candidate",
        "Calls that drafted, revised or repaired what a check then dropped, or that made nothing.",
    ),
    "unimproved": (
        "chains that did not improve",
        "chain",
        "Ended with a page of their first round: what they cost after that round's verdict.",
    ),
}


def show() -> None:
    source = open_source()
    title, box = st.columns([3, 1], vertical_alignment="bottom")
    title.header("Waste", anchor=False)
    with box:
        project = choose_project(source)
    names = source.ask(list_project_names)
    if project is None and len(names) == 1:
        project = names[0]
    refresh_when_written()
    if project is None:
        st.info("Choose a project: waste is counted for one at a time." if names else "No project yet.")
        return
    source.tally().want_late(source.ask(find_project_key, project))
    report = source.ask_sums(load_waste, project)
    show_counting(source)
    if report.late_left:
        st.caption(
            f":material/hourglass_top: late rankings are still looked for in {count(report.late_left, 'round')}; that"
            " line grows meanwhile"
        )
    _show_figures(report)
    _show_lines(report)
    _show_chains(report)


def _show_figures(report: WasteReport) -> None:
    spent, once, price, words = st.columns(4)
    total, named = report.total, report.once
    share = named.usd / total.usd if total.usd else 0.0
    _metric(spent, "Spent in all", _money(total.usd), f"{format_span(total.people_s)} of people's time")
    _metric(
        once,
        "Named below, counted once",
        _money(named.usd),
        f"{share:.0%} of it, {format_span(named.people_s)} of people's time",
    )
    each = report.usd_per_improvement
    made = count(report.improvements, "improvement")
    _metric(price, "Cost of an accepted improvement", "–" if each is None else _money(each), f"{made} accepted")
    used = report.critiques
    _metric(
        words,
        "Critiques never applied",
        f"{used.never_applied:,} of {used.critiques:,}",
        f"{used.applied:,} applied, {used.praise:,} praise",
    )


def _metric(where: "st.delta_generator.DeltaGenerator", label: str, value: str, said: str) -> None:
    where.metric(label, value, said.replace("$", "\\$"), delta_color="off", delta_arrow="off", border=True)


def _show_lines(report: WasteReport) -> None:
    st.subheader("Where it went", anchor=False)
    lines = sorted(report.lines, key=lambda each: (-each.spent.usd, -each.spent.people_s))
    total = report.total.usd
    st.dataframe(
        {
            "spent on": [_WHAT[each.what][0] for each in lines],
            "how many": [count(each.number, _WHAT[each.what][1]) for each in lines],
            "dollars": [each.spent.usd for each in lines],
            "share": [each.spent.usd / total if total else 0.0 for each in lines],
            "models": [each.spent.models_usd for each in lines],
            "people": [each.spent.people_usd for each in lines],
            "people's time": [format_span(each.spent.people_s) for each in lines],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={
            "spent on": st.column_config.TextColumn(width=290),
            "dollars": st.column_config.NumberColumn(format="dollar"),
            "share": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "models": st.column_config.NumberColumn(format="dollar"),
            "people": st.column_config.NumberColumn(format="dollar"),
        },
    )
    for each in lines:
        name, _, meaning = _WHAT[each.what]
        st.caption(f"**{name[0].upper()}{name[1:]}.** {meaning}")
    st.caption(
        "Lines overlap: a careless ranking in a round that changed nothing is in both. Time is recorded for an"
        " assignment as a whole, so critiques have a number and no price of their own."
    )
    if not report.has_beliefs:
        st.caption("No labeler of this project has been judged yet, so nothing is known of careless ones.")


def _show_chains(report: WasteReport) -> None:
    if not report.unimproved:
        return
    st.subheader("Chains that did not improve", anchor=False)
    shown = report.unimproved
    table = st.dataframe(
        {"chain": list(shown)},
        hide_index=True,
        width=360,
        on_select="rerun",
        selection_mode="single-row",
        key="unimproved",
    )
    in_all = next(each.number for each in report.lines if each.what == "unimproved")
    if in_all > len(shown):
        st.caption(f"The first {len(shown)} of {in_all:,}.")
    if (row := pick_row_of(table)) is not None:
        go_to_chain(shown[row])


def _money(usd: float) -> str:
    return format_usd(usd).replace("$", "\\$")
