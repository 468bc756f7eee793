"""The kinds of columns that tables are made of."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, Dialect, String, Table, Text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from store.ids import write_time


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time as ISO text of fixed width: readable in any SQLite shell, and it sorts as time does."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored: {value!r}")
        return write_time(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


def time_column(**options: Any) -> Any:
    return Field(sa_type=UtcTime, **options)


def text_column(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


def json_column(**options: Any) -> Any:
    return Field(sa_type=JSON, **options)


def ulid_column() -> Any:
    return Field(max_length=26, unique=True)


def sha256_column(**options: Any) -> Any:
    return Field(max_length=64, **options)


def core_of(row: type[SQLModel]) -> Table:
    """The row's table for Core statements, which cost a tenth of the ORM's time per written row."""
    return cast(Table, row.__table__)  # type: ignore[attr-defined]  # SQLModel adds it at class creation
