"""What an operator may do with several chains at once: stop them, give them priority, write down all about them."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

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

_ASKED = "bulk_asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Chains that were chosen to be acted on: those of that moment, whatever is in the list when it is confirmed."""

    chains: tuple[str, ...]
    at: datetime
    list: Hashable
    """What the list held and how it was ordered."""
    table: str
    ticked: tuple[str, ...]


def show_bulk(
    source: Source, ticked: tuple[str, ...], wanted: ChainFilter, sort: Sort, *, table: str, fits: int | None
) -> None:
    """Choose the chains that are ticked, or all that fit the filters; then, buttons for those. `table` is another one
    when its rows are."""
    listed = (replace(wanted, created_after=None), st.session_state.get("age"), sort)  # that time goes on by itself
    asked: _Asked | None = st.session_state.get(_ASKED)
    if asked is not None and not _still_asked(asked, listed, table, ticked):
        asked = None
        del st.session_state[_ASKED]
    if asked is None:
        chains = _choose(source, ticked, wanted, sort, fits)
        if chains:
            st.session_state[_ASKED] = _Asked(
                chains=chains, at=datetime.now(UTC), list=listed, table=table, ticked=ticked
            )
            st.rerun()
        return
    them = count(len(asked.chains), "chain")
    st.text(f"{them}, chosen at {asked.at:%H:%M:%S} UTC. What has come into the list since is not among them.")
    _offer_actions(source, asked.chains, them)


def _still_asked(asked: _Asked, listed: Hashable, table: str, ticked: tuple[str, ...]) -> bool:
    """Not after other filters, and not after other ticks; those that went because rows came do not count."""
    if asked.list != listed:
        return False
    return ticked == asked.ticked or (table != asked.table and not ticked)


def _choose(
    source: Source, ticked: tuple[str, ...], wanted: ChainFilter, sort: Sort, fits: int | None
) -> tuple[str, ...]:
    """Ids at the click that asks what to do with them, else none."""
    takes_all, number = False, len(ticked)
    if fits is not None and fits > len(ticked):
        words = "All of this list" if fits <= bulk.MOST else f"The first {bulk.MOST:,} of this list"
        takes_all = st.checkbox(f"{words}, not only those ticked", key="take-all")
        number = min(fits, bulk.MOST) if takes_all else number
    if not number:
        st.caption("Tick the chains to act on.")
        return ()
    if not st.button(f"Act on {count(number, 'chain')}", key="bulk-begin"):
        return ()
    if not takes_all:
        return ticked
    try:
        return source.ask_sums(find_ids, wanted, sort=sort, limit=bulk.MOST)
    except RefineError as error:
        st.caption(str(error))
        return ()


def _offer_actions(source: Source, chosen: tuple[str, ...], them: str) -> None:
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
        if st.button("Choose others", key="bulk-end", type="tertiary"):
            del st.session_state[_ASKED]
            st.rerun()


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
