"""Operators on what a page does."""

import random
import re
from collections.abc import Iterator

from refine.perturb._script import (
    calls,
    enclosing_name,
    fragment,
    is_in_function,
    plain_name,
    property_name,
    read_call,
    statements,
    string_value,
)
from refine.perturb.degrade import Change, Operator, Spot, each_node, operator_like, replace
from refine.perturb.source import Node, Region, Source

_POINTED = ("click", "submit", "input", "change", "pointerdown", "mousedown", "touchstart", "pointerup", "mouseup")
_ON = re.compile(r"on(?:click|submit|input|change|pointerdown|mousedown|touchstart|pointerup|mouseup)", re.IGNORECASE)
_STARTS_AFRESH = re.compile(r"reset|restart|clear|start|begin|init|new|again", re.IGNORECASE)
_SETTER = re.compile(r"set[A-Z]")
_PROGRESS = re.compile(r"progress|meter|bar", re.IGNORECASE)
_OPPOSITE = {
    "===": "!==",
    "!==": "===",
    "==": "!=",
    "!=": "==",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
}
_SWAPPED = {"+": "-", "-": "+", "*": "/", "/": "*", "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*="}


# --- A control that does nothing ------------------------------------------------------------------------------------


def _find_handlers(source: Source) -> Iterator[Spot]:
    for region, call in calls(source):
        if call.name == "addEventListener" and len(call.arguments) > 1:
            name = fragment(call.arguments[0])
            if name is not None and region.text_of(name) in _POINTED:
                yield Spot(region, name, "listener")
    for region, node in each_node(source.of("javascript"), "assignment_expression"):
        left = node.get("left")
        name = left.get("property") if left is not None and left.kind == "member_expression" else None
        if name is not None and _ON.fullmatch(region.text_of(name)):
            yield Spot(region, name, "property")
    for region, node in each_node(source.of("javascript"), "jsx_attribute"):
        name = node.first("property_identifier")
        if name is not None and region.text_of(name) == "onClick":
            yield Spot(region, name, "jsx")
    for region, node in each_node(source.of("html"), "attribute_name"):
        if _ON.fullmatch(region.text_of(node)):
            yield Spot(region, node, "attribute")


def _kill_handler(spot: Spot, strength: float, rng: random.Random) -> Change:
    """Mistakes that people make: `onclick` as the name of an event, `onClick` as that of a property."""
    del strength, rng
    name = spot.region.text_of(spot.node)
    if spot.how == "listener":
        new = f"on{name}"
    elif spot.how == "property":
        new = f"on{name[2].upper()}{name[3:]}"
    else:
        new = "onDoubleClick" if spot.how == "jsx" else f"data-{name}"
    return Change((replace(spot.region, spot.node, new),))


# --- Loops, sums, checks --------------------------------------------------------------------------------------------


def _find_loops(source: Source) -> Iterator[Spot]:
    for region, node in each_node(source.of("javascript"), "for_statement"):
        start = node.get("initializer")
        declared = start.first("variable_declarator") if start is not None else None
        value = declared.get("value") if declared is not None else None
        condition = node.get("condition")
        if value is None or condition is None or region.bytes_of(value) != b"0":
            continue
        yield Spot(region, value, "first")
        operator, right = condition.get("operator"), condition.get("right")
        if operator is not None and right is not None and region.bytes_of(operator) == b"<":
            yield Spot(region, right, "last")
    for region, call in calls(source):
        if call.name == "slice" and call.arguments and region.bytes_of(call.arguments[0]) == b"0":
            yield Spot(region, call.arguments[0], "first")


def _shift_loop(spot: Spot, strength: float, rng: random.Random) -> Change:
    del strength, rng
    if spot.how == "first":
        return Change((replace(spot.region, spot.node, "1"),))
    text = spot.region.text_of(spot.node)
    return Change((replace(spot.region, spot.node, f"{text} - 1"),), "The last of several things is missing.")


def _is_number(region: Region, node: Node | None) -> bool:
    """A literal, or one in a product of them; not an index of nought or one."""
    return node is not None and node.kind == "number" and region.bytes_of(node) not in (b"0", b"1")


def _find_sums(source: Source) -> Iterator[Spot]:
    for region, node in each_node(source.of("javascript"), "binary_expression", "augmented_assignment_expression"):
        operator, left, right = node.get("operator"), node.get("left"), node.get("right")
        if operator is None or left is None or right is None:
            continue
        sign = region.text_of(operator)
        is_sum = sign in ("*", "/", "-", "*=", "/=", "-=") or _is_number(region, left) or _is_number(region, right)
        if sign in _SWAPPED and is_sum and not _has_text(left) and not _has_text(right):
            yield Spot(region, operator, "sign")
            number = right if _is_number(region, right) else left
            if _is_number(region, number):
                yield Spot(region, number, "number")


def _has_text(node: Node) -> bool:
    return node.kind in ("string", "template_string") or any(
        child.kind in ("string", "template_string") for child in node.children
    )


def _miscalculate(spot: Spot, strength: float, rng: random.Random) -> Change | None:
    del strength
    text = spot.region.text_of(spot.node)
    if spot.how == "sign":
        return Change((replace(spot.region, spot.node, _SWAPPED[text]),))
    try:
        value = float(text)
    except ValueError:  # hexadecimal, 1_000, a BigInt
        return None
    factor = rng.choice((0.1, 0.5, 2, 10))
    return Change((replace(spot.region, spot.node, f"{value * factor:.12g}"),))


def _find_checks(source: Source) -> Iterator[Spot]:
    for region, node in each_node(source.of("javascript"), "binary_expression"):
        operator = node.get("operator")
        if operator is not None and region.text_of(operator) in _OPPOSITE and _is_condition(node):
            yield Spot(region, operator, "comparison")
    for region, node in each_node(source.of("javascript"), "unary_expression"):
        operator = node.get("operator")
        if operator is not None and region.bytes_of(operator) == b"!" and _is_condition(node):
            yield Spot(region, operator, "negation")
    for region, node in each_node(source.of("javascript"), "if_statement", "ternary_expression"):
        condition = node.get("condition")
        if condition is not None and condition.kind == "parenthesized_expression" and len(condition.children) == 3:
            condition = condition.children[1]
        if condition is not None and condition.kind in ("identifier", "member_expression", "call_expression"):
            yield Spot(region, condition, "truth")


def _is_condition(node: Node) -> bool:
    """Whether something is decided by it: an `if`, a choice, or what a filter returns; loops would never end."""
    for above in node.above():
        if above.kind in ("if_statement", "ternary_expression", "return_statement", "arrow_function"):
            return True
        if above.kind not in ("parenthesized_expression", "binary_expression", "unary_expression"):
            return False
    return False


def _invert_check(spot: Spot, strength: float, rng: random.Random) -> Change:
    del strength, rng
    text = spot.region.text_of(spot.node)
    if spot.how == "comparison":
        return Change((replace(spot.region, spot.node, _OPPOSITE[text]),))
    return Change((replace(spot.region, spot.node, "" if spot.how == "negation" else f"!{text}"),))


# --- State ----------------------------------------------------------------------------------------------------------


def _find_resets(source: Source) -> Iterator[Spot]:
    for region, node in statements(source, "assignment_expression"):
        left, right = node.get("left"), node.get("right")
        if left is None or right is None or not plain_name(left):
            continue
        is_empty = region.bytes_of(right) in (b"0", b"[]", b'""', b"''", b"false", b"null", b"{}", b"1")
        if is_empty and _STARTS_AFRESH.search(enclosing_name(region, node)):
            yield Spot(region, right, "", (left,))


def _keep_state(spot: Spot, strength: float, rng: random.Random) -> Change:
    del strength, rng
    return Change((replace(spot.region, spot.node, spot.region.bytes_of(spot.more[0])),))


def _find_counts(source: Source) -> Iterator[Spot]:
    for region, node in statements(source, "update_expression"):
        argument, operator = node.get("argument"), node.get("operator")
        if argument is not None and operator is not None and is_in_function(node):
            yield Spot(region, node, "step", (argument, operator))
    for region, node in statements(source, "augmented_assignment_expression"):
        right = node.get("right")
        if right is not None and region.bytes_of(right) == b"1" and is_in_function(node):
            yield Spot(region, right, "one")
    for region, node in each_node(source.of("javascript"), "binary_expression"):
        right, sign = node.get("right"), node.get("operator")
        if right is None or sign is None or region.bytes_of(right) != b"1" or region.bytes_of(sign) != b"+":
            continue
        for above in node.above():
            if above.kind == "call_expression":
                call = read_call(region, above)
                if call is not None and _SETTER.match(call.name):
                    yield Spot(region, right, "one")
                break


def _count_twice(spot: Spot, strength: float, rng: random.Random) -> Change:
    del strength, rng
    if spot.how == "one":
        return Change((replace(spot.region, spot.node, "2"),))
    argument, operator = spot.more
    sign = spot.region.text_of(operator)[0]
    return Change((replace(spot.region, spot.node, f"{spot.region.text_of(argument)} {sign}= 2"),))


# --- What is told ---------------------------------------------------------------------------------------------------


def _find_messages(source: Source) -> Iterator[Spot]:
    for region, node in statements(source, "assignment_expression"):
        left = node.get("left")
        name = left.get("property") if left is not None and left.kind == "member_expression" else None
        if name is not None and region.bytes_of(name) in (b"textContent", b"innerText") and is_in_function(node):
            yield Spot(region, name)


def _silence(spot: Spot, strength: float, rng: random.Random) -> Change:
    del strength, rng
    return Change((replace(spot.region, spot.node, "dataset.text"),))


def _find_progress(source: Source) -> Iterator[Spot]:
    for region, node in each_node(source.of("javascript"), "assignment_expression"):
        left, right = node.get("left"), node.get("right")
        if left is None or right is None or left.kind != "member_expression":
            continue
        name, on = property_name(region, left), left.get("object")
        if name == "width" and property_name(region, on) == "style":
            share = _percentage(region, right)
            if share is not None:
                yield Spot(region, share, "width")
        elif name == "value" and on is not None and _PROGRESS.search(region.head_of(on)):
            yield Spot(region, right, "value", (on,))


def _percentage(region: Region, node: Node) -> Node | None:
    """The number in `${number}%` or `number + "%"`."""
    if node.kind == "template_string":
        holes = [child for child in node.children if child.kind == "template_substitution"]
        if len(holes) == 1 and region.bytes_of(node).endswith(b"}%`") and len(holes[0].children) == 3:
            return holes[0].children[1] if holes[0].start == node.start + 1 else None
    if node.kind == "binary_expression" and string_value(region, node.get("right")) == "%":
        left = node.get("left")
        return None if left is None or _has_text(left) else left
    return None


def _run_backwards(spot: Spot, strength: float, rng: random.Random) -> Change:
    del strength, rng
    text = spot.region.text_of(spot.node)
    whole = "100" if spot.how == "width" else f"{spot.region.text_of(spot.more[0])}.max"
    return Change((replace(spot.region, spot.node, f"{whole} - ({text})"),))


BEHAVIOUR: tuple[Operator, ...] = (
    operator_like("dead_handler", _find_handlers, _kill_handler, notice="A control does nothing."),
    operator_like("off_by_one", _find_loops, _shift_loop),
    operator_like("arithmetic", _find_sums, _miscalculate),
    operator_like("inverted_check", _find_checks, _invert_check),
    operator_like("stale_state", _find_resets, _keep_state, notice="Starting again keeps old values."),
    operator_like("double_count", _find_counts, _count_twice, notice="Something is counted twice."),
    operator_like("silent_feedback", _find_messages, _silence, notice="A text is not updated."),
    operator_like("wrong_progress", _find_progress, _run_backwards),
)
