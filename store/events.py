"""The journal: one small row per thing that happened to a chain, written in the transaction of the thing itself."""

from typing import Any

from sqlalchemy import Connection, select

from refine.types import Event
from store.ids import now, write_time
from store.statements import dump_json, run_plain
from store.tables import EVENT

_APPEND = """
INSERT INTO event (chain_id, seq, type, round, refs, at)
VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM event WHERE chain_id = ?), ?, ?, ?, ?)
"""


def record_event(connection: Connection, chain_key: int, type: str, round: int, **refs: Any) -> None:
    at = write_time(now())
    run_plain(connection, _APPEND, (chain_key, chain_key, type, round, dump_json(refs), at))


def load_events(connection: Connection, chain_key: int, *, after: int = 0) -> list[Event]:
    """Oldest first, those with a seq above `after`."""
    rows = connection.execute(
        select(EVENT.c.seq, EVENT.c.type, EVENT.c.round, EVENT.c.refs, EVENT.c.at)
        .where(EVENT.c.chain_id == chain_key, EVENT.c.seq > after)
        .order_by(EVENT.c.seq)
    )
    return [Event(seq=seq, type=type, round=round, refs=refs, at=at) for seq, type, round, refs, at in rows]
