"""What an operator may do with several chains at once: stop them, give them priority, write down all about them."""

from collections.abc import Sequence

import streamlit as st

from refine.api import bulk
from refine.api.bulk import BulkResult
from refine.api.finding import ChainFilter, Sort, find_ids
from refine.api.steering import MOST_PRIORITY
from refine.dashboard.acting import attempt, offer, say_done
from refine.dashboard.folders import choose_folder
from refine.dashboard.source import Source
from refine.dashboard.text import count
from refine.errors import RefineError


def show_bulk(source: Source, ticked: Sequence[str], wanted: ChainFilter, sort: Sort, *, fits: int | None) -> None:
    """Buttons for the chains that are ticked, or for all that fit the filters."""
    takes_all = False
    if fits is not None and fits > len(ticked):
        most = min(fits, bulk.MOST)
        words = f"All {fits:,} of this list" if fits <= bulk.MOST else f"The first {most:,} of this list"
        takes_all = st.checkbox(f"{words}, not only those ticked", key="take-all")
    chosen: Sequence[str] = ticked
    if takes_all:
        try:
            chosen = source.ask_sums(find_ids, wanted, sort=sort, limit=bulk.MOST)
        except RefineError as error:
            st.caption(str(error))
            return
    if not chosen:
        st.caption("Tick the chains to act on.")
        return
    them = count(len(chosen), "chain")
    with st.container(horizontal=True, gap="small"):
        offer(
            f"Stop {them}",
            lambda database: bulk.stop_chains(database, chosen),
            key="bulk-stop",
            icon=":material/stop:",
            says=f"{them} end for good and keep what they have. Those that have ended are left as they are.",
            confirm=f"Stop {them} for good",
            done=lambda result: _say(result, "stopped, or at their next step"),
        )
        _offer_priority(chosen, them)
        _offer_export(source, chosen, them)


def _offer_priority(chosen: Sequence[str], them: str) -> None:
    with st.popover("Priority", icon=":material/low_priority:", key="bulk-priority-asks"):
        st.text("Chains of higher priority are run, and shown to labelers, first. Every chain begins with 0.")
        wanted = st.number_input(
            "Priority", min_value=-MOST_PRIORITY, max_value=MOST_PRIORITY, value=1, step=1, key="bulk-priority"
        )
        if st.button(f"Set it for {them}", key="bulk-prioritise", type="primary"):
            result = attempt(bulk.prioritise_chains, chosen, int(wanted))
            if result is not None:
                say_done(_say(result, f"have priority {int(wanted)}"))
            st.rerun()


def _offer_export(source: Source, chosen: Sequence[str], them: str) -> None:
    with st.popover("Export", icon=":material/download:", key="bulk-export-asks"):
        st.text(f"All that is recorded about {them}, one a line, into a folder beside the database.")
        folder = choose_folder(source, "chains", key="bulk-folder")
        if folder is not None and st.button(f"Write {them}", key="bulk-export", type="primary"):
            written = attempt(bulk.write_trajectories, chosen, folder, include_demo=True)
            if written is not None:
                say_done(f"{count(written.rows, 'trajectory', 'trajectories')} in {written.path}")
            st.rerun()


def _say(result: BulkResult, what: str) -> str:
    said = f"{count(result.done, 'chain')} {what}."
    if result.left:
        said += f" {result.left:,} left as they were: {'; '.join(f'{why} ({n:,})' for why, n in result.refused[:3])}"
    return said
