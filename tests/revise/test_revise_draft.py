import pytest

from refine.prompts import read_fences, read_header
from refine.revise import Reply, draft_from_replies, draft_step
from refine.types import Ask, GaveUp, Made

PAGE = "<!doctype html>\n<html><body><p>Hi</p></body></html>\n"
GOOD = Reply(f"```html index.html\n{PAGE}```")


def test_the_first_turn_holds_the_template_and_the_prompt_fenced() -> None:
    ask = draft_step("a quiz", instructions="Try it twice.", replies=[])
    assert isinstance(ask, Ask)
    assert read_header(ask.messages[0].text) == ("draft", 1)
    sections = read_fences(ask.messages[1].text)
    assert [(s.name, s.text) for s in sections] == [("prompt", "a quiz"), ("instructions", "Try it twice.")]


def test_without_instructions_there_is_no_such_section() -> None:
    ask = draft_step("a quiz", replies=[])
    assert isinstance(ask, Ask)
    assert [section.name for section in read_fences(ask.messages[1].text)] == ["prompt"]


def test_a_page_is_a_draft_without_edits() -> None:
    made = draft_step("a quiz", replies=[GOOD])
    assert isinstance(made, Made)
    assert (made.how, made.edits, [f.content for f in made.files]) == ("draft", (), [PAGE])


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (Reply(""), "empty"),
        (Reply("```html\n<html><bod", "length"), "ends inside"),
        (Reply("I'm sorry, I can't."), "declines"),
        (Reply("x", "content_filter"), "filter"),
        (Reply("no page"), "no HTML"),
    ],
)
def test_one_repair_turn_says_what_was_wrong_and_then_the_draft_is_given_up(reply: Reply, word: str) -> None:
    ask = draft_step("a quiz", replies=[reply])
    assert isinstance(ask, Ask)
    assert [message.role for message in ask.messages] == ["system", "user", "assistant", "user"]
    assert word in ask.messages[-1].text
    assert all(message.text.strip() for message in ask.messages)
    assert isinstance(draft_step("a quiz", replies=[reply, GOOD]), Made)
    gave_up = draft_step("a quiz", replies=[reply, reply])
    assert isinstance(gave_up, GaveUp) and word in gave_up.reason


def test_replay_makes_the_same_draft_and_ignores_replies_after_the_end() -> None:
    assert draft_from_replies("a quiz", replies=[Reply(""), GOOD]) == draft_step("a quiz", replies=[Reply(""), GOOD])
    assert draft_from_replies("a quiz", replies=[GOOD, Reply("")]) == draft_step("a quiz", replies=[GOOD])
    assert isinstance(draft_from_replies("a quiz", replies=[]), GaveUp)
