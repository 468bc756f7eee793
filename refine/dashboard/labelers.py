"""Whom to trust: labelers beside each other, and one of them with what was found, why, and what can be done."""

import streamlit as st

from refine.api.findings import LabelerLook, Look, look_at_labelers
from refine.dashboard.acting import may_act, show_result, show_sign_in
from refine.dashboard.labelers_one import show_one
from refine.dashboard.parts import choose_project, name_table, pick_row_of, refresh_when_written
from refine.dashboard.source import open_source
from refine.dashboard.text import count, format_span, line

PAGE = 50
FINDINGS = {
    "careless": "careless",
    "adversarial": "turns answers round",
    "straight_lining": "ranks by the place",
    "copying": "copies",
    "too_fast": "too fast",
}


def show() -> None:
    source = open_source()
    title, box = st.columns([3, 1], vertical_alignment="bottom")
    title.header("Labelers", anchor=False)
    with box:
        project = choose_project(source)
    refresh_when_written()
    show_result()
    show_sign_in()
    look = source.ask(look_at_labelers, project)
    if not look.labelers:
        st.info("Nobody has ranked anything here yet.")
        return
    chosen = st.query_params.get("labeler")
    if chosen is None:
        _show_list(look)
        return
    if st.button("All labelers", icon=":material/arrow_back:", type="tertiary"):
        st.query_params.pop("labeler", None)
        st.query_params.pop("work", None)
        st.rerun()
    found = look.of(chosen)
    if found is None:
        st.info("This labeler has ranked nothing here that can be looked at.")
        return
    show_one(source, found, look, project=project, names=may_act())


def name_of(look: LabelerLook, *, names: bool) -> str:
    """The name for who may see names, else a pseudonym that stays the same."""
    known = look.labeler
    return line(known.name, 60) if names else f"labeler {known.id[-6:]}"


def _show_list(look: Look) -> None:
    names = may_act()
    flagged = sum(it.profile.is_flagged for it in look.labelers)
    st.caption(
        f"{count(len(look.labelers), 'labeler')}, {count(flagged, 'one', 'of them')} with a finding to act on;"
        f" from {'all' if look.is_all else 'the newest'} {look.rankings:,} rankings."
        f"{'' if names else ' Names are shown to operators only.'}"
    )
    try:
        start = max(0, int(st.query_params.get("from", "0")))
    except ValueError:
        start = 0
    shown = look.labelers[start : start + PAGE]
    table = st.dataframe(
        {
            "labeler": [name_of(it, names=names) for it in shown],
            "findings": [
                ", ".join(f"{FINDINGS[f.kind]} {f.probability:.0%}" for f in it.profile.findings) for it in shown
            ],
            "reliability": [it.reliability for it in shown],
            "95 %": [f"{it.reliability_low:.2f} to {it.reliability_high:.2f}" for it in shown],
            "controls": [_say_controls(it) for it in shown],
            "agreement": [it.agreement for it in shown],
            "rankings": [it.rankings for it in shown],
            "time": [_say_time(it) for it in shown],
            "pay share": [it.pay_share for it in shown],
            "state": [say_state(it) for it in shown],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        height="content",
        column_config={
            "findings": st.column_config.TextColumn(width=240),
            "reliability": st.column_config.ProgressColumn(
                format="%.2f", min_value=-1, max_value=2, help="1 sees what a typical good labeler sees, 0 is chance."
            ),
            "agreement": st.column_config.NumberColumn(format="percent"),
            "pay share": st.column_config.NumberColumn(format="percent"),
        },
        on_select="rerun",
        selection_mode="single-row",
        key=name_table("labelers", [it.labeler.id for it in shown]),
    )
    if (row := pick_row_of(table)) is not None:
        st.query_params.pop("work", None)
        st.query_params["labeler"] = shown[row].labeler.id
        st.rerun()
    if len(look.labelers) > PAGE:
        first, following, _ = st.columns([1, 1, 6])
        if first.button("First page", disabled=start == 0, width="stretch"):
            st.query_params.pop("from", None)
            st.rerun()
        if following.button("Next page", disabled=start + PAGE >= len(look.labelers), width="stretch"):
            st.query_params["from"] = str(start + PAGE)
            st.rerun()
    st.caption("Tick a row to see why, and what can be done.")


def _say_controls(look: LabelerLook) -> str:
    met = look.profile.controls
    return f"{met.passed} of {met.met}" if met.met else ""


def _say_time(look: LabelerLook) -> str:
    seconds = look.profile.pace.typical_s
    return "" if seconds is None else format_span(seconds)


def say_state(look: LabelerLook) -> str:
    weight = look.labeler.weight
    said = ["disabled"] if look.labeler.is_disabled else []
    if weight is not None:
        said.append("work removed" if weight == 0 else f"weight {weight:g}")
    return ", ".join(said)
