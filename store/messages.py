"""Messages to models and their replies, as the ledger keeps them: big texts once under their hash, people's words by
reference."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select

from refine.errors import StoreError
from refine.types import Message, Part, Span
from store.blobs import get_blob_by_sha256, put_blob
from store.tables import CRITIQUE, WORDS

BLOB_FROM = 256
"""Bytes from which a part's text is a blob: system templates and pages are then stored once for all chains."""
ERASED = "[erased]"
QUOTE_FROM = 12
"""Characters from which the same run of text in a reply is a quote; shorter ones are anybody's."""
_ESCAPED = re.compile(r'["\\\x00-\x1f]+')
"""What JSON writes otherwise than it is: a quote inside a JSON reply is found in the runs between."""

_WORDS = (
    select(CRITIQUE.c.ulid, WORDS.c.text, WORDS.c.sha256)
    .join(WORDS, CRITIQUE.c.words_id == WORDS.c.id)
    .where(CRITIQUE.c.ulid.in_(bindparam("ulids", expanding=True)))
)


def load_words(connection: Connection, critiques: set[str]) -> dict[str, tuple[str | None, str]]:
    """Per critique ulid: its text (None once erased) and the words' hash."""
    if not critiques:
        return {}
    rows = connection.execute(_WORDS, {"ulids": sorted(critiques)})
    return {ulid: (text, sha256) for ulid, text, sha256 in rows}


def encode_messages(connection: Connection, messages: Sequence[Message]) -> tuple[list[Any], str]:
    """The messages as stored, and their hash. Puts big parts into the blob table."""
    encoded = [[message.role, [_encode_part(connection, part) for part in message.parts]] for message in messages]
    return encoded, hash_encoded(connection, encoded)


def encode_reply(connection: Connection, text: str, messages: Sequence[Message]) -> tuple[list[Any], str]:
    """A reply as stored, and its hash. Where it quotes the words it was shown, the words are referred to instead, so
    that erasing them reaches the reply too; what it says in words of its own stays."""
    parts = quote_parts(text, [part for message in messages for part in message.parts if part.span is not None])
    encoded = [_encode_part(connection, part) for part in parts]
    return encoded, hash_reply(connection, encoded)


def decode_reply(connection: Connection, parts: Sequence[Any]) -> tuple[str, bool]:
    """The reply's text, and whether words in it have been erased since."""
    if all("t" in part or "b" in part for part in parts):
        return "".join(_decode_part(connection, part, {}).text for part in parts), False
    (message,) = decode_messages(connection, [["assistant", parts]])
    words = load_words(connection, _critiques_in([["assistant", parts]]))
    return message.text, any(text is None for text, _ in words.values())


def hash_reply(connection: Connection, parts: Sequence[Any]) -> str:
    return hash_encoded(connection, [["assistant", parts]])


def quote_parts(text: str, sources: Iterable[Part]) -> list[Part]:
    """The text cut into parts, quotes of the sources with the span they quote; together they are the text."""
    quotes: list[tuple[int, int, Span]] = []
    for source in sources:
        assert source.span is not None
        for start, end in _runs(source.text):
            run = source.text[start:end]
            at = text.find(run)
            while at >= 0:
                first = source.span.start + start
                span = Span(critique=source.span.critique, start=first, end=first + len(run))
                quotes.append((at, at + len(run), span))
                at = text.find(run, at + len(run))
    parts: list[Part] = []
    position = 0
    for start, end, span in sorted(quotes, key=lambda quote: (quote[0], quote[0] - quote[1])):
        if start < position:
            continue  # inside a longer quote that began before it
        if start > position:
            parts.append(Part(text[position:start]))
        parts.append(Part(text[start:end], span))
        position = end
    if position < len(text) or not parts:
        parts.append(Part(text[position:]))
    return parts


def _runs(text: str) -> list[tuple[int, int]]:
    """The pieces of the text that JSON leaves as they are and that are long enough to be quotes."""
    runs, start = [], 0
    for escaped in [*_ESCAPED.finditer(text), None]:
        end = len(text) if escaped is None else escaped.start()
        if end - start >= QUOTE_FROM:
            runs.append((start, end))
        start = end if escaped is None else escaped.end()
    return runs


def decode_messages(connection: Connection, encoded: Sequence[Any]) -> tuple[Message, ...]:
    """The messages as they were sent, but for words that have been erased since, which read `[erased]`."""
    words = load_words(connection, _critiques_in(encoded))
    return tuple(
        Message(role, tuple(_decode_part(connection, part, words) for part in parts)) for role, parts in encoded
    )


def hash_encoded(connection: Connection, encoded: Sequence[Any]) -> str:
    """SHA-256 over the hashes of the parts: it still holds when a part's words have been erased."""
    words = load_words(connection, _critiques_in(encoded))
    hashes = [[role, [_hash_part(part, words) for part in parts]] for role, parts in encoded]
    return hashlib.sha256(orjson.dumps(hashes)).hexdigest()


def _critiques_in(encoded: Sequence[Any]) -> set[str]:
    return {part["c"] for _, parts in encoded for part in parts if "c" in part}


def _encode_part(connection: Connection, part: Part) -> dict[str, Any]:
    if part.span is not None:
        return {"c": part.span.critique, "s": part.span.start, "e": part.span.end}
    data = part.text.encode("utf-8", "surrogatepass")
    if len(data) < BLOB_FROM and (data.isascii() or _is_whole(part.text)):
        return {"t": part.text}
    put_blob(connection, data)
    return {"b": hashlib.sha256(data).hexdigest()}


def _is_whole(text: str) -> bool:
    """No half of a surrogate pair: those fit a blob, and not JSON."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _decode_part(connection: Connection, part: dict[str, Any], words: dict[str, tuple[str | None, str]]) -> Part:
    if "t" in part:
        return Part(part["t"])
    if "b" in part:
        return Part(get_blob_by_sha256(connection, part["b"]).decode("utf-8", "surrogatepass"))
    text, _ = _words_of(part, words)
    span = Span(critique=part["c"], start=part["s"], end=part["e"])
    return Part(ERASED if text is None else text[span.start : span.end], span)


def _hash_part(part: dict[str, Any], words: dict[str, tuple[str | None, str]]) -> str:
    if "t" in part:
        said = b"t" + part["t"].encode("utf-8", "surrogatepass")
    elif "b" in part:
        said = b"b" + part["b"].encode()
    else:
        said = f"w{_words_of(part, words)[1]}:{part['s']}:{part['e']}".encode()
    return hashlib.sha256(said).hexdigest()


def _words_of(part: dict[str, Any], words: dict[str, tuple[str | None, str]]) -> tuple[str | None, str]:
    try:
        return words[part["c"]]
    except KeyError:
        raise StoreError(f"a message refers to critique {part['c']}, which is not in the database") from None
