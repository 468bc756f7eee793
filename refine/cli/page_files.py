"""Pages named on the command line: files, folders of one candidate's files, and JSON Lines of candidates."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refine.errors import InputError

if TYPE_CHECKING:
    from refine.types import CodeFile, Files

MAX_PAGE_BYTES = 32_000_000
"""Of one candidate: far more than a model writes, so that a heavy page is told what is wrong with it."""
MAX_FILES = 50
_PAGES = (".html", ".htm")
_TEXTS = frozenset({*_PAGES, ".css", ".js", ".mjs", ".json", ".svg", ".txt", ".md", ".csv", ".xml", ".webmanifest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPage:
    name: str
    """As it was given: the path, and for a candidate in a file its line and number."""
    files: "Files"


def read_pages(paths: list[Path]) -> list[NamedPage]:
    """In the order given. Raises InputError naming the path, what is wrong and what to do."""
    return [page for path in paths for page in _read(path)]


def _read(path: Path) -> Iterator[NamedPage]:
    kind = path.suffix.lower()
    if path.is_dir():
        yield NamedPage(name=str(path), files=_folder(path))
    elif kind in (".jsonl", ".ndjson"):
        yield from _lines(path)
    elif kind in _PAGES:
        yield NamedPage(name=str(path), files=(_file(path, path.name),))
    elif not path.exists():
        raise InputError(f"{path}: there is no such file or folder; check the path")
    else:
        raise InputError(f"{path}: is no page; give an .html file, a folder with one, or a .jsonl file of candidates")


def _file(path: Path, name: str) -> "CodeFile":
    from refine.panel.lines import open_input
    from refine.types import CodeFile

    with open_input(path) as file:
        content = file.read(MAX_PAGE_BYTES + 1)
    if len(content) > MAX_PAGE_BYTES:
        raise InputError(f"{path}: is larger than {MAX_PAGE_BYTES:,} bytes; no page is, so check the file")
    try:
        return CodeFile(filename=name, content=content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (byte {error.start + 1}); save the file as UTF-8") from error


def _folder(folder: Path) -> "Files":
    """The texts in it, by their path inside; what starts with a dot, links and pictures are left out."""
    from refine.artifact import entry_file, is_safe_name

    found: list[CodeFile] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file() or path.suffix.lower() not in _TEXTS or not is_safe_name(name):
            continue
        if len(found) == MAX_FILES:
            raise InputError(f"{folder}: holds more than {MAX_FILES} files; name one candidate's folder")
        found.append(_file(path, name))
    if sum(len(file.content) for file in found) > MAX_PAGE_BYTES:
        raise InputError(f"{folder}: its files are larger than {MAX_PAGE_BYTES:,} bytes; name one candidate's folder")
    if entry_file(tuple(found)) is None:
        raise InputError(f"{folder}: holds no .html file; name a folder with one")
    return tuple(found)


def _lines(path: Path) -> Iterator[NamedPage]:
    """Each line has `candidates`, as prompts files have, or is one candidate with `files`."""
    from refine.api.given import parse_candidates
    from refine.panel.lines import read_objects

    is_empty = True
    for number, row in read_objects(path, max_bytes=2 * MAX_PAGE_BYTES):
        is_empty = False
        given: Any = row.get("candidates") if "files" not in row else [row]
        try:
            candidates = parse_candidates(given, max_bytes=MAX_PAGE_BYTES)
        except ValueError as error:
            raise InputError(f"{path}:{number}: {error}") from error
        if not candidates:
            raise InputError(f"{path}:{number}: has no candidates; give `candidates`, or `files` of one")
        for place, candidate in enumerate(candidates, start=1):
            yield NamedPage(name=f"{path}:{number} {candidate.id or f'c{place}'}", files=candidate.files)
    if is_empty:
        raise InputError(f"{path}: holds no candidates; write one JSON object a line")
