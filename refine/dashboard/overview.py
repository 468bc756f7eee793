"""The first page: what was gained, what it cost, where chains stop, and what waits for people."""

from collections import Counter

import streamlit as st

from refine.api.overview import Overview, ProjectLine, load_overview
from refine.dashboard import charts
from refine.dashboard.parts import choose_project, pick_row_of, refresh_when_written, show_counting, show_demo_note
from refine.dashboard.places import TITLES, go_to_chain, make_page
from refine.dashboard.source import open_source
from refine.dashboard.text import STATES, STOPS, count, format_age, format_count, format_span, format_usd, line
from store.dashboards import Waiting

_QUESTIONS = {
    "waste": "What did a gain cost, and what was wasted?",
    "chains": "Why is this line here? Open a chain, then Lines",
    "labelers": "Whom not to trust?",
    "models": "Which model, which prompt?",
    "data": "What is there to train on?",
}
"""Page -> what it answers. What was gained and what waits stands on this page."""
_ORDER = ("new", "active", "waiting", "audit", "paused", "ended", "failed")


def show() -> None:
    source = open_source()
    title, box = st.columns([3, 1], vertical_alignment="bottom")
    title.header("Overview", anchor=False)
    with box:
        project = choose_project(source)
    found = source.ask_sums(load_overview, project)
    refresh_when_written()
    show_counting(source)
    if not found.chains and source.tally().is_complete:
        st.info("No chains yet. `refine batch PROMPTS` starts one for every prompt of a file.")
        return
    show_demo_note(is_demo=found.is_demo, is_simulated=found.is_simulated, of_some=len(found.projects) > 1)
    _show_figures(found)
    _show_questions()
    left, right = st.columns(2, gap="large")
    with left:
        _show_states(found)
    with right:
        _show_rounds(found)
    _show_time(found)
    _show_waiting(found.longest, found)
    _show_projects(found)


def _show_figures(found: Overview) -> None:
    gain, spent, people, chains, waits = st.columns(5)
    with gain:
        _show_gain(found)
    models_usd = sum(each.spending.models_usd for each in found.projects)
    people_usd = sum(each.spending.people_usd for each in found.projects)
    unpriced = sum(each.spending.unpriced_calls for each in found.projects)
    spent.metric(
        "Models",
        _money(models_usd),
        f"{count(unpriced, 'call')} of unknown price" if unpriced else _tokens(found),
        delta_color="off",
        delta_arrow="off",
        border=True,
        help="What calls to models cost, from the ledger, failed ones too.",
    )
    people.metric(
        "People",
        _money(people_usd),
        format_span(found.people_s) + " of work",
        delta_color="off",
        delta_arrow="off",
        border=True,
        help="Time that labelers were active, at their rates of pay.",
    )
    ended = found.states.get("ended", 0) + found.states.get("failed", 0)
    chains.metric(
        "Chains ended",
        f"{ended:,} of {found.chains:,}",
        _say_failed(found),
        delta_color="off",
        delta_arrow="off",
        border=True,
    )
    waiting = found.waiting
    waits.metric(
        "Rankings awaited",
        f"{waiting.rankings:,}",
        "nothing waits" if waiting.oldest is None else f"longest for {format_age(waiting.oldest)}",
        delta_color="off",
        delta_arrow="off",
        border=True,
        help="Rankings that open rounds still want from people.",
    )


def _show_questions() -> None:
    """Where what readers ask first is answered; a page that is not there is not named."""
    with st.container(horizontal=True, gap="small"):
        for name, question in _QUESTIONS.items():
            if name in TITLES:
                st.page_link(make_page(name), label=question)


def _show_gain(found: Overview) -> None:
    help = (
        "How often a labeler new to the chain prefers the final page over the first draft, a tie counting half: from"
        " audit rounds alone, with its 95 % interval. 50 % is no gain."
    )
    rate = None if found.gain is None else found.gain.audited
    if rate is not None and rate.rate is not None and rate.low is not None and rate.high is not None:
        value = f"{rate.rate:.0%}"
        said = f"{rate.low:.0%} to {rate.high:.0%}, {count(rate.chains, 'chain')}"
    else:
        value = "–"
        said = "by project, below" if found.gain is None else _say_gain(found.projects[0])
    st.metric("Final beats first", value, said, delta_color="off", delta_arrow="off", border=True, help=help)


def _show_states(found: Overview) -> None:
    st.subheader("Where chains stand", anchor=False)
    standing = [(STATES[state], found.states[state]) for state in _ORDER if found.states.get(state)]
    st.dataframe(
        {"chains": [number for _, number in standing], "state": [words for words, _ in standing]},
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={"chains": st.column_config.NumberColumn(format="localized", width="small")},
    )
    stops: Counter[str] = Counter()
    for reason, _, number in found.stops:
        stops[reason] += number
    if stops:
        rows = [(STOPS.get(reason, reason), number) for reason, number in stops.most_common()]
        charts.draw_stops(rows, title="Why chains ended")


def _show_rounds(found: Overview) -> None:
    st.subheader("Rounds", anchor=False)
    if not found.rounds:
        st.caption("No round has been judged yet.")
        return
    ended_after: Counter[int] = Counter()
    for _, rounds, number in found.stops:
        ended_after[rounds] += number
    st.dataframe(
        {
            "round": [each.number for each in found.rounds],
            "judged": [each.judged for each in found.rounds],
            "a challenger won": [each.replaced if each.number > 1 else None for each in found.rounds],
            "share": [each.replaced / each.judged if each.number > 1 else None for each in found.rounds],
            "ended after it": [ended_after[each.number] for each in found.rounds],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={
            "round": st.column_config.NumberColumn(width="small"),
            "judged": st.column_config.NumberColumn(format="localized"),
            "a challenger won": st.column_config.NumberColumn(format="localized"),
            "ended after it": st.column_config.NumberColumn(
                format="localized", help="Chains that ended after so many judged rounds."
            ),
            "share": st.column_config.ProgressColumn(
                format="percent", min_value=0, max_value=1, help="Of rounds with an incumbent, those it lost."
            ),
        },
    )
    st.caption("From round two on the incumbent is ranked beside its challengers; where it keeps standing, chains end.")


def _show_time(found: Overview) -> None:
    st.subheader("Over time", anchor=False)
    money, tokens, rankings = st.columns(3)
    with money:
        series = {"models": "models_usd", "people": "people_usd"}
        charts.draw_over_time(found.slices, found.slice_width, series, title="Dollars", format="$~s")
    with tokens:
        series = {"prompt": "prompt_tokens", "completion": "completion_tokens"}
        charts.draw_over_time(found.slices, found.slice_width, series, title="Tokens", format="~s")
    with rankings:
        charts.draw_over_time(found.slices, found.slice_width, {"rankings": "rankings"}, title="Rankings", format="~s")


def _show_waiting(longest: tuple[Waiting, ...], found: Overview) -> None:
    st.subheader("What waits for people", anchor=False)
    if not longest:
        st.caption("Nothing waits for people.")
        return
    waiting = found.waiting
    in_hand = f", {count(waiting.in_hand, 'place')} in hand" if waiting.in_hand else ""
    st.caption(
        f"{count(waiting.rounds, 'open round')} · {count(waiting.rankings, 'ranking')} wanted{in_hand}."
        " The longest open first; tick one to see its chain."
    )
    table = st.dataframe(
        {
            "open for": [format_age(each.opened_at) for each in longest],
            "rankings": [f"{each.received} of {each.wanted}" for each in longest],
            "for": [_say_whom(each, found) for each in longest],
            "in hand": [each.in_hand for each in longest],
            "round": ["audit" if each.kind == "audit" else str(each.number) for each in longest],
            "project": [line(each.project, 40) for each in longest],
            "prompt": [line(each.prompt, 160) for each in longest],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={"prompt": st.column_config.TextColumn(width="large")},
        on_select="rerun",
        selection_mode="single-row",
        key="waiting",
    )
    if (row := pick_row_of(table)) is not None:
        go_to_chain(longest[row].chain)


def _say_whom(round: Waiting, found: Overview) -> str:
    """Whom an open round waits for."""
    panel = next((each.panel for each in found.projects if each.name == round.project), "people")
    if panel.startswith("import:"):
        return "lines of a file"
    who = "simulated labelers" if panel == "simulated" else "people"
    return f"{who} new to the chain" if round.kind == "audit" else who


def _show_projects(found: Overview) -> None:
    st.subheader("Projects: gain, and spending against budget", anchor=False)
    lines = sorted(found.projects, key=lambda each: -each.spent_usd)
    st.dataframe(
        {
            "project": [line(each.name, 60) for each in lines],
            "final beats first": [_say_gain(each) for each in lines],
            "an improvement cost": [_say_price(each) for each in lines],
            "chains": [each.chains for each in lines],
            "ended": [each.ended for each in lines],
            "models": [each.spending.models_usd for each in lines],
            "people": [each.spending.people_usd for each in lines],
            "budget": [_say_budget(each.budget_usd) for each in lines],
            "spent of it": [each.spent_usd / each.budget_usd if each.budget_usd else None for each in lines],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={
            "final beats first": st.column_config.TextColumn(help="From audit rounds, with its 95 % interval."),
            "an improvement cost": st.column_config.TextColumn(
                help="All that was spent over the rounds in which a challenger took the incumbent's place."
            ),
            "chains": st.column_config.NumberColumn(format="localized"),
            "ended": st.column_config.NumberColumn(format="localized"),
            "models": st.column_config.NumberColumn(format="dollar"),
            "people": st.column_config.NumberColumn(format="dollar"),
            "spent of it": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
        },
    )


def _say_gain(project: ProjectLine) -> str:
    rate = project.gain.audited
    if rate.rate is None or rate.low is None or rate.high is None:
        return f"{count(project.gain.open, 'audit round')} open" if project.gain.open else "no audit round yet"
    return f"{rate.rate:.0%} ({rate.low:.0%} to {rate.high:.0%})"


def _say_price(project: ProjectLine) -> str | None:
    each = project.usd_per_improvement
    return None if each is None else format_usd(each)


def _say_budget(budget_usd: float | None) -> str:
    return "no limit" if budget_usd is None else format_usd(budget_usd)


def _tokens(found: Overview) -> str:
    return f"{format_count(found.tokens)} tokens"


def _say_failed(found: Overview) -> str:
    failed = found.states.get("failed", 0)
    return f"{failed:,} failed" if failed else "none failed"


def _money(usd: float) -> str:
    return format_usd(usd).replace("$", "\\$")
