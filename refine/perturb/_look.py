"""Operators on how a page looks."""

import random
import re
from collections.abc import Iterator

from refine.perturb._colors import WHITE, fade, hex_of
from refine.perturb._script import fragment, property_name
from refine.perturb._style import Declaration, Palette, Rule, pixels, read_rule, rules, scaled
from refine.perturb.degrade import Change, Operator, Spot, each_node, operator_like, replace
from refine.perturb.edits import ByteEdit
from refine.perturb.source import Node, Source

_BODY = re.compile(r"(?:^|,\s*)(?:html|body|\*|:root)\b|^\*$")
_CONTAINER = re.compile(r"body|main|container|wrapper|app\b|card|panel|content|section", re.IGNORECASE)
_SIDES = ("-top", "-bottom", "-left", "-right")
_GAPS = frozenset(
    {"gap", "row-gap", "column-gap", *(f"{name}{side}" for name in ("padding", "margin") for side in ("", *_SIDES))}
)
_SIZES = ("font-size", "font")
_ASIDE = {"center": "flex-start", "space-between": "flex-start", "space-around": "flex-end", "left": "right"}
_LOUD = ("#ff00ea", "#ff2a00", "#00f53d", "#ffe600")
_SHEER = re.compile(r"rgba|hsla|/")
"""A colour that lets others through: how it contrasts depends on what is behind it."""
_VALUE = ("integer_value", "float_value")


def between(strength: float, weak: float, strong: float) -> float:
    return weak + (strong - weak) * strength


def chosen_rule(spot: Spot) -> tuple[Rule, Declaration | None]:
    """The rule of a spot, and the declaration where one was chosen."""
    node = spot.node
    holder = node if node.kind == "rule_set" else next(each for each in node.above() if each.kind == "rule_set")
    rule = read_rule(spot.region, holder)
    assert rule is not None  # it was read when the spot was found, and trees do not change
    return rule, next((each for each in rule.declarations if each.node is node), None)


def where(rule: Rule) -> str:
    return rule.selector[:60] or "one element"


# --- Contrast -------------------------------------------------------------------------------------------------------


def _find_colors(source: Source) -> Iterator[Spot]:
    sheet = list(rules(source))
    palette = Palette(sheet)
    used = {
        name
        for rule in sheet
        for each in rule.declarations
        if each.name == "color" and (found := re.match(r"var\(\s*(--[\w-]+)", rule.text(each)))
        for name in (found[1],)
    }
    for rule in sheet:
        ground = palette.background(rule) or palette.ground
        for each in rule.declarations:
            if each.name != "color" and each.name not in used:
                continue
            color = None if _SHEER.search(rule.text(each)) else palette.color(rule.text(each))
            if (
                color is not None
                and fade(color, ground, 3.5) is not None
                and rule.region.takes(each.start, each.end, b"")
            ):
                yield Spot(rule.region, each.node, "style:" + hex_of(color) + hex_of(ground))
        if _BODY.search(rule.selector) and "*" not in rule.selector and not rule.has("color"):
            yield Spot(rule.region, rule.node, "style:#000000" + hex_of(ground))
    for region, node in each_node(source.of("javascript"), "assignment_expression"):
        left, right = node.get("left"), node.get("right")
        if property_name(region, left) in ("fillStyle", "strokeStyle", "color") and right is not None:
            inner = fragment(right)
            is_sheer = inner is None or _SHEER.search(region.head_of(inner))
            color = None if is_sheer or inner is None else palette.color(region.text_of(inner))
            if inner is not None and color is not None and fade(color, palette.ground, 3.5) is not None:
                yield Spot(region, inner, "script:" + hex_of(color) + hex_of(palette.ground))


def _fade_color(spot: Spot, strength: float, rng: random.Random) -> Change | None:
    """Contrast falls to 3 at the least, to 1.25 at the most; 4.5 is what WCAG asks of text."""
    del rng
    from refine.perturb._colors import parse_color

    kind, _, both = spot.how.partition(":")
    color, ground = parse_color(both[:7]), parse_color(both[7:])
    faded = fade(color or WHITE, ground or WHITE, between(strength, 3.0, 1.25))
    if faded is None:
        return None
    if kind == "script":
        return Change((replace(spot.region, spot.node, hex_of(faded)),), "Something drawn is too pale to see.")
    rule, declaration = chosen_rule(spot)
    if declaration is None:
        return Change((rule.with_more(f"color: {hex_of(faded)}"),))
    return Change((rule.with_value(declaration, hex_of(faded)),), f"The text of {where(rule)} is too pale to read.")


# --- Sizes and gaps -------------------------------------------------------------------------------------------------


def _numbers(rule: Rule, declaration: Declaration) -> list[tuple[Node, float]]:
    found = []
    for value in declaration.values:
        if value.kind in _VALUE:
            size = pixels(rule.region.text_of(value))
            if size is not None:
                found.append((value, size))
    return found


def _find_gaps(source: Source) -> Iterator[Spot]:
    for rule in rules(source):
        for each in rule.declarations:
            is_gap = each.name in _GAPS or each.name.startswith("--")
            if is_gap and any(size >= 8 for _, size in _numbers(rule, each)):
                if each.name.startswith("--") and not re.search(r"gap|space|pad|margin", each.name):
                    continue
                yield Spot(rule.region, each.node)


def _tighten(spot: Spot, strength: float, rng: random.Random) -> Change | None:
    del rng
    rule, declaration = chosen_rule(spot)
    if declaration is None:
        return None
    edits = _scale_all(rule, declaration, between(strength, 0.5, 0.0), least=4)
    return Change(edits, f"The spacing of {where(rule)} is too tight.") if edits else None


def _scale_all(rule: Rule, declaration: Declaration, factor: float, *, least: float) -> tuple[ByteEdit, ...]:
    edits = []
    for value, size in _numbers(rule, declaration):
        new = scaled(rule.region.text_of(value), factor)
        if size >= least and new is not None:
            edits.append(replace(rule.region, value, new))
    return tuple(edits)


def _find_sizes(source: Source) -> Iterator[Spot]:
    for rule in rules(source):
        for each in rule.declarations:
            if each.name in _SIZES and any(size >= 10 for _, size in _numbers(rule, each)):
                yield Spot(rule.region, each.node)
        if _BODY.search(rule.selector) and "*" not in rule.selector and not rule.has(*_SIZES):
            yield Spot(rule.region, rule.node, "whole")


def _shrink(spot: Spot, strength: float, rng: random.Random) -> Change | None:
    del rng
    rule, declaration = chosen_rule(spot)
    factor = between(strength, 0.8, 0.4)
    if declaration is None:
        return Change((rule.with_more(f"font-size: {16 * factor:.3g}px"),))
    first = _numbers(rule, declaration)[:1]
    new = scaled(rule.region.text_of(first[0][0]), factor) if first else None
    if new is None:
        return None
    return Change((replace(rule.region, first[0][0], new),), f"The text of {where(rule)} is too small.")


def _find_widths(source: Source) -> Iterator[Spot]:
    for rule in rules(source):
        for each in rule.declarations:
            numbers = _numbers(rule, each) if each.name == "max-width" else []
            if numbers and numbers[0][1] >= 300:
                yield Spot(rule.region, each.node)
        hides = "hidden" in (rule.value("overflow") or "", rule.value("overflow-x") or "")
        if _CONTAINER.search(rule.selector) and not rule.has("min-width") and not hides:
            yield Spot(rule.region, rule.node)


def _widen(spot: Spot, strength: float, rng: random.Random) -> Change:
    """From a little wider than a phone to wider than a desk."""
    del rng
    rule, declaration = chosen_rule(spot)
    new = f"min-width: {round(between(strength, 480, 1700))}px"
    notice = "The page is wider than a phone's screen." if strength < 0.6 else ""
    if declaration is None:
        return Change((rule.with_more(new),), notice)
    start, end = declaration.node.start, declaration.end
    old = rule.region.data[start:end]
    return Change((ByteEdit(file=rule.region.file, start=start, old=old, new=new.encode()),), notice)


# --- Out of line, loud ----------------------------------------------------------------------------------------------


def _find_boxes(source: Source) -> Iterator[Spot]:
    for rule in rules(source):
        for each in rule.declarations:
            is_keyword = each.name in ("text-align", "justify-content", "align-items")
            if is_keyword and rule.text(each) in _ASIDE:
                yield Spot(rule.region, each.node, "keyword")
        if _is_box(rule) and not rule.has("translate"):
            yield Spot(rule.region, rule.node, "nudge")


def _is_box(rule: Rule) -> bool:
    if not rule.selector or _BODY.search(rule.selector) or ":" in rule.selector:
        return False
    return rule.has("padding", "background", "background-color", "border", "border-radius", "display", "width")


def _displace(spot: Spot, strength: float, rng: random.Random) -> Change | None:
    rule, declaration = chosen_rule(spot)
    if declaration is None:
        by = round(between(strength, 6, 60)) * rng.choice((-1, 1))
        return Change((rule.with_more(f"translate: {by}px 0"),), f"{where(rule)} stands out of line.")
    aside = _ASIDE[rule.text(declaration)]
    if declaration.name == "text-align":
        aside = "right" if aside == "flex-start" else aside
    return Change((rule.with_value(declaration, aside),), f"The contents of {where(rule)} are out of line.")


def _find_frames(source: Source) -> Iterator[Spot]:
    for rule in rules(source):
        for each in rule.declarations:
            if each.name == "border" and rule.text(each) not in ("none", "0"):
                yield Spot(rule.region, each.node)
        if _is_box(rule) and rule.has("border-radius") and not rule.has("border"):
            yield Spot(rule.region, rule.node)


def _make_loud(spot: Spot, strength: float, rng: random.Random) -> Change:
    rule, declaration = chosen_rule(spot)
    border = f"{round(between(strength, 2, 14))}px dashed {rng.choice(_LOUD)}"
    notice = f"The borders of {where(rule)} are loud."
    if declaration is None:
        return Change((rule.with_more(f"border: {border}"),), notice)
    return Change((rule.with_value(declaration, border),), notice)


LOOK: tuple[Operator, ...] = (
    operator_like("contrast", _find_colors, _fade_color, scale=(0.08, 0.4)),
    operator_like("cramped", _find_gaps, _tighten, scale=(0.05, 0.15), notice="The spacing is too tight."),
    operator_like("overflow", _find_widths, _widen, scale=(0.06, 0.22)),
    operator_like("tiny_text", _find_sizes, _shrink, scale=(0.06, 0.24), notice="Text is too small."),
    operator_like("misaligned", _find_boxes, _displace, scale=(0.05, 0.25), notice="Something is out of line."),
    operator_like("garish", _find_frames, _make_loud, scale=(0.04, 0.16)),
)
