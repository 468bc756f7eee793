"""A candidate as parsed source: its HTML, CSS and JavaScript, wherever they stand, with byte positions in the files.

Regions nest: a script inside a page, a handler in an attribute, markup inside a template literal. Positions are always
bytes of the file, so an edit found in any region is an edit of the file. Reading is bounded and never raises on any
text; what is too big, or not Unicode, gives no regions.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal

from refine.types import Files

if TYPE_CHECKING:
    from tree_sitter import Parser, Tree

Language = Literal["html", "css", "javascript"]

MAX_FILE_BYTES = 300_000
"""Larger files are left as they are: parsing one costs seconds and nobody writes them by hand."""
MAX_FILES = 50
MAX_REGIONS = 4000
_MAX_NESTED_BYTES = 200_000
_MAX_HOLES = 200
_MAX_UNCLOSED = 20
_TAG = re.compile(rb"<(/?)[a-zA-Z]")
_MAX_OPEN = 3000
_CSS_RUN = re.compile(rb"[^{};]+")
_MAX_CSS_LOOKAHEAD = 20_000_000
_SCRIPT_TYPES = frozenset(
    {"", "module", "text/javascript", "application/javascript", "text/ecmascript", "text/babel", "text/jsx"}
)
_MARKUP = re.compile(rb"<[a-zA-Z][^<>]*>")


@dataclass(slots=True, eq=False)
class Node:
    """A node of a syntax tree. `start` and `end` are bytes of the file."""

    kind: str
    start: int
    end: int
    parent: "Node | None"
    role: str | None
    """The field of its parent that it is, as the grammar names it."""
    children: "list[Node]" = field(default_factory=list)

    def get(self, role: str) -> "Node | None":
        return next((child for child in self.children if child.role == role), None)

    def first(self, *kinds: str) -> "Node | None":
        return next((child for child in self.children if child.kind in kinds), None)

    def above(self) -> "Iterator[Node]":
        """Parent, grandparent and so on; at most 200, which no page written by anybody needs."""
        node = self.parent
        for _ in range(200):
            if node is None:
                return
            yield node
            node = node.parent

    def below(self) -> "Iterator[Node]":
        """Everything inside, in order."""
        stack = self.children[::-1]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))


@dataclass(slots=True, eq=False)
class Region:
    """A stretch of one file in one language."""

    file: int
    language: Language
    data: bytes
    """The whole file."""
    nodes: list[Node]
    """Every node, in order of its beginning."""
    errors: int
    """ERROR and MISSING nodes of its tree."""
    forbidden: bytes = b""
    """Bytes that an edit may not bring in, because they would end the text around it."""
    holes: tuple[tuple[int, int], ...] = ()
    """Stretches that are not this region's own: the substitutions of a template literal."""
    is_attribute: bool = False
    _kinds: dict[str, list[Node]] = field(default_factory=dict)

    def of(self, *kinds: str) -> Iterator[Node]:
        if not self._kinds:
            for node in self.nodes:
                self._kinds.setdefault(node.kind, []).append(node)
        for kind in kinds:
            yield from self._kinds.get(kind, ())

    def bytes_of(self, node: Node) -> bytes:
        return self.data[node.start : node.end]

    def text_of(self, node: Node) -> str:
        return self.data[node.start : node.end].decode("utf-8", "replace")

    def head_of(self, node: Node) -> str:
        """The first 200 bytes of what a node stands for."""
        return self.data[node.start : min(node.end, node.start + 200)].decode("utf-8", "replace")

    def takes(self, start: int, end: int, new: bytes) -> bool:
        """Whether bytes `start` to `end` may become `new`: nothing forbidden, no hole touched."""
        return not (set(new) & set(self.forbidden)) and not any(a < end and start < b for a, b in self.holes)


@dataclass(slots=True, eq=False)
class Source:
    """A candidate's files and what they hold."""

    files: Files
    contents: tuple[bytes | None, ...]
    """None for a file that was not read."""
    regions: list[Region]

    @property
    def errors(self) -> int:
        return sum(region.errors for region in self.regions)

    def of(self, language: Language) -> Iterator[Region]:
        """Regions to place edits in: of a script, only those that parse, since others do not run."""
        for region in self.regions:
            if region.language == language and not (language == "javascript" and region.errors):
                yield region


def read_source(files: Files) -> Source:
    """Parse what can be parsed."""
    contents = tuple(_encode(file.content) if index < MAX_FILES else None for index, file in enumerate(files))
    source = Source(files=files, contents=contents, regions=[])
    for index, (file, data) in enumerate(zip(files, contents, strict=True)):
        language = _language(file.filename)
        if data is not None and language is not None:
            _read(source, index, data, language, 0, len(data))
    return source


def language_of(filename: str) -> Language | None:
    """The language of a file, by its name; None for other files."""
    return _language(filename)


def _encode(text: str) -> bytes | None:
    if len(text) > MAX_FILE_BYTES:
        return None
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return None
    return data if len(data) <= MAX_FILE_BYTES and b"\0" not in data else None


def _language(filename: str) -> Language | None:
    ending = filename.lower().rpartition(".")[2]
    if ending in ("html", "htm"):
        return "html"
    if ending == "css":
        return "css"
    return "javascript" if ending in ("js", "mjs", "cjs", "jsx") else None


def _read(
    source: Source,
    file: int,
    data: bytes,
    language: Language,
    start: int,
    end: int,
    *,
    forbidden: bytes = b"",
    holes: tuple[tuple[int, int], ...] = (),
    wrap: tuple[bytes, bytes] | None = None,
) -> None:
    """Parse bytes `start` to `end` as `language` and what is nested in them; `wrap` makes a fragment a whole."""
    if len(source.regions) >= MAX_REGIONS:
        return
    text = bytearray(data[start:end])
    for a, b in holes:
        text[a - start : b - start] = b"x" * (b - a)
    before, after = wrap or (b"", b"")
    tree = _parse(language, before + bytes(text) + after)
    if tree is None:
        return
    nodes, errors = _flatten(tree, shift=start - len(before), start=start, end=end)
    region = Region(
        file=file,
        language=language,
        data=data,
        nodes=nodes,
        errors=errors,
        forbidden=forbidden,
        holes=holes,
        is_attribute=wrap is not None,
    )
    source.regions.append(region)
    if language == "html":
        _read_inside_markup(source, region)
    elif language == "javascript" and not errors:
        _read_inside_script(source, region)


def _read_inside_markup(source: Source, region: Region) -> None:
    for node in region.of("raw_text"):
        element = node.parent
        if element is None or not region.takes(node.start, node.end, b""):
            continue
        if element.kind == "style_element":
            _read(source, region.file, region.data, "css", node.start, node.end, forbidden=region.forbidden + b"<")
        elif element.kind == "script_element" and _script_type(region, element) in _SCRIPT_TYPES:
            _read(source, region.file, region.data, "javascript", node.start, node.end, forbidden=region.forbidden)
    for attribute in region.of("attribute"):
        name, value = attribute.first("attribute_name"), attribute_value(attribute)
        if name is None or value is None or not region.takes(value.start, value.end, b""):
            continue
        word = region.bytes_of(name).lower()
        quote = region.data[value.end : value.end + 1]
        forbidden = region.forbidden + b"<>&" + (quote if quote in (b'"', b"'") else b"\"'` \t\n=")
        if word == b"style":
            _nested(source, region, "css", value, forbidden, (b"x{", b"}"))
        elif word.startswith(b"on") and word[2:].isalpha():
            _nested(source, region, "javascript", value, forbidden, (b"", b""))


def _nested(
    source: Source, region: Region, language: Language, node: Node, forbidden: bytes, wrap: tuple[bytes, bytes]
) -> None:
    _read(source, region.file, region.data, language, node.start, node.end, forbidden=forbidden, wrap=wrap)


def _script_type(region: Region, element: Node) -> str:
    tag = element.first("start_tag")
    for attribute in tag.children if tag else ():
        name, value = attribute.first("attribute_name"), attribute_value(attribute)
        if name is not None and region.bytes_of(name).lower() == b"type":
            return "" if value is None else region.text_of(value).strip().lower()
    return ""


def attribute_value(attribute: Node) -> Node | None:
    """The value of an attribute of markup without its quotes; None where it has none."""
    quoted = attribute.first("quoted_attribute_value")
    return (quoted or attribute).first("attribute_value")


def _read_inside_script(source: Source, region: Region) -> None:
    """Markup in strings and template literals; `${…}` in them is somebody else's."""
    if region.is_attribute or len(region.forbidden) > 1:
        return
    for node in region.of("template_string", "string"):
        inner = node.start + 1, node.end - 1
        text = region.data[inner[0] : inner[1]]
        if len(text) > _MAX_NESTED_BYTES or not _MARKUP.search(text):
            continue
        holes = tuple((hole.start, hole.end) for hole in node.children if hole.kind == "template_substitution")
        holes += tuple((hole.start, hole.end) for hole in node.children if hole.kind == "escape_sequence")
        if len(holes) > _MAX_HOLES:
            continue
        quote = region.data[node.start : node.start + 1]
        _read(
            source, region.file, region.data, "html", *inner, forbidden=region.forbidden + quote + b"\\$\n", holes=holes
        )


def _flatten(tree: "Tree", *, shift: int, start: int, end: int) -> tuple[list[Node], int]:
    """The tree as a list, without recursion: hostile pages nest as deep as they are long."""
    nodes: list[Node] = []
    errors = 0
    cursor = tree.walk()
    parent: Node | None = None
    while True:
        found = cursor.node
        assert found is not None
        node = Node(
            found.type,
            min(max(found.start_byte + shift, start), end),
            min(max(found.end_byte + shift, start), end),
            parent,
            cursor.field_name,
        )
        errors += found.type == "ERROR" or found.is_missing
        nodes.append(node)
        if parent is not None:
            parent.children.append(node)
        if cursor.goto_first_child():
            parent = node
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return nodes, errors
            assert parent is not None
            parent = parent.parent


def _parse(language: Language, text: bytes) -> "Tree | None":
    """The tree; None where parsing would take much longer than any real page does.

    The budget counts tree-sitter's own steps, not time, so that the same text is always read or never. Comments that
    are not closed are counted first: each is sought to the end of the text, within a single step. So is what
    follows a colon of CSS, to the next brace or semicolon.
    """
    opening, closing = (b"<!--", b"-->") if language == "html" else (b"/*", b"*/")
    if text.count(opening, text.rfind(closing) + 1) > _MAX_UNCLOSED:
        return None
    if language == "css" and sum(run.count(b":") * len(run) for run in _CSS_RUN.findall(text)) > _MAX_CSS_LOOKAHEAD:
        return None
    if language == "html" and _is_too_deep(text):
        return None
    steps = 0
    most = 300 + len(text) // 15

    def is_too_much(_offset: int, _has_error: bool) -> bool:
        nonlocal steps
        steps += 1
        return steps > most

    parser = _parser(language)
    try:
        return parser.parse(lambda offset, _point: text[offset : offset + 65536], progress_callback=is_too_much)
    except ValueError:
        parser.reset()
        return None


def _is_too_deep(text: bytes) -> bool:
    """Whether thousands of elements stay open: the grammar looks through all of them at every tag."""
    depth = 0
    for tag in _TAG.finditer(text):
        depth += -1 if tag[1] else 1
        if depth > _MAX_OPEN:
            return True
    return False


@cache
def _parser(language: Language) -> "Parser":
    import tree_sitter

    if language == "html":
        import tree_sitter_html as grammar
    elif language == "css":
        import tree_sitter_css as grammar  # type: ignore[no-redef]
    else:
        import tree_sitter_javascript as grammar  # type: ignore[no-redef]
    return tree_sitter.Parser(tree_sitter.Language(grammar.language()))
