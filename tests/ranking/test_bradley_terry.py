import numpy as np
import pytest

from refine.ranking.bradley_terry import Problem
from refine.ranking.cells import Floats
from refine.ranking.comparisons import Comparisons
from refine.ranking.laplace import row_weights

STEP = 1e-5


@pytest.fixture
def problem() -> Problem:
    rng = np.random.default_rng(3)
    rows = [
        (f"w{number % 3}", f"g{number % 2}", [[str(item)] for item in rng.permutation(3 + number % 2)])
        for number in range(12)
    ]
    rows += [("w0", "g0", [["0", "1"], ["2"]]), ("w1", "g1", [["3"], ["0", "2", "1"]])]
    data = Comparisons.from_rankings(rows)
    return Problem.of(data, row_weights(data), prior_sd=1.3)


@pytest.fixture
def at(problem: Problem) -> Floats:
    """Scores, then theta."""
    return np.append(np.random.default_rng(4).normal(size=len(problem.cells)), 0.37)


def moved(at: Floats, index: int, by: float) -> tuple[Floats, float]:
    new = at.copy()
    new[index] += by
    return new[:-1], float(new[-1])


def test_the_gradient_is_the_slope_of_the_log_posterior(problem: Problem, at: Floats) -> None:
    found = problem.derivatives(at[:-1], float(at[-1]))
    slope = [
        (problem.log_posterior(*moved(at, k, STEP)) - problem.log_posterior(*moved(at, k, -STEP))) / (2 * STEP)
        for k in range(len(at))
    ]
    np.testing.assert_allclose([*found.gradient, found.gradient_theta], slope, rtol=1e-6, atol=1e-7)


def test_the_hessian_is_the_slope_of_the_gradient(problem: Problem, at: Floats) -> None:
    found = problem.derivatives(at[:-1], float(at[-1]))
    items = len(problem.cells)
    hessian = np.zeros((items + 1, items + 1))
    for start, size, block in zip(problem.cells.start, problem.cells.size, problem.cells.block, strict=True):
        here = slice(start, start + size)
        hessian[here, here] = -found.blocks[block : block + size * size].reshape(size, size)
    hessian[:-1, -1] = hessian[-1, :-1] = -found.border
    hessian[-1, -1] = -found.corner

    def gradient(index: int, by: float) -> Floats:
        derivatives = problem.derivatives(*moved(at, index, by))
        return np.append(derivatives.gradient, derivatives.gradient_theta)

    slope = [(gradient(k, STEP) - gradient(k, -STEP)) / (2 * STEP) for k in range(len(at))]
    np.testing.assert_allclose(hessian, slope, rtol=1e-6, atol=1e-7)


def test_the_likelihood_is_the_ordered_logit() -> None:
    def logistic(x: float) -> float:
        return float(1 / (1 + np.exp(-x)))

    s, theta = np.array([0.8, -0.4]), 0.6
    left, right = logistic(1.2 - theta), logistic(-1.2 - theta)
    gains = []
    for groups in ([["a"], ["b"]], [["b"], ["a"]], [["a", "b"]]):
        data = Comparisons.from_rankings([("w", "g", groups)])
        with_row = Problem.of(data, np.ones(1), prior_sd=1.0).log_posterior(s, theta)
        without = Problem.of(data, np.zeros(1), prior_sd=1.0).log_posterior(s, theta)
        gains.append(with_row - without)
    np.testing.assert_allclose(gains, np.log([left, right, 1 - left - right]))


def test_extreme_scores_do_not_overflow(problem: Problem, at: Floats) -> None:
    found = problem.derivatives(at[:-1] * 1e4, 900.0)
    assert np.isfinite(problem.log_posterior(at[:-1] * 1e4, 900.0))
    assert np.isfinite(found.gradient).all()
    assert np.isfinite(found.blocks).all()
