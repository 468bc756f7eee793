"""A candidate from a path: a page alone, or a folder with a page and what belongs to it."""

from pathlib import Path
from typing import TYPE_CHECKING

from refine.errors import InputError

if TYPE_CHECKING:
    from refine.types import Files

MAX_FILES = 50
MAX_BYTES = 10_000_000
_PAGES = (".html", ".htm")
_TEXTS = (*_PAGES, ".css", ".js", ".mjs", ".cjs", ".jsx", ".json", ".svg", ".txt", ".md")


def read_candidate(path: Path) -> "Files":
    """The files, byte for byte, the page first. Raises InputError where there is no page, or one that is not UTF-8."""
    from refine.types import CodeFile

    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.is_file() and each.suffix.lower() in _TEXTS)
        found.sort(key=lambda each: each.suffix.lower() not in _PAGES)
        names = [each.relative_to(path).as_posix() for each in found]
    else:
        found, names = [path], [path.name]
    if not any(name.lower().endswith(_PAGES) for name in names):
        raise InputError(f"{path}: holds no .html file" if path.is_dir() else f"{path}: is no .html file")
    if len(found) > MAX_FILES:
        raise InputError(f"{path}: holds {len(found)} files, at most {MAX_FILES} make a candidate")
    left = MAX_BYTES
    files = []
    for each, name in zip(found, names, strict=True):
        text = _read(each, left)
        left -= len(text.encode())
        files.append(CodeFile(filename=name, content=text))
    return tuple(files)


def _read(path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise InputError(f"{path}: too big, at most {MAX_BYTES:,} bytes make a candidate")
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise InputError(f"{path}: is not UTF-8 (byte {exc.start}); save it as UTF-8") from exc
    except OSError as exc:
        raise InputError(f"{path}: cannot be read ({exc.strerror or exc})") from exc
