"""Chains: making, claiming, steering and ending them."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Select, Text, and_, bindparam, delete, func, or_, select, type_coerce, update

from refine.errors import InputError
from refine.settings import ProjectSettings
from refine.types import ChainRecord, ChainState, StopReason
from store.events import record_event
from store.ids import make_ulid, now
from store.places import drop_places_of_chain, follow_panels, refresh_places, restore_places, set_urgency
from store.projects import StoredProject, parse_settings
from store.statements import Statement, inserting, updating, without_snapshot
from store.tables import (
    CANDIDATE,
    CANDIDATE_FILE,
    CHAIN,
    CHECK,
    EDIT,
    MODEL_CALL,
    PROJECT,
    PROMPT,
    ROUND,
    SETTINGS_VERSION,
)

_PARENT = CHAIN.alias("parent_chain")
_INCUMBENT = CANDIDATE.alias("incumbent")
_PINNED = CANDIDATE.alias("pinned")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChain:
    """A chain with the keys that only the store uses, and the settings it runs under."""

    key: int
    project_key: int
    prompt_row: int
    settings_key: int
    settings: ProjectSettings
    incumbent_key: int | None
    pinned_key: int | None
    audit: str | None
    fork_round: int | None
    """Rounds up to this one are copies of its parent's; None: it is no fork."""
    record: ChainRecord


def make_seed(project_seed: int, prompt_key: str) -> int:
    """The chain's seed: the same for the same project seed and prompt, whatever else is in the file."""
    digest = hashlib.sha256(f"{project_seed}:{prompt_key}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


_INSERT = inserting(
    CHAIN,
    *("ulid", "project_id", "prompt_id", "batch_id", "settings_version_id", "kind", "state", "seed", "priority"),
    *("is_demo", "is_simulated", "created_at"),
)


def create_chain(
    connection: Connection,
    project: StoredProject,
    *,
    prompt_row: int,
    prompt_key: str,
    batch_key: int | None,
    is_demo: bool,
    priority: int = 0,
) -> int:
    settings = project.settings
    key = _INSERT.insert(
        connection,
        ulid=make_ulid(),
        project_id=project.key,
        prompt_id=prompt_row,
        batch_id=batch_key,
        settings_version_id=project.settings_key,
        kind=settings.kind,
        state="new",
        seed=make_seed(settings.seed, prompt_key),
        priority=priority,
        is_demo=is_demo,
        is_simulated=settings.is_simulated,
        created_at=now(),
    )
    record_event(connection, key, "chain_created", 0, prompt=prompt_key, settings_version=project.settings_version)
    return key


def _newest_round(*conditions: Any) -> Any:
    """Its number; by the index from its end, where there may be many rounds."""
    number = (
        select(ROUND.c.number)
        .where(ROUND.c.chain_id == CHAIN.c.id, ROUND.c.kind == "normal", *conditions)
        .order_by(ROUND.c.number.desc())
        .limit(1)
        .correlate(CHAIN)
        .scalar_subquery()
    )
    return func.coalesce(number, 0)


_SELECT = (
    select(
        CHAIN.c.id,
        CHAIN.c.ulid,
        CHAIN.c.project_id,
        CHAIN.c.prompt_id,
        CHAIN.c.settings_version_id,
        CHAIN.c.kind,
        CHAIN.c.state,
        CHAIN.c.stop_reason,
        CHAIN.c.seed,
        CHAIN.c.priority,
        CHAIN.c.incumbent_id,
        CHAIN.c.pinned_id,
        CHAIN.c.paused_at,
        CHAIN.c.stop_requested_at,
        CHAIN.c.is_demo,
        CHAIN.c.is_simulated,
        CHAIN.c.audit,
        CHAIN.c.error,
        CHAIN.c.created_at,
        CHAIN.c.ended_at,
        CHAIN.c.fork_round,
        PROJECT.c.name.label("project_name"),
        PROMPT.c.key.label("prompt_key"),
        PROMPT.c.text.label("prompt_text"),
        SETTINGS_VERSION.c.version.label("settings_version"),
        type_coerce(SETTINGS_VERSION.c.settings, Text).label("settings"),
        _INCUMBENT.c.ulid.label("incumbent_ulid"),
        _PINNED.c.ulid.label("pinned_ulid"),
        _PARENT.c.ulid.label("parent_ulid"),
        _newest_round().label("round_number"),
        _newest_round(ROUND.c.state == "judged").label("rounds_judged"),
    )
    .join(PROJECT, PROJECT.c.id == CHAIN.c.project_id)
    .join(PROMPT, PROMPT.c.id == CHAIN.c.prompt_id)
    .join(SETTINGS_VERSION, SETTINGS_VERSION.c.id == CHAIN.c.settings_version_id)
    .outerjoin(_INCUMBENT, _INCUMBENT.c.id == CHAIN.c.incumbent_id)
    .outerjoin(_PINNED, _PINNED.c.id == CHAIN.c.pinned_id)
    .outerjoin(_PARENT, _PARENT.c.id == CHAIN.c.parent_chain_id)
)


def _from_row(row: Any) -> StoredChain:
    record = ChainRecord(
        id=row.ulid,
        project=row.project_name,
        prompt_key=row.prompt_key,
        prompt=row.prompt_text,
        kind=row.kind,
        state=row.state,
        stop_reason=row.stop_reason,
        round=row.round_number,
        rounds_judged=row.rounds_judged,
        seed=row.seed,
        priority=row.priority,
        settings_version=row.settings_version,
        incumbent=row.incumbent_ulid,
        pinned=row.pinned_ulid,
        is_paused=row.paused_at is not None,
        stop_requested=row.stop_requested_at is not None,
        is_demo=bool(row.is_demo),
        is_simulated=bool(row.is_simulated),
        error=row.error,
        parent_chain=row.parent_ulid,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
    return StoredChain(
        key=row.id,
        project_key=row.project_id,
        prompt_row=row.prompt_id,
        settings_key=row.settings_version_id,
        settings=parse_settings(row.settings),
        incumbent_key=row.incumbent_id,
        pinned_key=row.pinned_id,
        audit=row.audit,
        fork_round=row.fork_round,
        record=record,
    )


_BY_ULID = Statement(_SELECT.where(CHAIN.c.ulid == bindparam("ulid")))


@without_snapshot
def load_chain(connection: Connection, ulid: str) -> StoredChain:
    """Raises InputError when there is none. A unique beginning or end of 6 characters or more will do; chains ordered
    together share their beginning.
    """
    row = _BY_ULID.first(connection, ulid=ulid)
    if row is None and 6 <= len(ulid) < 26 and ulid.isalnum():
        part = ulid.upper()
        is_meant = or_(CHAIN.c.ulid.startswith(part), CHAIN.c.ulid.endswith(part))
        rows = connection.execute(_SELECT.where(is_meant).limit(2)).all()
        if len(rows) > 1:
            raise InputError(f"chain id {ulid!r} is the beginning or end of several; give more of it")
        row = rows[0] if rows else None
    if row is None:
        raise InputError(f"no chain {ulid!r} in this database; `refine chain list` shows them")
    return _from_row(row)


def load_chain_by_key(connection: Connection, key: int) -> StoredChain:
    return _from_row(connection.execute(_SELECT.where(CHAIN.c.id == key)).one())


def list_chains(
    connection: Connection,
    *,
    project: str | None = None,
    state: ChainState | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[StoredChain]:
    """Newest first, a keyset page: those with an id below `before`."""
    query: Select[Any] = _SELECT.order_by(CHAIN.c.ulid.desc()).limit(limit)
    if project is not None:
        query = query.where(PROJECT.c.name == project)
    if state is not None:
        query = query.where(CHAIN.c.state == state)
    if before is not None:
        query = query.where(CHAIN.c.ulid < before)
    return [_from_row(row) for row in connection.execute(query)]


def page_project(connection: Connection, project_key: int, *, after: int = 0, limit: int = 500) -> list[StoredChain]:
    """The project's chains in the order ordered, a keyset page: those with a key above `after`."""
    query = _SELECT.where(CHAIN.c.project_id == project_key, CHAIN.c.id > after).order_by(CHAIN.c.id).limit(limit)
    return [_from_row(row) for row in connection.execute(query)]


def chains_of_prompts(connection: Connection, prompt_rows: Collection[int]) -> dict[int, int]:
    """Prompt row -> key of its chain, forks left out."""
    wanted = list(prompt_rows)
    found: dict[int, int] = {}
    for start in range(0, len(wanted), 500):
        rows = connection.execute(
            select(CHAIN.c.prompt_id, CHAIN.c.id).where(
                CHAIN.c.prompt_id.in_(wanted[start : start + 500]), CHAIN.c.parent_chain_id.is_(None)
            )
        )
        found.update((prompt_row, key) for prompt_row, key in rows)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    id: str
    settings_key: int
    priority: int
    is_open: bool
    """Its round wants rankings: nothing else can be done for it."""


@without_snapshot
def list_unfinished(connection: Connection, project_key: int) -> list[Unfinished]:
    """The project's chains that have not ended and are not paused, in the order to run them: higher priority first,
    then those begun before those not begun, then as ordered."""
    is_open = (
        select(ROUND.c.id).where(ROUND.c.chain_id == CHAIN.c.id, ROUND.c.state == "open").correlate(CHAIN).exists()
    )
    rows = connection.execute(
        select(
            CHAIN.c.ulid,
            CHAIN.c.settings_version_id,
            CHAIN.c.priority,
            CHAIN.c.state.in_(("waiting", "audit")) & is_open,
        )
        .where(CHAIN.c.project_id == project_key, CHAIN.c.state != "ended", CHAIN.c.paused_at.is_(None))
        .order_by(CHAIN.c.priority.desc(), (CHAIN.c.state == "new"), CHAIN.c.id)
    )
    return [
        Unfinished(id=ulid, settings_key=key, priority=priority, is_open=bool(is_open))
        for ulid, key, priority, is_open in rows
    ]


@without_snapshot
def find_ready(connection: Connection, project_key: int) -> list[tuple[str, int]]:
    """(ulid, priority) of chains that wait and need not any longer: their round is full, or they are to stop; and of
    those in the middle of things that nobody runs, such as a fork made by another process."""
    is_full = (
        select(ROUND.c.id).where(ROUND.c.chain_id == CHAIN.c.id, ROUND.c.state == "full").correlate(CHAIN).exists()
    )
    is_needless = CHAIN.c.state.in_(("waiting", "audit")) & or_(is_full, CHAIN.c.stop_requested_at.is_not(None))
    rows = connection.execute(
        select(CHAIN.c.ulid, CHAIN.c.priority)
        .where(
            CHAIN.c.project_id == project_key,
            CHAIN.c.paused_at.is_(None),
            or_(is_needless, (CHAIN.c.state == "active") & CHAIN.c.owner_id.is_(None)),
        )
        .order_by(CHAIN.c.priority.desc(), CHAIN.c.id)
    )
    return [(ulid, priority) for ulid, priority in rows]


@without_snapshot
def count_states(connection: Connection, project_key: int) -> dict[str, int]:
    """Chains by state; paused ones under `paused`, failed ones under `failed`."""
    rows = connection.execute(
        select(CHAIN.c.state, CHAIN.c.stop_reason == "failed", CHAIN.c.paused_at.is_not(None), func.count())
        .where(CHAIN.c.project_id == project_key)
        .group_by(CHAIN.c.state, CHAIN.c.stop_reason == "failed", CHAIN.c.paused_at.is_not(None))
    )
    counts: dict[str, int] = {}
    for state, is_failed, is_paused, count in rows:
        name = "paused" if is_paused and state != "ended" else "failed" if is_failed and state == "ended" else state
        counts[name] = counts.get(name, 0) + count
    return counts


# --- Who runs it --------------------------------------------------------------------------------------------------


_CLAIM = updating(
    CHAIN,
    "owner_id",
    started_at=func.coalesce(CHAIN.c.started_at, bindparam("at", type_=CHAIN.c.started_at.type)),
    where=and_(
        CHAIN.c.ulid == bindparam("wanted"),
        CHAIN.c.state != "ended",
        CHAIN.c.paused_at.is_(None),
        or_(CHAIN.c.owner_id.is_(None), CHAIN.c.owner_id == bindparam("owner_key")),
    ),
)
_RELEASE = updating(
    CHAIN,
    "owner_id",
    where=and_(CHAIN.c.ulid == bindparam("wanted"), CHAIN.c.owner_id == bindparam("owner_key")),
)
_SET_STATE = updating(CHAIN, "state", where=and_(CHAIN.c.id == bindparam("key"), CHAIN.c.state != "ended"))


_STOP = updating(
    CHAIN,
    *("state", "stop_reason", "error", "audit", "ended_at"),
    where=and_(CHAIN.c.id == bindparam("key"), CHAIN.c.stop_reason.is_(None)),
)
_CLOSE_ROUNDS = updating(
    ROUND,
    *("state", "judged_at"),
    where=and_(
        ROUND.c.chain_id == bindparam("chain_key"),
        ROUND.c.kind == bindparam("of_kind"),
        or_(ROUND.c.state == "open", ROUND.c.state == "full"),
    ),
)
_END_AUDIT = updating(
    CHAIN, "state", "audit", "ended_at", where=and_(CHAIN.c.id == bindparam("key"), CHAIN.c.state == "audit")
)


def claim_chain(connection: Connection, ulid: str, owner_key: int, *, dead: Collection[int] = ()) -> bool:
    """Make the chain this owner's, if it is free, its own already, or a dead owner's."""
    if not dead:
        return _CLAIM.run(connection, wanted=ulid, owner_id=owner_key, owner_key=owner_key, at=now()) == 1
    takeable = or_(CHAIN.c.owner_id.is_(None), CHAIN.c.owner_id == owner_key, CHAIN.c.owner_id.in_(list(dead)))
    result = connection.execute(
        update(CHAIN)
        .where(CHAIN.c.ulid == ulid, CHAIN.c.state != "ended", CHAIN.c.paused_at.is_(None), takeable)
        .values(owner_id=owner_key, started_at=func.coalesce(CHAIN.c.started_at, now()))
    )
    return result.rowcount == 1


def release_chain(connection: Connection, ulid: str, owner_key: int) -> None:
    _RELEASE.run(connection, wanted=ulid, owner_id=None, owner_key=owner_key)


def owner_of(connection: Connection, ulid: str) -> int | None:
    return cast(int | None, connection.execute(select(CHAIN.c.owner_id).where(CHAIN.c.ulid == ulid)).scalar_one())


# --- Where it stands ----------------------------------------------------------------------------------------------


def set_state(connection: Connection, chain_key: int, state: ChainState) -> None:
    _SET_STATE.run(connection, key=chain_key, state=state)


def end_chain(
    connection: Connection,
    chain_key: int,
    *,
    reason: StopReason,
    round: int,
    error: str | None = None,
    audit: str | None = None,
    state: ChainState = "ended",
) -> None:
    """Give the chain its stop reason. With `state="audit"` it goes on to its audit round and ends after it.

    Rounds still open are closed without a verdict. A second call changes nothing.
    """
    is_first = _STOP.run(
        connection,
        key=chain_key,
        state=state,
        stop_reason=reason,
        error=error,
        audit=audit,
        ended_at=now() if state == "ended" else None,
    )
    if not is_first:
        return
    _CLOSE_ROUNDS.run(connection, chain_key=chain_key, of_kind="normal", state="closed", judged_at=None)
    drop_places_of_chain(connection, chain_key, "normal")
    refs: dict[str, Any] = {"reason": reason}
    if error is not None:
        refs["error"] = error
    record_event(connection, chain_key, "chain_stopped", round, **refs)


def finish_audit(connection: Connection, chain_key: int, *, round: int) -> None:
    """The chain's audit round has what it needs (or was given up): the chain ends."""
    at = now()
    _CLOSE_ROUNDS.run(connection, chain_key=chain_key, of_kind="audit", state="judged", judged_at=at)
    drop_places_of_chain(connection, chain_key, "audit")
    if _END_AUDIT.run(connection, key=chain_key, state="ended", audit="done", ended_at=at):
        record_event(connection, chain_key, "audit_done", round)


def retry_failed(connection: Connection, project: StoredProject) -> int:
    """Reopen the project's failed chains where they failed; how many there were. See `reopen_chains`."""
    return reopen_chains(connection, project, "failed")


def reopen_chains(connection: Connection, project: StoredProject, reason: StopReason) -> int:
    """Reopen the project's chains that ended for this reason, where they ended; how many there were.

    Slots of their newest round for which no candidate could be made are free again, and are asked for anew: what was
    answered for them, and what it cost, stays in the ledger as superseded. Pages that came with the prompt are checked
    again. A round that was closed under the chain wants its rankings, or its verdict, as before. All go on under the
    project's newest settings.
    """
    rows = connection.execute(
        select(CHAIN.c.id).where(
            CHAIN.c.project_id == project.key, CHAIN.c.state == "ended", CHAIN.c.stop_reason == reason
        )
    ).scalars()
    keys = list(rows)
    for key in keys:
        _free_failed_slots(connection, key)
        reopened = _reopen_closed_round(connection, key)
        connection.execute(
            update(CHAIN)
            .where(CHAIN.c.id == key)
            .values(
                state="waiting" if reopened else "active",
                stop_reason=None,
                error=None,
                ended_at=None,
                stop_requested_at=None,
                owner_id=None,
            )
        )
        restore_places(connection, key)
        record_event(connection, key, "chain_retried", 0)
    move_to_settings(connection, project)
    return len(keys)


def _free_failed_slots(connection: Connection, chain_key: int) -> None:
    newest = select(func.max(CANDIDATE.c.round)).where(CANDIDATE.c.chain_id == chain_key).scalar_subquery()
    rows = connection.execute(
        select(CANDIDATE.c.id, CANDIDATE.c.round, CANDIDATE.c.slot, CANDIDATE.c.kind).where(
            CANDIDATE.c.chain_id == chain_key, CANDIDATE.c.round == newest, CANDIDATE.c.state == "failed"
        )
    ).all()
    keys = [row.id for row in rows]
    connection.execute(delete(CHECK).where(CHECK.c.candidate_id.in_(keys)))
    given = [row.id for row in rows if row.kind == "given"]
    connection.execute(update(CANDIDATE).where(CANDIDATE.c.id.in_(given)).values(state="ok", reason=None))
    made = [row.id for row in rows if row.kind != "given"]
    connection.execute(delete(EDIT).where(EDIT.c.candidate_id.in_(made)))
    connection.execute(delete(CANDIDATE_FILE).where(CANDIDATE_FILE.c.candidate_id.in_(made)))
    connection.execute(delete(CANDIDATE).where(CANDIDATE.c.id.in_(made)))
    for row in rows:
        connection.execute(
            update(MODEL_CALL)
            .where(
                MODEL_CALL.c.chain_id == chain_key,
                MODEL_CALL.c.round == row.round,
                MODEL_CALL.c.slot == row.slot,
                MODEL_CALL.c.step.in_(("draft", "revise")),
                MODEL_CALL.c.state == "ok",
            )
            .values(state="superseded")
        )


def _reopen_closed_round(connection: Connection, chain_key: int) -> bool:
    """A chain that failed while its round was open or full had it closed; it goes on from there."""
    row = connection.execute(
        select(ROUND.c.id, ROUND.c.state, ROUND.c.wanted, ROUND.c.received)
        .where(ROUND.c.chain_id == chain_key, ROUND.c.kind == "normal")
        .order_by(ROUND.c.number.desc())
        .limit(1)
    ).first()
    if row is None or row.state != "closed":
        return False
    state = "full" if row.received >= row.wanted else "open"
    connection.execute(update(ROUND).where(ROUND.c.id == row.id).values(state=state))
    return True


def move_to_settings(connection: Connection, project: StoredProject) -> int:
    """Put the project's unended chains under its newest settings (rounds keep the version they were opened under)."""
    own = select(SETTINGS_VERSION.c.id).where(
        SETTINGS_VERSION.c.project_id == project.key, SETTINGS_VERSION.c.scope == "project"
    )
    result = connection.execute(
        update(CHAIN)
        .where(
            and_(
                CHAIN.c.project_id == project.key,
                CHAIN.c.state != "ended",
                CHAIN.c.settings_version_id.in_(own),
                CHAIN.c.settings_version_id != project.settings_key,
            )
        )
        .values(
            settings_version_id=project.settings_key,
            kind=project.settings.kind,
            # Once a stand-in has had a part in a chain, it is marked for good.
            **({"is_demo": True} if project.settings.is_demo else {}),
            **({"is_simulated": True} if project.settings.is_simulated else {}),
        )
    )
    follow_panels(connection, project.key)
    return result.rowcount


# --- Steering -----------------------------------------------------------------------------------------------------


def pause_chain(connection: Connection, chain: StoredChain) -> None:
    """No new step and no new assignment from now on. A chain in the middle of a step finishes it first."""
    _refuse_ended(chain)
    connection.execute(
        update(CHAIN).where(CHAIN.c.id == chain.key, CHAIN.c.paused_at.is_(None)).values(paused_at=now())
    )
    refresh_places(connection, chain.key)
    record_event(connection, chain.key, "chain_paused", chain.record.round)


def resume_chain(connection: Connection, chain: StoredChain) -> None:
    _refuse_ended(chain)
    connection.execute(update(CHAIN).where(CHAIN.c.id == chain.key).values(paused_at=None))
    refresh_places(connection, chain.key)
    record_event(connection, chain.key, "chain_resumed", chain.record.round)


def stop_chain(connection: Connection, chain: StoredChain, *, dead: Sequence[int] = ()) -> bool:
    """Stop the chain: at once when nobody runs it (True), else at its next step."""
    _refuse_ended(chain)
    connection.execute(update(CHAIN).where(CHAIN.c.id == chain.key).values(stop_requested_at=now()))
    refresh_places(connection, chain.key)
    owner = owner_of(connection, chain.record.id)
    if owner is not None and owner not in dead:
        record_event(connection, chain.key, "stop_requested", chain.record.round)
        return False
    if chain.record.state == "audit":
        finish_audit(connection, chain.key, round=chain.record.round)
    else:
        end_chain(connection, chain.key, reason="stopped", round=chain.record.round)
    connection.execute(update(CHAIN).where(CHAIN.c.id == chain.key).values(owner_id=None))
    return True


def set_priority(connection: Connection, chain: StoredChain, priority: int) -> None:
    """Chains of higher priority are run, and shown to labelers, first."""
    connection.execute(update(CHAIN).where(CHAIN.c.id == chain.key).values(priority=priority))
    set_urgency(connection, chain_key=chain.key)
    record_event(connection, chain.key, "chain_prioritised", chain.record.round, priority=priority)


def pin_candidate(connection: Connection, chain: StoredChain, candidate: str) -> None:
    """Make this candidate the incumbent at the next verdict. Raises InputError for one that is not this chain's."""
    _refuse_ended(chain)
    row = connection.execute(
        select(CANDIDATE.c.id, CANDIDATE.c.state, CANDIDATE.c.kind).where(
            CANDIDATE.c.ulid == candidate, CANDIDATE.c.chain_id == chain.key
        )
    ).first()
    if row is not None and row.kind == "control":
        raise InputError(f"candidate {candidate!r} is a control: a copy made worse on purpose; pin its original")
    if row is None:
        raise InputError(f"candidate {candidate!r} is not one of chain {chain.record.id}")
    if row.state != "ok":
        raise InputError(f"candidate {candidate!r} failed its checks and cannot be the incumbent")
    connection.execute(update(CHAIN).where(CHAIN.c.id == chain.key).values(pinned_id=row.id))
    record_event(connection, chain.key, "candidate_pinned", chain.record.round, candidate=candidate)


def _refuse_ended(chain: StoredChain) -> None:
    if chain.record.state == "ended":
        raise InputError(
            f"chain {chain.record.id} has ended ({chain.record.stop_reason}); fork it to go on from a round"
        )
