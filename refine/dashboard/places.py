"""The pages by name, and links between them. Modules are looked up when they are needed: pages link to each other."""

from importlib import import_module

import streamlit as st
from streamlit.navigation.page import Page

TITLES = {
    "overview": "Overview",
    "waste": "Waste",
    "chains": "Chains",
    "chain": "Chain",
    "labelers": "Labelers",
    "models": "Models",
    "data": "Data",
}
"""Module and path -> title, in the order of the menu; the first is the one that opens. No icons: Streamlit fetches a
page's icon from a server of others to put it on the browser's tab."""


def make_page(name: str) -> Page:
    show = import_module(f"refine.dashboard.{name}").show
    return st.Page(show, title=TITLES[name], url_path=name, default=name == next(iter(TITLES)))


def go_to_chain(chain: str, **more: str) -> None:
    """Open the inspector on this chain."""
    st.switch_page(make_page("chain"), query_params={"chain": chain, **more})
