"""Operators on whom a page shuts out, and on how long it takes."""

import itertools
import random
import re
from collections.abc import Iterator

from refine.perturb._look import between, chosen_rule, where
from refine.perturb._script import calls, fragment, property_name, statements, text_of_handler
from refine.perturb._style import rules
from refine.perturb.degrade import Change, Operator, Spot, each_node, insert, operator_like, replace
from refine.perturb.edits import ByteEdit
from refine.perturb.source import Node, Region, Source, attribute_value

_CONTROLS = ("input", "select", "textarea")
_NAMED = frozenset({"button", "input", "select", "textarea", "a", "canvas", "svg", "div", "section", "nav", "ul"})
_BUTTON = re.compile(r"button|btn|\.tab\b|control|key\b|chip|toggle", re.IGNORECASE)
_FOCUSABLE = re.compile(
    r"(?:^|[\s,])(?:button|input|select|textarea|a|\*|\.[\w-]*(?:btn|button|input)[\w-]*)(?=[\s,.\[]|$)"
)
_OLD_KEYS = {
    "ArrowUp": "Up",
    "ArrowDown": "Down",
    "ArrowLeft": "Left",
    "ArrowRight": "Right",
    "Escape": "Esc",
    "Delete": "Del",
    " ": "Spacebar",
    "Enter": "Return",
    "Space": "Spacebar",
}
"""What browsers before 2016 called them: mistakes that people still make."""
_KEYED = ("key", "code")
_LATE = ("click", "input", "change", "keydown", "keyup", "pointerdown", "mousedown", "touchstart")
_NOT_LATER = re.compile(
    r"preventDefault|stopPropagation|currentTarget|dataTransfer|return\s+false|\bfunction\b[^{]*\{[^}]*\bthis\b"
)
_MAX_LISTENERS = 300


# --- Names for those who cannot see ---------------------------------------------------------------------------------


def _attributes(region: Region, tag: Node) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for child in tag.children[:100]:
        name = child.first("attribute_name") if child.kind == "attribute" else None
        if name is not None:
            found.setdefault(region.text_of(name).lower(), child)
    return found


def _tag_name(region: Region, tag: Node) -> str:
    name = tag.first("tag_name")
    return "" if name is None else region.text_of(name).lower()


def _find_labels(source: Source) -> Iterator[Spot]:
    for region, tag in each_node(source.of("html"), "start_tag", "self_closing_tag"):
        name, attributes = _tag_name(region, tag), _attributes(region, tag)
        if "aria-label" in attributes and name in _NAMED:
            yield Spot(region, attributes["aria-label"], "attribute")
        element = tag.parent
        end = element.first("end_tag") if element is not None else None
        if name == "label" and element is not None and end is not None and end.first("tag_name") is not None:
            if "for" in attributes:
                yield Spot(region, attributes["for"], "for")
            elif any(_tag_name(region, each) in _CONTROLS for child in element.children for each in child.children):
                yield Spot(region, tag, "around", (end,))
    for region, node in each_node(source.of("javascript"), "jsx_attribute"):
        named = node.first("property_identifier")
        if named is not None and region.text_of(named) in ("htmlFor", "aria-label"):
            yield Spot(region, node, "attribute")
    for region, call in calls(source):
        if call.name == "setAttribute" and call.arguments:
            inner = fragment(call.arguments[0])
            if inner is not None and region.bytes_of(inner) == b"aria-label":
                yield Spot(region, inner, "set")


def _unlabel(spot: Spot, strength: float, rng: random.Random) -> Change | None:
    del strength, rng
    region = spot.region
    if spot.how == "attribute":
        return Change((_without(region, spot.node),))
    if spot.how == "for":
        name = spot.node.first("attribute_name")
        return None if name is None else Change((replace(region, name, "data-for"),))
    if spot.how == "set":
        return Change((replace(region, spot.node, "data-label"),))
    names = [tag.first("tag_name") for tag in (spot.node, *spot.more)]
    return Change(tuple(replace(region, name, "span") for name in names if name is not None))


def _without(region: Region, attribute: Node) -> ByteEdit:
    """An attribute and the white space before it taken away."""
    start = attribute.start
    while start > 0 and region.data[start - 1 : start].isspace():
        start -= 1
    if region.data[attribute.end : attribute.end + 1] not in (b" ", b"\n", b"\t", b"\r", b">", b"/"):
        start = attribute.start
    return ByteEdit(file=region.file, start=start, old=region.data[start : attribute.end], new=b"")


def _find_pictures(source: Source) -> Iterator[Spot]:
    for region, tag in each_node(source.of("html"), "start_tag", "self_closing_tag"):
        attributes = _attributes(region, tag)
        alt = attributes.get("alt")
        if alt is not None and _tag_name(region, tag) == "img" and attribute_value(alt) is not None:
            yield Spot(region, alt, "alt")
        label, role = attributes.get("aria-label"), attributes.get("role")
        value = attribute_value(role) if role is not None else None
        if label is not None and value is not None and region.bytes_of(value) == b"img":
            yield Spot(region, label, "label")
    for region, node in each_node(source.of("javascript"), "jsx_attribute"):
        named = node.first("property_identifier")
        if named is not None and region.bytes_of(named) == b"alt":
            yield Spot(region, node, "alt")
    for region, node in statements(source, "assignment_expression"):
        left = node.get("left")
        if property_name(region, left) == "alt" and left is not None and (name := left.get("property")) is not None:
            yield Spot(region, name, "script")


def _undescribe(spot: Spot, strength: float, rng: random.Random) -> Change:
    del strength, rng
    if spot.how == "script":
        return Change((replace(spot.region, spot.node, "dataset.alt"),))
    return Change((_without(spot.region, spot.node),))


# --- Focus, targets, keys -------------------------------------------------------------------------------------------


def _find_focus(source: Source) -> Iterator[Spot]:
    for rule in rules(source):
        if ":focus" in rule.selector:
            for each in rule.declarations:
                if each.name in ("outline", "outline-width") and rule.text(each) not in ("none", "0"):
                    yield Spot(rule.region, each.node, "rule")
        elif _FOCUSABLE.search(rule.selector) and ":" not in rule.selector and not rule.has("outline"):
            yield Spot(rule.region, rule.node, "control")


def _hide_focus(spot: Spot, strength: float, rng: random.Random) -> Change:
    del strength, rng
    rule, declaration = chosen_rule(spot)
    if declaration is None:
        return Change((rule.with_more("outline: none"),))
    return Change((rule.with_value(declaration, "0" if declaration.name == "outline-width" else "none"),))


def _find_targets(source: Source) -> Iterator[Spot]:
    for rule in rules(source):
        is_button = _BUTTON.search(rule.selector) and ":" not in rule.selector
        if is_button and rule.has("padding", "height", "width", "min-height", "min-width", "font-size"):
            yield Spot(rule.region, rule.node)


def _shrink_target(spot: Spot, strength: float, rng: random.Random) -> Change:
    """From 22 down to 10 CSS pixels high; WCAG 2.2 asks for 24."""
    del rng
    rule, _ = chosen_rule(spot)
    height = round(between(strength, 22, 10))
    more = f"min-height: 0; max-height: {height}px; padding: 0 2px; font-size: {max(height - 5, 7)}px; line-height: 1"
    return Change((rule.with_more(more),), f"{where(rule)} is too small to hit.")


def _find_keys(source: Source) -> Iterator[Spot]:
    for region, node in each_node(source.of("javascript"), "binary_expression"):
        left, right, sign = node.get("left"), node.get("right"), node.get("operator")
        if left is None or right is None or sign is None or region.bytes_of(sign) not in (b"===", b"=="):
            continue
        inner = fragment(right)
        if inner is not None and property_name(region, left) in _KEYED:
            yield Spot(region, inner)
    for region, node in each_node(source.of("javascript"), "switch_statement"):
        value = node.get("value")
        inside = value.children[1] if value is not None and len(value.children) == 3 else None
        body = node.get("body")
        if property_name(region, inside) not in _KEYED or body is None:
            continue
        for case in body.children[:200]:
            label = case.get("value") if case.kind == "switch_case" else None
            inner = fragment(label) if label is not None else None
            if inner is not None:
                yield Spot(region, inner)
    for region, tag in each_node(source.of("html"), "start_tag"):
        held = _attributes(region, tag).get("tabindex")
        inner = attribute_value(held) if held is not None else None
        if inner is not None and region.bytes_of(inner) == b"0":
            yield Spot(region, inner, "tabindex")


def _break_key(spot: Spot, strength: float, rng: random.Random) -> Change:
    del strength, rng
    key = spot.region.text_of(spot.node)
    if spot.how == "tabindex":
        return Change((replace(spot.region, spot.node, "-1"),), "Something cannot be reached by keyboard.")
    name = "space" if key == " " else key[:20]
    return Change((replace(spot.region, spot.node, _OLD_KEYS.get(key, "F13")),), f"The key “{name}” does nothing.")


ACCESSIBILITY: tuple[Operator, ...] = (
    operator_like("missing_label", _find_labels, _unlabel, notice="A control has no name a screen reader could read."),
    operator_like("missing_alt", _find_pictures, _undescribe, notice="A picture has no text for those who cannot see."),
    operator_like("no_focus", _find_focus, _hide_focus),
    operator_like(
        "small_target",
        _find_targets,
        _shrink_target,
        scale=(0.05, 0.15),
        notice="A control is too small.",
        shows_in=frozenset({"accessibility", "look"}),
    ),
    operator_like(
        "no_keyboard",
        _find_keys,
        _break_key,
        notice="A key does nothing.",
        shows_in=frozenset({"behaviour", "accessibility"}),
    ),
)


# --- Latency --------------------------------------------------------------------------------------------------------


def _find_reactions(source: Source) -> Iterator[Spot]:
    seen = 0
    for region, call in calls(source):
        if call.name == "requestAnimationFrame" and len(call.arguments) == 1:
            yield Spot(region, call.node, "frame")
        if call.name != "addEventListener" or len(call.arguments) < 2:
            continue
        name = fragment(call.arguments[0])
        seen += 1
        if seen > _MAX_LISTENERS:
            return
        is_late = name is not None and region.text_of(name) in _LATE
        if is_late and not _NOT_LATER.search(text_of_handler(region, call.arguments[1])):
            yield Spot(region, call.arguments[1], "handler")
    for region, node in each_node(source.of("javascript"), "jsx_attribute"):
        name, value = node.first("property_identifier"), node.first("jsx_expression")
        if name is None or value is None or len(value.children) != 3 or region.text_of(name) != "onClick":
            continue
        if not _NOT_LATER.search(text_of_handler(region, value.children[1])):
            yield Spot(region, value.children[1], "handler")
    for region, node in each_node(source.of("html"), "attribute"):
        name, value = node.first("attribute_name"), attribute_value(node)
        if name is None or value is None or node.first("quoted_attribute_value") is None:
            continue
        if region.text_of(name).lower() not in ("onclick", "oninput", "onchange"):
            continue
        if not re.search(r"\b(?:this|event|return)\b", region.head_of(value)):
            yield Spot(region, value, "attribute")


def _delay(spot: Spot, strength: float, rng: random.Random) -> Change:
    """An action takes effect 0.25 to 2 seconds late; an animation shows a few frames a second."""
    del rng
    region, node = spot.region, spot.node
    late = round(between(strength, 250, 2000), -1)
    if spot.how == "frame":
        wait = round(between(strength, 40, 250))
        before, after = "setTimeout(() => ", f", {wait})"
        return Change((insert(region, node.start, before), insert(region, node.end, after)), "The animation stutters.")
    notice = f"It reacts {late / 1000:g} s late."
    if spot.how == "attribute":
        edits = insert(region, node.start, "setTimeout(() => { "), insert(region, node.end, f" }}, {late:g})")
    else:
        edits = (
            insert(region, node.start, "(...args) => setTimeout(() => ("),
            insert(region, node.end, f")(...args), {late:g})"),
        )
    return Change(edits, notice)


def _find_starts(source: Source) -> Iterator[Spot]:
    for region, call in calls(source):
        if call.name == "addEventListener" and len(call.arguments) >= 2:
            name = fragment(call.arguments[0])
            is_start = name is not None and region.bytes_of(name) in (b"load", b"DOMContentLoaded")
            if is_start and not _NOT_LATER.search(text_of_handler(region, call.arguments[1])):
                yield Spot(region, call.arguments[1], "handler")
        around = [above.kind for above in itertools.islice(call.node.above(), 2)]
        is_plain = call.name not in ("addEventListener", "setInterval", "setTimeout") and not region.is_attribute
        if around == ["expression_statement", "program"] and is_plain:
            yield Spot(region, call.node, "call")
    for region, node in each_node(source.of("javascript"), "assignment_expression"):
        left, right = node.get("left"), node.get("right")
        if property_name(region, left) == "onload" and right is not None:
            yield Spot(region, right, "handler")


def _start_late(spot: Spot, strength: float, rng: random.Random) -> Change:
    """The page comes to life three to eight seconds late; before that, the probe has not looked yet."""
    del rng
    region, node = spot.region, spot.node
    late = round(between(strength, 3000, 8000), -2)
    if spot.how == "call":
        edits = insert(region, node.start, "setTimeout(() => "), insert(region, node.end, f", {late:g})")
    else:
        edits = (
            insert(region, node.start, "(...args) => setTimeout(() => ("),
            insert(region, node.end, f")(...args), {late:g})"),
        )
    return Change(edits, f"Part of the page comes {late / 1000:g} s late.")


LATENCY: tuple[Operator, ...] = (
    operator_like("lag", _find_reactions, _delay, scale=(0.06, 0.28)),
    operator_like(
        "slow_start",
        _find_starts,
        _start_late,
        scale=(0.06, 0.24),
        notice="The page starts late.",
        shows_in=frozenset({"latency", "content", "look"}),
    ),
)
