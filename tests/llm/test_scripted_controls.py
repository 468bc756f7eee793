"""The scripted model makes controls too: each reply is one that the engine takes."""

import random

import pytest

from refine.llm.pages import PAGE_KINDS, write_page
from refine.llm.scripted import answer
from refine.perturb import CHANGES, Channel, Perturbation, Variation, find_flaws, vary_step, write_step
from refine.types import Ask, CodeFile, Files, GaveUp, ModelReply

PROMPTS = (
    "A quiz about rivers with ten questions that tells the score at the end",
    "A countdown timer for tea. It rings after 4 minutes.",
    "Ein Quiz",
)


def reply_to(asked: object, seed: int = 3) -> ModelReply:
    assert isinstance(asked, Ask)
    text = answer(asked.messages, seed=seed)
    return ModelReply(text=text, model_returned="m", provider="p", finish_reason="stop")


@pytest.mark.parametrize("kind", PAGE_KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("channel", ["behaviour", "content", "look", "accessibility"])
def test_it_writes_a_flaw_of_the_kind_that_was_asked_for(kind: object, channel: Channel) -> None:
    word = sorted(getattr(kind, "words"))[0]  # noqa: B009  # ids of pytest take objects
    page: Files = (CodeFile(filename="index.html", content=write_page(f"A {word} about rivers", random.Random(1))),)
    asked = write_step("A page", page, replies=[], channel=channel)
    made = write_step("A page", page, replies=[reply_to(asked)], channel=channel)
    assert isinstance(made, Perturbation), made
    before, after = ({it.name for it in find_flaws([files[0].content])} for files in (page, made.files))
    assert len(after - before) == 1 and not before - after
    assert made.channel == channel


def test_it_has_no_flaw_for_a_page_that_it_does_not_know() -> None:
    page = (CodeFile(filename="index.html", content="<p>Something else</p>"),)
    asked = write_step("A page", page, replies=[])
    again = write_step("A page", page, replies=[reply_to(asked)])
    assert isinstance(write_step("A page", page, replies=[reply_to(asked), reply_to(again)]), GaveUp)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_it_varies_a_request_in_each_way(prompt: str) -> None:
    made = []
    for change in CHANGES:
        varied = vary_step(prompt, change=change, replies=[reply_to(vary_step(prompt, change=change, replies=[]))])
        assert isinstance(varied, Variation), varied
        made.append(varied.prompt)
    assert prompt not in made
