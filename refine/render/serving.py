"""A candidate's files as one site that only its own page can reach; all else a page asks for is refused and noted."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from refine.artifact import entry_file
from refine.render.report import AskedFor, Library
from refine.types import Files

if TYPE_CHECKING:
    from playwright.async_api import Request, Route

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".htm": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".xml": "application/xml",
    ".csv": "text/csv; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
MAX_NOTED = 200
MAX_URL = 300
_FONTS = ("fonts.googleapis.com", "fonts.gstatic.com", "use.typekit.net", "fonts.bunny.net", "api.fontshare.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A candidate as labelers get it: what delivery makes of its files."""

    files: Files
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every file, for example the content security policy."""
    resources: Mapping[str, Resource] = field(default_factory=dict)
    """What else there is, by absolute URL or by path on the page's own site: vendored libraries."""
    libraries: tuple[Library, ...] = ()
    """Those replaced by vendored copies, and those found in the code for which there is none."""


Prepare = Callable[[Files], Prepared]


def as_they_are(files: Files) -> Prepared:
    """No preparation: every library from elsewhere is unknown."""
    return Prepared(files=files)


class Site:
    """Answers one page's requests. `asked` and `libraries` fill up while it does."""

    def __init__(self, prepared: Prepared, host: str) -> None:
        entry = entry_file(prepared.files)
        self._files = {file.filename: file for file in prepared.files}
        self._prepared = prepared
        self._origin = f"http://{host}"
        self.url = f"{self._origin}/{entry.filename}" if entry else ""
        self.asked: list[AskedFor] = []
        self.libraries: list[Library] = list(prepared.libraries)
        self.phase: Literal["load", "walk"] = "load"
        self.lost = 0
        self._is_open = False

    async def answer(self, route: "Route") -> None:
        """Never lets a request out of the browser."""
        from playwright.async_api import Error

        request = route.request
        try:
            await self._answer(route, request)
        except Error:
            return  # the page went away meanwhile

    async def _answer(self, route: "Route", request: "Request") -> None:
        url = request.url
        kind = request.resource_type
        if kind == "document" and request.is_navigation_request() and request.frame.parent_frame is None:
            if self._is_open:
                self._note(url, kind, "left")
                await route.fulfill(status=204)  # the page stays where it is
                return
            self._is_open = True
        resource = self._prepared.resources.get(url) or self._prepared.resources.get(urlsplit(url).path)
        if resource is not None:
            headers = {**self._headers(resource.content_type), "access-control-allow-origin": "*"}
            await route.fulfill(status=200, body=resource.body, headers=headers)
            self._note(url, kind, "served")
            return
        if not url.startswith(self._origin + "/"):
            self._note(url, kind, "blocked")
            self._note_library(url, kind)
            await route.abort("blockedbyclient")
            return
        path = unquote(urlsplit(url).path).lstrip("/")
        file = self._files.get(path) or (self._files.get("index.html") if path == "" else None)
        if file is None:
            if path != "favicon.ico":
                self._note(path, kind, "missing")
            await route.fulfill(status=404, body="", headers=self._headers("text/plain"))
            return
        self._note(path, kind, "served")
        content_type = _TYPES.get(PurePosixPath(path).suffix.lower(), "application/octet-stream")
        body = file.content.encode("utf-8", "replace")
        await route.fulfill(status=200, body=body, headers=self._headers(content_type))

    def _headers(self, content_type: str) -> dict[str, str]:
        return {**self._prepared.headers, "content-type": content_type, "cache-control": "no-store"}

    def _note(self, url: str, kind: str, result: Literal["served", "missing", "blocked", "left"]) -> None:
        if len(self.asked) >= MAX_NOTED:
            self.lost += 1
            return
        self.asked.append(AskedFor(url=shown(url), kind=kind, result=result, phase=self.phase))

    def _note_library(self, url: str, kind: str) -> None:
        parts = urlsplit(url)
        is_font = kind == "font" or (parts.hostname or "") in _FONTS
        if not is_font and kind not in ("script", "stylesheet"):
            return
        if len(self.libraries) >= MAX_NOTED or any(each.url == shown(url) for each in self.libraries):
            return
        as_kind: Literal["script", "stylesheet", "font"] = (
            "font" if is_font else "script" if kind == "script" else "stylesheet"
        )
        self.libraries.append(Library(url=shown(url), name=library_name(url), kind=as_kind, status="unknown"))


def shown(url: str) -> str:
    """A URL as it may stand in a report."""
    text = url.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_URL else text[: MAX_URL - 1] + "…"


def library_name(url: str) -> str:
    """What people call the library at this address: `three`, `chart.js`; else its host."""
    parts = urlsplit(url)
    host, path = parts.hostname or "", parts.path
    found = (
        re.match(r"/ajax/libs/([^/]+)/", path)
        if host.endswith("cdnjs.cloudflare.com")
        else re.match(r"/npm/((?:@[^/@]+/)?[^/@]+)", path)
        if host.endswith("jsdelivr.net")
        else re.match(r"/(?:v\d+/)?((?:@[^/@]+/)?[^/@?]+)", path)
        if host in ("unpkg.com", "esm.sh", "cdn.skypack.dev", "ga.jspm.io")
        else None
    )
    if found:
        return found[1][:60]
    if host == "cdn.tailwindcss.com":
        return "tailwindcss"
    if host == "code.jquery.com":
        return "jquery"
    return (host or PurePosixPath(path).name)[:60]
