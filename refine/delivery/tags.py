"""The tags of a page with their places in its text, so that an attribute can be rewritten and nothing else is touched.

Linear in the length of the page, whatever it holds: pages are hostile input.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAME = re.compile(r"[a-zA-Z][^\s/>]{0,99}")
_ATTRIBUTE = re.compile(r"[\s/]*([^\s/>=][^\s/>=]*)")
_EQUALS = re.compile(r"\s*=\s*")
_BARE = re.compile(r"[^\s>]*")
_RAW = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE | re.ASCII)
    for name in ("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes")
}
_MOST_ATTRIBUTES = 100


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    value: str
    """Decoded."""
    start: int
    """Of the attribute in the page, and its end behind the value."""
    end: int


@dataclass(frozen=True, slots=True)
class Tag:
    """An opening tag; `end` is behind its `>`, and `raw_end` behind the text that a script or style holds."""

    name: str
    attributes: dict[str, Attribute]
    start: int
    end: int
    raw_end: int

    def get(self, name: str) -> str:
        found = self.attributes.get(name)
        return found.value if found else ""


def iter_tags(page: str) -> Iterator[Tag]:
    """Opening tags outside comments, in order; names are lower case."""
    position = 0
    closed = dict.fromkeys(_RAW, True)
    while (start := page.find("<", position)) >= 0:
        name = _NAME.match(page, start + 1)
        if name is None:
            position = _skip(page, start)
            continue
        attributes, end = _attributes(page, name.end())
        lower = name[0].lower()
        raw_end = end
        if lower in _RAW and closed[lower]:
            close = _RAW[lower].search(page, end)
            closed[lower] = close is not None
            raw_end = close.start() if close else len(page)
        yield Tag(lower, attributes, start, end, raw_end)
        position = raw_end


def _skip(page: str, start: int) -> int:
    """Where a comment, declaration or closing tag ends; behind the `<` when it is plain text."""
    if page.startswith("<!--", start):
        if page.startswith((">", "->"), start + 4):
            return page.index(">", start) + 1
        end = page.find("-->", start + 4)
        return end + 3 if end >= 0 else len(page)
    if page.startswith(("<!", "<?", "</"), start):
        end = page.find(">", start + 2)
        return end + 1 if end >= 0 else len(page)
    return start + 1


def _attributes(page: str, position: int) -> tuple[dict[str, Attribute], int]:
    found: dict[str, Attribute] = {}
    while (name := _ATTRIBUTE.match(page, position)) is not None:
        position = name.end()
        value = ""
        equals = _EQUALS.match(page, position)
        if equals:
            position = equals.end()
            if page[position : position + 1] in ('"', "'"):
                end = page.find(page[position], position + 1)
                if end < 0:
                    return found, len(page)
                value, position = page[position + 1 : end], end + 1
            else:
                bare = _BARE.match(page, position)
                assert bare is not None
                value, position = bare[0], bare.end()
        lower = name[1].lower()
        if lower not in found and len(found) < _MOST_ATTRIBUTES:
            found[lower] = Attribute(lower, html.unescape(value), name.start(1), position)
    close = page.find(">", position)
    return found, close + 1 if close >= 0 else len(page)
