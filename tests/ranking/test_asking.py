import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.errors import InputError
from refine.ranking import Comparisons, fit
from refine.ranking.asking import Ask, Askable, priorities, priority, select_candidates, select_next, usual_bits
from refine.ranking.bits import Sight, sign_bits
from refine.ranking.cells import Floats
from refine.ranking.ordered_logit import sigmoid

EVEN = np.zeros(3), np.eye(3)
OPEN = np.array([1.0, 0.9, -2.0]), np.eye(3) * 0.3
"""Two contenders and one who is out of it."""
DECIDED = np.array([3.0, -2.0, -2.0]), np.eye(3) * 0.1


def people(
    reliability: list[float],
    *,
    careless: list[float] | None = None,
    adversarial: list[float] | None = None,
    load: list[int] | None = None,
) -> Askable:
    none = [0.0] * len(reliability)
    sight = Sight.of(
        reliability=np.array(reliability),
        p_careless=np.array(careless or none),
        p_adversarial=np.array(adversarial or none),
    )
    return Askable(sight=sight, load=np.array(load or [0] * len(reliability)))


def ask(rounds: list[tuple[Floats, Floats]], labelers: Askable, **more: object) -> list[Ask]:
    settings = {"load_cap": 10, **more}
    return select_next([mean for mean, _ in rounds], [cov for _, cov in rounds], labelers, **settings)  # type: ignore[arg-type]


def bits_by_sums(mean: float, variance: float, *, gain: float, careless: float, adversarial: float) -> float:
    """The same by a million small steps."""
    x = np.linspace(-9, 9, 1_000_001)
    weight = np.exp(-x * x / 2)
    weight /= weight.sum()
    lead, guess = mean + np.sqrt(variance) * x, float(sigmoid(-0.3))
    good = 1 - careless - adversarial
    left = good * sigmoid(gain * lead - 0.3) + adversarial * sigmoid(-lead - 0.3) + careless * guess
    right = good * sigmoid(-gain * lead - 0.3) + adversarial * sigmoid(lead - 0.3) + careless * guess
    answers = np.stack([left, 1 - left - right, right], axis=1)
    overall, found = weight @ answers, 0.0
    for side in (lead > 0, lead <= 0):
        share = weight[side].sum()
        given_side = weight[side] @ answers[side] / share
        found += share * float(given_side @ np.log2(given_side / overall))
    return found


@pytest.mark.parametrize(
    ("mean", "variance", "gain", "careless", "adversarial"),
    [(0, 1, 1, 0, 0), (1, 2, 1, 0, 0), (2, 0.5, 2.7, 0.1, 0.05), (0.3, 0.01, 1, 0, 0), (-1, 4, 0.3, 0.5, 0.2)],
)
def test_bits_are_the_information_about_who_is_better(
    mean: float, variance: float, gain: float, careless: float, adversarial: float
) -> None:
    sight = Sight(gain=np.array([gain]), careless=np.array([careless]), adversarial=np.array([adversarial]))
    found = sign_bits(np.array([mean]), np.array([variance]), sight)
    expected = bits_by_sums(mean, variance, gain=gain, careless=careless, adversarial=adversarial)
    assert found[0] == pytest.approx(expected, rel=1e-4)


def test_a_careless_labeler_tells_nothing_and_one_sure_to_invert_as_much_as_a_good_one() -> None:
    good, careless, inverting = usual_bits(
        people([1.0, 0.0, -1.0], careless=[0.0, 1.0, 0.0], adversarial=[0.0, 0.0, 1.0]).sight
    )
    assert careless == pytest.approx(0, abs=1e-5)
    assert inverting == pytest.approx(good, rel=1e-4)


def test_a_labeler_tells_more_the_better_he_sees_and_the_surer_that_is() -> None:
    sight = people([0.5, 1.0, 2.0, 1.0], careless=[0, 0, 0, 0.3]).sight
    weak, usual, sharp, doubtful = usual_bits(sight)
    assert weak < usual < sharp
    assert doubtful < usual


def test_a_round_is_worth_less_the_more_it_is_decided() -> None:
    assert priority(*EVEN) > priority(*OPEN) > priority(*DECIDED) > 0


def test_a_round_of_one_or_none_is_worth_nothing() -> None:
    assert priority(np.zeros(1), np.eye(1)) == 0
    assert priority(np.zeros(0), np.zeros((0, 0))) == 0


def test_two_equal_and_unknown_are_worth_what_the_docs_say() -> None:
    assert priority(np.zeros(2), np.eye(2)) == pytest.approx(0.167, abs=0.001)


def test_many_rounds_of_different_sizes_are_valued_as_one_by_one() -> None:
    rounds = [EVEN, (np.zeros(1), np.eye(1)), OPEN, (np.zeros(5), np.eye(5)), DECIDED]
    found = priorities([mean for mean, _ in rounds], [cov for _, cov in rounds])
    np.testing.assert_allclose(found, [priority(*each) for each in rounds])


def test_the_two_contenders_are_shown_not_the_one_who_is_out_of_it() -> None:
    assert select_candidates(*OPEN) == (0, 1)


def test_sets_grow_from_the_contenders_and_end_at_the_round() -> None:
    mean, covariance = np.array([0.0, 1.0, -3.0, 0.8, 0.6]), np.eye(5) * 0.2
    assert [select_candidates(mean, covariance, size=size) for size in (2, 3, 4, 9)] == [
        (1, 3),
        (1, 3, 4),
        (0, 1, 3, 4),
        (0, 1, 2, 3, 4),
    ]


def test_as_many_are_shown_as_are_in_the_race() -> None:
    assert select_candidates(np.zeros(5), np.eye(5), size=None) == (0, 1, 2, 3, 4)
    assert select_candidates(np.array([1.0, 1.0, -4, -4, -4]), np.eye(5) * 0.2, size=None) == (0, 1)


@pytest.mark.parametrize("size", [2, 3, None])
@pytest.mark.parametrize("include", [0, 1, 2])
def test_the_incumbent_is_shown_when_asked_to(size: int | None, include: int) -> None:
    assert include in select_candidates(*OPEN, size=size, include=include)


def test_the_most_telling_round_goes_to_the_most_telling_labeler() -> None:
    (first, second) = ask([DECIDED, EVEN], people([0.5, 1.5]), count=2)
    assert (first.round, first.labeler) == (1, 1)
    assert second.round == 0
    assert first.bits > second.bits > 0


def test_nobody_is_asked_beyond_the_cap() -> None:
    found = ask([EVEN] * 9, people([2.0, 1.0, 0.5], load=[8, 9, 10]), count=9)
    assert Counter(each.labeler for each in found) == {0: 2, 1: 1}


def test_nobody_is_asked_twice_about_a_round() -> None:
    asked = np.array([[True, False], [True, True]])
    assert [(each.round, each.labeler) for each in ask([OPEN, EVEN], people([1.0, 0.5]), asked=asked, count=5)] == [
        (0, 1)
    ]


def test_a_round_is_given_out_once_a_call() -> None:
    assert len(ask([EVEN], people([1.0, 1.0]), count=5)) == 1


def test_nothing_open_and_nobody_there_is_no_work() -> None:
    assert ask([], people([1.0])) == []
    assert ask([EVEN], people([])) == []
    assert ask([(np.zeros(1), np.eye(1))], people([1.0])) == []


def test_equals_are_settled_by_the_seed_alone() -> None:
    rounds, labelers = [EVEN] * 50, people([1.0] * 50)
    firsts = {ask(rounds, labelers, seed=seed)[0].round for seed in range(20)}
    assert len(firsts) > 5
    assert ask(rounds, labelers, count=20, seed=3) == ask(rounds, labelers, count=20, seed=3)


def test_stored_priorities_are_taken_as_they_are() -> None:
    assert ask([EVEN, DECIDED], people([1.0]), stored=np.array([0.1, 0.2]))[0].round == 1


def test_labelers_of_a_fit_can_be_asked() -> None:
    rows = [(f"w{who}", f"g{group}", [["a"], ["b"], ["c"]]) for who in range(4) for group in range(6)]
    fitted = fit(Comparisons.from_rankings(rows))
    labelers = Askable.of(fitted.labelers, [0, 0, 0, 1])
    mean, covariance = fitted.posterior("g0", ["a", "b", "c"])
    (found,) = select_next([mean], [covariance], labelers, load_cap=1)
    assert found.labeler != 3


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_how_candidates_are_ordered_changes_nothing(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 6))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    root = rng.normal(size=(size, size))
    mean, covariance = rng.normal(size=size), root @ root.T + 0.1 * np.eye(size)
    order = np.array(data.draw(st.permutations(range(size))))
    moved = mean[order], covariance[np.ix_(order, order)]
    assert priority(*moved) == pytest.approx(priority(mean, covariance))
    shown = select_candidates(mean, covariance, size=3)
    assert {int(order[at]) for at in select_candidates(*moved, size=3)} == {*shown}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"load_cap": 0}, "load_cap is 0"),
        ({"size": 1}, "size is 1"),
        ({"include": [3]}, "no candidate 3"),
        ({"include": []}, "1 means need as many"),
        ({"stored": np.zeros(2)}, "1 means need as many"),
        ({"asked": np.zeros((2, 1), dtype=bool)}, r"must be \(1, 1\)"),
    ],
)
def test_what_does_not_fit_is_refused(more: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ask([EVEN], people([1.0]), **more)


def test_thousands_of_rounds_and_hundreds_of_labelers_take_little_time() -> None:
    rng = np.random.default_rng(0)
    rounds, who = 5000, 500
    mean, root = rng.normal(size=(rounds, 5)), rng.normal(size=(rounds, 5, 5))
    covariance = root @ root.transpose(0, 2, 1) * 0.1 + 0.1 * np.eye(5)
    labelers = Askable(
        sight=Sight.of(reliability=rng.random(who), p_careless=np.zeros(who), p_adversarial=np.zeros(who)),
        load=np.zeros(who, dtype=np.int64),
    )
    stored = priorities(mean, covariance)
    started = time.process_time()
    select_next(mean, covariance, labelers, load_cap=5, count=10, stored=stored)
    # 3 ms measured; a loop over rounds or over pairs of round and labeler would take seconds
    assert time.process_time() - started < 0.2
