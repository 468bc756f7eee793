"""What operators ask of a script's tree."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from refine.perturb.degrade import Spot
from refine.perturb.source import Node, Region, Source

_LOOKED_AT = 4000
"""Bytes of a function's text that are searched; hostile pages nest functions as deep as they are long."""
_FUNCTIONS = (
    "arrow_function",
    "function_expression",
    "function_declaration",
    "method_definition",
    "generator_function",
)


class Call(NamedTuple):
    node: Node
    name: str
    """Of the function, or of the method after the last dot."""
    on: Node | None
    """What the method is called on."""
    arguments: list[Node]


def calls(source: Source) -> Iterator[tuple[Region, Call]]:
    for region in source.of("javascript"):
        for node in region.of("call_expression"):
            call = read_call(region, node)
            if call is not None:
                yield region, call


def read_call(region: Region, node: Node) -> Call | None:
    function, arguments = node.get("function"), node.get("arguments")
    if function is None or arguments is None or arguments.kind != "arguments":
        return None
    given = [child for child in arguments.children if child.kind not in ("(", ")", ",", "comment")]
    if function.kind == "identifier":
        return Call(node, region.text_of(function), None, given)
    name = function.get("property") if function.kind == "member_expression" else None
    if name is None:
        return None
    return Call(node, region.text_of(name), function.get("object"), given)


def string_value(region: Region, node: Node | None) -> str | None:
    """What a plain string literal says; None for anything else, and for one with escapes."""
    if node is None or node.kind != "string" or any(child.kind == "escape_sequence" for child in node.children):
        return None
    inner = node.first("string_fragment")
    return "" if inner is None else region.text_of(inner)


def fragment(node: Node) -> Node | None:
    """The text inside a plain string literal."""
    return node.first("string_fragment") if node.kind == "string" and len(node.children) == 3 else None


def property_name(region: Region, node: Node | None) -> str:
    """The name after the last dot of `a.b.c`; empty for anything else."""
    name = node.get("property") if node is not None and node.kind == "member_expression" else None
    return "" if name is None else region.text_of(name)


def enclosing_name(region: Region, node: Node) -> str:
    """The name of the nearest named function around a node; empty where there is none."""
    for above in node.above():
        if above.kind in ("function_declaration", "method_definition", "generator_function_declaration"):
            name = above.get("name")
            return "" if name is None else region.text_of(name)
        if above.kind in ("arrow_function", "function_expression") and above.parent is not None:
            holder = above.parent
            name = holder.get("name") or holder.get("key") or holder.get("left")
            if name is not None and holder.kind in ("variable_declarator", "pair", "assignment_expression"):
                return property_name(region, name) or region.head_of(name)
    return ""


def is_in_function(node: Node) -> bool:
    return any(above.kind in _FUNCTIONS for above in node.above())


def text_of_handler(region: Region, node: Node) -> str:
    """The beginning of a handler's text, looked up once where it is named."""
    if node.kind == "identifier":
        name = region.bytes_of(node)
        found = re.search(rb"(?:function\s+%b\b|\b%b\s*=)" % (re.escape(name), re.escape(name)), region.data)
        return (
            "" if found is None else region.data[found.start() : found.start() + _LOOKED_AT].decode("utf-8", "replace")
        )
    return region.data[node.start : min(node.end, node.start + _LOOKED_AT)].decode("utf-8", "replace")


def plain_name(node: Node) -> bool:
    """Whether reading it twice does nothing: names and dots, no calls."""
    return node.kind in ("identifier", "this", "property_identifier") or (
        node.kind == "member_expression"
        and all(
            part.kind in ("identifier", "this", "property_identifier", ".", "member_expression")
            for part in node.below()
        )
    )


def statements(source: Source, *kinds: str) -> Iterator[tuple[Region, Node]]:
    """The expressions of these kinds that stand as statements of their own."""
    for region in source.of("javascript"):
        for node in region.of(*kinds):
            if node.parent is not None and node.parent.kind == "expression_statement":
                yield region, node


def spots(found: Iterator[tuple[Region, Node]], how: str = "") -> Iterator[Spot]:
    for region, node in found:
        yield Spot(region, node, how)
