"""The list of chains: filtered, sorted, a page at a time; where it stands is in the address."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from refine.api.finding import ChainFilter, ChainPage, FoundChain, Sort, find_chains
from refine.dashboard.acting import may_act, show_result, show_sign_in
from refine.dashboard.bulk import show_bulk
from refine.dashboard.parts import (
    choose_project,
    name_table,
    pick_row_of,
    pick_rows_of,
    refresh_when_written,
    show_counting,
)
from refine.dashboard.places import go_to_chain
from refine.dashboard.source import Source, open_source
from refine.dashboard.text import STATES, STOPS, count, format_time, line
from refine.errors import InputError

_ANY = "any"
_STATES = {STATES[state]: state for state in ("new", "active", "waiting", "audit", "paused", "ended")}
_STOPS = {words: reason for reason, words in STOPS.items()}
_GAINS = {
    "improved": (True, None),
    "not improved": (False, None),
    "P above .8": (None, 0.8),
    "P above .95": (None, 0.95),
}
_AGES = {"an hour": 1, "a day": 24, "a week": 7 * 24, "a month": 30 * 24}
_SORTS: dict[str, Sort] = {
    "newest first": "newest",
    "oldest first": "oldest",
    "most expensive first": "cost",
    "greatest gain first": "gain",
}
"""What is chosen stands in the address in these words."""


def show() -> None:
    source = open_source()
    title, box = st.columns([3, 1], vertical_alignment="bottom")
    title.header("Chains", anchor=False)
    with box:
        project = choose_project(source)
    wanted, sort = _choose(source, project)
    place = st.query_params.get("after")
    if st.session_state.get("listed") not in (None, (wanted, sort)):
        place = None  # another list begins at its first page
        st.query_params.pop("after", None)
    st.session_state["listed"] = (wanted, sort)
    try:
        page = source.ask_sums(find_chains, wanted, sort=sort, after=place)
    except InputError:
        st.query_params.pop("after", None)
        page, place = source.ask_sums(find_chains, wanted, sort=sort), None
    refresh_when_written()
    show_result()
    show_counting(source)
    if page.fits is None and (sort not in ("newest", "oldest") or wanted.min_gain or wanted.min_cost_usd):
        st.caption("Until all are counted, chains come by age, whatever they cost or gained.")
    if not page.chains:
        st.info("No chain fits. Take a filter off, or look at all projects.")
        return
    is_acting = _choose_acting()
    _show_table(source, page, wanted, sort, is_acting=is_acting)
    _show_turning(page, place)


def _choose(source: Source, project: str | None) -> tuple[ChainFilter, Sort]:
    text, state, stop, gain = st.columns([2.4, 1, 1.4, 1])
    words = text.text_input("Prompt has, or id begins with", key="text", bind="query-params", max_chars=200)
    in_state = state.selectbox("State", (_ANY, *_STATES), key="state", bind="query-params")
    stopped = stop.selectbox("Ended because", (_ANY, *_STOPS), key="stop", bind="query-params")
    improved = gain.selectbox("Gain", (_ANY, *_GAINS), key="gain", bind="query-params")
    cost, age, written_by, order = st.columns([1, 1, 1.6, 1.4])
    least = cost.number_input("Cost at least, $", min_value=0.0, step=1.0, key="cost", bind="query-params")
    within = age.selectbox("Begun within", (_ANY, *_AGES), key="age", bind="query-params")
    model = written_by.selectbox("Model", _list_models(source), key="model", bind="query-params")
    sort = order.selectbox("Order", tuple(_SORTS), key="sort", bind="query-params")
    since = None
    if within in _AGES:
        now = datetime.now(UTC).replace(second=0, microsecond=0)  # the same list for a minute
        since = now - timedelta(hours=_AGES[within])
    is_improved, min_gain = _GAINS.get(improved, (None, None))
    wanted = ChainFilter(
        project=project,
        state=_STATES.get(in_state),
        stop_reason=_STOPS.get(stopped),
        is_improved=is_improved,
        min_gain=min_gain,
        min_cost_usd=least or None,
        model=None if model == _ANY else model,
        created_after=since,
        text=words.strip() or None,
    )
    return wanted, _SORTS[sort]


def _list_models(source: Source) -> list[str]:
    """What the sums know; one that the address names is among them even while they are being made."""
    known = source.tally().list_models()
    named = st.query_params.get("model")
    return [_ANY, *known, *([named] if named and named not in (_ANY, *known) else [])]


def _choose_acting() -> bool:
    """Whether rows are ticked to act on several, and not to open one."""
    if may_act():
        return bool(st.toggle("Act on several", key="several", bind="query-params"))
    show_sign_in()
    return False


def _show_table(source: Source, page: ChainPage, wanted: ChainFilter, sort: Sort, *, is_acting: bool) -> None:
    found = page.chains
    key = name_table("several-chains" if is_acting else "chains", [each.chain.id for each in found])
    table = st.dataframe(
        {
            "prompt": [line(each.chain.prompt, 160) for each in found],
            "state": [_describe(each) for each in found],
            "rounds": [each.chain.rounds_judged for each in found],
            "improved in": [_say_improved(each) for each in found],
            "P(better)": [each.p_final_better for each in found],
            "models": [each.chain.models_usd for each in found],
            "people": [each.chain.people_usd for each in found],
            "begun (UTC)": [format_time(each.chain.created_at) for each in found],
            "project": [line(each.chain.project, 40) for each in found],
            "chain": [each.chain.id for each in found],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        height="content",
        column_config={
            "prompt": st.column_config.TextColumn(width=290),
            "state": st.column_config.TextColumn(width=190),
            "rounds": st.column_config.NumberColumn(width=60, help="Rounds with a verdict."),
            "improved in": st.column_config.TextColumn(width=90, help="The round the best page was made in."),
            "P(better)": st.column_config.ProgressColumn(
                format="%.2f",
                width=110,
                min_value=0,
                max_value=1,
                help="That the best page is rated above the first one, by the rankings that chose it: optimistic.",
            ),
            "models": st.column_config.NumberColumn(format="dollar", width=70),
            "people": st.column_config.NumberColumn(format="dollar", width=70),
        },
        on_select="rerun",
        selection_mode="multi-row" if is_acting else "single-row",
        key=key,
    )
    if is_acting:
        ticked = tuple(found[row].chain.id for row in pick_rows_of(table) if row < len(found))
        show_bulk(source, ticked, wanted, sort, table=key, fits=page.fits)
    elif (row := pick_row_of(table)) is not None:
        go_to_chain(found[row].chain.id)


def _show_turning(page: ChainPage, place: str | None) -> None:
    first, following, said = st.columns([1, 1, 6], vertical_alignment="center")
    if first.button("First page", disabled=place is None, width="stretch"):
        st.query_params.pop("after", None)
        st.rerun()
    if following.button("Next page", disabled=page.after is None, width="stretch") and page.after is not None:
        st.query_params["after"] = page.after
        st.rerun()
    fits = "" if page.fits is None else f"{count(page.fits, 'chain')} in this list. "
    said.caption(f"{fits}Tick a row to open its chain. The address of this page leads back to this list.")


def _describe(found: FoundChain) -> str:
    chain = found.chain
    if chain.state == "ended":
        reason = chain.stop_reason or "ended"
        return "failed" if reason == "failed" else STOPS.get(reason, reason)
    words = STATES.get(chain.state, chain.state)
    return f"{words}, paused" if chain.is_paused else words


def _say_improved(found: FoundChain) -> str:
    made_in = found.chain.improved_in
    if made_in is None:
        return ""
    return "no" if made_in == 1 else f"round {made_in}"
