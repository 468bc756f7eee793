"""What a round's rankings say one by one."""

from datetime import UTC, datetime, timedelta

import pytest

from refine.api.evidence import measure_agreement, trace_p_best
from refine.export import ExportChain, ExportRanking, ExportRound
from refine.ranking import judge
from refine.types import RankingRecord, Rating, Verdict

AT = datetime(2026, 1, 1, tzinfo=UTC)


def ranking(n: int, *best_first: str) -> ExportRanking:
    return ExportRanking(
        id=f"r{n}",
        labeler=f"l{n}",
        groups=tuple((name,) for name in best_first),
        shown=best_first,
        made_by="person",
        settings_version=1,
        uses_allowed=(),
        created_at=AT + timedelta(minutes=n),
    )


def round_(number: int, *rankings: ExportRanking, shown: tuple[str, ...] = ("a", "b"), **more: object) -> ExportRound:
    return ExportRound(number=number, kind="normal", shown=shown, rankings=rankings, **more)  # type: ignore[arg-type]


def chain(*rounds: ExportRound) -> ExportChain:
    return ExportChain(
        id="c",
        project="p",
        prompt_key="k",
        prompt="A page",
        kind="refine",
        state="ended",
        stop_reason="rounds",
        seed=4,
        settings_version=1,
        is_demo=False,
        is_simulated=False,
        incumbent=None,
        candidates=(),
        rounds=rounds,
    )


def test_p_best_is_followed_from_before_the_first_ranking_to_the_verdict() -> None:
    later, first = ranking(2, "a", "b"), ranking(1, "b", "a")
    one, two = round_(1, later, first), round_(2, ranking(3, "c", "a"), shown=("c", "a"))
    found = trace_p_best(chain(one, two), one)
    assert [(it.rankings, it.labeler) for it in found] == [(0, ""), (1, "l1"), (2, "l2")]
    assert found[0].p_best == {"a": 0.5, "b": 0.5}
    assert found[1].p_best["b"] > 0.5
    assert found[2].p_best["a"] == pytest.approx(0.5, abs=0.05)
    records = [
        RankingRecord(id=it.id, round=1, labeler=it.labeler, groups=it.groups, shown=it.shown) for it in (first, later)
    ]
    new = RankingRecord(id="r3", round=2, labeler="l3", groups=(("c",), ("a",)), shown=("c", "a"))
    verdict = judge(rankings=[*records, new], shown=["c", "a"], incumbent="a", gate=0.6, seed=6)
    assert trace_p_best(chain(one, two), two)[-1].p_best == {it.candidate: it.p_best for it in verdict.ratings}


def test_a_round_of_many_rankings_has_few_points_and_its_last_one() -> None:
    many = round_(1, *(ranking(n, "a", "b") for n in range(200)))
    found = trace_p_best(chain(many), many)
    assert len(found) == 40
    assert [found[0].rankings, found[-1].rankings] == [0, 200]
    assert found[-1].p_best["a"] > 0.99


def test_nothing_is_followed_where_nothing_was_compared() -> None:
    assert trace_p_best(chain(), round_(1)) == ()
    audit = ExportRound(number=1, kind="audit", shown=("a", "b"), rankings=(ranking(1, "a", "b"),))
    assert trace_p_best(chain(audit), audit) == ()


def test_labelers_who_say_the_same_agree_fully_and_the_reverse_not_at_all() -> None:
    same = measure_agreement(round_(1, ranking(1, "a", "b", "c"), ranking(2, "a", "b", "c")))
    assert (same.tau, same.alpha) == (1.0, None), "without any difference alpha is not defined"
    reverse = measure_agreement(round_(1, ranking(1, "a", "b", "c"), ranking(2, "c", "b", "a")))
    assert reverse.tau == -1.0
    assert reverse.alpha is not None
    assert reverse.alpha < 0
    assert measure_agreement(round_(1, ranking(1, "a", "b"))).tau is None


def test_controls_do_not_count_and_each_ranking_is_held_against_the_verdict() -> None:
    ratings = tuple(
        Rating(candidate=name, mean=mean, sd=1, p_best=0.5, p_beats_incumbent=None)
        for name, mean in (("b", 2), ("a", 1))
    )
    verdict = Verdict(
        winner="b",
        incumbent=None,
        ratings=ratings,
        threshold=0.6,
        comparisons=2,
        rankings=2,
        method="m",
        seed=1,
        details={},
    )
    found = measure_agreement(
        round_(1, ranking(1, "a", "x", "b"), ranking(2, "x", "b", "a"), controls=("x",), verdict=verdict)
    )
    assert found.tau == -1.0
    assert found.with_verdict == {"r1": -1.0, "r2": 1.0}
