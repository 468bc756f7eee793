"""Who gets which round: one write that finds, for a labeler, the round that a ranking of theirs does most for.

Order: audit rounds, then rounds of chains that were begun, then new chains, so that few chains are open at a time; in
each, higher project and chain priority, nearer deadline, fewer rounds to go, higher priority of the round (what the
last verdict says a ranking is worth), older. Never to a labeler who had the round before, wrote one of its pages, or,
of an audit round, ever saw the chain. A round is never given to more than it wants rankings; places come free when a
lease lapses. `store.places` keeps the rows that this reads.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import Connection, Text, bindparam, delete, select, type_coerce

from refine.errors import AccessDenied, InputError
from refine.settings import ProjectSettings
from refine.types import Assignment, Briefing, Later
from store.consent import brief
from store.feedback import add_assignment, load_on_show, names_of
from store.ids import now
from store.places import AUDIT, BEGUN, FRESH, free_place, take_place
from store.projects import parse_settings
from store.statements import Statement, driver_of, updating
from store.tables import ASSIGNMENT, CHAIN, LABELER, PROJECT, PROMPT, ROUND, SETTINGS_VERSION
from store.work_tables import CANDIDATE_AUTHOR, DRAFT, HELD, LABELER_PROJECT, QUEUE

_WINDOW = 512
"""Rounds of a phase that are looked at, at first, for one the labeler may have: bounds what a claim costs where almost
all that was begun was done by this labeler, which takes hardly more labelers than a round wants. All are looked at
before a labeler is sent away."""
_SWEEP = 32
"""Lapsed leases that a claim frees, at most."""
_SOONEST, _LATEST = timedelta(seconds=15), timedelta(minutes=10)
"""Of `Later.retry_at`, from now."""

_WHO = Statement(
    select(
        LABELER.c.id,
        LABELER.c.name,
        LABELER.c.pay_rate_usd_hour,
        LABELER.c.disabled_at,
        LABELER.c.weight,
        select(LABELER_PROJECT.c.id)
        .where(LABELER_PROJECT.c.labeler_id == LABELER.c.id)
        .limit(1)
        .scalar_subquery()
        .label("limited"),
        select(CANDIDATE_AUTHOR.c.id)
        .where(CANDIDATE_AUTHOR.c.labeler_id == LABELER.c.id)
        .limit(1)
        .scalar_subquery()
        .label("author"),
        select(HELD.c.assignment_id)
        .where(HELD.c.labeler_id == LABELER.c.id)
        .limit(1)
        .scalar_subquery()
        .label("in_hand"),
        select(HELD.c.assignment_id)
        .where(HELD.c.place_until <= bindparam("at", type_=HELD.c.place_until.type))
        .limit(1)
        .scalar_subquery()
        .label("lapsed"),
    ).where(LABELER.c.ulid == bindparam("wanted"))
)
_ROUND = (
    select(
        ROUND.c.id.label("round_key"),
        ROUND.c.ulid.label("round"),
        ROUND.c.kind,
        ROUND.c.number,
        ROUND.c.state,
        CHAIN.c.ulid.label("chain"),
        CHAIN.c.seed,
        CHAIN.c.project_id,
        PROJECT.c.name.label("project"),
        PROMPT.c.text.label("prompt"),
        type_coerce(SETTINGS_VERSION.c.settings, Text).label("settings"),
        QUEUE.c.phase,
        QUEUE.c.places,
        QUEUE.c.is_held,
    )
    .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
    .join(PROJECT, PROJECT.c.id == CHAIN.c.project_id)
    .join(PROMPT, PROMPT.c.id == CHAIN.c.prompt_id)
    .join(SETTINGS_VERSION, SETTINGS_VERSION.c.id == ROUND.c.settings_version_id)
    .outerjoin(QUEUE, QUEUE.c.round_id == ROUND.c.id)
)
_TAKEN = Statement(_ROUND.where(ROUND.c.id == bindparam("key")))
_IN_HAND = Statement(
    _ROUND.add_columns(
        HELD.c.assignment_id,
        HELD.c.place_until,
        ASSIGNMENT.c.ulid.label("assignment"),
        ASSIGNMENT.c.shown,
        ASSIGNMENT.c.state.label("work"),
        ASSIGNMENT.c.lease_expires_at,
        DRAFT.c.assignment_id.label("draft"),
    )
    .join(HELD, HELD.c.round_id == ROUND.c.id)
    .join(ASSIGNMENT, ASSIGNMENT.c.id == HELD.c.assignment_id)
    .outerjoin(DRAFT, DRAFT.c.assignment_id == HELD.c.assignment_id)
    .where(HELD.c.labeler_id == bindparam("labeler_key"))
    .order_by(HELD.c.assignment_id.desc())
)
_LAPSED = Statement(
    select(HELD.c.assignment_id, HELD.c.round_id)
    .where(HELD.c.place_until <= bindparam("at", type_=HELD.c.place_until.type))
    .order_by(HELD.c.place_until)
    .limit(_SWEEP)
)
_SET_PLACE = updating(HELD, "place_until", where=HELD.c.assignment_id == bindparam("key"))
_SET_LEASE = updating(ASSIGNMENT, "lease_expires_at", where=ASSIGNMENT.c.id == bindparam("key"))
_PUT_DOWN = Statement(delete(HELD).where(HELD.c.assignment_id == bindparam("key")))
_LIMITS = Statement(
    select(LABELER_PROJECT.c.project_id).where(LABELER_PROJECT.c.labeler_id == bindparam("labeler_key"))
)
_PROJECT_KEY = Statement(select(PROJECT.c.id).where(PROJECT.c.name == bindparam("wanted")))
_NEXT_LAPSE = Statement(
    select(HELD.c.place_until)
    .join(QUEUE, QUEUE.c.round_id == HELD.c.round_id)
    .where(
        HELD.c.place_until > bindparam("at", type_=HELD.c.place_until.type),
        ~select(ASSIGNMENT.c.id)
        .where(ASSIGNMENT.c.round_id == HELD.c.round_id, ASSIGNMENT.c.labeler_id == bindparam("labeler_key"))
        .exists(),
    )
    .order_by(HELD.c.place_until)
    .limit(1)
)
_ANY_OPEN = Statement(select(QUEUE.c.round_id).where(QUEUE.c.phase < 3).limit(1))
_IS_MAKING = """
SELECT 1 FROM project WHERE EXISTS (
    SELECT 1 FROM chain JOIN settings_version ON settings_version.id = chain.settings_version_id
    WHERE chain.project_id = project.id AND chain.state IN ('new', 'active') AND chain.paused_at IS NULL
    AND json_extract(settings_version.settings, '$.panel') = 'people'
) LIMIT 1
"""


def claim(
    connection: Connection, *, labeler: str, project: str | None = None, at: datetime | None = None
) -> Assignment | Later | Briefing:
    """Work for the labeler with this public id: what they have in hand, else the round that needs them most.

    Later when there is none for them now, also because an operator lets their rankings count for nothing; Briefing when
    they have yet to accept the terms of the project it is in
    (nothing is taken then). `project` takes work from that project only. Asking again without submitting, skipping or
    reporting gives the same. Raises AccessDenied for a labeler who is disabled or unknown, or not let into `project`.
    """
    moment = now() if at is None else at
    who = _find_worker(connection, labeler, moment)
    if who.in_hand is not None and (held := _take_up(connection, who, moment)) is not None:
        return held
    if who.lapsed is not None:
        free_lapsed(connection, moment)
    # Who counts for nothing would take the place of somebody whose ranking does.
    key = None if who.weight == 0 else _pick(connection, who, _projects_of(connection, who, project))
    if key is None:
        return _when_to_come_back(connection, who, moment)
    round = _TAKEN.one(connection, key=key)
    settings = parse_settings(round.settings)
    if settings.terms_version is not None:
        told = brief(
            connection, labeler_key=who.id, project_key=round.project_id, project=round.project, settings=settings
        )
        if not told.is_accepted:
            return told
    return _give(connection, who, round, settings, moment)


def _find_worker(connection: Connection, labeler: str, at: datetime) -> Any:
    """The labeler with this public id. Raises AccessDenied where nothing is given to or taken from them."""
    who = _WHO.first(connection, wanted=labeler, at=at)
    if who is None:
        raise AccessDenied("there is no such labeler any more")
    if who.disabled_at is not None:
        raise AccessDenied("this labeler is disabled; no work is given to or taken from them")
    return who


def _give(connection: Connection, who: Any, round: Any, settings: ProjectSettings, at: datetime) -> Assignment:
    on_show = load_on_show(connection, round.round_key)
    ulid, shown, expires_at = add_assignment(
        connection,
        round_key=round.round_key,
        labeler_key=who.id,
        on_show=on_show,
        salt=f"{round.seed}:{round.kind}:{round.number}:{who.name}",
        lease_s=settings.lease_s,
        rate=settings.pay_rate_usd_hour if who.pay_rate_usd_hour is None else who.pay_rate_usd_hour,
        is_in_hand=True,
        control_share=0.0 if round.kind == "audit" else settings.share_of_controls,
        seed=round.seed,
        at=at,
    )
    take_place(connection, round.round_key, phase=round.phase, places=round.places)
    return _assignment(who, round, settings, ulid, shown, names_of(connection, on_show, shown), expires_at)


def _assignment(
    who: Any,
    round: Any,
    settings: ProjectSettings,
    ulid: str,
    shown: Sequence[int],
    names: dict[int, str],
    expires_at: datetime,
) -> Assignment:
    return Assignment(
        id=ulid,
        round=round.round,
        chain=round.chain,
        prompt=round.prompt,
        instructions=settings.instructions,
        labeler=who.name,
        candidates=tuple(names[key] for key in shown),
        lease_expires_at=expires_at,
    )


# --- What they have in hand ---------------------------------------------------------------------------------------


def _take_up(connection: Connection, who: Any, at: datetime) -> Assignment | None:
    """The newest work in hand that is still wanted, its lease renewed where it had lapsed. What is not wanted any more
    is put down; it is taken all the same should it come in."""
    for held in _IN_HAND.all(connection, labeler_key=who.id):
        settings = parse_settings(held.settings)
        is_live = held.place_until is not None and held.place_until > at
        expires_at = held.lease_expires_at
        fate = _fate(held, is_live)
        if fate == "put_down":
            _put_down(connection, held)
            continue
        if fate == "renew":
            expires_at = at + timedelta(seconds=settings.lease_s)
            if held.place_until is None:
                take_place(connection, held.round_key, phase=held.phase, places=held.places)
            _SET_PLACE.run(connection, key=held.assignment_id, place_until=expires_at)
            _SET_LEASE.run(connection, key=held.assignment_id, lease_expires_at=expires_at)
        names = names_of(connection, load_on_show(connection, held.round_key), held.shown)
        return _assignment(who, held, settings, held.assignment, held.shown, names, expires_at)
    return None


def _fate(held: Any, is_live: bool) -> Literal["keep", "renew", "put_down"]:
    if held.is_held:
        return "put_down"  # one of its pages was reported
    if held.work == "finished":
        return "keep" if held.state == "open" else "put_down"  # reopened, which it may be while its round is open
    if held.state == "open":
        if is_live:
            return "keep"
        has_place = held.place_until is not None or (held.places is not None and held.places > 0 and held.phase < 3)
        if has_place:
            return "renew"
    # Others were quicker. Begun work is a bonus; what was not begun is not worth anybody's time.
    return "keep" if held.draft is not None and held.state != "closed" else "put_down"


def _put_down(connection: Connection, held: Any) -> None:
    if held.place_until is not None:
        free_place(connection, held.round_key)
    _PUT_DOWN.run(connection, key=held.assignment_id)


def free_lapsed(connection: Connection, at: datetime) -> int:
    """Free the places of leases that have lapsed by then, the oldest few of them; how many."""
    lapsed = _LAPSED.all(connection, at=at)
    for held in lapsed:
        free_place(connection, held.round_id)
        _SET_PLACE.run(connection, key=held.assignment_id, place_until=None)
    return len(lapsed)


# --- Choosing -----------------------------------------------------------------------------------------------------


def _projects_of(connection: Connection, who: Any, project: str | None) -> tuple[int, ...] | None:
    """Keys of the projects to look in; None: all."""
    limits = None if who.limited is None else tuple(key for (key,) in _LIMITS.all(connection, labeler_key=who.id))
    if project is None:
        return limits
    key = _PROJECT_KEY.scalar(connection, wanted=project)
    if key is None:
        raise InputError(f"there is no project {project!r}")
    if limits is not None and key not in limits:
        raise AccessDenied(f"this labeler does not work in project {project!r}")
    return (key,)


def _pick(connection: Connection, who: Any, projects: tuple[int, ...] | None) -> int | None:
    """The key of the round to give; None when there is none for this labeler."""
    execute = driver_of(connection).execute
    for window in (_WINDOW, -1):
        sql = _pick_sql(window, is_limited=projects is not None, is_author=who.author is not None)
        found = []
        for project in (None,) if projects is None else projects:
            row = execute(sql, {"labeler": who.id, "project": project}).fetchone()
            if row is not None:
                found.append(row)
        if found:
            return int(min(found)[-1])
    return None


@lru_cache
def _pick_sql(window: int, *, is_limited: bool, is_author: bool) -> str:
    """The first round, phase by phase, that the labeler may have, of the first `window` (-1: of all). SQLite runs a
    subquery with a LIMIT row by row in its order, and stops at the first row that is wanted outside."""
    order = "phase, urgency_rank, due, rounds_left, priority_rank, round_id"
    within = "project_id = :project AND " if is_limited else ""
    unseen = (
        "NOT EXISTS (SELECT 1 FROM assignment WHERE assignment.round_id = open_round.round_id"
        " AND assignment.labeler_id = :labeler)"
    )
    new_to_chain = (
        " AND NOT EXISTS (SELECT 1 FROM round AS mine JOIN round AS other ON other.chain_id = mine.chain_id"
        " JOIN assignment ON assignment.round_id = other.id AND assignment.labeler_id = :labeler"
        " WHERE mine.id = open_round.round_id)"
    )
    not_theirs = (
        " AND NOT EXISTS (SELECT 1 FROM round_candidate JOIN candidate_author"
        " ON candidate_author.candidate_id = round_candidate.candidate_id"
        " WHERE round_candidate.round_id = open_round.round_id AND candidate_author.labeler_id = :labeler)"
    )
    phases = [
        f"SELECT * FROM (SELECT {order} FROM queue WHERE {within}phase = {phase}"  # noqa: S608
        f" ORDER BY {order} LIMIT {window}) AS open_round WHERE {unseen}"
        f"{new_to_chain if phase == AUDIT else ''}{not_theirs if is_author else ''}"
        for phase in (AUDIT, BEGUN, FRESH)
    ]
    return " UNION ALL ".join(phases) + " LIMIT 1"


def _when_to_come_back(connection: Connection, who: Any, at: datetime) -> Later:
    lapse = _NEXT_LAPSE.scalar(connection, at=at, labeler_key=who.id)
    if lapse is not None:
        return Later(reason="in_others_hands", retry_at=min(max(lapse, at + _SOONEST), at + _LATEST))
    if driver_of(connection).execute(_IS_MAKING).fetchone() is not None:
        return Later(reason="being_made", retry_at=at + 2 * _SOONEST)
    is_open = _ANY_OPEN.first(connection) is not None
    return Later(reason="all_done" if is_open else "nothing", retry_at=at + _LATEST / (2 if is_open else 1))
