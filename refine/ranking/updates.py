"""A few new rows taken into a fit: their groups rated anew, their labelers' evidence grown, all else as it was."""

from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from refine.ranking.cells import Floats, Ints
from refine.ranking.comparisons import Comparisons
from refine.ranking.history import History
from refine.ranking.joining import in_order, join, part
from refine.ranking.labelers import Beliefs, Evidence, believe
from refine.ranking.makers import generators_of, only_controls, place_controls
from refine.ranking.rows import Rows, views_for
from refine.ranking.scores import solve_scores
from refine.ranking.trusted import Fitted

Columns = TypeVar("Columns", Evidence, Beliefs)


def update(start: Fitted, more: Comparisons, *, seed: int, draws: int) -> Fitted:
    """`fit(more, start=start)`. Its cost grows with the groups and labelers in `more`, not with all of them, but for
    copies of what is known of labelers, and the looking up of rows in `start.history`."""
    fresh_data = in_order(more)
    data, is_new = fresh_data, np.ones(len(more), dtype=np.int64)
    for earlier in start.history:
        rows_there = earlier.rows(more.groups)
        if len(rows_there):
            data, is_new = join(part(earlier.data, rows_there), data, is_new)
    place = start.place_of_labeler
    unknown = [name for name in data.labelers if name not in place]
    everybody = start.names + tuple(unknown)
    numbers = {name: len(start.names) + at for at, name in enumerate(unknown)}
    who = np.array([place.get(name, numbers.get(name, -1)) for name in data.labelers], dtype=np.int64)
    known = np.where(who < len(start.names), who, -1)
    rows = Rows.of(data)
    evidence = start.evidence.of(known)
    sides = np.where(known >= 0, start.sides[known] if len(start.sides) else 0.0, 0.0)
    controls = only_controls(data, rows.cells, rows.lookup)
    prior_mean, prior_variance = _priors(start, data, rows, controls[0])
    theta, fresh = start.population.theta, np.flatnonzero(is_new)
    beliefs = believe(start.population, evidence)
    total, scores = evidence, None
    for _ in range(2):
        scores = solve_scores(
            rows.cells, rows.left, rows.right, data.outcome, views_for(rows, beliefs, theta, sides),
            generator=np.full(len(rows.cells), -1), variance=prior_variance, generator_variance=1.0,
            mean=np.zeros(len(rows.cells)) if scores is None else scores.mean, generators=np.zeros(0),
            offset=prior_mean,
        )  # fmt: skip
        lead, variance = rows.leads(scores, start.control_lead)
        side = sides[rows.labeler]
        total = evidence + rows.gather(lead, variance, theta, side, rows.labeler, len(who), chosen=fresh)
        beliefs = believe(start.population, total)
    assert scores is not None
    mean, covariances = place_controls(rows.cells, scores.mean, scores.covariances, *controls, start.control_lead)
    counts = np.zeros(len(everybody), dtype=np.int64)
    counts[: len(start.names)] = start.counts
    counts[who] += np.bincount(rows.labeler[fresh], minlength=len(who))
    return replace(
        start,
        data=data,
        cells=rows.cells,
        mean=mean,
        covariances=covariances,
        history=(*start.history, History(data=fresh_data, is_sorted=True)) if len(more) else start.history,
        seed=seed,
        draws=draws,
        names=everybody,
        evidence=_merged(start.evidence, total, who, len(everybody)),
        beliefs=_merged(start.beliefs, beliefs, who, len(everybody)),
        scored_by=_merged(start.scored_by, beliefs, who, len(everybody)),
        sides=_put(start.sides, sides, who, len(everybody)),
        counts=counts,
    )


def _merged(before: Columns, now: Columns, who: Ints, count: int) -> Columns:
    """Columns of `count` labelers: `now` of those in `who`, `before` of the others."""
    names = [field.name for field in fields(before) if isinstance(getattr(before, field.name), np.ndarray)]
    found: dict[str, Any] = {name: _put(getattr(before, name), getattr(now, name), who, count) for name in names}
    return replace(before, **found)


def _put(before: Floats, now: Floats, who: Ints, count: int) -> Floats:
    found = np.zeros((count, *now.shape[1:]))
    found[: len(before)] = before
    found[who] = now
    return found


def _priors(start: Fitted, data: Comparisons, rows: Rows, controls: Ints) -> tuple[Floats, Floats]:
    """Prior mean and variance of each cell: its generator's, as far as `start` knows that."""
    names, generator = generators_of(data, rows.cells, rows.lookup, controls, start.generator_names)
    place = {name: at for at, name in enumerate(start.generator_names)}
    known = np.array([*(place.get(name, -2) for name in names), -1], dtype=np.int64)[generator]
    spread = np.append(np.diagonal(start.generator_covariance), [start.generator_variance, 0.0])  # -2: new, -1: none
    mean = np.append(start.generators, [0.0, 0.0])
    return mean[known], start.variance + spread[known]
