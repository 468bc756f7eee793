import numpy as np
import pytest

from refine.errors import InputError
from refine.ranking.best import best_probabilities, shared_normals
from refine.ranking.cells import Floats
from refine.ranking.stopping import StopReason, enough

SURE = np.array([3.0, 0.0, -1.0]), np.eye(3) * 0.1
OPEN = np.array([0.2, 0.1, 0.0]), np.eye(3)
BEATEN = np.array([0.0, 3.0, 2.9, -2.0]), np.eye(4) * 0.1
"""Two challengers surely beat the first, but which is best is open."""


def stop(round: tuple[Floats, Floats], **more: object) -> StopReason | None:
    settings = {"count": 5, "most": 20, **more}
    return enough(*round, **settings)  # type: ignore[arg-type]


def test_a_round_with_a_sure_best_has_enough() -> None:
    assert stop(SURE) == "best"


def test_an_open_round_needs_more_until_the_cap() -> None:
    assert stop(OPEN) is None
    assert stop(OPEN, count=19) is None
    assert stop(OPEN, count=20) == "most"


def test_nothing_is_sure_before_the_least_answers() -> None:
    assert stop(SURE, count=2, least=3) is None
    assert stop(SURE, count=3, least=3) == "best"


def test_a_challenger_that_surely_beats_the_incumbent_is_enough_even_if_another_may_be_better() -> None:
    assert stop(BEATEN) is None
    assert stop(BEATEN, incumbent=0) == "challenger"
    assert stop(BEATEN, incumbent=0, p_beats=None) is None


def test_an_incumbent_that_nobody_plausibly_beats_is_enough() -> None:
    # against both together P(best) is below 0.95, against either alone above
    round = np.array([1.85, 0.0, 0.0]), np.eye(3) * 0.5
    assert stop(round) is None
    assert stop(round, incumbent=0) == "incumbent"


def test_an_incumbent_in_doubt_is_not_enough() -> None:
    assert stop(OPEN, incumbent=1) is None


def test_one_candidate_alone_is_the_best_and_none_is_not() -> None:
    assert stop((np.zeros(1), np.eye(1))) == "best"
    assert stop((np.zeros(1), np.eye(1)), incumbent=0) == "best"
    assert stop((np.zeros(0), np.zeros((0, 0)))) is None


def test_p_best_is_that_of_the_ratings_with_wider_deviations() -> None:
    covariance = np.eye(3) * 0.5
    for lead in np.linspace(1.0, 3.0, 41).tolist():
        mean = np.array([lead, 0.0, 0.0])
        chance = best_probabilities(mean[None], covariance[None] * 1.2**2, shared_normals(3, 4096, 7))[0, 0]
        assert (stop((mean, covariance), p_best=0.9, caution=1.2, seed=7) == "best") == (chance > 0.9)


def test_looking_after_every_answer_keeps_the_promise() -> None:
    """Rounds of five, seen through normal noise one difference at a time: the posterior is exact, looks are many."""
    rng = np.random.default_rng(5)
    right = stopped = 0
    for _ in range(150):
        truth, mean, covariance = rng.normal(size=5), np.zeros(5), np.eye(5)
        for count in range(1, 80):
            first, second = np.argsort(-mean)[[0, 1 + count % 4]].tolist()
            seen = truth[first] - truth[second] + rng.normal()
            along = covariance[first] - covariance[second]
            spread = along[first] - along[second] + 1
            mean = mean + along * (seen - mean[first] + mean[second]) / spread
            covariance = covariance - np.outer(along, along) / spread
            if enough(mean, covariance, count=count, most=1000) == "best":
                stopped += 1
                right += int(mean.argmax() == truth.argmax())
                break
    assert stopped > 90
    assert right / stopped >= 0.95


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"p_best": 1.0}, "p_best is 1.0"),
        ({"p_best": 0.4}, "p_best is 0.4"),
        ({"p_beats": float("nan")}, "p_beats is nan"),
        ({"least": 3, "most": 2}, "most is 2"),
        ({"incumbent": 3}, "no candidate 3"),
    ],
)
def test_an_impossible_rule_is_refused(more: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        stop(OPEN, **more)
