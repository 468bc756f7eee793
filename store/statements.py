"""Statements that are run for every step of every chain: written in Core, compiled once, run on the driver itself.

Building and dispatching a Core statement anew costs many times what SQLite needs to run it. Values are bound and rows
are read by the same types as anywhere else; errors come as SQLAlchemy's.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import orjson
from sqlalchemy import Connection, Table, insert, update
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError, NoResultFound
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import ScalarElementColumnDefault


def dump_json(value: object) -> str:
    return orjson.dumps(value).decode()


_DIALECT = SQLiteDialect_pysqlite(json_serializer=dump_json, json_deserializer=orjson.loads)


def driver_of(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def run_plain(connection: Connection, sql: str, values: Sequence[Any] = ()) -> None:
    """SAVEPOINT, BEGIN and their like: text that gives no rows, with values as the driver takes them."""
    try:
        driver_of(connection).execute(sql, values)
    except sqlite3.Error as error:
        raise _as_sqlalchemys(sql, values, error) from error


def _as_sqlalchemys(sql: str, bound: Any, error: sqlite3.Error) -> BaseException:
    return DBAPIError.instance(sql, bound, error, sqlite3.Error, hide_parameters=True, dialect=_DIALECT)


class Statement:
    """A statement with `bindparam`s. `columns` are those an INSERT or UPDATE sets, bound by their names.

    Rows are named tuples. Lists for IN are not taken: they would change the SQL.
    """

    def __init__(self, statement: Any, columns: Iterable[str] = ()) -> None:
        self._statement = statement
        self._columns = list(columns) or None

    def all(self, connection: Connection, /, **values: Any) -> list[Any]:
        make = self._make_row
        return [make(row) for row in self._execute(connection, values).fetchall()]

    def first(self, connection: Connection, /, **values: Any) -> Any | None:
        cursor = self._execute(connection, values)
        row = cursor.fetchone()
        cursor.close()
        return None if row is None else self._make_row(row)

    def one(self, connection: Connection, /, **values: Any) -> Any:
        """The first row; raises NoResultFound where there is none."""
        row = self.first(connection, **values)
        if row is None:
            raise NoResultFound("No row was found when one was required")
        return row

    def scalar(self, connection: Connection, /, **values: Any) -> Any:
        """The first column of the first row; None where there is no row."""
        row = self.first(connection, **values)
        return None if row is None else row[0]

    def run(self, connection: Connection, /, **values: Any) -> int:
        """How many rows were changed."""
        return self._execute(connection, values).rowcount

    def insert(self, connection: Connection, /, **values: Any) -> int:
        """The key of the new row."""
        key = self._execute(connection, values).lastrowid
        assert key is not None
        return key

    def run_many(self, connection: Connection, rows: Iterable[Mapping[str, Any]], /) -> None:
        bound = [self._bind(values) for values in rows]
        try:
            driver_of(connection).executemany(self._sql, bound)
        except sqlite3.Error as error:
            raise _as_sqlalchemys(self._sql, bound, error) from error

    def _execute(self, connection: Connection, values: Mapping[str, Any]) -> sqlite3.Cursor:
        bound = self._bind(values)
        try:
            return driver_of(connection).execute(self._sql, bound)
        except sqlite3.Error as error:
            raise _as_sqlalchemys(self._sql, bound, error) from error

    def _bind(self, values: Mapping[str, Any]) -> list[Any]:
        if not values.keys() <= self._names:
            raise TypeError(f"the statement has no place for {sorted(values.keys() - self._names)}")
        return [
            (values[name] if process is None else process(values[name])) if name in values else self._given(name, fixed)
            for name, process, fixed in self._binds
        ]

    @staticmethod
    def _given(name: str, fixed: Any) -> Any:
        if fixed is _MISSING:
            raise TypeError(f"nothing is given for {name}")
        return fixed

    def _make_row(self, row: tuple[Any, ...]) -> Any:
        row_type, processes = self._result
        if processes:
            values = list(row)
            for index, process in processes:
                values[index] = process(values[index])
            return row_type._make(values)
        return row_type._make(row)

    # Compiled at the first use: tables are complete by then.

    @cached_property
    def _compiled(self) -> SQLCompiler:
        compiled = self._statement.compile(dialect=_DIALECT, column_keys=self._columns)
        assert isinstance(compiled, SQLCompiler) and not compiled.insert_prefetch and not compiled.update_prefetch
        return compiled

    @cached_property
    def _sql(self) -> str:
        return str(self._compiled)

    @cached_property
    def _binds(self) -> list[tuple[str, Any, Any]]:
        """Per place: the name, what makes a value fit the driver, and the value where it is part of the statement."""
        compiled = self._compiled
        processes: Mapping[str, Any] = compiled._bind_processors
        binds = []
        for name in compiled.positiontup or ():
            process, parameter = processes.get(name), compiled.binds[name]
            fixed = _MISSING
            if not parameter.required:
                fixed = parameter.effective_value if process is None else process(parameter.effective_value)
            binds.append((name, process, fixed))
        return binds

    @cached_property
    def _names(self) -> set[str]:
        return {name for name, _, _ in self._binds}

    @cached_property
    def _result(self) -> tuple[Any, list[tuple[int, Any]]]:
        columns = self._compiled._result_columns
        processes = [
            (index, process)
            for index, column in enumerate(columns)
            if (process := column.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None)) is not None
        ]
        return namedtuple("Row", [column.keyname for column in columns], rename=True), processes


_MISSING: Any = object()


def inserting(table: Table, *columns: str) -> Statement:
    """INSERT of those columns; others get their constant defaults, as they do from Core."""
    defaults = {
        column.name: column.default.arg
        for column in table.columns
        if column.name not in columns and isinstance(column.default, ScalarElementColumnDefault)
    }
    return (
        Statement(insert(table).values(defaults), (*columns, *defaults))
        if defaults
        else Statement(insert(table), columns)
    )


def updating(table: Table, *columns: str, where: Any, **expressions: Any) -> Statement:
    """UPDATE of those columns where the condition holds; its binds must not be called like one of them. Columns given
    by keyword are set to an expression."""
    changed = update(table).where(where)
    return Statement(changed.values(expressions) if expressions else changed, columns)
