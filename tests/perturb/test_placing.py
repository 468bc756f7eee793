"""Where controls are put."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refine.perturb.placing import Control, Past, Placement, PlacingSettings, place_control

SHOWN = ("a", "b", "c")


def controls(number: int) -> list[Control]:
    return [Control(id=f"control of {each} {number}", original=each) for each in SHOWN]


def life(labeler: str, *, share: float, length: int, seed: int = 0, some: bool = True) -> list[Placement | None]:
    """A labeler's assignments, each of a round of its own."""
    history: list[Past] = []
    placed: list[Placement | None] = []
    for number in range(length):
        shown = tuple(f"{each}{number}" for each in SHOWN)
        offered = [Control(id=f"x{each}", original=each) for each in shown] if some else []
        found = place_control(
            shown, offered, history, labeler=labeler, settings=PlacingSettings(share=share), seed=seed
        )
        placed.append(found)
        history.append(Past() if found is None else Past(control=found.control.id, original=found.control.original))
    return placed


@given(st.text(max_size=8), st.sampled_from([0.1, 0.2, 0.34, 0.5]), st.integers(0, 99))
def test_never_two_in_a_row_never_one_twice_and_always_as_many_candidates(
    labeler: str, share: float, seed: int
) -> None:
    placed = life(labeler, share=share, length=40, seed=seed)
    assert placed == life(labeler, share=share, length=40, seed=seed)
    assert not any(one and other for one, other in itertools.pairwise(placed))
    ids = [each.control.id for each in placed if each]
    assert len(ids) == len(set(ids))
    for each in placed:
        if each:
            assert len(each.order) == len(set(each.order)) == len(SHOWN)
            assert {each.control.id, each.control.original} <= {*each.order}
            assert each.left_out not in each.order
            assert each.left_out != each.control.original


@pytest.mark.parametrize("share", [0.1, 0.2, 1 / 3])
def test_the_share_is_kept_for_every_labeler(share: float) -> None:
    for number in range(20):
        placed = life(f"labeler {number}", share=share, length=60)
        assert sum(each is not None for each in placed) / 60 == pytest.approx(share, abs=0.05)


def test_a_new_labeler_meets_two_in_ten() -> None:
    met = Counter(sum(each is not None for each in life(f"l{number}", share=0.2, length=10)) for number in range(200))
    assert met[2] > 180
    assert min(met) >= 1


def test_neither_the_place_nor_the_moment_gives_it_away() -> None:
    where: Counter[int] = Counter()
    when: Counter[int] = Counter()
    for number in range(600):
        for at, each in enumerate(life(f"l{number}", share=0.2, length=10)):
            if each:
                where[each.order.index(each.control.id)] += 1
                when[at % 5] += 1
    total = sum(where.values())
    assert all(count / total == pytest.approx(1 / 3, abs=0.05) for count in where.values())
    assert all(count / total == pytest.approx(1 / 5, abs=0.08) for count in when.values())


def test_labelers_differ_and_seeds_do_not_in_when_one_comes() -> None:
    lives = {
        tuple(each is not None for each in life(labeler, share=0.2, length=30, seed=seed))
        for labeler in ("ann", "ben", "cem")
        for seed in (0, 1)
    }
    assert len(lives) == 3, "when one comes is a labeler's own, whatever chain they are in"


def test_nothing_is_placed_where_there_is_nothing_to_place() -> None:
    assert life("ann", share=0.2, length=20, some=False) == [None] * 20
    assert life("ann", share=0.0, length=20) == [None] * 20


def ask(offered: list[Control], history: list[Past], shown: tuple[str, ...] = SHOWN, seed: int = 1) -> Placement | None:
    """In the last assignment of a stretch of two."""
    settings = PlacingSettings(share=0.5)
    return place_control(shown, offered, [*history, Past()], labeler="ann", settings=settings, seed=seed)


def test_a_page_whose_copy_was_met_is_not_copied_again_for_the_same_labeler() -> None:
    met = [Past(control="control of a 1", original="a"), Past()]
    found = {ask(controls(2), met, seed=seed).control.original for seed in range(30)}  # type: ignore[union-attr]
    assert found == {"b", "c"}


def test_retired_controls_and_those_of_other_rounds_are_left_out() -> None:
    retired = [Control(id="x", original="a", weight=0.0), Control(id="y", original="elsewhere")]
    assert ask(retired, [Past(), Past()]) is None
    assert ask(controls(1), [Past(), Past()], shown=("a",)) is None
