from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.exc import IntegrityError, NoResultFound, OperationalError

from refine.errors import UnreadableText
from store.database import Database
from store.statements import Statement, inserting, run_plain, updating
from store.tables import LABELER, PROJECT, SETTINGS_VERSION

AT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
ADD_PROJECT = inserting(PROJECT, "ulid", "name", "created_at")
ADD_LABELER = inserting(LABELER, "ulid", "name", "kind", "uses_allowed", "created_at")
PROJECT_NAMED = Statement(select(PROJECT).where(PROJECT.c.name == bindparam("wanted")))
LABELER_NAMED = Statement(select(LABELER).where(LABELER.c.name == bindparam("wanted")))


def _add(connection: Connection, name: str = "p") -> int:
    return ADD_PROJECT.insert(connection, ulid=name.upper(), name=name, created_at=AT)


def test_what_a_statement_writes_core_reads_back_alike(database: Database) -> None:
    key = database.write_now(_add)
    row = database.read(lambda c: c.execute(select(PROJECT)).one())
    assert row._asdict() == {"id": key, "ulid": "P", "name": "p", "priority": 0, "created_at": AT}


def test_what_core_writes_a_statement_reads_back_alike(database: Database) -> None:
    values: dict[str, Any] = {"ulid": "L", "name": "ann", "kind": "person", "uses_allowed": ["a", "b"]}
    database.write_now(lambda c: c.execute(insert(LABELER).values(**values, created_at=AT)).rowcount)
    row = database.read(LABELER_NAMED.one, wanted="ann")
    by_core = database.read(lambda c: c.execute(select(LABELER)).one())
    assert row._asdict() == by_core._asdict()
    assert (row.uses_allowed, row.created_at) == (["a", "b"], AT)


def test_defaults_of_columns_left_out_are_written(database: Database) -> None:
    add = inserting(SETTINGS_VERSION, "project_id", "version", "settings", "created_at")
    key = database.write_now(_add)
    database.write_now(lambda c: add.insert(c, project_id=key, version=1, settings={}, created_at=AT))
    assert database.read(lambda c: c.execute(select(SETTINGS_VERSION.c.scope)).scalar_one()) == "project"


def test_a_text_that_is_not_utf8_is_an_error_of_the_store(database: Database) -> None:
    database.write_now(_add)
    database.write_now(run_plain, "UPDATE project SET name = CAST(x'6cff' AS TEXT)")
    by_id = Statement(select(PROJECT.c.name).where(PROJECT.c.id > bindparam("above")))
    for ask in (by_id.all, by_id.first):
        with pytest.raises(UnreadableText, match="not UTF-8"):
            database.read(ask, above=0)
    with pytest.raises(UnreadableText, match="not UTF-8"):
        database.read(lambda c: c.execute(select(PROJECT.c.name)).all())


def test_an_update_says_how_many_rows_it_changed(database: Database) -> None:
    rename = updating(PROJECT, "name", where=PROJECT.c.ulid == bindparam("wanted"))
    database.write_now(_add)
    changed = [database.write_now(rename.run, wanted=wanted, name="q") for wanted in ("P", "X")]
    assert changed == [1, 0]
    assert database.read(PROJECT_NAMED.first, wanted="p") is None
    assert database.read(PROJECT_NAMED.one, wanted="q").ulid == "P"


def test_an_update_can_set_a_column_by_an_expression(database: Database) -> None:
    raise_priority = updating(PROJECT, "name", priority=PROJECT.c.priority + bindparam("by"), where=PROJECT.c.id > 0)
    database.write_now(_add)
    database.write_now(raise_priority.run, name="q", by=3)
    row = database.read(PROJECT_NAMED.one, wanted="q")
    assert row.priority == 3


def test_many_rows_are_written_at_once(database: Database) -> None:
    rows = [{"ulid": name, "name": name, "created_at": AT} for name in ("a", "b", "c")]
    database.write_now(ADD_PROJECT.run_many, rows)
    assert [row.name for row in database.read(Statement(select(PROJECT).order_by(PROJECT.c.id)).all)] == ["a", "b", "c"]


def test_scalar_is_none_without_a_row_and_one_refuses(database: Database) -> None:
    assert database.read(PROJECT_NAMED.scalar, wanted="nobody") is None
    with pytest.raises(NoResultFound):
        database.read(PROJECT_NAMED.one, wanted="nobody")


def test_a_value_that_is_missing_or_unknown_is_refused(database: Database) -> None:
    with pytest.raises(TypeError, match=r"created_at.* missing"):
        database.write_now(lambda c: ADD_PROJECT.insert(c, ulid="U", name="n"))
    with pytest.raises(TypeError, match=r"colour.* unknown"):
        database.write_now(lambda c: ADD_PROJECT.insert(c, ulid="U", name="n", created_at=AT, colour=1))
    with pytest.raises(TypeError, match=r"wanted.* missing"):
        database.read(PROJECT_NAMED.first)


def test_errors_are_those_of_sqlalchemy(database: Database) -> None:
    def fail(connection: Connection) -> None:
        with pytest.raises(IntegrityError, match="UNIQUE"):
            _add(connection)
        with pytest.raises(IntegrityError, match="UNIQUE"):
            ADD_PROJECT.run_many(connection, [{"ulid": "P", "name": "p", "created_at": AT}])
        with pytest.raises(OperationalError, match="no such savepoint"):
            run_plain(connection, "RELEASE missing")

    database.write_now(_add)
    database.write_now(fail)


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="zone"):
        database.write_now(lambda c: ADD_PROJECT.insert(c, ulid="U", name="n", created_at=datetime(2026, 1, 1)))
