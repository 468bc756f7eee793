"""Verdicts that count labelers for what is known of them from elsewhere."""

import random

import pytest

from refine.ranking import Comparisons, Snapshot, judge, reliabilities_of
from refine.types import RankingRecord, Verdict

HONEST = [f"honest{n}" for n in range(6)]
HOSTILE = [f"hostile{n}" for n in range(2)]
CARELESS = [f"careless{n}" for n in range(3)]


def order(labeler: str, rng: random.Random) -> list[list[str]]:
    """a is better than b, b than c, c than d; honest labelers see it most of the time."""
    pages = [*"abcd"]
    if labeler in CARELESS:
        rng.shuffle(pages)
    elif rng.random() < 0.3:
        at = rng.randrange(3)
        pages[at : at + 2] = pages[at + 1 : at - 1 : -1] if at else [pages[1], pages[0]]
    if labeler in HOSTILE:
        pages.reverse()
    return [[page] for page in pages]


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    rng = random.Random(3)
    rows = [
        (labeler, f"chain{n}", order(labeler, rng), ["b", "d", "a", "c"])
        for n in range(30)
        for labeler in rng.sample([*HONEST, *HOSTILE, *CARELESS], 5)
    ]
    rounds = {f"chain{n}": 1 for n in range(30)}
    return Snapshot.of(Comparisons.from_rankings(rows), id="S1", rounds=rounds, rankings=len(rows), seed=0)


def ranking(labeler: str, groups: str, round: int = 1) -> RankingRecord:
    return RankingRecord(
        id=f"{labeler}-{round}",
        round=round,
        labeler=labeler,
        groups=tuple(tuple(group) for group in groups.split(">")),
        shown=("x", "y", "z"),
    )


def judged(rankings: list[RankingRecord], snapshot: Snapshot | None, *, chain: str = "new", seed: int = 0) -> Verdict:
    return judge(
        rankings=rankings,
        shown=["x", "y", "z"],
        incumbent=None,
        gate=0.6,
        seed=seed,
        snapshot=snapshot,
        chain=chain,
    )


def test_those_who_invert_elsewhere_do_not_sway_a_verdict(snapshot: Snapshot) -> None:
    rankings = [ranking(it, "z>y>x") for it in HOSTILE] + [ranking("honest0", "x>y>z")]
    assert judged(rankings, None).winner == "z"
    assert judged(rankings, snapshot).winner == "x"


def test_a_careless_labeler_counts_for_next_to_nothing(snapshot: Snapshot) -> None:
    rankings = [ranking(it, "z>y>x") for it in CARELESS] + [ranking(it, "x>y>z") for it in HONEST[:2]]
    trusting = judged(rankings, snapshot)
    assert judged(rankings, None).winner == "z"
    assert trusting.winner == "x" and trusting.ratings[0].p_best > 0.8


def test_the_verdict_says_what_it_rested_on(snapshot: Snapshot) -> None:
    verdict = judged(
        [ranking("honest0", "x>y>z"), ranking("stranger", "x>z>y"), ranking("hostile0", "y>z>x")], snapshot
    )
    assert verdict.method == "ordered-logit-mixture@1"
    assert verdict.details["snapshot"] == "S1"
    assert (verdict.comparisons, verdict.rankings, verdict.threshold, verdict.seed) == (9, 3, 0.6, 0)
    labelers = verdict.details["labelers"]
    assert [*labelers] == ["honest0", "hostile0", "stranger"]
    assert labelers["honest0"]["mean"] > 0.6 and labelers["stranger"]["mean"] > 0 > labelers["hostile0"]["mean"]
    assert labelers["stranger"]["sd"] > labelers["honest0"]["sd"]
    assert labelers["hostile0"]["p_adversarial"] > 0.9
    assert len(verdict.details["covariance"]) == len(verdict.details["mean"]) == 3


def test_without_a_snapshot_all_count_alike_and_the_verdict_says_so() -> None:
    verdict = judged([ranking("honest0", "x>y>z"), ranking("hostile0", "y>z>x")], None)
    assert verdict.method == "bradley-terry-map@1" and "snapshot" not in verdict.details
    assert verdict.details["labelers"] == {"honest0": {"mean": 1.0}, "hostile0": {"mean": 1.0}}


def test_rounds_that_the_snapshot_rests_on_teach_nothing_twice(snapshot: Snapshot) -> None:
    """Of `chain3` it has round one."""
    rankings = [ranking(it, "x>y>z") for it in HONEST[:4]] + [ranking("stranger", "z>y>x")]
    rankings.append(ranking("honest4", "x>y>z", round=2))
    again = judged(rankings, snapshot, chain="chain3").details["labelers"]["stranger"]["mean"]
    fresh = judged(rankings, snapshot, chain="new").details["labelers"]["stranger"]["mean"]
    unknown = reliabilities_of(snapshot.fitted, ["nobody"])["nobody"].mean
    assert fresh < again == pytest.approx(unknown)  # who contradicts the good ones is believed less for it, once


def test_a_snapshot_does_not_grow_with_what_it_rests_on(snapshot: Snapshot) -> None:
    assert not len(snapshot.fitted.data) and not snapshot.fitted.history and not snapshot.fitted.covariances.size


def test_nothing_compared_leaves_the_first_shown(snapshot: Snapshot) -> None:
    assert judged([], snapshot).winner == "x"


def test_equal_input_gives_equal_verdicts_whatever_candidates_are_called(snapshot: Snapshot) -> None:
    rankings = [ranking("honest0", "x>y>z"), ranking("honest1", "y>x>z"), ranking("stranger", "x>z>y")]
    assert judged(rankings, snapshot) == judged(rankings, snapshot)
    renamed = [
        RankingRecord(
            id=it.id,
            round=it.round,
            labeler=it.labeler,
            groups=tuple(tuple(f"q{page}" for page in group) for group in it.groups),
            shown=("qx", "qy", "qz"),
        )
        for it in rankings
    ]
    other = judge(rankings=renamed, shown=["qx", "qy", "qz"], incumbent=None, gate=0.6, seed=0, snapshot=snapshot)
    assert [it.mean for it in other.ratings] == [it.mean for it in judged(rankings, snapshot).ratings]
