import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.llm.pages import write_page
from refine.perturb import WISHES, Wish, find_wishes, without_wishes

PAGE = "<!DOCTYPE html>\n<html><head>\n<title>t</title>\n</head>\n<body><p>Hello</p></body></html>\n"


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: wish.name)
def test_a_wish_is_granted_once_and_taken_back_byte_for_byte(wish: Wish) -> None:
    granted = wish.undo(PAGE)
    assert granted is not None
    assert wish.rule in granted
    assert not wish.detect(granted)
    assert wish.undo(granted) is None
    assert wish.apply(granted, random.Random(0)) == PAGE
    assert without_wishes(granted) == PAGE


def test_all_wishes_together_are_taken_back() -> None:
    page = PAGE
    for wish in WISHES:
        page = wish.undo(page) or page
    assert find_wishes([page]) == ()
    assert without_wishes(page) == PAGE


def test_pages_of_the_scripted_model_leave_nothing_to_wish() -> None:
    assert find_wishes([write_page("a quiz", random.Random(0))]) == ()
    assert find_wishes([PAGE]) == WISHES


@settings(max_examples=60, deadline=None, database=None)
@given(st.lists(st.sampled_from(["</head>", "<head>", "\n", " ", "x", *(wish.line for wish in WISHES)]), max_size=12))
def test_whatever_was_taken_from_any_text_can_be_put_back(pieces: list[str]) -> None:
    text = "".join(pieces)
    for wish in WISHES:
        bare = wish.apply(text, random.Random(0))
        if bare is not None:
            assert wish.undo(bare) == text
        assert wish.detect(text) == (wish.undo(text) is not None)
