"""One labeler: how they stand, what was found and why, what they did, and what an operator can decide."""

from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from refine.api.decisions import LONGEST_REASON, Preview, decide_access, list_decisions, preview_weighing, weigh
from refine.api.findings import Finding, LabelerLook, Look, page_work
from refine.dashboard.acting import may_act, offer
from refine.dashboard.parts import name_table, pick_row_of
from refine.dashboard.places import go_to_chain
from refine.dashboard.source import Source
from refine.dashboard.text import count, format_span, format_time, line, plain
from store.database import Database

_TITLES = {
    "careless": "Careless: answers hardly depend on what is shown",
    "adversarial": "Turns answers round",
    "straight_lining": "Ranks by the place on the screen",
    "copying": "Copies another labeler",
    "too_fast": "Too fast to look",
}
_PREVIEWED = 400
"""Verdicts that a preview on the page gives again; the command gives all."""
_PREVIEW, _WORK_OF = "previewed", "work_of"
"""In the session: what a preview found, and whose work in which project the place in the address is one of."""
_CHOICES = {"remove their past and later work": 0.0, "let it count for half": 0.5, "let it count in full": None}


def show_one(source: Source, look: LabelerLook, everybody: Look, *, project: str | None, names: bool) -> None:
    st.subheader(_name(look, names=names), anchor=False)
    _show_figures(look)
    _show_findings(look, everybody, names=names)
    _show_decisions(source, look)
    _show_actions(source, look)
    _show_work(source, look, project=project)


def _name(look: LabelerLook, *, names: bool) -> str:
    """Plain words for a heading: letters and digits only need no escape, names do."""
    from refine.dashboard.text import escape

    return escape(look.labeler.name, 60) if names else f"labeler {look.labeler.id[-6:]}"


def _show_figures(look: LabelerLook) -> None:
    met, pace = look.profile.controls, look.profile.pace
    first, second, third, fourth = st.columns(4)
    between = f"95 %: {look.reliability_low:.2f} to {look.reliability_high:.2f}"
    _metric(first, "Reliability", f"{look.reliability:.2f}", between)
    passed = f"{met.passed} of {met.met}" if met.met else "none met"
    _metric(second, "Controls passed", passed, f"{count(met.failed, 'failed', 'failed')}, {met.tied} tied")
    _metric(third, "Agreement", f"{look.agreement:.0%}", f"in {count(look.comparisons, 'comparison')}")
    _metric(fourth, "Pay share", f"{look.pay_share:.1%}", f"{look.bits:,.0f} bits, {count(look.rankings, 'ranking')}")
    first, second, third, fourth = st.columns(4)
    seconds = "unknown" if pace.typical_s is None else format_span(pace.typical_s)
    ratio = "nothing to compare with" if pace.ratio is None else f"{pace.ratio:.2f} times what others take"
    _metric(first, "Time a ranking", seconds, ratio)
    side = "–" if look.first_shown is None else f"{look.first_shown:.0%}"
    _metric(second, "Prefers what stood first", side, "50 % is no bias")
    devices = ", ".join(f"{name} {number:,}" for name, number in sorted(look.devices.items()))
    _metric(third, "Devices", str(len(look.devices)), line(devices, 60))
    taste = look.profile.taste
    others = f"with {count(taste.company, 'other')}" if taste is not None and taste.company else "with nobody known"
    _metric(fourth, "Another taste", f"{look.profile.p_taste:.0%}", others)


def _metric(where: "st.delta_generator.DeltaGenerator", label: str, value: str, said: str) -> None:
    where.metric(label, value, said, delta_color="off", delta_arrow="off", border=True)


def _show_findings(look: LabelerLook, everybody: Look, *, names: bool) -> None:
    st.markdown("**Findings**")
    if not look.profile.findings:
        st.caption("Nothing speaks against this labeler.")
    for finding in look.profile.findings:
        _show_finding(finding, everybody, names=names)


def _show_finding(finding: Finding, everybody: Look, *, names: bool) -> None:
    with st.container(border=True):
        st.markdown(f"**{_TITLES[finding.kind]}**: {finding.probability:.0%}")
        other = None if finding.other is None else everybody.of(finding.other)
        if other is not None:
            st.text(f"The other labeler: {plain(other.labeler.name) if names else 'labeler ' + other.labeler.id[-6:]}")
        for title, sentences in (
            ("Evidence", finding.evidence),
            ("Counter-evidence", finding.counter_evidence),
            ("What would make it as likely as not", finding.would_change),
        ):
            if sentences:
                st.caption(title)
                for sentence in sentences:
                    st.text(plain(sentence))


def _show_decisions(source: Source, look: LabelerLook) -> None:
    made = source.ask(list_decisions, look.labeler.id)
    if not made:
        return
    st.markdown("**Decisions**")
    st.dataframe(
        {
            "when (UTC)": [format_time(it.created_at) for it in made],
            "decision": [
                it.action if it.action != "weigh" else f"weigh {'auto' if it.weight is None else f'{it.weight:g}'}"
                for it in made
            ],
            "reason": [line(it.reason, 300) for it in made],
        },
        hide_index=True,
        width="stretch",
    )


def _show_actions(source: Source, look: LabelerLook) -> None:
    st.markdown("**Decide**")
    st.caption(
        "Verdicts that were given stay as they are recorded: the trajectory is history. Open rounds and all later ones"
        " count the labeler's work as decided, in all projects, whichever is chosen above."
    )
    name = look.labeler.name
    words = st.selectbox("Their rankings, past ones included", tuple(_CHOICES), key="weigh-to")
    weight = _CHOICES[words]
    reason = st.text_input("Why (stays on record)", max_chars=LONGEST_REASON, key="weigh-why")
    if may_act():
        _offer_preview(source, look, weight)
    act, access, _ = st.columns([1, 1, 3])
    with act:

        def change(database: Database) -> None:
            weigh(database, name, weight, reason=reason)

        offer(
            "Weigh",
            change,
            key="weigh-do",
            says=f"From now on: {words}. Reason: {reason or '(say why first)'}",
            confirm="Do it",
            done=lambda _: "Decided; what is judged from now on counts it so.",
        )
    with access:
        is_allowed = look.labeler.is_disabled

        def let(database: Database) -> None:
            decide_access(database, name, is_allowed=is_allowed, reason=reason)

        offer(
            "Enable" if is_allowed else "Disable",
            let,
            key="access-do",
            says="They can work again." if is_allowed else "They get no more work; what they did stays.",
            confirm="Do it",
            done=lambda _: "They can work again." if is_allowed else "They get no more work.",
            button="secondary",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Previewed:
    """What was asked, and what was found. It is dear, so it is not made again whenever something was written."""

    labeler: str
    weight: float | None
    at: datetime
    found: Preview


def _offer_preview(source: Source, look: LabelerLook, weight: float | None) -> None:
    """Over all projects: the decision counts in all."""
    kept: _Previewed | None = st.session_state.get(_PREVIEW)
    if kept is not None and (kept.labeler, kept.weight) != (look.labeler.id, weight):
        kept = None
    if st.button("Show what would flip" if kept is None else "Look again what would flip", key="weigh-preview"):
        at = datetime.now(UTC)
        found = source.load(preview_weighing, look.labeler.name, weight, most=_PREVIEWED)
        st.session_state[_PREVIEW] = _Previewed(labeler=look.labeler.id, weight=weight, at=at, found=found)
        st.rerun()
    if kept is not None:
        st.caption(f"In all projects, as of {format_time(kept.at)} UTC.")
        _show_preview(kept.found)


def _show_preview(found: Preview) -> None:
    left = f"; {count(found.not_looked_at, 'chain')} not looked at" if found.not_looked_at else ""
    st.caption(
        f"{count(found.looked_at, 'verdict')} given again by what is known now, before and after{left}."
        f" P(best) moves by {found.most_moved:.2f} at most."
    )
    if not found.flips:
        st.info("No verdict would have another winner.")
        return
    columns: dict[str, list[object]] = {}
    for flip in found.flips:
        shown = [rating.candidate for rating in flip.before.ratings]
        was = {it.candidate: it.p_best for it in flip.before.ratings}
        now = {it.candidate: it.p_best for it in flip.after.ratings}
        for title, value in (
            ("project", line(flip.project, 40)),
            ("chain", flip.chain),
            ("round", flip.round),
            ("wins now", f"c{shown.index(flip.before.winner) + 1}"),
            ("P(best) before", was[flip.before.winner]),
            ("P(best) after", now[flip.before.winner]),
            ("would win", f"c{shown.index(flip.after.winner) + 1}"),
            ("its P(best) before", was[flip.after.winner]),
            ("its P(best) after", now[flip.after.winner]),
        ):
            columns.setdefault(title, []).append(value)
    st.dataframe(columns, hide_index=True, width="stretch", key="flips")


def _show_work(source: Source, look: LabelerLook, *, project: str | None) -> None:
    st.markdown("**Their work**")
    if st.session_state.get(_WORK_OF) not in (None, (look.labeler.id, project)):
        st.query_params.pop("work", None)  # the place was one in other work
    st.session_state[_WORK_OF] = (look.labeler.id, project)
    place = st.query_params.get("work")
    before = int(place) if place is not None and place.isdecimal() and len(place) < 18 else None
    rows, after = source.ask(page_work, look.labeler.id, project=project, before=before)
    if not rows:
        st.caption("Nothing more.")
    table = st.dataframe(
        {
            "handed in (UTC)": [format_time(it.at) for it in rows],
            "project": [line(it.project, 40) for it in rows],
            "chain": [it.chain for it in rows],
            "round": [it.round for it in rows],
            "time": ["" if it.active_s is None else format_span(it.active_s) for it in rows],
            "device": [it.device or "" for it in rows],
            "control": ["had one" if it.had_control and may_act() else "" for it in rows],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        on_select="rerun",
        selection_mode="single-row",
        key=name_table("work", [look.labeler.id, *(it.key for it in rows)]),
    )
    if (row := pick_row_of(table)) is not None:
        go_to_chain(rows[row].chain, view="Rounds", round=str(rows[row].round))
    newest, older, _ = st.columns([1, 1, 6])
    if newest.button("Newest", disabled=before is None, key="work-newest", width="stretch"):
        st.query_params.pop("work", None)
        st.rerun()
    if older.button("Older work", disabled=after is None, key="work-older", width="stretch") and after is not None:
        st.query_params["work"] = str(after)
        st.rerun()
