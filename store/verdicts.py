"""Verdicts: who is the incumbent from now on.

Everything here may be done twice with the same effect as once; the loop relies on that after a crash.
"""

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.sqlite import insert

from refine.types import (
    Rating,
    Verdict,
)
from store.candidates import NAMES_OF_CHAIN
from store.chains import StoredChain
from store.events import record_event
from store.ids import now
from store.rounds import StoredRound
from store.statements import Statement, updating, without_snapshot
from store.tables import (
    CHAIN,
    ROUND,
    VERDICT,
)

_VERDICT = Statement(select(VERDICT.c.verdict).where(VERDICT.c.round_id == bindparam("round_key")))
_INSERT_VERDICT = Statement(
    insert(VERDICT).on_conflict_do_nothing(index_elements=["round_id"]),
    ("round_id", "winner_id", "incumbent_id", "verdict", "created_at"),
)
_PINNED = Statement(select(CHAIN.c.pinned_id).where(CHAIN.c.id == bindparam("key")))
_SET_JUDGED = updating(ROUND, "state", "judged_at", where=ROUND.c.id == bindparam("key"))
_SET_INCUMBENT = updating(CHAIN, "state", "incumbent_id", "pinned_id", where=CHAIN.c.id == bindparam("key"))
_WINNERS = Statement(
    select(VERDICT.c.winner_id, VERDICT.c.incumbent_id)
    .join(ROUND, ROUND.c.id == VERDICT.c.round_id)
    .where(ROUND.c.chain_id == bindparam("chain_key"), ROUND.c.kind == "normal")
    .order_by(ROUND.c.number.desc())
)


def record_verdict(connection: Connection, chain: StoredChain, round: StoredRound, verdict: Verdict) -> None:
    """Store the verdict; its winner, or the candidate a person pinned, is the incumbent from now on."""
    keys = {ulid: key for key, ulid in NAMES_OF_CHAIN.all(connection, chain_key=chain.key)}
    winner = keys[verdict.winner]
    at = now()
    is_new = _INSERT_VERDICT.run(
        connection,
        round_id=round.key,
        winner_id=winner,
        incumbent_id=keys[verdict.incumbent] if verdict.incumbent else None,
        verdict=verdict,  # orjson writes it as it is
        created_at=at,
    )
    if not is_new:
        return
    pinned = _PINNED.scalar(connection, key=chain.key)
    _SET_JUDGED.run(connection, key=round.key, state="judged", judged_at=at)
    _SET_INCUMBENT.run(
        connection,
        key=chain.key,
        state="active",
        incumbent_id=winner if pinned is None else pinned,
        pinned_id=None,
    )
    record_event(
        connection,
        chain.key,
        "verdict",
        round.number,
        winner=verdict.winner,
        incumbent=verdict.incumbent,
        rankings=verdict.rankings,
    )
    if pinned is not None:
        names = {key: ulid for ulid, key in keys.items()}
        record_event(connection, chain.key, "pin_taken", round.number, candidate=names[pinned])


@without_snapshot
def load_verdict(connection: Connection, round_key: int) -> Verdict | None:
    row = _VERDICT.first(connection, round_key=round_key)
    if row is None:
        return None
    stored = dict(row.verdict)
    stored["ratings"] = tuple(Rating(**rating) for rating in stored["ratings"])
    return Verdict(**stored)


def count_unchanged_rounds(connection: Connection, chain_key: int) -> int:
    """How many of the newest verdicts in a row left the incumbent where it was."""
    count = 0
    for winner, incumbent in _WINNERS.all(connection, chain_key=chain_key):
        if incumbent is None or winner != incumbent:
            break
        count += 1
    return count
