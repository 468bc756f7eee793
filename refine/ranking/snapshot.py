"""What is believed of labelers at one moment, for the verdicts that rest on it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from refine.ranking.cells import Cells
from refine.ranking.comparisons import Comparisons
from refine.ranking.history import History
from refine.ranking.labelers import believe
from refine.ranking.trust import fit
from refine.ranking.trusted import Fitted


@dataclass(frozen=True, slots=True)
class Reliability:
    """What is believed of one labeler."""

    mean: float
    """1 like a typical good labeler, 0 chance, below 0 inverted."""
    sd: float
    p_careless: float
    p_adversarial: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """A fit of many groups, without its rows: of use for rating any group by labelers who are known from others.

    It stays as small as the list of labelers, however much it rests on.
    """

    id: str
    fitted: Fitted
    rounds: Mapping[str, int]
    """Group -> the newest of its rounds that labelers were judged by."""
    rankings: int

    @classmethod
    def of(cls, data: Comparisons, *, id: str, rounds: Mapping[str, int], rankings: int, seed: int) -> "Snapshot":
        fitted, nothing = fit(data, seed=seed), Comparisons.from_rankings([])
        bare = replace(
            fitted,
            data=nothing,
            cells=Cells.of(nothing)[0],
            mean=np.zeros(0),
            covariances=np.zeros(0),
            history=(),
        )
        return cls(id=id, fitted=bare, rounds=dict(rounds), rankings=rankings)

    def rate(self, seen: Comparisons, new: Comparisons, *, seed: int) -> Fitted:
        """Ratings by rows that the snapshot rests on, too, and by those made since: labelers are judged by these."""
        if not len(new):
            return fit(seen, seed=seed, start=self.fitted)
        return fit(
            new,
            seed=seed,
            start=replace(self.fitted, history=(History(data=seen, is_sorted=False),) if len(seen) else ()),
        )


def reliabilities_of(fitted: Fitted, labelers: Iterable[str]) -> dict[str, Reliability]:
    """What is believed of each; of one nobody has seen, what is expected of the population."""
    names, place = [*labelers], {name: at for at, name in enumerate(fitted.names)}
    beliefs = believe(
        fitted.population, fitted.evidence.of(np.array([place.get(it, -1) for it in names], dtype=np.int64))
    )
    columns = zip(
        beliefs.reliability.tolist(),
        beliefs.reliability_sd.tolist(),
        beliefs.careless.tolist(),
        beliefs.adversarial.tolist(),
        strict=True,
    )
    return {name: Reliability(*numbers) for name, numbers in zip(names, columns, strict=True)}
