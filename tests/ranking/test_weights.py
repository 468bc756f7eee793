"""What an operator lets labelers' rows count for, in every way of fitting them."""

import random
from dataclasses import replace

import numpy as np
import pytest

from refine.errors import InputError
from refine.ranking import Comparisons, fit, fit_blind
from refine.ranking import trust as trust_module
from refine.ranking.joining import join, part

HALF = {"w0": 0.5, "w3": 0.25}


def rankings(count: int = 240) -> list[tuple[str, str, list[list[str]], list[str]]]:
    rng = random.Random(2)
    made = []
    for number in range(count // 4):
        for who in rng.sample(range(10), 4):
            shown = rng.sample("abcd", 4)
            worth = {it: (0.0 if who == 9 else -"abcd".index(it)) - 1.5 * rng.expovariate(1) for it in shown}
            order = sorted(shown, key=lambda it: -worth[it])
            made.append((f"w{who}", f"r{number:03}", [[it] for it in order], shown))
    return made


def test_a_weight_of_one_is_no_weight() -> None:
    plain, weighed = (Comparisons.from_rankings(rankings(), weights=it) for it in (None, {"w0": 1.0}))
    assert weighed.weights is None
    assert fit(weighed).mean.tolist() == fit(plain).mean.tolist()


def test_rows_of_no_weight_say_nothing_of_the_items_and_all_of_their_labeler() -> None:
    made = rankings()
    weighed = fit(Comparisons.from_rankings(made, weights={"w0": 0.0}))
    without = fit(Comparisons.from_rankings([row for row in made if row[0] != "w0"]))
    np.testing.assert_allclose(weighed.mean, without.mean, atol=0.05)  # the population has one labeler more
    at = weighed.names.index("w0")
    assert weighed.labelers.reliability[at] > 0.5


def test_tiles_count_weights_as_the_exact_fit_does(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Comparisons.from_rankings(rankings(), weights={f"w{n}": 0.2 for n in range(6)})
    plain, exact = fit(replace(data, weights=None)), fit(data)
    monkeypatch.setattr(trust_module, "MANY", 0)
    tiled = fit(data)
    np.testing.assert_allclose(tiled.mean, exact.mean, atol=0.15)
    assert np.abs(plain.mean - exact.mean).max() > 0.3, "the weights change something"
    sd = [np.sqrt(it.covariances[it.cells.diagonal]) for it in (exact, tiled)]
    np.testing.assert_allclose(sd[1], sd[0], rtol=0.1)


def test_fits_that_take_all_alike_count_weights_too() -> None:
    data = Comparisons.from_rankings(rankings(), weights=HALF)
    given = fit_blind(replace(data, weights=None), labeler_weights=HALF)
    assert fit_blind(data).mean.tolist() == given.mean.tolist()


def test_weights_follow_their_labelers_through_parts_and_joins() -> None:
    data = Comparisons.from_rankings(rankings(), weights=HALF)
    some = part(data, np.flatnonzero(data.labeler >= 2))
    assert some.weights is not None
    assert dict(zip(some.labelers, some.weights.tolist(), strict=True))["w3"] == 0.25
    more = Comparisons.from_rankings(rankings(8), weights={"w3": 0.75})
    both, _ = join(data, more, np.ones(len(more), dtype=np.int64))
    assert both.weights is not None
    found = dict(zip(both.labelers, both.weights.tolist(), strict=True))
    assert (found["w0"], found["w3"], found["w5"]) == (1.0 if "w0" in more.labelers else 0.5, 0.75, 1.0)


def test_an_update_counts_weights() -> None:
    made = rankings()
    start = fit(Comparisons.from_rankings(made))
    rows = [("w0", "new", [["x"], ["y"]], ["x", "y"]), ("w1", "new", [["y"], ["x"]], ["x", "y"])]
    by_weight = [
        fit(Comparisons.from_rankings(rows, weights={"w0": weight}), start=start).beats("new", "x", "y")
        for weight in (0.0, 0.5, 1.0)
    ]
    assert by_weight == sorted(by_weight) and by_weight[0] < 0.4 < by_weight[2]


@pytest.mark.parametrize("weight", [-0.5, 1.5, float("nan")])
def test_weights_outside_0_to_1_are_refused(weight: float) -> None:
    with pytest.raises(InputError, match="weight"):
        Comparisons.from_rankings(rankings(8), weights={"w0": weight, "w1": weight, "w2": weight, "w3": weight})
