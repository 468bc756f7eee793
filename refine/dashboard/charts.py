"""Charts as Vega-Lite specifications with their data inside: small, themed by Streamlit, and text stays text."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from refine.types import Rating
from store.dashboards import Slice, Width

_UNITS: dict[Width, str] = {10: "utcyearmonthdate", 13: "utcyearmonthdatehours", 16: "utcyearmonthdatehoursminutes"}
_FORMATS: dict[Width, str] = {10: "%d %b %Y", 13: "%d %b %H:00", 16: "%H:%M"}
_STARTS: dict[Width, str] = {10: "T00:00:00Z", 13: ":00:00Z", 16: ":00Z"}
_WON, _OTHER = "#0f766e", "#94a3b8"


def draw_over_time(
    slices: Sequence[Slice], width: Width, series: dict[str, str], *, title: str, format: str, height: int = 210
) -> None:
    """Stacked bars: `series` names a number of a slice by what it is called on the chart."""
    values = [
        {"at": f"{each.at}{_STARTS[width]}", "what": label, "value": getattr(each, field)}
        for each in slices
        for label, field in series.items()
        if getattr(each, field)
    ]
    if not values:
        st.caption(f"{title}: nothing yet")
        return
    st.markdown(f"**{title}**")
    spec = {
        "data": {"values": values},
        "height": height,
        "mark": {"type": "bar", "maxBand": 0.9},
        "encoding": {
            "x": {
                "field": "at",
                "type": "temporal",
                "timeUnit": _UNITS[width],
                "title": None,
                "axis": {"format": _FORMATS[width], "labelAngle": 0, "tickCount": 4, "labelOverlap": True},
            },
            "y": {"field": "value", "type": "quantitative", "title": None, "axis": {"format": format, "tickCount": 4}},
            "color": {
                "field": "what",
                "type": "nominal",
                "title": None,
                "legend": {"orient": "bottom"} if len(series) > 1 else None,
            },
            "tooltip": [
                {"field": "at", "type": "temporal", "timeUnit": _UNITS[width], "title": "UTC"},
                {"field": "what", "title": "what"},
                {"field": "value", "type": "quantitative", "format": ",.4~f", "title": "value"},
            ],
        },
    }
    st.vega_lite_chart(spec=spec, width="stretch", alt=title)


def draw_stops(stops: Sequence[tuple[str, int]], *, title: str) -> None:
    """(reason in words, chains), as horizontal bars."""
    st.markdown(f"**{title}**")
    spec = {
        "data": {"values": [{"why": why, "chains": chains} for why, chains in stops]},
        "height": {"step": 24},
        "encoding": {
            "y": {"field": "why", "type": "nominal", "sort": "-x", "title": None, "axis": {"labelLimit": 240}},
            "x": {"field": "chains", "type": "quantitative", "title": None, "axis": {"tickMinStep": 1, "tickCount": 4}},
        },
        "layer": [
            {"mark": {"type": "bar"}},
            {
                "mark": {"type": "text", "align": "left", "dx": 4, "color": "#6b7f99"},
                "encoding": {"text": {"field": "chains"}},
            },
        ],
    }
    st.vega_lite_chart(spec=spec, width="stretch", alt=title)


def draw_shares(rows: Sequence[tuple[str, float, float, float]], *, title: str) -> None:
    """(name, share, low, high): shares with their intervals."""
    if not rows:
        st.caption(f"{title}: none yet")
        return
    st.markdown(f"**{title}**")
    axis = {"format": "%", "tickCount": 5}
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 220}}
    x = {"type": "quantitative", "title": None, "axis": axis}
    spec = {
        "data": {"values": [{"name": n, "share": share, "low": low, "high": high} for n, share, low, high in rows]},
        "height": {"step": 28},
        "encoding": {"y": y},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.45, "color": _WON},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1, "color": _WON},
                "encoding": {
                    "x": {"field": "share", **x},
                    "tooltip": [
                        {"field": "name"},
                        {"field": "share", "type": "quantitative", "format": ".1%"},
                        {"field": "low", "type": "quantitative", "format": ".1%"},
                        {"field": "high", "type": "quantitative", "format": ".1%"},
                    ],
                },
            },
        ],
    }
    st.vega_lite_chart(spec=spec, width="stretch", alt=title)


def draw_bins(rows: Sequence[tuple[str, int, bool]], *, title: str) -> None:
    """(bin, number, whether it counts), as bars in order; those that do not count are pale."""
    st.markdown(f"**{title}**")
    color = {
        "field": "is",
        "type": "nominal",
        "title": None,
        "legend": {"orient": "bottom"},
        "scale": {"domain": ["taken", "left out"], "range": [_WON, _OTHER]},
    }
    values = [{"bin": bin, "number": number, "is": "taken" if taken else "left out"} for bin, number, taken in rows]
    spec = {
        "data": {"values": values},
        "height": 190,
        "mark": {"type": "bar"},
        "encoding": {
            "x": {"field": "bin", "type": "ordinal", "sort": None, "title": None, "axis": {"labelAngle": 0}},
            "y": {"field": "number", "type": "quantitative", "title": None, "axis": {"format": "~s", "tickCount": 4}},
            "color": color,
            "tooltip": [{"field": "bin"}, {"field": "number", "type": "quantitative", "format": ","}, {"field": "is"}],
        },
    }
    st.vega_lite_chart(spec=spec, width="stretch", alt=title)


def draw_ratings(rows: Sequence[tuple[str, Rating]], *, winner: str, title: str) -> None:
    """Ratings with their 95 % intervals, by readable name; the winner stands out."""
    values = [
        {
            "name": name,
            "mean": rating.mean,
            "low": rating.mean - 1.96 * rating.sd,
            "high": rating.mean + 1.96 * rating.sd,
            "p": rating.p_best,
            "is": "won" if rating.candidate == winner else "other",
        }
        for name, rating in rows
    ]
    color = {
        "field": "is",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": ["won", "other"], "range": [_WON, _OTHER]},
    }
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 220}}
    x = {"type": "quantitative", "title": None, "axis": {"tickCount": 5}}
    st.markdown(f"**{title}**")
    spec = {
        "data": {"values": values},
        "height": {"step": 30},
        "encoding": {"y": y, "color": color},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.45},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
                "encoding": {
                    "x": {"field": "mean", **x},
                    "tooltip": [
                        {"field": "name"},
                        {"field": "mean", "type": "quantitative", "format": "+.2f"},
                        {"field": "p", "type": "quantitative", "format": ".2f", "title": "P(best)"},
                    ],
                },
            },
        ],
    }
    st.vega_lite_chart(spec=spec, width="stretch", alt=title)


def draw_strip(rows: Sequence[dict[str, Any]], *, field: str, title: str, format: str) -> None:
    """A bar per model call, in order: its `field`, coloured by step."""
    st.markdown(f"**{title}**")
    spec = {
        "data": {"values": [dict(row) for row in rows]},
        "height": 190,
        "mark": {"type": "bar"},
        "encoding": {
            "x": {"field": "n", "type": "ordinal", "title": None, "axis": None},
            "y": {"field": field, "type": "quantitative", "title": None, "axis": {"format": format, "tickCount": 3}},
            "color": {"field": "step", "type": "nominal", "title": None, "legend": {"orient": "bottom"}},
            "tooltip": [
                {"field": "n", "title": "call"},
                {"field": "round"},
                {"field": "step"},
                {"field": field, "type": "quantitative", "format": ",.4~f"},
            ],
        },
    }
    st.vega_lite_chart(spec=spec, width="stretch", alt=title)


def draw_p_best(standings: Sequence[tuple[int, str, dict[str, float]]], *, title: str) -> None:
    """A line for each candidate: (rankings so far, whose came last, P(best) by name), first to last."""
    names = list(standings[0][2]) if standings else []
    values = [
        {"n": n, "after": who, **{f"p{at}": round(by_name[name], 3) for at, name in enumerate(names)}}
        for n, who, by_name in standings
    ]
    keys = [{"key": f"p{at}", "page": name} for at, name in enumerate(names)]
    st.markdown(f"**{title}**")
    spec = {
        "data": {"values": values},
        # A row for each ranking is sent, not for each candidate too; names come by a look-up, never as code.
        "transform": [
            {"fold": [each["key"] for each in keys], "as": ["key", "p"]},
            {"lookup": "key", "from": {"data": {"values": keys}, "key": "key", "fields": ["page"]}},
        ],
        "height": 250,
        "mark": {"type": "line", "point": {"size": 40}, "interpolate": "linear"},
        "encoding": {
            "x": {
                "field": "n",
                "type": "quantitative",
                "title": "rankings",
                "axis": {"format": "d", "tickMinStep": 1, "tickCount": 10},
            },
            "y": {
                "field": "p",
                "type": "quantitative",
                "title": None,
                "scale": {"domain": [0, 1]},
                "axis": {"format": ".1f", "tickCount": 5},
            },
            "color": {"field": "page", "type": "nominal", "title": None, "legend": {"orient": "bottom"}, "sort": None},
            "tooltip": [
                {"field": "page"},
                {"field": "n", "title": "rankings"},
                {"field": "after", "title": "the last by"},
                {"field": "p", "type": "quantitative", "format": ".2f", "title": "P(best)"},
            ],
        },
    }
    st.vega_lite_chart(spec=spec, width="stretch", alt=title)
    st.caption("Fitted again after each ranking, with all labelers alike; the verdict may have weighed them.")
