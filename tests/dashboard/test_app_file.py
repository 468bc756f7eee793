"""`app.py` at the top of a checkout, which `streamlit run` is given."""

import runpy
from pathlib import Path

from streamlit.web.server.app_discovery import discover_asgi_app

from refine.dashboard.app import MAIN

APP = Path(__file__).resolve().parents[2] / "app.py"


def test_streamlit_finds_the_application_in_it() -> None:
    found = discover_asgi_app(APP)
    assert (found.is_asgi_app, found.app_name) == (True, "app")
    assert runpy.run_path(str(APP))["app"].script_path == MAIN


def test_it_is_wiring_only() -> None:
    lines = [line for line in APP.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) == 3
