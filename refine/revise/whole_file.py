"""Whole-file replies: put over the parent's files, and refused where the model left something out."""

import re

from refine.artifact import entry_file
from refine.types import CodeFile, Files

MIN_SHARE = 0.6
"""A file that comes back shorter than this share of the parent's was abbreviated, not improved."""

_COMMENT = re.compile(r"(?:<!--|/\*|//)([^\n]{0,200})")
_LEFT_OUT = re.compile(
    r"\b(?:rest|remainder|remaining|existing|previous|original|other)\b[^\n]{0,60}"
    r"(?:\b(?:unchanged|same as (?:before|above)|as before|as above|as is|goes here|omitted)\b|\bthe same\W*$)"
    r"|(?:\.{3}\s|…)[^\n]{0,40}\b(?:rest|remaining|existing|previous|unchanged|same|omitted)\b"
    r"|\b(?:rest|remaining|existing|previous|unchanged|omitted|same)\b[^\n]{0,60}(?:\.{3}|…)"
    r"|\b(?:unchanged|omitted|truncated|shortened)\b[^\n]{0,20}\bfor (?:brevity|clarity)\b"
    r"|\bno changes? (?:here|below|above)\b",
    re.IGNORECASE,
)


def overlay(parent: Files, reply: Files) -> Files:
    """The parent's files, in their order, with those of the reply in their place; new ones follow.

    A reply of one page under another name replaces the parent's page, when that has just one too.
    """
    pages = [file for file in parent if _is_page(file)]
    sent = [file for file in reply if _is_page(file)]
    entry = entry_file(parent)
    if len(pages) == 1 and len(sent) == 1 and entry and sent[0].filename != entry.filename:
        renamed = CodeFile(filename=entry.filename, content=sent[0].content)
        reply = tuple(renamed if file is sent[0] else file for file in reply)
    by_name = {file.filename: file for file in reply}
    kept = [by_name.pop(file.filename, file) for file in parent]
    return (*kept, *by_name.values())


def find_omission(parent: Files, new: Files) -> str:
    """Why the new files look abbreviated; empty when they do not."""
    old = {file.filename: file.content for file in parent}
    for file in new:
        before = old.get(file.filename, "")
        size, was = (len(text.encode("utf-8", "surrogatepass")) for text in (file.content, before))
        if size < MIN_SHARE * was:
            return f"{file.filename} came back with {size} of {was} bytes: parts were left out"
        for comment in _COMMENT.finditer(file.content):
            words = comment[1].partition("-->")[0].partition("*/")[0].strip()
            if _LEFT_OUT.search(words) and words not in before:
                return f"{file.filename} holds a comment in place of code: {words[:80]!r}"
    return ""


def is_same(first: Files, second: Files) -> bool:
    """Whether two versions differ in nothing but white space at the very ends of files, which fences do not carry."""
    return [(f.filename, f.content.strip()) for f in first] == [(f.filename, f.content.strip()) for f in second]


def _is_page(file: CodeFile) -> bool:
    return file.filename.lower().endswith((".html", ".htm"))
