"""Operators on what a page says."""

import random
import re
from collections.abc import Iterator

from refine.perturb._script import fragment
from refine.perturb.degrade import Change, Operator, Spot, each_node, operator_like, replace, shown
from refine.perturb.source import Node, Region, Source

_NOT_READ = frozenset({"script", "style", "title", "head", "code", "pre", "noscript", "template", "textarea", "option"})
_WORD = re.compile(r"[A-Za-z]{5,}")
_NUMBER = re.compile(r"(?<![\w.,#-])\d{2,6}(?![\w#]|[.,]\d)")
_SENTENCE = re.compile(r"[A-Z][^<>{}=\\;$]{5,}")
_ANSWER = re.compile(r"(?:correct|right)?_?(?:answer|solution|correct|right)_?(?:index|key|id|option)?", re.IGNORECASE)
_CHOICES = re.compile(r"options|choices|answers|alternatives", re.IGNORECASE)
_FACTS = re.compile(r"year|date|population|height|length|distance|count|capacity|price|age|score|value", re.IGNORECASE)
_LATIN = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "
    "magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo."
)


def _texts(source: Source) -> Iterator[tuple[Region, Node]]:
    """Stretches of text that a person reads: in markup, JSX, and sentences in a script's strings."""
    for region, node in each_node(source.of("html"), "text"):
        if _tag_around(region, node) not in _NOT_READ and region.takes(node.start, node.end, b""):
            yield region, node
    for region in source.of("javascript"):
        yield from ((region, node) for node in region.of("jsx_text"))
        for node in region.of("string"):
            inner = fragment(node)
            if inner is not None and _SENTENCE.match(region.head_of(inner)) and not _is_said_to_nobody(region, node):
                yield region, inner


def _tag_around(region: Region, node: Node) -> str:
    element = node.parent
    tag = element.first("start_tag", "self_closing_tag") if element is not None else None
    name = tag.first("tag_name") if tag is not None else None
    return "" if name is None else region.text_of(name).lower()


def _is_said_to_nobody(region: Region, node: Node) -> bool:
    """In an error, or for the console."""
    for above in node.above():
        if above.kind in ("throw_statement", "import_statement", "new_expression"):
            return True
        if above.kind == "call_expression":
            return region.head_of(above).startswith(("console.", "require", "document.querySelector", "fetch"))
        if above.kind not in ("arguments", "binary_expression"):
            return False
    return False


# --- Misspelled, left over ------------------------------------------------------------------------------------------


def _find_words(source: Source) -> Iterator[Spot]:
    for region, node in _texts(source):
        if any(_swappable(word[0]) for word in _WORD.finditer(region.head_of(node))):
            yield Spot(region, node)


def _swappable(word: str) -> list[int]:
    """Where two letters inside a word can change places to be seen."""
    return (
        [at for at in range(1, len(word) - 2) if word[at].lower() != word[at + 1].lower()]
        if word.islower() or (word[1:].islower())
        else []
    )


def _misspell(spot: Spot, strength: float, rng: random.Random) -> Change | None:
    """Two neighbouring letters change places; in a stronger dose, in up to three words of the same text."""
    text = spot.region.text_of(spot.node)
    words = [word for word in _WORD.finditer(text) if _swappable(word[0])][:200]
    if not words:
        return None
    chosen = rng.sample(words, min(len(words), 1 + round(2 * strength)))
    letters = list(text)
    for word in chosen:
        at = word.start() + rng.choice(_swappable(word[0]))
        letters[at], letters[at + 1] = letters[at + 1], letters[at]
    new = "".join(letters)
    was, now = chosen[0][0], new[chosen[0].start() : chosen[0].end()]
    more = f", and {len(chosen) - 1} more" if len(chosen) > 1 else ""
    return Change((replace(spot.region, spot.node, new),), f"“{was}” is misspelled as “{now}”{more}.")


def _find_sentences(source: Source) -> Iterator[Spot]:
    for region, node in _texts(source):
        if node.end - node.start >= 12 and b" " in region.bytes_of(node):
            yield Spot(region, node)


def _leave_latin(spot: Spot, strength: float, rng: random.Random) -> Change:
    del strength, rng
    length = min(max(len(spot.region.text_of(spot.node)), 11), len(_LATIN))
    cut = _LATIN[:length].rsplit(" ", 1)[0].rstrip(",.") + "."
    return Change(
        (replace(spot.region, spot.node, cut),), f"Placeholder text stands for “{shown(spot.region, spot.node)}”."
    )


# --- Wrong facts ----------------------------------------------------------------------------------------------------


def _find_facts(source: Source) -> Iterator[Spot]:
    for region, node in _texts(source):
        if _NUMBER.search(region.head_of(node)):
            yield Spot(region, node, "text")
    for region, node in each_node(source.of("javascript"), "pair"):
        key, value = node.get("key"), node.get("value")
        if key is None or value is None or value.kind != "number":
            continue
        if _FACTS.search(region.head_of(key)) and re.fullmatch(rb"\d{2,9}", region.bytes_of(value)):
            yield Spot(region, value, "datum")


def _falsify(spot: Spot, strength: float, rng: random.Random) -> Change | None:
    text = spot.region.text_of(spot.node)
    numbers = list(_NUMBER.finditer(text))[:100] if spot.how == "text" else [re.fullmatch(r"\d+", text)]
    number = rng.choice(numbers) if numbers else None
    if number is None:
        return None
    was = number[0]
    now = _other_number(was, strength, rng)
    new = f"{text[: number.start()]}{now}{text[number.end() :]}"
    return Change((replace(spot.region, spot.node, new),), f"“{was}” has become “{now}”.")


def _other_number(text: str, strength: float, rng: random.Random) -> str:
    """As many digits; a year moves by 10 to 100 years, anything else by 15 to 60 %."""
    value = int(text)
    if len(text) == 4 and 1000 <= value <= 2100:
        by = round(10 + 90 * strength)
    else:
        by = max(1, round(value * (0.15 + 0.45 * strength)))
    moved = value - by if rng.random() < 0.5 or len(str(value + by)) > len(text) else value + by
    return str(moved).zfill(len(text))


# --- Wrong answers --------------------------------------------------------------------------------------------------


def _find_answers(source: Source) -> Iterator[Spot]:
    for region, node in each_node(source.of("javascript"), "object"):
        pairs = {
            region.head_of(key).strip("\"'"): value
            for pair in node.children[:200]
            if pair.kind == "pair" and (key := pair.get("key")) is not None and (value := pair.get("value")) is not None
        }
        choices = next((held for name, held in pairs.items() if _CHOICES.fullmatch(name)), None)
        if choices is None or choices.kind != "array":
            continue
        items = [child for child in choices.children if child.kind not in ("[", "]", ",", "comment")][:30]
        for name, held in pairs.items():
            if held is not choices and _ANSWER.fullmatch(name) and held.kind in ("number", "string"):
                yield Spot(region, held, held.kind, tuple(items))
        yield from _marked_choices(region, items)


def _marked_choices(region: Region, items: list[Node]) -> Iterator[Spot]:
    """`{text: "…", correct: true}` among others that are false."""
    marks = [
        value
        for item in items
        if item.kind == "object"
        for pair in item.children
        if pair.kind == "pair" and (key := pair.get("key")) is not None and (value := pair.get("value")) is not None
        if value.kind in ("true", "false") and _ANSWER.fullmatch(region.head_of(key).removeprefix("is").strip("\"'"))
    ]
    right = [mark for mark in marks if mark.kind == "true"]
    wrong = [mark for mark in marks if mark.kind == "false"]
    if len(right) == 1 and wrong:
        yield Spot(region, right[0], "marks", tuple(wrong))


def _mark_wrong(spot: Spot, strength: float, rng: random.Random) -> Change | None:
    del strength
    region, text = spot.region, spot.region.text_of(spot.node)
    if spot.how == "marks":
        other = rng.choice(spot.more)
        return Change((replace(region, spot.node, "false"), replace(region, other, "true")))
    if spot.how == "number":
        others = [str(index) for index in range(len(spot.more)) if str(index) != text]
        return Change((replace(region, spot.node, rng.choice(others)),)) if others and text.isdigit() else None
    said = [region.text_of(item) for item in spot.more if item.kind == "string"]
    others = [item for item in said if item[1:-1] != text[1:-1]]
    if len(others) == len(said) or not others:  # a key into something else
        return None
    return Change((replace(region, spot.node, rng.choice(others)),))


CONTENT: tuple[Operator, ...] = (
    operator_like("wrong_answer", _find_answers, _mark_wrong),
    operator_like("wrong_fact", _find_facts, _falsify, scale=(0.06, 0.24)),
    operator_like("typo", _find_words, _misspell, scale=(0.04, 0.18)),
    operator_like("placeholder_text", _find_sentences, _leave_latin, notice="Placeholder text was left in."),
)
