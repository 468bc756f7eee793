"""Rounds: what is on show, who may still be asked.

Everything here may be done twice with the same effect as once; the loop relies on that after a crash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, bindparam, func, select, type_coerce
from sqlalchemy.dialects.sqlite import insert

from refine.types import (
    OpenRound,
    RoundKind,
    ShownCandidate,
)
from store.candidates import CANDIDATE_COLUMNS, StoredCandidate, candidate_of, load_files
from store.chains import StoredChain
from store.events import record_event
from store.ids import make_ulid, now
from store.places import add_places, drop_places
from store.projects import parse_settings
from store.statements import Statement, inserting, updating, without_snapshot
from store.tables import (
    ASSIGNMENT,
    CANDIDATE,
    CHAIN,
    CONTROL,
    LABELER,
    PROJECT,
    PROMPT,
    RANKING,
    ROUND,
    ROUND_CANDIDATE,
    SETTINGS_VERSION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRound:
    key: int
    id: str
    kind: RoundKind
    number: int
    state: str
    wanted: int
    received: int
    settings_key: int
    opened_at: datetime


_SELECT_ROUND = select(
    ROUND.c.id,
    ROUND.c.ulid,
    ROUND.c.kind,
    ROUND.c.number,
    ROUND.c.state,
    ROUND.c.wanted,
    ROUND.c.received,
    ROUND.c.settings_version_id,
    ROUND.c.opened_at,
)
_NEWEST_ROUND = Statement(
    _SELECT_ROUND.where(ROUND.c.chain_id == bindparam("chain_key"), ROUND.c.kind == bindparam("of_kind"))
    .order_by(ROUND.c.number.desc())
    .limit(1)
)
_INSERT_ROUND = Statement(
    insert(ROUND).on_conflict_do_nothing(index_elements=["chain_id", "kind", "number"]).returning(ROUND.c.id),
    (
        "ulid",
        "chain_id",
        "kind",
        "number",
        "state",
        "wanted",
        "received",
        "priority",
        "settings_version_id",
        "opened_at",
    ),
)
_INSERT_SHOWN = inserting(ROUND_CANDIDATE, "round_id", "candidate_id", "position", "is_incumbent")
_CLOSED_BY = Statement(
    select(ROUND.c.chain_id, ROUND.c.number, ROUND.c.kind, ROUND.c.wanted).where(
        ROUND.c.id == bindparam("key"), ROUND.c.state == "open"
    )
)
_CLOSE = updating(
    ROUND, "state", "filled_at", where=(ROUND.c.id == bindparam("key")) & (ROUND.c.state == "open"),
    wanted=ROUND.c.received,
)  # fmt: skip
_SET_STATE = updating(CHAIN, "state", where=CHAIN.c.id == bindparam("key"))
_SHOWN = Statement(
    select(*CANDIDATE_COLUMNS, ROUND_CANDIDATE.c.position, ROUND_CANDIDATE.c.is_incumbent)
    .join(ROUND_CANDIDATE, ROUND_CANDIDATE.c.candidate_id == CANDIDATE.c.id)
    .where(ROUND_CANDIDATE.c.round_id == bindparam("round_key"))
    .order_by(ROUND_CANDIDATE.c.position)
)


def _round(row: Any) -> StoredRound:
    return StoredRound(
        key=row.id,
        id=row.ulid,
        kind=row.kind,
        number=row.number,
        state=row.state,
        wanted=row.wanted,
        received=row.received,
        settings_key=row.settings_version_id,
        opened_at=row.opened_at,
    )


def open_round(
    connection: Connection,
    chain: StoredChain,
    *,
    kind: RoundKind,
    number: int,
    candidates: Sequence[int],
    incumbent: int | None,
    wanted: int,
    priority: float = 0.0,
) -> int | None:
    """Put candidates (keys, in the order of c1, c2, …) on show and let the chain wait. The round's key; None where it
    was opened before: the first time counts.

    `priority` is what a ranking of the round is worth: of rounds alike otherwise, people get the higher first.
    """
    ulid = make_ulid()
    key: int | None = _INSERT_ROUND.scalar(
        connection,
        ulid=ulid,
        chain_id=chain.key,
        kind=kind,
        number=number,
        state="open",
        wanted=wanted,
        received=0,
        priority=priority,
        settings_version_id=chain.settings_key,
        opened_at=now(),
    )
    if key is None:
        return None
    _INSERT_SHOWN.run_many(
        connection,
        [
            {"round_id": key, "candidate_id": candidate, "position": n, "is_incumbent": candidate == incumbent}
            for n, candidate in enumerate(candidates, start=1)
        ],
    )
    if chain.settings.panel == "people":
        add_places(
            connection,
            round_key=key,
            chain_key=chain.key,
            project_key=chain.project_key,
            settings=chain.settings,
            kind=kind,
            number=number,
            wanted=wanted,
            chain_priority=chain.record.priority,
            priority=priority,
        )
    _SET_STATE.run(connection, key=chain.key, state="waiting" if kind == "normal" else "audit")
    record_event(
        connection,
        chain.key,
        "round_opened",
        number,
        round_id=ulid,
        kind=kind,
        candidates=len(candidates),
        wanted=wanted,
    )
    return key


def close_round(connection: Connection, round_key: int, *, reason: str) -> bool:
    """Let an open round be full with what it has, because its outcome is sure; False where it is not open any more.
    From now on it wants no more than it has."""
    row = _CLOSED_BY.first(connection, key=round_key)
    if row is None or _CLOSE.run(connection, key=round_key, state="full", filled_at=now()) == 0:
        return False
    drop_places(connection, round_key)
    record_event(connection, row.chain_id, "round_full", row.number, kind=row.kind, reason=reason, of=row.wanted)
    return True


def find_answered(connection: Connection, project_key: int, *, after: int | None) -> tuple[int, list[str]]:
    """(newest ranking's key, chains with an open normal round that got a ranking after the one of key `after`); with
    None, all that got any."""
    newest: int = connection.execute(select(func.coalesce(func.max(RANKING.c.id), 0))).scalar_one()
    if newest == after:
        return newest, []
    query = (
        select(CHAIN.c.ulid)
        .join(ROUND, ROUND.c.chain_id == CHAIN.c.id)
        .where(
            CHAIN.c.project_id == project_key, ROUND.c.kind == "normal", ROUND.c.state == "open", ROUND.c.received > 0
        )
    )
    if after is not None:
        query = query.where(
            ROUND.c.id.in_(select(RANKING.c.round_id).where(RANKING.c.id > after, RANKING.c.id <= newest))
        )
    return newest, [*connection.execute(query).scalars()]


@without_snapshot
def newest_round(connection: Connection, chain_key: int, *, kind: RoundKind = "normal") -> StoredRound | None:
    row = _NEWEST_ROUND.first(connection, chain_key=chain_key, of_kind=kind)
    return None if row is None else _round(row)


@without_snapshot
def find_awaited_round(connection: Connection, chain: StoredChain) -> str | None:
    """The public id of the round that the chain waits for; None when it waits for none, or is paused."""
    if chain.record.state not in ("waiting", "audit") or chain.record.is_paused:
        return None
    kind: RoundKind = "audit" if chain.record.state == "audit" else "normal"
    round = newest_round(connection, chain.key, kind=kind)
    return None if round is None else round.id


def load_rounds(connection: Connection, chain_key: int) -> list[StoredRound]:
    """Oldest first, the audit round last."""
    rows = connection.execute(
        _SELECT_ROUND.where(ROUND.c.chain_id == chain_key).order_by(ROUND.c.kind == "audit", ROUND.c.number)
    )
    return [_round(row) for row in rows]


@without_snapshot
def load_shown(connection: Connection, round_key: int) -> list[tuple[StoredCandidate, int, bool]]:
    """The round's candidates with position and whether each is the incumbent, by position."""
    rows = _SHOWN.all(connection, round_key=round_key)
    return [(candidate_of(row), row.position, bool(row.is_incumbent)) for row in rows]


_FOR_PANELS = (
    select(
        ROUND.c.id,
        ROUND.c.ulid,
        ROUND.c.chain_id,
        ROUND.c.number,
        ROUND.c.kind,
        ROUND.c.wanted,
        ROUND.c.received,
        CHAIN.c.ulid.label("chain_ulid"),
        CHAIN.c.parent_chain_id,
        PROJECT.c.name.label("project"),
        PROMPT.c.key.label("prompt_key"),
        PROMPT.c.text.label("prompt"),
        type_coerce(SETTINGS_VERSION.c.settings, Text).label("settings"),
    )
    .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
    .join(PROJECT, PROJECT.c.id == CHAIN.c.project_id)
    .join(PROMPT, PROMPT.c.id == CHAIN.c.prompt_id)
    .join(SETTINGS_VERSION, SETTINGS_VERSION.c.id == ROUND.c.settings_version_id)
)


_OPEN_ROUND = Statement(
    _FOR_PANELS.where(
        ROUND.c.ulid == bindparam("round_ulid"),
        ROUND.c.state == "open",
        CHAIN.c.paused_at.is_(None),
        CHAIN.c.stop_requested_at.is_(None),
    )
)
_CONTROLS = Statement(
    select(CANDIDATE.c.id, CANDIDATE.c.ulid, CANDIDATE.c.content_sha256)
    .join(CONTROL, CONTROL.c.candidate_id == CANDIDATE.c.id)
    .where(CONTROL.c.round_id == bindparam("round_key"))
    .order_by(CONTROL.c.id)
)
_SEEN = select(LABELER.c.name).join(ASSIGNMENT, ASSIGNMENT.c.labeler_id == LABELER.c.id)
_OF_THIS_ROUND = (ASSIGNMENT.c.round_id == bindparam("round_key")) & (ASSIGNMENT.c.state != "leased")
_OF_OTHERS = ASSIGNMENT.c.round_id.in_(
    select(ROUND.c.id).where(ROUND.c.chain_id == bindparam("chain_key"), ROUND.c.kind == "normal")
)
_SEEN_ROUND = Statement(_SEEN.where(_OF_THIS_ROUND))
_SEEN_AUDIT = Statement(_SEEN.where(_OF_THIS_ROUND | _OF_OTHERS))


def load_open_round(connection: Connection, round_ulid: str) -> OpenRound | None:
    """The round as panels see it; None unless it is open and its chain neither paused nor stopping."""
    row = _OPEN_ROUND.first(connection, round_ulid=round_ulid)
    return None if row is None else _for_panels(connection, row, with_files=True)


def load_round_for_feedback(connection: Connection, round_key: int) -> OpenRound:
    """The round whatever its state, without the code of its candidates: enough to resolve their names."""
    row = connection.execute(_FOR_PANELS.where(ROUND.c.id == round_key)).one()
    return _for_panels(connection, row, with_files=False)


def _for_panels(connection: Connection, row: Any, *, with_files: bool) -> OpenRound:
    shown = tuple(
        ShownCandidate(
            id=candidate.id,
            position=position,
            given_id=candidate.given_id,
            content_sha256=candidate.content_sha256 or "",
            files=load_files(connection, candidate.key) if with_files else (),
        )
        for candidate, position, _ in load_shown(connection, row.id)
    )
    others = tuple(
        ShownCandidate(
            id=ulid,
            position=0,
            given_id=None,
            content_sha256=sha256,
            files=load_files(connection, candidate_key) if with_files else (),
        )
        for candidate_key, ulid, sha256 in _CONTROLS.all(connection, round_key=row.id)
    )
    seen = (
        _SEEN_AUDIT.all(connection, round_key=row.id, chain_key=row.chain_id)
        if row.kind == "audit"
        else (_SEEN_ROUND.all(connection, round_key=row.id))
    )
    return OpenRound(
        id=row.ulid,
        chain=row.chain_ulid,
        project=row.project,
        number=row.number,
        kind=row.kind,
        prompt_key=row.prompt_key,
        prompt=row.prompt,
        instructions=parse_settings(row.settings).instructions,
        wanted=row.wanted,
        received=row.received,
        candidates=shown,
        others=others,
        is_fork=row.parent_chain_id is not None,
        seen_by=frozenset(name for (name,) in seen),
    )
