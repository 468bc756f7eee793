"""An assignment in its labeler's hands."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from refine.errors import AccessDenied, FeedbackError
from refine.types import Assignment, CritiqueIn, ElementAnchor, Later, RankingIn
from store import chains, drafts, earnings, queue, reports, work
from store.database import Database
from store.erasing import erase_words
from store.handed_in import load_own_critiques
from store.ids import now
from store.places import hold_rounds
from store.rankings import load_full_rankings, load_rankings
from store.tables import ASSIGNMENT, RANKING, WORDS
from store.verify import verify_database
from store.work_tables import DRAFT, QUEUE
from tests.store.work_helpers import (
    add_chain,
    add_people,
    check_queue,
    claim,
    in_order,
    make_project,
    open_next_round,
    submit,
)


@pytest.fixture
def people(database: Database) -> dict[str, str]:
    return database.write_now(add_people, "ann", "ben", "cem", "dia")


@pytest.fixture
def chain(database: Database) -> str:
    return database.write_now(
        lambda c: add_chain(c, make_project(c, pay_rate_usd_hour=36.0, criteria=("appeal", "function")), "tea")
    )


@pytest.fixture
def given(database: Database, people: dict[str, str], chain: str) -> Assignment:
    return claim(database, people["ann"])


def active_s(database: Database, assignment: str) -> float | None:
    found = database.read(
        lambda c: c.execute(select(ASSIGNMENT.c.active_s).where(ASSIGNMENT.c.ulid == assignment)).scalar_one()
    )
    return None if found is None else float(found)


# --- Time on task -------------------------------------------------------------------------------------------------


def test_beats_add_up_to_the_time_that_is_paid(database: Database, people: dict[str, str], given: Assignment) -> None:
    began = now()
    for minute in range(1, 4):
        database.write_now(
            work.beat,
            labeler=people["ann"],
            assignment=given.id,
            active_s=50,
            key=f"b{minute}",
            at=began + timedelta(minutes=minute),
        )
    submit(database, people["ann"], given)
    assert active_s(database, given.id) == 150
    said = database.read(earnings.load_statement, people["ann"])
    assert (said.finished, said.pending, said.minutes) == (1, 1, 2.5)
    assert said.pending_usd == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("claimed", "after_s", "counted"),
    [(60, 60, 60), (600, 60, 60), (61_200, 61_200, 300), (0, 61_200, 0), (-5, 60, 0), (float("nan"), 60, 0)],
)
def test_a_beat_counts_no_more_than_passed_and_a_break_of_hours_is_none(
    database: Database, people: dict[str, str], given: Assignment, claimed: float, after_s: float, counted: float
) -> None:
    first = now() + timedelta(seconds=1)
    database.write_now(work.beat, labeler=people["ann"], assignment=given.id, active_s=0, key="a", at=first)
    at = first + timedelta(seconds=after_s)
    total = database.write_now(work.beat, labeler=people["ann"], assignment=given.id, active_s=claimed, key="b", at=at)
    assert total == counted
    again = database.write_now(
        work.beat, labeler=people["ann"], assignment=given.id, active_s=claimed, key="b", at=at + timedelta(minutes=1)
    )
    assert again == counted


def test_the_lease_of_whoever_is_at_work_goes_on_but_not_for_ever(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    began = now()
    for n in range(1, 60):
        at = began + timedelta(minutes=5 * n)
        database.write_now(work.beat, labeler=people["ann"], assignment=given.id, active_s=60, key=f"{n}", at=at)
    lease = database.read(work.load_work, labeler=people["ann"], assignment=given.id).assignment.lease_expires_at
    assert lease - given.lease_expires_at == pytest.approx(timedelta(hours=3), abs=timedelta(seconds=1))
    database.read(check_queue)


# --- Skipping -----------------------------------------------------------------------------------------------------


def test_a_skipped_assignment_frees_its_place_and_is_never_offered_again(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    for is_first in (True, False):
        done = database.write_now(
            work.skip, labeler=people["ann"], assignment=given.id, reason="not my language", key="s"
        )
        assert done == is_first
    assert isinstance(database.write_now(queue.claim, labeler=people["ann"]), Later)
    for name in ("ben", "cem", "dia"):
        claim(database, people[name])
    database.read(check_queue)
    said = database.read(earnings.load_statement, people["ann"])
    assert said.not_paid == {"skipped": 1} and said.finished == 0


def test_what_is_in_cannot_be_skipped_and_a_key_serves_one_thing(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    other = claim(database, people["ben"])
    assert database.write_now(work.skip, labeler=people["ben"], assignment=other.id, key="k")
    submit(database, people["ann"], given)
    with pytest.raises(FeedbackError):
        database.write_now(work.skip, labeler=people["ann"], assignment=given.id)
    with pytest.raises(FeedbackError):
        database.write_now(work.reopen, labeler=people["ann"], assignment=given.id, key="k")


@pytest.mark.parametrize("act", ["skip", "report", "reopen", "beat", "work", "draft", "submit", "critiques"])
def test_nobody_touches_what_is_anothers(
    database: Database, people: dict[str, str], given: Assignment, act: str
) -> None:
    whose: dict[str, Any] = {"labeler": people["ben"], "assignment": given.id}
    attempts = {
        "skip": lambda c: work.skip(c, **whose),
        "report": lambda c: work.report(c, **whose, candidate=given.candidates[0], reason="x"),
        "reopen": lambda c: work.reopen(c, **whose),
        "beat": lambda c: work.beat(c, **whose, active_s=1, key="k"),
        "work": lambda c: work.load_work(c, **whose),
        "draft": lambda c: drafts.save_draft(c, **whose, payload="{}", revision=0),
        "submit": lambda c: work.submit_work(c, **whose, ranking=in_order(given), key="k"),
        "critiques": lambda c: load_own_critiques(c, **whose),
    }
    with pytest.raises(AccessDenied):
        database.write_now(attempts[act])


def tell(c: Connection, labeler: str, assignment: str, candidate: str) -> bool:
    return work.report(c, labeler=labeler, assignment=assignment, candidate=candidate, reason="gore")


# --- Reports ------------------------------------------------------------------------------------------------------


def test_a_reported_page_leaves_all_queues_at_once_and_the_labeler_is_paid(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    twin = database.write_now(lambda c: add_chain(c, make_project(c, "q"), "tea"))  # pages of the same bytes
    held = claim(database, people["ben"])
    began = now()
    database.write_now(
        work.beat, labeler=people["ann"], assignment=given.id, active_s=30, key="b", at=began + timedelta(minutes=1)
    )
    told = (people["ann"], given.id, given.candidates[0])
    assert database.write_now(tell, *told)
    assert not database.write_now(tell, *told)
    for name in ("ann", "ben", "cem"):
        assert isinstance(database.write_now(queue.claim, labeler=people[name]), Later)
    assert submit(database, people["ben"], held), "finished work is taken all the same"
    said = database.read(earnings.load_statement, people["ann"])
    assert said.accepted == 1 and said.amount_usd == pytest.approx(0.3)
    database.read(check_queue)
    later = database.write_now(lambda c: open_next_round(c, twin))
    assert isinstance(database.write_now(queue.claim, labeler=people["cem"]), Later), later


def test_a_dismissed_report_gives_the_rounds_out_again(
    database: Database, people: dict[str, str], chain: str, given: Assignment
) -> None:
    database.write_now(
        work.report, labeler=people["ann"], assignment=given.id, candidate=given.candidates[1], reason="loud"
    )
    (found,) = database.read(reports.list_reports)
    assert (found.chain, found.labeler, found.reason) == (chain, "ann", "loud")
    assert database.write_now(reports.resolve_report, found.id, is_upheld=False) == ()
    assert claim(database, people["ben"]).chain == chain
    assert database.read(reports.list_reports) == []
    database.read(check_queue)


def test_an_upheld_report_names_the_chains_to_stop(
    database: Database, people: dict[str, str], chain: str, given: Assignment
) -> None:
    database.write_now(
        work.report, labeler=people["ann"], assignment=given.id, candidate=given.candidates[1], reason="gore"
    )
    (found,) = database.read(reports.list_reports)
    assert database.write_now(reports.resolve_report, found.id, is_upheld=True) == (chain,)
    assert isinstance(database.write_now(queue.claim, labeler=people["ben"]), Later)


def test_a_page_stays_back_while_any_report_of_it_waits(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    database.write_now(
        work.report, labeler=people["ann"], assignment=given.id, candidate=given.candidates[1], reason="gore"
    )
    sha256 = database.read(reports.list_reports)[0].content_sha256
    database.write_now(hold_rounds, sha256, is_held=False)
    assert database.read(lambda c: c.execute(select(QUEUE.c.is_held)).scalars().all()) == [True]


# --- Reopening ----------------------------------------------------------------------------------------------------


def critical(assignment: Assignment, text: str) -> RankingIn:
    anchor = ElementAnchor(
        kind="element",
        selector="#go",
        box=(1, 2, 3, 4),
        viewport=(390, 844),
        state={"dialog": True, "scrolled": 40},
        trail=({"click": "#open"},),
    )
    said = CritiqueIn(
        candidate=assignment.candidates[0], text=text, anchor=anchor, aim="improve", category="look", severity="high"
    )
    first, second, third = assignment.candidates
    return RankingIn(
        groups=((second,), (first,)),
        unjudgeable=(third,),
        critiques=(said,),
        reasons={third: "it never loads"},
        why="The second explains it.",
        criteria={"appeal": ((first,), (second,))},
    )


def hand_in(database: Database, labeler: str, assignment: Assignment, ranking: RankingIn, key: str) -> bool:
    return database.write_now(work.submit_work, labeler=labeler, assignment=assignment.id, ranking=ranking, key=key)


def test_a_reopened_ranking_is_replaced_and_its_history_kept(
    database: Database, people: dict[str, str], chain: str, given: Assignment
) -> None:
    assert hand_in(database, people["ann"], given, critical(given, "Too pale."), "k1")
    assert database.write_now(work.reopen, labeler=people["ann"], assignment=given.id, key="r1")
    assert not database.write_now(work.reopen, labeler=people["ann"], assignment=given.id, key="r1")
    assert claim(database, people["ann"]).id == given.id
    stored = database.read(chains.load_chain, chain)
    assert len(database.read(load_rankings, stored.key)) == 1, "what was handed in counts until something else does"
    again = critical(given, "Too pale still, and small.")
    assert hand_in(database, people["ann"], given, again, "k2")
    assert not hand_in(database, people["ann"], given, again, "k2")
    assert not hand_in(database, people["ann"], given, critical(given, "Too pale."), "k1"), (
        "an old answer that was lost"
    )
    assert not database.write_now(work.reopen, labeler=people["ann"], assignment=given.id, key="r1")
    ((full,),) = database.read(load_full_rankings, stored.key).values()
    assert [it["text"] for it in full["critiques"]] == ["Too pale still, and small."]
    assert [it["text"] for it in full["replaced"][0]["critiques"]] == ["Too pale."]
    assert full["why"] == "The second explains it." and list(full["reasons"].values()) == ["it never loads"]
    assert database.read(work.load_work, labeler=people["ann"], assignment=given.id).ranking == again
    database.read(check_queue)
    assert verify_database(database).is_ok


def test_a_closed_round_cannot_be_reopened_and_what_stands_stands(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    submit(database, people["ann"], given)
    database.write_now(work.reopen, labeler=people["ann"], assignment=given.id)
    for name in ("ben", "cem"):
        submit(database, people[name], claim(database, people[name]))
    with pytest.raises(FeedbackError, match="stands"):
        submit(database, people["ann"], given, "late")
    assert isinstance(database.write_now(queue.claim, labeler=people["ann"]), Later)
    other = database.read(lambda c: c.execute(select(ASSIGNMENT.c.ulid).where(ASSIGNMENT.c.id == 2)).scalar_one())
    with pytest.raises(FeedbackError):
        database.write_now(work.reopen, labeler=people["ben"], assignment=other)


# --- What comes with a ranking ------------------------------------------------------------------------------------


def test_details_are_checked_against_round_project_and_labeler(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    first, second, third = given.candidates
    order = ((first,), (second,), (third,))
    for wrong in (
        RankingIn(groups=order, reasons={first: "it was ranked"}),
        RankingIn(groups=order, criteria={"beauty": ((first,),)}),
        RankingIn(groups=order, criteria={"appeal": ((first, first),)}),
        RankingIn(groups=order, follow_ups={"01J00000000000000000000000": "fixed"}),
    ):
        with pytest.raises(FeedbackError):
            hand_in(database, people["ann"], given, wrong, "k")
    assert database.read(lambda c: c.execute(select(RANKING.c.id)).all()) == []


def test_a_critic_is_asked_about_their_own_critiques_of_what_the_present_pages_came_from(
    database: Database, people: dict[str, str], chain: str, given: Assignment
) -> None:
    hand_in(database, people["ann"], given, critical(given, "Too pale."), "k1")
    hand_in(database, people["ben"], claim(database, people["ben"]), critical(given, "No."), "k2")
    database.write_now(lambda c: open_next_round(c, chain))
    later = claim(database, people["ann"])
    (own,) = database.read(load_own_critiques, labeler=people["ann"], assignment=later.id)
    assert (own.text, own.round, own.candidate) == ("Too pale.", 1, given.candidates[0])
    assert own.descendants == (given.candidates[0],)
    assert own.anchor is not None and own.anchor["state"] == {"dialog": True, "scrolled": 40}
    others = database.read(lambda c: c.exec_driver_sql("SELECT ulid FROM critique").scalars().all())
    with pytest.raises(FeedbackError):
        told: dict[str, str] = dict.fromkeys(others, "fixed")
        hand_in(database, people["ann"], later, RankingIn(groups=(later.candidates,), follow_ups=told), "k3")  # type: ignore[arg-type]
    assert hand_in(
        database, people["ann"], later, RankingIn(groups=(later.candidates,), follow_ups={own.id: "fixed"}), "k4"
    )


def test_four_thousand_characters_are_taken_verbatim(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    text = "  Zu blaß 太淡\r\n\u202e" + "x" * 3980
    ranking = RankingIn(groups=(given.candidates,), critiques=(CritiqueIn(candidate=given.candidates[0], text=text),))
    assert hand_in(database, people["ann"], given, ranking, "k")
    assert database.read(lambda c: c.execute(select(WORDS.c.text)).scalars().all()) == [text]


def test_erasing_reaches_what_was_said_anywhere(
    database: Database, people: dict[str, str], chain: str, given: Assignment
) -> None:
    hand_in(database, people["ann"], given, critical(given, "Too pale."), "k1")
    database.write_now(work.reopen, labeler=people["ann"], assignment=given.id)
    database.write_now(drafts.save_draft, labeler=people["ann"], assignment=given.id, payload='{"a": 1}', revision=0)
    hand_in(database, people["ann"], given, critical(given, "Too small."), "k2")
    database.write_now(work.reopen, labeler=people["ann"], assignment=given.id)
    database.write_now(drafts.save_draft, labeler=people["ann"], assignment=given.id, payload='{"a": 2}', revision=0)
    assert database.write_now(erase_words, "ann") == 4
    database.read(lambda c: c.exec_driver_sql("PRAGMA wal_checkpoint"))
    ((full,),) = database.read(load_full_rankings, database.read(chains.load_chain, chain).key).values()
    said = json.dumps(full, default=str)
    assert not any(word in said for word in ("pale", "small", "loads", "explains", "#go", "dialog"))
    assert database.read(lambda c: c.execute(select(DRAFT)).all()) == []
    assert verify_database(database).is_ok


# --- Drafts -------------------------------------------------------------------------------------------------------


def save(c: Connection, labeler: str, assignment: str, payload: str, revision: int) -> drafts.Draft:
    return drafts.save_draft(c, labeler=labeler, assignment=assignment, payload=payload, revision=revision)


def test_a_draft_is_there_on_every_device_and_gone_when_the_work_is_in(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    ann = people["ann"]
    first = database.write_now(save, ann, given.id, '{"a": 1}', 0)
    assert (first.revision, first.is_saved) == (1, True)
    assert database.write_now(save, ann, given.id, '{"a": 1}', 0).is_saved, "the answer had been lost"
    theirs = database.write_now(save, ann, given.id, '{"b": 2}', 0)
    assert (theirs.is_saved, theirs.payload, theirs.revision) == (False, '{"a": 1}', 1)
    assert database.write_now(save, ann, given.id, '{"b": 2}', 1).revision == 2
    assert database.read(drafts.load_draft, labeler=ann, assignment=given.id).payload == '{"b": 2}'
    submit(database, ann, given)
    assert database.read(drafts.load_draft, labeler=ann, assignment=given.id).revision == 0
    with pytest.raises(FeedbackError):
        database.write_now(save, ann, given.id, '{"c": 3}', 0)


@pytest.mark.parametrize("payload", ["", "[]", "{", "\ud800", '{"a": NaN}', '{"a": "' + "x" * 256 * 1024 + '"}'])
def test_a_draft_that_is_no_small_json_object_is_refused(
    database: Database, people: dict[str, str], given: Assignment, payload: str
) -> None:
    with pytest.raises(FeedbackError) as raised:
        database.write_now(save, people["ann"], given.id, payload, 0)
    assert len(str(raised.value).splitlines()) == 1


def test_the_statement_says_what_is_accepted_pending_and_not_paid(
    database: Database, people: dict[str, str], chain: str, given: Assignment
) -> None:
    submit(database, people["ann"], given, active_s=100)
    database.write_now(lambda c: open_next_round(c, chain))
    submit(database, people["ann"], claim(database, people["ann"]), active_s=50)
    database.write_now(lambda c: add_chain(c, make_project(c, "unpaid"), "other"))
    submit(database, people["ann"], claim(database, people["ann"]), active_s=60)
    said = database.read(earnings.load_statement, people["ann"])
    assert (said.finished, said.accepted, said.pending, said.not_paid) == (3, 1, 1, {"no pay rate was set": 1})
    assert said.amount_usd == pytest.approx(1.0) and said.pending_usd == pytest.approx(0.5) and said.minutes == 3.5
    assert [line.state for line in said.lines] == ["not_paid", "pending", "accepted"]
    assert database.read(earnings.load_statement, people["ann"], project="unpaid").finished == 1
