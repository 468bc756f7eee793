import streamlit as st

from refine.dashboard.app import MAIN, OPTIONS

app = st.App(MAIN, **OPTIONS)
