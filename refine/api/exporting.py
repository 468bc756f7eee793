"""Exports of a project: the store read, the export engine fed."""

from collections.abc import Iterable
from pathlib import Path

from refine.api.reading import read_chain, read_project
from refine.errors import InputError
from refine.export import Filters, Written, export
from store.database import Database
from store.projects import find_project


def export_project(
    database: Database,
    name: str,
    folder: str | Path,
    *,
    project: str,
    include_demo: bool = False,
    uses: tuple[str, ...] = (),
    min_confidence: float = 0.6,
) -> Written:
    """Write the export of that name. Raises InputError for an unknown project or export, or a folder not ours."""
    found = database.read(find_project, project)
    if found is None:
        raise InputError(f"there is no project {project!r} in {database.path}; `refine project list` shows them")
    filters = Filters(include_demo=include_demo, uses=uses, min_confidence=min_confidence)
    return export(name, read_project(database, found.key), folder, filters)


def export_chains(
    database: Database, name: str, folder: str | Path, *, chains: Iterable[str], include_demo: bool = False
) -> Written:
    """The same of these chains alone, one after another. Raises InputError also for an unknown chain."""
    return export(name, (read_chain(database, each) for each in chains), folder, Filters(include_demo=include_demo))
