"""A candidate's files made ready for one frame: its own files and known libraries become assets, found by key.

The stored files are not touched. What changes on the way is listed: addresses of libraries that are kept here, names
of the candidate's own files, `integrity` and `crossorigin` beside a changed address, hints to connect somewhere early,
and an import map. Everything else arrives byte for byte.
"""

import base64
import hashlib
import html
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from refine.artifact import entry_file
from refine.delivery import libraries, texts
from refine.delivery.addresses import ADDRESS, Wanted, parse_address
from refine.delivery.libraries import Kind, Library
from refine.delivery.tags import Tag, iter_tags
from refine.delivery.texts import SPECIFIER, join_path
from refine.errors import InputError
from refine.types import Files

_MOST_LISTED = 200
_REMOTE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!doctype[^>]{0,200}>", re.IGNORECASE)
MAX_MAPPED = 200
"""Entries of an import map that are looked at: each is looked for in every import."""
_CSS_NAME = re.compile(
    # every part is bounded, and a name begins with no space: a run of spaces has one reading only
    r"(url\(\s{0,20}+)([\"']?)([^\s\"')][^\"')]{0,299})(\2\s{0,20}\))|(@import\s{1,20}+)([\"'])([^\"'\n]{1,300})(\6)",
    re.IGNORECASE,
)
_SOURCES = {
    **dict.fromkeys(("img", "audio", "video", "source", "track", "input", "embed"), "src"),
    **{"image": "href", "use": "href", "object": "data"},
}
_EARLY = frozenset({"preconnect", "dns-prefetch", "prefetch", "prerender", "preload", "modulepreload"})
_MEDIA_TYPES = {
    **{"html": "text/html", "htm": "text/html", "css": "text/css", "js": "text/javascript", "mjs": "text/javascript"},
    **{"json": "application/json", "svg": "image/svg+xml", "txt": "text/plain", "md": "text/plain", "csv": "text/csv"},
}
_SCRIPT_TYPES = frozenset({"", "module", "text/javascript", "application/javascript", "text/babel", "text/jsx"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """Something a page refers to by key: a library, or another file of the candidate."""

    key: str
    """24 hex digits; `refine-asset:KEY` stands for its URL in texts, `refine-module:KEY` is its name among modules."""
    media_type: str
    library: Library | None = None
    text: str = ""
    """Of a file of the candidate; a library's is asked for when it is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitution:
    """A library kept here stands in for an address."""

    address: str
    package: str
    version: str
    path: str
    is_same_major: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    html: str
    """The page that opens first."""
    entry: str
    """Its name."""
    pages: dict[str, str] = field(default_factory=dict)
    """The candidate's other pages, by name."""
    files: dict[str, str] = field(default_factory=dict)
    """Key of each file that is no page, by name."""
    assets: tuple[Asset, ...] = ()
    """In an order in which each comes after those its text names."""
    substituted: tuple[Substitution, ...] = ()
    unknown: tuple[str, ...] = ()
    """Addresses that nothing here stands for: the frame does not get them."""


def bundle(files: Files) -> Bundle:
    """Raises InputError when there is no page among the files."""
    entry = entry_file(files)
    if entry is None:
        raise InputError("there is no .html file to show")
    return _Bundler(files).make(entry.filename)


def document(made: Bundle) -> str:
    """One self-contained page: every asset is inside it. It is bigger, and needs no page of ours around it."""
    urls: dict[str, str] = {}
    for asset in made.assets:
        text = _put(text_of(asset), urls)
        urls[asset.key] = f"data:{asset.media_type};charset=utf-8;base64,{_base64(text)}"
    return _put(made.html, urls)


def text_of(asset: Asset) -> str:
    return texts.text_of(asset.library) if asset.library else asset.text


_PLACE = re.compile(r"refine-asset:([0-9a-f]{24})")


def _put(text: str, urls: dict[str, str]) -> str:
    return _PLACE.sub(lambda found: urls.get(found[1], found[0]), text)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class _Bundler:
    def __init__(self, files: Files) -> None:
        self._files = {file.filename: file.content for file in files}
        self._keys = {name: _key_of(name, content) for name, content in self._files.items()}
        self._texts: dict[str, str] = {}
        self._assets: dict[str, Asset] = {}
        self._modules: dict[str, None] = {}
        self._substituted: dict[str, Substitution] = {}
        self._unknown: dict[str, None] = {}

    def make(self, entry: str) -> Bundle:
        names = [name for name in self._files if not _is_page(name)]
        for name in names:
            self._texts[name] = self._text_of_file(name)
        pages = {name: self._page(name) for name in self._files if _is_page(name)}
        for name in names:
            media_type = _MEDIA_TYPES.get(name.rpartition(".")[2].lower(), "text/plain")
            self._assets[self._keys[name]] = Asset(key=self._keys[name], media_type=media_type, text=self._texts[name])
        return Bundle(
            html=pages.pop(entry),
            entry=entry,
            pages=pages,
            files={name: self._keys[name] for name in names},
            assets=tuple(self._in_order()),
            substituted=tuple(self._substituted.values()),
            unknown=tuple(self._unknown),
        )

    def _in_order(self) -> list[Asset]:
        """Each after those whose URL its text holds; where two hold each other's, one stays unresolved."""
        done: dict[str, Asset] = {}

        def visit(key: str, trail: frozenset[str]) -> None:
            if key in done or key in trail or key not in self._assets:
                return
            if self._assets[key].library is None:
                for other in dict.fromkeys(_PLACE.findall(self._assets[key].text)):
                    visit(other, trail | {key})
            done[key] = self._assets[key]

        for key in self._assets:
            visit(key, frozenset())
        return list(done.values())

    # --- What stands in for a name ---------------------------------------------------------------------------------

    def _library(self, address: str, kind: Kind) -> str | None:
        """The key of the library for an address, noted with all that it needs."""
        wanted = parse_address(address)
        found = libraries.find(wanted, kind) if wanted else None
        if found is None:
            return None
        for each in texts.closure(found.library):
            self._assets.setdefault(each.key, Asset(key=each.key, media_type=each.media_type, library=each))
            if each.kind == "module":
                self._modules[each.key] = None
        if len(self._substituted) < _MOST_LISTED:
            self._substituted[address] = Substitution(
                address=address,
                package=found.library.package,
                version=found.library.version,
                path=found.library.path or ", ".join(found.library.families),
                is_same_major=found.is_same_major,
            )
        return found.library.key

    def _url(self, name: str, base: str, kind: Kind) -> str | None:
        """What replaces an address or a file's name; None to leave it as it is."""
        if _REMOTE.match(name):
            key = self._library(name.strip(), kind)
            if key is None:
                self._note_unknown(name.strip())
                return None
            return f"refine-asset:{key}"
        local = self._local(name, base)
        return f"refine-asset:{self._keys[local]}" if local is not None else None

    def _local(self, name: str, base: str) -> str | None:
        """The candidate's own file that a name stands for; pages are not meant."""
        path = re.split(r"[?#]", unquote(name.strip()))[0]
        if not path or ":" in path.split("/")[0]:
            return None
        found = join_path("" if path.startswith("/") else base, path)
        return found if found in self._files and not _is_page(found) else None

    def _note_unknown(self, address: str) -> None:
        if len(self._unknown) < _MOST_LISTED:
            self._unknown[address[:500]] = None

    # --- Texts -----------------------------------------------------------------------------------------------------

    def _text_of_file(self, name: str) -> str:
        suffix = name.rpartition(".")[2].lower()
        if suffix == "css":
            return self._style(self._files[name], name)
        if suffix in ("js", "mjs", "jsx"):
            return self._script(self._files[name], name, is_module=True)
        return self._files[name]

    def _style(self, text: str, base: str) -> str:
        def replace(found: re.Match[str]) -> str:
            before, quote, name, after = found.group(*((1, 2, 3, 4) if found[1] else (5, 6, 7, 8)))
            is_style = not found[1] or name.lower().split("?")[0].endswith(".css") or "fonts.googleapis" in name
            url = self._url(name, base, "style" if is_style else "data")
            return f"{before}{quote}{url}{after}" if url else found[0]

        return _CSS_NAME.sub(replace, text)

    def _script(self, text: str, base: str, *, is_module: bool) -> str:
        """Imports by key, and other addresses of libraries by what stands for their URL."""

        def imported(found: re.Match[str]) -> str:
            key = self._module_key(found[3], base)
            return f"{found[1]}{found[2]}refine-module:{key}{found[2]}" if key else found[0]

        def addressed(found: re.Match[str]) -> str:
            kind: Kind = "script"
            path = found[0].lower().split("?")[0]
            if path.endswith(".css") or "fonts.googleapis" in path:
                kind = "style"
            elif path.endswith(".json"):
                kind = "data"
            elif "module" in path or path.endswith(".mjs") or "/jsm/" in path:
                kind = "module"
            key = self._library(found[0], kind)
            return f"refine-asset:{key}" if key else found[0]

        return ADDRESS.sub(addressed, SPECIFIER.sub(imported, text))

    def _module_key(self, specifier: str, base: str) -> str | None:
        if _REMOTE.match(specifier):
            key = self._library(specifier, "module")
            if key is None:
                self._note_unknown(specifier)
            return key
        if specifier.startswith((".", "/")):
            local = self._local(specifier, base)
            if local is not None:
                self._modules[self._keys[local]] = None
                return self._keys[local]
        return None

    # --- Pages -----------------------------------------------------------------------------------------------------

    def _page(self, name: str) -> str:
        text = self._files[name]
        edits: list[tuple[int, int, str]] = []
        mapped: Tag | None = None
        first_module = -1
        tags = list(iter_tags(text))
        for tag in tags:
            if tag.name == "script" and tag.get("type").strip().lower() == "importmap":
                mapped = mapped or tag
                continue
            if first_module < 0 and tag.name == "script" and tag.get("type").strip().lower() == "module":
                first_module = tag.start
            edits += self._tag(tag, text, name)
        edits += self._import_map(tags, text, name, mapped, first_module)
        return _edited(text, edits)

    def _tag(self, tag: Tag, text: str, name: str) -> list[tuple[int, int, str]]:
        if tag.name == "script":
            kind_of_script = tag.get("type").strip().lower()
            is_module = kind_of_script == "module"
            if "src" in tag.attributes:
                return self._attribute(tag, "src", self._url(tag.get("src"), name, "module" if is_module else "script"))
            if kind_of_script in _SCRIPT_TYPES:
                return [(tag.end, tag.raw_end, self._script(text[tag.end : tag.raw_end], name, is_module=is_module))]
            return []
        if tag.name == "style":
            return [(tag.end, tag.raw_end, self._style(text[tag.end : tag.raw_end], name))]
        if tag.name == "link" and "href" in tag.attributes:
            return self._link(tag, name)
        source = _SOURCES.get(tag.name)
        if source and source in tag.attributes:
            return self._attribute(tag, source, self._url(tag.get(source), name, "data"))
        return []

    def _link(self, tag: Tag, name: str) -> list[tuple[int, int, str]]:
        relations = set(tag.get("rel").lower().split())
        if "stylesheet" in relations or (tag.get("as").lower() == "style" and "preload" in relations):
            return self._attribute(tag, "href", self._url(tag.get("href"), name, "style"))
        if relations & _EARLY and _REMOTE.match(tag.get("href")):
            place = tag.attributes["href"]
            return [(place.start, place.end, "")]
        if relations & {"icon", "apple-touch-icon"}:
            return self._attribute(tag, "href", self._url(tag.get("href"), name, "data"))
        return []

    def _attribute(self, tag: Tag, name: str, url: str | None) -> list[tuple[int, int, str]]:
        if url is None:
            return []
        place = tag.attributes[name]
        edits = [(place.start, place.end, f'{name}="{html.escape(url)}"')]
        others = [tag.attributes[each] for each in ("integrity", "crossorigin") if each in tag.attributes]
        return edits + [(other.start, other.end, "") for other in others]

    def _import_map(
        self, tags: list[Tag], text: str, name: str, mapped: Tag | None, first_module: int
    ) -> list[tuple[int, int, str]]:
        """The page's own import map with what it names replaced, and our names for modules beside them."""
        written = _parse_map(text[mapped.end : mapped.raw_end]) if mapped else {}
        imports = written.get("imports") if isinstance(written.get("imports"), dict) else {}
        assert isinstance(imports, dict)
        asked = self._specifiers(tags, text)
        made: dict[str, str] = {}
        for specifier, target in [*imports.items()][:MAX_MAPPED]:
            if not isinstance(target, str):
                continue
            made.update(self._mapped(str(specifier), target, name, asked))
        for key in self._modules:
            made[f"refine-module:{key}"] = f"refine-asset:{key}"
        if not made or (mapped is None and first_module < 0 and not self._modules):
            return []
        value = json.dumps({**written, "imports": {**imports, **made}}).replace("<", "\\u003c")
        if mapped is not None:
            return [(mapped.end, mapped.raw_end, value)]
        if first_module < 0:
            first_module = _after_doctype(text)
        return [(first_module, first_module, f'<script type="importmap">{value}</script>')]

    def _mapped(self, specifier: str, target: str, base: str, asked: set[str]) -> dict[str, str]:
        if not target.endswith("/"):
            url = self._url(target, base, "module")
            return {specifier: url} if url else {}
        wanted = parse_address(target)
        if wanted is None:
            return self._mapped_folder(specifier, target, base, asked)
        made = {}
        for below in libraries.modules_under(_folder(wanted)):
            key = self._library(target + below, "module") if specifier + below in asked else None
            if key is not None:
                made[specifier + below] = f"refine-asset:{key}"
        return made

    def _mapped_folder(self, specifier: str, target: str, base: str, asked: set[str]) -> dict[str, str]:
        """A folder of the candidate's own."""
        made = {}
        for each in asked:
            local = self._local(target + each.removeprefix(specifier), base) if each.startswith(specifier) else None
            if local is not None:
                made[each] = f"refine-asset:{self._keys[local]}"
        return made

    def _specifiers(self, tags: list[Tag], text: str) -> set[str]:
        """Bare names that the page's modules and the candidate's own files import."""
        texts = [text[tag.end : tag.raw_end] for tag in tags if tag.name == "script"]
        texts += [content for each, content in self._files.items() if each.endswith(("js", "mjs"))]
        return {found[3] for each in texts for found in SPECIFIER.finditer(each)}


def _folder(wanted: Wanted) -> Wanted:
    path = wanted.path
    if wanted.name == "three" and path.startswith("addons"):
        path = "examples/jsm" + path.removeprefix("addons")
    return Wanted(name=wanted.name, version=wanted.version, path=path, is_module=True)


def _is_page(name: str) -> bool:
    return name.lower().endswith((".html", ".htm"))


def _key_of(name: str, content: str) -> str:
    return hashlib.sha256(json.dumps([name, content]).encode()).hexdigest()[:24]


def _parse_map(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _after_doctype(text: str) -> int:
    at = 0
    while True:
        at += len(text[at : at + 4000]) - len(text[at : at + 4000].lstrip())
        if not text.startswith("<!--", at):
            break
        end = text.find("-->", at + 4)
        if end < 0:
            return 0
        at = end + 3
    found = _DOCTYPE.match(text, at)
    return found.end() if found else 0


def _edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    pieces = []
    position = 0
    for start, end, replacement in sorted(edits):
        if start < position:
            continue
        pieces += [text[position:start], replacement]
        position = end
    return "".join([*pieces, text[position:]])
