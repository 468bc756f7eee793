import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refine.errors import InputError
from refine.ranking import in_chain_estimate, judge, win_rate
from refine.ranking.audit import student_t
from refine.types import RankingRecord


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "audit_coverage.py"
    spec = importlib.util.spec_from_file_location("audit_coverage", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "setting",
    [
        {"chains": 400, "share": 0.05, "gain": 1.0},
        {"chains": 200, "share": 0.2, "gain": 3.0},
        {"chains": 400, "share": 0.05, "gain": 5.0, "spread": 1.5, "same": 0.02, "careless": 0.0, "hostile": 0.0},
    ],
    ids=["moderate", "large share", "near one"],
)
def test_the_interval_covers_the_truth_of_simulated_projects(benchmark: ModuleType, setting: dict[str, float]) -> None:
    covers, _, _ = benchmark.coverage(benchmark.Setting(**setting), projects=500, seed=1)
    assert 0.93 <= covers <= 0.97


def test_few_audited_chains_cover_no_less(benchmark: ModuleType) -> None:
    covers, _, width = benchmark.coverage(benchmark.Setting(chains=60, share=0.05, gain=1.0), projects=300, seed=1)
    assert covers >= 0.93
    assert width < 0.8


def test_the_rate_is_the_mean_over_chains_with_ties_as_halves() -> None:
    found = win_rate([(4, 0, 1), (0, 2, 0), (0, 0, 10)])
    assert found.rate == pytest.approx((0.8 + 0.5 + 0) / 3)
    assert (found.chains, found.outcomes) == (3, 17)


def test_without_audited_chains_there_is_no_rate() -> None:
    for outcomes in ([], [(0, 0, 0)]):
        found = win_rate(outcomes)
        assert (found.rate, found.low, found.high, found.chains) == (None, None, None, 0)


def test_one_chain_says_nothing() -> None:
    found = win_rate([(5, 0, 0)])
    assert (found.rate, found.low, found.high) == (1, 0, 1)


def test_unanimous_chains_leave_doubt_that_shrinks_with_their_number() -> None:
    few, many = win_rate([(5, 0, 0)] * 4), win_rate([(5, 0, 0)] * 40)
    assert few.low is not None and many.low is not None
    assert few.high == many.high == 1
    assert 0.5 < few.low < many.low < 1


def test_answers_in_one_chain_are_worth_less_than_in_many() -> None:
    spread, bunched = win_rate([(1, 0, 0), (0, 0, 1)] * 10), win_rate([(10, 0, 0), (0, 0, 10)] * 2)
    assert width(bunched) > 1.5 * width(spread)


def test_a_known_total_narrows_the_interval() -> None:
    outcomes = [(5.0, 0.0, 0.0), (1.0, 0.0, 4.0), (2.0, 1.0, 2.0), (4.0, 1.0, 0.0)] * 3
    assert width(win_rate(outcomes, ended_chains=15)) < width(win_rate(outcomes, ended_chains=1000))
    assert width(win_rate(outcomes, ended_chains=10**9)) == pytest.approx(width(win_rate(outcomes)))


def test_a_higher_level_gives_a_wider_interval() -> None:
    outcomes = [(4.0, 0.0, 1.0), (2.0, 0.0, 3.0)] * 4
    assert width(win_rate(outcomes, level=0.99)) > width(win_rate(outcomes)) > width(win_rate(outcomes, level=0.8))


counts = st.integers(0, 6)


@given(st.lists(st.tuples(counts, counts, counts), max_size=12))
def test_the_interval_holds_the_rate_and_mirrors_with_it(outcomes: list[tuple[int, int, int]]) -> None:
    found, mirror = win_rate(outcomes), win_rate([(losses, ties, wins) for wins, ties, losses in outcomes])
    if found.rate is None or found.low is None or found.high is None:
        assert not any(map(sum, outcomes))
        return
    assert 0 <= found.low <= found.rate <= found.high <= 1
    assert mirror.rate == pytest.approx(1 - found.rate)
    assert mirror.low == pytest.approx(1 - found.high)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: win_rate([(-1, 0, 2)]),
        lambda: win_rate([(math.nan, 0, 2)]),
        lambda: win_rate([(1, 0, 2)] * 3, ended_chains=2),
        lambda: win_rate([(1, 0, 2)], level=1.0),
    ],
)
def test_impossible_counts_are_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(InputError):
        wrong()


@pytest.mark.parametrize(
    ("df", "expected"), [(1, 12.7062), (2, 4.3027), (3, 3.1824), (9, 2.2622), (30, 2.0423), (1000, 1.9623)]
)
def test_student_t_is_that_of_the_tables(df: int, expected: float) -> None:
    assert student_t(0.95, df) == pytest.approx(expected, abs=5e-5)


def chain(order: str, count: int) -> tuple[dict[str, object], str, str]:
    """A chain whose labelers all ranked in `order`; its first draft is `a`, its final the winner."""
    rankings = [
        RankingRecord(id=str(k), round=1, labeler=f"w{k}", groups=tuple((item,) for item in order), shown=())
        for k in range(count)
    ]
    verdict = judge(rankings=rankings, shown=sorted(order), incumbent=None, gate=0.6, seed=0)
    return verdict.details, "a", verdict.winner


def test_the_in_chain_estimate_says_that_it_is_optimistic() -> None:
    found = in_chain_estimate([chain("bac", 5), chain("cba", 5)])
    assert found.is_optimistic
    assert found.chains == 2
    assert found.rate is not None and found.p_final_better is not None
    assert 0.5 < found.rate < found.p_final_better < 1


def test_a_final_that_is_the_first_draft_is_a_certain_tie_in_the_estimate() -> None:
    found = in_chain_estimate([chain("abc", 3)])
    assert (found.rate, found.p_final_better) == (0.5, 0.5)


def test_chains_whose_verdict_lacks_a_candidate_are_left_out_of_the_estimate() -> None:
    details, _, final = chain("bac", 3)
    found = in_chain_estimate([(details, "elsewhere", final), ({}, "a", "b")])
    assert (found.rate, found.p_final_better, found.chains, found.left_out) == (None, None, 0, 2)


def width(found: object) -> float:
    low, high = getattr(found, "low", None), getattr(found, "high", None)
    assert low is not None and high is not None
    return float(high - low)
