import numpy as np
import pytest

from refine.ranking import best as best_module
from refine.ranking.best import best_probabilities, shared_normals
from refine.ranking.cells import Floats

GROUPS = 60


def posterior(size: int, *, dependence: float, seed: int) -> tuple[Floats, Floats]:
    """Means, and covariances of unequal variances, of something all items share, and of dependence between some."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(0, 1, (GROUPS, size))
    root = dependence * rng.normal(0, 0.5, (GROUPS, size, size))
    covariance = root @ root.transpose(0, 2, 1) + 0.7
    covariance[:, np.arange(size), np.arange(size)] += rng.uniform(0.1, 0.6, (GROUPS, size))
    return mean, covariance


@pytest.mark.parametrize("size", [3, 6, 12])
@pytest.mark.parametrize("dependence", [0.0, 1.0])
def test_integrals_of_many_groups_are_what_many_draws_say(
    monkeypatch: pytest.MonkeyPatch, size: int, dependence: float
) -> None:
    mean, covariance = posterior(size, dependence=dependence, seed=size)
    drawn = best_probabilities(mean, covariance, shared_normals(size, 40_000, 0))
    monkeypatch.setattr(best_module, "MANY", 1)
    found = best_probabilities(mean, covariance, shared_normals(size, 4096, 0))
    np.testing.assert_allclose(found.sum(1), 1)
    assert np.abs(found - drawn).max() < 0.03
    assert np.abs(found - drawn).mean() < 0.006


def test_items_far_from_independent_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two items that move as one share their chance: taken as independent they would not."""
    covariance = np.array([[1.0, 0.999, 0.0], [0.999, 1.0, 0.0], [0.0, 0.0, 1.0]])[None]
    mean = np.zeros((1, 3))
    monkeypatch.setattr(best_module, "MANY", 1)
    found = best_probabilities(mean, covariance, shared_normals(3, 4096, 0))
    np.testing.assert_allclose(found, [[0.25, 0.25, 0.5]], atol=0.03)
