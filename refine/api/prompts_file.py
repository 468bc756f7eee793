"""Prompts files: JSON Lines, CSV and Parquet in, checked rows out. All of a file is good, or none of it is used.

Columns: `prompt`, and where wanted `id`, `licence` (or `license`), `source`, `metadata` and `candidates`; any other
column becomes metadata. In CSV and Parquet, `metadata` and `candidates` may be JSON text.
"""

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from refine.api.given import parse_candidates
from refine.errors import InputError
from refine.panel.lines import (
    decode,
    kind_of,
    name_problem,
    numbered_lines,
    open_input,
    quote,
    read_objects,
    text_problem,
)
from refine.settings import ProjectSettings
from refine.types import PromptIn

MAX_ROW_BYTES = 64 * 1024 * 1024
MAX_KEY_CHARS = 200
_OWN = frozenset({"prompt", "id", "licence", "license", "source", "metadata", "candidates"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptsFile:
    path: Path
    rows: tuple[PromptIn, ...]
    """In the order of the file; keys are unique."""
    sha256: str
    """Of the file's bytes."""


def read_prompts(
    path: str | Path,
    *,
    max_candidate_bytes: int | None = None,
    licence: str | None = None,
    source: str | None = None,
) -> PromptsFile:
    """The file's rows; `licence` and `source` stand in where a row names none.

    `max_candidate_bytes`: None is the default of the project settings. Raises InputError of the shape
    "path:line: what was wrong; what to do" (in Parquet the number is the row's, from 1).
    """
    path = Path(path)
    read = _READERS.get(path.suffix.lower())
    sha256 = _sha256(path)
    if read is None:
        raise InputError(f"{path}: unknown kind of file; expected one of {', '.join(_READERS)}")
    limit = ProjectSettings.model_fields["max_candidate_bytes"].default
    if max_candidate_bytes is not None:
        limit = max_candidate_bytes
    rows: list[PromptIn] = []
    lines: dict[str, tuple[int, bool]] = {}
    for number, values in read(path):
        try:
            row = _row(values, max_candidate_bytes=limit, licence=licence, source=source)
        except ValueError as error:
            raise InputError(f"{path}:{number}: {error}") from error
        has_id = values.get("id") is not None
        if row.key in lines:
            raise InputError(f"{path}:{number}: {_double(row.key, has_id, *lines[row.key])}")
        lines[row.key] = (number, has_id)
        rows.append(row)
    if not rows:
        raise InputError(f"{path}: has no rows; give at least one prompt")
    return PromptsFile(path=path, rows=tuple(rows), sha256=sha256)


def prompt_key(text: str) -> str:
    """The key of a prompt without an id: 16 hex digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# --- One row ------------------------------------------------------------------------------------------------------


def _row(values: dict[str, Any], *, max_candidate_bytes: int, licence: str | None, source: str | None) -> PromptIn:
    """Raises ValueError: what was wrong; what to do."""
    prompt = values.get("prompt")
    if prompt is None:
        raise ValueError('the row has no prompt; give it a "prompt"')
    if not isinstance(prompt, str):
        raise ValueError(f"prompt is {kind_of(prompt)}; write it as text")
    if not prompt.strip():
        raise ValueError("the prompt is empty; write what the page should be")
    if (problem := text_problem(prompt)) is not None:
        raise ValueError(f"the prompt {problem}; remove it")
    if values.get("licence") is not None and values.get("license") is not None:
        raise ValueError("the row has both licence and license; keep one")
    return PromptIn(
        key=_key(values.get("id"), prompt),
        prompt=prompt,
        licence=_text(values, "licence") or _text(values, "license") or licence,
        source=_text(values, "source") or source,
        metadata=_metadata(values),
        candidates=parse_candidates(values.get("candidates"), max_bytes=max_candidate_bytes),
    )


def _key(value: object, prompt: str) -> str:
    if value is None:
        return prompt_key(prompt)
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"id is {kind_of(value)}; write it as text or leave it out")
    if (problem := name_problem(value, MAX_KEY_CHARS)) is not None:
        raise ValueError(f"id {problem}; give a short printable one or leave it out")
    return value.strip()


def _text(values: dict[str, Any], field: str) -> str | None:
    value = values.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{field} is {kind_of(value)}; write it as text or leave it out")
    if (problem := text_problem(value)) is not None:
        raise ValueError(f"{field} {problem}; remove it")
    return value.strip() or None


def _metadata(values: dict[str, Any]) -> dict[str, Any]:
    """The row's metadata as plain JSON values."""
    stated = values.get("metadata")
    if stated is None:
        stated = {}
    if not isinstance(stated, dict):
        raise ValueError(f"metadata is {kind_of(stated)}; write an object or rename the column")
    others = {name: value for name, value in values.items() if name not in _OWN and value is not None}
    if both := others.keys() & stated.keys():
        raise ValueError(f"{quote(min(both))} is given twice, as a column and in metadata; keep one")
    try:
        encoded = orjson.dumps(others | stated)
    except TypeError as error:
        raise ValueError(f"metadata cannot be written as JSON ({error}); use text, numbers, lists, objects") from error
    metadata: dict[str, Any] = orjson.loads(encoded)
    if b"\\u0000" in encoded and _has_nul(metadata):
        raise ValueError("metadata has a NUL character; remove it")
    return metadata


def _has_nul(value: object) -> bool:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and "\0" in value:
            return True
        if isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
    return False


def _double(key: str, has_id: bool, first: int, first_has_id: bool) -> str:
    if has_id and first_has_id:
        return f"id {quote(key)} stands in line {first} already; give each row its own"
    if has_id or first_has_id:
        return f"id {quote(key)} is the key of the prompt in line {first} as well; change the id"
    return f"the same prompt stands in line {first} already; remove one or give both an id"


# --- Three kinds of file ------------------------------------------------------------------------------------------


def _sha256(path: Path) -> str:
    with open_input(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    return read_objects(path, max_bytes=MAX_ROW_BYTES)


def _read_csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Cells are text or, when empty, None. A row has the number of the line on which it starts."""
    # The limit is the whole process's, 128 KiB by default, which pages in `candidates` pass; it is only ever raised.
    csv.field_size_limit(max(MAX_ROW_BYTES, csv.field_size_limit()))
    with open_input(path) as file:
        lines = _RowLines(path, numbered_lines(file, path, max_bytes=MAX_ROW_BYTES))
        reader = csv.reader(lines, strict=True)
        names: list[str] | None = None
        while True:
            start = lines.number + 1
            lines.size = 0
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise InputError(f"{path}:{start}: not CSV ({error}); quote cells with commas or line ends") from error
            if cells is None:
                return
            if not cells:
                continue
            if names is None:
                names = _header([cell.strip() for cell in cells], f"{path}:{start}")
            elif len(cells) != len(names):
                raise InputError(
                    f"{path}:{start}: the row has {len(cells)} cells, the header {len(names)}; quote cells with commas"
                )
            else:
                values = {name: cell if cell.strip() else None for name, cell in zip(names, cells, strict=True)}
                yield start, _with_json(values, f"{path}:{start}")


class _RowLines:
    """Feeds the CSV reader lines of text, and refuses a row that spans too many of them."""

    def __init__(self, path: Path, lines: Iterator[tuple[int, bytes]]) -> None:
        self.path = path
        self.lines = lines
        self.number = 0
        self.size = 0
        """Bytes since the row's start; set to 0 between rows."""

    def __iter__(self) -> "_RowLines":
        return self

    def __next__(self) -> str:
        self.number, line = next(self.lines)
        self.size += len(line)
        if self.size > MAX_ROW_BYTES:
            raise InputError(
                f"{self.path}:{self.number}: the row is longer than {MAX_ROW_BYTES} bytes; is a quote never closed?"
            )
        return decode(line, self.path, self.number)


def _read_parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow as pa
    from pyarrow import parquet

    # pyarrow's own errors, and those of turning its values into Python's: bad UTF-8, dates out of range, time zones.
    unreadable = (pa.ArrowException, OSError, ValueError, OverflowError, LookupError, TypeError, MemoryError)
    with open_input(path) as opened:
        try:
            file = parquet.ParquetFile(opened, page_checksum_verification=True)
            names = list(file.schema_arrow.names)
        except unreadable as error:
            raise InputError(f"{path}: not a Parquet file ({_first_line(error)}); write it again") from error
        _header(names, f"{path}")
        number = 0
        batches = file.iter_batches(batch_size=64)
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                slices = [batch.slice(index, 1) for index in range(batch.num_rows)]
                for row in slices:
                    number += 1
                    if row.nbytes > MAX_ROW_BYTES:
                        raise InputError(f"{path}:{number}: the row is longer than {MAX_ROW_BYTES} bytes; shorten it")
                    yield number, _with_json(row.to_pylist()[0], f"{path}:{number}")
            except unreadable as error:
                raise InputError(f"{path}:{number}: cannot be read ({_first_line(error)}); write it again") from error


def _header(names: list[str], where: str) -> list[str]:
    if "prompt" not in names:
        raise InputError(f"{where}: has no column named prompt; name it in the header")
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{where}: two columns are named {quote(double)}; rename one")
    return names


def _with_json(values: dict[str, Any], where: str) -> dict[str, Any]:
    """The cells, with `metadata` and `candidates` read as JSON where they are text."""
    for name in ("metadata", "candidates"):
        cell = values.get(name)
        if not isinstance(cell, str):
            continue
        try:
            values[name] = orjson.loads(cell) if cell.strip() else None
        except orjson.JSONDecodeError as error:
            raise InputError(f"{where}: {name} is not JSON ({error.msg}); write JSON or rename the column") from error
    return values


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__


_READERS: dict[str, Callable[[Path], Iterator[tuple[int, dict[str, Any]]]]] = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".json": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
