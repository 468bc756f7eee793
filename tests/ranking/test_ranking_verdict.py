import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.errors import InputError
from refine.ranking import judge
from refine.types import RankingRecord, Verdict


def ranking(groups: Sequence[str], *, labeler: str = "ann", round: int = 1, shown: str = "") -> RankingRecord:
    """`["a", "bc"]`: a before b and c, which tie."""
    return RankingRecord(
        id=f"r-{labeler}-{round}",
        round=round,
        labeler=labeler,
        groups=tuple(tuple(group) for group in groups),
        shown=tuple(shown or sorted("".join(groups))),
    )


def several(groups: Sequence[str], count: int, *, round: int = 1, shown: str = "") -> list[RankingRecord]:
    return [ranking(groups, labeler=f"w{number}", round=round, shown=shown) for number in range(count)]


def judged(
    rankings: Sequence[RankingRecord], shown: str, incumbent: str | None = None, *, gate: float = 0.6, seed: int = 0
) -> Verdict:
    return judge(rankings=rankings, shown=[*shown], incumbent=incumbent, gate=gate, seed=seed)


def p_best(verdict: Verdict) -> dict[str, float]:
    return {rating.candidate: rating.p_best for rating in verdict.ratings}


def test_without_an_incumbent_the_best_wins_ungated() -> None:
    verdict = judged([ranking(["b", "a", "c"])], "abc", gate=0.99)
    assert verdict.winner == "b"
    assert verdict.incumbent is None
    assert all(rating.p_beats_incumbent is None for rating in verdict.ratings)
    assert sum(p_best(verdict).values()) == pytest.approx(1)


def test_a_challenger_clearly_preferred_becomes_the_incumbent() -> None:
    verdict = judged(several(["b", "a", "c"], 5), "abc", "a")
    assert verdict.winner == "b"
    assert verdict.incumbent == "a"
    by_name = {rating.candidate: rating for rating in verdict.ratings}
    assert by_name["a"].p_beats_incumbent is None
    assert (by_name["b"].p_beats_incumbent or 0) > 0.6 > (by_name["c"].p_beats_incumbent or 0)


def test_the_incumbent_stays_when_the_gate_is_not_passed() -> None:
    rankings = several(["b", "a"], 2)
    p = judged(rankings, "ab", "a").ratings[1].p_beats_incumbent
    assert p is not None
    assert judged(rankings, "ab", "a", gate=p - 1e-6).winner == "b"
    assert judged(rankings, "ab", "a", gate=p).winner == "a"  # above it, not at it


def test_the_likeliest_best_challenges_not_the_likeliest_to_beat_the_incumbent() -> None:
    rankings = several(["c", "b", "a"], 3)
    assert judged(rankings, "abc", "a").winner == "c"


def test_evidence_of_earlier_rounds_counts() -> None:
    early = several(["a", "bcd"], 6)
    now = [ranking(["e", "a"], round=2)]
    alone, pooled = judged(now, "ae", "a"), judged([*early, *now], "ae", "a")
    assert pooled.ratings[0].mean > alone.ratings[0].mean
    assert pooled.comparisons == 6 * 6 + 1
    assert pooled.rankings == 7


def test_p_best_is_over_those_on_show_only() -> None:
    verdict = judged([*several(["a", "b"], 5), *several(["b", "c"], 3, round=2)], "bc", "b")
    assert [rating.candidate for rating in verdict.ratings] == ["b", "c"]
    assert sum(p_best(verdict).values()) == pytest.approx(1)
    assert verdict.ratings[0].p_best == pytest.approx(1 - (verdict.ratings[1].p_beats_incumbent or 0))


def test_without_comparisons_the_incumbent_stays_and_nothing_is_known() -> None:
    verdict = judged([], "abc", "b")
    assert verdict.winner == "b"
    assert p_best(verdict) == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    assert verdict.ratings[0].p_beats_incumbent == 0.5
    assert (verdict.comparisons, verdict.rankings) == (0, 0)


def test_without_comparisons_or_incumbent_the_first_shown_wins() -> None:
    assert judged([], "cab").winner == "c"
    assert judged([ranking(["a"], shown="cab")], "cab").winner == "c"


def test_equal_candidates_are_separated_by_the_order_of_showing() -> None:
    assert judged([ranking(["ab"])], "ab").winner == "a"
    assert judged([ranking(["ab"])], "ba").winner == "b"


def test_a_candidate_nobody_could_judge_does_not_win() -> None:
    rankings = several(["b", "a"], 4, shown="abz")
    assert judged(rankings, "zab").winner == "b"
    lost = [*several(["cdefg", "a"], 9), *several(["a", "b"], 6, round=2, shown="zab")]
    verdict = judged(lost, "zab", "a", gate=0.6)
    assert (verdict.ratings[0].p_beats_incumbent or 0) > 0.6  # it only beats a prior that fell
    assert verdict.winner == "a"


def test_an_incumbent_not_on_show_can_be_beaten() -> None:
    rankings = several(["b", "a"], 8)
    assert judged(rankings, "b", "a").winner == "b"
    assert judged(several(["a", "b"], 8), "b", "a").winner == "a"


def test_an_order_of_showing_that_is_not_known_is_no_obstacle() -> None:
    record = RankingRecord(id="r", round=1, labeler="ann", groups=(("b",), ("a",)), shown=())
    assert judged([record], "ab").winner == "b"


@pytest.mark.parametrize("shown", ["", "aa"])
def test_a_round_that_shows_nothing_or_one_twice_is_refused(shown: str) -> None:
    with pytest.raises(InputError, match="on show"):
        judged([], shown)


def test_the_details_hold_what_the_verdict_rested_on() -> None:
    verdict = judged([ranking(["a", "bc", "d"]), *several(["d", "a"], 2, round=2)], "da", "a")
    assert json.loads(json.dumps(verdict.details)) == verdict.details
    assert verdict.method == "bradley-terry-map@1"
    assert verdict.details["candidates"][:2] == ["d", "a"]
    assert sorted(verdict.details["candidates"]) == ["a", "b", "c", "d"]
    assert verdict.details["mean"][:2] == [rating.mean for rating in verdict.ratings]
    assert verdict.details["covariance"][0][0] ** 0.5 == pytest.approx(verdict.ratings[0].sd)
    assert verdict.details["ties"] == 1
    assert verdict.details["theta"] > 0


def test_a_long_chain_keeps_details_of_bounded_size() -> None:
    rankings = [
        RankingRecord(id=f"r{k}", round=k, labeler="ann", groups=((f"c{k + 1}",), (f"c{k}",)), shown=())
        for k in range(1, 60)
    ]
    verdict = judge(rankings=rankings, shown=["c59", "c60"], incumbent="c59", gate=0.6, seed=0)
    assert len(verdict.details["candidates"]) == 24
    assert {"c1", "c59", "c60"} <= {*verdict.details["candidates"]}


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.permutations("abcd"), min_size=1, max_size=6),
    st.permutations("abcd"),
    st.sampled_from([None, "a", "b"]),
)
def test_how_candidates_are_called_changes_nothing(
    orders: list[list[str]], renamed: list[str], incumbent: str | None
) -> None:
    new = dict(zip("abcd", renamed, strict=True))
    rankings = [ranking(order, labeler=f"w{number}", shown="abcd") for number, order in enumerate(orders)]
    other = [
        ranking([new[item] for item in order], labeler=f"w{number}", shown="".join(new[item] for item in "abcd"))
        for number, order in enumerate(orders)
    ]
    before = judged(rankings, "abcd", incumbent)
    after = judged(other, "".join(new[item] for item in "abcd"), incumbent and new[incumbent])
    assert after.winner == new[before.winner]
    assert [(r.mean, r.sd, r.p_best) for r in after.ratings] == [(r.mean, r.sd, r.p_best) for r in before.ratings]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.permutations("abcd"), min_size=1, max_size=6), st.data())
def test_the_order_in_which_rankings_came_in_changes_nothing(orders: list[list[str]], data: st.DataObject) -> None:
    rankings = [ranking(order, labeler=f"w{number}") for number, order in enumerate(orders)]
    assert judged(data.draw(st.permutations(rankings)), "abcd", "a") == judged(rankings, "abcd", "a")


def test_p_beats_is_calibrated() -> None:
    rng = np.random.default_rng(11)
    said, happened = [], []
    for _ in range(400):
        quality = rng.normal(0, 1.5, 3)
        rankings = [
            ranking(["abc"[item] for item in np.argsort(-(quality + rng.gumbel(size=3)))], labeler=f"w{number}")
            for number in range(5)
        ]
        said.append(judged(rankings, "abc", "a").ratings[1].p_beats_incumbent or 0.0)
        happened.append(quality[1] > quality[0])
    confident = np.array(said) > 0.7
    assert np.mean(np.array(happened)[confident]) == pytest.approx(np.array(said)[confident].mean(), abs=0.07)
    assert np.mean(happened) == pytest.approx(np.mean(said), abs=0.06)
