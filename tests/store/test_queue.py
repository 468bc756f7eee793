"""Who gets which round."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from refine.errors import AccessDenied, InputError
from refine.types import Assignment, Briefing, Later
from store import chains, consent, feedback, labelers, projects, queue, work
from store.database import Database
from store.decisions import weigh_labeler
from store.drafts import save_draft
from store.ids import now
from store.places import restore_places, set_round_priority, set_urgency
from store.tables import ASSIGNMENT, CANDIDATE, LABELER, PROJECT, ROUND
from store.verify import verify_database
from store.work_tables import CANDIDATE_AUTHOR, QUEUE
from tests.store.work_helpers import add_chain, add_people, check_queue, claim, make_project, open_next_round, submit

HOUR = timedelta(hours=1)


@pytest.fixture
def people(database: Database) -> dict[str, str]:
    return database.write_now(add_people, "ann", "ben", "cem", "dia", "eve")


@pytest.fixture
def chain(database: Database) -> str:
    """One chain whose open round wants three rankings."""
    return database.write_now(lambda c: add_chain(c, make_project(c), "tea"))


def test_a_labeler_gets_the_open_round_and_the_same_again_until_it_is_in(
    database: Database, people: dict[str, str], chain: str
) -> None:
    first = claim(database, people["ann"])
    assert first.chain == chain
    assert claim(database, people["ann"]) == first
    assert submit(database, people["ann"], first)
    assert isinstance(database.write_now(queue.claim, labeler=people["ann"]), Later)
    database.read(check_queue)


def test_a_round_is_given_to_no_more_than_it_wants(database: Database, people: dict[str, str], chain: str) -> None:
    given = [database.write_now(queue.claim, labeler=people[name]) for name in ("ann", "ben", "cem", "dia")]
    assert [isinstance(it, Assignment) for it in given] == [True, True, True, False]
    assert isinstance(given[3], Later) and given[3].reason == "in_others_hands"
    database.read(check_queue)


def test_a_lapsed_lease_frees_the_place_and_the_finished_work_still_counts(
    database: Database, people: dict[str, str], chain: str
) -> None:
    for name in ("ann", "ben", "cem"):
        claim(database, people[name])
    later = now() + 2 * HOUR
    late = claim(database, people["dia"], at=later)
    ann = database.read(lambda c: work.load_work(c, labeler=people["ann"], assignment=_newest(c, "ann")))
    assert submit(database, people["ann"], ann.assignment)
    assert submit(database, people["dia"], late)
    database.read(check_queue)
    assert database.read(_received) == [2]


def _newest(connection: Connection, name: str) -> str:
    query = (
        select(ASSIGNMENT.c.ulid).join(LABELER, LABELER.c.id == ASSIGNMENT.c.labeler_id).where(LABELER.c.name == name)
    )
    found: str = connection.execute(query.order_by(ASSIGNMENT.c.id.desc()).limit(1)).scalar_one()
    return found


def _received(connection: Connection) -> list[int]:
    return list(connection.execute(select(ROUND.c.received).order_by(ROUND.c.id)).scalars())


def test_more_than_was_wanted_is_a_bonus_and_no_refusal(database: Database, people: dict[str, str], chain: str) -> None:
    first = {name: claim(database, people[name]) for name in ("ann", "ben", "cem")}
    later = now() + 2 * HOUR
    quick = claim(database, people["dia"], at=later), claim(database, people["eve"], at=later)
    assert all(submit(database, people[name], it) for name, it in zip(("dia", "eve"), quick, strict=True))
    assert all(submit(database, people[name], it) for name, it in first.items())
    assert database.read(_received) == [5]
    assert database.read(lambda c: c.execute(select(ROUND.c.state)).scalars().all()) == ["full"]
    database.read(check_queue)


def test_coming_back_after_the_lease_lapsed_renews_it_where_there_is_room(
    database: Database, people: dict[str, str], chain: str
) -> None:
    first = claim(database, people["ann"])
    again = claim(database, people["ann"], at=now() + 5 * HOUR)
    assert again.id == first.id and again.lease_expires_at > first.lease_expires_at
    database.read(check_queue)


def test_what_others_took_meanwhile_is_put_down_unless_it_was_begun(
    database: Database, people: dict[str, str], chain: str
) -> None:
    held = {name: claim(database, people[name]) for name in ("ann", "ben")}
    database.write_now(save_draft, labeler=people["ben"], assignment=held["ben"].id, payload="{}", revision=0)
    later = now() + 2 * HOUR
    for name in ("cem", "dia", "eve"):
        claim(database, people[name], at=later)
    assert isinstance(database.write_now(queue.claim, labeler=people["ann"], at=later), Later)
    assert claim(database, people["ben"], at=later).id == held["ben"].id
    assert submit(database, people["ann"], held["ann"])
    database.read(check_queue)


def test_a_new_chain_opens_only_when_no_begun_round_lacks_labelers(database: Database, people: dict[str, str]) -> None:
    ids = database.write_now(lambda c: [add_chain(c, make_project(c), key) for key in ("a", "b")])
    assert [claim(database, people[name]).chain for name in ("ann", "ben", "cem", "dia")] == [ids[0]] * 3 + [ids[1]]


def test_chains_nearer_their_end_come_first(database: Database, people: dict[str, str]) -> None:
    def fill(c: Connection) -> list[str]:
        ids = [add_chain(c, make_project(c), key) for key in ("a", "b", "c")]
        open_next_round(c, ids[1])
        for _ in range(2):
            open_next_round(c, ids[2])
        return ids

    ids = database.write_now(fill)
    given = [claim(database, people[name]) for name in people]
    assert [it.chain for it in given] == [ids[2]] * 3 + [ids[1]] * 2


def test_of_rounds_alike_the_one_whose_rankings_are_worth_most_comes_first(
    database: Database, people: dict[str, str]
) -> None:
    ids = database.write_now(lambda c: [add_chain(c, make_project(c), key) for key in ("a", "b", "c")])

    def value(c: Connection, chain: str, priority: float) -> None:
        key = chains.load_chain(c, chain).key
        (round_key,) = c.execute(select(ROUND.c.id).where(ROUND.c.chain_id == key)).one()
        set_round_priority(c, round_key, priority)

    database.write_now(value, ids[1], 0.5)
    database.write_now(value, ids[2], 2.5)
    assert claim(database, people["ann"]).chain == ids[2]


def test_chain_priority_deadline_and_project_priority_go_before(database: Database, people: dict[str, str]) -> None:
    def fill(c: Connection) -> dict[str, str]:
        plain = make_project(c, "plain")
        due = make_project(c, "due", deadline=now() + 2 * HOUR)
        great = make_project(c, "great")
        c.execute(update(PROJECT).where(PROJECT.c.name == "great").values(priority=1))
        return {
            "plain": add_chain(c, plain, "a"),
            "wanted": add_chain(c, plain, "b", priority=5),
            "due": add_chain(c, due, "c"),
            "great": add_chain(c, great, "d"),
        }

    ids = database.write_now(fill)
    order = []
    for _ in ids:
        given = claim(database, people["ann"])
        order.append(given.chain)
        submit(database, people["ann"], given)
    assert order == [ids[name] for name in ("great", "wanted", "due", "plain")]


def test_a_priority_changed_later_moves_the_round(database: Database, people: dict[str, str]) -> None:
    ids = database.write_now(lambda c: [add_chain(c, make_project(c), key) for key in ("a", "b")])
    database.write_now(lambda c: chains.set_priority(c, chains.load_chain(c, ids[1]), 9))
    assert claim(database, people["ann"]).chain == ids[1]
    database.write_now(lambda c: chains.set_priority(c, chains.load_chain(c, ids[0]), 10))
    database.write_now(lambda c: set_urgency(c, project_key=1))
    assert claim(database, people["ben"]).chain == ids[1]  # begun, and so before every chain that is not


@pytest.mark.parametrize("steer", [chains.pause_chain, chains.stop_chain])
def test_a_paused_or_stopped_chain_is_given_to_nobody(
    database: Database, people: dict[str, str], chain: str, steer: Callable[..., object]
) -> None:
    database.write_now(lambda c: steer(c, chains.load_chain(c, chain)))
    assert isinstance(database.write_now(queue.claim, labeler=people["ann"]), Later)


def test_a_resumed_chain_is_given_out_again(database: Database, people: dict[str, str], chain: str) -> None:
    database.write_now(lambda c: chains.pause_chain(c, chains.load_chain(c, chain)))
    database.write_now(lambda c: chains.resume_chain(c, chains.load_chain(c, chain)))
    assert claim(database, people["ann"]).chain == chain


def test_an_ended_chain_leaves_the_queue_and_a_retried_one_comes_back(
    database: Database, people: dict[str, str], chain: str
) -> None:
    stored = database.read(chains.load_chain, chain)
    database.write_now(chains.end_chain, stored.key, reason="failed", round=1)
    assert isinstance(database.write_now(queue.claim, labeler=people["ann"]), Later)
    project = database.read(projects.find_project, "p")
    assert project is not None
    database.write_now(chains.retry_failed, project)
    assert claim(database, people["ann"]).chain == chain
    database.read(check_queue)


def test_the_queue_can_be_made_anew_from_what_else_is_stored(
    database: Database, people: dict[str, str], chain: str
) -> None:
    submit(database, people["ann"], claim(database, people["ann"]))
    claim(database, people["ben"])
    before = database.read(lambda c: c.execute(select(QUEUE)).all())
    database.write_now(lambda c: restore_places(c, chains.load_chain(c, chain).key))
    assert database.read(lambda c: c.execute(select(QUEUE)).all()) == before


def test_audit_rounds_come_first_and_only_to_labelers_new_to_the_chain(
    database: Database, people: dict[str, str], chain: str
) -> None:
    submit(database, people["ann"], claim(database, people["ann"]))
    database.write_now(lambda c: open_next_round(c, chain, kind="audit"))
    other = database.write_now(lambda c: add_chain(c, make_project(c), "other"))
    assert claim(database, people["ann"]).chain == other
    assert claim(database, people["ben"]).chain == chain


def test_nobody_judges_a_page_they_wrote(database: Database, people: dict[str, str], chain: str) -> None:
    def write(c: Connection) -> None:
        (key,) = c.execute(select(LABELER.c.id).where(LABELER.c.name == "ann")).one()
        page = c.execute(select(CANDIDATE.c.id)).scalars().first()
        c.execute(CANDIDATE_AUTHOR.insert().values(labeler_id=key, candidate_id=page))

    database.write_now(write)
    assert isinstance(database.write_now(queue.claim, labeler=people["ann"]), Later)
    assert claim(database, people["ben"]).chain == chain


def test_a_labeler_sees_only_their_projects(database: Database, people: dict[str, str]) -> None:
    def fill(c: Connection) -> str:
        add_chain(c, make_project(c, "one"), "a")
        return add_chain(c, make_project(c, "two"), "b")

    second = database.write_now(fill)
    database.write_now(labelers.limit_labeler, "ann", ["two"])
    assert claim(database, people["ann"]).chain == second
    submit(database, people["ann"], claim(database, people["ann"]))
    assert isinstance(database.write_now(queue.claim, labeler=people["ann"]), Later)
    with pytest.raises(AccessDenied):
        database.write_now(queue.claim, labeler=people["ann"], project="one")
    with pytest.raises(InputError):
        database.write_now(queue.claim, labeler=people["ben"], project="three")


def test_a_disabled_labeler_gets_nothing_and_frees_what_they_held(
    database: Database, people: dict[str, str], chain: str
) -> None:
    held = claim(database, people["ann"])
    database.write_now(labelers.disable_labeler, "ann")
    with pytest.raises(AccessDenied):
        database.write_now(queue.claim, labeler=people["ann"])
    with pytest.raises(AccessDenied):
        submit(database, people["ann"], held)
    for name in ("ben", "cem", "dia"):
        claim(database, people[name])
    database.read(check_queue)


def test_who_counts_for_nothing_takes_nobodys_place(database: Database, people: dict[str, str], chain: str) -> None:
    held = claim(database, people["ann"])
    for name in ("ann", "ben"):
        database.write_now(weigh_labeler, name, 0.0, reason="a test")
    assert claim(database, people["ann"]).id == held.id, "what was begun may be finished"
    assert isinstance(database.write_now(queue.claim, labeler=people["ben"]), Later)
    database.write_now(weigh_labeler, "ben", None, reason="that was wrong")
    claim(database, people["ben"])


def test_terms_are_accepted_before_work_is_given(database: Database, people: dict[str, str]) -> None:
    chain = database.write_now(lambda c: add_chain(c, make_project(c, terms="Be kind.", pay_rate_usd_hour=9.0), "a"))
    told = database.write_now(queue.claim, labeler=people["ann"])
    assert isinstance(told, Briefing) and told.terms == "Be kind." and told.pay_rate_usd_hour == 9.0
    assert database.read(consent.needs_consent, people["ann"], "p")
    with pytest.raises(InputError):
        database.write_now(consent.accept_terms, labeler=people["ann"], project="p", version="0" * 16)
    for _ in range(2):
        database.write_now(consent.accept_terms, labeler=people["ann"], project="p", version=told.terms_version or "")
    assert not database.read(consent.needs_consent, people["ann"], "p")
    given = claim(database, people["ann"])
    assert given.chain == chain
    submit(database, people["ann"], given)
    versions = database.read(lambda c: c.exec_driver_sql("SELECT consent_version FROM ranking").scalars().all())
    assert versions == [told.terms_version]


def test_work_leased_by_round_takes_a_place_too(database: Database, people: dict[str, str], chain: str) -> None:
    round_id = database.read(lambda c: c.execute(select(ROUND.c.ulid)).scalar_one())
    for name in ("x", "y"):
        database.write_now(feedback.lease_assignment, round_id=round_id, labeler=name, made_by="person")
    claim(database, people["ann"])
    assert isinstance(database.write_now(queue.claim, labeler=people["ben"]), Later)
    database.read(check_queue)


def test_a_simulated_panels_rounds_are_not_in_the_queue(database: Database, people: dict[str, str]) -> None:
    database.write_now(lambda c: add_chain(c, make_project(c, "s", panel="simulated"), "a"))
    found = database.write_now(queue.claim, labeler=people["ann"])
    assert isinstance(found, Later) and found.reason == "nothing"


def test_settings_that_turn_to_people_put_open_rounds_into_the_queue(
    database: Database, people: dict[str, str]
) -> None:
    chain = database.write_now(lambda c: add_chain(c, make_project(c, "s", panel="simulated"), "a"))

    def change(c: Connection, panel: str) -> None:
        project = projects.find_project(c, "s")
        assert project is not None
        projects.add_settings_version(c, project.key, project.settings.model_copy(update={"panel": panel}))
        changed = projects.find_project(c, "s")
        assert changed is not None
        chains.move_to_settings(c, changed)

    database.write_now(change, "people")
    assert claim(database, people["ann"]).chain == chain
    database.read(check_queue)
    database.write_now(change, "simulated")
    assert isinstance(database.write_now(queue.claim, labeler=people["ben"]), Later)


def test_a_queue_that_offers_what_is_not_there_is_found_by_verify(
    database: Database, people: dict[str, str], chain: str
) -> None:
    assert verify_database(database).is_ok
    database.write_now(lambda c: c.execute(update(QUEUE).values(places=9)))
    (finding,) = verify_database(database).findings
    assert "queue" in finding.what
    database.write_now(lambda c: c.execute(QUEUE.delete()))
    (finding,) = verify_database(database).findings
    assert "not in the queue" in finding.what


def test_what_lies_behind_much_that_was_done_is_found(
    database: Database, people: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_WINDOW", 2)
    database.write_now(lambda c: [add_chain(c, make_project(c), f"{n}") for n in range(5)])
    taken = set()
    for _ in range(5):
        given = claim(database, people["ann"])
        submit(database, people["ann"], given)
        taken.add(given.round)
    assert len(taken) == 5


def test_a_claim_takes_its_rounds_off_the_index(database: Database, people: dict[str, str], chain: str) -> None:
    sql = queue._pick_sql(queue._WINDOW, is_limited=False, is_author=False)
    plan = database.read(
        lambda c: c.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", {"labeler": 1, "project": None}).all()
    )
    said = " ".join(row[-1] for row in plan)
    assert "ix_queue_order" in said and "TEMP B-TREE" not in said and "SCAN assignment" not in said
