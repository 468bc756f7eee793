"""Perturbations that a model writes: what is asked of it, and what is taken from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refine.perturb import WRITTEN, Perturbation, write_step
from refine.prompts import read_fences, read_header
from refine.types import Ask, CodeFile, GaveUp, ModelReply

PAGE = (
    CodeFile(filename="index.html", content='<p class="é">Seven days</p><script src="a.js"></script><p>x</p><p>x</p>'),
    CodeFile(filename="a.js", content="const DAYS = 7;\nfunction week() { return DAYS * 24; }\n"),
)
GOOD = """CHANNEL: content
SEVERITY: 0.2
NOTICE: A week is said to have six days.
<<<<<<< SEARCH index.html
Seven days
=======
Six days
>>>>>>> REPLACE
"""


def reply(text: str) -> ModelReply:
    return ModelReply(text=text, model_returned="m", provider="p", finish_reason="stop")


def test_the_request_holds_the_page_as_data_and_names_its_template() -> None:
    asked = write_step("A week", PAGE, replies=[], channel="look")
    assert isinstance(asked, Ask)
    system, user = asked.messages
    assert read_header(system.text) == ("perturb", 1)
    assert "of the kind look" in system.text
    sections = read_fences(user.text)
    assert [each.name for each in sections] == ["prompt", "file", "file"]
    assert [each.text for each in sections[1:]] == [file.content for file in PAGE]


def test_a_good_reply_becomes_a_perturbation_that_can_be_undone() -> None:
    made = write_step("A week", PAGE, replies=[reply(GOOD)], seed=4)
    assert isinstance(made, Perturbation)
    assert made.files[0].content == PAGE[0].content.replace("Seven", "Six")
    assert made.undo() == PAGE
    assert (made.operator, made.channel, made.severity, made.seed) == (WRITTEN, "content", 0.2, 4)
    assert made.description == "A week is said to have six days."
    assert "content" in made.shows_in


def block(search: str, new: str, name: str = "index.html") -> str:
    return GOOD.partition("<<<<")[0] + f"<<<<<<< SEARCH {name}\n{search}\n=======\n{new}\n>>>>>>> REPLACE\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no block"),
        (GOOD.replace("content", "taste"), "CHANNEL"),
        (GOOD.replace("0.2", "very"), "SEVERITY"),
        (GOOD.replace("NOTICE", "NOTE"), "NOTICE"),
        (GOOD + GOOD, "more than one block"),
        (block("<p>x</p>", "<p>y</p>"), "exactly once"),
        (block("Eight days", "Six days"), "exactly once"),
        (block("Seven days", "Seven days"), "changes nothing"),
        (block("", "Six days"), "empty"),
        (block("Seven days", "y" * 7000), "longer"),
        (block("return DAYS * 24;", "return DAYS * ;", "a.js"), "does not parse"),
        (block("return DAYS * 24;", "fetch('x'); return 1;", "a.js"), "reaches out"),
        (block("Seven days", '<img src="http://example.org/x">'), "reaches out"),
        (block("return DAYS * 24;", "return DAYS * 23; // subtle flaw", "a.js"), "says what it is"),
        (block("Seven days", "Six \ud800"), "half a character"),
    ],
)
def test_a_reply_that_cannot_be_used_is_asked_for_again_and_then_given_up(text: str, said: str) -> None:
    again = write_step("A week", PAGE, replies=[reply(text)])
    assert isinstance(again, Ask)
    assert said in again.messages[-1].text
    assert text not in "".join(message.text for message in again.messages) or not text
    gone = write_step("A week", PAGE, replies=[reply(text), reply(text)])
    assert isinstance(gone, GaveUp)
    assert said in gone.reason
    assert isinstance(write_step("A week", PAGE, replies=[reply(text), reply(GOOD)]), Perturbation)


def test_another_channel_than_was_asked_for_is_refused() -> None:
    assert isinstance(write_step("A week", PAGE, replies=[reply(GOOD)] * 2, channel="look"), GaveUp)


def test_a_severity_out_of_range_is_moved_into_it() -> None:
    made = write_step("A week", PAGE, replies=[reply(GOOD.replace("0.2", "0.99"))])
    assert isinstance(made, Perturbation)
    assert made.severity == 0.5


PIECES = ["CHANNEL: look\n", "SEVERITY: 0.1\n", "NOTICE: Something is off here\n", "<<<<<<< SEARCH a.js\n", "=======\n"]
PIECES += [
    ">>>>>>> REPLACE\n",
    "Seven days\n",
    "DAYS = 7;\n",
    "\ud800",
    "\0",
    "<",
    "=",
    "x" * 50,
    "\r\n",
    "**NOTICE:** words\n",
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=20)), max_size=30).map("".join))
def test_any_reply_is_taken_without_an_error(text: str) -> None:
    made = write_step("A week", PAGE, replies=[reply(text)])
    assert isinstance(made, Ask) or (isinstance(made, Perturbation) and made.undo() == PAGE)


def test_a_long_hostile_reply_costs_no_more_than_its_size() -> None:
    import time

    started = time.process_time()
    for piece in ("<<<<<<< SEARCH a\n", "=======\n", "NOTICE: ", "<<<<<<< SEARCH a\n=======\n"):
        write_step("A week", PAGE, replies=[reply(piece * (200_000 // len(piece)))])
    assert time.process_time() - started < 5
