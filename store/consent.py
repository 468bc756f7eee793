"""What labelers are told of a project before they work in it, and the terms they accepted.

The version of terms is made of their text, which stands in the project's settings versions for good.
"""

from sqlalchemy import Connection, Text, bindparam, select, type_coerce
from sqlalchemy.dialects.sqlite import insert

from refine.errors import AccessDenied, InputError
from refine.settings import ProjectSettings
from refine.types import Briefing
from store.ids import now
from store.projects import find_project, list_projects, parse_settings
from store.statements import Statement
from store.tables import LABELER, SETTINGS_VERSION
from store.work_tables import CONSENT, LABELER_PROJECT

_ACCEPTED = Statement(
    select(CONSENT.c.id).where(
        CONSENT.c.labeler_id == bindparam("labeler_key"),
        CONSENT.c.project_id == bindparam("project_key"),
        CONSENT.c.version == bindparam("wanted"),
    )
)
_LABELER = Statement(
    select(LABELER.c.id, LABELER.c.pay_rate_usd_hour).where(
        LABELER.c.ulid == bindparam("wanted"), LABELER.c.disabled_at.is_(None)
    )
)


def brief(
    connection: Connection,
    *,
    labeler_key: int,
    project_key: int,
    project: str,
    settings: ProjectSettings,
    rate: float | None = None,
) -> Briefing:
    """The project as its labeler is told of it; `rate` is the labeler's own, where they have one."""
    version = settings.terms_version
    accepted = version is None or (
        _ACCEPTED.first(connection, labeler_key=labeler_key, project_key=project_key, wanted=version) is not None
    )
    return Briefing(
        project=project,
        instructions=settings.instructions,
        pay_rate_usd_hour=settings.pay_rate_usd_hour if rate is None else rate,
        expected_minutes=settings.expected_minutes,
        uses_allowed=settings.uses_allowed,
        terms=settings.terms,
        terms_version=version,
        is_accepted=accepted,
    )


def load_briefings(connection: Connection, labeler: str) -> list[Briefing]:
    """Of every project with a panel of people that the labeler (a public id) may work in, under its newest settings."""
    who = _LABELER.first(connection, wanted=labeler)
    if who is None:
        raise AccessDenied("there is no such labeler, or they are disabled")
    limits = _limits(connection, who.id)
    return [
        brief(
            connection,
            labeler_key=who.id,
            project_key=project.key,
            project=project.name,
            settings=project.settings,
            rate=who.pay_rate_usd_hour,
        )
        for project in list_projects(connection)
        if project.settings.panel == "people" and (not limits or project.key in limits)
    ]


def _limits(connection: Connection, labeler_key: int) -> set[int]:
    """Projects that the labeler is limited to; none: they may work in all. A project that somebody is limited to cannot
    be deleted (the foreign key), so that losing the last one never opens all others."""
    query = select(LABELER_PROJECT.c.project_id).where(LABELER_PROJECT.c.labeler_id == labeler_key)
    return set(connection.execute(query).scalars())


def needs_consent(connection: Connection, labeler: str, project: str) -> bool:
    """Whether the labeler (a public id) has yet to accept the terms of the project as they are now."""
    return any(it.project == project and not it.is_accepted for it in load_briefings(connection, labeler))


def accept_terms(connection: Connection, *, labeler: str, project: str, version: str) -> None:
    """Record that the labeler (a public id) accepts these terms; again is no other. They may be those that open rounds
    were opened under. Raises InputError for a version that the project never had, and for a project that is not there
    or that the labeler may not work in, alike."""
    who = _LABELER.first(connection, wanted=labeler)
    if who is None:
        raise AccessDenied("there is no such labeler, or they are disabled")
    found = find_project(connection, project)
    limits = _limits(connection, who.id)
    if found is None or (limits and found.key not in limits):
        raise InputError(f"there is no project {project!r}")
    texts = connection.execute(
        select(type_coerce(SETTINGS_VERSION.c.settings, Text)).where(SETTINGS_VERSION.c.project_id == found.key)
    ).scalars()
    if version not in {parse_settings(text).terms_version for text in texts}:
        raise InputError(f"project {project!r} never had these terms; read them again")
    connection.execute(
        insert(CONSENT)
        .on_conflict_do_nothing(index_elements=["labeler_id", "project_id", "version"])
        .values(labeler_id=who.id, project_id=found.key, version=version, accepted_at=now())
    )
