"""Evening out: a control that is always longer than its original could be told by its length alone.

Most flaws add bytes. So a few indents of scripts and style sheets, where blanks mean nothing, are made shorter or
longer, until the copy is shorter as often as longer. The proof is made of what comes of it. Pages without indents
stay as they are.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import replace

from refine.perturb.edits import ByteEdit, apply_edits
from refine.perturb.perturbing import Perturbation, syntax_problem
from refine.perturb.source import Region, Source, read_source

_INDENT = re.compile(rb"(?<=\n)[ \t]{2,60}(?=[^\s])")
_LITERALS = ("template_string", "string", "regex", "comment", "string_value", "plain_value", "js_comment")
_MOST_ADDED = 4
"""Blanks, to one indent."""


def even_out(perturbation: Perturbation) -> Perturbation:
    """The same flaw in a copy whose length differs from the original's by a number drawn evenly from minus to plus what
    the flaw itself takes; it is undone as before. The same perturbation gives the same copy."""
    original = perturbation.undo()
    grown = sum(len(edit.new) - len(edit.old) for edit in perturbation.edits)
    rng = random.Random(f"even out {perturbation.seed} {perturbation.operator} {perturbation.site.start}")
    missing = rng.randint(-abs(grown), abs(grown)) - grown
    if missing == 0:
        return perturbation
    source = read_source(original)
    indents = [*_indents(source, perturbation.edits)]
    rng.shuffle(indents)
    edits: list[ByteEdit] = []
    for indent in indents:
        if missing == 0:
            break
        step = max(missing, -len(indent.old)) if missing < 0 else min(missing, _MOST_ADDED)
        new = indent.old[:step] if step < 0 else indent.old + b" " * step
        edits.append(replace(indent, new=new))
        missing -= step
    all_edits = (*perturbation.edits, *edits)
    files = apply_edits(original, all_edits)
    if syntax_problem(source, files):
        return perturbation
    return replace(perturbation, files=files, edits=all_edits)


def _indents(source: Source, taken: tuple[ByteEdit, ...]) -> Iterator[ByteEdit]:
    """Indents that may change, as edits that change nothing yet: none in a text, none near what was changed."""
    for region in source.regions:
        is_own = not region.is_attribute and region.forbidden in (b"", b"<")
        if not is_own or region.language == "html" or region.errors or not region.nodes:
            continue
        if any(node.kind.startswith("jsx_") for node in region.nodes):
            continue
        kept = sorted([*_literals(region), *((it.start - 1, it.end + 1) for it in taken if it.file == region.file)])
        at = 0
        for found in _INDENT.finditer(region.data, region.nodes[0].start, region.nodes[0].end):
            while at < len(kept) and kept[at][1] <= found.start():
                at += 1
            if at == len(kept) or kept[at][0] >= found.end():
                yield ByteEdit(file=region.file, start=found.start(), old=found[0], new=found[0])


def _literals(region: Region) -> Iterator[tuple[int, int]]:
    """Stretches in which a blank may mean something; those within others are left out."""
    end = -1
    for node in sorted(region.of(*_LITERALS), key=lambda node: (node.start, -node.end)):
        if node.start >= end:
            end = node.end
            yield node.start, node.end
