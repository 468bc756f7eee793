"""The family tree: which candidate was made from which, who won, and what was dropped by which check."""

import streamlit as st

from refine.api.browsing import Inspection
from refine.dashboard.chain_names import name_of
from refine.dashboard.text import line
from refine.export import ExportCandidate

_MOST = 120
"""Candidates in the picture; the table has all of them."""


def show_family(found: Inspection) -> None:
    candidates = [it for it in found.story.chain.candidates if it.kind != "control"]
    if not candidates:
        st.info("No candidate has been made yet.")
        return
    st.graphviz_chart(draw_tree(found, candidates[:_MOST]), width="content")
    st.caption("Rounds from left to right. Filled: won a round. Bold: the best page. Dashed and red: dropped.")
    won = _rounds_won(found)
    last = {
        rating.candidate: rating
        for round in found.story.chain.rounds
        if round.verdict is not None
        for rating in round.verdict.ratings
    }
    names = found.story.names
    st.dataframe(
        {
            "candidate": [line(names[it.id], 60) for it in candidates],
            "made in round": [it.made_in_round for it in candidates],
            "from": ["" if it.parent is None else line(name_of(found, it.parent), 60) for it in candidates],
            "how": [it.how.replace("_", " ") for it in candidates],
            "blocks applied": [_say_blocks(it) for it in candidates],
            "won rounds": [", ".join(str(n) for n in won.get(it.id, [])) for it in candidates],
            "last rating": [last[it.id].mean if it.id in last else None for it in candidates],
            "dropped because": [_say_dropped(found, it) for it in candidates],
            "model": [line(it.generator or "", 60) for it in candidates],
            "id": [it.id for it in candidates],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={
            "made in round": st.column_config.NumberColumn(width="small"),
            "last rating": st.column_config.NumberColumn(format="%+.2f", width="small"),
            "dropped because": st.column_config.TextColumn(width="large"),
        },
    )


def draw_tree(found: Inspection, candidates: list[ExportCandidate]) -> str:
    """In DOT. Names hold ids that came with prompts: they are quoted, and never labels of the HTML kind."""
    chain, names, won = found.story.chain, found.story.names, _rounds_won(found)
    drawn = {it.id: n for n, it in enumerate(candidates)}
    lines = [
        "digraph {",
        'rankdir=LR; bgcolor="transparent"; nodesep=0.15; ranksep=0.6;',
        'node [shape=box style="rounded" fontname="sans-serif" fontsize=11 color="#6b7f99" height=0.3];',
        'edge [color="#94a3b8" arrowsize=0.6];',
    ]
    for it in candidates:
        label, look = names[it.id], ""
        if it.is_failed:
            look = ' color="#e5484d" fontcolor="#e5484d" style="rounded,dashed"'
            checks = found.failed_checks.get(it.id)
            label = f"{line(label, 40)} · {f'dropped: {line(checks[0][0], 20)}' if checks else 'dropped'}"
        elif it.id in won:
            look = ' fillcolor="#ccfbf1" fontcolor="#134e4a" style="rounded,filled"'
            label += " · won " + ", ".join(str(n) for n in won[it.id])
        elif not it.is_failed:
            look = ' fontcolor="#6b7f99"'
        if it.id == chain.incumbent:
            look += ' penwidth=3 color="#0f766e"'
        lines.append(f"n{drawn[it.id]} [label={_quote(label)}{look}];")
    lines += [f"n{drawn[it.parent]} -> n{drawn[it.id]};" for it in candidates if it.parent in drawn and it.parent]
    for number in sorted({it.made_in_round for it in candidates}):
        same = "; ".join(f"n{drawn[it.id]}" for it in candidates if it.made_in_round == number)
        lines.append(f"{{rank=same; {same}}}")
    return "\n".join([*lines, "}"])


def _quote(label: str) -> str:
    escaped = line(label, 60).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _rounds_won(found: Inspection) -> dict[str, list[int]]:
    won: dict[str, list[int]] = {}
    for round in found.story.chain.rounds:
        if round.kind == "normal" and round.verdict is not None:
            won.setdefault(round.verdict.winner, []).append(round.number)
    return won


def _say_blocks(candidate: ExportCandidate) -> str:
    blocks = [edit for edit in candidate.edits if edit.search or edit.replace]
    if not blocks:
        return ""
    return f"{sum(edit.status == 'applied' for edit in blocks)} of {len(blocks)}"


def _say_dropped(found: Inspection, candidate: ExportCandidate) -> str:
    if not candidate.is_failed:
        return ""
    checks = found.failed_checks.get(candidate.id, [])
    said = "; ".join(f"{name}: {detail}" if detail else name for name, detail in checks)
    return line(said or candidate.reason or "no reason was recorded", 400)
