"""Pages as they stood when something was pinned: kept for their critique, and gone with whom they came from."""

import hashlib
from typing import Any

import pytest
from sqlalchemy import Connection, select

from refine.errors import AccessDenied, FeedbackError
from refine.types import Assignment, CritiqueIn, RankingIn, RegionAnchor
from store import snapshots, work
from store.blobs import get_blob
from store.database import Database
from store.erasing import erase_words
from store.handed_in import load_handed_in
from store.pictures import _UNCROPPED, add_crop, find_uncropped
from store.tables import ASSIGNMENT, BLOB, CRITIQUE, RANKING
from store.verify import verify_database
from store.work_tables import RANKING_DETAIL, WRITE_KEY
from tests.store.work_helpers import add_chain, add_people, claim, in_order, make_project

PAGE = "<p>as it stood, with what ann had typed</p>"


@pytest.fixture
def people(database: Database) -> dict[str, str]:
    return database.write_now(add_people, "ann", "ben")


@pytest.fixture
def given(database: Database, people: dict[str, str]) -> Assignment:
    database.write_now(lambda c: add_chain(c, make_project(c), "tea"))
    return claim(database, people["ann"])


def keep(database: Database, given: Assignment, labeler: str, html: str = PAGE) -> str:
    return database.write_now(work.keep_page, labeler=labeler, assignment=given.id, html=html)


def pinned(given: Assignment, *names: str | None) -> RankingIn:
    anchor = RegionAnchor(kind="region", box=(1, 2, 3, 4), viewport=(390, 844))
    said = [CritiqueIn(candidate=given.candidates[0], text="Here.", anchor=anchor, snapshot=name) for name in names]
    return in_order(given).model_copy(update={"critiques": tuple(said)})


def hand_in(database: Database, given: Assignment, labeler: str, ranking: RankingIn, key: str = "k" * 20) -> None:
    database.write_now(work.submit_work, labeler=labeler, assignment=given.id, ranking=ranking, key=key)


def stored(connection: Connection) -> list[Any]:
    return list(connection.execute(select(CRITIQUE.c.snapshot_id).order_by(CRITIQUE.c.id)).scalars())


def blobs(connection: Connection) -> set[str]:
    return set(connection.execute(select(BLOB.c.sha256)).scalars())


def test_a_page_is_stored_with_the_critique_that_names_it(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    name = keep(database, given, people["ann"])
    assert keep(database, given, people["ann"]) == name  # sent again after an answer that was lost
    hand_in(database, given, people["ann"], pinned(given, name, None, "0" * 64))
    (key, none, unknown) = database.read(stored)
    assert (none, unknown) == (None, None)
    data = database.read(get_blob, key)
    assert (data.decode().partition("\n")[2], hashlib.sha256(data).hexdigest()) == (PAGE, name)
    again = database.read(load_handed_in, database.read(lambda c: c.execute(select(ASSIGNMENT.c.id)).scalar_one()))
    assert again is not None and [each.snapshot for each in again.critiques] == [name, None, None]
    assert verify_database(database).is_ok


def test_a_page_is_named_in_its_own_assignment_alone(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    other = claim(database, people["ben"])
    name = keep(database, given, people["ann"])
    with pytest.raises(AccessDenied):
        keep(database, given, people["ben"])
    hand_in(database, other, people["ben"], pinned(other, name))
    assert database.read(stored) == [None]
    assert keep(database, given, people["ann"]) == name  # and it is still there for whose it is


def test_pages_of_pins_that_were_taken_back_are_forgotten(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    before = database.read(blobs)
    kept, dropped = (keep(database, given, people["ann"], f"{PAGE}{n}") for n in range(2))
    hand_in(database, given, people["ann"], pinned(given, kept))
    assert database.read(blobs) - before == {kept}
    database.write_now(work.reopen, labeler=people["ann"], assignment=given.id)
    hand_in(database, given, people["ann"], pinned(given), key="another")
    assert database.read(blobs) - before == {kept}  # what was handed in before has it
    assert dropped != kept


def test_skipping_forgets_them_all(database: Database, people: dict[str, str], given: Assignment) -> None:
    before = database.read(blobs)
    keep(database, given, people["ann"])
    database.write_now(work.skip, labeler=people["ann"], assignment=given.id)
    assert database.read(blobs) == before
    with pytest.raises(FeedbackError, match="skipped"):
        keep(database, given, people["ann"])


def test_one_assignment_keeps_no_more_than_its_share(
    database: Database, people: dict[str, str], given: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FeedbackError, match="bytes"):
        keep(database, given, people["ann"], "x" * (snapshots.MAX_BYTES + 100))
    with pytest.raises(FeedbackError, match="surrogate"):
        keep(database, given, people["ann"], "\ud800")
    for n in range(snapshots.MOST):
        keep(database, given, people["ann"], f"{n}")
    with pytest.raises(FeedbackError, match="at most"):
        keep(database, given, people["ann"], "one more")
    monkeypatch.setattr(snapshots, "MOST", 10_000)
    monkeypatch.setattr(snapshots, "MOST_BYTES", 1000)
    with pytest.raises(FeedbackError, match="at most"):
        keep(database, given, people["ann"], "y" * 900)


def test_erasing_a_labeler_removes_pages_and_crops_also_those_no_critique_ever_named(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    before = database.read(blobs)
    named = keep(database, given, people["ann"])
    hand_in(database, given, people["ann"], pinned(given, named))
    database.write_now(
        lambda c: c.execute(BLOB.insert().values(sha256="c" * 64, size=4, encoding="raw", data=b"crop")).rowcount
    )
    crop = database.read(lambda c: c.execute(select(BLOB.c.id).where(BLOB.c.sha256 == "c" * 64)).scalar_one())
    database.write_now(lambda c: c.execute(CRITIQUE.update().values(crop_id=crop)).rowcount)
    database.write_now(work.reopen, labeler=people["ann"], assignment=given.id)
    keep(database, given, people["ann"], "never named")
    assert len(database.read(blobs) - before) == 3
    database.write_now(erase_words, "ann")
    assert database.read(blobs) == before
    assert database.read(stored) == [None]
    assert database.read(lambda c: c.execute(select(WRITE_KEY.c.id).where(WRITE_KEY.c.what == "snapshot")).all()) == []
    assert verify_database(database).is_ok


def test_erasing_a_labeler_removes_crops_of_what_they_handed_in_anew(
    database: Database, people: dict[str, str], given: Assignment
) -> None:
    before = database.read(blobs)
    name = keep(database, given, people["ann"])
    hand_in(database, given, people["ann"], pinned(given, name))
    (found,) = database.read(find_uncropped, after=0, limit=5)
    assert database.write_now(add_crop, found, b"RIFF....WEBP of what ann typed")
    assert database.write_now(add_crop, found, b"RIFF....WEBP drawn at the same time") is False
    database.write_now(work.reopen, labeler=people["ann"], assignment=given.id)
    hand_in(database, given, people["ann"], pinned(given, name), key="another")
    assert len(database.read(blobs) - before) == 1
    assert [it.snapshot_key for it in database.read(find_uncropped, after=0, limit=5)] == [found.snapshot_key]
    database.write_now(erase_words, "ann")
    assert database.read(blobs) == before


def test_few_critiques_are_looked_at_for_those_without_a_crop(database: Database) -> None:
    plan = database.read(
        lambda c: c.exec_driver_sql(f"EXPLAIN QUERY PLAN {_UNCROPPED._sql}", (0, 0, 0, 0, 20, 0)).all()
    )
    assert "ix_critique_snapshot_id" in str(plan)


def test_what_was_tried_and_on_what_is_stored(database: Database, people: dict[str, str], given: Assignment) -> None:
    first, second, _ = given.candidates
    ranking = in_order(given).model_copy(update={"tried": {first: (12.5, 7), second: (0.0, 0)}})
    database.write_now(
        work.submit_work, labeler=people["ann"], assignment=given.id, ranking=ranking, key="k", device="phone"
    )
    tried, device, shown = database.read(
        lambda c: c.execute(
            select(RANKING_DETAIL.c.tried, ASSIGNMENT.c.device, ASSIGNMENT.c.shown)
            .join(RANKING, RANKING.c.id == RANKING_DETAIL.c.ranking_id)
            .join(ASSIGNMENT, ASSIGNMENT.c.id == RANKING.c.assignment_id)
        ).one()
    )
    assert (tried, device) == ({str(shown[0]): [12.5, 7], str(shown[1]): [0.0, 0]}, "phone")


def test_what_is_not_on_show_was_not_tried(database: Database, people: dict[str, str], given: Assignment) -> None:
    ranking = in_order(given).model_copy(update={"tried": {"01ARZ3NDEKTSV4RRFFQ69G5FAV": (1.0, 1)}})
    with pytest.raises(FeedbackError, match="not in this round"):
        hand_in(database, given, people["ann"], ranking)
