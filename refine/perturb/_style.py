"""What operators ask of style sheets."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from refine.perturb._colors import WHITE, Color, first_color, parse_color
from refine.perturb.degrade import insert
from refine.perturb.edits import ByteEdit
from refine.perturb.source import Node, Region, Source

_CANVAS = re.compile(r"(?:^|[\s,])(?:html|body|:root)(?=[\s,{]|$)")
_LENGTH = re.compile(r"(-?\d*\.?\d+)(px|rem|em|vw|vh|%|pt|ch)?$")
_PX = {"px": 1.0, "rem": 16.0, "em": 16.0, "pt": 4 / 3, "ch": 8.0}
_VAR = re.compile(r"var\(\s*(--[\w-]+)")
_MAX_DECLARATIONS = 500


@dataclass(frozen=True, slots=True, eq=False)
class Declaration:
    node: Node
    name: str
    values: list[Node]
    """Without `!important`."""

    @property
    def start(self) -> int:
        return self.values[0].start

    @property
    def end(self) -> int:
        return self.values[-1].end


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rule of a style sheet, or a style attribute, whose selector is empty."""

    region: Region
    node: Node
    block: Node
    selector: str
    declarations: list[Declaration]

    def value(self, name: str) -> str | None:
        return next((self.text(each) for each in reversed(self.declarations) if each.name == name), None)

    def text(self, declaration: Declaration) -> str:
        return self.region.data[declaration.start : declaration.end].decode("utf-8", "replace")

    def has(self, *names: str) -> bool:
        return any(each.name in names for each in self.declarations)

    def with_value(self, declaration: Declaration, new: str) -> ByteEdit:
        start, end = declaration.start, declaration.end
        return ByteEdit(file=self.region.file, start=start, old=self.region.data[start:end], new=new.encode())

    def with_more(self, text: str) -> ByteEdit:
        """Declarations put last, where they win over their siblings. `text` ends without a semicolon."""
        last = self.block.children[-1] if self.block.children else self.block
        at = last.start if last.kind == "}" else self.block.end
        before = self.region.data[self.block.start : at].rstrip()
        is_open = not before or before[-1:] in (b"{", b";") or (self.region.is_attribute and not before)
        return insert(self.region, at, f"{'' if is_open else ';'}{text};")


def rules(source: Source) -> Iterator[Rule]:
    """Every rule that parses, outside keyframes."""
    for region in source.of("css"):
        for node in region.of("rule_set"):
            rule = read_rule(region, node)
            if rule is not None:
                yield rule


def read_rule(region: Region, node: Node) -> Rule | None:
    block = node.first("block")
    if block is None or any(child.kind == "ERROR" for child in (*node.children, *block.children[:_MAX_DECLARATIONS])):
        return None
    selectors = node.first("selectors")
    selector = "" if region.is_attribute or selectors is None else " ".join(region.head_of(selectors).split())
    declarations = [
        declaration
        for child in block.children[:_MAX_DECLARATIONS]
        if child.kind == "declaration" and (declaration := _declaration(region, child)) is not None
    ]
    return Rule(region, node, block, selector, declarations)


def _declaration(region: Region, node: Node) -> Declaration | None:
    name = node.first("property_name")
    values = [child for child in node.children if child.kind not in ("property_name", ":", ";", "important")]
    if name is None or not values or any(value.kind == "ERROR" for value in values):
        return None
    return Declaration(node, region.text_of(name).lower(), values)


def pixels(text: str) -> float | None:
    """A length in CSS pixels, where that does not depend on where it stands; rem and em as 16."""
    found = _LENGTH.match(text.strip())
    if found is None or (found[2] not in _PX):
        return None
    return float(found[1]) * _PX[found[2]]


def scaled(text: str, factor: float) -> str | None:
    """A length or a plain number times `factor`, in its own unit; None for anything else."""
    found = _LENGTH.match(text.strip())
    return None if found is None else f"{float(found[1]) * factor:.4g}{found[2] or ''}"


class Palette:
    """Which colours stand on which: custom properties looked up once, and the ground of the whole page."""

    def __init__(self, sheet: list[Rule]) -> None:
        self._named = {
            each.name: rule.text(each) for rule in sheet for each in rule.declarations if each.name[:2] == "--"
        }
        self.ground = WHITE
        for rule in sheet:
            if _CANVAS.search(rule.selector):
                self.ground = self.background(rule) or self.ground

    def color(self, text: str) -> Color | None:
        """A colour, or the custom property that names one."""
        for _ in range(3):
            named = _VAR.match(text.strip())
            if named is None:
                return parse_color(text)
            text = self._named.get(named[1], "")
        return None

    def background(self, rule: Rule) -> Color | None:
        text = rule.value("background-color") or rule.value("background")
        return None if text is None else self.color(text) or first_color(text)
