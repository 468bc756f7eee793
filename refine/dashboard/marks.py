"""Where critiques point, as marks on a picture. What an anchor says came from a page, and may be anything."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from refine.dashboard.text import plain
from refine.types import Anchor, SketchAnchor

_ANCHOR: TypeAdapter[Anchor] = TypeAdapter(Anchor)
_POINTS = 300
"""Of a sketch, all strokes together; where there are more, some are left out."""
_LONGEST = 300
_SAME_WIDTH = 0.1
"""A picture this much wider or narrower than what the labeler saw may be laid out otherwise."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """In shares of the picture's width and height, 0 to 1."""

    n: int
    """Of the critique, as the page counts them."""
    who: str
    text: str
    at: Point
    box: tuple[float, float, float, float] | None = None
    strokes: tuple[tuple[Point, ...], ...] = ()
    note: str = ""

    def values(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "who": self.who,
            "text": self.text,
            "at": self.at,
            "box": self.box,
            "strokes": self.strokes,
            "note": self.note,
        }


def make_mark(anchor: dict[str, Any] | None, *, n: int, who: str, text: str, width: int, height: int) -> Mark | None:
    """For a picture of so many CSS pixels of the page; None for a critique that points nowhere that can be drawn.

    The labeler may have seen the page in another size: places are stretched to the picture's, and `note` says so.
    """
    try:
        known = _ANCHOR.validate_python(anchor)
    except ValidationError:
        return None
    viewport = known.viewport
    if viewport is None or min(viewport) < 1:
        return None
    note = ""
    if abs(viewport[0] / width - 1) > _SAME_WIDTH:
        note = f"seen at {viewport[0]} × {viewport[1]}, so the place is approximate"
    said = plain(text, longest=_LONGEST)
    size, (right_by, down_by) = viewport, _scrolled(known.state)
    if isinstance(known, SketchAnchor):
        moved = [[(x + right_by, y + down_by) for x, y in stroke] for stroke in known.strokes]
        strokes = _thin([[_share(point, size) for point in stroke] for stroke in moved])
        return Mark(n=n, who=who, text=said, note=note, at=strokes[0][0], strokes=strokes) if strokes else None
    if known.box is None or not all(math.isfinite(each) for each in known.box):
        return None
    x, y, w, h = known.box
    x, y = x + right_by, y + down_by
    left, top = _share((x, y), size)
    right, bottom = _share((x + max(w, 0), y + max(h, 0)), size)
    box = (left, top, round(right - left, 4), round(bottom - top, 4))
    return Mark(n=n, who=who, text=said, note=note, at=(left, top), box=box)


def _scrolled(state: dict[str, Any] | None) -> Point:
    """How far the page was scrolled, as it says itself; pictures are taken from its top."""
    said = (state or {}).get("scroll")
    if not isinstance(said, list | tuple) or len(said) != 2:
        return 0.0, 0.0
    x, y = (each if isinstance(each, int | float) and math.isfinite(each) else 0.0 for each in said)
    return x, y


def _share(point: Point, viewport: tuple[int, int]) -> Point:
    """Kept on the picture."""
    return _clip(point[0] / viewport[0]), _clip(point[1] / viewport[1])


def _clip(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), 4) if math.isfinite(value) else 0.0


def _thin(strokes: Sequence[Sequence[Point]]) -> tuple[tuple[Point, ...], ...]:
    total = sum(len(stroke) for stroke in strokes)
    step = max(1, math.ceil(total / _POINTS))
    return tuple((*stroke[:-1:step], stroke[-1]) for stroke in strokes[:_POINTS] if stroke)
