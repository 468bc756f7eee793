"""The texts of libraries as they are delivered: fonts inside style sheets, imports by key, scripts as modules."""

import base64
import gzip
import json
import keyword
import re
from functools import cache, lru_cache
from pathlib import Path

from refine.delivery.addresses import Wanted
from refine.delivery.libraries import VENDORED, Library, entry_file, find, font_package, manifest, module_of

_TYPE_OF_FONT = "font/woff2"
_URL = re.compile(r"url\(\s*([\"']?)([^\"')]{1,300})\1\s*\)")
_FONT_SOURCES = re.compile(r"src:([^;}]{1,2000})")
SPECIFIER = re.compile(r"(\bfrom\s*|\bimport\s*\(\s*|\bimport\s*)([\"'])([^\"'\n]{1,300})\2")
"""What a module imports: (what stands before, quote, specifier)."""


def read_vendored(package: str, version: str, path: str) -> bytes:
    """A file as its package holds it."""
    place = VENDORED / package / version / path
    return (
        place.read_bytes()
        if place.suffix == ".woff2"
        else gzip.decompress(place.with_name(place.name + ".gz").read_bytes())
    )


@lru_cache(maxsize=64)
def text_of(library: Library) -> str:
    """The text that is delivered: fonts are inside style sheets, and what a module imports is named by key."""
    if library.families:
        return "".join(_font_faces(family) for family in library.families)
    text = read_vendored(library.package, library.version, library.path).decode("utf-8")
    text = re.sub(r"\n//# sourceMappingURL=\S*\s*$", "\n", text)
    if library.kind == "style":
        return _with_fonts(text, library)
    if library.is_wrapped:
        return _wrapped(text, library)
    if library.kind == "module":
        targets = dict(_imports(library, text))
        return SPECIFIER.sub(
            lambda found: (
                f"{found[1]}{found[2]}refine-module:{targets[found[3]].key}{found[2]}"
                if found[3] in targets
                else found[0]
            ),
            text,
        )
    return text


@lru_cache(maxsize=64)
def gzipped(library: Library) -> bytes:
    return gzip.compress(text_of(library).encode(), 9, mtime=0)


def closure(library: Library) -> list[Library]:
    """The library and all that it imports, what is imported first."""
    found: list[Library] = []

    def visit(each: Library, trail: frozenset[Library]) -> None:
        if each in found or each in trail:
            return
        for needed in needs(each):
            visit(needed, trail | {each})
        found.append(each)

    visit(library, frozenset())
    return found


@cache
def needs(library: Library) -> tuple[Library, ...]:
    """What a module imports."""
    if library.kind != "module" or library.families:
        return ()
    if library.is_wrapped:
        return tuple(_required(library).values())
    text = read_vendored(library.package, library.version, library.path).decode("utf-8")
    return tuple(dict.fromkeys(target for _, target in _imports(library, text)))


def _imports(library: Library, text: str) -> list[tuple[str, Library]]:
    found = []
    for match in SPECIFIER.finditer(text):
        target = _resolve(library, match[3])
        if target is not None:
            found.append((match[3], target))
    return found


def _resolve(library: Library, specifier: str) -> Library | None:
    if specifier.startswith("."):
        entry = next(each for each in manifest()[library.package] if each["version"] == library.version)
        path = join_path(library.path, specifier)
        is_there = any(file["path"] == path for file in entry["files"])
        return module_of(entry, path) if is_there else None
    name = re.match(r"(?:@[\w.-]+/)?[\w.-]+", specifier)
    if name is None or name[0] not in manifest():
        return None
    version = library.version if name[0] == library.package else ""
    found = find(Wanted(name=name[0], version=version, path=specifier[name.end() + 1 :], is_module=True), "module")
    return found.library if found else None


def join_path(base: str, relative: str) -> str:
    """Where a relative name leads from a file; steps above the top stay at the top."""
    steps = base.split("/")[:-1]
    for step in relative.split("/"):
        if step == "..":
            steps = steps[:-1]
        elif step not in (".", ""):
            steps.append(step)
    return "/".join(steps)


def _required(library: Library) -> dict[str, Library]:
    """What a wrapped script takes by `require`, by name."""
    entry = next(each for each in manifest()[library.package] if each["version"] == library.version)
    found = {}
    for name in entry_file(entry, library.path).get("requires", ()):
        target = find(Wanted(name=name, version=library.version, is_module=True), "module")
        if target is not None:
            found[name] = target.library
    return found


def _wrapped(text: str, library: Library) -> str:
    """A script in the shape that both plain pages and `require` know, as an ES module."""
    entry = next(each for each in manifest()[library.package] if each["version"] == library.version)
    names = [name for name in entry_file(entry, library.path)["exports"] if _is_exportable(name)]
    required = _required(library)
    lines = [f'import __{at} from "refine-module:{each.key}";' for at, each in enumerate(required.values())]
    table = ",".join(f"{json.dumps(name)}:__{at}" for at, name in enumerate(required))
    lines += [
        f"const __needs={{{table}}},__module={{exports:{{}}}};",
        "(function(exports,module,require,define){",
        text,
        "}).call(globalThis,__module.exports,__module,(name)=>__needs[name]);",
        "const __all=__module.exports;export default __all;",
    ]
    lines += [f"export const {name}=__all.{name};" for name in names]
    return "\n".join(lines)


def _is_exportable(name: str) -> bool:
    reserved = {"default", "delete", "new", "typeof", "var", "const", "function", "switch", "case", "void", "this"}
    reserved |= {"enum", "export", "extends", "null", "super", "throw", "catch", "do", "debugger", "instanceof", "let"}
    return name.isidentifier() and name.isascii() and name not in reserved and not keyword.iskeyword(name)


def _with_fonts(text: str, library: Library) -> str:
    """Fonts the style sheet names are put inside it; sources that are not kept are dropped."""

    def source(found: re.Match[str]) -> str:
        kept = []
        for match in _URL.finditer(found[1]):
            path = join_path(library.path, re.split(r"[?#]", match[2])[0])
            font = VENDORED / library.package / library.version / path
            if path.endswith(".woff2") and font.is_file():
                kept.append(f'url({_data_url(font)}) format("woff2")')
        return f"src:{','.join(kept)}" if kept else 'src:local("")'

    return _FONT_SOURCES.sub(source, text)


def _data_url(font: Path) -> str:
    return f"data:{_TYPE_OF_FONT};base64,{base64.b64encode(font.read_bytes()).decode()}"


def _font_faces(family: str) -> str:
    (entry,) = manifest()[font_package(family)]
    name = json.dumps(family, ensure_ascii=True)
    weights = {file["path"].split("-")[-2]: file["path"] for file in entry["files"]}
    ranges = {"400": "100 550", "700": "551 900"} if len(weights) > 1 else {"400": "100 900"}
    return "".join(
        f"@font-face{{font-family:{name};font-weight:{ranges[weight]};font-display:swap;"
        f"src:url({_data_url(VENDORED / entry['name'] / entry['version'] / path)}) format('woff2')}}"
        for weight, path in sorted(weights.items())
    )
