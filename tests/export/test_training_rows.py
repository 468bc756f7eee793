"""sft_final and dpo_round: which rows, and what is in them."""

import math
from dataclasses import replace
from typing import Any

import pytest

from refine.artifact import parse_files
from refine.export import ExportChain, ExportRound, Filters, LeftOut, dpo_round, sft_final, trajectory
from refine.export.conversation import fence_files
from refine.export.dpo import p_beats
from refine.types import CodeFile, Rating, StopReason, Verdict


def only(rows: Any) -> dict[str, Any]:
    (row,) = rows
    assert isinstance(row, dict)
    return row


def in_round(chain: ExportChain, number: int, **changes: Any) -> ExportChain:
    rounds = tuple(replace(each, **changes) if each.number == number else each for each in chain.rounds)
    return replace(chain, rounds=rounds)


def pairs(*chains: ExportChain, **filters: Any) -> list[tuple[int, str, str]]:
    return [(row["round"], row["chosen_id"], row["rejected_id"]) for row in dpo_round(chains, Filters(**filters))]


def verdict_of(round: ExportRound) -> Verdict:
    assert round.verdict is not None
    return round.verdict


# --- sft_final ----------------------------------------------------------------------------------------------------


def test_the_final_is_written_as_a_conversation_with_where_it_came_from(chain: ExportChain) -> None:
    assert only(sft_final([chain], Filters())) == {
        "prompt": [{"role": "user", "content": "A quiz"}],
        "completion": [{"role": "assistant", "content": "```html index.html\n<p>c</p>\n```"}],
        "chain_id": "chain-1",
        "prompt_id": "p1",
        "candidate_id": "C",
        "p_best": 0.5,
        "is_pinned": False,
        "rounds": 2,
        "stop_reason": "rounds",
        "generator": "demo/x",
        "licence": "CC0-1.0",
        "source": "ours",
        "is_demo": False,
        "is_simulated": False,
        "made_by": ["judge", "person"],
        "uses_allowed": ["research"],
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "active", "stop_reason": None},
        {"state": "audit", "stop_reason": "rounds"},
        {"stop_reason": "failed"},
        {"incumbent": None},
        {"is_demo": True},
    ],
)
def test_a_chain_without_a_final_that_counts_gives_no_row(chain: ExportChain, changes: dict[str, Any]) -> None:
    assert list(sft_final([replace(chain, **changes)], Filters())) == []


@pytest.mark.parametrize("reason", ["rounds", "stopped", "plateau", "cost"])
def test_every_other_stop_reason_gives_one(chain: ExportChain, reason: StopReason) -> None:
    assert only(sft_final([replace(chain, stop_reason=reason)], Filters()))["stop_reason"] == reason


def test_demo_chains_come_when_asked_for_and_say_so(chain: ExportChain) -> None:
    demo = replace(chain, is_demo=True)
    assert only(sft_final([demo], Filters(include_demo=True)))["is_demo"] is True
    assert {row["is_demo"] for row in dpo_round([demo], Filters(include_demo=True))} == {True}
    assert list(dpo_round([demo], Filters())) == []


def test_a_use_counts_only_when_every_labeler_allowed_it(chain: ExportChain) -> None:
    assert only(sft_final([chain], Filters(uses=("research",))))["uses_allowed"] == ["research"]
    assert list(sft_final([chain], Filters(uses=("training",)))) == []
    assert pairs(chain, uses=("training",)) == [(1, "A", "B")]


def test_feedback_of_nobody_is_allowed_for_nothing(chain: ExportChain) -> None:
    silent = replace(chain, rounds=tuple(replace(each, rankings=()) for each in chain.rounds))
    assert only(sft_final([silent], Filters()))["uses_allowed"] == []
    assert list(sft_final([silent], Filters(uses=("research",)))) == []


def test_a_final_that_no_verdict_rated_has_no_p_best(chain: ExportChain) -> None:
    assert only(sft_final([replace(chain, incumbent="D", rounds=chain.rounds[:1])], Filters()))["p_best"] is None


@pytest.mark.parametrize("content", ["<p>\n", "<p>```</p>\n", "a\n````js\nx\n````\n", "x" * 10 + "\n`````````\n"])
def test_fenced_files_read_back_byte_for_byte(content: str) -> None:
    page = CodeFile(filename="index.html", content="<!doctype html>\n" + content)
    files = (page, CodeFile(filename="app.js", content='const a = "```";\n'))
    assert parse_files(fence_files(files)).files == files


# --- dpo_round ----------------------------------------------------------------------------------------------------


def test_the_winner_of_a_round_is_paired_with_every_candidate_it_beats(chain: ExportChain) -> None:
    assert pairs(chain) == [(1, "A", "B"), (2, "C", "A")]
    row = list(dpo_round([chain], Filters()))[1]
    assert row["prompt"] == [{"role": "user", "content": "A quiz"}]
    assert row["chosen"] == [{"role": "assistant", "content": "```html index.html\n<p>c</p>\n```"}]
    assert row["rejected"] == [{"role": "assistant", "content": "```html index.html\n<p>a</p>\n```"}]
    assert row["margin"] == pytest.approx(0.4)
    assert row["p"] == 0.75
    assert (row["made_by"], row["uses_allowed"]) == (["judge", "person"], ["research"])


def test_near_ties_are_left_out_below_the_least_confidence(chain: ExportChain) -> None:
    assert (2, "C", "D") not in pairs(chain)  # p = 0.556
    assert (2, "C", "D") in pairs(chain, min_confidence=0.55)
    assert pairs(chain, min_confidence=0.8) == [(1, "A", "B")]


def test_a_gated_incumbent_is_never_chosen_over_a_challenger_that_is_ahead(chain: ExportChain) -> None:
    ratings = (
        Rating(candidate="A", mean=1.0, sd=0.5, p_best=0.4, p_beats_incumbent=None),
        Rating(candidate="C", mean=1.1, sd=0.5, p_best=0.5, p_beats_incumbent=0.55),
        Rating(candidate="D", mean=0.0, sd=0.5, p_best=0.1, p_beats_incumbent=0.1),
    )
    gated = in_round(chain, 2, verdict=replace(verdict_of(chain.rounds[1]), winner="A", ratings=ratings))
    assert pairs(gated, min_confidence=0.0) == [(1, "A", "B"), (2, "A", "D")]


def test_controls_are_never_in_a_pair(chain: ExportChain) -> None:
    assert pairs(in_round(chain, 2, controls=("A",)), min_confidence=0.5) == [(1, "A", "B"), (2, "C", "D")]
    assert pairs(in_round(chain, 2, controls=("C",))) == [(1, "A", "B")]


def test_an_audit_round_gives_no_pair_even_with_a_verdict(chain: ExportChain) -> None:
    assert pairs(in_round(chain, 3, verdict=chain.rounds[0].verdict)) == pairs(chain)


def test_one_and_the_same_page_is_no_pair(chain: ExportChain) -> None:
    first, *others = chain.candidates
    same = replace(chain, candidates=(first, replace(others[0], files=first.files), *others[1:]))
    assert (1, "A", "B") not in pairs(same)


def test_p_is_the_verdicts_own_where_the_incumbent_is_one_of_the_two(chain: ExportChain) -> None:
    verdict = verdict_of(chain.rounds[1])
    by_id = {rating.candidate: rating for rating in verdict.ratings}
    assert p_beats(verdict, by_id["C"], by_id["A"]) == 0.75
    assert p_beats(verdict, by_id["A"], by_id["D"]) == pytest.approx(0.4)
    assert p_beats(verdict, by_id["C"], by_id["D"]) == pytest.approx(
        0.5 * (1 + math.erf(0.1 / math.sqrt(0.5) / math.sqrt(2)))
    )


def test_equal_certain_ratings_are_a_coin_toss(chain: ExportChain) -> None:
    verdict = verdict_of(chain.rounds[0])
    low, high = (Rating(candidate=str(n), mean=n, sd=0, p_best=0.5, p_beats_incumbent=None) for n in (0, 1))
    assert [p_beats(verdict, *pair) for pair in ((low, low), (high, low), (low, high))] == [0.5, 1.0, 0.0]


# --- What was left out ----------------------------------------------------------------------------------------------


def left_out(engine: Any, *chains: ExportChain, **filters: Any) -> dict[str, int]:
    found = LeftOut()
    list(engine(chains, Filters(**filters), found))
    return {why: number for why, number in found.items() if number}


def test_every_row_left_out_is_counted_under_the_first_reason(chain: ExportChain) -> None:
    demo = replace(chain, is_demo=True)
    running = replace(chain, state="waiting", stop_reason=None)
    assert left_out(sft_final, chain, demo, running) == {"demo": 1, "unfinished": 1}
    assert left_out(sft_final, demo, include_demo=True) == {}
    assert left_out(sft_final, chain, demo, uses=("selling",)) == {"uses": 1, "demo": 1}
    assert left_out(trajectory, chain, demo, running) == {"demo": 1}
    assert left_out(trajectory, chain, uses=("selling",)) == {"uses": 1}


def test_a_pair_that_a_fork_copied_is_its_parents(chain: ExportChain) -> None:
    fork = replace(chain, id="chain-2", parent_chain=chain.id, fork_round=1)
    assert pairs(chain, fork, min_confidence=0.5) == [
        *pairs(chain, min_confidence=0.5),
        *(pair for pair in pairs(chain, min_confidence=0.5) if pair[0] > 1),
    ]
    of_first = sum(pair[0] == 1 for pair in pairs(chain, min_confidence=0.5))
    assert left_out(dpo_round, fork, min_confidence=0.5) == {"copied": of_first} and of_first


def test_pairs_left_out_are_counted_by_what_left_them_out(chain: ExportChain) -> None:
    assert left_out(dpo_round, chain) == {"confidence": 1}
    assert left_out(dpo_round, chain, min_confidence=0.8) == {"confidence": 2}
    assert left_out(dpo_round, chain, min_confidence=0.5) == {}
    assert left_out(dpo_round, chain, uses=("selling",)) == {"uses": 3}
    assert left_out(dpo_round, replace(chain, is_demo=True)) == {"demo": 3}
    first, *others = chain.candidates
    same = replace(chain, candidates=(first, replace(others[0], files=first.files), *others[1:]))
    assert left_out(dpo_round, same, min_confidence=0.5) == {"same_page": 1}
