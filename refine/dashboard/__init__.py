"""The dashboard: Streamlit pages over the store, for those who ask why a chain got better and what it cost.

`app` is the ASGI application, `main` the script that Streamlit runs for every viewer. All reading goes through
`refine.api`; nothing here writes.
"""

__all__: list[str] = []
