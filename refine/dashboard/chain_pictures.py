"""Which pictures of a chain's pages are shown, and what is said where there are none."""

import streamlit as st

from refine.api.browsing import Inspection
from refine.api.pictures import take_command
from refine.dashboard.picturing import has_picture
from refine.dashboard.source import open_source
from refine.dashboard.text import code
from refine.types import PageView

_VIEWS: dict[str, PageView] = {"Desktop": "desktop", "Phone": "phone"}


def choose_view(found: Inspection, candidates: tuple[str, ...]) -> PageView:
    """Desktop, unless a phone's pictures are there and wanted."""
    known = [it for it in found.story.chain.candidates if it.id in candidates]
    if not any(has_picture(found, it, "phone") for it in known):
        return "desktop"
    chosen = st.segmented_control(
        "Pictures",
        tuple(_VIEWS),
        default="Desktop",
        required=True,
        key="as",
        label_visibility="collapsed",
        bind="query-params",
    )
    return _VIEWS[chosen]


def say_no_pictures() -> None:
    st.caption(f"No pictures of these pages yet: `{code(take_command(open_source().path))}` takes them.")
