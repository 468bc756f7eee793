import numpy as np
import pytest

from refine.errors import InputError
from refine.ranking import BlindFit, Comparisons, fit_blind
from refine.ranking.best import best_probabilities, p_above, shared_normals
from refine.ranking.comparisons import LEFT, RIGHT, TIE


@pytest.fixture
def fitted() -> BlindFit:
    """Two groups of four and two items, `a` best in both."""
    orders = ["abcd", "abdc", "acbd", "badc", "cabd"]
    rankings = [(f"w{k}", "g", [[item] for item in order]) for k, order in enumerate(orders)]
    return fit_blind(Comparisons.from_rankings([*rankings, ("w0", "h", [["a"], ["b"]])]), seed=7)


def test_ratings_name_each_item_of_each_group(fitted: BlindFit) -> None:
    assert list(zip(fitted.ratings.group, fitted.ratings.item, strict=True)) == [
        ("g", "a"), ("g", "b"), ("g", "c"), ("g", "d"), ("h", "a"), ("h", "b"),
    ]  # fmt: skip


def test_p_best_sums_to_one_in_each_group(fitted: BlindFit) -> None:
    assert fitted.ratings.p_best[:4].sum() == pytest.approx(1)
    assert fitted.ratings.p_best[4:].sum() == pytest.approx(1)
    assert fitted.ratings.p_best[:4].argmax() == 0


def test_p_best_over_all_items_is_that_of_the_ratings(fitted: BlindFit) -> None:
    assert list(fitted.p_best("g", "abcd").values()) == fitted.ratings.p_best[:4].tolist()


def test_p_best_of_some_items_leaves_the_others_out(fitted: BlindFit) -> None:
    found = fitted.p_best("g", ["d", "b", "c"])
    assert list(found) == ["d", "b", "c"]
    assert sum(found.values()) == pytest.approx(1)
    assert found["b"] > fitted.p_best("g", "abcd")["b"]


def test_p_best_of_two_is_exactly_who_beats_whom(fitted: BlindFit) -> None:
    assert fitted.p_best("g", ["b", "a"])["a"] == pytest.approx(fitted.beats("g", "a", "b"), abs=1e-12)


def test_p_best_of_one_is_certain_and_of_none_is_empty(fitted: BlindFit) -> None:
    assert fitted.p_best("g", ["c"]) == {"c": 1.0}
    assert fitted.p_best("g", []) == {}


def test_p_best_agrees_with_integration_by_hand() -> None:
    mean, sd = np.array([0.4, 0.0, -0.3]), np.array([0.5, 1.0, 1.5])
    x = np.linspace(-10, 10, 20_001)
    cdf = [np.array([p_above(np.array([at, m]), np.diag([1e-18, s**2])) for at in x[::20]]) for m, s in zip(mean, sd)]  # noqa: B905
    density = np.exp(-0.5 * ((x[::20] - mean[0]) / sd[0]) ** 2) / (sd[0] * np.sqrt(2 * np.pi))
    by_hand = float((density * cdf[1] * cdf[2]).sum() * (x[20] - x[0]))
    found = best_probabilities(mean[None], np.diag(sd**2)[None], shared_normals(3, 40_000, 0))[0]
    assert found[0] == pytest.approx(by_hand, abs=0.01)


def test_p_best_of_equals_is_equal_up_to_the_draws() -> None:
    found = best_probabilities(np.zeros((1, 5)), np.eye(5)[None], shared_normals(5, 4096, 3))[0]
    np.testing.assert_allclose(found, 0.2, atol=0.03)


def test_groups_are_independent_of_how_many_are_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    mean, covariance = rng.normal(size=(7, 3)), np.tile(np.eye(3), (7, 1, 1))
    normals = shared_normals(3, 100, 0)
    at_once = best_probabilities(mean, covariance, normals)
    monkeypatch.setattr("refine.ranking.best._CHUNK", 600)
    np.testing.assert_array_equal(best_probabilities(mean, covariance, normals), at_once)


def test_a_row_of_normals_does_not_depend_on_how_many_follow() -> None:
    np.testing.assert_array_equal(shared_normals(3, 64, 9), shared_normals(8, 64, 9)[:3])


def test_the_same_seed_gives_the_same_p_best_and_another_seed_another(fitted: BlindFit) -> None:
    again, other = fit_blind(fitted.data, seed=7), fit_blind(fitted.data, seed=8)
    assert again.ratings.p_best.tolist() == fitted.ratings.p_best.tolist()
    assert other.ratings.p_best.tolist() != fitted.ratings.p_best.tolist()
    assert other.mean.tolist() == fitted.mean.tolist()
    np.testing.assert_allclose(other.ratings.p_best, fitted.ratings.p_best, atol=0.03)


def test_beats_is_complementary(fitted: BlindFit) -> None:
    assert fitted.beats("g", "a", "d") + fitted.beats("g", "d", "a") == pytest.approx(1)
    assert fitted.beats("g", "a", "d") > 0.8
    assert fitted.beats("g", "a", "a") == 0.5


def test_items_never_compared_are_refused(fitted: BlindFit) -> None:
    with pytest.raises(InputError, match="'z' in 'g'"):
        fitted.beats("g", "a", "z")
    with pytest.raises(InputError, match="'c' in 'h'"):
        fitted.p_best("h", ["a", "c"])
    with pytest.raises(InputError, match="twice"):
        fitted.p_best("g", ["a", "a"])


def test_predictions_follow_the_ratings(fitted: BlindFit) -> None:
    other = Comparisons.from_columns(labeler=["x"] * 2, group=["g"] * 2, left="ad", right="da", outcome=[TIE, TIE])
    found = fitted.predict(other)
    assert found[0, LEFT] > 0.6
    np.testing.assert_allclose(found[0], found[1][::-1])
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_a_prediction_is_the_average_over_the_posterior(fitted: BlindFit) -> None:
    other = Comparisons.from_columns(labeler=["x"], group=["g"], left=["a"], right=["d"], outcome=[TIE])
    mean, covariance = fitted.posterior("g", ["a", "d"])
    drawn = np.random.default_rng(0).multivariate_normal(mean, covariance, 200_000) @ [1, -1]
    left, right = (1 / (1 + np.exp(fitted.theta - side * drawn)) for side in (1, -1))
    by_draws = [left.mean(), 1 - left.mean() - right.mean(), right.mean()]
    np.testing.assert_allclose(fitted.predict(other)[0], by_draws, atol=0.01)


def test_unseen_items_are_predicted_by_the_prior(fitted: BlindFit) -> None:
    other = Comparisons.from_columns(
        labeler=["x"] * 3, group=["g", "new", "g"], left=["y", "a", "a"], right=["z", "b", "y"], outcome=[TIE] * 3
    )
    found = fitted.predict(other)
    assert found[0, LEFT] == pytest.approx(found[0, RIGHT])
    np.testing.assert_allclose(found[0], found[1])
    assert found[2, LEFT] > found[2, RIGHT]


def test_labelers_are_listed_with_how_they_agree() -> None:
    rankings = [(f"w{k}", "g", [["a"], ["b"], ["c"]]) for k in range(4)]
    contrary, tied = ("x", "g", [["c"], ["b"], ["a"]]), ("y", "g", [["a", "b", "c"]])
    labelers = fit_blind(Comparisons.from_rankings([*rankings, contrary, tied])).labelers
    assert labelers.labeler == ("w0", "w1", "w2", "w3", "x", "y")
    assert labelers.comparisons.tolist() == [3] * 6
    assert labelers.agreement.tolist() == [1, 1, 1, 1, 0, 0.5]
    assert labelers.reliability.tolist() == [1] * 6
