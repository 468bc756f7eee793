import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.ranking import Comparisons, Fitted, fit, fit_blind
from refine.ranking.cells import Cells, Floats, Ints
from refine.ranking.comparisons import LEFT, RIGHT, TIE
from refine.ranking.joining import in_order, join, part, rows_of

Row = tuple[str, str, str, str, int]
ITEMS = 5


def comparisons(rows: list[Row]) -> Comparisons:
    labeler, group, left, right, outcome = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return Comparisons.from_columns(labeler=labeler, group=group, left=left, right=right, outcome=outcome)


class World:
    """Rounds of five items ranked by labelers of whom some are careless, choose the left always, or invert."""

    def __init__(self, *, rounds: int, labelers: int, per_round: int, kinds: dict[str, int], seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.scores = rng.normal(0, 1, (rounds, ITEMS))
        self.kind = [kind for kind, count in kinds.items() for _ in range(count)]
        self.kind += ["good"] * (labelers - len(self.kind))
        rankings = []
        for round in range(rounds):
            for who in rng.choice(labelers, per_round, replace=False):
                shown = rng.permutation(ITEMS)
                noise = rng.gumbel(size=ITEMS)
                worth = {
                    "good": self.scores[round] + noise,
                    "careless": noise,
                    "left": -np.argsort(shown).astype(float),
                    "inverted": -self.scores[round] + noise,
                }[self.kind[who]]
                best_first = [[f"c{item}"] for item in np.argsort(-worth)]
                rankings.append((f"w{who:03}", f"r{round:04}", best_first, [f"c{item}" for item in shown]))
        self.data = Comparisons.from_rankings(rankings)

    def tau(self, mean: Floats) -> float:
        found = mean.reshape(self.scores.shape)
        pairs = list(itertools.combinations(range(ITEMS), 2))
        agree = [np.sign(found[:, i] - found[:, j]) * np.sign(self.scores[:, i] - self.scores[:, j]) for i, j in pairs]
        return float(np.mean(agree))


@pytest.fixture(scope="module")
def hostile_world() -> World:
    kinds = {"careless": 8, "left": 3, "inverted": 5}
    return World(rounds=200, labelers=40, per_round=4, kinds=kinds, seed=1)


@pytest.fixture(scope="module")
def hostile_fit(hostile_world: World) -> Fitted:
    return fit(hostile_world.data)


def test_labelers_are_told_apart(hostile_world: World, hostile_fit: Fitted) -> None:
    labelers = hostile_fit.labelers
    assert labelers.labeler == hostile_world.data.labelers
    by_kind = {kind: np.array([it == kind for it in hostile_world.kind]) for kind in ("good", "careless", "inverted")}
    assert labelers.reliability[by_kind["good"]].min() > labelers.reliability[by_kind["careless"]].max()
    assert labelers.p_careless[by_kind["careless"]].mean() > 0.8
    assert labelers.p_adversarial[by_kind["inverted"]].min() > 0.8
    assert labelers.p_adversarial[by_kind["good"]].max() < 0.2
    assert (labelers.comparisons == np.bincount(hostile_world.data.labeler)).all()


def test_hostile_labelers_cost_the_ratings_little(hostile_world: World, hostile_fit: Fitted) -> None:
    data = hostile_world.data
    is_good = np.array([kind == "good" for kind in hostile_world.kind])
    oracle = fit_blind(data, labeler_weights=dict(zip(data.labelers, is_good.astype(float).tolist(), strict=True)))
    blind = hostile_world.tau(fit_blind(data).mean)
    assert hostile_world.tau(hostile_fit.mean) > blind + 0.1
    assert hostile_world.tau(hostile_fit.mean) > hostile_world.tau(oracle.mean) - 0.02


def test_with_good_labelers_alone_nothing_is_lost() -> None:
    world = World(rounds=150, labelers=30, per_round=4, kinds={}, seed=2)
    fitted = fit(world.data)
    assert world.tau(fitted.mean) > world.tau(fit_blind(world.data).mean) - 0.01
    assert fitted.labelers.p_careless.mean() < 0.1


def test_the_scale_is_that_of_a_typical_good_labeler() -> None:
    """Trap: reliabilities and scores that stretch or shrink each other without end."""
    world = World(rounds=300, labelers=60, per_round=4, kinds={}, seed=1)
    fitted = fit(world.data)
    centred = world.scores - world.scores.mean(1, keepdims=True)
    found = fitted.mean.reshape(centred.shape)
    found = found - found.mean(1, keepdims=True)
    assert float((centred * found).sum() / (found * found).sum()) == pytest.approx(1, abs=0.15)
    assert float(np.median(fitted.labelers.reliability)) == pytest.approx(1, abs=0.2)


def test_p_best_means_what_it_says(hostile_world: World, hostile_fit: Fitted) -> None:
    p_best = hostile_fit.ratings.p_best.reshape(hostile_world.scores.shape)
    hit = p_best.argmax(1) == hostile_world.scores.argmax(1)
    assert float(p_best.max(1).mean()) == pytest.approx(float(hit.mean()), abs=0.08)
    np.testing.assert_allclose(p_best.sum(1), 1)


def test_half_a_crowd_of_random_labelers_does_not_shrink_the_scores() -> None:
    """Trap: good labelers so far apart that the random ones are the weakest of them; then all leads must be small."""
    world = World(rounds=250, labelers=40, per_round=6, kinds={"careless": 18}, seed=3)
    fitted = fit(world.data)
    good = np.array([kind == "good" for kind in world.kind])
    assert float(np.median(fitted.labelers.reliability[good])) == pytest.approx(1, abs=0.2)
    assert fitted.labelers.p_careless[~good].mean() > 0.8


def test_scores_are_as_far_apart_as_they_are() -> None:
    """Trap: the maximum of a posterior lies too near to the prior, by a sixth in rounds of ten comparisons an item."""
    world = World(rounds=400, labelers=30, per_round=4, kinds={}, seed=7)
    fitted = fit(world.data)
    centred = world.scores - world.scores.mean(1, keepdims=True)
    found = fitted.mean.reshape(centred.shape)
    found = found - found.mean(1, keepdims=True)
    assert float((centred * found).sum() / (found * found).sum()) == pytest.approx(1, abs=0.06)


def test_sparse_items_do_not_collapse() -> None:
    """Trap: mean-field updates shrink reliabilities and scores to nothing where items are seen once or twice."""
    rng = np.random.default_rng(3)
    rows: list[Row] = []
    for group in range(400):
        a, b = rng.normal(0, 1.5, 2)
        for who in rng.choice(40, 2, replace=False):
            outcome = LEFT if a + rng.logistic() / 2 > b + rng.logistic() / 2 else RIGHT
            rows.append((f"w{who}", f"g{group}", "a", "b", outcome))
    fitted = fit(comparisons(rows))
    assert fitted.variance > 0.3
    assert fitted.labelers.reliability.mean() > 0.5


def test_who_always_chooses_the_left_is_careless_not_biased() -> None:
    """Trap: a loose side bias explains such a labeler as a good one who leans."""
    rng = np.random.default_rng(4)
    scores = rng.normal(0, 1.5, (30, 4))
    rows: list[Row] = []
    for who in range(12):
        for group in range(30):
            i, j = rng.choice(4, 2, replace=False)
            sees = scores[group, i] - scores[group, j] + rng.logistic() > 0
            rows.append((f"w{who:02}", f"g{group:02}", f"c{i}", f"c{j}", LEFT if who < 2 or sees else RIGHT))
    labelers = fit(comparisons(rows)).labelers
    assert (labelers.p_careless[:2] > 0.9).all()
    assert (np.abs(labelers.side_bias) < 1.5).all()
    assert labelers.p_careless[2:].max() < 0.5


def test_items_of_one_generator_help_each_other() -> None:
    rng = np.random.default_rng(5)
    strong = rng.normal(0, 1.2, 6)
    columns: dict[str, list[str]] = {name: [] for name in ("labeler", "group", "left", "right", "lm", "rm")}
    outcome = []
    for group in range(150):
        made = rng.choice(6, 2, replace=False)
        outcome.append(LEFT if strong[made[0]] - strong[made[1]] + rng.logistic() > 0 else RIGHT)
        columns["labeler"].append(f"w{group % 9}")
        columns["group"].append(f"g{group}")
        columns["left"].append(f"{group}a")
        columns["right"].append(f"{group}b")
        columns["lm"].append(f"m{made[0]}")
        columns["rm"].append(f"m{made[1]}")
    data = Comparisons.from_columns(
        labeler=columns["labeler"], group=columns["group"], left=columns["left"], right=columns["right"],
        outcome=outcome, left_generator=columns["lm"], right_generator=columns["rm"],
    )  # fmt: skip
    fitted = fit(data)
    assert fitted.generator_names == tuple(f"m{n}" for n in range(6))
    assert np.corrcoef(fitted.generators, strong)[0, 1] > 0.9
    unseen = Comparisons.from_columns(
        labeler=["new"], group=["another"], left=["x"], right=["y"], outcome=[TIE],
        left_generator=[f"m{strong.argmax()}"], right_generator=[f"m{strong.argmin()}"],
    )  # fmt: skip
    chances = fitted.predict(unseen)[0]
    assert chances[LEFT] > 0.6 > 0.3 > chances[RIGHT]


def test_controls_tell_who_looks() -> None:
    rng = np.random.default_rng(6)
    rows: list[Row] = []
    control = []
    for who in range(10):
        for group in range(12):
            is_control = group % 3 == 0
            wins = rng.random() < (0.5 if who < 3 else 0.95 if is_control else 0.5)
            other = f"{group}-control" if is_control else f"{group}b"
            rows.append((f"w{who}", f"g{group:02}", f"{group}a", other, LEFT if wins else RIGHT))
            control.append("true" if is_control else "")
    columns = [list(column) for column in zip(*rows, strict=True)]
    data = Comparisons.from_columns(
        labeler=columns[0], group=columns[1], left=columns[2], right=columns[3],  # type: ignore[arg-type]
        outcome=columns[4], control=control,  # type: ignore[arg-type]
    )  # fmt: skip
    fitted = fit(data)
    reliability = fitted.labelers.reliability
    assert reliability[:3].mean() < reliability[3:].mean()
    assert fitted.control_lead > 1
    assert fitted.beats("g00", "0a", "0-control") > 0.9
    assert fitted.predict(data)[0, LEFT] > fitted.predict(data)[0, RIGHT]


def test_controls_alone_tell_who_looks() -> None:
    """Nobody shares a group with anybody, but each was shown thirty controls."""
    rng = np.random.default_rng(7)
    names = [(f"w{who}", f"{who}-{n}") for who in range(2) for n in range(30)]
    fitted = fit(
        Comparisons.from_columns(
            labeler=[name for name, _ in names], group=[group for _, group in names],
            left=[f"{group}a" for _, group in names], right=[f"{group}b" for _, group in names],
            outcome=[LEFT if who == "w0" or rng.random() < 0.5 else RIGHT for who, _ in names],
            control=["true"] * len(names),
        )
    )  # fmt: skip
    assert fitted.labelers.reliability[0] > fitted.labelers.reliability[1] + 0.5
    assert fitted.labelers.p_careless[1] > 0.5


def test_what_a_row_does_not_say_of_a_generator_another_may() -> None:
    fitted = fit(
        Comparisons.from_columns(
            labeler=["ann", "bob"], group=["g", "g"], left=["a", "a"], right=["b", "c"], outcome=[LEFT, LEFT],
            left_generator=["m1", ""], right_generator=["m2", "m2"],
        )
    )  # fmt: skip
    assert fitted.generators[0] > fitted.generators[1]


def test_an_update_by_nothing_leaves_labelers_as_they_were(hostile_fit: Fitted) -> None:
    updated = fit(comparisons([]), start=hostile_fit)
    np.testing.assert_allclose(updated.labelers.reliability, hostile_fit.labelers.reliability)
    assert len(updated.ratings) == 0


def test_an_update_of_an_update_still_knows_the_first_rows() -> None:
    rows: list[Row] = [(who, "h", "a", "b", LEFT) for who in ("ann", "bob", "cy", "di") for _ in range(3)]
    rows += [(who, "g", "x", "y", LEFT) for who in ("ann", "bob", "cy", "di")]
    base = fit(comparisons(rows))
    late = comparisons([("ed", "h", "a", "b", RIGHT)])
    at_once = fit(late, start=base).beats("h", "a", "b")
    by_way_of_g = fit(late, start=fit(comparisons([("ed", "g", "x", "y", LEFT)]), start=base))
    assert by_way_of_g.beats("h", "a", "b") == pytest.approx(at_once, abs=0.05)
    assert by_way_of_g.data.groups == ("h",)


def test_an_update_counts_every_row_as_evidence_once(hostile_world: World) -> None:
    data = hostile_world.data
    first, second = np.flatnonzero(data.labeler % 2 == 0), np.flatnonzero(data.labeler % 2 == 1)  # of every group
    updated = fit(part(data, second), start=fit(part(data, first)))
    weight = 9 / (2 * ITEMS + 5)
    assert float(updated.evidence.answers.sum()) == pytest.approx(weight * len(data))


def test_only_the_most_frequent_names_serve_as_generators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.ranking.makers.MOST_NAMES", 2)
    rows: list[Row] = [("ann", f"g{n}", "a", "b" if n % 3 else "c", LEFT) for n in range(9)]
    assert fit(comparisons(rows)).generator_names == ("a", "b")


_EXAMPLES = settings().max_examples // 4  # each takes a fit of ten passes

names = st.sampled_from("abcde")
row_lists = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cy"]), st.sampled_from("gh"), names, names, st.sampled_from([LEFT, TIE, RIGHT])
    ).filter(lambda row: row[2] != row[3]),
    max_size=12,
)


@settings(deadline=None, max_examples=_EXAMPLES)
@given(rows=row_lists)
def test_nothing_is_ever_not_a_number(rows: list[Row]) -> None:
    fitted = fit(comparisons(rows), draws=64)
    labelers, ratings = fitted.labelers, fitted.ratings
    for column in (ratings.mean, ratings.sd, ratings.p_best, labelers.reliability, labelers.reliability_sd):
        assert np.isfinite(column).all()
    chances = fitted.predict(fitted.data)
    assert (chances >= 0).all()
    np.testing.assert_allclose(chances.sum(1), 1)


@settings(deadline=None, max_examples=_EXAMPLES)
@given(rows=row_lists, seed=st.integers(0, 9))
def test_the_order_of_rows_changes_nothing(rows: list[Row], seed: int) -> None:
    shuffled = [rows[at] for at in np.random.default_rng(seed).permutation(len(rows))]
    one, other = fit(comparisons(rows), draws=64), fit(comparisons(shuffled), draws=64)
    assert one.mean.tolist() == other.mean.tolist()
    assert one.labelers.reliability.tolist() == other.labelers.reliability.tolist()
    assert one.ratings.p_best.tolist() == other.ratings.p_best.tolist()


def test_one_labeler_alone_counts_as_any_other() -> None:
    fitted = fit(comparisons([("ann", "g", "a", "b", LEFT), ("ann", "g", "b", "c", LEFT)] * 10))
    assert fitted.mean[0] > fitted.mean[1] > fitted.mean[2]
    assert fitted.labelers.reliability[0] == pytest.approx(1, abs=0.2)
    assert fitted.labelers.reliability_sd[0] > 0.3  # nothing is known of her


def test_who_contradicts_only_himself_is_not_called_adversarial() -> None:
    """Trap: a long block cut into pieces of one answer each stands against itself."""
    rows: list[Row] = [("ann", "g", "a", "b", LEFT if n % 2 else RIGHT) for n in range(300)]
    honest: list[Row] = [(who, "g", "a", "b", LEFT) for who in ("bob", "cy", "di") for _ in range(9)]
    assert fit(comparisons(rows)).labelers.p_adversarial[0] < 0.1
    assert fit(comparisons(rows + honest)).labelers.p_adversarial[0] < 0.1


def test_long_and_short_blocks_are_taken_out_alike(monkeypatch: pytest.MonkeyPatch, hostile_world: World) -> None:
    import refine.ranking.cavity as cavity

    short = fit(hostile_world.data)
    monkeypatch.setattr(cavity, "_LONG", 0)
    long = fit(part(hostile_world.data, np.arange(len(hostile_world.data))))
    np.testing.assert_allclose(long.mean, short.mean, atol=1e-6)


def test_two_who_contradict_each_other_are_not_both_called_adversarial() -> None:
    fitted = fit(comparisons([("ann", "g", "a", "b", LEFT), ("bob", "g", "a", "b", RIGHT)] * 20))
    assert fitted.mean == pytest.approx([0, 0], abs=0.1)
    assert fitted.labelers.p_adversarial.max() < 0.5


def test_no_rows_and_all_ties_are_answered() -> None:
    assert len(fit(comparisons([])).ratings) == 0
    tied = fit(comparisons([("ann", "g", "a", "b", TIE), ("bob", "g", "b", "c", TIE)] * 10))
    np.testing.assert_allclose(tied.mean, 0, atol=1e-6)


def test_an_update_stays_near_the_fit_of_everything(hostile_world: World, hostile_fit: Fitted) -> None:
    data = hostile_world.data
    is_last = data.group == len(data.groups) - 1
    start = fit(part(data, np.flatnonzero(~is_last)))
    updated = fit(part(data, np.flatnonzero(is_last)), start=start)
    assert updated.data.groups == data.groups[-1:]
    full = hostile_fit.mean[-ITEMS:]
    np.testing.assert_allclose(updated.mean - updated.mean.mean(), full - full.mean(), atol=0.15)
    assert updated.labelers.labeler == data.labelers
    np.testing.assert_allclose(updated.labelers.reliability, hostile_fit.labelers.reliability, atol=0.25)
    assert updated.labelers.comparisons.tolist() == hostile_fit.labelers.comparisons.tolist()


def test_an_update_pools_a_group_over_its_rounds_and_knows_new_labelers() -> None:
    first = comparisons([("ann", "g", "a", "b", LEFT), ("bob", "g", "a", "b", LEFT), ("bob", "h", "c", "d", LEFT)])
    more = comparisons([("cy", "g", "b", "e", LEFT)])
    updated = fit(more, start=fit(first))
    assert updated.ratings.item == ("a", "b", "e")
    assert updated.beats("g", "a", "e") > 0.5
    assert updated.labelers.labeler == ("ann", "bob", "cy")
    assert updated.labelers.comparisons.tolist() == [1, 2, 1]


def test_parts_joined_are_the_whole(hostile_world: World) -> None:
    data = hostile_world.data
    first, second = np.arange(0, len(data), 2), np.arange(1, len(data), 2)
    joined, is_new = join(part(data, first), part(data, second), np.ones(len(second), dtype=np.int64))
    whole = in_order(data)
    assert joined.labelers == whole.labelers
    assert joined.items == whole.items
    for column in ("labeler", "group", "left", "right", "outcome"):
        assert getattr(joined, column).tolist() == getattr(whole, column).tolist()
    assert int(is_new.sum()) == len(second)


def test_rows_taken_out_of_the_posterior_leave_what_the_others_say() -> None:
    """The cavity of a block is the fit of all other rows, to the accuracy of one quadratic step."""
    from refine.ranking.cavity import leads_without_own, own_blocks
    from refine.ranking.scores import View, solve_scores

    world = World(rounds=1, labelers=12, per_round=12, kinds={}, seed=8)
    data = world.data
    cells, left, right = Cells.of(data)

    def solved(rows: Ints, cells: Cells = cells) -> tuple[Floats, Floats, Floats, Floats]:
        ones = np.ones(len(rows))
        view = View(weight=0.5 * ones, gain=ones, theta=0.3 * ones, side=0 * ones)
        found = solve_scores(
            cells, left[rows], right[rows], data.outcome[rows], [view], generator=np.full(len(cells), -1),
            variance=1.0, generator_variance=1.0, mean=np.zeros(len(cells)), generators=np.zeros(0),
        )  # fmt: skip
        return found.mean, found.covariances, found.pull, found.bend

    mean, covariances, pull, bend = solved(np.arange(len(data)))
    lead, variance = leads_without_own(
        cells, left, right, own_blocks(data), lead=mean[left] - mean[right], covariances=covariances, pull=pull,
        bend=bend,
    )  # fmt: skip
    for who in range(3):
        own, others = np.flatnonzero(data.labeler == who), np.flatnonzero(data.labeler != who)
        alone, spread, _, _ = solved(others)
        np.testing.assert_allclose(lead[own], alone[left[own]] - alone[right[own]], atol=0.05)
        exact = (
            spread[cells.entry(left[own], left[own])]
            + spread[cells.entry(right[own], right[own])]
            - 2 * spread[cells.entry(left[own], right[own])]
        )
        np.testing.assert_allclose(variance[own], exact, rtol=0.1)


def test_the_slopes_of_the_answer_model_are_its_derivatives() -> None:
    from refine.ranking.ordered_logit import probabilities, slopes

    d, theta = np.linspace(-3, 3, 13), 0.7
    step = 1e-5
    for outcome in (LEFT, TIE, RIGHT):
        answers = np.full(len(d), outcome, dtype=np.int8)

        def value(d: Floats, outcome: int = outcome) -> Floats:
            return np.asarray(np.log(probabilities(d, 0.0, gain=1.0, theta=theta, side=0.0)[:, outcome]))

        first, second = slopes(answers, d, theta)
        np.testing.assert_allclose(first, (value(d + step) - value(d - step)) / (2 * step), atol=1e-6)
        bend = (value(d + step) - 2 * value(d) + value(d - step)) / step**2
        np.testing.assert_allclose(second, -bend, atol=1e-3)


def test_log_gamma_is_that_of_the_mathematics_library() -> None:
    import math

    from refine.ranking.labelers import log_gamma

    x = np.array([0.1, 0.5, 1, 2.5, 30, 1e5])
    np.testing.assert_allclose(log_gamma(x), [math.lgamma(each) for each in x.tolist()], rtol=1e-11, atol=1e-11)


def test_rows_can_be_taken_in_any_order(hostile_world: World) -> None:
    taken = rows_of(hostile_world.data, np.array([5, 2]))
    assert taken.outcome.tolist() == hostile_world.data.outcome[[5, 2]].tolist()
