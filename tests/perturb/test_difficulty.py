"""How hard controls are, from how labelers did."""

import random
from itertools import pairwise

import pytest

from refine.perturb import OPERATORS, propose
from refine.perturb.difficulty import (
    Sighting,
    fit_difficulty,
    operator_weights,
    right_share,
    severity_of,
)
from tests.perturb.conftest import load_pages


def sightings(key: str, right: int, wrong: int, reliability: float = 1.0) -> list[Sighting]:
    return [
        *(Sighting(key=key, is_right=True, reliability=reliability) for _ in range(right)),
        *(Sighting(key=key, is_right=False, reliability=reliability) for _ in range(wrong)),
    ]


def test_without_evidence_the_prior_stands_and_is_unsure() -> None:
    found = fit_difficulty([], {each.name: each.severity for each in OPERATORS})
    for each in OPERATORS:
        one = found[each.name]
        assert one.severity == pytest.approx(each.severity)
        assert one.severity_low < one.severity < one.severity_high
        assert (one.seen, one.wrong_share, one.is_retired) == (0, None, False)


def test_severity_and_share_are_one_curve() -> None:
    for severity in (0.05, 0.2, 0.5):
        assert severity_of(right_share(severity)) == pytest.approx(severity)
    assert severity_of(0.3) == severity_of(0.5) == 0.01
    assert severity_of(1.0) == 1.0


def test_misses_lower_the_severity_and_evidence_narrows_the_interval() -> None:
    prior = {"a": 0.2}
    few, many = (fit_difficulty(sightings("a", 7 * n, 3 * n), prior)["a"] for n in (1, 30))
    assert many.severity < few.severity < 0.2
    assert many.severity == pytest.approx(severity_of(0.7), abs=0.02)
    assert many.right_high - many.right_low < (few.right_high - few.right_low) / 2
    assert many.right_low < 0.7 < many.right_high


@pytest.mark.parametrize("truth", [0.6, 0.8, 0.95])
def test_the_interval_covers_the_truth_as_often_as_it_says(truth: float) -> None:
    rng = random.Random(2)
    covered = 0
    for _ in range(200):
        right = sum(rng.random() < truth for _ in range(60))
        found = fit_difficulty(sightings("a", right, 60 - right), {"a": severity_of(truth)})["a"]
        covered += found.right_low <= truth <= found.right_high
    assert covered / 200 > 0.85


def test_labelers_count_for_as_much_as_they_are_trusted() -> None:
    trusted, careless, hostile = (
        fit_difficulty(sightings("a", 10, 40, reliability), {"a": 0.2})["a"] for reliability in (1.0, 0.1, -1.0)
    )
    assert trusted.severity < careless.severity
    assert hostile.severity == pytest.approx(0.2)
    assert hostile.wrong_share is None


def test_a_control_that_half_of_the_trusted_get_wrong_is_retired_with_enough_evidence() -> None:
    prior = {"a": 0.2}
    assert fit_difficulty(sightings("a", 6, 6), prior)["a"].is_retired
    assert fit_difficulty(sightings("a", 7, 5), prior)["a"].is_retired
    assert not fit_difficulty(sightings("a", 8, 4), prior)["a"].is_retired
    assert not fit_difficulty(sightings("a", 2, 2), prior)["a"].is_retired
    assert not fit_difficulty(sightings("a", 30, 30, reliability=0.3), prior)["a"].is_retired


def test_a_copy_that_is_preferred_is_retired_and_said_to_be_inverted() -> None:
    found = fit_difficulty(sightings("a", 3, 17), {"a": 0.2})["a"]
    assert found.is_retired
    assert found.is_inverted
    assert found.bits == 0


def test_what_tells_the_attentive_from_the_careless_has_the_greater_weight() -> None:
    seen = [
        *sightings("telling", 28, 2),
        *sightings("telling", 15, 15, reliability=0),
        *sightings("glaring", 30, 0),
        *sightings("glaring", 30, 0, reliability=0),
        *sightings("hidden", 16, 14),
        *sightings("subtle", 21, 9),
    ]
    found = fit_difficulty(seen, dict.fromkeys(("telling", "glaring", "hidden", "subtle"), 0.2))
    weights = operator_weights(found)
    assert weights["hidden"] == 0
    assert weights["telling"] > weights["subtle"] > 0
    assert weights["telling"] > weights["glaring"]
    kept = [weight for weight in weights.values() if weight]
    assert sum(kept) / len(kept) == pytest.approx(1)


def test_weights_are_weights_of_operators() -> None:
    priors = {each.name: each.severity for each in OPERATORS}
    weights = operator_weights(fit_difficulty(sightings("typo", 10, 10), priors))
    assert weights["typo"] == 0
    assert "typo" not in {each.operator for each in propose(load_pages()["quiz"], weights=weights)}


def test_the_better_noticed_is_the_more_severe() -> None:
    found = [fit_difficulty(sightings("a", right, 20 - right), {"a": 0.2})["a"] for right in range(0, 21, 4)]
    assert all(one.severity <= other.severity for one, other in pairwise(found))
