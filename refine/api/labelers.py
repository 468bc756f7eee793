"""Letting labelers in, and out. What a labeler does once in is in `refine.api.queue`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from refine.errors import InputError
from refine.panel.lines import name_problem
from store import chains, disputes, labelers, reports
from store.database import Connection, Database
from store.disputes import StoredDispute
from store.erasing import erase_words
from store.labelers import Link, NewLabeler, StoredLabeler
from store.owners import find_dead_owners
from store.reports import StoredReport

LINK_PATH = "/enter#"
"""Before a link's code. What follows a `#` is not sent to servers, so the code stands in no access log, and what
previews links cannot use it up."""
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A new labeler and their ways in; shown once, and nowhere on record."""

    labeler: str
    """Their public id."""
    name: str
    key: str = field(repr=False)
    url: str = field(repr=False)
    """Opens one session, once."""
    expires_at: datetime


def make_url(code: str, public_url: str | None) -> str:
    """The link with this code; only its path where the page's address is not known. Raises InputError for an address
    that is none."""
    if public_url is None:
        return LINK_PATH + code
    base = public_url.rstrip("/")
    if not base.startswith(("http://", "https://")) or any(it.isspace() or it in "#?\\" for it in base):
        raise InputError(f"the public URL {public_url!r} is no address; give one like https://label.example.org")
    return base + LINK_PATH + code


def add_labeler(
    database: Database,
    name: str,
    *,
    projects: Sequence[str] = (),
    pay_rate_usd_hour: float | None = None,
    public_url: str | None = None,
) -> Invitation:
    """A new labeler, with a key and a first link. Raises InputError for a name that is taken or cannot be one, and for
    an unknown project."""
    if (problem := name_problem(name, _LONGEST_NAME)) is not None:
        raise InputError(f"the name {problem}; give the labeler another")
    if pay_rate_usd_hour is not None and not 0 <= pay_rate_usd_hour < 1e6:
        raise InputError(f"a pay rate of {pay_rate_usd_hour} is out of range; give dollars an hour, 0 or more")
    make_url("", public_url)

    def add(connection: Connection) -> tuple[NewLabeler, Link]:
        new = labelers.add_labeler(connection, name, projects=projects, pay_rate_usd_hour=pay_rate_usd_hour)
        return new, labelers.create_link(connection, name)

    new, link = database.write_now(add)
    return Invitation(
        labeler=new.id,
        name=new.name,
        key=new.secret,
        url=make_url(link.code, public_url),
        expires_at=link.expires_at,
    )


def link_labeler(database: Database, name: str, *, public_url: str | None = None) -> tuple[str, datetime]:
    """(a new link, when it ends). Raises InputError for an unknown labeler, or one who is disabled."""
    make_url("", public_url)
    link = database.write_now(labelers.create_link, name)
    return make_url(link.code, public_url), link.expires_at


def renew_key(database: Database, name: str) -> str:
    """A new key; the ones before it open nothing any more."""
    return database.write_now(labelers.renew_key, name)


def list_labelers(database: Database, *, with_simulated: bool = False) -> list[StoredLabeler]:
    """By name; simulated ones are as many as a project wants, and left out."""
    found = database.read(labelers.list_labelers)
    return [it for it in found if with_simulated or it.kind != "simulated"]


def limit_labeler(database: Database, name: str, projects: Sequence[str]) -> None:
    """Limit the labeler to these projects; with none, to none: they may work in all."""
    database.write_now(labelers.limit_labeler, name, projects)


def disable_labeler(database: Database, name: str) -> None:
    database.write_now(labelers.disable_labeler, name)


def enable_labeler(database: Database, name: str) -> None:
    database.write_now(labelers.enable_labeler, name)


def revoke_access(database: Database, name: str) -> int:
    """End every key, link and session of the labeler at once; how many there were."""
    return database.write_now(labelers.revoke_access, name)


def erase_labeler(database: Database, name: str) -> int:
    """Erase the labeler's words, drawings, name and ways in; how many texts there were."""
    return database.write_now(erase_words, name)


def list_reports(database: Database, *, with_resolved: bool = False) -> list[StoredReport]:
    """Pages that labelers reported, oldest first."""
    return database.read(reports.list_reports, with_resolved=with_resolved)


def resolve_report(database: Database, report: str, *, is_upheld: bool) -> tuple[str, ...]:
    """Decide about a reported page. Dismissed, its rounds are given out again; upheld, chains that show it are stopped:
    the ids of those."""

    def resolve(connection: Connection) -> tuple[str, ...]:
        stopped = reports.resolve_report(connection, report, is_upheld=is_upheld)
        dead = find_dead_owners(connection) if stopped else ()
        for ulid in stopped:
            chains.stop_chain(connection, chains.load_chain(connection, ulid), dead=dead)
        return stopped

    return database.write_now(resolve)


def list_disputes(database: Database, *, with_resolved: bool = False) -> list[StoredDispute]:
    """Controls that labelers missed and stand by, oldest first."""
    return database.read(disputes.list_disputes, with_resolved=with_resolved)


def is_dispute(database: Database, name: str) -> bool:
    """Whether this is the id of a dispute."""
    return database.read(disputes.is_dispute, name)


def resolve_dispute(database: Database, dispute: str, *, is_upheld: bool) -> bool:
    """Decide about a control that was missed. Upheld, it is given to nobody any more and nobody is judged by it;
    whether it was given out until then."""
    return database.write_now(disputes.resolve_dispute, dispute, is_upheld=is_upheld)
