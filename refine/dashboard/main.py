"""The script that Streamlit runs for every viewer and every click: the menu, and the page that was chosen."""

import streamlit as st

from refine.dashboard.parts import remember_state
from refine.dashboard.places import TITLES, make_page
from refine.dashboard.source import open_source
from refine.dashboard.text import plain
from refine.errors import RefineError

_STYLE = "<style>.stMainBlockContainer { padding-top: 4.2rem; }</style>"
"""Streamlit leaves a hand's breadth of nothing at the top."""


def main() -> None:
    st.set_page_config(page_title="Refine", layout="wide")
    st.html(_STYLE)
    chosen = st.navigation([make_page(name) for name in TITLES], position="top")
    try:
        remember_state(open_source())
    except RefineError as error:
        _show_without_store(error)
        return
    try:
        chosen.run()
    except RefineError as error:
        st.error("This cannot be shown.", icon=":material/error:")
        st.text(plain(str(error), longest=1000))


def _show_without_store(error: RefineError) -> None:
    st.header("No database to look at", anchor=False)
    st.text(plain(str(error), longest=1000))
    st.text("Name one when the dashboard is started, or make a small one offline:")
    st.code("refine dashboard --db FILE\nrefine demo", language=None)


if __name__ == "__main__":
    main()
