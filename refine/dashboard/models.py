"""How models and prompt templates do: whether their edits fit, what checks drop, how often they win, at what price."""

from collections.abc import Sequence

import streamlit as st

from refine.api.models import ModelLine, Share, load_models
from refine.dashboard import charts
from refine.dashboard.parts import choose_project, refresh_when_written, show_counting
from refine.dashboard.source import open_source
from refine.dashboard.text import format_usd, line

_CHECKS_SHOWN = 12
_CHARTED = 12
_SHARE = 150
"""Pixels of a column that shows a share with its interval."""


def show() -> None:
    source = open_source()
    title, box = st.columns([3, 1], vertical_alignment="bottom")
    title.header("Models and prompts", anchor=False)
    with box:
        project = choose_project(source)
    report = source.ask_sums(load_models, project)
    refresh_when_written()
    show_counting(source)
    if not report.models:
        st.info("No model has been called yet. `refine batch PROMPTS` calls one for every prompt of a file.")
        return
    st.subheader("By model", anchor=False)
    _show_lines(report.models, has_template=False)
    st.caption(
        "A revision **wins** when it takes the incumbent's place. Intervals are of 95 %, as if every revision were on"
        " its own; those of one round compete, so at most one of them wins. The price of a win is everything spent on"
        " the model over its wins: drafts, plans and repairs too."
    )
    st.subheader("By prompt template", anchor=False)
    _show_lines(report.templates, has_template=True)
    left, right = st.columns(2, gap="large")
    with left:
        _draw_shares(report.templates)
    with right:
        st.markdown("**What dropped candidates**")
        if report.checks:
            shown = report.checks[:_CHECKS_SHOWN]
            st.dataframe(
                {
                    "check": [line(check, 60) for _, check, _ in shown],
                    "candidates": [number for _, _, number in shown],
                    "model": [line(model, 60) for model, _, _ in shown],
                },
                hide_index=True,
                placeholder="",
                width="stretch",
                column_config={"candidates": st.column_config.NumberColumn(format="localized", width="small")},
            )
        else:
            st.caption("No check has dropped a candidate.")


def _show_lines(lines: Sequence[ModelLine], *, has_template: bool) -> None:
    names = {"template": [line(each.template or "–", 40) for each in lines]} if has_template else {}
    columns: dict[str, list[str | int | float | None]] = {
        "model": [line(each.model or "–", 60) for each in lines],
        **{name: list[str | int | float | None](values) for name, values in names.items()},
        "calls": [each.calls for each in lines],
        "failed": [each.failed_calls for each in lines],
        "made": [each.made for each in lines],
        "dropped": [_say(each.dropped) for each in lines],
        "blocks that fit": [_say(each.blocks) for each in lines],
        "whole files": [each.whole_files for each in lines],
        "above the incumbent": [_say(each.above) for each in lines],
        "won": [_say(each.won) for each in lines],
        "spent": [each.usd for each in lines],
        "price of a win": [None if each.usd_per_win is None else format_usd(each.usd_per_win) for each in lines],
    }
    if has_template:
        del columns["price of a win"]  # a template's calls are not all that its revisions cost
    widths = {"calls": 65, "failed": 60, "made": 65, "whole files": 85}
    small = {name: st.column_config.NumberColumn(format="localized", width=width) for name, width in widths.items()}
    st.dataframe(
        columns,
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={
            **small,
            "won": st.column_config.TextColumn(width=_SHARE, help="Revisions that took the incumbent's place."),
            "dropped": st.column_config.TextColumn(
                width=_SHARE, help="Of the candidates made: dropped by a check, or nothing could be made of the reply."
            ),
            "blocks that fit": st.column_config.TextColumn(width=_SHARE, help="Blocks of edits that were applied."),
            "above the incumbent": st.column_config.TextColumn(
                width=_SHARE, help="Revisions that were rated above the incumbent in the round they were made for."
            ),
            "spent": st.column_config.NumberColumn(format="dollar", width=75),
        },
    )


def _say(share: Share) -> str | None:
    if share.value is None or share.interval is None:
        return None
    low, high = share.interval
    value = f"{share.value:.0%}" if share.value >= 0.1 else f"{share.value:.1%}"
    return f"{value} ({low:.0%}–{high:.0%}) of {share.of:,}"


def _draw_shares(lines: Sequence[ModelLine]) -> None:
    rated = [each for each in lines if each.won.of][:_CHARTED]
    rows = [
        (f"{line(each.model, 40)} {line(each.template, 30)}", each.won.value or 0.0, *(each.won.interval or (0.0, 1.0)))
        for each in rated
    ]
    charts.draw_shares(rows, title="Revisions that won")
