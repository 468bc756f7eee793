"""The libraries kept for candidates: which one stands in for what a page asks for."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from refine.delivery.addresses import Wanted

Kind = Literal["script", "module", "style", "data"]

VENDORED = Path(__file__).parent / "vendored"
_DERIVATION = "1"
"""Part of every key: another way of deriving texts needs other URLs, since the old ones are cached for good."""

MEDIA_TYPES: dict[str, str] = {
    "script": "text/javascript",
    "module": "text/javascript",
    "style": "text/css",
    "data": "application/json",
}
_NUMBERS = re.compile(r"\d+")
_NAME_PARTS = re.compile(
    r"(?:[._-](?:min|prod|production|development|umd|global|browser|bundle|standalone|dist|iife))+(?=\.)"
)
_GLOBAL_THREE = 160
"""The last release of three.js that has a build for plain scripts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """One file of a vendored package, as it is delivered."""

    package: str
    version: str
    path: str
    kind: Kind
    is_wrapped: bool = False
    """A script given as an ES module."""
    families: tuple[str, ...] = ()
    """Of a style sheet made here for web fonts."""

    @property
    def key(self) -> str:
        """24 hex digits that name the delivered text."""
        named = json.dumps(
            [_DERIVATION, _manifest_hash(), self.package, self.version, self.path, self.is_wrapped, self.families]
        )
        return hashlib.sha256(named.encode()).hexdigest()[:24]

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.kind]

    @property
    def filename(self) -> str:
        return "fonts.css" if self.families else self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    library: Library
    is_same_major: bool
    """False: the version asked for is not kept, and the nearest one stands in."""


@cache
def _manifest_bytes() -> bytes:
    return (VENDORED / "manifest.json").read_bytes()


@cache
def _manifest_hash() -> str:
    return hashlib.sha256(_manifest_bytes()).hexdigest()


@cache
def manifest() -> dict[str, list[dict[str, Any]]]:
    """Package name -> its entries in the manifest, oldest version first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for package in json.loads(_manifest_bytes())["packages"]:
        found.setdefault(package["name"], []).append(package)
    for entries in found.values():
        entries.sort(key=lambda entry: _numbers(entry["version"]))
    return found


def find(wanted: Wanted, kind: Kind) -> Found | None:
    """The library that stands in for what an address asks for, as a script, module, style sheet or data."""
    if wanted.families:
        return _find_fonts(wanted) if kind == "style" else None
    entries = manifest().get(wanted.name)
    if not entries:
        return None
    if wanted.is_module and kind == "script":
        kind = "module"
    for entry in _by_preference(entries, wanted, kind):
        path = _find_path(entry, wanted, kind)
        if path is None:
            continue
        is_wrapped = kind == "module" and not entry_file(entry, path)["is_module"]
        if is_wrapped and entry_file(entry, path).get("exports") is None:
            continue
        library = Library(package=entry["name"], version=entry["version"], path=path, kind=kind, is_wrapped=is_wrapped)
        return Found(library=library, is_same_major=_is_same_major(wanted, entry["version"]))
    return None


def modules_under(wanted: Wanted) -> list[str]:
    """Names of the modules below the folder that an address ending in / asks for."""
    folder = wanted.path.strip("/")
    for entry in _by_preference(manifest().get(wanted.name, []), wanted, "module"):
        paths = [file["path"] for file in entry["files"] if file["is_module"]]
        below = [path.removeprefix(f"{folder}/") for path in paths if not folder or path.startswith(f"{folder}/")]
        if below:
            return below
    return []


def module_of(entry: dict[str, Any], path: str) -> Library:
    return Library(package=entry["name"], version=entry["version"], path=path, kind="module")


def entry_file(entry: dict[str, Any], path: str) -> dict[str, Any]:
    return next(file for file in entry["files"] if file["path"] == path)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in _NUMBERS.findall(version)[:3])


def _asked(wanted: Wanted) -> tuple[int, ...]:
    """The version asked for; three's releases are numbered r128 in places and 0.128.0 in others."""
    numbers = _numbers(wanted.version)
    return (0, *numbers) if wanted.name == "three" and numbers and numbers[0] > 1 else numbers


def _generation(name: str, numbers: tuple[int, ...]) -> int:
    """What has to be equal for code to go on working: the major version, and for three.js an era of releases."""
    if name == "three":
        release = numbers[1] if len(numbers) > 1 else 10_000
        return 0 if release <= 147 else 1 if release <= 171 else 2
    return numbers[0] if numbers else -1


def _is_same_major(wanted: Wanted, version: str) -> bool:
    asked = _asked(wanted)
    if not asked:
        return True
    return _generation(wanted.name, asked) == _generation(wanted.name, _numbers(version))


def _by_preference(entries: list[dict[str, Any]], wanted: Wanted, kind: Kind) -> list[dict[str, Any]]:
    """The same generation first, then the nearest ones; without a version, the newest first."""
    asked = _asked(wanted)
    if not asked:
        newest_first = list(reversed(entries))
        if wanted.name == "three" and kind == "script":
            return sorted(newest_first, key=lambda entry: _numbers(entry["version"])[1] > _GLOBAL_THREE)
        return newest_first
    wished = _generation(wanted.name, asked)

    def distance(entry: dict[str, Any]) -> tuple[int, int]:
        its = _generation(wanted.name, _numbers(entry["version"]))
        return abs(its - wished), -its

    return sorted(entries, key=distance)


def _find_path(entry: dict[str, Any], wanted: Wanted, kind: Kind) -> str | None:
    """The file of a package's version that a path stands for, however the CDN spells it."""
    fitting = [file for file in entry["files"] if _kind_fits(file, kind, is_exact=True)]
    fitting += [file for file in entry["files"] if file not in fitting and _kind_fits(file, kind, is_exact=False)]
    paths: list[str] = [file["path"] for file in fitting]
    asked = wanted.path.strip("/")
    if not asked or asked in ("client", "index.js"):
        return next(iter(paths), None)
    if asked in paths:
        return asked
    if "addons/" in asked and wanted.name == "three":
        asked = "examples/jsm/" + asked.partition("addons/")[2]
    if "." not in asked.rpartition("/")[2]:
        inside = next((path for path in paths if path.startswith(f"{asked}/")), None)
        if inside is not None:
            return inside
        asked += ".js"
    tests: tuple[Callable[[str], bool], ...] = (
        lambda path: _without_min(path) == _without_min(asked),
        lambda path: _plain(path) == _plain(asked),
        lambda path: _plain(path).endswith("/" + _plain(asked)) or _plain(asked).endswith("/" + _plain(path)),
        lambda path: _plain(path).rpartition("/")[2] == _plain(asked).rpartition("/")[2],
    )
    for test in tests:
        for path in paths:
            if test(path):
                return path
    return None


def _kind_fits(file: dict[str, Any], kind: Kind, *, is_exact: bool) -> bool:
    suffix = str(file["path"]).rpartition(".")[2]
    if kind == "style":
        return suffix == "css"
    if kind == "data":
        return suffix == "json"
    if suffix not in ("js", "mjs"):
        return False
    if is_exact or kind == "script":
        return bool(file["is_module"]) == (kind == "module")
    return file.get("exports") is not None


def _without_min(path: str) -> str:
    return re.sub(r"[.-]min(?=\.)", "", path.lower().rpartition("/")[2])


def _plain(path: str) -> str:
    """A path without what says how the file was built: `dist/chart.umd.min.js` and `dist/Chart.js` are one."""
    folder, slash, name = path.lower().rpartition("/")
    name = _NAME_PARTS.sub("", name.replace(".core.", "-core."))
    name = re.sub(r"\.(?:module|esm|es|esm-browser)(?=\.)", "", name)
    return f"{folder}{slash}{name.replace('.mjs', '.js')}"


def _find_fonts(wanted: Wanted) -> Found | None:
    known = tuple(family for family in wanted.families if font_package(family) in manifest())
    if not known:
        return None
    library = Library(package="@fontsource", version="", path="", kind="style", families=known)
    return Found(library=library, is_same_major=len(known) == len(wanted.families))


def font_package(family: str) -> str:
    return "@fontsource/" + re.sub(r"\s+", "-", family.strip().lower())


def all_libraries() -> list[Library]:
    """Every file that can be delivered by itself. Style sheets of web fonts are made as pages ask for them."""
    found = []
    for entries in manifest().values():
        for entry in entries:
            for file in entry["files"]:
                suffix = file["path"].rpartition(".")[2]
                kinds: dict[str, Kind] = {"css": "style", "json": "data", "js": "script", "mjs": "script"}
                if suffix not in kinds:
                    continue
                kind: Kind = "module" if file["is_module"] else kinds[suffix]
                which = Library(package=entry["name"], version=entry["version"], path=file["path"], kind=kind)
                found.append(which)
                if "exports" in file:
                    found.append(
                        Library(
                            package=which.package,
                            version=which.version,
                            path=which.path,
                            kind="module",
                            is_wrapped=True,
                        )
                    )
    return found
