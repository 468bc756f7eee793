"""Public ids and the clock of the store."""

from datetime import UTC, datetime

from ulid import ULID


def make_ulid() -> str:
    return str(ULID())


def write_time(at: datetime) -> str:
    """As times are stored: UTC, of fixed width, ending in Z."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def now() -> datetime:
    return datetime.now(UTC)
