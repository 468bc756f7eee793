"""The scan: what a revision must not bring in or take away, whoever asked for it in a critique.

A screen on bytes, not the defence: pages are served with their network off. It keeps a revision that reaches out,
stores or evaluates, or has lost its controls, from being shown at all.
"""

import re
from collections.abc import Iterable

from refine.artifact import iter_tags
from refine.types import Files

MAX_NEW_BASE64 = 50 * 1024
_LONG_RUN = 1000
"""Characters from which a run of base64 letters counts; shorter ones are words and hashes."""

_URL = re.compile(r"(?:https?|wss?|ftp)://[^\s\"'`<>()\\]{1,2000}", re.IGNORECASE)
_BARE_URL = re.compile(r"[\"'`(=](//[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}[^\s\"'`<>()\\]{0,2000})", re.IGNORECASE)
_HOST = re.compile(r"(?:[a-z]{2,5}:)?//(?:[^/@\s]{0,200}@)?([^/:?#\s]{1,255})", re.IGNORECASE)
_NAMESPACES = (
    "http://www.w3.org/1998/",
    "http://www.w3.org/1999/",
    "http://www.w3.org/2000/",
    "http://www.w3.org/XML/",
)
_BASE64 = re.compile(r"[A-Za-z0-9+/=]+")
# Name, words that ask for it in a prompt, words that every use of it holds (looked for first), what a use looks like.
_APIS = tuple(
    (name, asked, held, re.compile(pattern))
    for name, asked, held, pattern in (
        ("fetch", ("fetch",), ("fetch",), r"\bfetch(?:Later)?\s{0,9}\("),
        ("XMLHttpRequest", ("xmlhttprequest", "ajax"), ("XMLHttpRequest",), r"\bXMLHttpRequest\b"),
        ("WebSocket", ("websocket",), ("WebSocket",), r"\bWebSocket(?:Stream)?\b"),
        ("EventSource", ("eventsource", "server-sent"), ("EventSource",), r"\bEventSource\b"),
        ("sendBeacon", ("sendbeacon",), ("sendBeacon",), r"\bsendBeacon\b"),
        ("WebRTC", ("webrtc", "rtcpeerconnection"), ("RTCPeerConnection",), r"\bRTCPeerConnection\b"),
        ("eval", ("eval(",), ("eval",), r"\beval\s{0,9}\("),
        ("Function constructor", ("new function(",), ("Function",), r"\bFunction\s{0,9}\("),
        ("import of code", ("importscripts", "dynamic import"), ("import",), r"\bimportScripts\b|\bimport\s{0,9}\("),
        ("cookie", ("cookie",), ("cookie",), r"\bdocument\s{0,9}\.\s{0,9}cookie\b|\bcookieStore\b"),
        ("localStorage", ("localstorage", "local storage"), ("localStorage",), r"\blocalStorage\b"),
        ("sessionStorage", ("sessionstorage", "session storage"), ("sessionStorage",), r"\bsessionStorage\b"),
        ("indexedDB", ("indexeddb",), ("indexedDB",), r"\bindexedDB\b"),
        ("serviceWorker", ("serviceworker", "service worker"), ("serviceWorker",), r"\bserviceWorker\b"),
        (
            "another window",
            ("postmessage", "window.open", "new window", "popup"),
            ("parent", "top", "opener", "open"),
            r"\b(?:parent|top|opener)\s{0,9}\.\s{0,9}(?:document|location|frames|postMessage)\b|\bwindow\.open\s{0,9}\(",
        ),
    )
)
_CONTROL = re.compile(r"<(?:button|input|select|textarea|a)\b", re.IGNORECASE)


def scan(parent: Files, new: Files, prompt: str) -> tuple[str, ...]:
    """Why the revision is rejected; empty when it is not.

    What the prompt names (an API, a host) is allowed, and so is everything the parent has. A plan allows nothing: its
    claims come from strangers. Only lines that the parent has not are read.
    """
    before, after, asked = _text(parent), _text(new), prompt.casefold()
    added, removed = _lines_beside(after, before), _lines_beside(before, after)
    reasons = [
        f"new external URL {url[:120]}"
        for url in sorted(_urls(added))
        if url not in before and not _is_named(url, asked)
    ]
    reasons += [
        f"new use of {name}"
        for name, words, held, pattern in _APIS
        if any(word in added for word in held)
        and pattern.search(added)
        and not pattern.search(before)
        and not any(word in asked for word in words)
    ]
    base64 = sum(len(run) for run in _runs(added) if run not in before)
    if base64 > MAX_NEW_BASE64:
        reasons.append(f"{base64} new characters of base64")
    if _CONTROL.search(removed) or "<!--" in added or len(new) < len(parent):
        had, has = _count_controls(parent), _count_controls(new)
        if 2 * has < had:
            reasons.append(f"controls removed: {had} before, {has} after")
    return tuple(reasons[:20])


def _text(files: Files) -> str:
    return "\n".join(file.content for file in files)


def _lines_beside(text: str, other: str) -> str:
    """The lines of a text that the other text has not."""
    known = set(other.split("\n"))
    return "\n".join(line for line in text.split("\n") if line not in known)


def _urls(text: str) -> set[str]:
    if "//" not in text:
        return set()
    found = {*_URL.findall(text), *_BARE_URL.findall(text)}
    return {url for url in found if not url.startswith(_NAMESPACES)}


def _is_named(url: str, asked: str) -> bool:
    host = _HOST.match(url)
    if host is None:
        return False
    name = host[1].casefold().removeprefix("www.")
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", asked) is not None


def _runs(text: str) -> Iterable[str]:
    return (match[0] for match in _BASE64.finditer(text) if match.end() - match.start() >= _LONG_RUN)


def _count_controls(files: Files) -> int:
    """Interactive elements in markup; those that scripts make are not counted."""
    return sum(
        tag.name in ("button", "input", "select", "textarea") or (tag.name == "a" and "href" in tag.attributes)
        for file in files
        if file.filename.lower().endswith((".html", ".htm"))
        for tag in iter_tags(file.content)
    )
