"""Bringing a project into being, or finding it as it was left."""

from typing import Any

from pydantic import ValidationError

from refine.errors import InputError, SettingsChanged
from refine.settings import ProjectSettings, RunOptions
from store.chains import move_to_settings, reopen_chains
from store.database import Database
from store.projects import StoredProject, add_settings_version, create_project, find_project, has_results


def make_settings(base: ProjectSettings, changes: dict[str, Any]) -> ProjectSettings:
    """The settings with the changes made. Raises InputError naming the field that is wrong."""
    try:
        return ProjectSettings.model_validate({**base.model_dump(), **changes})
    except ValidationError as error:
        raise InputError(_first_line(error)) from error


def make_options(**values: Any) -> RunOptions:
    """Run options of these values. Raises InputError naming the one that is wrong."""
    try:
        return RunOptions.model_validate(values)
    except ValidationError as error:
        raise InputError(_first_line(error)) from error


def _first_line(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "settings"
    return f"{field}: {first['msg'].removeprefix('Value error, ')} (got {first['input']!r})"


def prepare_project(
    database: Database, name: str, settings: ProjectSettings, *, accept_changes: bool = False
) -> StoredProject:
    """The project of that name under these settings, made if it is new.

    Raises SettingsChanged, with the difference, when it exists under others. With `accept_changes`, or while it has no
    reply and no ranking that rests on the old ones, they become its next settings version, for every chain that has not
    ended; rounds open now keep the version they were opened under. A larger budget reopens the chains that the old one
    ended.
    """
    project = database.read(find_project, name)
    if project is None:
        return database.write_now(create_project, name, settings)
    difference = project.settings.diff(settings)
    if not difference:
        return project
    if not accept_changes and database.read(has_results, project.key):
        lines = "; ".join(f"{field}: {old!r} -> {new!r}" for field, old, new in difference)
        raise SettingsChanged(
            f"project {name!r} runs under other settings ({lines}); pass --accept-changes to go on with the new ones,"
            " or another --project"
        )

    def change(connection: Any) -> StoredProject:
        add_settings_version(connection, project.key, settings)
        changed = find_project(connection, name)
        assert changed is not None
        move_to_settings(connection, changed)
        old, new = project.settings.budget_usd, settings.budget_usd
        if old is not None and (new is None or new > old):
            reopen_chains(connection, changed, "cost")
        return changed

    return database.write_now(change)
