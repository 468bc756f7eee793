"""Against other libraries, where the mathematics says that they must agree. What they said is in tests/data/peers,
with the script that asked them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refine.ranking import Comparisons, fit, fit_blind, kendall_tau_b
from refine.ranking.best import normal_cdf
from refine.ranking.bradley_terry import Problem
from refine.ranking.comparisons import LEFT, RIGHT
from refine.ranking.laplace import row_weights

PEERS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data/peers/peers.json").read_text())
BLIND, WORKERS, PERFECT = PEERS["blind"], PEERS["workers"], PEERS["perfect"]
NO_TIES = 1e-9
"""A tie threshold at which the model is plain Bradley-Terry."""


@pytest.fixture(scope="module")
def pairs() -> Comparisons:
    winners, losers = zip(*BLIND["pairs"], strict=True)
    return Comparisons.from_columns(
        labeler=["w"] * len(winners),
        group=["g"] * len(winners),
        left=[f"i{winner}" for winner in winners],
        right=[f"i{loser}" for loser in losers],
        outcome=[LEFT] * len(winners),
    )


@pytest.fixture(scope="module")
def workers() -> Comparisons:
    who, group, left, right, label = zip(*WORKERS["rows"], strict=True)
    outcome = [LEFT if winner == one else RIGHT for winner, one in zip(label, left, strict=True)]
    return Comparisons.from_columns(labeler=who, group=group, left=left, right=right, outcome=outcome)


def problem(data: Comparisons, prior_sd: float) -> Problem:
    return Problem.of(data, row_weights(data), prior_sd=prior_sd)


def choix_prior_sd() -> float:
    return float((2 * BLIND["alpha"]) ** -0.5)


def says_left(mean: dict[tuple[str, str], float], task: str) -> bool:
    group, left, right = task.split(" ")
    return mean[group, left] > mean[group, right]


def test_without_ties_the_maximum_is_that_of_choix(pairs: Comparisons) -> None:
    """choix.opt_pairwise is Bradley-Terry with a normal prior, which is ours at a threshold of 0."""
    found = problem(pairs, choix_prior_sd()).derivatives(np.array(BLIND["choix_opt"]), NO_TIES)
    np.testing.assert_allclose(found.gradient, 0, atol=1e-5)


def test_the_curvature_there_is_that_of_choix(pairs: Comparisons) -> None:
    found = problem(pairs, choix_prior_sd()).derivatives(np.array(BLIND["choix_opt"]), NO_TIES)
    np.testing.assert_allclose(np.linalg.inv(found.blocks.reshape(6, 6)), BLIND["choix_covariance"], rtol=1e-6)


def test_without_a_prior_the_maximum_is_that_of_crowd_kit(pairs: Comparisons) -> None:
    found = problem(pairs, 1e6).derivatives(np.array(BLIND["crowdkit_log_scores"]), NO_TIES)
    np.testing.assert_allclose(found.gradient, 0, atol=1e-5)


def test_blind_ratings_have_the_order_of_choix_and_crowd_kit(pairs: Comparisons) -> None:
    mean = fit_blind(pairs, prior_sd=choix_prior_sd()).mean
    for peer in ("choix_opt", "choix_ep_mean", "crowdkit_log_scores"):
        assert np.argsort(mean).tolist() == np.argsort(BLIND[peer]).tolist(), peer


def test_who_beats_whom_is_as_sure_as_expectation_propagation_has_it(pairs: Comparisons) -> None:
    """choix.ep_pairwise approximates the same posterior by other means; ours knows of ties besides."""
    fitted = fit_blind(pairs, prior_sd=choix_prior_sd())
    mean, covariance = np.array(BLIND["choix_ep_mean"]), np.array(BLIND["choix_ep_covariance"])
    for i in range(6):
        for j in range(i):
            sd = (covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]) ** 0.5
            expected = normal_cdf(float(mean[i] - mean[j]) / sd)
            assert fitted.beats("g", f"i{i}", f"i{j}") == pytest.approx(expected, abs=0.02)


def test_an_order_told_without_a_mistake_is_found_as_crowd_kit_finds_it() -> None:
    who, left, right, label = zip(*PERFECT["rows"], strict=True)
    outcome = [LEFT if winner == one else RIGHT for winner, one in zip(label, left, strict=True)]
    data = Comparisons.from_columns(labeler=who, group=["g"] * len(who), left=left, right=right, outcome=outcome)
    for ratings in (fit_blind(data).ratings, fit(data).ratings):
        by_rating = [ratings.item[at] for at in np.argsort(-ratings.mean)]
        assert by_rating == PERFECT["crowdkit_order"]


def test_where_most_workers_are_perfect_answers_are_those_of_the_majority_and_of_dawid_and_skene(
    workers: Comparisons,
) -> None:
    for ratings in (fit_blind(workers).ratings, fit(workers).ratings):
        mean = dict(zip(zip(ratings.group, ratings.item, strict=True), ratings.mean.tolist(), strict=True))
        for peer in ("majority", "dawid_skene"):
            told = WORKERS[peer]
            assert {task: "left" if says_left(mean, task) else "right" for task in told} == told, peer


def test_workers_are_told_apart_as_by_dawid_and_skene(workers: Comparisons) -> None:
    labelers = fit(workers).labelers
    accuracy = np.array([WORKERS["dawid_skene_accuracy"][name] for name in labelers.labeler])
    is_perfect, is_inverting = accuracy > 0.99, accuracy < 0.01
    guesses = ~is_perfect & ~is_inverting
    assert (labelers.reliability[is_perfect] > 0.5).all()
    assert (labelers.p_careless[guesses] > 0.5).all()
    assert (labelers.p_adversarial[is_inverting] > 0.5).all()


def test_tau_b_is_that_of_scipy() -> None:
    found = [kendall_tau_b(each["a"], each["b"]) for each in PEERS["taus"]]
    assert found == pytest.approx([each["scipy"] for each in PEERS["taus"]])
