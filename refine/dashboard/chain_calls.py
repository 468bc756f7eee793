"""Model calls with their prompts, replies and reasoning, and the journal of events."""

import streamlit as st

from refine.api.browsing import Inspection
from refine.dashboard import charts
from refine.dashboard.parts import pick_row_of
from refine.dashboard.text import count, escape, format_count, format_span, format_usd, line, plain
from refine.export import ExportCall

_LONGEST = 60_000
"""Characters of a message that are shown."""


def show_calls(found: Inspection) -> None:
    calls = found.story.chain.calls
    if not calls:
        st.info("No model has been called for this chain.")
        return
    rows = [_row(n, call) for n, call in enumerate(calls, start=1)]
    strips = st.columns(3)
    for where, (field, title, format) in zip(
        strips,
        (("cost", "Dollars a call", "$~g"), ("tokens", "Tokens a call", "~s"), ("seconds", "Seconds a call", "~g")),
        strict=True,
    ):
        with where:
            charts.draw_strip(rows, field=field, title=title, format=format)
    ids = [call.id for call in calls]
    table = st.dataframe(
        rows,
        hide_index=True,
        placeholder="",
        width="stretch",
        height=min(420, 38 + 35 * len(rows)),
        column_config={
            "n": st.column_config.NumberColumn("", width="small"),
            "cost": st.column_config.NumberColumn(format="dollar"),
            "seconds": st.column_config.NumberColumn(format="%.2f"),
            "error": st.column_config.TextColumn(width="medium"),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="called",
    )
    row = pick_row_of(table)
    wanted = ids[row] if row is not None and row < len(ids) else st.query_params.get("call", "")
    if wanted in ids:
        st.query_params["call"] = wanted
        _show_call(calls[ids.index(wanted)])
    else:
        st.caption("Tick a call to read its prompt and its reply.")


def _row(n: int, call: ExportCall) -> dict[str, object]:
    reply = call.reply
    usage = None if reply is None else reply.usage
    return {
        "n": n,
        "round": call.round,
        "step": call.step,
        "slot": call.slot,
        "turn": call.turn,
        "template": line(call.template, 40),
        "model": line(call.model if reply is None else reply.model_returned or call.model, 60),
        "tokens": (usage.prompt_tokens or 0) + (usage.completion_tokens or 0) if usage is not None else None,
        "cost": None if reply is None else reply.cost_usd,
        "seconds": None if reply is None else reply.latency_ms / 1000,
        "cached": reply is not None and reply.is_cached,
        "error": line(call.error or "; ".join(reply.errors if reply is not None else ()), 200),
    }


def _show_call(call: ExportCall) -> None:
    with st.container(border=True):
        st.markdown(f"**{escape(call.step)}**, round {call.round}, slot {call.slot}, turn {call.turn} · `{call.id}`")
        st.caption(f"seed {call.seed} · messages {call.messages_sha256[:16]}{_say_reply(call)}")
        for message in call.messages:
            st.caption(f"{message.role.upper()} · {count(len(message.text), 'character')}")
            st.code(plain(message.text, longest=_LONGEST), language=None, wrap_lines=True, height=260)
        if call.reply is None:
            st.caption("NO REPLY")
            st.text(plain(call.error or "the call failed", longest=2000))
            return
        if call.reply.reasoning:
            st.caption(f"REASONING, as returned ({call.reply.reasoning_kind})")
            st.code(plain(call.reply.reasoning, longest=_LONGEST), language=None, wrap_lines=True, height=260)
        else:
            st.caption("REASONING · absent: the provider returned none")
        st.caption(f"REPLY · {count(len(call.reply.text), 'character')}")
        st.code(plain(call.reply.text, longest=_LONGEST), language=None, wrap_lines=True, height=420)


def _say_reply(call: ExportCall) -> str:
    if call.reply is None:
        return ""
    reply, usage = call.reply, call.reply.usage
    cost = "price unknown" if reply.cost_usd is None else format_usd(reply.cost_usd)
    tokens = f"{format_count(usage.prompt_tokens or 0)} + {format_count(usage.completion_tokens or 0)} tokens"
    said = f" · {tokens} · {cost} · {format_span(reply.latency_ms / 1000)} · ended by {reply.finish_reason}"
    return escape(said, 300)


def show_events(found: Inspection) -> None:
    """The journal; a model's call in it opens with its prompt, its reasoning and its reply."""
    events = found.story.chain.events
    names = found.story.names | found.story.labelers
    table = st.dataframe(
        {
            "seq": [it.seq for it in events],
            "at (UTC)": [f"{it.at:%Y-%m-%d %H:%M:%S}" for it in events],
            "round": [it.round for it in events],
            "event": [it.type.replace("_", " ") for it in events],
            "about": [
                line(" · ".join(f"{name} {names.get(str(value), value)}" for name, value in it.refs.items()), 300)
                for it in events
            ],
        },
        hide_index=True,
        placeholder="",
        width="stretch",
        height=min(480, 38 + 35 * max(len(events), 1)),
        column_config={
            "seq": st.column_config.NumberColumn(width="small"),
            "round": st.column_config.NumberColumn(width="small"),
            "about": st.column_config.TextColumn(width="large"),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="happened",
    )
    row = pick_row_of(table)
    called = events[row].refs.get("call") if row is not None and row < len(events) else st.query_params.get("call")
    call = next((it for it in found.story.chain.calls if it.id == called), None)
    if call is not None:
        st.query_params["call"] = call.id
        _show_call(call)
    else:
        st.caption("Tick a model's call to read its prompt, its reasoning and its reply.")
