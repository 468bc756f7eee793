"""Reading the files of a candidate out of a model's reply, however the model fenced them.

One pass over the lines. Contents are kept exactly as they stand between the fences, line ends included.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from refine.artifact.identity import has_lone_surrogate
from refine.artifact.names import is_safe_name
from refine.types import CodeFile, Files

Problem = Literal[
    "empty", "truncated", "refusal", "not_html", "unsafe_filename", "too_many_files", "too_big", "not_unicode"
]

MAX_REPLY_CHARS = 8_000_000
MAX_FILES = 20
MAX_BLOCKS = 200

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^\r\n]*)")
_NAME = re.compile(r"[^\s\"'`=(){}<>\[\],;*]{1,250}\.(?:html?|css|m?js|json|svg|txt|md)(?![\w.-])", re.IGNORECASE)
_QUOTED_NAME = re.compile(r"(?:file|filename|name|path|title)\s?[=:]\s?([\"'])([^\"'\n]{1,250})\1", re.IGNORECASE)
_HEADING = re.compile(r"\s{0,3}(?:#|\*\*|`|\d{1,2}[.)]|[-*]\s|file\b|filename\b)", re.IGNORECASE)
_NAME_COMMENT = re.compile(
    r"\s*(?:<!--|/\*|//)\s{0,9}(?:file(?:name)?:?\s)?([\w./-]{1,250}\.\w{1,5})\s{0,9}(?:-->|\*/)?\s*"
)
_DOCUMENT = re.compile(r"<!doctype\s+html|<html[\s>]", re.IGNORECASE | re.ASCII)
_END = re.compile(r"</html\s{0,99}>", re.IGNORECASE | re.ASCII)
_PAGE_START = re.compile(
    r"\s*<(?:!--|!doctype|html|head|body|div|main|style|script|canvas|h1|meta|title)\b", re.IGNORECASE | re.ASCII
)
_REFUSAL = re.compile(
    r"\W{0,9}(?:i['’]?m (?:very )?sorry|sorry\b|i (?:can(?:no|['’])t|am (?:not able|unable)|won['’]t|must decline)"
    r"|i['’]m (?:unable|not able))",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"(?:src|href)\s?=\s?[\"']?(?:\./)?([^\"'\s>:?#]{1,250}\.(?:css|m?js))[\"'\s>?#]", re.IGNORECASE
)
_LANGUAGES = {"html": "html", "htm": "html", "xhtml": "html", "css": "css", "javascript": "js", "js": "js", "mjs": "js"}
_WRAPPERS = frozenset({"markdown", "md"})
_CUT_OFF = frozenset({"length", "max_tokens", "model_length"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFiles:
    """What a reply held: files, or the problem why none can be used (then `files` is empty)."""

    files: Files = ()
    problem: Problem | None = None
    detail: str = ""
    """The problem in words, for a repair turn; empty without one."""
    prose: str = field(default="", repr=False)
    """Everything outside the fences, as lines."""


@dataclass(slots=True)
class _Block:
    info: str
    before: str
    """The last line of text above the fence."""
    content: str = ""
    is_closed: bool = True


def parse_files(reply: str, *, finish_reason: str = "stop", entry: str = "index.html") -> ParsedFiles:
    """The files of a reply. Never raises; a block without a name that is a page is called `entry`.

    Later blocks of the same name win, since models correct themselves downwards.
    """
    if len(reply) > MAX_REPLY_CHARS:
        return ParsedFiles(problem="too_big", detail=f"the reply is longer than {MAX_REPLY_CHARS} characters")
    if finish_reason == "content_filter":
        return ParsedFiles(problem="refusal", detail="the provider's content filter stopped the reply", prose=reply)
    text = _without_thinking(reply)
    if not text.strip():
        return _cut_or("empty", "the reply is empty", finish_reason)
    blocks, prose = _split(text)
    if len(blocks) == 1 and _FENCE.match(blocks[0].content):
        blocks, prose = _split(blocks[0].content)  # fences wrapped in a longer fence
    if len(blocks) > MAX_BLOCKS:
        detail = f"{len(blocks)} fenced blocks, at most {MAX_BLOCKS} are read"
        return ParsedFiles(problem="too_many_files", detail=detail, prose=prose)
    if any(_is_page(block) or _name_of(block) for block in blocks):
        return _from_blocks(blocks, prose, entry)
    return _from_raw(text, finish_reason, entry)


def _cut_or(problem: Problem, detail: str, finish_reason: str, prose: str = "") -> ParsedFiles:
    if finish_reason in _CUT_OFF:
        return ParsedFiles(problem="truncated", detail="the reply was cut off at the token limit", prose=prose)
    return ParsedFiles(problem=problem, detail=detail, prose=prose)


def _without_thinking(reply: str) -> str:
    """Local servers leave a model's thinking in the text; code quoted there is not the answer."""
    text = reply.lstrip()
    for tag in ("think", "thinking"):
        if text.startswith(f"<{tag}>"):
            _, _, text = text.partition(f"</{tag}>")
    return text


def _lines(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _split(text: str) -> tuple[list[_Block], str]:
    """Fenced blocks, and the lines outside them."""
    blocks: list[_Block] = []
    outside: list[str] = []
    content: list[str] = []
    mark = before = ""
    for line in _lines(text):
        fence = _FENCE.match(line)
        if mark:
            if fence and fence[1][0] == mark[0] and len(fence[1]) >= len(mark) and not fence[2].strip():
                blocks[-1].content, blocks[-1].is_closed = "".join(content), True
                mark = before = ""
            else:
                content.append(line)
        elif fence and not (fence[1][0] == "`" and "`" in fence[2]):
            # A whole reply wrapped as Markdown holds the real fences inside.
            if fence[2].strip().lower() not in _WRAPPERS:
                mark, content = fence[1], []
                blocks.append(_Block(info=fence[2].strip()[:400], before=before, is_closed=False))
        else:
            outside.append(line)
            before = line.strip()[:400] or before
    if mark:
        blocks[-1].content = "".join(content)
    return [block for block in blocks if block.content.strip() or block.is_closed], "".join(outside)


def _language(block: _Block) -> str:
    word = re.split(r"[\s:{,=]", block.info, maxsplit=1)[0].lower()
    return _LANGUAGES.get(word, "")


def _is_page(block: _Block) -> bool:
    if _language(block) in ("css", "js"):
        return False
    head = block.content[:2000]
    return _DOCUMENT.search(head) is not None or (_language(block) == "html" and _PAGE_START.match(head) is not None)


def _name_of(block: _Block) -> str:
    """The file name in the info string, in a heading line above, or in a comment that is the first line; else empty."""
    quoted = _QUOTED_NAME.search(block.info)
    if quoted:
        return _tidy(quoted[2])
    info = block.info
    language, colon, rest = info.partition(":")
    if colon and language.lower() in _LANGUAGES:
        info = rest
    named = _NAME.search(info)
    if named:
        return _tidy(named[0])
    above = _NAME.findall(block.before)
    bare = block.before.strip("*#`: ")
    if len(above) == 1 and (block.before.endswith(":") or _HEADING.match(block.before) or bare == above[0]):
        return _tidy(above[0])
    first = block.content[:300].lstrip("\r\n").split("\n", 1)[0]
    comment = _NAME_COMMENT.fullmatch(first)
    return _tidy(comment[1]) if comment and _NAME.fullmatch(comment[1]) else ""


def _tidy(name: str) -> str:
    return name.strip().removeprefix("./")


def _from_blocks(blocks: list[_Block], prose: str, entry: str) -> ParsedFiles:
    def problem(kind: Problem, detail: str) -> ParsedFiles:
        return ParsedFiles(problem=kind, detail=detail, prose=prose)

    named: dict[str, _Block] = {}
    unnamed: list[_Block] = []
    for block in blocks:
        name = _name_of(block)
        if name:
            named[name] = block
        else:
            unnamed.append(block)
    pages = [block for block in unnamed if _is_page(block)]
    has_page = any(name.lower().endswith((".html", ".htm")) for name in named)
    if pages and (not has_page or (entry not in named and any(_DOCUMENT.search(p.content[:2000]) for p in pages))):
        # The last whole document; a page without a document tag only where there is no document.
        documents = [page for page in pages if _DOCUMENT.search(page.content[:2000])]
        named = {entry: (documents or pages)[-1], **named}
        has_page = True
    _add_referenced(named, [block for block in unnamed if not _is_page(block)])
    for name, block in named.items():
        if not block.is_closed and not (name.lower().endswith((".html", ".htm")) and _END.search(block.content[-400:])):
            return problem("truncated", f"the reply ends inside {name[:80]!r}")
        if _DOCUMENT.search(block.content[:2000]) and not _END.search(block.content) and _END.search(prose):
            return problem("truncated", f"a fence inside {name[:80]!r} ends it early; use a longer fence around it")
        if not is_safe_name(name):
            return problem("unsafe_filename", f"unsafe file name {name[:80]!r}")
    if not has_page:
        return problem("not_html", "the reply holds no HTML file")
    if len(named) > MAX_FILES:
        return problem("too_many_files", f"{len(named)} files, at most {MAX_FILES} are allowed")
    return _finish({name: block.content for name, block in named.items()}, prose)


def _add_referenced(named: dict[str, _Block], others: list[_Block]) -> None:
    """Unnamed style and script blocks, where the pages refer to exactly one missing file of that kind."""
    referenced = {match for block in named.values() for match in _REFERENCE.findall(block.content)}
    for kind in ("css", "js"):
        missing = sorted(name for name in referenced - named.keys() if name.lower().endswith(kind))
        matching = [block for block in others if _language(block) == kind]
        if len(missing) == 1 and matching:
            named[missing[0]] = matching[-1]


def _from_raw(text: str, finish_reason: str, entry: str) -> ParsedFiles:
    """A page without fences, prose around it allowed."""
    start = _DOCUMENT.search(text)
    if start is None:
        if len(text) < 4000 and _REFUSAL.match(text.lstrip()[:200]):
            return _cut_or("refusal", "the reply declines", finish_reason, text)
        return _cut_or("not_html", "the reply holds no HTML page", finish_reason, text)
    end = start.end()
    for close in _END.finditer(text, start.end()):
        end = close.end()
    if end == start.end():
        # The closing tag may be left out in HTML; an open script may not.
        is_open = text.lower().rfind("<script") > text.lower().rfind("</script")
        if finish_reason in _CUT_OFF or is_open:
            return ParsedFiles(problem="truncated", detail="the reply ends inside the page")
        end = len(text)
    return _finish({entry: text[start.start() : end]}, text[: start.start()] + text[end:])


def _finish(contents: dict[str, str], prose: str) -> ParsedFiles:
    for content in contents.values():
        if has_lone_surrogate(content):
            return ParsedFiles(problem="not_unicode", detail="the reply holds half a character (a lone surrogate)")
    if not all(content.strip() for name, content in contents.items() if name.lower().endswith((".html", ".htm"))):
        return ParsedFiles(problem="empty", detail="the page in the reply is empty", prose=prose)
    return ParsedFiles(
        files=tuple(CodeFile(filename=name, content=content) for name, content in contents.items()), prose=prose
    )
