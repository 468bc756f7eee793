"""Is this working? What chains do, what they gained, what they cost, and what waits for people."""

from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from refine.api.audits import audited_win_rate
from refine.errors import InputError
from refine.ranking.audit import WinRate
from store import dashboards
from store.calls import Spending, sum_spending
from store.dashboards import RoundStep, Slice, Waiting, WaitingSum, Width
from store.database import Connection, Database
from store.projects import find_project, list_projects

_WAITING_SHOWN = 12
_MANY_MINUTES, _MANY_HOURS = 180 * 60, 8 * 24 * 3600
"""Seconds that are shown by the minute, and by the hour, at most; what is longer is shown by the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """The headline of one project: from its audit rounds alone."""

    audited: WinRate
    open: int
    """Audit rounds that still wait for rankings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectLine:
    """One project beside the others."""

    name: str
    chains: int
    ended: int
    spending: Spending
    gain: Gain
    budget_usd: float | None

    @property
    def spent_usd(self) -> float:
        return self.spending.models_usd + self.spending.people_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    states: dict[str, int]
    stops: tuple[tuple[str, int, int], ...]
    """(stop reason, judged rounds, chains)."""
    rounds: tuple[RoundStep, ...]
    waiting: WaitingSum
    longest: tuple[Waiting, ...]
    slices: tuple[Slice, ...]
    slice_width: Width
    projects: tuple[ProjectLine, ...]
    """All of them, or the one asked for."""
    is_demo: bool
    """A scripted model has a part in some of it."""
    is_simulated: bool
    """Simulated labelers have."""

    @property
    def gain(self) -> Gain | None:
        """Of the one project there is; None for several together: their panels differ, and no one figure speaks of
        them."""
        return self.projects[0].gain if len(self.projects) == 1 else None

    @property
    def chains(self) -> int:
        return sum(self.states.values())


def list_project_names(database: Database) -> tuple[str, ...]:
    return tuple(project.name for project in database.read(list_projects))


def load_overview(database: Database, project: str | None = None) -> Overview:
    """Of one project, or of all. Raises InputError for an unknown one."""
    key = None if project is None else find_project_key(database, project)
    projects = database.read(list_projects)
    gains = {it.key: _gain(database, it.key) for it in projects if key is None or it.key == key}
    return database.read(_load, key, gains)


def _gain(database: Database, key: int) -> Gain:
    rate, waiting = audited_win_rate(database, key)
    return Gain(audited=rate, open=waiting)


def find_project_key(database: Database, project: str) -> int:
    """Raises InputError for an unknown one."""
    found = database.read(find_project, project)
    if found is None:
        raise InputError(f"there is no project {project!r} in {database.path}; `refine project list` shows them")
    return found.key


def _load(connection: Connection, key: int | None, gains: dict[int, Gain]) -> Overview:
    width = _choose_width(dashboards.find_span(connection, key))
    lines = []
    shown = [project for project in list_projects(connection) if project.key in gains]
    for project in shown:
        states = dashboards.count_chains(connection, project.key)
        lines.append(
            ProjectLine(
                name=project.name,
                chains=sum(states.values()),
                ended=states.get("ended", 0) + states.get("failed", 0),
                spending=sum_spending(connection, project_key=project.key),
                gain=gains[project.key],
                budget_usd=project.settings.budget_usd,
            )
        )
    return Overview(
        states=dashboards.count_chains(connection, key),
        stops=tuple(dashboards.count_stop_rounds(connection, key)),
        rounds=tuple(dashboards.count_rounds(connection, key)),
        waiting=dashboards.sum_waiting(connection, key),
        longest=tuple(dashboards.list_waiting(connection, key, limit=_WAITING_SHOWN)),
        slices=tuple(dashboards.sum_over_time(connection, key, width)),
        slice_width=width,
        projects=tuple(lines),
        is_demo=any(project.settings.is_demo for project in shown),
        is_simulated=any(project.settings.is_simulated for project in shown),
    )


def _choose_width(span: tuple[str, str] | None) -> Width:
    """The finest slices that are still few enough to be looked at."""
    day, hour, minute = get_args(Width)
    if span is None:
        return hour  # type: ignore[no-any-return]
    first, last = (datetime.fromisoformat(each) for each in span)
    seconds = (last - first).total_seconds()
    chosen: Width = minute if seconds <= _MANY_MINUTES else hour if seconds <= _MANY_HOURS else day
    return chosen
