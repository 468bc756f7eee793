"""What training data a project would give: how much, how sure, what it is like, row by row; a button writes it."""

import streamlit as st

from refine.api.corpus import Corpus, Row, load_corpus, load_diversity, load_rows
from refine.api.exporting import export_project
from refine.api.overview import list_project_names
from refine.dashboard import charts
from refine.dashboard.acting import attempt, may_act, say_done, show_result, show_sign_in
from refine.dashboard.folders import choose_folder
from refine.dashboard.parts import choose_project, pick_row_of, refresh_when_written, show_counting
from refine.dashboard.places import go_to_chain
from refine.dashboard.source import Source, open_source
from refine.dashboard.text import count, line
from refine.export import REASONS, Filters

_NAMES = {
    "sft_final": "finals to learn from (prompt, completion)",
    "dpo_round": "pairs to prefer by (prompt, chosen, rejected)",
    "trajectory": "whole chains, one a line",
}
_USES = ("research", "training", "commercial")
_STEPS = [round(0.5 + 0.05 * n, 2) for n in range(10)]


def show() -> None:
    source = open_source()
    title, box = st.columns([3, 1], vertical_alignment="bottom")
    title.header("Data", anchor=False)
    with box:
        project = choose_project(source)
    names = source.ask(list_project_names)
    if project is None and len(names) == 1:
        project = names[0]
    refresh_when_written()
    show_result()
    if project is None:
        st.info("Choose a project: an export is of one at a time." if names else "No project yet.")
        return
    filters = _choose_filters()
    corpus = source.ask_sums(load_corpus, project, filters)
    show_counting(source)
    st.subheader("What an export would hold", anchor=False)
    _show_counts(corpus)
    _show_character(source, project, corpus, filters)
    name = st.segmented_control(
        "Rows of",
        tuple(_NAMES),
        default="sft_final",
        required=True,
        key="export",
        label_visibility="collapsed",
        bind="query-params",
    )
    _show_rows(source, name, project, filters)
    _offer_writing(source, project, filters, corpus)


def _choose_filters() -> Filters:
    demo, uses, least = st.columns([1, 1.6, 1.6], vertical_alignment="bottom")
    include_demo = demo.toggle("With the demo model's chains", key="demo", bind="query-params")
    wanted = uses.multiselect(
        "Only what may be used for", _USES, key="uses", accept_new_options=True, bind="query-params"
    )
    confidence = least.select_slider(
        "Least P(chosen beats rejected) of a pair", _STEPS, value=0.6, key="least", bind="query-params"
    )
    asked = tuple(sorted({each.strip() for each in wanted if each.strip()}))
    return Filters(include_demo=include_demo, uses=asked, min_confidence=float(confidence))


def _show_counts(corpus: Corpus) -> None:
    st.dataframe(
        {
            "export": [each.name for each in corpus.exports],
            "rows": [each.rows for each in corpus.exports],
            "left out": [sum(each.left_out.values()) for each in corpus.exports],
            "what it is": [_NAMES[each.name] for each in corpus.exports],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={
            "rows": st.column_config.NumberColumn(format="localized", width="small"),
            "left out": st.column_config.NumberColumn(format="localized", width="small"),
        },
    )
    for each in corpus.exports:
        if each.left_out:
            reasons = (f"{number:,} {REASONS[why]}" for why, number in each.left_out.items())
            st.caption(f"`{each.name}` leaves out {'; '.join(reasons)}.")


def _show_character(source: Source, project: str, corpus: Corpus, filters: Filters) -> None:
    left, right = st.columns([1.3, 1], gap="large")
    with left:
        if any(corpus.pairs):
            rows = [
                (f"{step:.2f}", number, step >= filters.min_confidence - 1e-9)
                for step, number in zip(_STEPS, corpus.pairs, strict=True)
            ]
            charts.draw_bins(rows, title="Pairs by P(chosen beats rejected)")
        else:
            st.caption("No pair yet: a round needs its verdict.")
    with right:
        longer, differ = st.columns(2)
        _show_length(longer, corpus)
        found = source.ask(load_diversity, project)
        help = (
            "How little two pages have in common: the share of runs of five words that only one of them has, in the"
            " mean over pairs of chains. Finals much below drafts means that refining makes pages alike."
        )
        if found is None:
            differ.metric("Finals differ by", "–", "fewer than two chains", delta_color="off", border=True, help=help)
        else:
            said = f"first drafts by {found.drafts:.0%}; {count(found.chains, 'chain')} compared"
            differ.metric(
                "Finals differ by",
                f"{found.finals:.0%}",
                said,
                delta_color="off",
                delta_arrow="off",
                border=True,
                help=help,
            )


def _show_length(where: "st.delta_generator.DeltaGenerator", corpus: Corpus) -> None:
    help = "Of the pairs taken. 50 % is no bias to length; far above it, a model learns to write more, not better."
    if corpus.longer is None or corpus.chosen_bytes is None or corpus.rejected_bytes is None:
        where.metric("Chosen is the longer", "–", "no pairs", delta_color="off", border=True, help=help)
        return
    said = f"{corpus.chosen_bytes / 1024:,.1f} KiB against {corpus.rejected_bytes / 1024:,.1f}"
    where.metric(
        "Chosen is the longer",
        f"{corpus.longer:.0%}",
        said,
        delta_color="off",
        delta_arrow="off",
        border=True,
        help=help,
    )


def _show_rows(source: Source, name: str, project: str, filters: Filters) -> None:
    if not source.tally().is_complete:
        st.caption("Rows are listed when all chains are counted.")
        return
    try:
        page = max(0, int(st.query_params.get("rows", "0")))
    except ValueError:
        page = 0
    rows: tuple[Row, ...] = source.ask_sums(load_rows, name, project, filters, page=page)
    if not rows:
        st.caption("No row among these chains." if page else "No row of the newest ended chains fits.")
    else:
        table = st.dataframe(
            {
                "prompt": [line(each.prompt, 120) for each in rows],
                "round": ["" if each.round is None else str(each.round) for each in rows],
                "P": [each.p for each in rows],
                "KiB": [each.bytes / 1024 for each in rows],
                "of": [" over ".join(each.candidates) for each in rows],
                "chain": [each.chain for each in rows],
            },
            hide_index=True,
            placeholder="",
            width="stretch",
            column_config={
                "prompt": st.column_config.TextColumn(width=280),
                "round": st.column_config.TextColumn(width=60),
                "P": st.column_config.ProgressColumn(
                    format="%.2f", min_value=0, max_value=1, width=110, help="P(best), or P(chosen beats rejected)."
                ),
                "KiB": st.column_config.NumberColumn(format="%.1f", width=70, help="Of what a model learns to write."),
            },
            on_select="rerun",
            selection_mode="single-row",
            key="rows-table",
        )
        if (row := pick_row_of(table)) is not None:
            go_to_chain(rows[row].chain)
    back, on, said = st.columns([1, 1, 6], vertical_alignment="center")
    if back.button("Newer", disabled=page == 0, width="stretch"):
        st.query_params["rows"] = str(page - 1)
        st.rerun()
    if on.button("Older", disabled=not rows, width="stretch"):
        st.query_params["rows"] = str(page + 1)
        st.rerun()
    said.caption("Rows as the export writes them, of ten ended chains at a time. Tick one to see where it comes from.")


def _offer_writing(source: Source, project: str, filters: Filters, corpus: Corpus) -> None:
    st.subheader("Write it", anchor=False)
    if not may_act():
        st.caption("Operators write exports here; `refine export` does the same in a terminal.")
        show_sign_in()
        return
    names = [each.name for each in corpus.exports]
    chosen = st.multiselect("Exports", names, default=names, key="write-names")
    folder = choose_folder(source, "data", key="write-folder")
    with st.popover("Write it", icon=":material/download:", key="write-asks", disabled=not chosen or folder is None):
        rows = sum(each.rows for each in corpus.exports if each.name in chosen)
        st.text(f"About {count(rows, 'row')}, a folder for each export, in place of what an earlier one wrote there.")
        if st.button("Write", key="write", type="primary") and folder is not None:
            said = []
            for name in chosen:
                written = attempt(
                    export_project,
                    name,
                    folder / name,
                    project=project,
                    include_demo=filters.include_demo,
                    uses=filters.uses,
                    min_confidence=filters.min_confidence,
                )
                if written is None:
                    st.rerun()
                said.append(f"{count(written.rows, 'row')} in {written.path}")
            say_done("; ".join(said))
            st.rerun()
