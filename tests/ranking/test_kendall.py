import pytest
from hypothesis import given
from hypothesis import strategies as st

from refine.ranking import agreement, kendall_tau_b

ranks = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12)


def test_the_same_order_agrees_fully_and_the_reverse_not_at_all() -> None:
    assert kendall_tau_b([1, 2, 3], [10, 20, 30]) == 1
    assert kendall_tau_b([1, 2, 3], [3, 2, 1]) == -1


def test_ties_count_by_the_square_root() -> None:
    # of ten pairs a ties two and b one; the seven that neither ties go the same way
    a, b = [1, 2, 2, 3, 3], [1, 2, 3, 3, 4]
    assert kendall_tau_b(a, b) == pytest.approx(7 / (8 * 9) ** 0.5)


def test_agreement_with_a_column_of_ties_is_not_defined() -> None:
    assert kendall_tau_b([1, 1, 1], [1, 2, 3]) is None
    assert kendall_tau_b([], []) is None


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 and 1"):
        kendall_tau_b([1, 2], [1])


@given(ranks)
def test_agreement_is_symmetric_and_bounded(pairs: list[tuple[int, int]]) -> None:
    a, b = [first for first, _ in pairs], [second for _, second in pairs]
    found = kendall_tau_b(a, b)
    assert found == kendall_tau_b(b, a)
    assert found is None or -1 - 1e-12 <= found <= 1 + 1e-12
    reverse = kendall_tau_b(a, [-rank for rank in b])
    assert (reverse is None) == (found is None)
    assert found is None or reverse == pytest.approx(-found)


def test_rankings_are_compared_over_what_both_of_them_rank() -> None:
    assert agreement([["a"], ["x"], ["b"], ["c"]], [["a"], ["b"], ["c", "y"]]) == 1
    assert agreement([["a"], ["b"]], [["c"], ["d"]]) is None
