"""The document of a frame, the element that stands for a frame in a page of ours, and the script that runs it."""

import hashlib
import html
import re
from functools import cache
from pathlib import Path

from refine.delivery.sites import Sites

BROWSER = Path(__file__).parent / "browser"


@cache
def frame_document() -> bytes:
    """The same for every candidate: it holds nothing of any, and asks the page around it for one."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title>'
        f"<script>{_script('shim.js')}</script></head><body></body></html>"
    ).encode()


@cache
def host_script() -> bytes:
    return _script("host.js").encode()


def host_script_url(sites: Sites) -> str:
    """Where a page of ours gets the script that makes `<refine-frame>` work; cached for good."""
    return f"{sites.prefix}/host-{hashlib.sha256(host_script()).hexdigest()[:16]}.js"


def host_script_tag(sites: Sites) -> str:
    return f'<script src="{host_script_url(sites)}" defer></script>'


def frame_html(sites: Sites, token: str, *, label: str) -> str:
    """The element that shows a candidate; the page around it needs `host_script_tag` and `host_headers`.

    `label` is what people call it here (A, B, …): nothing that says which candidate it is or who made it. The element
    has the size its own CSS gives it.
    """
    values = {"src": sites.frame_url(token), "page": sites.page_path(token), "label": label}
    attributes = "".join(f' {name}="{html.escape(value)}"' for name, value in values.items())
    return f"<refine-frame{attributes}></refine-frame>"


def _script(name: str) -> str:
    """A script with its parts, without its comments that fill whole lines."""
    text = (BROWSER / name).read_text(encoding="utf-8")
    text = re.sub(r"^ *// @part (\w+\.js)$", lambda part: _script(part[1]), text, flags=re.MULTILINE)
    return re.sub(r"^\s*//[^\n]*\n", "", text, flags=re.MULTILINE)
