"""Given candidates: pages that come with a prompt, in the shape of Dojo's dumps, checked before anything is stored."""

import unicodedata
from typing import Any

from refine.artifact import is_safe_name
from refine.artifact.checks import MAX_FILES
from refine.panel.lines import kind_of, name_problem, quote, text_problem
from refine.types import CodeFile, Files, GivenCandidate

MAX_CANDIDATES = 26
"""Of one prompt; far more than a labeler can rank."""
MAX_NAME_CHARS = 200
"""Of an id or a model's name."""


def parse_candidates(value: object, *, max_bytes: int) -> tuple[GivenCandidate, ...]:
    """The candidates in `value`; none for null and the empty list. Raises ValueError: what was wrong; what to do."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise ValueError(f"candidates is {kind_of(value)}; write a list of objects with files")
    if len(value) > MAX_CANDIDATES:
        raise ValueError(f"{len(value)} candidates; give at most {MAX_CANDIDATES}")
    candidates = tuple(_candidate(item, f"candidate {n}", max_bytes) for n, item in enumerate(value, start=1))
    _refuse_doubles(candidates)
    return candidates


def _candidate(item: object, where: str, max_bytes: int) -> GivenCandidate:
    if not isinstance(item, dict):
        raise ValueError(f"{where} is {kind_of(item)}; write an object with files")
    files = item.get("files")
    if files is None:
        raise ValueError(f"{where} has no files; give [{{filename, content}}, …]")
    if not isinstance(files, list | tuple):
        raise ValueError(f"{where}: files is {kind_of(files)}; write a list of {{filename, content}}")
    if not files:
        raise ValueError(f"{where} has an empty list of files; give at least one file or leave the candidate out")
    if len(files) > MAX_FILES:
        raise ValueError(f"{where} has {len(files)} files; give at most {MAX_FILES}")
    code = tuple(_file(file, where) for file in files)
    _refuse_same_names(code, where)
    size = sum(len(file.content.encode()) for file in code)
    if size > max_bytes:
        raise ValueError(f"{where} is {size} bytes, over the limit of {max_bytes}; shorten it or raise the limit")
    return GivenCandidate(id=_name(item, "id", where), model=_name(item, "model", where), files=code)


def _file(item: object, where: str) -> CodeFile:
    if not isinstance(item, dict):
        raise ValueError(f"{where}: a file is {kind_of(item)}; write an object with filename and content")
    name, content = item.get("filename"), item.get("content")
    if not isinstance(name, str):
        raise ValueError(f"{where}: a file has no filename; give it one, for example index.html")
    if not is_safe_name(name):
        raise ValueError(f"{where}: file name {quote(name)} is not safe; use a plain relative one such as index.html")
    if not isinstance(content, str):
        raise ValueError(f"{where}: {quote(name)} has no content; give it as text")
    if not content.strip():
        raise ValueError(f"{where}: {quote(name)} is empty; leave the file out or fill it")
    if (problem := text_problem(content)) is not None:
        raise ValueError(f"{where}: {quote(name)} {problem}; give it as plain UTF-8 text")
    return CodeFile(filename=name, content=content)


def _refuse_same_names(files: Files, where: str) -> None:
    seen: set[str] = set()
    for file in files:
        name = unicodedata.normalize("NFC", file.filename).casefold()  # the same file on some disks
        if name in seen:
            raise ValueError(f"{where} has two files named {quote(file.filename)}; rename one")
        seen.add(name)


def _name(item: dict[Any, Any], field: str, where: str) -> str | None:
    value = item.get(field)
    if value is None:
        return None
    if field == "id" and type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"{where}: {field} is {kind_of(value)}; write it as text or leave it out")
    if (problem := name_problem(value, MAX_NAME_CHARS)) is not None:
        raise ValueError(f"{where}: {field} {problem}; give a short printable one or leave it out")
    return value


def _refuse_doubles(candidates: tuple[GivenCandidate, ...]) -> None:
    """Two candidates that are the same page cannot be told apart by the people who rank them."""
    ids: dict[str, int] = {}
    pages: dict[Files, int] = {}
    for number, candidate in enumerate(candidates, start=1):
        if candidate.id is not None and (first := ids.setdefault(candidate.id, number)) != number:
            raise ValueError(f"candidates {first} and {number} have the same id {quote(candidate.id)}; rename one")
        if (first := pages.setdefault(candidate.files, number)) != number:
            raise ValueError(f"candidates {first} and {number} are the same page; keep one")
