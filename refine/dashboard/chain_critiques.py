"""The critiques of a round: who said what about which page, where they pointed, and what stood there."""

import html

import streamlit as st

from refine.api.browsing import Inspection
from refine.dashboard.chain_names import labeler_name, name_in_round
from refine.dashboard.marks import Mark, make_mark
from refine.dashboard.pictures import crop_path
from refine.dashboard.text import count, escape, line, plain
from refine.export import ExportCandidate, ExportCritique, ExportRound
from refine.types import PageView

_SHOWN = 20
_CROP = "max-width:min(100%,420px);max-height:240px;object-fit:contain;border:1px solid #8886;border-radius:6px"
_MARKS = 24
"""On one picture."""


def show_critiques(found: Inspection, round: ExportRound) -> None:
    critiques = [(ranking, it) for ranking in round.rankings for it in ranking.critiques]
    if not critiques:
        return
    st.subheader(f"{count(len(critiques), 'critique')}", anchor=False)
    first = _choose_first(len(critiques))
    for n, (ranking, critique) in enumerate(critiques[first : first + _SHOWN], start=first + 1):
        who = escape(labeler_name(found, ranking.labeler))
        about = escape(name_in_round(found, round, critique.candidate))
        with st.container(gap=None):
            st.caption(f"{n} · {who} on {about}{_say_more(critique)}")
            st.text(words_of(critique, longest=2000))
            _show_edit(critique)
            show_crop(found, critique)


def _choose_first(number: int) -> int:
    """Of the critiques on the page that is chosen, where there are several."""
    pages = -(-number // _SHOWN)
    if pages < 2:
        return 0
    page = st.pagination(pages, key="said", bind="query-params")
    return (page - 1) * _SHOWN


def words_of(critique: ExportCritique, *, longest: int) -> str:
    return "[erased]" if critique.text is None else plain(critique.text, longest=longest)


def show_crop(found: Inspection, critique: ExportCritique) -> None:
    """What stood under the critique's pin, where there is a picture of it."""
    if critique.id in found.crops:
        src = html.escape(crop_path(critique.id))
        st.html(f'<img src="{src}" alt="What stood where the critique points" loading="lazy" style="{_CROP}">')


def marks_on(found: Inspection, round: ExportRound, candidate: ExportCandidate, view: PageView) -> tuple[Mark, ...]:
    """Where the round's critiques point on a picture of the candidate, numbered as `show_critiques` counts them."""
    facts = found.pictures.get(candidate.content_sha256 or "", {}).get(view)
    if facts is None:
        return ()
    critiques = [(ranking, it) for ranking in round.rankings for it in ranking.critiques]
    marks = (
        make_mark(
            critique.anchor,
            n=n,
            who=labeler_name(found, ranking.labeler),
            text=words_of(critique, longest=300),
            width=facts.width,
            height=facts.height,
        )
        for n, (ranking, critique) in enumerate(critiques, start=1)
        if critique.candidate == candidate.id
    )
    return tuple(mark for mark in marks if mark is not None)[:_MARKS]


def _say_more(critique: ExportCritique) -> str:
    parts = [critique.aim, critique.category, critique.severity]
    anchor = critique.anchor
    if anchor is not None:
        kind = str(anchor.get("kind", "place"))
        selector = str(anchor.get("selector", "")) if kind in ("element", "edit") else ""
        parts.append(f"points at {kind} {selector}".strip())
    return "".join(f" · {escape(part, 100)}" for part in parts if part)


def _show_edit(critique: ExportCritique) -> None:
    if critique.anchor is not None and critique.anchor.get("kind") == "edit":
        old, new = (line(str(critique.anchor.get(name, "")), 200) for name in ("old", "new"))
        st.text(f"wants “{new}” in place of “{old}”")
