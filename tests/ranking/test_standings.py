import numpy as np
import pytest

from refine.ranking import Comparisons, fit, standing
from refine.ranking.comparisons import LEFT, RIGHT


def answered(*, careless: int, seed: int = 0) -> Comparisons:
    """Ten labelers, the first of them careless, on forty pairs each."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.5, (40, 3))
    columns: dict[str, list[str]] = {name: [] for name in ("labeler", "group", "left", "right")}
    outcome = []
    for who in range(10):
        for group in range(40):
            i, j = rng.choice(3, 2, replace=False)
            lead = 0.0 if who < careless else scores[group, i] - scores[group, j]
            columns["labeler"].append(f"w{who}")
            columns["group"].append(f"g{group:02}")
            columns["left"].append(f"{group}-{i}")
            columns["right"].append(f"{group}-{j}")
            outcome.append(LEFT if lead + rng.logistic() > 0 else RIGHT)
    return Comparisons.from_columns(**columns, outcome=outcome)  # type: ignore[arg-type]


def test_who_looks_contributes_more_and_agrees_more() -> None:
    found = standing(fit(answered(careless=3)))
    assert found.labeler == tuple(f"w{n}" for n in range(10))
    assert found.bits[:3].max() < found.bits[3:].min()
    assert found.agreement[:3].mean() < found.agreement[3:].mean() - 0.1
    assert found.pay_share.sum() == pytest.approx(1)


def test_bits_are_what_the_ratings_lose_in_entropy() -> None:
    """One labeler's only block: the covariance without it is the prior's."""
    data = Comparisons.from_columns(
        labeler=["ann", "ann"], group=["g", "g"], left=["a", "b"], right=["b", "c"], outcome=[LEFT, LEFT]
    )
    fitted = fit(data)
    _, log_after = np.linalg.slogdet(fitted.covariances.reshape(3, 3))
    log_before = 3 * np.log(fitted.variance)
    assert standing(fitted).bits[0] == pytest.approx((log_before - log_after) / 2 / np.log(2))


def test_nobody_has_no_share() -> None:
    found = standing(fit(Comparisons.from_rankings([])))
    assert len(found.pay_share) == 0
