"""Reading tags out of HTML in linear time, whatever the text is.

Not a tree builder: it splits a page as a browser's tokenizer would (comments, raw text of scripts and styles, quoted
attributes), which is all that checks and scans need. The standard library's html.parser is not used because unclosed
constructs make several of its released versions quadratic (CVE-2025-6069), and pages are hostile input.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TAG_NAME = re.compile(r"[a-zA-Z][^\s/>]{0,99}")
_ATTRIBUTE = re.compile(r"[\s/]*([^\s/>=][^\s/>=]*)")
_EQUALS = re.compile(r"\s*=\s*")
_BARE_VALUE = re.compile(r"[^\s>]*")
_RAW = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE | re.ASCII)
    for name in ("script", "style", "textarea", "title")
}
_MAX_ATTRIBUTES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """An opening tag. Names are lower case; the first of two attributes of one name counts."""

    name: str
    attributes: dict[str, str]
    raw: str
    """What a script, style, textarea or title holds; empty for every other tag."""


def iter_tags(html: str) -> Iterator[Tag]:
    """Every opening tag outside comments, in order."""
    return (piece for piece in _tokens(html) if isinstance(piece, Tag))


def visible_text(html: str) -> Iterator[str]:
    """The stretches of text between tags, outside scripts, styles, the title and comments; may be white space."""
    return (piece for piece in _tokens(html) if isinstance(piece, str))


def _tokens(html: str) -> Iterator[Tag | str]:
    position = 0
    while (opening := html.find("<", position)) >= 0:
        if opening > position:
            yield html[position:opening]
        name = _TAG_NAME.match(html, opening + 1)
        if name is None:
            end = _skip_other(html, opening)
            if end == opening + 1:
                yield "<"
            position = end
            continue
        attributes, position = _attributes(html, name.end())
        raw = ""
        lower = name[0].lower()
        if lower in _RAW:
            close = _RAW[lower].search(html, position)
            end = close.start() if close else len(html)
            raw, position = html[position:end], end
        yield Tag(name=lower, attributes=attributes, raw=raw)
    if position < len(html):
        yield html[position:]


def _skip_other(html: str, opening: int) -> int:
    """Where a comment, declaration or closing tag ends; just after `<` when it is plain text."""
    if html.startswith("<!--", opening):
        end = html.find("-->", opening + 4)
        return end + 3 if end >= 0 else len(html)
    if html.startswith(("<!", "<?", "</"), opening):
        end = html.find(">", opening + 2)
        return end + 1 if end >= 0 else len(html)
    return opening + 1


def _attributes(html: str, position: int) -> tuple[dict[str, str], int]:
    """The attributes of a tag and where the tag ends; an unclosed tag ends with the text."""
    found: dict[str, str] = {}
    while (name := _ATTRIBUTE.match(html, position)) is not None:
        position = name.end()
        value = ""
        equals = _EQUALS.match(html, position)
        if equals:
            position = equals.end()
            if html[position : position + 1] in ('"', "'"):
                end = html.find(html[position], position + 1)
                if end < 0:
                    return found, len(html)
                value, position = html[position + 1 : end], end + 1
            else:
                bare = _BARE_VALUE.match(html, position)
                assert bare is not None
                value, position = bare[0], bare.end()
        if len(found) < _MAX_ATTRIBUTES:
            found.setdefault(name[1].lower(), value)
    close = html.find(">", position)
    return found, close + 1 if close >= 0 else len(html)
