"""Standing by a ranking, and how controls went: what labelers are told gives no control away."""

from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from refine.api.findings import look_at_labelers
from refine.errors import AccessDenied, FeedbackError, InputError
from refine.types import Assignment, CodeFile
from store import chains, disputes, work
from store.candidates import load_candidates
from store.consent import accept_terms
from store.controls import NewControl, add_controls, load_sightings
from store.database import Database
from store.labelers import add_labeler, limit_labeler
from store.own_controls import BLOCK, ControlsMet, load_controls_met
from store.rounds import newest_round
from store.standing import load_ranked
from store.tables import ASSIGNMENT, CANDIDATE, CONTROL, PROJECT
from store.work_tables import DISPUTE, LABELER_PROJECT
from tests.store.work_helpers import add_chain, add_people, claim, make_project


@pytest.fixture
def people(database: Database) -> dict[str, str]:
    database.write_now(lambda c: make_project(c))
    return database.write_now(add_people, "ann", "ben")


def put_control(connection: Connection, given: Assignment) -> tuple[str, str]:
    """A control in the assignment, in the place of its last page: (the original, its control), as candidates."""
    stored = chains.load_chain(connection, given.chain)
    round = newest_round(connection, stored.key)
    assert round is not None
    row = connection.execute(select(ASSIGNMENT).where(ASSIGNMENT.c.ulid == given.id)).one()
    original = next(it for it in load_candidates(connection, stored.key) if it.key == row.shown[0])
    made = NewControl(
        original=original,
        files=(CodeFile(filename="index.html", content=f"<p>worse {original.id}</p>"),),
        operator="dead_handler",
        channel="behaviour",
        severity=0.5,
        record={},
    )
    add_controls(connection, stored.key, round.key, round.number, [made])
    control = connection.execute(select(CONTROL).where(CONTROL.c.round_id == round.key)).one()
    connection.execute(
        update(ASSIGNMENT)
        .where(ASSIGNMENT.c.id == row.id)
        .values(control_id=control.id, shown=[*row.shown[:-1], control.candidate_id])
    )
    name = connection.execute(select(CANDIDATE.c.ulid).where(CANDIDATE.c.id == control.candidate_id)).scalar_one()
    return original.id, name


def do_one(database: Database, labeler: str, key: str, control: str = "") -> str:
    """An assignment handed in; with `control`, one in which a control was `seen` or `missed`. Its id."""

    def add(connection: Connection) -> Any:
        from store.projects import find_project

        project = find_project(connection, "p")
        assert project is not None
        return add_chain(connection, project, key)

    chain = database.write_now(add)
    given = claim(database, labeler)
    assert given.chain == chain
    pages = list(given.candidates)
    if control:
        original, worse = database.write_now(put_control, given)
        pages = [original, pages[1], worse] if control == "seen" else [worse, pages[1], original]
    from refine.types import RankingIn

    ranking = RankingIn(groups=tuple((page,) for page in pages))
    database.write_now(work.submit_work, labeler=labeler, assignment=given.id, ranking=ranking, key=f"{labeler} {key}")
    return given.id


def stand_by(database: Database, labeler: str, assignment: str) -> bool:
    return database.write_now(disputes.add_dispute, labeler=labeler, assignment=assignment, reason="B does work.")


# --- Disputes -----------------------------------------------------------------------------------------------------


def test_only_a_missed_control_is_to_be_decided_and_the_labeler_cannot_tell(
    database: Database, people: dict[str, str]
) -> None:
    done = {how: do_one(database, people["ann"], f"c{n}", how) for n, how in enumerate(("", "seen", "missed"))}
    assert [stand_by(database, people["ann"], it) for it in done.values()] == [True] * 3
    assert stand_by(database, people["ann"], done["missed"]) is False
    assert database.read(disputes.load_disputed, people["ann"], done.values()) == set(done.values())
    (found,) = database.read(disputes.list_disputes)
    assert (found.assignment, found.labeler, found.operator) == (done["missed"], "ann", "dead_handler")
    assert (found.reason, found.resolution) == ("B does work.", None)


def test_an_upheld_dispute_retires_the_control_and_is_evidence_about_nobody(
    database: Database, people: dict[str, str]
) -> None:
    missed, seen = do_one(database, people["ann"], "c1", "missed"), do_one(database, people["ann"], "c2", "seen")
    stand_by(database, people["ann"], missed)
    rows, golds = database.read(load_ranked)
    assert [gold[4] for gold in golds] == [2, 0] and len(database.read(load_sightings)) == 2
    (found,) = database.read(disputes.list_disputes)
    assert database.write_now(disputes.resolve_dispute, found.id, is_upheld=True) is True
    again, left = database.read(load_ranked)
    assert [gold[4] for gold in left] == [0] and [it.is_right for it in database.read(load_sightings)] == [True]
    assert again == rows  # the control itself never stands among what was ranked
    retired = database.read(lambda c: c.execute(select(CONTROL.c.retired_at).order_by(CONTROL.c.id)).scalars().all())
    assert [it is not None for it in retired] == [True, False]
    assert database.read(disputes.list_disputes) == []
    (decided,) = database.read(disputes.list_disputes, with_resolved=True)
    assert decided.resolution == "upheld"
    assert seen != missed


def test_what_is_found_of_labelers_leaves_it_out_from_then_on(database: Database, people: dict[str, str]) -> None:
    missed = do_one(database, people["ann"], "c1", "missed")
    do_one(database, people["ann"], "c2", "seen")
    stand_by(database, people["ann"], missed)

    def passed() -> list[tuple[int, int]]:
        met = [it.profile.controls for it in look_at_labelers(database).labelers]
        return [(it.passed, it.met) for it in met]

    assert passed() == [(1, 2)]
    (found,) = database.read(disputes.list_disputes)
    database.write_now(disputes.resolve_dispute, found.id, is_upheld=False)
    assert passed() == [(1, 2)]
    database.write_now(disputes.resolve_dispute, found.id, is_upheld=True)
    assert passed() == [(1, 1)]


def test_a_dismissed_one_leaves_the_control_as_it_is(database: Database, people: dict[str, str]) -> None:
    stand_by(database, people["ann"], do_one(database, people["ann"], "c1", "missed"))
    (found,) = database.read(disputes.list_disputes)
    assert database.write_now(disputes.resolve_dispute, found.id, is_upheld=False) is False
    assert [it.is_right for it in database.read(load_sightings)] == [False]


def test_what_cannot_be_disputed_or_decided_is_one_line(database: Database, people: dict[str, str]) -> None:
    done = do_one(database, people["ann"], "c1")
    with pytest.raises(AccessDenied):
        stand_by(database, people["ben"], done)
    with pytest.raises(AccessDenied):
        stand_by(database, people["ann"], "nothing")
    database.write_now(lambda c: c.execute(update(ASSIGNMENT).values(state="skipped")).rowcount)
    with pytest.raises(FeedbackError, match="skipped"):
        stand_by(database, people["ann"], done)
    database.write_now(lambda c: c.execute(update(ASSIGNMENT).values(state="finished")).rowcount)
    stand_by(database, people["ann"], done)
    settled = database.read(lambda c: c.execute(select(DISPUTE.c.ulid)).scalar_one())
    for name in ("nothing", settled):
        with pytest.raises(InputError, match="nothing to decide"):
            database.write_now(disputes.resolve_dispute, name, is_upheld=True)


# --- How controls went --------------------------------------------------------------------------------------------


def test_what_is_told_moves_with_whole_blocks_and_begins_with_five(database: Database, people: dict[str, str]) -> None:
    told = []
    for n in range(2 * BLOCK):
        control = {4: "seen", 3: "missed"}.get(n % 5, "") if n < BLOCK else ("seen" if n == BLOCK + 1 else "")
        do_one(database, people["ann"], f"c{n}", control)
        told.append(database.read(load_controls_met, people["ann"]))
    assert told[: BLOCK - 1] == [None] * (BLOCK - 1)
    assert told[BLOCK - 1 : 2 * BLOCK - 1] == [ControlsMet(8, 4)] * BLOCK
    assert told[-1] == ControlsMet(9, 5)


def test_too_few_controls_are_not_told(database: Database, people: dict[str, str]) -> None:
    for n in range(BLOCK):
        do_one(database, people["ann"], f"c{n}", "seen" if n < 4 else "")
    assert database.read(load_controls_met, people["ann"]) is None


def test_a_control_retired_later_moves_the_numbers_only_with_the_next_block(
    database: Database, people: dict[str, str]
) -> None:
    done = [do_one(database, people["ann"], f"c{n}", "missed" if n < 6 else "") for n in range(BLOCK)]
    stand_by(database, people["ann"], done[0])
    (found,) = database.read(disputes.list_disputes)
    database.write_now(disputes.resolve_dispute, found.id, is_upheld=True)
    assert database.read(load_controls_met, people["ann"]) == ControlsMet(6, 0)
    for n in range(BLOCK):
        assert database.read(load_controls_met, people["ann"]) == ControlsMet(6, 0)
        do_one(database, people["ann"], f"d{n}")
    assert database.read(load_controls_met, people["ann"]) == ControlsMet(5, 0)


def hand_in_turned(database: Database, labeler: str, assignment: str) -> None:
    """The same work again, the other way round."""
    from refine.types import RankingIn

    done = database.read(work.load_work, labeler=labeler, assignment=assignment)
    assert done is not None and done.ranking is not None
    database.write_now(work.reopen, labeler=labeler, assignment=assignment)
    turned = RankingIn(groups=tuple(reversed(done.ranking.groups)))
    database.write_now(work.submit_work, labeler=labeler, assignment=assignment, ranking=turned, key=f"2 {assignment}")


def test_handing_in_anew_moves_no_number_so_nobody_can_try_out_which_it_was(
    database: Database, people: dict[str, str]
) -> None:
    done = [do_one(database, people["ann"], f"c{n}", "seen" if n < 6 else "") for n in range(BLOCK)]
    assert database.read(load_controls_met, people["ann"]) == ControlsMet(6, 6)
    hand_in_turned(database, people["ann"], done[0])
    hand_in_turned(database, people["ann"], done[8])
    assert database.read(load_controls_met, people["ann"]) == ControlsMet(6, 6)


def test_what_is_to_be_decided_is_the_ranking_that_counts_now(database: Database, people: dict[str, str]) -> None:
    missed, seen = do_one(database, people["ann"], "c1", "missed"), do_one(database, people["ann"], "c2", "seen")
    for each in (missed, seen):
        stand_by(database, people["ann"], each)
    (found,) = database.read(disputes.list_disputes)
    hand_in_turned(database, people["ann"], missed)
    assert database.read(disputes.list_disputes) == []
    with pytest.raises(InputError, match="nothing to decide"):
        database.write_now(disputes.resolve_dispute, found.id, is_upheld=True)
    hand_in_turned(database, people["ann"], seen)
    assert [it.assignment for it in database.read(disputes.list_disputes)] == [seen]


# --- Limits to projects -------------------------------------------------------------------------------------------


def test_terms_of_a_project_that_is_none_of_theirs_cannot_be_accepted(database: Database) -> None:
    def prepare(connection: Connection) -> tuple[str, str]:
        make_project(connection, "own")
        other = make_project(connection, "other", terms="Be kind.")
        version = other.settings.terms_version
        assert version is not None
        return add_labeler(connection, "ann", projects=["own"]).id, version

    ann, version = database.write_now(prepare)
    for project in ("other", "none"):
        with pytest.raises(InputError, match="there is no project"):
            database.write_now(accept_terms, labeler=ann, project=project, version=version)
    database.write_now(limit_labeler, "ann", ["own", "other"])
    database.write_now(accept_terms, labeler=ann, project="other", version=version)


def test_a_project_that_somebody_is_limited_to_cannot_go_so_that_no_limit_ends_unseen(database: Database) -> None:
    from sqlalchemy.exc import IntegrityError

    def prepare(connection: Connection) -> None:
        made = make_project(connection, "own")
        add_labeler(connection, "ann", projects=["own"])
        with pytest.raises(IntegrityError, match="FOREIGN KEY"):
            connection.execute(PROJECT.delete().where(PROJECT.c.id == made.key))

    database.write_now(prepare)
    with pytest.raises(InputError, match="no project"):  # a limit that cannot be set leaves the one before
        database.write_now(limit_labeler, "ann", ["nothing"])
    assert len(database.read(lambda c: c.execute(select(LABELER_PROJECT)).all())) == 1
