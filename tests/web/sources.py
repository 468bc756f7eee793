"""Which texts templates and scripts ask for, read from their sources."""

import re
from pathlib import Path

from refine.web.assets import STATIC

_PLAIN = re.compile(r'\bt\(\s*["\']([a-zA-Z0-9_.-]+)["\']')
_JOINED = re.compile(r'\bt\(\s*"([a-z0-9_]+\.)(?:"\s*\+|%d|%)')
_SCRIPT = re.compile(r'R\.(?:t|has)\(\s*"([a-zA-Z0-9_.-]+)"')
_CHOICE = re.compile(r'R\.t\([^)"`]*\?\s*"([a-z0-9_.]+)"\s*:\s*"([a-z0-9_.]+)"')
_FAMILY = re.compile(r'R\.family\("([a-z]+\.)"\)')
_BUILT = re.compile(r"R\.t\(`([a-z]+\.)\$\{")
_ROWS = re.compile(r'\], "(keys\.[a-z_]+)"')
_FIELDS = {"category.", "severity."}
"""What `notes.js` puts together out of two variables."""


def keys_in_templates(folder: Path) -> set[str]:
    """Keys, and with a dot at the end beginnings of keys that are put together."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.html"))
    plain = {key for key in _PLAIN.findall(text) if "%" not in key}
    return {key for key in plain if not key.endswith(".")} | set(_JOINED.findall(text)) | {"error.", "aim.", "anchor."}


def _keys_in_scripts() -> set[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in STATIC.glob("*.js"))
    found = (
        set(_SCRIPT.findall(text))
        | set(_FAMILY.findall(text))
        | set(_BUILT.findall(text))
        | set(_ROWS.findall(text))
        | _FIELDS
    )
    for pair in _CHOICE.findall(text):
        found |= set(pair)
    return found


STATIC_KEYS = _keys_in_scripts()
