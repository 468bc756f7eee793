"""What an operator may do with a chain: pause, resume, stop, give priority, pin, fork, and download its trajectory."""

import math
from collections.abc import Callable
from typing import Any

import streamlit as st

from refine.api import steering
from refine.api.browsing import Inspection
from refine.api.reading import trajectory_line
from refine.dashboard.acting import attempt, may_act, offer, say_done, show_result, show_sign_in
from refine.dashboard.source import Source
from refine.dashboard.text import line
from refine.types import ChainRecord
from store.database import Database

_HIGHEST_GATE = math.nextafter(1.0, 0.0)
"""Settings take all below one."""


def show_actions(source: Source, found: Inspection) -> None:
    """A row of buttons; for who may not act, how they might."""
    show_result()
    with st.container(horizontal=True, gap="small"):
        if may_act():
            if found.record.state != "ended":
                _offer_pausing(found)
                _offer_stopping(found)
                _offer_pinning(found)
                _offer_priority(found)
            if found.record.rounds_judged:
                _offer_forking(found)
            _offer_export(source, found)
        show_sign_in()


def _steering(act: Callable[..., ChainRecord], found: Inspection, *arguments: Any) -> Callable[[Database], ChainRecord]:
    return lambda database: act(database, found.record.id, *arguments)


def _offer_pausing(found: Inspection) -> None:
    if found.record.is_paused:
        offer(
            "Resume",
            _steering(steering.resume_chain, found),
            key="resume",
            icon=":material/play_arrow:",
            says="It goes on, and its open round is shown to labelers again. Whoever runs its project takes it up.",
            confirm="Resume it",
            done=lambda _: "The chain goes on at the next step of whoever runs its project.",
        )
    else:
        offer(
            "Pause",
            _steering(steering.pause_chain, found),
            key="pause",
            icon=":material/pause:",
            says="No new step and no new assignment until it is resumed. A step that is under way is finished first.",
            confirm="Pause it",
            done=lambda _: "The chain is paused.",
        )


def _offer_stopping(found: Inspection) -> None:
    offer(
        "Stop",
        _steering(steering.stop_chain, found),
        key="stop",
        icon=":material/stop:",
        says="The chain ends for good and keeps what it has. To go on from one of its rounds later, fork it.",
        confirm="Stop it for good",
        done=lambda it: "The chain is stopped." if it.state == "ended" else "The chain stops at its next step.",
    )


def _offer_pinning(found: Inspection) -> None:
    names = found.story.names
    known = [it.id for it in found.story.chain.candidates if it.kind != "control" and not it.is_failed and it.files]
    if not known:
        return
    with st.popover("Pin", icon=":material/keep:", key="pin-asks"):
        st.text("The page you choose becomes the incumbent at the chain's next verdict, whatever people prefer.")
        held = found.record.pinned or found.record.incumbent
        chosen = st.selectbox(
            "Page",
            known,
            index=known.index(held) if held in known else 0,
            format_func=lambda it: line(names[it], 60),
            key="pinned",
        )
        if st.button("Pin it", key="pin", type="primary"):
            done = attempt(steering.pin_candidate, found.record.id, chosen)
            if done is not None:
                say_done(f"{names[chosen]} becomes the incumbent at the next verdict.")
            st.rerun()


def _offer_priority(found: Inspection) -> None:
    with st.popover("Priority", icon=":material/low_priority:", key="priority-asks"):
        st.text("Chains of higher priority are run, and shown to labelers, first. Every chain begins with 0.")
        most = steering.MOST_PRIORITY
        wanted = st.number_input(
            "Priority", min_value=-most, max_value=most, value=found.record.priority, step=1, key="priority"
        )
        if st.button("Set it", key="prioritise", type="primary"):
            done = attempt(steering.prioritise_chain, found.record.id, int(wanted))
            if done is not None:
                say_done(f"The chain has priority {done.priority}.")
            st.rerun()


def _offer_forking(found: Inspection) -> None:
    record, settings = found.record, found.story.chain.settings.get(found.story.chain.settings_version, {})
    with st.popover("Fork", icon=":material/fork_right:", key="fork-asks"):
        st.text("A new chain that is this one up to a verdict, and then goes its own way. This one is left as it is.")
        judged = list(range(1, record.rounds_judged + 1))
        after = st.selectbox("After the verdict of round", judged, index=len(judged) - 1, key="fork-after")
        changes: dict[str, Any] = {}
        with st.expander("Other settings"):
            had = {name: settings.get(name) for name in ("rounds", "revisions", "gate", "model")}
            rounds = st.number_input("Rounds in all", 1, 100, int(had["rounds"] or 3), key="fork-rounds")
            revisions = st.number_input("Revisions a round", 1, 7, int(had["revisions"] or 2), key="fork-revisions")
            gate = st.number_input(
                "Gate: P(beats incumbent) that a challenger needs", 0.5, _HIGHEST_GATE, float(had["gate"] or 0.6), 0.05,
                format="%.6g", key="fork-gate",
            )  # fmt: skip
            model = st.text_input("Model", line(str(had["model"] or ""), 200), max_chars=200, key="fork-model")
            given = {"rounds": int(rounds), "revisions": int(revisions), "gate": float(gate), "model": model.strip()}
            changes = {name: value for name, value in given.items() if value and value != had[name]}
        if after >= int(rounds):
            st.caption("It has had all its rounds by then: give it more, or it ends at once.")
        if st.button("Fork it", key="fork", type="primary"):
            done = attempt(lambda database: steering.fork_chain(database, record.id, round=after, **changes))
            if done is not None:
                say_done(f"{done.id} is a fork after round {after}; the next run of its project takes it along.")
                st.query_params.clear()
                st.query_params["chain"] = done.id
            st.rerun()


def _offer_export(source: Source, found: Inspection) -> None:
    chain = found.record.id
    with st.popover("Export", icon=":material/download:", key="export-asks"):
        st.text(
            "The whole trajectory as one line of JSON: candidates, rankings and critiques (labelers by public id), "
            "verdicts, plans, and every model call with its messages and reply."
        )
        st.download_button(
            "Download it",
            lambda: source.load(trajectory_line, chain),
            file_name=f"{chain}.trajectory.jsonl",
            mime="application/x-ndjson",
            key="export",
            type="primary",
            on_click="ignore",
        )
