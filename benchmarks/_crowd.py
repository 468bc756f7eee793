"""Made-up crowds in the shape of the real load: many small rounds, ranked by labelers whom all rounds share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refine.ranking import Comparisons
from refine.ranking.cells import Floats, Ints
from refine.ranking.comparisons import LEFT, RIGHT, TIE

MOST = 6
"""Candidates a round: this or one less."""
CAREFUL, RANDOM, ALWAYS_LEFT, INVERTED = range(4)
GAIN_SD, TIE_WIDTH, CONTROL_LEAD, CONTROL_SD = 0.4, 0.15, 2.0, 0.5
_ROUNDS = 20_000
"""Made at once."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crowd:
    data: Comparisons
    scores: Floats
    """(rounds, MOST): true ones; NaN where a round has one candidate less."""
    kind: Ints
    """By labeler."""
    gain: Floats
    """By labeler; 0 of careless ones, -1 times of inverted ones."""

    def by_round(self, values: Floats, item: Ints) -> Floats:
        """(rounds, MOST) of a value a cell, NaN where there is none; `item` are the cells' items."""
        here = np.flatnonzero(~np.isnan(self.scores.ravel()))
        found = np.full(self.scores.size, np.nan)
        found[here[item]] = values
        return found.reshape(self.scores.shape)


def make(
    comparisons: int, *, bad: float, seed: int, shown: int = 4, rankings: int = 10, per_labeler: int = 1000
) -> dict[str, NDArray[Any]]:
    """Columns of a crowd, as `load` reads them: about so many comparisons, that share of bad labelers.

    A round has so many `rankings` of `shown` candidates each, or of all it has if those are fewer; a labeler makes about
    `per_labeler` comparisons, and there are 30 labelers at least.

    70 % of those answer at random, 20 % always prefer what is shown first, 10 % invert. Others see the scores a
    log-normal number of times; whoever ranks is off by Gumbel noise, so that pairs are logistic, and ties what comes
    out within 0.15. In a tenth of the rounds the last candidate is a control of the first.
    """
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(shown, 1)
    pairs = (len(i) + (min(shown, MOST - 1) * (min(shown, MOST - 1) - 1)) // 2) / 2
    rounds = max(round(comparisons / (rankings * pairs)), 1)
    count = max(30, comparisons // per_labeler)
    kind = np.full(count, CAREFUL)
    spoilt = rng.permutation(count)[: round(bad * count)]
    kind[spoilt] = rng.choice([RANDOM, ALWAYS_LEFT, INVERTED], len(spoilt), p=[0.7, 0.2, 0.1])
    gain = np.exp(rng.normal(0, GAIN_SD, count))
    gain[(kind == RANDOM) | (kind == ALWAYS_LEFT)] = 0
    gain[kind == INVERTED] = -1
    scores = rng.normal(0, 1, (rounds, MOST))
    size = rng.integers(MOST - 1, MOST + 1, rounds)
    has_control = rng.random(rounds) < 0.1
    worse = scores[:, 0] - np.maximum(rng.normal(CONTROL_LEAD, CONTROL_SD, rounds), 0.5)
    scores[np.arange(rounds), size - 1] = np.where(has_control, worse, scores[np.arange(rounds), size - 1])
    scores[size < MOST, -1] = np.nan
    first_cell = np.cumsum(size) - size
    parts: list[dict[str, NDArray[Any]]] = []
    for at in range(0, rounds, _ROUNDS):
        group = np.arange(at, min(at + _ROUNDS, rounds))
        drawn = rng.random((len(group), rankings, MOST))
        drawn[np.isnan(scores[group])[:, None, :] & np.ones((1, rankings, 1), dtype=bool)] = 2
        order = drawn.argsort(2)[:, :, :shown]
        steps = rng.integers(1, count // rankings + 1, (len(group), rankings))
        who = (rng.integers(0, count, (len(group), 1)) + steps.cumsum(1)) % count
        true = scores[group[:, None, None], order]
        worth = gain[who][:, :, None] * true + rng.gumbel(size=true.shape)
        worth = np.where((kind[who] == ALWAYS_LEFT)[:, :, None], -np.arange(shown), np.floor(worth / TIE_WIDTH))
        left, right, ahead = order[:, :, i], order[:, :, j], worth[:, :, i] - worth[:, :, j]
        outcome = np.where(ahead > 0, LEFT, np.where(ahead < 0, RIGHT, TIE))
        last = (size[group] - 1)[:, None, None]
        is_gold = has_control[group][:, None, None] & (
            ((left == 0) & (right == last)) | ((left == last) & (right == 0))
        )
        swap = is_gold & (left == last)  # of a control the original stands left
        left, right = np.where(swap, right, left), np.where(swap, left, right)
        is_there = ~np.isnan(true[:, :, i] + true[:, :, j])
        base = first_cell[group][:, None, None]
        number = np.broadcast_to((group[:, None] * rankings + np.arange(rankings))[:, :, None], left.shape)
        columns = {
            "labeler": (np.broadcast_to(who[:, :, None], left.shape), np.int32),
            "group": (np.broadcast_to(group[:, None, None], left.shape), np.int32),
            "left": (base + left, np.int32),
            "right": (base + right, np.int32),
            "outcome": (np.where(swap, RIGHT - outcome, outcome), np.int8),
            "ranking": (number, np.int32),
            "control": (np.where(is_gold, 0, -1), np.int32),
        }
        parts.append({name: column[is_there].astype(dtype) for name, (column, dtype) in columns.items()})
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = rng.permutation(int(rows["ranking"][-1]) + 1)[rows["ranking"]].argsort(kind="stable")  # in any order
    return {name: column[order] for name, column in rows.items()} | {"scores": scores, "kind": kind, "gain": gain}


def save(folder: Path, columns: dict[str, NDArray[Any]]) -> None:
    for name, column in columns.items():
        np.save(folder / f"{name}.npy", column)


def load(folder: Path) -> Crowd:
    return crowd_of({path.stem: np.load(path) for path in folder.glob("*.npy")})


def crowd_of(columns: dict[str, NDArray[Any]]) -> Crowd:
    """With names for all; there are no generators."""
    scores, rows = columns["scores"], len(columns["outcome"])
    here = [np.flatnonzero(~row).tolist() for row in np.isnan(scores)]
    groups = tuple(f"r{number:07}" for number in range(len(scores)))
    none = np.broadcast_to(np.int32(-1), rows)
    data = Comparisons(
        labelers=tuple(f"w{number:06}" for number in range(len(columns["kind"]))),
        groups=groups,
        items=tuple(f"{group}{'abcdef'[item]}" for group, items in zip(groups, here, strict=True) for item in items),
        generators=(),
        controls=("true",),
        labeler=columns["labeler"],
        group=columns["group"],
        left=columns["left"],
        right=columns["right"],
        outcome=columns["outcome"],
        ranking=columns["ranking"],
        control=columns["control"],
        left_generator=none,
        right_generator=none,
    )
    return Crowd(data=data, scores=scores, kind=columns["kind"], gain=columns["gain"])
