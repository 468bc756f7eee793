import random
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.llm.pages import (
    PAGE_KINDS,
    PageKind,
    read_subject,
    select_kind,
    split_script,
    wants_script_file,
    write_page,
)

VOID = {"meta", "img", "input"}


class Balance(HTMLParser):
    """Fails on markup whose tags do not close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", PAGE_KINDS, ids=lambda kind: kind.name)
def test_a_page_is_well_formed_and_its_script_finds_its_elements(kind: PageKind) -> None:
    page = write_page(" ".join(sorted(kind.words)), random.Random(2))
    assert page.startswith("<!DOCTYPE html>")
    assert 5_000 <= len(page.encode()) <= 10_000
    assert "@@" not in page
    markup = Balance()
    markup.feed(page)
    markup.close()
    assert markup.open == []
    assert len(set(markup.ids)) == len(markup.ids)
    assert set(re.findall(r'byId\("(\w+)"\)', page)) <= set(markup.ids)


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("Create an interactive quiz about data packets", "quiz"),
        ("A pomodoro timer for students", "timer"),
        ("Build a tip calculator", "calculator"),
        ("A to-do list for moving house", "todo"),
        ("Visualization of a flowing river", "particles"),
        ("A bar chart of rainfall", "chart"),
        ("Memory game with animal cards", "memory"),
        ("The bicycle should be visually represented and rotate", "scene"),
    ],
)
def test_the_words_of_the_prompt_choose_the_kind(prompt: str, kind: str) -> None:
    assert {select_kind(prompt, random.Random(seed)).name for seed in range(5)} == {kind}


def test_a_prompt_without_telling_words_gets_kinds_by_seed() -> None:
    assert len({select_kind("hello", random.Random(seed)).name for seed in range(40)}) >= 6


@pytest.mark.parametrize(
    ("prompt", "subject"),
    [
        ("Create an interactive quiz about data packets", "data packets"),
        ("A web visualization of a hot air balloon using only HTML", "hot air balloon"),
        ("quiz", "quiz"),
        ("!!!", "this page"),
    ],
)
def test_the_subject_is_taken_from_the_prompt(prompt: str, subject: str) -> None:
    assert read_subject(prompt) == subject


@settings(max_examples=40, deadline=None, database=None)
@given(st.text())
def test_no_prompt_can_write_markup(prompt: str) -> None:
    title = re.search(r"<h1>([^\n]*)</h1>", write_page(f"about <script>`{prompt}", random.Random(0)))
    assert title is not None
    assert not set(title[1]) & set("<>\"'`")


def test_a_page_in_two_files_links_its_script() -> None:
    page = write_page("a quiz", random.Random(0))
    html, script = split_script(page)
    assert (html.filename, script.filename) == ("index.html", "index.js")
    assert '<script src="index.js"></script>' in html.content
    assert script.content.startswith('"use strict";')
    assert len(html.content) + len(script.content) > len(page) * 0.98
    assert wants_script_file("Ensure that the output has both index.js and index.html files")
    assert not wants_script_file("A quiz")
