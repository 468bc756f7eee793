"""Code: two candidates side by side as a diff, and where each line of a page comes from."""

import streamlit as st

from refine.api.browsing import Inspection
from refine.api.lineage import IssuePath, LineOrigin, ancestors, trace_issues, trace_lines
from refine.dashboard.chain_names import name_of
from refine.dashboard.chain_pictures import choose_view, say_no_pictures
from refine.dashboard.diffs import make_diff
from refine.dashboard.parts import pick_row_of
from refine.dashboard.picturing import Shown, has_picture, live_link, show_comparison, show_row
from refine.dashboard.text import count, escape, line, plain
from refine.export import ExportCandidate

_LINES_SHOWN = 2000


def _with_files(found: Inspection) -> list[ExportCandidate]:
    return [it for it in found.story.chain.candidates if it.files]


def _choose(found: Inspection, label: str, key: str, fallback: str) -> ExportCandidate:
    known = _with_files(found)
    ids = [it.id for it in known]
    names = [line(name_of(found, it), 60) for it in ids]
    chosen = st.selectbox(
        label, names, index=ids.index(fallback) if fallback in ids else 0, key=key, bind="query-params"
    )
    return known[names.index(chosen)]


def show_code(found: Inspection) -> None:
    if not _with_files(found):
        st.info("No candidate has code yet.")
        return
    final = found.story.chain.incumbent or _with_files(found)[-1].id
    family = ancestors(found.story.chain, final)
    left, right = st.columns(2)
    with left:
        before = _choose(found, "Before", "before", family[-2].id if len(family) > 1 else final)
    with right:
        after = _choose(found, "After", "after", final)
    seen, changed = st.columns([1, 1], gap="large")
    with seen:
        _show_looks(found, before, after)
    with changed:
        _show_diff(before, after)


def _show_looks(found: Inspection, before: ExportCandidate, after: ExportCandidate) -> None:
    view = choose_view(found, (before.id, after.id))
    pages = [Shown(candidate=it, name=name_of(found, it.id)) for it in (before, after)]
    if all(has_picture(found, it, view) for it in (before, after)):
        show_comparison(found, *pages, view=view, key=f"compared-{view}")
    else:
        show_row(found, pages, view=view, key=f"beside-{view}")
        say_no_pictures()
        return
    st.caption("Drag over the picture, or use the arrow keys on the slider.")
    with st.container(horizontal=True):
        for it, word in ((before, "before"), (after, "after")):
            if link := live_link(found, it):
                st.link_button(f"Open {word} live", link, type="tertiary", icon=":material/open_in_new:")


def _show_diff(before: ExportCandidate, after: ExportCandidate) -> None:
    old, new = ({file.filename: file.content for file in it.files} for it in (before, after))
    is_different = False
    for name in dict.fromkeys([*old, *new]):
        text = make_diff(old.get(name, ""), new.get(name, ""))
        if text:
            is_different = True
            st.caption(escape(name))
            st.code(text, language="diff", wrap_lines=True)
    if not is_different:
        st.caption("They have the same code.")


def show_lines(found: Inspection) -> None:
    if not _with_files(found):
        st.info("No candidate has code yet.")
        return
    chosen, filed, _ = st.columns([2, 2, 3])
    with chosen:
        candidate = _choose(found, "Page", "page", found.story.chain.incumbent or _with_files(found)[-1].id)
    with filed:
        names = [file.filename for file in candidate.files]
        filename = st.selectbox("File", names, format_func=lambda it: line(it, 80), key="file", bind="query-params")
    lines = trace_lines(found.story.chain, candidate.id, filename)
    _show_shares(found, lines)
    if st.toggle("Only lines that came after the first draft", key="later", bind="query-params"):
        lines = tuple(it for it in lines if it.round > lines_begin(found, candidate))
    shown = lines[:_LINES_SHOWN]
    table = st.dataframe(
        {
            "line": [it.number for it in shown],
            "round": [it.round for it in shown],
            "brought by": [line(name_of(found, it.candidate), 40) for it in shown],
            "for": [", ".join(it.issues) for it in shown],
            "code": [plain(it.text, longest=300) for it in shown],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        height=min(520, 38 + 35 * max(len(shown), 1)),
        column_config={
            "line": st.column_config.NumberColumn(width=60),
            "round": st.column_config.NumberColumn(width=60),
            "for": st.column_config.TextColumn(
                width=80, help="Issues of the plan that the block with this line served."
            ),
            "code": st.column_config.TextColumn(width="large"),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="traced",
    )
    if len(lines) > _LINES_SHOWN:
        st.caption(f"The first {_LINES_SHOWN:,} of {len(lines):,} lines.")
    row = pick_row_of(table)
    wanted = str(shown[row].number) if row is not None and row < len(shown) else st.query_params.get("line", "")
    chosen_line = next((it for it in lines if str(it.number) == wanted), None)
    if chosen_line is None:
        st.caption("Tick a line to see why it is there.")
    else:
        st.query_params["line"] = wanted
        _explain(found, chosen_line)


def lines_begin(found: Inspection, candidate: ExportCandidate) -> int:
    """The round its first ancestor was made in."""
    return ancestors(found.story.chain, candidate.id)[0].made_in_round


def _was_applied(path: IssuePath, candidate: str) -> bool:
    return any(it.is_applied and it.candidate.id == candidate for it in path.attempts)


def _show_shares(found: Inspection, lines: tuple[LineOrigin, ...]) -> None:
    shares: dict[str, int] = {}
    for it in lines:
        shares[it.candidate] = shares.get(it.candidate, 0) + 1
    said = [f"{escape(name_of(found, name))}: {count(number, 'line')}" for name, number in shares.items()]
    st.caption(" · ".join(said) if said else "The file is empty.")


def _explain(found: Inspection, it: LineOrigin) -> None:
    name = escape(name_of(found, it.candidate))
    with st.container(border=True):
        st.markdown(f"**Line {it.number}** was brought by **{name}**, made in round {it.round}.")
        st.code(plain(it.text, longest=600), language="html", wrap_lines=True)
        chain = found.story.chain
        before = next((each for each in chain.rounds if each.kind == "normal" and each.number == it.round - 1), None)
        paths = () if before is None else trace_issues(chain, before)
        served = [path for path in paths if path.issue.id in it.issues]
        if not served and (served := [path for path in paths if _was_applied(path, it.candidate)]):
            st.caption("No block tells which of these it serves: the page was changed for all of them together.")
        if not served:
            st.caption("No plan came before it: it was there from the start." if not paths else "No issue explains it.")
        for path in served:
            st.caption(f"{escape(path.issue.id)} of the plan of round {it.round - 1}:")
            st.text(plain(path.issue.claim, longest=600))
            for cited in path.cited:
                who = escape(found.story.labelers.get(cited.labeler, "a labeler"))
                st.caption(f"{who} had written:")
                st.text("[erased]" if cited.critique.text is None else plain(cited.critique.text, longest=600))
