"""How often the audit's interval covers the truth, on simulated projects whose truth is known.

    python benchmarks/audit_coverage.py [--projects 500] [--seed 0]

A project: chains with latent gains (some better, some worse, some whose final is the first draft), a pool of 24
labelers shared by all of them (good, careless, hostile), a share of chains audited by 5 labelers each. The truth is
the expected rate for a random chain of that project and a random labeler of its pool.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from refine.ranking.audit import WinRate, win_rate

POOL, ASKED, THETA = 24, 5, 0.5


@dataclass(frozen=True, kw_only=True)
class Setting:
    chains: int
    share: float
    """Of chains audited."""
    gain: float
    """Mean of the chains' gains, in log-odds of a good labeler."""
    spread: float = 1.0
    same: float = 0.15
    """Share of chains whose final is the first draft."""
    careless: float = 0.2
    hostile: float = 0.1


SETTINGS = (
    Setting(chains=200, share=0.05, gain=0.0),
    Setting(chains=200, share=0.05, gain=1.0),
    Setting(chains=200, share=0.2, gain=1.0),
    Setting(chains=400, share=0.05, gain=1.0),
    Setting(chains=400, share=0.1, gain=1.0),
    Setting(chains=400, share=0.2, gain=1.0),
    Setting(chains=400, share=0.1, gain=0.3, same=0.4),
    Setting(chains=200, share=0.05, gain=3.0),
    Setting(chains=400, share=0.2, gain=3.0),
    Setting(chains=200, share=0.05, gain=3.0, same=0.0, careless=0.0, hostile=0.0),
    Setting(chains=400, share=0.1, gain=3.0, same=0.0, careless=0.0, hostile=0.0),
    Setting(chains=200, share=0.05, gain=5.0, spread=1.5, same=0.02, careless=0.0, hostile=0.0),
    Setting(chains=400, share=0.05, gain=5.0, spread=1.5, same=0.02, careless=0.0, hostile=0.0),
    Setting(chains=400, share=0.2, gain=5.0, spread=1.5, same=0.02, careless=0.0, hostile=0.0),
    Setting(chains=100, share=0.05, gain=1.0),
    Setting(chains=60, share=0.05, gain=1.0),
)


def simulate(setting: Setting, *, projects: int, seed: int) -> Iterator[tuple[float, WinRate]]:
    """(truth, what the audit says) of each project."""
    rng = np.random.default_rng(seed)
    careless, hostile = round(POOL * setting.careless), round(POOL * setting.hostile)
    audited = max(round(setting.chains * setting.share), 1)
    for _ in range(projects):
        reliability = np.exp(rng.normal(0, 0.4, POOL))
        reliability[:careless] = rng.normal(0, 0.1, careless)
        reliability[careless : careless + hostile] *= -1
        is_same = rng.random(setting.chains) < setting.same
        gain = np.where(is_same, 0, rng.normal(setting.gain, setting.spread, setting.chains))
        seen = gain[:, None] * reliability
        win, loss = 1 / (1 + np.exp(THETA - seen)), 1 / (1 + np.exp(THETA + seen))
        truth = np.where(is_same, 0.5, ((1 + win - loss) / 2).mean(axis=1)).mean()

        chosen = rng.permutation(setting.chains)[:audited, None]
        labelers = rng.random((audited, POOL)).argsort(axis=1)[:, :ASKED]
        drawn = rng.random((audited, ASKED))
        wins = (drawn < win[chosen, labelers]).sum(axis=1)
        losses = (drawn > 1 - loss[chosen, labelers]).sum(axis=1)
        answers = zip(wins.tolist(), losses.tolist(), is_same[chosen[:, 0]].tolist(), strict=True)
        outcomes = [(0.0, 1.0, 0.0) if same else (w, ASKED - w - lost, lost) for w, lost, same in answers]
        yield float(truth), win_rate(outcomes, ended_chains=setting.chains)


def coverage(setting: Setting, *, projects: int, seed: int) -> tuple[float, float, float]:
    """Share of projects whose interval holds the truth, mean truth, mean width."""
    found = [
        (low <= truth <= high, truth, high - low)
        for truth, audit in simulate(setting, projects=projects, seed=seed)
        if (low := audit.low) is not None and (high := audit.high) is not None
    ]
    covers, truth, width = np.array(found, dtype=float).mean(axis=0)
    return float(covers), float(truth), float(width)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("chains  audited  careless  hostile  same  truth  width  coverage ± standard error")
    for setting in SETTINGS:
        covers, truth, width = coverage(setting, projects=options.projects, seed=options.seed)
        error = (covers * (1 - covers) / options.projects) ** 0.5
        print(
            f"{setting.chains:6}  {setting.share:6.0%}   {setting.careless:7.0%}  {setting.hostile:7.0%}  "
            f"{setting.same:4.0%}  {truth:5.3f}  {width:5.3f}  {covers:6.1%} ± {error:.1%}"
        )


if __name__ == "__main__":
    main()
