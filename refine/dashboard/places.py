"""The pages by name, and links between them. Modules are looked up when they are needed: pages link to each other."""

from importlib import import_module

import streamlit as st
from streamlit.navigation.page import Page

TITLES = {
    "overview": ("Overview", ":material/monitoring:"),
    "waste": ("Waste", ":material/recycling:"),
    "chains": ("Chains", ":material/list:"),
    "chain": ("Chain", ":material/account_tree:"),
}
"""Module and path -> title and icon, in the order of the menu; the first is the one that opens."""


def make_page(name: str) -> Page:
    title, icon = TITLES[name]
    return st.Page(
        import_module(f"refine.dashboard.{name}").show,
        title=title,
        icon=icon,
        url_path=name,
        default=name == next(iter(TITLES)),
    )


def go_to_chain(chain: str, **more: str) -> None:
    """Open the inspector on this chain."""
    st.switch_page(make_page("chain"), query_params={"chain": chain, **more})
