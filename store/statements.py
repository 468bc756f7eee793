"""Statements that are run for every step of every chain: written in Core, compiled once, run on the driver itself.

Building and dispatching a Core statement anew costs many times what SQLite needs to run it. Values are bound and rows
are read by the same types as anywhere else; errors come as SQLAlchemy's.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from operator import itemgetter
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Table, insert, update
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError, NoResultFound
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import ScalarElementColumnDefault

F = TypeVar("F", bound=Callable[..., Any])


def dump_json(value: object) -> str:
    return orjson.dumps(value).decode()


_DIALECT = SQLiteDialect_pysqlite(json_serializer=dump_json, json_deserializer=orjson.loads)


def driver_of(connection: Connection) -> sqlite3.Connection:
    # dbapi_connection is the driver's own for SQLite, and a plain attribute: this is called for every statement
    driver: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]
    return driver


def run_plain(connection: Connection, sql: str, values: Sequence[Any] = ()) -> None:
    """SAVEPOINT, BEGIN and their like: text that gives no rows, with values as the driver takes them."""
    try:
        driver_of(connection).execute(sql, values)
    except sqlite3.Error as error:
        raise _as_sqlalchemys(sql, values, error) from error


_WITHOUT_SNAPSHOT: set[Any] = set()


def without_snapshot(function: F) -> F:
    """Marks a reading function of one SELECT, or whose others read rows that never change: no transaction is opened
    around it, which would cost more than the SELECT."""
    _WITHOUT_SNAPSHOT.add(function)
    return function


def needs_snapshot(function: object) -> bool:
    return function not in _WITHOUT_SNAPSHOT


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
        cursor = self._execute(connection, values)
        try:
            rows = cursor.fetchall()
        except sqlite3.Error as error:  # a text that is not UTF-8, a damaged page
            raise _as_sqlalchemys(self._sql, None, error) from error
        return [*self._make_rows(rows)]

    def first(self, connection: Connection, /, **values: Any) -> Any | None:
        cursor = self._execute(connection, values)
        try:
            row = cursor.fetchone()
        except sqlite3.Error as error:
            raise _as_sqlalchemys(self._sql, None, error) from error
        finally:
            cursor.close()
        return None if row is None else next(self._make_rows((row,)))

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

    def run_many(self, connection: Connection, rows: Iterable[dict[str, Any]], /) -> None:
        bound = [self._bind(dict(values)) for values in rows]
        try:
            driver_of(connection).executemany(self._sql, bound)
        except sqlite3.Error as error:
            raise _as_sqlalchemys(self._sql, bound, error) from error

    def _execute(self, connection: Connection, values: dict[str, Any]) -> sqlite3.Cursor:
        bound = self._bind(values)
        try:
            return driver_of(connection).execute(self._sql, bound)
        except sqlite3.Error as error:
            raise _as_sqlalchemys(self._sql, bound, error) from error

    def _bind(self, values: dict[str, Any]) -> Sequence[Any]:
        """The values as the driver takes them, in their places. Changes the dict."""
        names, processes, fixed, select = self._binds
        if values.keys() != names:
            raise TypeError(
                f"values for {sorted(names - values.keys())} are missing, {sorted(values.keys() - names)} unknown"
            )
        for name, process in processes:
            values[name] = process(values[name])
        if fixed:
            values |= fixed
        bound: Sequence[Any] = select(values)
        return bound

    def _make_rows(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        make, processes = self._result
        if not processes:
            return map(make, rows)
        return map(make, (self._read_row(row, processes) for row in rows))

    @staticmethod
    def _read_row(row: tuple[Any, ...], processes: list[tuple[int, Any]]) -> list[Any]:
        values = list(row)
        for index, process in processes:
            values[index] = process(values[index])
        return values

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
    def _binds(self) -> tuple[set[str], list[tuple[str, Any]], dict[str, Any], Any]:
        """The names to be given, what makes values fit the driver, the values the statement itself has, and what puts
        all in their places."""
        places = self._compiled.positiontup or ()
        types: Mapping[str, Any] = self._compiled._bind_processors
        fixed, names = {}, set()
        for name, parameter in self._compiled.binds.items():
            if parameter.required:
                names.add(name)
            else:
                value = parameter.effective_value
                fixed[name] = types[name](value) if name in types else value
        processes = [(name, types[name]) for name in names if name in types]
        if len(places) > 1:
            return names, processes, fixed, itemgetter(*places)
        return names, processes, fixed, lambda values: [values[name] for name in places]

    @cached_property
    def _result(self) -> tuple[Any, list[tuple[int, Any]]]:
        columns = self._compiled._result_columns
        processes = [
            (index, process)
            for index, column in enumerate(columns)
            if (process := column.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None)) is not None
        ]
        names = [column.keyname for column in columns]
        return partial(tuple.__new__, namedtuple("Row", names, rename=True)), processes


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
