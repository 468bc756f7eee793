"""What a candidate is: its files, in order, byte for byte."""

import hashlib
import json

from refine.errors import InputError
from refine.types import CodeFile, Files


def content_hash(files: Files) -> str:
    """SHA-256 (hex) over the JSON list of [file name, SHA-256 of the content] in the order given.

    Raises InputError for text that is not Unicode (lone surrogates), which no file could hold.
    """
    try:
        pairs = [[file.filename, hashlib.sha256(file.content.encode("utf-8")).hexdigest()] for file in files]
        canonical = json.dumps(pairs, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError as exc:
        raise InputError("a candidate's files hold a lone surrogate (half a character); remove it") from exc
    return hashlib.sha256(canonical).hexdigest()


def size_bytes(files: Files) -> int:
    """Bytes of all contents in UTF-8, names not counted."""
    return sum(len(file.content.encode("utf-8", "surrogatepass")) for file in files)


def entry_file(files: Files) -> CodeFile | None:
    """The page a browser opens: index.html, else the first .html or .htm file; None when there is none."""
    pages = [file for file in files if file.filename.lower().endswith((".html", ".htm"))]
    named = (file for file in pages if file.filename.lower() == "index.html")
    return next(named, pages[0] if pages else None)


def has_lone_surrogate(text: str) -> bool:
    """Whether the text holds half a character, as JSON can carry it: there is no UTF-8 for it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
