"""How `demo/scripted` distils critiques: by the known half of the phrase bank, and by nothing else."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from refine.perturb import EMPTY_REMARKS, PRAISES, understand
from refine.prompts import Section

_SEGMENT = re.compile(r"(k\d{1,6}\.\d{1,6})\| ?")
_WORD = re.compile(r"\w+")
_LONGEST_CLAIM = 500
_UNKNOWN_SEVERITY = 0.1
"""Of what it does not understand: below most flaws, so that it does not crowd out what can be mended."""
_ORDERS = (
    "ignore previous",
    "ignore all",
    "ignore the",
    "ignore your",
    "disregard",
    "forget your",
    "forget all",
    "system prompt",
    "system:",
    "assistant:",
    "you are now",
    "as an ai",
    "developer mode",
    "jailbreak",
    "new instructions",
    "reveal your",
    "output only",
    "replace the page",
    "<<<",
    ">>>",
    "```",
    "[refine:",
    "<script",
    "</",
    "http://",
    "https://",
)
_PRAISES = tuple(praise.casefold() for praise in PRAISES)


def distil(sections: Sequence[Section]) -> str:
    """A JSON object of atoms, at least one for every segment."""
    atoms = [atom for name, text in _segments(sections) for atom in _atoms(name, text)]
    return "```json\n" + json.dumps({"atoms": atoms}, ensure_ascii=False, indent=1) + "\n```\n"


def _segments(sections: Sequence[Section]) -> Iterator[tuple[str, str]]:
    for section in sections:
        if section.name == "critique":
            for line in section.text.split("\n"):
                if named := _SEGMENT.match(line):
                    yield named[1], line[named.end() :]


def _atoms(segment: str, text: str) -> list[dict[str, Any]]:
    lowered = text.casefold()
    if any(order in lowered for order in _ORDERS):
        return [_atom(segment, "other", "off_topic", "orders", "It gives orders instead of saying what is wrong", 0.0)]
    if len(_WORD.findall(text[:_LONGEST_CLAIM])) < 2 or lowered.strip(" .!") in EMPTY_REMARKS:
        return [_atom(segment, "other", "off_topic", "empty", "It says nothing about the page", 0.0)]
    if named := understand(text):
        return [_atom(segment, each.kind, "fix", each.name, f"{each.claim}.", each.severity) for each in named]
    if praise := next((praise for praise in _PRAISES if praise in lowered), None):
        return [_atom(segment, "other", "keep", _slug(praise), f"People like this: {praise}.", 0.0)]
    return [_atom(segment, "other", "fix", _slug(text), text[:_LONGEST_CLAIM], _UNKNOWN_SEVERITY)]


def _atom(segment: str, kind: str, polarity: str, issue: str, claim: str, severity: float) -> dict[str, Any]:
    return {
        "segment": segment,
        "kind": kind,
        "polarity": polarity,
        "issue": issue,
        "target": "",
        "claim": claim,
        "severity": severity,
    }


def _slug(text: str) -> str:
    """A short name made of the first words; the same words in the same order give the same name."""
    words = [word for word in _WORD.findall(text[:_LONGEST_CLAIM].lower()) if word.isascii()]
    digest = hashlib.sha256(" ".join(words).encode() or text.encode("utf-8", "surrogatepass")).hexdigest()
    return "-".join([*(word[:12] for word in words[:4]), digest[:6]])
