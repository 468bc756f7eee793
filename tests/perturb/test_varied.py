"""Requests that vary in one requirement: what is asked of the model, and what is taken from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refine.perturb import CHANGES, VARIATION, Change, Variation, propose_variation, vary_from_replies, vary_step
from refine.prompts import read_fences, read_header
from refine.types import Ask, CodeFile, GaveUp, ModelReply

PROMPT = "A quiz about rivers with ten questions that tells the score at the end."
VARIED = "A quiz about rivers with ten questions."
GOOD = f"NOTICE: The score is never told.\n<<<<<<< REQUEST\n{VARIED}\n>>>>>>> REQUEST\n"


def reply(text: str) -> ModelReply:
    return ModelReply(text=text, model_returned="m", provider="p", finish_reason="stop")


@pytest.mark.parametrize("change", CHANGES)
def test_the_request_holds_the_prompt_as_data_and_says_what_is_to_be_altered(change: Change) -> None:
    asked = vary_step(PROMPT, change=change, replies=[])
    assert isinstance(asked, Ask)
    system, user = asked.messages
    assert read_header(system.text) == ("vary", 1)
    assert {"add": "added", "drop": "left out", "change": "changed"}[change] in system.text.split("What your request")[
        1
    ]
    assert [(each.name, each.text) for each in read_fences(user.text)] == [("prompt", PROMPT)]


def test_a_good_reply_is_the_varied_request_and_what_a_person_misses() -> None:
    made = vary_step(PROMPT, change="drop", replies=[reply(f"Here it is.\n{GOOD}Bye")])
    assert made == Variation(prompt=VARIED, change="drop", notice="The score is never told.")
    assert vary_from_replies(PROMPT, change="drop", replies=[reply(GOOD)]) == made


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no request between"),
        (GOOD + GOOD, "no request between"),
        (GOOD.replace(VARIED, ""), "empty"),
        (GOOD.replace(VARIED, PROMPT * 30), "much longer"),
        (GOOD.replace(VARIED, "A quiz"), "much shorter"),
        (GOOD.replace(VARIED, PROMPT.upper() + " !"), "the first one again"),
        (GOOD.replace(VARIED, "Ein Malprogramm mit Ebenen, Pinseln und einer Lupe dazu."), "another one altogether"),
        (GOOD.replace(VARIED, VARIED + "\u202e"), "cannot be printed"),
        (GOOD.replace(VARIED, VARIED + "\ud800"), "cannot be printed"),
        (GOOD.replace("NOTICE", "NOTE"), "NOTICE"),
    ],
)
def test_a_reply_that_cannot_be_used_is_asked_for_again_and_then_given_up(text: str, said: str) -> None:
    again = vary_step(PROMPT, change="drop", replies=[reply(text)])
    assert isinstance(again, Ask)
    assert said in again.messages[-1].text
    gone = vary_step(PROMPT, change="drop", replies=[reply(text), reply(text)])
    assert isinstance(gone, GaveUp)
    assert said in gone.reason
    assert isinstance(vary_from_replies(PROMPT, change="drop", replies=[reply(text), reply(GOOD)]), Variation)


def test_replies_that_end_too_early_make_nothing() -> None:
    assert isinstance(vary_from_replies(PROMPT, change="add", replies=[]), GaveUp)
    assert isinstance(vary_from_replies(PROMPT, change="add", replies=[reply("")]), GaveUp)


def test_scripts_without_spaces_can_be_varied() -> None:
    varied = "请制作一个关于河流的测验,共有五个问题,最后显示分数。"
    first = varied.replace("五", "十")
    made = vary_step(first, change="change", replies=[reply(GOOD.replace(VARIED, varied))])
    assert isinstance(made, Variation)


@pytest.mark.parametrize("mark", ["\u3000", "\u00a0", "\U0001f468\u200d\U0001f469"], ids=["wide", "hard", "joined"])
def test_blanks_of_every_script_and_joined_signs_are_text(mark: str) -> None:
    varied = VARIED.replace(" ", mark, 1)
    made = vary_step(PROMPT, change="change", replies=[reply(GOOD.replace(VARIED, varied))])
    assert isinstance(made, Variation) and made.prompt == varied
    again = vary_step(PROMPT, change="change", replies=[reply(GOOD.replace(VARIED, VARIED + "\x1b[2J"))])
    assert isinstance(again, Ask)


def test_a_page_made_for_it_is_proposed_as_a_control_with_its_lineage() -> None:
    made = vary_step(PROMPT, change="drop", replies=[reply(GOOD)])
    assert isinstance(made, Variation)
    files = (CodeFile(filename="index.html", content="<p>no score</p>"),)
    original = (CodeFile(filename="index.html", content="<p>score</p>"),)
    proposed = propose_variation(made, original, files)
    assert (proposed.operator, proposed.files) == (VARIATION, files)
    assert proposed.record["prompt"] == VARIED and proposed.record["change"] == "drop"
    assert proposed.record["original"] != proposed.record["mutant"]


PIECES = [
    "NOTICE: Something is missing\n",
    "<<<<<<< REQUEST\n",
    ">>>>>>> REQUEST\n",
    VARIED + "\n",
    "\ud800",
    "\0",
    "\r\n",
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=20)), max_size=20).map("".join))
def test_any_reply_is_taken_without_an_error(text: str) -> None:
    made = vary_step(PROMPT, change="add", replies=[reply(text)])
    assert isinstance(made, Ask) or (isinstance(made, Variation) and made.prompt.isprintable())
