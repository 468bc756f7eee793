"""Prompt templates as data, and the fences that hold untrusted text apart from instructions.

A template is a file `templates/NAME.jinja`. Its first line is its name and version, `[refine:NAME@VERSION]`, and goes
to the model with the rest, so a reader of the messages alone knows which template made them. Variables are strict both
ways: a missing one and one the template does not use are errors.

A fence looks like this; its mark is made from the text and is not in the text, so no text can close it:

    <<<critique id="k1" 3f2a91bc44d0
    k1.1| The button does nothing.
    3f2a91bc44d0>>>
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from refine.types import Part

if TYPE_CHECKING:
    import jinja2

_HEADER = re.compile(r"\[refine:([a-z_]+)@(\d+)\]\n")
_OPEN = re.compile(r'<<<([a-z_]+)((?: [a-z_]+="[^"\n]*")*) ([0-9a-f]{12})\n')
_UNSAFE = re.compile(r'["\r\n]')
_ATTRIBUTE = re.compile(r' ([a-z_]+)="([^"\n]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    name: str
    version: int
    text: str
    variables: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A fenced piece of a message."""

    name: str
    attributes: dict[str, str]
    text: str


@cache
def load(name: str) -> Template:
    """The template of that name. Raises KeyError when there is none, ValueError when its first line is not its name."""
    from jinja2 import meta

    path = resources.files(__package__) / "templates" / f"{name}.jinja"
    if not path.is_file():
        raise KeyError(f"no prompt template named {name!r}")
    text = path.read_text(encoding="utf-8")
    header = _HEADER.match(text)
    if header is None or header[1] != name:
        raise ValueError(f"template {name}.jinja must begin with the line [refine:{name}@VERSION]")
    variables = frozenset(meta.find_undeclared_variables(_environment().parse(text)))
    return Template(name=name, version=int(header[2]), text=text, variables=variables)


def render(name: str, /, **variables: object) -> str:
    """The template's text with the variables filled in. Raises ValueError when they are not exactly the template's."""
    template = load(name)
    if template.variables != variables.keys():
        wrong = sorted(template.variables ^ variables.keys())
        raise ValueError(f"template {name}: variables missing or unknown: {', '.join(wrong)}")
    return _environment().from_string(template.text).render(**variables)


def read_header(text: str) -> tuple[str, int] | None:
    """Name and version of the template that a system message was made from; None when it is not one of ours."""
    header = _HEADER.match(text)
    return (header[1], int(header[2])) if header else None


def fence(name: str, content: Sequence[Part] | str, /, **attributes: str) -> tuple[Part, ...]:
    """The content fenced, as message parts; parts that refer to a labeler's words stay parts of their own.

    Attribute values are ours (ids, file names), not untrusted text; quotes and line ends in them are replaced.
    """
    parts = (Part(content),) if isinstance(content, str) else tuple(content)
    text = "".join(part.text for part in parts)
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    while mark in text:
        mark = hashlib.sha256(mark.encode()).hexdigest()[:12]
    written = "".join(f' {key}="{_UNSAFE.sub("_", value)}"' for key, value in attributes.items())
    return (Part(f"<<<{name}{written} {mark}\n"), *parts, Part(f"\n{mark}>>>\n"))


def read_fences(text: str) -> list[Section]:
    """Every top-level fenced section of a message, in order; an opening without its close is not a section."""
    sections: list[Section] = []
    position = 0
    while (opening := _OPEN.search(text, position)) is not None:
        end = text.find(f"\n{opening[3]}>>>", opening.end() - 1)
        if end < 0:
            position = opening.end()
            continue
        body = text[opening.end() : end] if end >= opening.end() else ""
        sections.append(Section(name=opening[1], attributes=dict(_ATTRIBUTE.findall(opening[2])), text=body))
        position = end + len(opening[3]) + 4
    return sections


@cache
def _environment() -> "jinja2.Environment":
    import jinja2  # late: it is not needed to import the package

    # Prompts are plain text, never HTML: escaping would change what the model reads.
    return jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
