"""The engine against data drawn from its own model, and against what must not matter."""

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.ranking import Comparisons, Fitted, fit, fit_blind
from refine.ranking.cells import Floats
from refine.ranking.comparisons import LEFT, RIGHT, TIE

GOOD, CARELESS, ADVERSARIAL = range(3)


def comparisons(columns: dict[str, list[str]], outcome: Sequence[int]) -> Comparisons:
    return Comparisons.from_columns(
        labeler=columns["labeler"],
        group=columns["group"],
        left=columns["left"],
        right=columns["right"],
        outcome=outcome,
    )


class Drawn:
    """Plain pairs of four items a group by labelers of every kind, drawn from the model itself."""

    def __init__(self, *, groups: int, labelers: int, each: int, theta: float, sd: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.scores = rng.normal(0, sd, (groups, 4))
        self.kind = np.array([GOOD] * (labelers * 3 // 4) + [CARELESS] * (labelers * 3 // 20))
        self.kind = np.append(self.kind, [ADVERSARIAL] * (labelers - len(self.kind)))
        self.gain = np.where(
            self.kind == GOOD, np.exp(rng.normal(0, 0.5, labelers)), np.where(self.kind == ADVERSARIAL, -1.0, 0.0)
        )
        self.side = np.where(self.kind == GOOD, rng.normal(0, 0.3, labelers), 0)
        rows = labelers * each
        self.who, group = np.repeat(np.arange(labelers), each), rng.integers(0, groups, rows)
        left = rng.integers(0, 4, rows)
        right = (left + rng.integers(1, 4, rows)) % 4
        lead = self.gain[self.who] * (self.scores[group, left] - self.scores[group, right]) + self.side[self.who]
        noisy = lead + rng.logistic(size=rows)
        self.outcome = np.where(noisy > theta, LEFT, np.where(noisy < -theta, RIGHT, TIE))
        self.columns = {
            "labeler": [f"w{who:03}" for who in self.who],
            "group": [f"g{at:04}" for at in group],
            "left": [f"g{at:04}-{item}" for at, item in zip(group, left, strict=True)],
            "right": [f"g{at:04}-{item}" for at, item in zip(group, right, strict=True)],
        }
        self.data = comparisons(self.columns, self.outcome.tolist())


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return Drawn(groups=150, labelers=60, each=200, theta=0.5, sd=1.2, seed=8)


@pytest.fixture(scope="module")
def found(drawn: Drawn) -> Fitted:
    return fit(drawn.data)


def correlation(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def test_scores_are_recovered(drawn: Drawn, found: Fitted) -> None:
    mean = found.mean.reshape(drawn.scores.shape)
    mean, truth = (each - each.mean(1, keepdims=True) for each in (mean, drawn.scores))  # a group has no origin
    errors = mean - truth
    assert correlation(mean.ravel(), truth.ravel()) > 0.9
    sd = found.ratings.sd.reshape(drawn.scores.shape)
    assert float(np.mean(errors**2)) < 1.3 * float(np.mean(sd**2))


def test_gains_side_biases_and_kinds_of_labelers_are_recovered(drawn: Drawn, found: Fitted) -> None:
    labelers, is_good = found.labelers, drawn.kind == GOOD
    assert correlation(labelers.reliability[is_good], drawn.gain[is_good]) > 0.9
    assert correlation(labelers.side_bias[is_good], drawn.side[is_good]) > 0.6
    assert (labelers.p_careless[drawn.kind == CARELESS] > 0.9).all()
    assert (labelers.p_adversarial[drawn.kind == ADVERSARIAL] > 0.9).all()
    assert (labelers.reliability_sd[is_good] > 0).all()


def test_the_threshold_and_the_spread_of_scores_are_recovered(drawn: Drawn, found: Fitted) -> None:
    scale = np.median(found.labelers.reliability[drawn.kind == GOOD]) / np.median(drawn.gain[drawn.kind == GOOD])
    assert found.theta == pytest.approx(0.5, abs=0.1)
    assert found.variance**0.5 * scale == pytest.approx(1.2, abs=0.2)


def test_ties_are_not_half_wins() -> None:
    """Trap: with ties as half wins, chances of who wins if somebody does are far from right where ties are frequent."""
    theta = 1.2
    drawn = Drawn(groups=40, labelers=4, each=10_000, theta=theta, sd=1.0, seed=3)
    is_good = drawn.kind[drawn.who] == GOOD
    columns = {name: [*np.array(column)[is_good]] for name, column in drawn.columns.items()}
    outcome, is_tie = drawn.outcome[is_good], drawn.outcome[is_good] == TIE
    columns["labeler"] = ["w"] * len(outcome)
    data = comparisons(columns, outcome.tolist())
    halves = {name: column * 2 for name, column in columns.items()}  # every row twice, ties once either way
    as_halves = comparisons(halves, [*np.where(is_tie, LEFT, outcome), *np.where(is_tie, RIGHT, outcome)])

    def calibration_error(chances: Floats) -> float:
        p = chances[~is_tie, LEFT] / (chances[~is_tie, LEFT] + chances[~is_tie, RIGHT])
        won, bins = outcome[~is_tie] == LEFT, np.minimum((p * 10).astype(int), 9)
        gaps = [abs(float((won[bins == each] - p[bins == each]).sum())) for each in range(10)]
        return sum(gaps) / len(p)

    assert calibration_error(fit_blind(data).predict(data)) < 0.02
    assert calibration_error(fit_blind(as_halves).predict(data)) > 0.05


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), random=st.randoms(use_true_random=False))
def test_names_and_order_change_a_fit_by_rounding_only(seed: int, random: Random) -> None:
    drawn = Drawn(groups=12, labelers=20, each=25, theta=0.4, sd=1.0, seed=seed)
    columns, outcome = drawn.columns, drawn.outcome.tolist()
    renamed = {
        name: dict(zip(sorted({*column}), random.sample(sorted({*column}), len({*column})), strict=True))
        for name, column in (("labeler", columns["labeler"]), ("group", columns["group"]))
    }
    items = sorted({*columns["left"], *columns["right"]})
    renamed["item"] = dict(zip(items, random.sample(items, len(items)), strict=True))
    rows = [*range(len(outcome))]
    random.shuffle(rows)
    into = {"labeler": "labeler", "group": "group", "left": "item", "right": "item"}
    named = {name: [renamed[into[name]][column[row]] for row in rows] for name, column in columns.items()}
    moved = fit(comparisons(named, [outcome[row] for row in rows]))
    fitted = fit(drawn.data)
    there = dict(zip(moved.labelers.labeler, moved.labelers.reliability.tolist(), strict=True))
    for name, reliability in zip(fitted.labelers.labeler, fitted.labelers.reliability.tolist(), strict=True):
        assert there[renamed["labeler"][name]] == pytest.approx(reliability, abs=1e-4)
    for (group, item), at in fitted.place.items():
        other = moved.place[renamed["group"][group], renamed["item"][item]]
        assert moved.mean[other] == pytest.approx(fitted.mean[at], abs=1e-4)


def test_the_same_seed_gives_the_same_fit_and_another_moves_p_best_alone(drawn: Drawn, found: Fitted) -> None:
    again, other = fit(drawn.data, seed=0), fit(drawn.data, seed=1)
    assert again.ratings.p_best.tolist() == found.ratings.p_best.tolist()
    assert again.mean.tolist() == other.mean.tolist() == found.mean.tolist()
    assert again.labelers.reliability.tolist() == other.labelers.reliability.tolist()
    assert other.ratings.p_best.tolist() != found.ratings.p_best.tolist()
    np.testing.assert_allclose(other.ratings.p_best, found.ratings.p_best, atol=0.05)
