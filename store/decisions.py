"""What operators decided about labelers, and why: the rows that say so are only ever added."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, select, update

from refine.errors import InputError
from store.ids import make_ulid, now
from store.labelers import disable_labeler, enable_labeler
from store.statements import Statement, inserting, without_snapshot
from store.tables import LABELER
from store.work_tables import LABELER_DECISION

NO_REASON = "(none given)"
Action = Literal["disable", "enable", "weigh"]

_INSERT = inserting(LABELER_DECISION, "ulid", "labeler_id", "action", "weight", "reason", "created_at")
_NEWEST_WEIGHING = Statement(select(func.max(LABELER_DECISION.c.id)).where(LABELER_DECISION.c.action == "weigh"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    id: str
    labeler: str
    """Public id."""
    action: Action
    weight: float | None
    """Of `weigh`: 0 takes their rankings out of account; None lets the engine find what they count for."""
    reason: str
    created_at: datetime


def weigh_labeler(connection: Connection, labeler: str, weight: float | None, *, reason: str) -> None:
    """What rankings of the labeler (a name) count for, from now on, those they have made included."""
    key = _find(connection, labeler)
    connection.execute(update(LABELER).where(LABELER.c.id == key).values(weight=weight))
    _record(connection, key, "weigh", reason, weight)


def shut_out(connection: Connection, labeler: str, *, reason: str) -> None:
    """`disable_labeler`, with its reason on record."""
    disable_labeler(connection, labeler)
    _record(connection, _find(connection, labeler), "disable", reason)


def let_in(connection: Connection, labeler: str, *, reason: str) -> None:
    """`enable_labeler`, with its reason on record."""
    enable_labeler(connection, labeler)
    _record(connection, _find(connection, labeler), "enable", reason)


def list_decisions(connection: Connection, labeler_id: str | None = None) -> list[Decision]:
    """The oldest first; of one labeler (a public id) or of all."""
    query = select(LABELER_DECISION, LABELER.c.ulid.label("labeler")).join(
        LABELER, LABELER.c.id == LABELER_DECISION.c.labeler_id
    )
    if labeler_id is not None:
        query = query.where(LABELER.c.ulid == labeler_id)
    return [
        Decision(
            id=row.ulid,
            labeler=row.labeler,
            action=row.action,
            weight=row.weight,
            reason=row.reason,
            created_at=row.created_at,
        )
        for row in connection.execute(query.order_by(LABELER_DECISION.c.id))
    ]


@without_snapshot
def newest_weighing(connection: Connection) -> int:
    """Another number after each decision on what somebody's rankings count for; 0 before the first."""
    return _NEWEST_WEIGHING.scalar(connection) or 0


def load_weight(connection: Connection, labeler: str) -> tuple[str, float | None]:
    """(public id, weight) of the labeler (a name). Raises InputError for an unknown one."""
    row = connection.execute(select(LABELER.c.ulid, LABELER.c.weight).where(LABELER.c.name == labeler)).first()
    if row is None:
        raise InputError(f"there is no labeler {labeler!r}; `refine labeler list` shows them")
    return row.ulid, row.weight


def _find(connection: Connection, labeler: str) -> int:
    key = connection.execute(select(LABELER.c.id).where(LABELER.c.name == labeler)).scalar_one_or_none()
    if key is None:
        raise InputError(f"there is no labeler {labeler!r}; `refine labeler list` shows them")
    return int(key)


def _record(connection: Connection, key: int, action: Action, reason: str, weight: float | None = None) -> None:
    _INSERT.insert(
        connection,
        ulid=make_ulid(),
        labeler_id=key,
        action=action,
        weight=weight,
        reason=reason,
        created_at=now(),
    )
