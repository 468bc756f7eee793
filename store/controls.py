"""Controls: copies of candidates that are worse on purpose, who met them, and what became of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select, update

from refine.artifact import content_hash
from refine.types import Files
from store.candidates import StoredCandidate, add_candidate, load_candidates
from store.ids import make_ulid, make_ulid_beside, now
from store.statements import Statement, inserting
from store.tables import ASSIGNMENT, CANDIDATE, CHAIN, CONTROL, LABELER, RANKING, ROUND
from store.work_tables import DISPUTE

FIRST_SLOT = 1000
"""Slots of controls begin here, so that they are nobody else's."""
CONTROL_SLOT = 0
"""Of the calls for a round's control in the ledger, whose steps are their own: a round has one."""

_INSERT = inserting(CONTROL, *(column.name for column in CONTROL.columns if column.name != "id"))
_OF_ROUND = Statement(
    select(CONTROL.c.id, CONTROL.c.original_id, CONTROL.c.candidate_id, CONTROL.c.operator)
    .where(CONTROL.c.round_id == bindparam("round_key"), CONTROL.c.retired_at.is_(None))
    .order_by(CONTROL.c.id)
)
_COUNT = Statement(
    select(func.count()).select_from(ASSIGNMENT).where(ASSIGNMENT.c.labeler_id == bindparam("labeler_key"))
)
_LATEST = Statement(
    select(ASSIGNMENT.c.control_id)
    .where(ASSIGNMENT.c.labeler_id == bindparam("labeler_key"))
    .order_by(ASSIGNMENT.c.id.desc())
    .limit(bindparam("count"))
)
_LABELER = Statement(select(LABELER.c.ulid).where(LABELER.c.id == bindparam("key")))
_HAS_MET = Statement(
    select(ASSIGNMENT.c.id)
    .join(CONTROL, CONTROL.c.id == ASSIGNMENT.c.control_id)
    .where(ASSIGNMENT.c.labeler_id == bindparam("labeler_key"), CONTROL.c.original_id == bindparam("original"))
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewControl:
    """A perturbation that was proven, ready to be stored with its round."""

    original: StoredCandidate
    files: Files
    operator: str
    channel: str
    severity: float
    record: Mapping[str, Any]
    call_key: int | None = None
    """The model call it was made of, the last one; None where a program made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredControl:
    """A control beside its original, as candidates."""

    original_key: int
    candidate_key: int
    operator: str
    channel: str
    severity: float
    record: Mapping[str, Any]
    is_retired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighted:
    """A labeler ranked a control and its original."""

    control_key: int
    operator: str
    severity: float
    labeler: str
    """labeler.ulid."""
    is_right: bool
    """The original came first; a tie is not right."""


def add_controls(
    connection: Connection, chain_key: int, round_key: int, number: int, controls: Sequence[NewControl]
) -> None:
    """Store them with the round that was just opened. The first time counts.

    By its id a control is as old as the candidates made for the round: older than none, younger than none.
    """
    made = load_candidates(connection, chain_key, round=number)
    for position, control in enumerate(controls):
        slot = FIRST_SLOT + position
        add_candidate(
            connection,
            chain_key,
            round=number,
            slot=slot,
            kind="control",
            files=control.files,
            content_sha256=content_hash(control.files),
            parent=control.original,
            call_key=control.call_key,
            generator=control.original.generator,
            how="control",
            ulid=make_ulid_beside(made[position % len(made)].id if made else control.original.id),
        )
        stored = [it for it in load_candidates(connection, chain_key, round=number, controls=True) if it.slot == slot]
        known = select(CONTROL.c.id).where(CONTROL.c.candidate_id == stored[0].key)
        if connection.execute(known).first() is None:
            _INSERT.run(
                connection,
                ulid=make_ulid(),
                round_id=round_key,
                original_id=control.original.key,
                candidate_id=stored[0].key,
                operator=control.operator,
                channel=control.channel,
                severity=control.severity,
                record=dict(control.record),
                retired_at=None,
                created_at=now(),
            )


def place_one(
    connection: Connection, *, round_key: int, labeler_key: int, shown: list[int], share: float, seed: int
) -> tuple[list[int], int | None]:
    """(candidate keys in the order to show, control.id) for an assignment that would show `shown`."""
    rows = _OF_ROUND.all(connection, round_key=round_key) if share and len(shown) > 2 else []
    free = [
        row for row in rows if _HAS_MET.first(connection, labeler_key=labeler_key, original=row.original_id) is None
    ]
    if not free:
        return shown, None
    from refine.perturb.placing import Control, Past, PlacingSettings, place_control

    settings = PlacingSettings(share=share)
    count: int = _COUNT.scalar(connection, labeler_key=labeler_key)
    latest = _LATEST.all(connection, labeler_key=labeler_key, count=max(count % settings.stretch, 1))
    recent = [Past(control=None if row.control_id is None else _name(row.control_id)) for row in reversed(latest)]
    placed = place_control(
        [str(key) for key in shown],
        [Control(id=_name(row.id), original=str(row.original_id)) for row in free],
        [Past()] * (count - len(recent)) + recent,
        labeler=_LABELER.scalar(connection, key=labeler_key),
        settings=settings,
        seed=seed,
    )
    if placed is None:
        return shown, None
    chosen = next(row for row in free if _name(row.id) == placed.control.id)
    order = [chosen.candidate_id if name == placed.control.id else int(name) for name in placed.order]
    return order, chosen.id


def _name(control_key: int) -> str:
    """Apart from the names of candidates, which are keys of another table."""
    return f"control {control_key}"


def load_controls(connection: Connection, chain_key: int) -> list[StoredControl]:
    """All controls of a chain, oldest first, retired ones included."""
    rows = connection.execute(
        select(CONTROL)
        .join(CANDIDATE, CANDIDATE.c.id == CONTROL.c.candidate_id)
        .where(CANDIDATE.c.chain_id == chain_key)
        .order_by(CONTROL.c.id)
    )
    return [
        StoredControl(
            original_key=row.original_id,
            candidate_key=row.candidate_id,
            operator=row.operator,
            channel=row.channel,
            severity=row.severity,
            record=row.record,
            is_retired=row.retired_at is not None,
        )
        for row in rows
    ]


def load_controls_of_rounds(connection: Connection, chain_key: int) -> dict[int, tuple[str, ...]]:
    """Round key -> public ids of the candidates that are its controls."""
    rows = connection.execute(
        select(CONTROL.c.round_id, CANDIDATE.c.ulid)
        .join(CANDIDATE, CANDIDATE.c.id == CONTROL.c.candidate_id)
        .where(CANDIDATE.c.chain_id == chain_key)
        .order_by(CONTROL.c.id)
    )
    found: dict[int, tuple[str, ...]] = {}
    for round_key, ulid in rows:
        found[round_key] = (*found.get(round_key, ()), ulid)
    return found


def load_sightings(connection: Connection, project_key: int | None = None) -> list[Sighted]:
    """Of one project, or of all but what simulated labelers made: every ranking of a control and its original, oldest
    first; copies that forks took over are not repeated, and controls of which a dispute was upheld are left out."""
    query = (
        select(
            CONTROL.c.id,
            CONTROL.c.operator,
            CONTROL.c.severity,
            CONTROL.c.original_id,
            CONTROL.c.candidate_id,
            LABELER.c.ulid,
            RANKING.c.groups,
        )
        .join(ASSIGNMENT, ASSIGNMENT.c.control_id == CONTROL.c.id)
        .join(RANKING, RANKING.c.assignment_id == ASSIGNMENT.c.id)
        .join(LABELER, LABELER.c.id == ASSIGNMENT.c.labeler_id)
        .join(ROUND, ROUND.c.id == CONTROL.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .where(or_(CHAIN.c.fork_round.is_(None), ROUND.c.number > CHAIN.c.fork_round), not_upheld(CONTROL.c.id))
        .order_by(RANKING.c.id)
    )
    in_scope = RANKING.c.made_by != "simulated" if project_key is None else CHAIN.c.project_id == project_key
    query = query.where(in_scope)
    found = []
    for key, operator, severity, original, control, labeler, groups in connection.execute(query):
        places = {candidate: place for place, group in enumerate(groups) for candidate in group}
        if original in places and control in places:
            found.append(
                Sighted(
                    control_key=key,
                    operator=operator,
                    severity=severity,
                    labeler=labeler,
                    is_right=places[original] < places[control],
                )
            )
    return found


def not_upheld(control_id: Any) -> Any:
    """A condition: no dispute of the control was upheld. One that was says that the control is not worse, so that it is
    evidence for or against nobody."""
    disputed = ASSIGNMENT.alias("disputed")
    upheld = (
        select(disputed.c.control_id)
        .join(DISPUTE, DISPUTE.c.assignment_id == disputed.c.id)
        .where(DISPUTE.c.resolution == "upheld", disputed.c.control_id.is_not(None))
    )
    return or_(control_id.is_(None), control_id.not_in(upheld))


def retire_controls(connection: Connection, keys: Sequence[int]) -> int:
    """Give them to nobody any more; how many there were."""
    result = connection.execute(
        update(CONTROL).where(CONTROL.c.id.in_(list(keys)), CONTROL.c.retired_at.is_(None)).values(retired_at=now())
    )
    return result.rowcount
