"""Pieces that several pages have: the choice of a project, refreshing, and notes."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from refine.api.overview import list_project_names
from refine.dashboard.source import Source, open_source
from refine.errors import RefineError

ALL = "(all projects)"
_STATE = "state_shown"
_TICK_S = 2.0
"""With the second of `Source.mark`, what was written is seen within five, also where many look."""


def choose_project(source: Source) -> str | None:
    """A box with the store's projects; None stands for all. It is the `project` of the address."""
    names = source.ask(list_project_names)
    chosen = st.selectbox(
        "Project",
        [ALL, *names],
        key="project",
        label_visibility="collapsed",
        bind="query-params",
    )
    return None if chosen == ALL else chosen


@dataclass(slots=True)
class _Run:
    """Of the whole page: what was known when it began, and whether it is still under way."""

    state: tuple[Any, ...]
    is_under_way: bool = True


def remember_state(source: Source) -> None:
    """What the page is about to be made of; first thing in a run, so that nothing written meanwhile is missed."""
    st.session_state[_STATE] = source.state


def refresh_when_written() -> None:
    """Run the page again when something was written, or another database is there now. Where nothing was, a tick costs
    next to nothing."""
    run = _Run(st.session_state.get(_STATE) or open_source().state)
    _tick(run)
    run.is_under_way = False


@st.fragment(run_every=_TICK_S)
def _tick(run: _Run) -> None:
    """Never from within the page's own run: it may have been begun by a click on a button that is yet to come."""
    if run.is_under_way:
        return
    try:
        state = open_source().state
    except RefineError:
        st.rerun()  # the page says what is wrong
    if state != run.state:
        st.rerun()


def show_counting(source: Source) -> None:
    """Say so while not all chains are in the sums, and which never will be."""
    tally = source.tally()
    if not tally.is_complete:
        st.caption(f":material/hourglass_top: counting… {tally.progress:.0%} of the chains so far")
    if tally.unreadable:
        some = ", ".join(str(key) for key in sorted(tally.unreadable)[:5])
        number = len(tally.unreadable)
        st.warning(
            f"{number:,} damaged {'chain is' if number == 1 else 'chains are'} in no figure here (row {some} of the"
            " table `chain`). `refine db verify` says what is wrong.",
            icon=":material/broken_image:",
        )


def show_demo_note(*, is_demo: bool, is_simulated: bool, of_some: bool = False) -> None:
    """Say what stood in for a model or for people, in all that is shown or, `of_some`, in part of it."""
    said = []
    if is_demo:
        said.append("the model was a script, not a language model")
    if is_simulated:
        said.append("the labelers were simulated")
    if said:
        where = "In some of these projects" if of_some else "Here"
        st.caption(f":material/science: {where} {', and '.join(said)}.")


def pick_row_of(table: Any) -> int | None:
    """The row that is ticked in a data frame with `selection_mode="single-row"`."""
    rows = table.selection.rows
    return int(rows[0]) if rows else None


def pick_rows_of(table: Any) -> list[int]:
    """The rows that are ticked in a data frame with `selection_mode="multi-row"`."""
    return [int(row) for row in table.selection.rows]


def name_table(name: str, ids: Iterable[object]) -> str:
    """A key for a table of these rows: another one for others, or for another order. Streamlit keeps the numbers of the
    rows that are ticked for as long as the key is the same, whatever stands in them by then."""
    return f"{name}-{hashlib.sha256(repr([*ids]).encode()).hexdigest()[:16]}"
