"""The inspector of one chain: what it is about and how it ended, then one view of it at a time."""

from datetime import UTC, datetime

import streamlit as st

from refine.api.browsing import Inspection, inspect_chain
from refine.dashboard.chain_actions import show_actions
from refine.dashboard.chain_calls import show_calls, show_events
from refine.dashboard.chain_code import show_code, show_lines
from refine.dashboard.chain_family import show_family
from refine.dashboard.chain_names import name_of
from refine.dashboard.chain_round import show_rounds
from refine.dashboard.chain_story import show_story
from refine.dashboard.parts import refresh_when_written, show_demo_note
from refine.dashboard.places import make_page
from refine.dashboard.source import open_source
from refine.dashboard.text import (
    STATES,
    STOPS,
    code,
    count,
    escape,
    format_age,
    format_count,
    format_span,
    format_time,
    format_usd,
    plain,
)
from refine.errors import InputError
from refine.ranking.audit import in_chain_estimate

_DAMAGE_SHOWN = 8
_SILENT_S = 300.0
"""Owners say that they live much more often."""
VIEWS = {
    "Story": show_story,
    "Rounds": show_rounds,
    "Family": show_family,
    "Lines": show_lines,
    "Compare": show_code,
    "Calls": show_calls,
    "Events": show_events,
}
"""By the word that stands on the page and in its address."""


def show() -> None:
    source = open_source()
    wanted = st.query_params.get("chain", "").strip()
    if not wanted:
        st.header("Chain", anchor=False)
        st.info("No chain is chosen. Pick one from the list.")
        st.page_link(make_page("chains"), label="All chains")
        return
    try:
        found = source.ask(inspect_chain, wanted)
    except InputError as error:
        st.header("Chain", anchor=False)
        st.text(plain(str(error), longest=600))
        st.page_link(make_page("chains"), label="All chains")
        return
    refresh_when_written()
    _show_head(found)
    show_actions(source, found)
    view = st.segmented_control(
        "View",
        tuple(VIEWS),
        default="Story",
        required=True,
        key="view",
        label_visibility="collapsed",
        bind="query-params",
    )
    VIEWS[view](found)


def _show_head(found: Inspection) -> None:
    chain, record = found.story.chain, found.record
    st.header("Chain", anchor=False)
    _show_damage(found)
    words = f"{chain.id} · project {escape(chain.project, 60)} · begun {format_time(chain.created_at)} UTC"
    if chain.parent_chain is not None:
        words += f" · forked from {chain.parent_chain}"
    st.caption(words)
    with st.container(border=True):
        st.text(plain(chain.prompt, longest=3000))
    show_demo_note(is_demo=chain.is_demo, is_simulated=chain.is_simulated)
    tiles = st.container(horizontal=True)
    _metric(tiles, "State", _say_state(found), _say_end(found))
    _metric(tiles, "Final page" if chain.state == "ended" else "Best so far", *_say_best(found))
    _metric(tiles, "P(better than the first)", *_say_gain(found))
    spending = found.story.spending
    money_words = f"models {format_usd(spending.models_usd)}, people {format_usd(spending.people_usd)}"
    _metric(tiles, "Cost", format_usd(spending.models_usd + spending.people_usd), money_words)
    tokens = format_count(spending.prompt_tokens + spending.completion_tokens)
    waited_ms = sum(call.reply.latency_ms for call in chain.calls if call.reply is not None)
    _metric(tiles, "Model calls", f"{spending.calls:,}", f"{tokens} tokens, {format_span(waited_ms / 1000)}")
    if record.error:
        st.error("It failed:", icon=":material/error:")
        st.text(plain(record.error, longest=2000))


def _show_damage(found: Inspection) -> None:
    """What cannot be read, and a chain that was left in the middle of things."""
    if found.damage:
        st.error(
            f"This chain is damaged: {count(len(found.damage), 'part')} of it cannot be read.", icon=":material/error:"
        )
        for each in found.damage[:_DAMAGE_SHOWN]:
            st.text(plain(each, longest=300))
        st.caption(f"`refine chain verify {found.record.id}` looks at all of it; a backup has it as it was.")
    record = found.record
    if record.state in ("new", "active") and not record.is_paused:
        again = f"`refine batch … --project {code(record.project)}` takes it up."
        if found.owner_seen_at is None:
            st.caption(f":material/hourglass_empty: Nobody runs this chain now; the next {again}")
        elif (datetime.now(UTC) - found.owner_seen_at).total_seconds() > _SILENT_S:
            ago = f"who ran it was last heard of {format_age(found.owner_seen_at)} ago"
            st.caption(f":material/hourglass_empty: Left in the middle: {ago}. The next {again}")


def _metric(where: "st.delta_generator.DeltaGenerator", label: str, value: str, said: str) -> None:
    where.metric(
        label, value.replace("$", "\\$"), said.replace("$", "\\$") or None, delta_color="off", delta_arrow="off",
        border=True,
    )  # fmt: skip


def _say_state(found: Inspection) -> str:
    record = found.record
    if record.state == "ended":
        return "failed" if record.stop_reason == "failed" else "ended"
    return "paused" if record.is_paused else STATES[record.state]


def _say_end(found: Inspection) -> str:
    record = found.record
    if record.state != "ended":
        return "will stop at its next step" if record.stop_requested else f"round {record.round}"
    return STOPS.get(record.stop_reason or "", record.stop_reason or "")


def _say_best(found: Inspection) -> tuple[str, str]:
    chain = found.story.chain
    best = next((it for it in chain.candidates if it.id == chain.incumbent), None)
    if best is None:
        return "–", "no verdict yet"
    after = count(found.record.rounds_judged, "round")
    return f"of round {best.made_in_round}", escape(f"{name_of(found, best.id)}, after {after}", 60)


def _say_gain(found: Inspection) -> tuple[str, str]:
    """By the newest verdict, and what an audit round said."""
    chain = found.story.chain
    verdicts = [it.verdict for it in chain.rounds if it.kind == "normal" and it.verdict is not None]
    first = next((it.id for it in chain.candidates if not it.is_failed), None)
    if not verdicts or first is None or chain.incumbent is None:
        return "–", "no verdict yet"
    if first == chain.incumbent:
        return "–", "it is the first page"
    estimate = in_chain_estimate([(verdicts[-1].details, first, chain.incumbent)]).p_final_better
    return "–" if estimate is None else f"{estimate:.0%}", _say_audit(found, first) or "by the rankings that chose it"


def _say_audit(found: Inspection, first: str) -> str:
    audit = next((it for it in found.story.chain.rounds if it.kind == "audit"), None)
    if audit is None or not audit.rankings:
        return ""
    final = next((name for name in audit.shown if name != first), None)
    wins = ties = losses = 0
    for ranking in audit.rankings:
        places = {name: place for place, group in enumerate(ranking.groups) for name in group}
        if first in places and final is not None and final in places:
            wins += places[final] < places[first]
            ties += places[final] == places[first]
            losses += places[final] > places[first]
    return f"audit: {wins} won, {ties} tied, {losses} lost"
