from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.errors import InputError
from refine.ranking import BlindFit, Comparisons, fit_blind
from refine.ranking.cells import Floats, Ints
from refine.ranking.comparisons import LEFT, RIGHT, TIE
from refine.ranking.laplace import row_weights

Row = tuple[str, str, str, str, int]


def comparisons(rows: list[Row]) -> Comparisons:
    labeler, group, left, right, outcome = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return Comparisons.from_columns(labeler=labeler, group=group, left=left, right=right, outcome=outcome)


def simulated(*, scores: Floats, theta: float, rows: int, seed: int) -> Comparisons:
    """Random pairs of items `i00`, `i01`, … of one group, answered by the model itself."""
    rng = np.random.default_rng(seed)
    left = rng.integers(0, len(scores), rows)
    right = (left + rng.integers(1, len(scores), rows)) % len(scores)
    d = scores[left] - scores[right]
    drawn = rng.random(rows)
    outcome = np.where(
        drawn < 1 / (1 + np.exp(theta - d)), LEFT, np.where(drawn > 1 - 1 / (1 + np.exp(theta + d)), RIGHT, TIE)
    )
    return Comparisons.from_columns(
        labeler=[f"w{row % 7}" for row in range(rows)],
        group=["g"] * rows,
        left=[f"i{item:02}" for item in left],
        right=[f"i{item:02}" for item in right],
        outcome=outcome.tolist(),
    )


def by_item(fitted: BlindFit) -> dict[tuple[str, str], tuple[float, float]]:
    ratings = fitted.ratings
    keys = zip(ratings.group, ratings.item, strict=True)
    return dict(zip(keys, zip(ratings.mean.tolist(), ratings.sd.tolist(), strict=True), strict=True))


names = st.sampled_from("abcde")
row_lists = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob"]), st.sampled_from(["g", "h"]), names, names, st.sampled_from([LEFT, TIE, RIGHT])
    ).filter(lambda row: row[2] != row[3]),
    max_size=30,
)


def test_scores_and_threshold_are_recovered() -> None:
    scores = np.random.default_rng(0).normal(0, 1.2, 12)
    fitted = fit_blind(simulated(scores=scores, theta=0.8, rows=20_000, seed=1))
    np.testing.assert_allclose(fitted.mean - fitted.mean.mean(), scores - scores.mean(), atol=0.15)
    assert fitted.theta == pytest.approx(0.8, abs=4 * fitted.theta_sd)
    assert fitted.theta_sd < 0.03


def test_the_result_is_the_maximum() -> None:
    fitted = fit_blind(simulated(scores=np.array([0.0, 1.0, -1.0, 0.5]), theta=0.4, rows=60, seed=2))
    at = fitted.problem.derivatives(fitted.mean, fitted.theta)
    np.testing.assert_allclose([*at.gradient, at.gradient_theta], 0, atol=1e-9)


def test_covariances_are_those_of_the_whole_hessian() -> None:
    rows: list[Row] = [("w", "g", "a", "b", LEFT), ("w", "g", "b", "c", TIE), ("w", "h", "a", "b", RIGHT)]
    fitted = fit_blind(comparisons(rows * 2))
    at = fitted.problem.derivatives(fitted.mean, fitted.theta)
    hessian = np.zeros((6, 6))
    hessian[:3, :3], hessian[3:5, 3:5] = at.blocks[:9].reshape(3, 3), at.blocks[9:].reshape(2, 2)
    hessian[:5, 5] = hessian[5, :5] = at.border
    hessian[5, 5] = at.corner
    inverse = np.linalg.inv(hessian)
    np.testing.assert_allclose(fitted.covariances, [*inverse[:3, :3].ravel(), *inverse[3:5, 3:5].ravel()], atol=1e-10)
    assert fitted.theta_sd == pytest.approx(inverse[5, 5] ** 0.5)


def test_uncertainty_is_as_large_as_the_errors() -> None:
    rng = np.random.default_rng(5)
    scores = rng.normal(0, 1.5, (500, 4))
    rankings = [
        (f"w{labeler}", f"g{group:03}", [[f"i{item}"] for item in np.argsort(-(scores[group] + rng.gumbel(size=4)))])
        for group in range(500)
        for labeler in range(5)
    ]
    fitted = fit_blind(Comparisons.from_rankings(rankings))
    mean, covariance = fitted.mean.reshape(500, 4), fitted.covariances.reshape(500, 4, 4)
    spread = np.sqrt(covariance[:, 0, 0] + covariance[:, 1, 1] - 2 * covariance[:, 0, 1])
    error = ((mean[:, 0] - mean[:, 1]) - (scores[:, 0] - scores[:, 1])) / spread
    assert 0.85 < error.std() < 1.15  # a Plackett-Luce ranking counted pair by pair would give more


def test_the_order_of_rows_changes_nothing_at_all() -> None:
    data = simulated(scores=np.array([0.0, 1.0, -1.0, 0.5]), theta=0.4, rows=80, seed=3)
    rankings = [("w", "g", [[f"i{k:02}"] for k in order]) for order in ([3, 1, 0], [2, 0], [1, 3, 2, 0])]

    def rows(order: Ints) -> BlindFit:
        ranked = Comparisons.from_rankings(rankings)
        return fit_blind(
            Comparisons.from_columns(
                labeler=["w"] * len(order),
                group=["g"] * len(order),
                left=[[*data.items][k] for k in np.append(data.left, ranked.left)[order]],
                right=[[*data.items][k] for k in np.append(data.right, ranked.right)[order]],
                outcome=np.append(data.outcome, ranked.outcome)[order].tolist(),
                ranking=np.append(data.ranking, ranked.ranking)[order].tolist(),
            )
        )

    plain = np.arange(80 + 3 + 1 + 6)
    one, other = rows(plain), rows(np.random.default_rng(0).permutation(plain))
    assert one.mean.tolist() == other.mean.tolist()
    assert one.covariances.tolist() == other.covariances.tolist()
    assert one.ratings.p_best.tolist() == other.ratings.p_best.tolist()


@settings(max_examples=40, deadline=None)
@given(row_lists, st.permutations("abcde"), st.randoms(use_true_random=False))
def test_renaming_swapping_and_shuffling_change_ratings_by_rounding_only(
    rows: list[Row], renamed: list[str], random: Random
) -> None:
    new = dict(zip("abcde", renamed, strict=True))
    changed = [
        (worker, group, new[right], new[left], RIGHT - outcome)
        if position % 2
        else (worker, group, new[left], new[right], outcome)
        for position, (worker, group, left, right, outcome) in enumerate(rows)
    ]
    random.shuffle(changed)
    before, after = by_item(fit_blind(comparisons(rows))), by_item(fit_blind(comparisons(changed)))
    assert len(before) == len(after)
    for (group, item), found in before.items():
        assert after[group, new[item]] == pytest.approx(found, abs=1e-8)


@settings(max_examples=40, deadline=None)
@given(row_lists)
def test_whatever_the_evidence_everything_is_a_number(rows: list[Row]) -> None:
    fitted = fit_blind(comparisons(rows), draws=64)
    assert np.isfinite(fitted.mean).all()
    assert (fitted.ratings.sd > 0).all()
    assert (fitted.ratings.sd < fitted.prior_sd + 1e-9).all()
    assert 0 < fitted.theta < 10
    assert np.isfinite(fitted.ratings.p_best).all()
    assert np.isfinite(fitted.labelers.agreement).all()
    np.testing.assert_allclose(fitted.predict(fitted.data).sum(axis=1), 1)


def test_a_start_saves_nothing_but_steps() -> None:
    data = simulated(scores=np.array([0.0, 1.0, -1.0, 0.5]), theta=0.4, rows=80, seed=3)
    start = fit_blind(simulated(scores=np.array([0.0, 1.0, -1.0, 0.5, 2.0]), theta=0.9, rows=70, seed=4))
    np.testing.assert_allclose(fit_blind(data, start=start).mean, fit_blind(data).mean, atol=1e-9)
    assert fit_blind(data, start=start).theta == pytest.approx(fit_blind(data).theta)


def test_without_comparisons_there_are_no_ratings() -> None:
    fitted = fit_blind(comparisons([]))
    assert len(fitted.ratings) == 0
    assert len(fitted.labelers.labeler) == 0
    assert fitted.theta > 0


def test_only_ties_means_equal_ratings_and_more_ties_expected() -> None:
    fitted = fit_blind(comparisons([("w", "g", "a", "b", TIE), ("w", "g", "b", "c", TIE)] * 20))
    np.testing.assert_allclose(fitted.mean, 0, atol=1e-9)
    assert fitted.predict(fitted.data)[0, TIE] > 0.7


def test_contradictions_leave_equal_ratings() -> None:
    fitted = fit_blind(comparisons([("w", "g", "a", "b", LEFT), ("v", "g", "a", "b", RIGHT)] * 10))
    assert fitted.beats("g", "a", "b") == pytest.approx(0.5)


def test_parts_never_compared_with_each_other_differ_by_the_prior_alone() -> None:
    rows: list[Row] = [("w", "g", "a", "b", LEFT), ("w", "g", "c", "d", LEFT)]
    fitted = fit_blind(comparisons(rows * 5))
    assert fitted.beats("g", "a", "c") == pytest.approx(0.5)
    assert fitted.beats("g", "a", "d") > 0.8


def test_an_item_that_never_lost_has_a_finite_rating() -> None:
    fitted = fit_blind(comparisons([("w", "g", "a", "b", LEFT)] * 1000))
    assert 2 < fitted.mean[0] < 20


def test_rankings_count_as_their_number_of_choices() -> None:
    data = Comparisons.from_rankings([("w", "g", [["a"], ["b"], ["c"], ["d"]]), ("w", "g", [["a", "b"]])])
    np.testing.assert_allclose(row_weights(data), [2 / 4] * 6 + [1])


def test_a_ranking_given_by_neighbours_only_counts_them_in_full() -> None:
    data = Comparisons.from_columns(
        labeler=["w"] * 3, group=["g"] * 3, left="abc", right="bcd", outcome=[LEFT] * 3, ranking=[0, 0, 0]
    )
    np.testing.assert_allclose(row_weights(data), 1)


def test_a_labeler_of_weight_zero_changes_nothing() -> None:
    rows: list[Row] = [("ann", "g", "a", "b", LEFT), ("ann", "g", "b", "c", LEFT)]
    hostile: list[Row] = [("eve", "g", "b", "a", LEFT)] * 9
    alone = fit_blind(comparisons(rows))
    assert fit_blind(comparisons(rows + hostile), labeler_weights={"eve": 0.0}).mean == pytest.approx(alone.mean)
    assert fit_blind(comparisons(rows + hostile)).mean != pytest.approx(alone.mean)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_an_impossible_weight_is_refused(weight: float) -> None:
    with pytest.raises(InputError, match="weight"):
        fit_blind(comparisons([("ann", "g", "a", "b", LEFT)]), labeler_weights={"ann": weight})


@pytest.mark.parametrize("prior_sd", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_prior_is_refused(prior_sd: float) -> None:
    with pytest.raises(InputError, match="prior_sd"):
        fit_blind(comparisons([]), prior_sd=prior_sd)
