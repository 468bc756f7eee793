"""How many comparisons it takes until P(best) > 0.95: at random against what `refine.ranking.asking` asks.

    python benchmarks/ranking_labels.py --rounds 1000 --seeds 3

Rounds of five candidates with scores N(0, sd^2). A fifth of the labelers are spam: of those 70 % answer at random, 20 %
always choose what stands left, 10 % choose the worse one; the others see leads exp(N(0, 0.5)) times and have a tie
threshold of 0.3 exp(N(0, 0.6)): the population that `fit` expects before it has seen one, except for the share of spam.
Nobody is known at the start; all rounds share the labelers; a labeler answers once a round, as in the loop. `--width`
rounds are open at a time, the next one opens when one is decided or at the cap.

Every arm has the same evidence and the same stopping rule (`enough`): ratings are updated after every answer by moment
matching with what is believed of its labeler (Opper & Winther, Neural Computation 2000), and replaced, with what is
believed of labelers, by `fit` of everything each time the answers have grown by 30 %.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations
from multiprocessing import get_context

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: threads cost more than they save

import numpy as np

from refine.ranking import Comparisons, fit
from refine.ranking.asking import Askable, select_candidates, select_next
from refine.ranking.best import shared_normals
from refine.ranking.bits import Sight
from refine.ranking.cells import Floats, Ints
from refine.ranking.ordered_logit import sigmoid
from refine.ranking.stopping import CAUTION, enough

K, THETA, SPAM = 5, 0.3, 0.2
GOOD, RANDOM, LEFT, INVERTED = range(4)
PAIRS = list(combinations(range(K), 2))
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
FIRST_FIT, GROWTH = 2000, 1.3
CAPS = (50, 100, 200, 400)


class World:
    def __init__(self, *, rounds: int, labelers: int, sd: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.rng = rng
        self.scores = rng.normal(0, sd, (rounds, K))
        self.gain = np.exp(rng.normal(0, 0.5, labelers))
        self.theta = THETA * np.exp(rng.normal(0, 0.6, labelers))
        self.kind = np.zeros(labelers, dtype=int)
        spam = rng.permutation(labelers)[: round(SPAM * labelers)]
        self.kind[spam] = np.repeat(
            [RANDOM, LEFT, INVERTED], np.diff(np.round(np.array([0, 0.7, 0.9, 1]) * len(spam)).astype(int))
        )

    def rank(self, round: int, labeler: int, shown: Sequence[int]) -> list[int]:
        """Tie groups as ranks in the order of `shown`: utilities with Gumbel noise, tied within the threshold of the
        group's best, so that two of them are an ordered logit."""
        kind, threshold = self.kind[labeler], THETA
        if kind == LEFT:
            return list(range(len(shown)))
        worth = self.rng.gumbel(size=len(shown))
        if kind == GOOD:
            worth, threshold = worth + self.gain[labeler] * self.scores[round, shown], self.theta[labeler]
        elif kind == INVERTED:
            worth = worth - self.scores[round, shown]
        ranks, rank, top = [0] * len(shown), -1, np.inf
        for at in np.argsort(-worth).tolist():
            if top - worth[at] > threshold:
                rank, top = rank + 1, worth[at]
            ranks[at] = rank
        return ranks


@dataclass
class Log:
    """Every comparison so far."""

    rounds: list[int] = field(default_factory=list)
    labelers: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    outcome: list[int] = field(default_factory=list)
    ranking: list[int] = field(default_factory=list)

    def add(self, round: int, labeler: int, shown: Sequence[int], ranks: Sequence[int], ranking: int) -> None:
        for i, j in combinations(range(len(shown)), 2):
            self.rounds.append(round)
            self.labelers.append(labeler)
            self.left.append(shown[i])
            self.right.append(shown[j])
            self.outcome.append(0 if ranks[i] < ranks[j] else 2 if ranks[i] > ranks[j] else 1)
            self.ranking.append(ranking if len(shown) > 2 else -1)

    def comparisons(self) -> Comparisons:
        group = [f"r{round:05}" for round in self.rounds]
        return Comparisons.from_columns(
            labeler=[f"w{who:04}" for who in self.labelers],
            group=group,
            left=[f"{name}-{item}" for name, item in zip(group, self.left, strict=True)],
            right=[f"{name}-{item}" for name, item in zip(group, self.right, strict=True)],
            outcome=self.outcome,
            ranking=self.ranking,
        )


class Desk:
    """What is known: ratings of the rounds, what is believed of the labelers."""

    def __init__(self, rounds: int, labelers: int) -> None:
        self.mean, self.covariance = np.zeros((rounds, K)), np.tile(np.eye(K), (rounds, 1, 1))
        self.theta, self.variance = THETA, 1.0
        everyone = np.ones(labelers)
        self.sight = Sight(gain=everyone.copy(), careless=0.10 * everyone, adversarial=0.02 * everyone)

    def open(self, rounds: Ints) -> None:
        self.mean[rounds], self.covariance[rounds] = 0, np.eye(K) * self.variance

    def absorb(self, rounds: Ints, i: Ints, j: Ints, outcome: Ints, labelers: Ints, power: float) -> None:
        """One comparison in each of the rounds; `power` is what it counts for."""
        mean, covariance, n = self.mean[rounds], self.covariance[rounds], np.arange(len(rounds))
        m = mean[n, i] - mean[n, j]
        v = covariance[n, i, i] + covariance[n, j, j] - 2 * covariance[n, i, j]
        lead = m[:, None] + np.sqrt(v)[:, None] * NODES
        weight = WEIGHTS * self._chances(lead, labelers, outcome) ** power
        weight /= weight.sum(1, keepdims=True)
        new_m = (weight * lead).sum(1)
        new_v = (weight * (lead - new_m[:, None]) ** 2).sum(1)
        along = covariance[n, :, i] - covariance[n, :, j]
        self.mean[rounds] = mean + along * ((new_m - m) / v)[:, None]
        self.covariance[rounds] = (
            covariance - along[:, :, None] * along[:, None, :] * ((v - new_v) / v**2)[:, None, None]
        )

    def _chances(self, lead: Floats, labelers: Ints, outcome: Ints) -> Floats:
        sight, said = self.sight.take(labelers), outcome[:, None]
        c, a = sight.careless[:, None], sight.adversarial[:, None]
        even = 1 / (1 + np.exp(self.theta))

        def of(d: Floats | float) -> Floats:
            left, right = sigmoid(d - self.theta), sigmoid(-d - self.theta)
            return np.where(said == 0, left, np.where(said == 2, right, np.maximum(1 - left - right, 1e-9)))

        guess = np.where(said == 1, 1 - 2 * even, even)
        return (1 - c - a) * of(sight.gain[:, None] * lead) + a * of(-lead) + c * guess

    def refit(self, log: Log, open_rounds: Ints) -> None:
        fitted = fit(log.comparisons())
        found = fitted.labelers
        who = np.array([int(name[1:]) for name in found.labeler])
        told = Sight.of(reliability=found.reliability, p_careless=found.p_careless, p_adversarial=found.p_adversarial)
        self.sight.gain[who], self.sight.careless[who], self.sight.adversarial[who] = (
            told.gain, told.careless, told.adversarial,
        )  # fmt: skip
        self.theta, self.variance = fitted.theta, fitted.variance
        for round in open_rounds.tolist():
            name = f"r{round:05}"
            self.mean[round], self.covariance[round] = fitted.posterior(name, [f"{name}-{item}" for item in range(K)])


def by_draws(mean: Floats, covariance: Floats, theta: float, normals: Floats, criterion: str) -> tuple[int, int]:
    """The pair that a criterion on P(best) chooses, over draws of the ratings."""
    drawn = np.linalg.cholesky(covariance) @ normals + mean[:, None]
    best = (drawn.argmax(0) == np.arange(K)[:, None]).astype(float)
    lead = np.stack([drawn[i] - drawn[j] for i, j in PAIRS])
    left, right = sigmoid(lead - theta), sigmoid(-lead - theta)
    answers = np.stack([left, 1 - left - right, right])
    joint = np.einsum("ks,aps->pka", best, answers) / normals.shape[1]
    answer, prior = joint.sum(1), best.mean(1)
    safe = np.maximum(joint, 1e-300)
    information = (joint * np.log(safe / np.maximum(answer[:, None] * prior[:, None], 1e-300))).sum((1, 2))
    value = {
        "eig": information,
        "gini": (joint**2 / np.maximum(answer[:, None], 1e-12)).sum((1, 2)),
        "kg": joint.max(1).sum(1) - prior.max() + 1e-3 * information,  # gradients of 0 are separated by information
    }[criterion]
    return PAIRS[int(value.argmax())]


@dataclass
class Result:
    asked: Ints
    """Rankings, or comparisons by pairs, by round."""
    comparisons: Ints
    looks: Ints
    """Candidates shown, over all of the round's answers."""
    decided: np.ndarray
    right: np.ndarray
    spam_share: float
    most_load: float
    cpu_s: float


class Service:
    """Rounds that open, are answered and are decided, and who has been asked."""

    def __init__(self, arm: str, *, rounds: int, labelers: int, seed: int, size: int | None, criterion: str) -> None:
        self.arm, self.size, self.criterion = arm, size, criterion
        self.rng = np.random.default_rng([seed, 1])
        self.desk, self.log = Desk(rounds, labelers), Log()
        self.has_asked = np.zeros((rounds, labelers), dtype=bool)
        self.loads = np.zeros(labelers, dtype=np.int64)
        # at random means in turn: each pair of a round equally often
        self.order = np.stack([self.rng.permutation(len(PAIRS)) for _ in range(rounds)])
        self.asked, self.comparisons, self.looks = (np.zeros(rounds, dtype=int) for _ in range(3))
        self.decided, self.chosen = np.zeros(rounds, dtype=bool), np.zeros(rounds, dtype=int)
        self.open, self.opened = np.zeros(0, dtype=int), 0
        self.normals = shared_normals(K, 512, 0)

    def turn_over(self, *, width: int, cap: int, caution: float) -> None:
        """Close what has enough, open as many."""
        desk, stays = self.desk, np.ones(len(self.open), dtype=bool)
        for at, round in enumerate(self.open.tolist()):
            mean, covariance = desk.mean[round], desk.covariance[round]
            reason = enough(mean, covariance, count=int(self.asked[round]), most=cap, caution=caution)
            if reason is not None:
                stays[at], self.decided[round], self.chosen[round] = False, reason == "best", mean.argmax()
        fresh = np.arange(self.opened, min(self.opened + width - int(stays.sum()), len(self.asked)))
        self.opened += len(fresh)
        desk.open(fresh)
        self.open = np.concatenate([self.open[stays], fresh])

    def plan(self, load: float) -> list[tuple[int, int, list[int]]]:
        """One assignment for each open round, as far as there is somebody for it: round, labeler, candidates."""
        if self.arm != "both":
            return [(round, self._anybody(round), self._candidates(round)) for round in self.open.tolist()]
        desk = self.desk
        asks = select_next(
            desk.mean[self.open], desk.covariance[self.open], Askable(sight=desk.sight, load=self.loads),
            load_cap=int(load * (self.loads.sum() + len(self.open)) / len(self.loads)) + 3, count=len(self.open),
            size=self.size, asked=self.has_asked[self.open], theta=desk.theta, seed=len(self.log.rounds),
        )  # fmt: skip
        return [(int(self.open[ask.round]), ask.labeler, list(ask.candidates)) for ask in asks]

    def _anybody(self, round: int) -> int:
        return int(self.rng.choice(np.flatnonzero(~self.has_asked[round])))

    def _candidates(self, round: int) -> list[int]:
        if self.arm == "uniform":
            in_turn = PAIRS[self.order[round, self.asked[round] % len(PAIRS)]]
            return list(range(K)) if self.size == K else list(in_turn)
        mean, covariance, theta = self.desk.mean[round], self.desk.covariance[round], self.desk.theta
        if self.criterion == "sign":
            return list(select_candidates(mean, covariance, size=self.size, theta=theta))
        return list(by_draws(mean, covariance, theta, self.normals, self.criterion))

    def carry_out(self, plan: list[tuple[int, int, list[int]]], world: World) -> None:
        rows: dict[tuple[int, int], list[tuple[int, int, int, int, int]]] = {}
        log, numbers = self.log, int(self.asked.sum())
        for number, (round, labeler, candidates) in enumerate(plan):
            shown, before = self.rng.permutation(candidates).tolist(), len(log.rounds)
            log.add(round, labeler, shown, world.rank(round, labeler, shown), numbers + number)
            self.has_asked[round, labeler] = True
            self.loads[labeler] += 1
            self.asked[round] += 1
            self.looks[round] += len(shown)
            self.comparisons[round] += len(log.rounds) - before
            for at in range(before, len(log.rounds)):
                row = (round, log.left[at], log.right[at], log.outcome[at], labeler)
                rows.setdefault((len(shown), at - before), []).append(row)
        for (size, _), several in sorted(rows.items()):
            at_round, i, j, outcome, who = np.array(several).T
            self.desk.absorb(at_round, i, j, outcome, who, 3 / (size + 1))


def run(
    arm: str, *, rounds: int, labelers: int, sd: float, seed: int, cap: int, width: int, load: float,
    size: int | None = 2, criterion: str = "sign", caution: float = CAUTION,
) -> Result:  # fmt: skip
    started = time.process_time()
    world = World(rounds=rounds, labelers=labelers, sd=sd, seed=seed)
    service = Service(arm, rounds=rounds, labelers=labelers, seed=seed, size=size, criterion=criterion)
    next_fit = FIRST_FIT
    while True:
        service.turn_over(width=width, cap=cap, caution=caution)
        if not len(service.open):
            break
        plan = service.plan(load)
        if not plan:
            raise SystemExit("nobody is left to ask: give more labelers than the cap")
        service.carry_out(plan, world)
        if len(service.log.rounds) >= next_fit:
            next_fit = int(len(service.log.rounds) * GROWTH)
            service.desk.refit(service.log, service.open)
    loads = service.loads
    return Result(
        asked=service.asked, comparisons=service.comparisons, looks=service.looks, decided=service.decided,
        right=service.chosen == world.scores.argmax(1),
        spam_share=float(loads[world.kind != GOOD].sum() / loads.sum()),
        most_load=float(loads.max() / loads.mean()), cpu_s=time.process_time() - started,
    )  # fmt: skip


def table(arms: dict[str, list[Result]], cap: int, base: str, unit: str) -> list[str]:
    """Rows of Markdown: of all seeds together, the ratio to `base` also seed by seed."""
    caps = [each for each in CAPS if each < cap]
    head = [
        "arm", f"{unit}, mean", "ratio (by seed)", "median", "ratio", "comparisons", "candidates looked at", "decided",
        "right of those", *(f"ratio, cap {each}" for each in caps), "spam's share", "most load ÷ mean", "CPU-s",
    ]  # fmt: skip
    rows = [head, ["---"] * len(head)]
    for name, results in arms.items():
        asked, theirs = _all(results, "asked"), _all(arms[base], "asked")
        decided, right = _all(results, "decided"), _all(results, "right")
        by_seed = [b.asked.mean() / a.asked.mean() for a, b in zip(results, arms[base], strict=True)]
        rows.append(
            [
                name,
                f"{asked.mean():.1f}",
                f"{theirs.mean() / asked.mean():.2f} ({', '.join(f'{each:.2f}' for each in by_seed)})",
                f"{np.median(asked):.0f}",
                f"{np.median(theirs) / np.median(asked):.2f}",
                f"{_all(results, 'comparisons').mean():.1f}",
                f"{_all(results, 'looks').mean():.1f}",
                f"{100 * decided.mean():.1f}%",
                f"{right[decided].mean():.3f}" if decided.any() else "–",
                *(f"{np.minimum(theirs, each).mean() / np.minimum(asked, each).mean():.2f}" for each in caps),
                f"{np.mean([each.spam_share for each in results]):.3f}",
                f"{max(each.most_load for each in results):.1f}",
                f"{np.mean([each.cpu_s for each in results]):.0f}",
            ]
        )
    return ["| " + " | ".join(row) + " |" for row in rows]


def _all(results: Sequence[Result], name: str) -> np.ndarray:
    return np.concatenate([getattr(each, name) for each in results])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--labelers", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sd", type=float, default=1.0, help="of scores in a round")
    parser.add_argument("--cap", type=int, default=400, help="answers in a round at most; below --labelers")
    parser.add_argument("--width", type=int, default=50, help="rounds open at a time")
    parser.add_argument("--load", type=float, default=5.0, help="of a labeler, times the mean, at most")
    parser.add_argument("--caution", type=float, default=CAUTION)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--rankings", action="store_true", help="rankings instead of pairs: all five against ours")
    parser.add_argument("--criteria", action="store_true", help="ways to choose the pair, labelers as they come")
    given = parser.parse_args()
    shared = {name: getattr(given, name) for name in ("rounds", "labelers", "sd", "cap", "width", "load", "caution")}
    if given.criteria:
        wanted: dict[str, tuple[str, int | None, str]] = {"uniform": ("uniform", 2, "sign")}
        wanted |= {criterion: ("asked", 2, criterion) for criterion in ("sign", "eig", "gini", "kg")}
    elif given.rankings:
        wanted = {
            "all five, labelers at random": ("uniform", K, "sign"),
            "all five, labelers chosen": ("both", K, "sign"),
            "candidates chosen, labelers at random": ("asked", None, "sign"),
            "both chosen": ("both", None, "sign"),
        }
    else:
        wanted = {
            "at random": ("uniform", 2, "sign"),
            "pairs chosen, labelers at random": ("asked", 2, "sign"),
            "both chosen": ("both", 2, "sign"),
        }
    tasks = [(name, seed) for seed in range(given.seeds) for name in wanted]
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        running = {
            task: pool.submit(run, arm, size=size, criterion=criterion, seed=task[1], **shared)
            for task in tasks
            for arm, size, criterion in [wanted[task[0]]]
        }
        found: dict[str, list[Result]] = {name: [] for name in wanted}
        for (name, seed), job in running.items():
            result = job.result()
            found[name].append(result)
            print(f"{name}, seed {seed}: {result.asked.mean():.1f} in the mean", file=sys.stderr)
    print("\n".join(table(found, given.cap, next(iter(wanted)), "rankings" if given.rankings else "comparisons")))


if __name__ == "__main__":
    main()
