"""What other libraries say of small comparisons, for tests/ranking/test_peers.py.

    pip install choix==0.4.1 crowd-kit==1.4.2 scipy
    python tests/data/peers/make.py

Writes peers.json beside this file, comparisons included. Run it in an environment of its own: these libraries are
heavy, which is why their answers are kept and not computed by the tests.
"""

import json
import random
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import choix
import numpy as np
import pandas as pd
from choix.opt import PairwiseFcts
from crowdkit.aggregation import BradleyTerry, DawidSkene, MajorityVote
from scipy.stats import kendalltau

ALPHA = 0.25
"""choix penalises by ALPHA times the sum of squares: a prior of variance 1 / (2 ALPHA)."""


def noisy() -> list[tuple[int, int]]:
    """(winner, loser) of six items, every pair met and won at least once either way."""
    rng = random.Random(11)
    worth = [rng.gauss(0, 1) for _ in range(6)]
    pairs = []
    for i, j in combinations(range(6), 2):
        pairs += [(i, j), (j, i)]
        for _ in range(rng.randint(0, 8)):
            wins = rng.random() < 1 / (1 + np.exp(worth[j] - worth[i]))
            pairs.append((i, j) if wins else (j, i))
    return pairs


def blind() -> dict[str, object]:
    pairs = noisy()
    frame = pd.DataFrame(
        [
            {"worker": "w", "left": f"i{i}", "right": f"i{j}", "label": f"i{winner}"}
            for winner, loser in pairs
            for i, j in [sorted((winner, loser))]
        ]
    )
    found = choix.opt_pairwise(6, pairs, alpha=ALPHA)
    hessian = PairwiseFcts(pairs, ALPHA).hessian(found)
    ep_mean, ep_covariance = choix.ep_pairwise(6, pairs, 2 * ALPHA, model="logit")
    # with a tolerance crowd-kit 1.4.2 stops after two steps: it compares the new scores with themselves
    scores = BradleyTerry(n_iter=5_000, tol=0).fit_predict(frame).sort_index()
    return {
        "pairs": pairs,
        "alpha": ALPHA,
        "choix_opt": found.tolist(),
        "choix_covariance": np.linalg.inv(hessian).tolist(),
        "choix_ep_mean": ep_mean.tolist(),
        "choix_ep_covariance": ep_covariance.tolist(),
        "crowdkit_log_scores": np.log(scores.to_numpy()).tolist(),
    }


def workers() -> dict[str, object]:
    """Five groups of five items in a known order; of ten workers two draw their answers, one inverts, seven are
    perfect."""
    rng = random.Random(12)
    rows = []
    for group in range(5):
        order = rng.sample(range(5), 5)
        for who in range(10):
            for i, j in combinations(range(5), 2):
                truth = i if order.index(i) < order.index(j) else j
                winner = rng.choice((i, j)) if who in (3, 6) else i + j - truth if who == 8 else truth
                rows.append((f"w{who}", f"g{group}", f"i{i}", f"i{j}", f"i{winner}"))
    frame = pd.DataFrame(rows, columns=["worker", "group", "left", "right", "label"])
    frame["task"] = frame["group"] + " " + frame["left"] + " " + frame["right"]
    frame["label"] = np.where(frame["label"] == frame["left"], "left", "right")
    skene = DawidSkene(n_iter=100)
    says = skene.fit_predict(frame[["task", "worker", "label"]]).sort_index()
    errors = skene.errors_
    accuracy = {
        str(who): float(np.mean([errors.loc[(who, label), label] for label in ("left", "right")]))
        for who in sorted(frame["worker"].unique())
    }
    majority = MajorityVote().fit_predict(frame[["task", "worker", "label"]]).sort_index()
    return {
        "rows": rows,
        "dawid_skene": says.to_dict(),
        "majority": majority.to_dict(),
        "dawid_skene_accuracy": accuracy,
    }


def perfect() -> dict[str, object]:
    """One order of eight items, told without a mistake: what crowd-kit makes of it, best first."""
    rng = random.Random(13)
    order = rng.sample(range(8), 8)
    rows = [
        (f"w{who}", f"i{i}", f"i{j}", f"i{i if order.index(i) < order.index(j) else j}")
        for who in range(3)
        for i, j in combinations(range(8), 2)
    ]
    frame = pd.DataFrame(rows, columns=["worker", "left", "right", "label"])
    scores = BradleyTerry(n_iter=100, tol=0).fit_predict(frame)
    return {"rows": rows, "crowdkit_order": scores.sort_values(ascending=False).index.tolist()}


def taus() -> list[dict[str, object]]:
    rng = random.Random(14)
    found = []
    for length in (3, 5, 8, 20):
        a, b = [rng.randint(1, 5) for _ in range(length)], [rng.randint(1, 4) for _ in range(length)]
        found.append({"a": a, "b": b, "scipy": float(kendalltau(a, b).statistic)})
    return found


if __name__ == "__main__":
    made = {
        "versions": {name: version(name) for name in ("choix", "crowd-kit", "scipy")},
        "blind": blind(),
        "workers": workers(),
        "perfect": perfect(),
        "taus": taus(),
    }
    Path(__file__).with_name("peers.json").write_text(json.dumps(made) + "\n")
