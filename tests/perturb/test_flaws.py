import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.llm.pages import PAGE_KINDS, PageKind, split_script, write_page
from refine.perturb import (
    EMPTY_REMARKS,
    FLAWS,
    HELD_OUT_PRAISES,
    PRAISES,
    WISHES,
    Flaw,
    find_flaws,
    is_known_page,
    understand,
)

SOUND = {kind.name: write_page(" ".join(sorted(kind.words)), random.Random(1)) for kind in PAGE_KINDS}
FRAGMENTS = [fragment for flaw in FLAWS for pair in flaw.pairs for fragment in (pair.good, pair.bad)]

each_flaw = pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.name)
each_kind = pytest.mark.parametrize("kind", PAGE_KINDS, ids=lambda kind: kind.name)
few = settings(max_examples=80, deadline=None, database=None)


def test_there_are_at_least_fifteen_flaws_over_five_channels() -> None:
    assert len(FLAWS) >= 15
    assert len({flaw.name for flaw in FLAWS}) == len(FLAWS)
    assert {flaw.channel for flaw in FLAWS} == {"behaviour", "content", "look", "accessibility", "latency"}


@each_flaw
def test_a_flaw_is_found_where_it_was_applied_and_undone_byte_for_byte(flaw: Flaw) -> None:
    fitting = 0
    for page in SOUND.values():
        for seed in range(4):
            flawed = flaw.apply(page, random.Random(seed))
            if flawed is None:
                continue
            fitting += 1
            assert flawed != page
            assert find_flaws([flawed]) == (flaw,)
            assert flaw.undo(flawed) == page
            assert flaw.apply(flawed, random.Random(seed)) is None
    assert fitting


@each_flaw
def test_every_place_of_a_flaw_is_in_a_page_of_the_scripted_model(flaw: Flaw) -> None:
    for pair in flaw.pairs:
        assert any(page.count(pair.good) == 1 for page in SOUND.values()), pair


@each_kind
def test_a_page_without_flaws_shows_none_and_has_room_for_many(kind: PageKind) -> None:
    page = SOUND[kind.name]
    assert find_flaws([page]) == ()
    assert is_known_page([page])
    assert sum(flaw.fits(page) for flaw in FLAWS) >= 20


@each_kind
def test_all_flaws_together_are_undone_in_any_order(kind: PageKind) -> None:
    page = flawed = SOUND[kind.name]
    rng = random.Random(kind.name)
    planted = []
    for flaw in rng.sample(FLAWS, len(FLAWS)):
        worse = flaw.apply(flawed, rng)
        if worse is not None:
            flawed = worse
            planted.append(flaw)
    assert set(find_flaws([flawed])) == set(planted)
    assert is_known_page([flawed])
    for flaw in rng.sample(planted, len(planted)):
        mended = flaw.undo(flawed)
        assert mended is not None
        flawed = mended
    assert flawed == page


def test_a_flaw_that_could_not_be_told_from_its_surroundings_is_not_found() -> None:
    flaw = next(flaw for flaw in FLAWS if flaw.name == "lag")
    good, bad = flaw.pairs[0].good, flaw.pairs[0].bad
    assert flaw.detect(f"x {bad} y")
    for page in (f"{bad}\n{bad}", f"{good}\n{bad}"):
        assert not flaw.detect(page)
        assert flaw.undo(page) is None


@each_kind
def test_flaws_are_found_in_the_file_they_are_in(kind: PageKind) -> None:
    page = SOUND[kind.name]
    for flaw in FLAWS:
        flawed = flaw.apply(page, random.Random(0))
        if flawed is not None:
            parts = [file.content for file in split_script(flawed)]
            assert find_flaws(parts) == (flaw,)
            assert sum(flaw.detect(part) for part in parts) == 1


@few
@given(st.text(), st.integers())
def test_any_text_is_taken_without_an_error_and_has_no_flaw(text: str, seed: int) -> None:
    for flaw in FLAWS:
        assert flaw.apply(text, random.Random(seed)) is None
        assert flaw.undo(text) is None
        assert not flaw.detect(text)
    assert not is_known_page([text])


@few
@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=8)), max_size=30), st.integers())
def test_whatever_was_applied_can_be_undone_in_a_soup_of_fragments(pieces: list[str], seed: int) -> None:
    soup = "\n".join(pieces)
    for flaw in FLAWS:
        flawed = flaw.apply(soup, random.Random(seed))
        if flawed is not None:
            assert flaw.detect(flawed)
            assert flaw.undo(flawed) == soup
        assert flaw.detect(soup) == (flaw.undo(soup) is not None)


@pytest.mark.parametrize("each", [*FLAWS, *WISHES], ids=lambda each: each.name)
def test_claims_and_known_phrases_are_understood_and_held_out_ones_are_not(each: Flaw) -> None:
    for saying in (each.claim, *each.phrases):
        assert understand(f"Well: {saying.upper()}!") == (each,)
    for saying in each.held_out_phrases:
        assert understand(saying) == ()
    assert len(each.phrases) >= 2
    assert len(each.held_out_phrases) >= 2


def test_praise_and_empty_remarks_name_no_flaw() -> None:
    for saying in (*PRAISES, *HELD_OUT_PRAISES, *EMPTY_REMARKS):
        assert understand(saying) == ()


def test_a_saying_that_names_two_flaws_is_understood_as_both() -> None:
    assert {each.name for each in understand("The text is too small. There is a typo.")} == {"tiny_text", "typo"}


def test_only_whole_words_are_understood() -> None:
    assert understand("There is a typology of it laggy-free") == ()
