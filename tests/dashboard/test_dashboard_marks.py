"""Where critiques point: anchors come from pages, and may be anything."""

from typing import Any

import pytest

from refine.dashboard.marks import Mark, make_mark
from tests.dashboard.lively import EDIT, ELEMENT, SKETCH


def mark(anchor: Any, *, width: int = 1280, height: int = 800) -> Mark | None:
    return make_mark(anchor, n=3, who="L1", text="Here\x00", width=width, height=height)


def test_a_box_is_told_in_shares_of_what_the_labeler_saw() -> None:
    found = mark(ELEMENT)
    assert found is not None
    assert (found.at, found.box, found.note) == ((0.05, 0.1), (0.05, 0.1, 0.1, 0.05), "")
    assert (found.n, found.who, found.text) == (3, "L1", "Here\ufffd")


def test_a_place_seen_in_another_width_is_said_to_be_approximate() -> None:
    found = mark(SKETCH)
    assert found is not None
    assert found.strokes == (((0.0, 0.0), (0.5, 0.5), (1.0, 1.0)),)
    assert found.note == "seen at 640 × 400, so the place is approximate"


def test_a_page_that_was_scrolled_has_its_place_further_down() -> None:
    found = mark({**ELEMENT, "state": {"scroll": [0, 400]}})
    assert found is not None
    assert found.at == (0.05, 0.6)
    for forged in ("far", [1], [None, 1e400], [float("nan"), "0"]):
        found = mark({**ELEMENT, "state": {"scroll": forged}})
        assert found is not None
        assert found.at == (0.05, 0.1)


def test_what_lies_outside_is_kept_on_the_picture() -> None:
    found = mark({**ELEMENT, "box": [-500, 790, 9e9, 9e9]})
    assert found is not None
    assert found.box is not None
    x, y, width, height = found.box
    assert (x, y) == (0, 0.9875)
    assert x + width <= 1
    assert y + height <= 1


def test_a_sketch_of_many_points_is_thinned() -> None:
    strokes = [[[n, n] for n in range(0, 400, 10)] for _ in range(500)]
    found = mark({"kind": "sketch", "strokes": strokes, "viewport": [400, 400]})
    assert found is not None
    assert sum(len(stroke) for stroke in found.strokes) <= 1000
    assert found.strokes[0][-1] == (0.975, 0.975)


@pytest.mark.parametrize(
    "anchor",
    [
        None,
        {},
        EDIT,
        {"kind": "elsewhere"},
        {**ELEMENT, "box": [1, 2, 3]},
        {**ELEMENT, "box": [float("nan"), 0, 1, 1]},
        {**ELEMENT, "viewport": [0, 800]},
        {**ELEMENT, "viewport": "wide"},
        {"kind": "sketch", "strokes": [], "viewport": [640, 400]},
        {"kind": "sketch", "strokes": [[]], "viewport": [640, 400]},
    ],
)
def test_a_critique_that_points_nowhere_has_no_mark(anchor: Any) -> None:
    assert mark(anchor) is None
