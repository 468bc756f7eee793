import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.ranking import Comparisons, alpha_of_comparisons, krippendorff_alpha
from refine.ranking.krippendorff import Level

LEVELS: list[Level] = ["nominal", "ordinal", "interval"]
units = st.lists(st.lists(st.integers(1, 4), max_size=5), max_size=8)


def columns(*observers: str) -> list[list[float]]:
    """Units from one line an observer, `.` where a value is missing."""
    table = [line.split() for line in observers]
    return [[float(value) for value in column if value != "."] for column in zip(*table, strict=True)]


# The worked examples of Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", sections A to D
BINARY = columns("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0")
TWO_OBSERVERS = columns("1 1 2 2 4 3 3 3 5 4 4 1", "2 1 2 2 2 3 3 3 5 4 4 4")
FOUR_OBSERVERS = columns(
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)


@pytest.mark.parametrize(
    ("example", "level", "alpha"),
    [
        (BINARY, "nominal", 0.095),
        (TWO_OBSERVERS, "nominal", 0.692),
        (FOUR_OBSERVERS, "nominal", 0.743),
        (FOUR_OBSERVERS, "ordinal", 0.815),
        (FOUR_OBSERVERS, "interval", 0.849),
    ],
)
def test_the_published_examples_come_out(example: list[list[float]], level: Level, alpha: float) -> None:
    assert krippendorff_alpha(example, level=level) == pytest.approx(alpha, abs=0.0005)


def test_full_agreement_is_one() -> None:
    for level in LEVELS:
        assert krippendorff_alpha([[1, 1], [2, 2, 2], [3, 3]], level=level) == 1


def test_where_nothing_was_judged_twice_or_all_values_are_equal_it_is_not_defined() -> None:
    for level in LEVELS:
        assert krippendorff_alpha([], level=level) is None
        assert krippendorff_alpha([[1], [2], []], level=level) is None
        assert krippendorff_alpha([[1, 1], [1, 1]], level=level) is None


@settings(max_examples=60)
@given(units, st.sampled_from(LEVELS))
def test_it_is_one_minus_observed_over_expected_disagreement(drawn: list[list[int]], level: Level) -> None:
    """From the definition: mean distance of pairs inside units over that of all pairs of paired values."""
    used = [values for values in drawn if len(values) > 1]
    flat = [value for values in used for value in values]
    found = krippendorff_alpha(drawn, level=level)

    def distance(a: int, b: int) -> float:
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return float(a - b) ** 2
        low, high = min(a, b), max(a, b)
        between = sum(low <= value <= high for value in flat)
        return (between - (flat.count(a) + flat.count(b)) / 2) ** 2

    expected = sum(distance(a, b) for a, b in itertools.permutations(flat, 2))
    if expected == 0:
        assert found is None
        return
    observed = sum(
        sum(distance(a, b) for a, b in itertools.permutations(values, 2)) / (len(values) - 1) for values in used
    )
    expected /= len(flat) - 1
    assert found == pytest.approx(1 - observed / expected)


@settings(max_examples=60)
@given(units)
def test_ordinal_distances_do_not_depend_on_the_numbers(drawn: list[list[int]]) -> None:
    cubed = [[value**3 for value in values] for values in drawn]
    assert krippendorff_alpha(cubed, level="ordinal") == krippendorff_alpha(drawn, level="ordinal")


def test_random_values_agree_as_chance_would_have_it() -> None:
    drawn = np.random.default_rng(1).integers(0, 3, (4000, 3)).tolist()
    for level in LEVELS:
        assert krippendorff_alpha(drawn, level=level) == pytest.approx(0, abs=0.03)


def test_comparisons_agree_pair_by_pair_whichever_side_was_left() -> None:
    data = Comparisons.from_columns(
        labeler=["w1", "w2", "w1", "w2", "w1", "w2", "w3"],
        group=["g", "g", "g", "g", "h", "h", "h"],
        left=["a", "b", "a", "c", "a", "a", "b"],
        right=["b", "a", "c", "a", "b", "b", "c"],
        outcome=[0, 2, 1, 1, 2, 0, 0],
    )
    # a-b of g: left, left; a-c of g: tie, tie; a-b of h: right, left; b-c of h has one answer
    expected = krippendorff_alpha([[0, 0], [1, 1], [2, 0], [0]], level="ordinal")
    assert alpha_of_comparisons(data) == expected
    nominal = krippendorff_alpha([[0, 0], [1, 1], [2, 0], [0]])
    assert alpha_of_comparisons(data, level="nominal") == nominal


def test_a_tie_is_half_way_between_the_two_wins() -> None:
    def alpha(second: list[list[str]]) -> float:
        rows = [("w1", f"g{at}", [["a"], ["b"]]) for at in range(5)] + [
            ("w1", f"h{at}", [["b"], ["a"]]) for at in range(5)
        ]
        rows += [("w2", group, groups) for _, group, groups in rows[1:]] + [("w2", "g0", second)]
        found = alpha_of_comparisons(Comparisons.from_rankings(rows))
        assert found is not None
        return found

    assert alpha([["a"], ["b"]]) == 1 > alpha([["a", "b"]]) > alpha([["b"], ["a"]])


def test_rankings_in_agreement_have_alpha_one_and_controls_do_not_count() -> None:
    rankings = Comparisons.from_rankings([(who, "g", [["a"], ["b", "c"]]) for who in ("w1", "w2", "w3")])
    assert alpha_of_comparisons(rankings) == 1
    controls = Comparisons.from_columns(
        labeler=["w1", "w2"], group=["g"] * 2, left=["a"] * 2, right=["b"] * 2, outcome=[0, 2], control=["true"] * 2
    )
    assert alpha_of_comparisons(controls) is None


def test_no_comparisons_have_no_alpha() -> None:
    assert alpha_of_comparisons(Comparisons.from_rankings([])) is None
