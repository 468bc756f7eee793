"""Ratings and labelers found together: whom to trust, from what they all said.

The model is that of `labelers` over the scores of `scores`; `passes` finds both exactly, `tiled` for many rows, and
`updates` takes in what comes later.
"""

from typing import Final

from refine.ranking.cells import find_cells
from refine.ranking.comparisons import Comparisons
from refine.ranking.fitted import DRAWS
from refine.ranking.joining import in_order
from refine.ranking.makers import MOST_NAMES, generators_of, only_controls
from refine.ranking.passes import BLIND_PASSES, PASSES, SETTLED, Passes
from refine.ranking.rows import Rows
from refine.ranking.tiled import Generators, TiledPasses
from refine.ranking.tiling import tiles_of
from refine.ranking.trusted import Fitted
from refine.ranking.updates import update

MANY: Final = 100_000
"""Rows from which on tiles are used: there both ways agree, and this one takes a thirtieth of the time."""


def fit(data: Comparisons, *, seed: int = 0, start: Fitted | None = None, draws: int = DRAWS) -> Fitted:
    """Ratings of every item and reliabilities of every labeler in `data`.

    With `start`, `data` is what came since: labelers keep what `start` believes of them and learn from the new rows,
    and the groups in `data` are rated by their rows in `start` and the new ones together, at the widths and the
    calibration of `start`. That takes milliseconds for a round; the result holds those groups only, and all
    labelers; it can be updated again.
    A fit of everything is the truth that such updates stay near.

    `seed` and `draws` matter for P(best) alone. Never fails on odd evidence: no rows, one labeler, groups that fall
    apart, all ties and contradictions give ratings near each other, kept finite by the priors; where no two labelers
    share a group nobody can be judged, and all count alike. Items of one name in
    several groups are separate, but where no generators are given the 200 most frequent names serve as such, for what
    that explains.
    Memory grows with the square of a group's items.
    """
    if start is not None:
        return update(start, data, seed=seed, draws=draws)
    tiled = _tiled(data) if len(data) >= MANY else None
    if tiled is not None:
        return tiled.run(seed=seed, draws=draws)
    rows = Rows.of(in_order(data))
    loop = Passes(rows)
    for _ in range(BLIND_PASSES):
        loop.advance(trusting=False)
    loop.remember_blind()
    for _ in range(PASSES):
        if loop.advance(trusting=True) < SETTLED:
            break
    return loop.finish(seed=seed, draws=draws)


def _tiled(data: Comparisons) -> "TiledPasses | None":
    """None where groups are too large for tiles, or generators too many."""
    cells, lookup = find_cells(data)
    tiles = tiles_of(data, cells, lookup)
    if tiles is None:
        return None
    controls = only_controls(data, cells, lookup)
    generators = Generators(*generators_of(data, cells, lookup, controls[0]))
    if len(generators.names) > MOST_NAMES:
        return None
    return TiledPasses(data, tiles, generators, controls)
