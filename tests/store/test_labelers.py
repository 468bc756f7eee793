"""Keys, links and sessions."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from refine.errors import AccessDenied, InputError
from store import labelers
from store.database import Database
from store.erasing import erase_words
from store.ids import now
from store.tables import LABELER
from store.work_tables import LABELER_KEY, LABELER_LINK, LABELER_SESSION
from tests.store.work_helpers import make_project


def enter(database: Database, name: str = "ann") -> labelers.NewSession:
    link = database.write_now(labelers.create_link, name)
    return database.write_now(labelers.exchange_code, link.code)


@pytest.fixture
def ann(database: Database) -> labelers.NewLabeler:
    return database.write_now(labelers.add_labeler, "ann")


def test_a_links_code_opens_one_session_once(database: Database, ann: labelers.NewLabeler) -> None:
    link = database.write_now(labelers.create_link, "ann")
    session = database.write_now(labelers.exchange_code, link.code)
    found = database.read(labelers.find_session, session.token)
    assert found is not None and (found.labeler, found.name, found.is_seen) == (ann.id, "ann", True)
    with pytest.raises(AccessDenied):
        database.write_now(labelers.exchange_code, link.code)


def test_a_link_is_good_for_fifteen_minutes(database: Database, ann: labelers.NewLabeler) -> None:
    link = database.write_now(labelers.create_link, "ann")
    assert timedelta(minutes=14) < link.expires_at - now() <= timedelta(minutes=15)
    past = now() - timedelta(seconds=1)
    database.write_now(lambda c: c.execute(update(LABELER_LINK).values(expires_at=past)))
    with pytest.raises(AccessDenied):
        database.write_now(labelers.exchange_code, link.code)


def test_the_key_lasts_and_opens_session_after_session_until_it_is_renewed(
    database: Database, ann: labelers.NewLabeler
) -> None:
    sessions = [database.write_now(labelers.exchange_key, ann.secret) for _ in range(2)]
    assert all(database.read(labelers.find_session, it.token) for it in sessions)
    renewed = database.write_now(labelers.renew_key, "ann")
    with pytest.raises(AccessDenied):
        database.write_now(labelers.exchange_key, ann.secret)
    assert database.write_now(labelers.exchange_key, renewed).labeler == ann.id


def test_secrets_have_256_bits_and_are_stored_as_hashes_only(database: Database, ann: labelers.NewLabeler) -> None:
    link = database.write_now(labelers.create_link, "ann")
    session = enter(database)
    for secret in (ann.secret, link.code, session.token):
        assert len(secret) == 43  # 32 bytes in base64
        assert secret not in repr((ann, link, session))
    database.write_now(lambda c: c.exec_driver_sql("CREATE TABLE flush (x)"))
    stored = b"".join(path.read_bytes() for path in database.path.parent.glob("refine.db*") if path.is_file())
    assert b"ann" in stored
    assert not any(secret.encode() in stored for secret in (ann.secret, link.code, session.token))


@pytest.mark.parametrize("token", ["", "x", "\ud800", "a" * 10_000, "' OR 1=1 --"])
def test_what_is_no_secret_opens_nothing(database: Database, ann: labelers.NewLabeler, token: str) -> None:
    assert database.read(labelers.find_session, token) is None
    for exchange in (labelers.exchange_code, labelers.exchange_key):
        with pytest.raises(AccessDenied):
            database.write_now(exchange, token)


def test_revoking_ends_every_session_key_and_link_at_once(database: Database, ann: labelers.NewLabeler) -> None:
    sessions = [enter(database) for _ in range(2)]
    link = database.write_now(labelers.create_link, "ann")
    assert database.write_now(labelers.revoke_access, "ann") == 4
    assert not any(database.read(labelers.find_session, it.token) for it in sessions)
    for exchange, secret in ((labelers.exchange_code, link.code), (labelers.exchange_key, ann.secret)):
        with pytest.raises(AccessDenied):
            database.write_now(exchange, secret)
    assert database.read(labelers.find_session, enter(database).token)


def test_a_disabled_labeler_is_out_at_once_and_back_when_enabled(database: Database, ann: labelers.NewLabeler) -> None:
    session = enter(database)
    link = database.write_now(labelers.create_link, "ann")
    database.write_now(labelers.disable_labeler, "ann")
    assert database.read(labelers.find_session, session.token) is None
    with pytest.raises(InputError):
        database.write_now(labelers.create_link, "ann")
    database.write_now(labelers.enable_labeler, "ann")
    assert database.read(labelers.find_session, session.token)
    with pytest.raises(AccessDenied):
        database.write_now(labelers.exchange_code, link.code)


def test_logging_out_ends_that_session_only(database: Database, ann: labelers.NewLabeler) -> None:
    here, there = enter(database), enter(database)
    database.write_now(labelers.end_session, here.token)
    assert database.read(labelers.find_session, here.token) is None
    assert database.read(labelers.find_session, there.token)


def test_a_session_expires(database: Database, ann: labelers.NewLabeler) -> None:
    session = enter(database)
    past = now() - timedelta(seconds=1)
    database.write_now(lambda c: c.execute(update(LABELER_SESSION).values(expires_at=past)))
    assert database.read(labelers.find_session, session.token) is None


def test_a_session_can_let_another_device_in(database: Database, ann: labelers.NewLabeler) -> None:
    link = database.write_now(labelers.link_another_device, ann.id)
    assert database.write_now(labelers.exchange_code, link.code).labeler == ann.id
    database.write_now(labelers.disable_labeler, "ann")
    with pytest.raises(AccessDenied):
        database.write_now(labelers.link_another_device, ann.id)


def test_when_they_were_last_seen_is_due_once_a_minute(database: Database, ann: labelers.NewLabeler) -> None:
    session = enter(database)
    database.write_now(lambda c: c.execute(update(LABELER).values(last_seen_at=now() - timedelta(minutes=2))))
    found = database.read(labelers.find_session, session.token)
    assert found is not None and not found.is_seen
    database.write_now(labelers.record_seen, ann.id)
    found = database.read(labelers.find_session, session.token)
    assert found is not None and found.is_seen


def test_the_list_says_who_may_work_where_and_get_in(database: Database, ann: labelers.NewLabeler) -> None:
    database.write_now(lambda c: make_project(c, "tea"))
    database.write_now(labelers.add_labeler, "ben", projects=["tea"], pay_rate_usd_hour=12.0)
    enter(database)
    found = database.read(labelers.list_labelers)
    assert [(it.name, it.projects, it.sessions, it.has_key) for it in found] == [
        ("ann", (), 1, True),
        ("ben", ("tea",), 0, True),
    ]
    database.write_now(labelers.limit_labeler, "ben", [])
    assert database.read(labelers.list_labelers)[1].projects == ()


@pytest.mark.parametrize(
    "attempt",
    [
        lambda c: labelers.add_labeler(c, "ann"),
        lambda c: labelers.add_labeler(c, "ben", projects=["nowhere"]),
        lambda c: labelers.create_link(c, "nobody"),
        lambda c: labelers.revoke_access(c, "nobody"),
    ],
)
def test_what_cannot_be_is_one_line(database: Database, ann: labelers.NewLabeler, attempt: object) -> None:
    with pytest.raises(InputError) as raised:
        database.write_now(attempt)  # type: ignore[arg-type]
    assert len(str(raised.value).splitlines()) == 1
    assert [it.name for it in database.read(labelers.list_labelers)] == ["ann"]


def test_erasing_a_labeler_leaves_no_way_in(database: Database, ann: labelers.NewLabeler) -> None:
    session = enter(database)
    database.write_now(erase_words, "ann")
    assert database.read(labelers.find_session, session.token) is None
    for table in (LABELER_KEY, LABELER_LINK, LABELER_SESSION):
        assert database.read(lambda c, table=table: c.execute(select(table)).all()) == []  # type: ignore[misc]
    (gone,) = database.read(labelers.list_labelers)
    with pytest.raises(InputError):
        database.write_now(labelers.enable_labeler, gone.name)
