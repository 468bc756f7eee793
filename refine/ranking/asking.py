"""What to ask next: which round, which of its candidates, which labeler. When to stop asking is `stopping`'s.

A round is worth what one more answer is expected to tell about who is the best in it. Who is best comes down to the
sign of the leader's lead over each other candidate, so the value of a comparison is its bits about that sign (`bits`).
On simulated rounds (benchmarks/ranking_labels.py --criteria) neither the information about P(best) by draws nor Gini's
index of it nor the knowledge gradient on it (Frazier, Powell & Dayanik, SIAM J. Control Optim. 2008) needed measurably
fewer labels; this one needs no draws and serves labelers, pairs and rounds alike. Comparing the leader with one
challenger at a time is also what top-two sampling does (Russo, Operations Research 2020).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from refine.errors import InputError
from refine.ranking.bits import THETA, Sight, sign_bits
from refine.ranking.cells import Floats, Ints
from refine.ranking.trusted import Labelers

_USUAL_VARIANCE = 0.5
"""Of an even lead by which labelers are compared."""


Stack: TypeAlias = Sequence[Floats] | Floats
"""An array for each round: of various sizes as a list, of one size also as one array."""


class Ask(NamedTuple):
    round: int
    """Position among the rounds given."""
    candidates: tuple[int, ...]
    """Positions in the round, ascending: the order says nothing, and is not one to show them in."""
    labeler: int
    """Position among the labelers given."""
    bits: float
    """Expected of the most telling comparison in it, answered by that labeler."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Askable:
    """Labelers who can be asked, one entry each."""

    sight: Sight
    load: Ints
    """How many each has been asked already."""

    @classmethod
    def of(cls, labelers: Labelers, load: Sequence[int] | Ints) -> "Askable":
        sight = Sight.of(
            reliability=labelers.reliability, p_careless=labelers.p_careless, p_adversarial=labelers.p_adversarial
        )
        return cls(sight=sight, load=np.asarray(load, dtype=np.int64))


def select_next(
    means: Stack,
    covariances: Stack,
    labelers: Askable,
    *,
    load_cap: int,
    count: int = 1,
    size: int | None = 2,
    include: Sequence[int | None] | None = None,
    asked: NDArray[np.bool_] | None = None,
    stored: Floats | None = None,
    theta: float = THETA,
    seed: int = 0,
) -> list[Ask]:
    """At most `count` assignments to make now, the most telling first: a round once each, its labeler, what to show.

    `means` and `covariances` are the open rounds' ratings, (K) and (K, K), K as each round has it. The most telling
    round goes to the most telling labeler who is below `load_cap` and has not been `asked` about it (rounds by
    labelers), and so on down: fewer than `count` where nobody is left, or where nothing is open. `size` is how many
    candidates to show, None for as many as tell most for each candidate looked at; `include` names one of each round
    to show in any case, such as its incumbent. `stored` are the rounds' `priorities` where they are known already.

    `seed` settles between equals, such as rounds nobody has answered. Adds nobody's load: the caller does.
    Raises InputError for a size below 2, a cap below 1 or lengths that do not fit.
    """
    _check(means, covariances, labelers, include, asked, load_cap, size, stored)
    rng = np.random.Generator(np.random.PCG64(seed))
    bits = priorities(means, covariances, theta=theta) if stored is None else stored
    rounds = _falling(bits, rng)[: np.count_nonzero(bits > 0)]
    best_first = _falling(usual_bits(labelers.sight, theta=theta), rng)
    room = load_cap - labelers.load[best_first]
    found: list[Ask] = []
    for round in rounds.tolist():
        if len(found) >= count or not (room > 0).any():
            break
        can = room > 0 if asked is None else (room > 0) & ~asked[round, best_first]
        place = int(can.argmax())
        if not can[place]:
            continue
        room[place] -= 1
        who = best_first[place : place + 1]
        sight = labelers.sight.take(who)
        shown, told = _choose(
            means[round], covariances[round], size, None if include is None else include[round], sight, theta
        )
        found.append(Ask(round, shown, int(who[0]), told))
    return found


def select_candidates(
    mean: Floats,
    covariance: Floats,
    *,
    size: int | None = 2,
    include: int | None = None,
    theta: float = THETA,
) -> tuple[int, ...]:
    """Which candidates of one round to show next, ascending; `size` and `include` as in `select_next`.

    With `size` of at least the round's, all of them. Raises InputError for a size below 2.
    """
    _check([mean], [covariance], None, [include], None, 1, size)
    return _choose(mean, covariance, size, include, Sight.typical(), theta)[0]


def priority(mean: Floats, covariance: Floats, *, theta: float = THETA) -> float:
    """Bits that the best next comparison of a round tells if a typical labeler answers it: 0 for less than two
    candidates, 0.17 for equal ones of independent ratings with an sd of 1, falling as the round is decided.

    To be stored with the round: whoever asks for work then gets the open round of the highest. It does not know how
    long a round has waited.
    """
    return float(priorities([mean], [covariance], theta=theta)[0])


def priorities(means: Stack, covariances: Stack, *, theta: float = THETA) -> Floats:
    """`priority` of many rounds at once, whatever their sizes."""
    sizes = np.array([len(mean) for mean in means], dtype=np.int64)
    found = np.zeros(len(sizes))
    for size in np.unique(sizes[sizes > 1]).tolist():
        rounds = np.flatnonzero(sizes == size)
        mean, covariance = (
            np.stack([means[at] for at in rounds.tolist()]),
            np.stack([covariances[at] for at in rounds.tolist()]),
        )
        lead, variance = _leads(mean, covariance, mean.argmax(axis=1))
        bits = sign_bits(lead.ravel(), variance.ravel(), Sight.typical(), theta=theta)
        found[rounds] = np.where(variance > 0, bits.reshape(lead.shape), 0).max(axis=1)
    return found


def usual_bits(sight: Sight, *, theta: float = THETA) -> Floats:
    """By labeler: bits of an answer about an even lead of usual spread. Who is sure to invert tells a lot as well."""
    return sign_bits(np.zeros(1), np.full(1, _USUAL_VARIANCE), sight, theta=theta)


def _leads(mean: Floats, covariance: Floats, of: Ints) -> tuple[Floats, Floats]:
    """Mean and variance (rounds, K) of candidate `of`'s lead over each; 0 and 0 over itself."""
    rounds = np.arange(len(mean))
    own = np.diagonal(covariance, axis1=1, axis2=2)
    variance = own[rounds, of][:, None] + own - 2 * covariance[rounds, of]
    variance[rounds, of] = 0.0
    return mean[rounds, of][:, None] - mean, variance


def _choose(
    mean: Floats, covariance: Floats, size: int | None, include: int | None, sight: Sight, theta: float
) -> tuple[tuple[int, ...], float]:
    """The leader, or the one to include where it is a pair, and those whose order to it is most telling."""
    total = len(mean)
    hub = int(np.argmax(mean)) if include is None or size != 2 else include
    lead, variance = _leads(mean[None], covariance[None], np.array([hub]))
    bits = sign_bits(lead[0], variance[0], sight, theta=theta)
    bits[hub] = -1.0
    others = np.argsort(-bits, kind="stable")[: total - 1]
    if include is not None and include != hub:
        others = np.array([include, *(at for at in others.tolist() if at != include)])
    if size is None:  # what is shown costs a look each
        told = np.cumsum(np.maximum(bits[others], 0)) / np.arange(2, total + 1)
        size = 2 + int(told.argmax())
    shown = [hub, *others[: size - 1].tolist()]
    return tuple(sorted(shown)), float(bits.max())


def _falling(values: Floats, rng: np.random.Generator) -> Ints:
    """Positions, highest first; equal ones by lot."""
    return np.lexsort((rng.random(len(values)), -values))


def _check(
    means: Stack,
    covariances: Stack,
    labelers: Askable | None,
    include: Sequence[int | None] | None,
    asked: NDArray[np.bool_] | None,
    load_cap: int,
    size: int | None,
    stored: Floats | None = None,
) -> None:
    rounds = len(means)
    if (
        len(covariances) != rounds
        or (stored is not None and len(stored) != rounds)
        or (include is not None and len(include) != rounds)
    ):
        raise InputError(
            f"{rounds} means need as many covariances and, where given, candidates to include and priorities"
        )
    if labelers is not None and len(labelers.load) != len(labelers.sight):
        raise InputError(f"{len(labelers.sight)} labelers need as many loads; {len(labelers.load)} were given")
    if asked is not None and labelers is not None and asked.shape != (rounds, len(labelers.load)):
        raise InputError(f"`asked` is {asked.shape}; it must be {(rounds, len(labelers.load))}, rounds by labelers")
    if load_cap < 1:
        raise InputError(f"load_cap is {load_cap}; a labeler must be allowed at least 1")
    if size is not None and size < 2:
        raise InputError(f"size is {size}; there is something to compare from 2 candidates on")
    for at, chosen in enumerate(include or ()):
        if chosen is not None and not 0 <= chosen < len(means[at]):
            raise InputError(f"round {at} has no candidate {chosen} to include; it has {len(means[at])}")
