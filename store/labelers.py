"""Labelers and how they get in: keys, links, sessions, the projects they may see.

A key is 256 random bits and lasts; a link's code opens one session, once, within 15 minutes; a session is a browser.
All are stored as SHA-256, so a lookup is by hash and tells nothing of the secret by its time. A secret is returned to
whoever asked for it, once, and stands nowhere else: not in events, exports or messages.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from refine.errors import AccessDenied, InputError
from refine.types import MadeBy
from store.ids import make_ulid, now
from store.places import free_place
from store.statements import Statement, inserting, updating, without_snapshot
from store.tables import ASSIGNMENT, LABELER, PROJECT
from store.work_tables import HELD, LABELER_KEY, LABELER_LINK, LABELER_PROJECT, LABELER_SESSION

LINK_LIFETIME = timedelta(minutes=15)
SESSION_LIFETIME = timedelta(days=30)
_SEEN_EVERY = timedelta(minutes=1)
"""`last_seen_at` is written no more often."""
_DENIED = "this link or key opens nothing any more; ask for a new link"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLabeler:
    key: int
    id: str
    name: str
    kind: MadeBy
    pay_rate_usd_hour: float | None
    projects: tuple[str, ...]
    """Names of those they are limited to; empty: all."""
    finished: int
    has_key: bool
    sessions: int
    """Open ones."""
    last_seen_at: datetime | None
    disabled_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLabeler:
    id: str
    name: str
    secret: str = field(repr=False)
    """Their key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    code: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    token: str = field(repr=False)
    labeler: str
    """Public id."""
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelerSession:
    """Who is at the other end."""

    id: str
    """The session's public id."""
    labeler: str
    name: str
    expires_at: datetime
    is_seen: bool
    """They were seen within the last minute; else `record_seen` is due."""


_INSERT_LABELER = inserting(LABELER, "ulid", "name", "kind", "pay_rate_usd_hour", "created_at")
_INSERT_KEY = inserting(LABELER_KEY, "labeler_id", "sha256", "created_at")
_INSERT_LINK = inserting(LABELER_LINK, "labeler_id", "sha256", "created_at", "expires_at")
_INSERT_SESSION = inserting(LABELER_SESSION, "ulid", "labeler_id", "sha256", "created_at", "expires_at")
_LINK = Statement(
    select(LABELER_LINK.c.id, LABELER_LINK.c.labeler_id, LABELER.c.ulid, LABELER.c.name)
    .join(LABELER, LABELER.c.id == LABELER_LINK.c.labeler_id)
    .where(
        LABELER_LINK.c.sha256 == bindparam("wanted"),
        LABELER_LINK.c.used_at.is_(None),
        LABELER_LINK.c.expires_at > bindparam("at", type_=LABELER_LINK.c.expires_at.type),
        LABELER.c.disabled_at.is_(None),
    )
)
_USE_LINK = updating(LABELER_LINK, "used_at", where=LABELER_LINK.c.id == bindparam("key"))
_KEY = Statement(
    select(LABELER.c.id, LABELER.c.ulid, LABELER.c.name)
    .join(LABELER_KEY, LABELER_KEY.c.labeler_id == LABELER.c.id)
    .where(
        LABELER_KEY.c.sha256 == bindparam("wanted"),
        LABELER_KEY.c.revoked_at.is_(None),
        LABELER.c.disabled_at.is_(None),
    )
)
_SESSION = Statement(
    select(
        LABELER_SESSION.c.ulid.label("session"),
        LABELER_SESSION.c.expires_at,
        LABELER.c.ulid,
        LABELER.c.name,
        LABELER.c.last_seen_at,
    )
    .join(LABELER, LABELER.c.id == LABELER_SESSION.c.labeler_id)
    .where(
        LABELER_SESSION.c.sha256 == bindparam("wanted"),
        LABELER_SESSION.c.revoked_at.is_(None),
        LABELER_SESSION.c.expires_at > bindparam("at", type_=LABELER_SESSION.c.expires_at.type),
        LABELER.c.disabled_at.is_(None),
    )
)
_SEEN = updating(LABELER, "last_seen_at", where=LABELER.c.ulid == bindparam("wanted"))


def _make_secret() -> str:
    return secrets.token_urlsafe(32)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


# --- Labelers -----------------------------------------------------------------------------------------------------


def add_labeler(
    connection: Connection,
    name: str,
    *,
    projects: Sequence[str] = (),
    pay_rate_usd_hour: float | None = None,
    kind: MadeBy = "person",
) -> NewLabeler:
    """A new labeler with a key. `projects` limits them to these; none given: all. Raises InputError for a name that is
    taken or a project that is not there."""
    if connection.execute(select(LABELER.c.id).where(LABELER.c.name == name)).first() is not None:
        raise InputError(f"there is a labeler {name!r} already; `refine labeler link` lets them in")
    ulid, at = make_ulid(), now()
    key = _INSERT_LABELER.insert(
        connection, ulid=ulid, name=name, kind=kind, pay_rate_usd_hour=pay_rate_usd_hour, created_at=at
    )
    _set_projects(connection, key, projects)
    return NewLabeler(id=ulid, name=name, secret=_add_key(connection, key))


def limit_labeler(connection: Connection, labeler: str, projects: Sequence[str]) -> None:
    """Limit the labeler (a name) to these projects from now on; with none, to none of them: they may work in all."""
    key = _find(connection, labeler).id
    connection.execute(delete(LABELER_PROJECT).where(LABELER_PROJECT.c.labeler_id == key))
    _set_projects(connection, key, projects)


def _set_projects(connection: Connection, key: int, projects: Sequence[str]) -> None:
    for name in dict.fromkeys(projects):
        project = connection.execute(select(PROJECT.c.id).where(PROJECT.c.name == name)).scalar_one_or_none()
        if project is None:
            raise InputError(f"there is no project {name!r}; `refine project list` shows them")
        connection.execute(LABELER_PROJECT.insert().values(labeler_id=key, project_id=project))


def _find(connection: Connection, name: str) -> Any:
    row = connection.execute(
        select(LABELER.c.id, LABELER.c.ulid, LABELER.c.name, LABELER.c.disabled_at, LABELER.c.erased_at).where(
            LABELER.c.name == name
        )
    ).first()
    if row is None:
        raise InputError(f"there is no labeler {name!r}; `refine labeler list` shows them")
    return row


def list_labelers(connection: Connection, *, kind: MadeBy | None = None) -> list[StoredLabeler]:
    """By name."""
    at = now()

    def count(table: Any, *conditions: Any) -> Any:
        where = (table.c.labeler_id == LABELER.c.id, *conditions)
        return select(func.count()).select_from(table).where(*where).correlate(LABELER).scalar_subquery()

    query = select(
        LABELER,
        count(ASSIGNMENT, ASSIGNMENT.c.state == "finished").label("finished"),
        count(LABELER_KEY, LABELER_KEY.c.revoked_at.is_(None)).label("keys"),
        count(LABELER_SESSION, LABELER_SESSION.c.revoked_at.is_(None), LABELER_SESSION.c.expires_at > at).label(
            "sessions"
        ),
    ).order_by(LABELER.c.name)
    if kind is not None:
        query = query.where(LABELER.c.kind == kind)
    limits: dict[int, list[str]] = {}
    for labeler_key, project in connection.execute(
        select(LABELER_PROJECT.c.labeler_id, PROJECT.c.name)
        .join(PROJECT, PROJECT.c.id == LABELER_PROJECT.c.project_id)
        .order_by(PROJECT.c.name)
    ):
        limits.setdefault(labeler_key, []).append(project)
    return [
        StoredLabeler(
            key=row.id,
            id=row.ulid,
            name=row.name,
            kind=row.kind,
            pay_rate_usd_hour=row.pay_rate_usd_hour,
            projects=tuple(limits.get(row.id, ())),
            finished=row.finished,
            has_key=row.keys > 0,
            sessions=row.sessions,
            last_seen_at=row.last_seen_at,
            disabled_at=row.disabled_at,
            created_at=row.created_at,
        )
        for row in connection.execute(query)
    ]


# --- Getting in ---------------------------------------------------------------------------------------------------


def _add_key(connection: Connection, labeler_key: int) -> str:
    secret = _make_secret()
    _INSERT_KEY.insert(connection, labeler_id=labeler_key, sha256=_hash(secret), created_at=now())
    return secret


def renew_key(connection: Connection, labeler: str) -> str:
    """A new key for the labeler (a name); the ones before it open nothing any more."""
    found = _find(connection, labeler)
    _refuse_disabled(found)
    _revoke(connection, LABELER_KEY, found.id)
    return _add_key(connection, found.id)


def create_link(connection: Connection, labeler: str) -> Link:
    """A code for the labeler (a name). Those made before stay good for their time."""
    found = _find(connection, labeler)
    _refuse_disabled(found)
    return _add_link(connection, found.id)


def link_another_device(connection: Connection, labeler_id: str) -> Link:
    """A code for the labeler with this public id, asked for from a session of theirs."""
    row = connection.execute(
        select(LABELER.c.id).where(LABELER.c.ulid == labeler_id, LABELER.c.disabled_at.is_(None))
    ).first()
    if row is None:
        raise AccessDenied(_DENIED)
    return _add_link(connection, row.id)


def _add_link(connection: Connection, labeler_key: int) -> Link:
    code, at = _make_secret(), now()
    expires_at = at + LINK_LIFETIME
    _INSERT_LINK.insert(connection, labeler_id=labeler_key, sha256=_hash(code), created_at=at, expires_at=expires_at)
    return Link(code=code, expires_at=expires_at)


def _refuse_disabled(found: Any) -> None:
    if found.disabled_at is not None:
        raise InputError(f"labeler {found.name!r} is disabled; `refine labeler enable` lets them in again")


def exchange_code(connection: Connection, code: str) -> NewSession:
    """The session that a link's code opens. Raises AccessDenied for one that is used up, too old, or none at all."""
    found = _LINK.first(connection, wanted=_hash(code), at=now())
    if found is None:
        raise AccessDenied(_DENIED)
    _USE_LINK.run(connection, key=found.id, used_at=now())
    return _open_session(connection, found.labeler_id, found)


def exchange_key(connection: Connection, secret: str) -> NewSession:
    """A session for whoever has the labeler's key. Raises AccessDenied."""
    found = _KEY.first(connection, wanted=_hash(secret))
    if found is None:
        raise AccessDenied(_DENIED)
    return _open_session(connection, found.id, found)


def _open_session(connection: Connection, labeler_key: int, labeler: Any) -> NewSession:
    token, at = _make_secret(), now()
    expires_at = at + SESSION_LIFETIME
    _INSERT_SESSION.insert(
        connection,
        ulid=make_ulid(),
        labeler_id=labeler_key,
        sha256=_hash(token),
        created_at=at,
        expires_at=expires_at,
    )
    _SEEN.run(connection, wanted=labeler.ulid, last_seen_at=at)
    return NewSession(token=token, labeler=labeler.ulid, name=labeler.name, expires_at=expires_at)


@without_snapshot
def find_session(connection: Connection, token: str) -> LabelerSession | None:
    """Who holds this token; None where it opens nothing: unknown, expired, revoked, or its labeler disabled."""
    at = now()
    row = _SESSION.first(connection, wanted=_hash(token), at=at)
    if row is None:
        return None
    return LabelerSession(
        id=row.session,
        labeler=row.ulid,
        name=row.name,
        expires_at=row.expires_at,
        is_seen=row.last_seen_at is not None and at - row.last_seen_at < _SEEN_EVERY,
    )


def record_seen(connection: Connection, labeler_id: str) -> None:
    _SEEN.run(connection, wanted=labeler_id, last_seen_at=now())


# --- Getting out --------------------------------------------------------------------------------------------------


def end_session(connection: Connection, token: str) -> None:
    """Log out; nothing happens for a token that opens nothing."""
    connection.execute(
        update(LABELER_SESSION)
        .where(LABELER_SESSION.c.sha256 == _hash(token), LABELER_SESSION.c.revoked_at.is_(None))
        .values(revoked_at=now())
    )


def revoke_access(connection: Connection, labeler: str) -> int:
    """End every session, key and link of the labeler (a name) at once; how many there were. A new link, or a new key,
    lets them in again."""
    return _revoke_all(connection, _find(connection, labeler).id)


def _revoke_all(connection: Connection, labeler_key: int) -> int:
    links = connection.execute(
        update(LABELER_LINK)
        .where(LABELER_LINK.c.labeler_id == labeler_key, LABELER_LINK.c.used_at.is_(None))
        .values(used_at=now())
    )
    ended = sum(_revoke(connection, table, labeler_key) for table in (LABELER_KEY, LABELER_SESSION))
    return ended + links.rowcount


def _revoke(connection: Connection, table: Any, labeler_key: int) -> int:
    result = connection.execute(
        update(table).where(table.c.labeler_id == labeler_key, table.c.revoked_at.is_(None)).values(revoked_at=now())
    )
    return result.rowcount


def disable_labeler(connection: Connection, labeler: str) -> None:
    """Give the labeler (a name) no work and take none from them, from now on; places they held are free at once.
    Sessions open nothing meanwhile; links that wait are ended."""
    found = _find(connection, labeler)
    connection.execute(
        update(LABELER).where(LABELER.c.id == found.id, LABELER.c.disabled_at.is_(None)).values(disabled_at=now())
    )
    connection.execute(
        update(LABELER_LINK)
        .where(LABELER_LINK.c.labeler_id == found.id, LABELER_LINK.c.used_at.is_(None))
        .values(used_at=now())
    )
    lapse_leases(connection, found.id)


def enable_labeler(connection: Connection, labeler: str) -> None:
    found = _find(connection, labeler)
    if found.erased_at is not None:
        raise InputError(f"labeler {labeler!r} was erased and cannot come back; add them anew")
    connection.execute(update(LABELER).where(LABELER.c.id == found.id).values(disabled_at=None))


def lapse_leases(connection: Connection, labeler_key: int) -> None:
    """Free the places that the labeler holds."""
    held = connection.execute(
        select(HELD.c.round_id).where(HELD.c.labeler_id == labeler_key, HELD.c.place_until.is_not(None))
    )
    for (round_key,) in held.all():
        free_place(connection, round_key)
    connection.execute(update(HELD).where(HELD.c.labeler_id == labeler_key).values(place_until=None))


def forget_access(connection: Connection, labeler_key: int) -> None:
    """Delete everything that lets this labeler in or says where they may work. For erasing a person."""
    for table in (LABELER_KEY, LABELER_LINK, LABELER_SESSION, LABELER_PROJECT):
        connection.execute(delete(table).where(table.c.labeler_id == labeler_key))
