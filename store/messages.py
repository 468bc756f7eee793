"""Messages to models and their replies, as the ledger keeps them: big texts once under their hash, people's words by
reference."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Connection, bindparam, func, select

from refine.errors import StoreError
from refine.types import Message, Part, Span
from store.blobs import get_blob_by_sha256, put_blobs
from store.statements import Statement, dump_json
from store.tables import CRITIQUE, WORDS

BLOB_FROM = 256
"""Bytes from which a part's text is a blob: system templates and pages are then stored once for all chains."""
ERASED = "[erased]"
QUOTE_FROM = 12
"""Characters from which the same run of text in a reply is a quote; shorter ones are anybody's."""
_ESCAPED = re.compile(r'["\\\x00-\x1f]+')
"""What JSON writes otherwise than it is: a quote inside a JSON reply is found in the runs between."""

_WORDS = Statement(
    select(CRITIQUE.c.ulid, WORDS.c.text, WORDS.c.sha256)
    .join(WORDS, CRITIQUE.c.words_id == WORDS.c.id)
    .where(CRITIQUE.c.ulid.in_(select(func.json_each(bindparam("ulids")).table_valued("value").c.value)))
)
_Words: TypeAlias = dict[str, tuple[str | None, str]]


def load_words(connection: Connection, critiques: set[str]) -> dict[str, tuple[str | None, str]]:
    """Per critique ulid: its text (None once erased) and the words' hash."""
    if not critiques:
        return {}
    rows = _WORDS.all(connection, ulids=dump_json(sorted(critiques)))
    return {ulid: (text, sha256) for ulid, text, sha256 in rows}


@dataclass(frozen=True, slots=True)
class Encoded:
    """Messages, or the parts of one reply, as stored, and their hash."""

    parts: list[Any]
    sha256: str


def encode_call(
    connection: Connection, messages: Sequence[Message], replies: Sequence[str | None]
) -> tuple[Encoded, list[Encoded | None]]:
    """What was sent and what came back, as stored. Puts big parts into the blob table.

    Where a reply quotes the words it was shown, the words are referred to instead, so that erasing them reaches the
    reply too; what it says in words of its own stays.
    """
    blobs: dict[str, bytes] = {}
    sent = [[message.role, [_encode_part(part, blobs) for part in message.parts]] for message in messages]
    shown = [part for message in messages for part in message.parts if part.span is not None]
    said = [
        None if reply is None else [_encode_part(part, blobs) for part in quote_parts(reply, shown)]
        for reply in replies
    ]
    put_blobs(connection, blobs)
    words = load_words(connection, _critiques_in(sent))
    return Encoded(sent, _hash(sent, words)), [
        None if parts is None else Encoded(parts, _hash([["assistant", parts]], words)) for parts in said
    ]


def decode_reply(connection: Connection, parts: Sequence[Any]) -> tuple[str, bool]:
    """The reply's text, and whether words in it have been erased since."""
    words = load_words(connection, _critiques_in([["assistant", parts]]))
    text = "".join(_decode_part(connection, part, words).text for part in parts)
    return text, any(words_text is None for words_text, _ in words.values())


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
    return _hash(encoded, load_words(connection, _critiques_in(encoded)))


def _hash(encoded: Sequence[Any], words: _Words) -> str:
    hashes = [[role, [_hash_part(part, words) for part in parts]] for role, parts in encoded]
    return hashlib.sha256(orjson.dumps(hashes)).hexdigest()


def _critiques_in(encoded: Sequence[Any]) -> set[str]:
    return {part["c"] for _, parts in encoded for part in parts if "c" in part}


def _encode_part(part: Part, blobs: dict[str, bytes]) -> dict[str, Any]:
    """The part as stored; a big one's bytes are added to the blobs."""
    text = part.text
    if part.span is not None:
        return {"c": part.span.critique, "s": part.span.start, "e": part.span.end}
    if len(text) < BLOB_FROM and (
        text.isascii() or (len(text.encode("utf-8", "surrogatepass")) < BLOB_FROM and _is_whole(text))
    ):
        return {"t": text}
    sha256, data = _to_blob(text)
    blobs[sha256] = data
    return {"b": sha256}


@lru_cache(maxsize=64)
def _to_blob(text: str) -> tuple[str, bytes]:
    """Templates and examples come with every call."""
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest(), data


def _is_whole(text: str) -> bool:
    """No half of a surrogate pair: those fit a blob, and not JSON."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _decode_part(connection: Connection, part: dict[str, Any], words: _Words) -> Part:
    if "t" in part:
        return Part(part["t"])
    if "b" in part:
        return Part(get_blob_by_sha256(connection, part["b"]).decode("utf-8", "surrogatepass"))
    text, _ = _words_of(part, words)
    span = Span(critique=part["c"], start=part["s"], end=part["e"])
    return Part(ERASED if text is None else text[span.start : span.end], span)


def _hash_part(part: dict[str, Any], words: _Words) -> str:
    if "t" in part:
        said = b"t" + part["t"].encode("utf-8", "surrogatepass")
    elif "b" in part:
        said = b"b" + part["b"].encode()
    else:
        said = f"w{_words_of(part, words)[1]}:{part['s']}:{part['e']}".encode()
    return hashlib.sha256(said).hexdigest()


def _words_of(part: dict[str, Any], words: _Words) -> tuple[str | None, str]:
    try:
        return words[part["c"]]
    except KeyError:
        raise StoreError(f"a message refers to critique {part['c']}, which is not in the database") from None
