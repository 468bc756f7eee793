"""Lines of JSON from a file that somebody else wrote: bounded, checked, and named by their number when they are wrong.

Leaves to its callers what the objects mean.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import orjson

from refine.errors import InputError

_BOM = b"\xef\xbb\xbf"


@contextmanager
def open_input(path: Path) -> Iterator[BufferedReader]:
    """The regular file, open for reading bytes. Every way in which it cannot be read is an InputError, also later on,
    while it is being read."""
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; give a file")
        if not path.exists():
            raise InputError(f"{path}: there is no such file; check the path")
        if not path.is_file():
            raise InputError(f"{path}: is not a regular file; give one that can be read twice")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error
    except ValueError as error:
        if "null byte" not in str(error):
            raise
        raise InputError(f"{str(path)!r}: is no path; check it for a NUL character") from error


def numbered_lines(file: BufferedReader, path: Path, *, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """(number from 1, line with its end); a byte order mark at the start is dropped. Raises InputError when a line is
    longer than `max_bytes`, before more of it is read."""
    number = 0
    while line := file.readline(max_bytes + 1):
        number += 1
        if len(line) > max_bytes:
            raise InputError(f"{path}:{number}: the line is longer than {max_bytes} bytes; split or shorten it")
        yield number, line.removeprefix(_BOM) if number == 1 else line


def decode(line: bytes, path: Path, number: int) -> str:
    """The line as text. Raises InputError when it is not UTF-8."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{number}: not UTF-8 (byte {error.start + 1}); save the file as UTF-8") from error


def read_objects(path: Path, *, max_bytes: int, is_growing: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) for every line that is not blank.

    With `is_growing`, a last line without an end that cannot be read yet is left out: somebody is still writing it.
    """
    with open_input(path) as file:
        for number, line in numbered_lines(file, path, max_bytes=max_bytes):
            if not line.strip():
                continue
            try:
                value = parse_json(line, path, number)
            except InputError:
                if is_growing and not line.endswith(b"\n"):
                    return
                raise
            if not isinstance(value, dict):
                raise InputError(
                    f"{path}:{number}: the line is {kind_of(value)}, not an object; write one JSON object a line"
                )
            yield number, value


def parse_json(line: bytes, path: Path, number: int) -> Any:
    """The line's JSON value. Raises InputError when it is none, names a lone surrogate, or is nested too deep."""
    decode(line, path, number)
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InputError(f"{path}:{number}: not JSON ({error.msg}); write one JSON object a line") from error


def kind_of(value: object) -> str:
    """A JSON value's type in words, for messages."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def quote(text: str, limit: int = 60) -> str:
    """Foreign text for a message: quoted, on one line, cut."""
    return repr(text if len(text) <= limit else text[:limit] + "…")


def text_problem(text: str) -> str | None:
    """Why the text cannot be stored, or None: it holds a NUL or half of a surrogate pair."""
    if "\0" in text:
        return "has a NUL character"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "has a lone surrogate"
    return None


def name_problem(name: str, limit: int) -> str | None:
    """Why the text cannot be a name or id, or None: blank, longer than `limit` characters, or not printable."""
    if not name.strip():
        return "is empty"
    if len(name) > limit:
        return f"is longer than {limit} characters"
    if not name.isprintable() or text_problem(name):
        return "has characters that cannot be printed"
    return None
