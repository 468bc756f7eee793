"""Public ids and the clock of the store."""

from datetime import UTC, datetime

from ulid import ULID


def make_ulid() -> str:
    return str(ULID())


def now() -> datetime:
    return datetime.now(UTC)
