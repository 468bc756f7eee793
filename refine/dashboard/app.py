"""The dashboard as an ASGI application: how it looks, and whom it answers."""

import base64
import hashlib
import ipaddress
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

from refine.dashboard.frames import FrameGate, live_routes
from refine.dashboard.pictures import picture_routes
from refine.dashboard.static import asset_routes
from refine.dashboard.writers import WRITERS

MAIN = Path(__file__).with_name("main.py")
"""The script of the pages."""
CONFIG: dict[str, Any] = {
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",  # a traceback may hold what a page or a person said
    "runner.magicEnabled": False,
    "theme.light.primaryColor": "#0f766e",
    "theme.light.textColor": "#0b1220",  # captions are a paler shade of it, and have to be read
    "theme.light.codeTextColor": "#0f4f4a",
    "theme.dark.codeTextColor": "#5eead4",
    "theme.dark.primaryColor": "#2dd4bf",
    "theme.dark.backgroundColor": "#11181c",
    "theme.dark.secondaryBackgroundColor": "#1b252b",
    "theme.dark.textColor": "#e2e8f0",
    "theme.dark.borderColor": "#334155",
    "theme.baseRadius": "0.4rem",
    "theme.baseFontSize": 15,
    "theme.headingFontSizes": ["1.7rem", "1.5rem", "1.15rem", "1rem", "0.95rem", "0.9rem"],
    "theme.metricValueFontSize": "1.5rem",
    "theme.showWidgetBorder": True,
    "theme.chartCategoricalColors": [
        *("#0d9488", "#d97706", "#6366f1", "#db2777", "#64748b", "#65a30d", "#0ea5e9", "#b45309"),
    ],
}


@asynccontextmanager
async def configure(app: st.App) -> AsyncIterator[None]:
    """When the server starts, whoever started it: set Streamlit up as the pages want it."""
    del app
    for name, value in CONFIG.items():
        config.set_option(name, value)
    try:
        yield
    finally:
        WRITERS.close()


class LocalOnly:
    """Answers this machine alone: there is no login yet, and the store holds people's words.

    Streamlit listens on every address when it is started as `streamlit run`. A proxy on this machine is let through:
    whoever sets one up decides whom it lets in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_local(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _refuse(send)


def _is_local(scope: Scope) -> bool:
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(client[0] if client else "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": b"This dashboard answers only the machine it runs on.\n"})


def _hash_scripts() -> str:
    """What a policy calls the scripts that stand in Streamlit's page itself, and no others."""
    page = Path(st.__file__).with_name("static").joinpath("index.html").read_text(encoding="utf-8")
    digests = [
        hashlib.sha256(text.encode()).digest() for text in re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    ]
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        f"script-src 'self' blob: 'wasm-unsafe-eval' {_hash_scripts()}",
        "style-src 'self' 'unsafe-inline'",
        "worker-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "frame-src 'none'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Of Streamlit's own pages: nothing is fetched from elsewhere, no words on them are run as a script, and no page of
others can have clicks made on them. Streamlit makes scripts of components from blobs, draws graphs by WebAssembly, and
writes styles into its pages as it goes."""


class PageHeaders:
    """ASGI middleware: the policy on every answer that brings none of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                headers.setdefault("Content-Security-Policy", PAGE_POLICY)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "same-origin")
                message = {**message, "headers": headers.raw}
            await send(message)

        await self._app(scope, receive, send_with if scope["type"] == "http" else send)


OPTIONS: dict[str, Any] = {
    "lifespan": configure,
    "middleware": [Middleware(LocalOnly), Middleware(FrameGate), Middleware(PageHeaders)],
    "routes": [*asset_routes(), *picture_routes(), *live_routes()],
}
"""Of `st.App`, which `streamlit run` wants to see called in the file it is given."""


def make_app() -> st.App:
    return st.App(MAIN, **OPTIONS)
