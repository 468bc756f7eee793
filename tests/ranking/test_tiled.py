"""Fits tile by tile: what the exact fit finds, from a fraction of the work."""

import numpy as np
import pytest
from numpy.typing import NDArray

from refine.ranking import Comparisons, Fitted, fit
from refine.ranking import trust as trust_module
from refine.ranking.binned import BINS, Bins, Counts, evidence_of, shrinkage
from refine.ranking.cavity import leads_without_own as exact_leads
from refine.ranking.cavity import own_blocks
from refine.ranking.cells import Cells, Floats, Ints, find_cells
from refine.ranking.comparisons import LEFT, RIGHT, TIE
from refine.ranking.inverses import invert
from refine.ranking.joining import part, rows_of
from refine.ranking.labelers import gather
from refine.ranking.scores import View, solve_scores
from refine.ranking.sweep import Glance, Seen, leads_without_own, solve
from refine.ranking.tiles import Tiles
from refine.ranking.tiling import MOST_CELLS, tiles_of

GOOD, RANDOM, LEFTIST, INVERTED = range(4)


def crowd(
    *, rounds: int, labelers: int, per_round: int, seed: int, shown: int = 4, bad: float = 0.3, plain: bool = False,
    controls: bool = False, makers: int = 0,
) -> tuple[Comparisons, NDArray[np.int64]]:  # fmt: skip
    """Rounds of five or six items, and each labeler's kind. `plain`: the pairs of a ranking are no ranking's."""
    rng = np.random.default_rng(seed)
    kind = np.where(rng.random(labelers) < bad, rng.choice([RANDOM, LEFTIST, INVERTED], labelers), GOOD)
    strength = rng.normal(0, 1, max(makers, 1))
    columns: dict[str, list[str]] = {
        name: [] for name in ("labeler", "group", "left", "right", "control", "left_generator", "right_generator")
    }
    outcome, ranking = [], []
    for number in range(rounds):
        size = int(rng.integers(5, 7))
        made = rng.integers(0, max(makers, 1), size)
        score = rng.normal(0, 1, size) + (strength[made] if makers else 0)
        for turn, who in enumerate(rng.choice(labelers, per_round, replace=False).tolist()):
            order = rng.permutation(size)[:shown]
            sees = {GOOD: 1, RANDOM: 0, LEFTIST: 0, INVERTED: -1}[int(kind[who])]
            worth = np.round((sees * score[order] + rng.gumbel(size=shown)) / 0.2)
            if kind[who] == LEFTIST:
                worth = -np.arange(shown, dtype=np.float64)
            pairs = [(i, j) for i in range(shown) for j in range(i + 1, shown)]
            if controls and number % 3 == 0:
                pairs.append((0, -1))
            for i, j in pairs:
                is_control = j < 0
                ahead = sees * 2 + rng.logistic() if is_control else worth[i] - worth[j]
                columns["labeler"].append(f"w{who:03}")
                columns["group"].append(f"r{number:04}")
                columns["left"].append(f"r{number:04}-{order[i]}")
                columns["right"].append(f"r{number:04}-{order[i]}-worse" if is_control else f"r{number:04}-{order[j]}")
                columns["control"].append("true" if is_control else "")
                columns["left_generator"].append(f"m{made[order[i]]}" if makers else "")
                columns["right_generator"].append(f"m{made[order[j]]}" if makers and not is_control else "")
                outcome.append(LEFT if ahead > 0 else RIGHT if ahead < 0 else TIE)
                ranking.append(-1 if plain or is_control else number * per_round + turn)
    return Comparisons.from_columns(**columns, outcome=outcome, ranking=ranking), kind  # type: ignore[arg-type]


def both(monkeypatch: pytest.MonkeyPatch, data: Comparisons) -> tuple[Fitted, Fitted]:
    exact = fit(data)
    monkeypatch.setattr(trust_module, "MANY", 0)
    return exact, fit(data)


def tiles(data: Comparisons) -> Tiles:
    found = tiles_of(data, *find_cells(data))
    assert found is not None
    return found


def seen_alike(labelers: int, *, gain: float = 1.0, theta: float = 0.3) -> Seen:
    ones, none = np.ones(labelers, dtype=np.float32), np.zeros(labelers, dtype=np.float32)
    return Seen(good=ones, gain=gain * ones, theta=theta * ones, side=none, adversarial=none)


def together(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one, other)[0, 1])


@pytest.mark.parametrize(
    "shape",
    [
        {"shown": 4},
        {"shown": 2, "per_round": 12, "plain": True},
        {"shown": 3, "plain": True},
        {"shown": 4, "controls": True},
        {"shown": 4, "makers": 5},
    ],
    ids=["rankings", "single pairs", "several pairs each", "controls", "generators"],
)
def test_tiles_find_what_the_exact_fit_finds(monkeypatch: pytest.MonkeyPatch, shape: dict[str, int]) -> None:
    data, kind = crowd(**{"rounds": 250, "labelers": 30, "per_round": 6, "seed": 1} | shape)  # type: ignore[arg-type]
    exact, tiled = both(monkeypatch, data)
    assert together(exact.mean, tiled.mean) > 0.999
    np.testing.assert_allclose(tiled.mean, exact.mean, atol=0.15)
    sd = [np.sqrt(fitted.covariances[fitted.cells.diagonal]) for fitted in (exact, tiled)]
    np.testing.assert_allclose(sd[1], sd[0], rtol=0.1)
    np.testing.assert_allclose(tiled.labelers.reliability, exact.labelers.reliability, atol=0.2)
    np.testing.assert_allclose(tiled.labelers.side_bias, exact.labelers.side_bias, atol=0.1)
    np.testing.assert_allclose(tiled.predict(data), exact.predict(data), atol=0.06)
    np.testing.assert_allclose(tiled.generators, exact.generators, atol=0.1)
    assert tiled.theta == pytest.approx(exact.theta, rel=0.2)
    assert tiled.control_lead == pytest.approx(exact.control_lead, rel=0.15)
    assert tiled.labelers.reliability[kind == GOOD].min() > tiled.labelers.reliability[kind != GOOD].max()


def test_a_sample_of_the_tiles_teaches_what_all_of_them_do(monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = crowd(rounds=400, labelers=20, per_round=6, seed=2)
    monkeypatch.setattr(trust_module, "MANY", 0)
    monkeypatch.setattr("refine.ranking.tiling._ROWS", 500)
    whole = fit(data)
    monkeypatch.setattr("refine.ranking.tiled._SAMPLE", 4000)
    monkeypatch.setattr("refine.ranking.tiled._PROBED", 3000)
    sampled = fit(data)
    np.testing.assert_allclose(sampled.labelers.reliability, whole.labelers.reliability, atol=0.05)
    np.testing.assert_allclose(sampled.mean, whole.mean, atol=0.1)


def test_the_order_of_rows_changes_no_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_module, "MANY", 0)
    monkeypatch.setattr("refine.ranking.probes._BLOCKS", 7)
    monkeypatch.setattr("refine.ranking.tiling._ROWS", 300)  # so many tiles that two threads share them
    data, _ = crowd(rounds=60, labelers=15, per_round=5, seed=3, controls=True)
    shuffled = rows_of(data, np.random.default_rng(0).permutation(len(data)))
    one, other = fit(data), fit(shuffled)
    assert one.mean.tolist() == other.mean.tolist()
    assert one.labelers.reliability.tolist() == other.labelers.reliability.tolist()
    assert one.calibration == other.calibration


def test_an_update_finds_its_groups_rows_in_a_fit_of_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = crowd(rounds=120, labelers=20, per_round=6, seed=4)
    data = rows_of(data, np.random.default_rng(1).permutation(len(data)))
    is_late = np.isin(data.group, [3, 5, 90]) & (data.labeler % 2 == 0)
    early, late = part(data, np.flatnonzero(~is_late)), part(data, np.flatnonzero(is_late))
    exact, _ = fit(early), monkeypatch.setattr(trust_module, "MANY", 1000)
    by_exact, by_tiles = fit(late, start=exact), fit(late, start=fit(early))
    assert by_tiles.data.groups == ("r0003", "r0005", "r0090")
    assert len(by_tiles.data) == len(by_exact.data) == int(np.isin(data.group, [3, 5, 90]).sum())
    np.testing.assert_allclose(by_tiles.mean, by_exact.mean, atol=0.1)
    assert by_tiles.labelers.comparisons.sum() == len(data)


def test_labelers_who_answer_alike_are_left_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody shares a group with anybody: then nobody can be judged."""
    monkeypatch.setattr(trust_module, "MANY", 0)
    data = Comparisons.from_columns(
        labeler=[f"w{n}" for n in range(40)], group=[f"g{n:02}" for n in range(40)], left=["a"] * 40, right=["b"] * 40,
        outcome=[LEFT, RIGHT] * 20,
    )  # fmt: skip
    fitted = fit(data)
    assert np.ptp(fitted.scored_by.p_good) == pytest.approx(0)
    assert np.isfinite(fitted.mean).all()


def test_groups_too_large_for_tiles_are_fitted_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_module, "MANY", 0)
    items = [f"c{n:02}" for n in range(MOST_CELLS + 1)]
    data = Comparisons.from_columns(
        labeler=["ann"] * MOST_CELLS, group=["g"] * MOST_CELLS, left=items[:-1], right=items[1:],
        outcome=[LEFT] * MOST_CELLS,
    )  # fmt: skip
    assert tiles_of(data, *find_cells(data)) is None
    assert fit(data).mean[0] > fit(data).mean[-1]


def test_scores_and_leads_of_a_tile_are_those_of_the_exact_steps() -> None:
    data, _ = crowd(rounds=20, labelers=9, per_round=5, seed=5)
    cells, left, right = Cells.of(data)
    found = tiles(data)
    seen, theta = seen_alike(len(data.labelers)), np.float32(0.3)
    weight = found.kinds.for_scores[-2]  # of rows of rankings that are no controls
    ones = np.ones(len(data))
    view = View(weight=float(weight) * ones, gain=ones, theta=theta * ones, side=0 * ones)
    exact = solve_scores(
        cells, left, right, data.outcome, [view],
        generator=np.full(len(cells), -1), variance=1.5, generator_variance=1.0, mean=np.zeros(len(cells)),
        generators=np.zeros(0),
    )  # fmt: skip
    lead, variance = exact_leads(
        cells, left, right, own_blocks(data), lead=exact.mean[left] - exact.mean[right],
        covariances=exact.covariances, pull=exact.pull, bend=exact.bend,
    )  # fmt: skip
    said = {}
    for at in range(len(data)):
        said[int(data.labeler[at]), int(left[at]), int(right[at])] = lead[at], variance[at]
    for tile in found.tiles:
        none = np.zeros((tile.size, tile.size, tile.groups), dtype=np.float32)
        glance = Glance(tile, found.kinds, seen, theta=0.3)
        solved = solve(glance, np.zeros(tile.cells.shape), none, expected=0.0, precision=1 / 1.5, steps=25)
        np.testing.assert_allclose(solved.mean, exact.mean[tile.cells], atol=1e-4)
        leads, variances = leads_without_own(tile, solved)
        group = tile.entry % tile.groups
        first, second = tile.code // tile.size, tile.code % tile.size
        for at in range(len(tile)):
            cell = tile.cells[first[at], group[at]], tile.cells[second[at], group[at]]
            pair = cell if tile.lean[at] > 0 else cell[::-1]
            mean, spread = said[int(tile.labeler[at]), int(pair[0]), int(pair[1])]
            assert leads[at] * tile.lean[at] == pytest.approx(mean, abs=2e-3)
            assert variances[at] == pytest.approx(spread, rel=5e-3)


def test_binned_evidence_is_that_of_the_rows() -> None:
    rng = np.random.default_rng(6)
    rows, owners = 40_000, 12
    lead, variance = rng.normal(0, 1.3, rows), rng.uniform(0.2, 0.8, rows)
    outcome = rng.choice([LEFT, TIE], rows, p=[0.85, 0.15]).astype(np.int8)
    owner, weight = rng.integers(0, owners, rows), rng.choice([0.5, 1.0], rows)
    exact = gather(
        outcome, lead, variance, weight=weight, side=np.zeros(rows), theta=0.4, owner=owner, owners=owners
    )  # fmt: skip
    shrink = shrinkage(variance.astype(np.float32))
    bins = Bins(low=float(shrink.min()), high=float(shrink.max()))
    counts = Counts(owners)
    for first in range(0, rows, 15_000):
        some = slice(first, first + 15_000)
        place, part_above = bins.place(
            lead[some].astype(np.float32), shrink[some], np.flatnonzero(outcome[some] == TIE)
        )
        counts.add(owner[some] * BINS + place, part_above, weight[some].astype(np.float32))
    binned = evidence_of(counts.by_owner(), exact.answers, bins, 0.4)
    for name in ("good", "adversarial"):
        one, other = getattr(exact, name), getattr(binned, name)
        np.testing.assert_allclose(other, one, rtol=2e-3)
    best = exact.good - exact.good.max((1, 2), keepdims=True)  # what beliefs look at
    np.testing.assert_allclose((binned.good - exact.good)[best > -8], 0, atol=1.0)


@pytest.mark.parametrize("size", [1, 2, 6, 24])
def test_many_small_inverses_are_those_of_the_library(size: int) -> None:
    rng = np.random.default_rng(size)
    roots = rng.normal(size=(50, size, size))
    matrices = roots @ roots.transpose(0, 2, 1) + np.eye(size)
    found = invert(matrices.transpose(1, 2, 0).copy())
    np.testing.assert_allclose(found.transpose(2, 0, 1), np.linalg.inv(matrices), atol=1e-8)


def cells_by_sorting(data: Comparisons) -> tuple[Ints, Ints, Ints]:
    names = len(data.items)
    base = data.group.astype(np.int64) * names
    codes, code = np.unique(np.concatenate([base + data.left, base + data.right]), return_inverse=True)
    return codes, code[: len(data)], code[len(data) :]


@pytest.mark.parametrize("names", ["own", "few", "many"])
def test_cells_are_found_alike_whatever_items_are_called(names: str) -> None:
    rng = np.random.default_rng(7)
    group = rng.integers(0, 30, 200)
    item = {"own": group * 9, "few": 0 * group, "many": 0 * group}[names]
    spread = {"own": 9, "few": 5, "many": 4000}[names]
    left = item + rng.integers(0, spread // 2, 200)
    right = item + rng.integers(spread // 2, spread, 200)
    data = Comparisons.from_columns(
        labeler=["ann"] * 200, group=[f"g{n:02}" for n in group], left=[f"i{n:04}" for n in left],
        right=[f"i{n:04}" for n in right], outcome=[LEFT] * 200,
    )  # fmt: skip
    cells, found_left, found_right = Cells.of(data)
    codes, expected_left, expected_right = cells_by_sorting(data)
    assert (cells.group * len(data.items) + cells.item).tolist() == codes.tolist()
    assert found_left.tolist() == expected_left.tolist()
    assert found_right.tolist() == expected_right.tolist()
