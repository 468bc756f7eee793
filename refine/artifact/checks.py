"""Pure checks on a candidate's files, made before a person sees it. What only a browser can see is not here."""

from collections.abc import Sequence
from dataclasses import dataclass

from refine.artifact.identity import entry_file, has_lone_surrogate, size_bytes
from refine.artifact.markup import iter_tags, visible_text
from refine.artifact.names import is_safe_name
from refine.types import Files

MAX_FILES = 50
_SHOWN = frozenset({"audio", "button", "canvas", "embed", "hr", "iframe", "img", "input", "meter", "object", "picture"})
_SHOWN |= {"progress", "select", "svg", "table", "textarea", "video"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    name: str
    """`files`, `names`, `text`, `size`, `html` or `content`."""
    passed: bool
    detail: str = ""
    """What was wrong; empty when it passed."""


def check_files(files: Files, max_bytes: int) -> list[CheckResult]:
    """All checks, always in the same order; a candidate is broken when any did not pass."""
    return [
        _result("files", _files_problem(files)),
        _result("names", _names_problem([file.filename for file in files])),
        _result("text", _text_problem(files)),
        _result("size", _size_problem(size_bytes(files), max_bytes)),
        _result("html", _html_problem(files)),
        _result("content", _content_problem(files)),
    ]


def _result(name: str, problem: str) -> CheckResult:
    return CheckResult(name=name, passed=not problem, detail=problem)


def _files_problem(files: Files) -> str:
    if not files:
        return "there are no files"
    if len(files) > MAX_FILES:
        return f"{len(files)} files, at most {MAX_FILES} are allowed"
    return "" if entry_file(files) else "there is no .html file"


def _names_problem(names: Sequence[str]) -> str:
    for name in names:
        if not is_safe_name(name):
            return f"unsafe file name {name[:80]!r}"
    folded = [name.casefold() for name in names]
    doubled = (
        next((name for name in names if folded.count(name.casefold()) > 1), None) if len(names) <= MAX_FILES else None
    )
    return f"two files are called {doubled!r}" if doubled else ""


def _text_problem(files: Files) -> str:
    for file in files:
        if "\x00" in file.content:
            return f"{file.filename} holds a NUL character"
        if has_lone_surrogate(file.content):
            return f"{file.filename} holds a lone surrogate"
    return ""


def _size_problem(size: int, max_bytes: int) -> str:
    return f"{size} bytes, at most {max_bytes} are allowed" if size > max_bytes else ""


def _html_problem(files: Files) -> str:
    entry = entry_file(files)
    if entry is None or not entry.content.strip():
        return "the page is empty"
    return "" if next(iter_tags(entry.content), None) else "the page has no HTML element"


def _content_problem(files: Files) -> str:
    """A page passes with text, an element that shows by itself, or a script that may build the rest."""
    entry = entry_file(files)
    if entry is None:
        return "there is no page"
    for tag in iter_tags(entry.content):
        if tag.name in _SHOWN or (tag.name == "script" and (tag.raw.strip() or tag.attributes.get("src"))):
            return ""
    if any(text.strip() for text in visible_text(entry.content)):
        return ""
    return "the page shows nothing: no text, no visible element and no script"
