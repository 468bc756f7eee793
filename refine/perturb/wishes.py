"""What people miss on pages that have no planted flaws: a few style rules that any HTML page can take.

A wish has the shape of a flaw whose presence is the absence of a rule, so that the loop has something real to do on
pages the scripted model did not write. Whether the rule becomes a given page is not judged.
"""

import random
from dataclasses import dataclass
from typing import Literal

from refine.types import IssueKind

_HEAD_END = "</head>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A style rule that a page lacks. No method raises on any text; files without one `</head>` are left alone."""

    name: str
    severity: float
    notice: str
    claim: str
    phrases: tuple[str, ...]
    held_out_phrases: tuple[str, ...]
    rule: str
    channel: Literal["look", "accessibility"] = "look"

    @property
    def kind(self) -> IssueKind:
        return self.channel

    @property
    def line(self) -> str:
        return f"<style>{self.rule}</style>\n"

    def apply(self, page: str, rng: random.Random) -> str | None:
        """The page without the rule; None where it has none, or where `undo` would put it elsewhere. `rng` is unused:
        there is one place."""
        del rng
        bare = page.replace(self.line, "", 1)
        return bare if bare != page and self.undo(bare) == page else None

    def undo(self, page: str) -> str | None:
        """The page with the rule, at the end of its head; None where it has one or has no head."""
        if not self.detect(page):
            return None
        at = page.index(_HEAD_END)
        return page[:at] + self.line + page[at:]

    def detect(self, page: str) -> bool:
        return page.count(_HEAD_END) == 1 and self.line not in page


def without_wishes(page: str) -> str:
    """The page with every wished-for rule taken out again, so that a page and its improvements can be told as one."""
    for wish in WISHES:
        page = page.replace(wish.line, "", 1)
    return page


WISHES: tuple[Wish, ...] = (
    Wish(
        name="crowded_lines",
        severity=0.08,
        notice="Lines of text stand too close.",
        claim="The lines of text stand too close together",
        phrases=("The lines of text stand too close together", "The line spacing is too small", "Lines are too close"),
        held_out_phrases=(
            "My eyes slip from one row of words into the next",
            "The paragraphs look squeezed from above",
        ),
        rule="body { line-height: 1.6; }",
    ),
    Wish(
        name="plain_font",
        severity=0.07,
        notice="The typeface looks dated.",
        claim="The typeface looks dated",
        phrases=("The typeface looks dated", "The font looks old-fashioned", "Use a more modern font"),
        held_out_phrases=("The lettering reminds me of the nineties", "Nobody sets type like that nowadays"),
        rule="body { font-family: system-ui, sans-serif; }",
    ),
    Wish(
        name="unclear_cursor",
        severity=0.06,
        notice="Buttons do not look clickable.",
        claim="The buttons do not look clickable",
        phrases=("The buttons do not look clickable", "The cursor does not change over buttons", "No hover cursor"),
        held_out_phrases=("I could not tell what was meant to be pressed", "The arrow stays an arrow everywhere"),
        rule="button { cursor: pointer; }",
    ),
    Wish(
        name="faint_focus",
        severity=0.06,
        notice="Keyboard focus is hard to see.",
        claim="The focused control is hard to see",
        phrases=("The focused control is hard to see", "The focus mark is too faint", "Focus is hard to see"),
        held_out_phrases=("Moving about with tab is guesswork", "I lose my place without the mouse"),
        rule=":focus-visible { outline: 3px solid #2f6fdb; outline-offset: 2px; }",
        channel="accessibility",
    ),
    Wish(
        name="wide_media",
        severity=0.07,
        notice="Pictures may be wider than a phone.",
        claim="Pictures can be wider than a small screen",
        phrases=("Pictures can be wider than a small screen", "The picture does not shrink on my phone"),
        held_out_phrases=("On the handset its edges disappear", "The drawing refuses to scale with the window"),
        rule="img, svg, canvas, video { max-width: 100%; }",
    ),
    Wish(
        name="square_buttons",
        severity=0.05,
        notice="Buttons look unfinished.",
        claim="The buttons look unfinished",
        phrases=("The buttons look unfinished", "The buttons are plain and square", "Style the buttons"),
        held_out_phrases=("The controls look like nobody designed them", "Hard corners everywhere I can press"),
        rule="button { border-radius: 8px; padding: 0.5em 1em; }",
    ),
)
