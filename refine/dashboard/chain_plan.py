"""The edit plan of a round: what is to be fixed, what is kept, what was left out and why."""

from collections import Counter

import streamlit as st

from refine.dashboard.text import count, line
from refine.types import EditPlan


def show_plan(plan: EditPlan) -> None:
    by = "distilled by the model" if plan.made_by == "distiller" else "made without the model, a critique an issue"
    st.subheader(f"Edit plan, {by}", anchor=False)
    if not plan.issues:
        st.caption("Nothing to fix.")
    else:
        st.dataframe(
            {
                "issue": [it.id for it in plan.issues],
                "what": [line(it.claim, 400) for it in plan.issues],
                "where": [line(it.target, 100) for it in plan.issues],
                "kind": [it.kind for it in plan.issues],
                "severity": [it.severity for it in plan.issues],
                "for": [it.support for it in plan.issues],
                "against": [it.opposition for it in plan.issues],
            },
            hide_index=True,
            placeholder="",
            width="stretch",
            column_config={
                "issue": st.column_config.TextColumn(width="small"),
                "what": st.column_config.TextColumn(width="large"),
                **{name: st.column_config.NumberColumn(format="%.1f", width="small") for name in ("for", "against")},
                "severity": st.column_config.NumberColumn(format="%.2f", width="small"),
            },
        )
    for keep in plan.keep:
        st.text(f"Keep: {line(keep.claim, 300)}")
    for conflict in plan.conflicts:
        st.text(f"Left alone, because people disagree: {line(' / '.join(conflict.claims), 400)}")
    reasons = Counter(line(it.reason, 200) for it in plan.rejected)
    for reason, number in reasons.most_common(10):
        st.text(f"Left out, {count(number, 'piece')}: {reason}")
