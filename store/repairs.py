"""Pages that checks found broken, and were given back to the model to mend."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.sqlite import insert

from refine.types import Finding
from store.events import record_event
from store.ids import now
from store.statements import Statement, without_snapshot
from store.tables import REPAIR

_INSERT = Statement(
    insert(REPAIR).on_conflict_do_nothing(index_elements=["chain_id", "round", "slot", "attempt"]),
    [column.name for column in REPAIR.columns if column.name != "id"],
)
_OF_SLOT = Statement(
    select(REPAIR.c.findings)
    .where(
        REPAIR.c.chain_id == bindparam("chain_key"),
        REPAIR.c.round == bindparam("of_round"),
        REPAIR.c.slot == bindparam("of_slot"),
    )
    .order_by(REPAIR.c.attempt)
)


def record_repair(
    connection: Connection,
    chain_key: int,
    *,
    round: int,
    slot: int,
    attempt: int,
    content_sha256: str,
    findings: Sequence[Finding],
) -> None:
    """What is to be mended, before the model is asked. The first time counts."""
    broken = [[finding.name, finding.detail] for finding in findings if not finding.passed]
    is_new = _INSERT.run(
        connection,
        chain_id=chain_key,
        round=round,
        slot=slot,
        attempt=attempt,
        content_sha256=content_sha256,
        findings=broken,
        created_at=now(),
    )
    if is_new:
        names = [name for name, _ in broken]
        record_event(connection, chain_key, "repair_asked", round, slot=slot, attempt=attempt, checks=names)


@without_snapshot
def load_repairs(connection: Connection, chain_key: int, round: int, slot: int) -> list[tuple[Finding, ...]]:
    """What was found, attempt by attempt."""
    rows = _OF_SLOT.all(connection, chain_key=chain_key, of_round=round, of_slot=slot)
    return [tuple(Finding(name=name, passed=False, detail=detail) for name, detail in row.findings) for row in rows]
