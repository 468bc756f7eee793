"""What an operator decides about a labeler, what a preview says of it, and what then happens."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from graphs.reliabilities import Reliabilities
from refine.api.board import labeler_board
from refine.api.decisions import decide_access, list_decisions, preview_weighing, refit, weigh
from refine.errors import FeedbackError, InputError
from refine.ranking.verdict import judge
from refine.types import Verdict
from store import candidates, chains, rankings, rounds, verdicts
from store.audits import load_audited
from store.chains import list_chains
from store.database import Database
from store.feedback import lease_assignment
from store.opening import open_database
from store.standing import count_judged, load_judged
from store.tables import CHAIN
from store.works import load_known, load_work, page_own
from tests.dashboard import made_store

HONEST = ("ann", "ben", "cem")
BAD = "max"
CHAINS = 14


def make_project(connection: Connection, /, *, judged: bool = True, **settings: Any) -> None:
    """Chains of a round of three pages, ranked by three who mostly see that the first is best and one who inverts."""
    rng = random.Random(5)
    keys = made_store.order(
        connection,
        "pages",
        {f"p{n}": f"Page {n}" for n in range(CHAINS)},
        rankings_per_round=len(HONEST) + 1,
        **settings,
    )
    for chain in keys.values():
        pages = [
            made_store.candidate(connection, chain, round=1, slot=slot, text=f"<p>{chain} {slot}</p>").key
            for slot in range(3)
        ]
        made_store.open_round(connection, chain, number=1, shown=pages, wanted=4)
        for labeler in (*HONEST, BAD):
            order = [*pages]
            if rng.random() < 0.35:
                order[:2] = order[1::-1]
            if labeler == BAD:
                order.reverse()
            made_store.rank(connection, chain, labeler, best_first=order, seconds=60, says=f"{labeler} says")
        if judged:
            judge_round(connection, chain)


def judge_round(connection: Connection, key: int) -> Verdict:
    """As the loop does, all labelers alike."""
    chain, round = chains.load_chain_by_key(connection, key), rounds.newest_round(connection, key)
    assert round is not None
    verdict = judge(
        rankings=rankings.load_rankings(connection, key, upto=round.number),
        shown=[it.id for it, _, _ in rounds.load_shown(connection, round.key)],
        incumbent=None,
        gate=chain.settings.gate,
        seed=(chain.record.seed + round.number) & 0x7FFFFFFF,
    )
    verdicts.record_verdict(connection, chain, round, verdict)
    return verdict


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "refine.db") as opened:
        opened.write_now(make_project)
        yield opened


@pytest.fixture
def alike(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "alike.db") as opened:
        opened.write_now(lambda connection: make_project(connection, weigh_labelers=False))
        yield opened


def numbers(verdict: Verdict) -> tuple[object, ...]:
    return verdict.winner, verdict.ratings, verdict.comparisons, verdict.rankings


@pytest.mark.parametrize("weight", [0.0, 0.3])
@pytest.mark.parametrize("labeler", [BAD, "ann"])
def test_a_preview_is_what_a_refit_after_the_decision_gives(database: Database, labeler: str, weight: float) -> None:
    before = [*refit(database, labeler)]
    said = preview_weighing(database, labeler, weight)
    weigh(database, labeler, weight, reason="a test")
    after = [*refit(database, labeler)]
    assert said.looked_at == len(after) == CHAINS
    assert {it.chain: numbers(it.after) for it in said.flips} == {
        new.chain: numbers(new.after)
        for old, new in zip(before, after, strict=True)
        if old.after.winner != new.after.winner
    }
    moved = max(
        abs(a.p_best - b.p_best)
        for old, new in zip(before, after, strict=True)
        for a, b in zip(old.after.ratings, new.after.ratings, strict=True)
    )
    assert said.most_moved == moved > 0


def test_where_labelers_count_alike_a_preview_is_the_verdict_that_would_have_been_given(
    alike: Database, tmp_path: Path
) -> None:
    said = preview_weighing(alike, BAD, 0)
    assert said.flips, "the one who inverts sways a round in this store"
    with open_database(tmp_path / "other.db") as other:
        other.write_now(lambda connection: make_project(connection, judged=False, weigh_labelers=False))
        weigh(other, BAD, 0, reason="a test")
        given = {}
        for chain in other.read(list_chains, limit=100):
            verdict = other.write_now(judge_round, chain.key)
            given[chain.record.prompt] = positions(other, chain.key, verdict)
    for flip in said.flips:
        chain = alike.read(chains.load_chain, flip.chain)
        assert positions(alike, chain.key, flip.after) == given[chain.record.prompt]
        assert positions(alike, chain.key, flip.recorded) == positions(alike, chain.key, flip.before)


def positions(database: Database, chain: int, verdict: Verdict) -> tuple[int, list[float]]:
    """The winner's slot and P(best) by slot, which are the same in two stores of other ids."""
    slot = {it.id: it.slot for it in database.read(candidates.load_candidates, chain)}
    by_slot = sorted(verdict.ratings, key=lambda rating: slot[rating.candidate])
    return slot[verdict.winner], [rating.p_best for rating in by_slot]


def test_recorded_verdicts_stay(database: Database) -> None:
    recorded = {it.chain: it.recorded for it in refit(database, BAD)}
    weigh(database, BAD, 0, reason="a test")
    assert {it.chain: it.recorded for it in refit(database, BAD)} == recorded


def test_a_weight_of_none_is_as_before(database: Database) -> None:
    before = [it.after for it in refit(database, BAD)]
    weigh(database, BAD, 0, reason="a test")
    weigh(database, BAD, None, reason="that was wrong")
    assert [it.after for it in refit(database, BAD)] == before
    assert preview_weighing(database, BAD, 1).most_moved == 0


def test_what_labelers_are_judged_by_leaves_out_who_counts_for_nothing(database: Database) -> None:
    everything = database.read(load_judged, None)
    weigh(database, BAD, 0, reason="a test")
    left = database.read(load_judged, None)
    name = next(it.labeler for it in list_decisions(database))
    assert [row for row in everything.rows if row[0] != name] == left.rows
    assert len(left.rows) == database.read(count_judged, None) == CHAINS * len(HONEST)
    weigh(database, BAD, 0.5, reason="a test")
    again = database.read(load_judged, None)
    assert (again.rows, again.weights) == (everything.rows, {name: 0.5})


async def test_the_loop_judges_labelers_anew_after_a_decision(database: Database) -> None:
    chain, kept = database.read(list_chains, limit=1)[0], Reliabilities(database)
    first = await kept.snapshot_for(chain)
    assert first is not None and await kept.snapshot_for(chain) is first
    weigh(database, "ann", 0.5, reason="a test")
    second = await kept.snapshot_for(chain)
    assert second is not None and second is not first
    assert await kept.snapshot_for(chain) is second
    weigh(database, BAD, 0, reason="a test")  # 42 rankings are left, enough to judge by
    third = await kept.snapshot_for(chain)
    assert third is not None and len(third.fitted.names) == len(HONEST)
    weigh(database, "ann", 0, reason="a test")
    assert await kept.snapshot_for(chain) is None, "too few are left to judge anybody by"
    weigh(database, "ann", None, reason="that was wrong")
    assert await kept.snapshot_for(chain) is not None
    await kept.aclose()


def test_the_plan_hears_nobody_whose_work_is_out_of_account(tmp_path: Path) -> None:
    with open_database(tmp_path / "refine.db") as database:
        database.write_now(lambda connection: make_project(connection, judged=False))
        weigh(database, BAD, 0, reason="a test")
        weigh(database, "ann", 0.25, reason="a test")
        chain = database.read(list_chains, limit=1)[0]
        verdict = database.write_now(judge_round, chain.key)
        round = database.read(rounds.newest_round, chain.key)
        assert round is not None
        heard = {it.text: it.reliability for it in database.read(rankings.load_critiques, round.key)}
    assert heard == {"ann says": 0.25, "ben says": 1.0, "cem says": 1.0}
    assert verdict.rankings == len(HONEST)


def test_audits_leave_them_out_too(tmp_path: Path) -> None:
    from sqlalchemy import update

    from store.tables import CHAIN, ROUND

    with open_database(tmp_path / "refine.db") as database:
        database.write_now(make_project)

        def audited(connection: Connection) -> None:  # the round as if it had been an audit
            connection.execute(update(ROUND).values(kind="audit"))
            connection.execute(update(CHAIN).values(audit="done"))

        database.write_now(audited)
        project = database.read(list_chains, limit=1)[0].project_key
        weigh(database, BAD, 0, reason="a test")
        assert {len(it.rankings) for it in database.read(load_audited, project)} == {len(HONEST)}


def test_decisions_are_kept_with_their_reasons(database: Database) -> None:
    weigh(database, BAD, 0.5, reason=" always\n the worst first ")
    decide_access(database, BAD, is_allowed=False, reason="until we have talked")
    decide_access(database, BAD, is_allowed=True, reason="we have")
    found = [(it.action, it.weight, it.reason) for it in list_decisions(database)]
    assert found == [
        ("weigh", 0.5, "always the worst first"),
        ("disable", None, "until we have talked"),
        ("enable", None, "we have"),
    ]


def test_a_disabled_labeler_is_given_nothing(tmp_path: Path) -> None:
    with open_database(tmp_path / "refine.db") as database:
        database.write_now(lambda connection: make_project(connection, judged=False))
        decide_access(database, "ann", is_allowed=False, reason="a test")
        with pytest.raises(FeedbackError, match="disabled"):
            database.write_now(
                lambda connection: lease_assignment(
                    connection,
                    round_id=rounds.newest_round(connection, 1).id,  # type: ignore[union-attr]
                    labeler="ann",
                    made_by="person",
                )
            )


@pytest.mark.parametrize(
    ("weight", "reason"), [(-0.1, "why"), (1.5, "why"), (float("nan"), "why"), (0.5, " \n "), (0.5, "b\udcff")]
)
def test_what_cannot_be_decided_is_refused(database: Database, weight: float, reason: str) -> None:
    with pytest.raises(InputError):
        weigh(database, BAD, weight, reason=reason)
    assert list_decisions(database) == []


def test_a_reason_is_one_line_without_marks_that_nobody_sees(database: Database) -> None:
    weigh(database, BAD, 0.5, reason="too\x00 fast\x1b[2J\n twice")
    assert [it.reason for it in list_decisions(database)] == ["too fast [2J twice"]


def test_the_board_counts_work_as_decided(database: Database) -> None:
    weigh(database, BAD, 0, reason="a test")
    lines = {it.labeler: it for it in labeler_board(database).labelers}
    assert lines[BAD].pay_share == 0.0 and lines["ann"].pay_share > 0


def test_a_labelers_work_is_listed_once_whatever_was_forked(database: Database) -> None:
    names = {it.name: it.id for it in database.read(load_known).values()}
    before = database.read(page_own, names["ann"], project_key=None, before=None, limit=100)
    database.write_now(lambda c: c.execute(CHAIN.update().where(CHAIN.c.id == 1).values(fork_round=1)).rowcount)
    after = database.read(page_own, names["ann"], project_key=None, before=None, limit=100)
    assert len(after) == len(before) - 1
    assert len(database.read(load_work, None, limit=3)) == 3


def test_unknown_names_are_refused(database: Database) -> None:
    for decide in (
        lambda: preview_weighing(database, "nobody", 0),
        lambda: weigh(database, "nobody", 0, reason="why"),
        lambda: decide_access(database, "nobody", is_allowed=False, reason="why"),
    ):
        with pytest.raises(InputError, match="nobody"):
            decide()
    with pytest.raises(InputError, match="nothing"):
        preview_weighing(database, BAD, 0, project="nothing")


def test_a_preview_can_be_cut_short_and_says_so(database: Database) -> None:
    said = preview_weighing(database, BAD, 0, most=5)
    assert (said.looked_at, said.not_looked_at) == (5, CHAINS - 5)


def test_rankings_of_weight_nothing_are_as_if_they_had_not_been_made(database: Database) -> None:
    chain = database.read(list_chains, limit=1)[0]
    made = database.read(rankings.load_rankings, chain.key)
    shown = sorted({item for it in made for item in it.shown})
    name = made[0].labeler

    def judged(weight: float) -> Verdict:
        changed = [replace(it, weight=weight) if it.labeler == name else it for it in made]
        return judge(rankings=changed, shown=shown, incumbent=None, gate=0.6, seed=1)

    without = judge(rankings=[it for it in made if it.labeler != name], shown=shown, incumbent=None, gate=0.6, seed=1)
    assert numbers(judged(0)) == numbers(without)
    assert judged(0).details["labelers"][name] == {"mean": 0.0, "weight": 0.0}
    assert judged(1) == judge(rankings=made, shown=shown, incumbent=None, gate=0.6, seed=1)
    ends = judged(0).ratings[0].mean, judged(1).ratings[0].mean
    assert min(ends) < judged(0.5).ratings[0].mean < max(ends)
