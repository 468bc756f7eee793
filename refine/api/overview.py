"""Is this working? What chains do, what they gained, what they cost, and what waits for people."""

from dataclasses import dataclass

import numpy as np

from refine.api.grouped import Floats, merge
from refine.api.tally import Tally, choose_width
from refine.api.tally_rows import SLICE
from refine.errors import InputError
from refine.ranking.audit import WinRate, win_rate
from store import dashboards
from store.calls import Spending
from store.dashboards import RoundStep, Slice, Waiting, WaitingSum, Width
from store.database import Connection, Database
from store.projects import StoredProject, find_project, list_projects

_WAITING_SHOWN = 12


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
    improvements: int
    """Rounds in which a challenger took the incumbent's place."""
    panel: str
    """Whose feedback it asks for: `people`, `simulated` or `import:FILE`."""

    @property
    def usd_per_improvement(self) -> float | None:
        return self.spent_usd / self.improvements if self.improvements else None

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
    people_s: float
    """Time that labelers were active."""
    tokens: int

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


def load_overview(database: Database, project: str | None = None, *, tally: Tally | None = None) -> Overview:
    """Of one project, or of all: as the tally knows it, else counted here and now. Raises InputError for an unknown
    one."""
    key = None if project is None else find_project_key(database, project)
    if tally is None:
        tally = Tally(database)
        tally.catch_up()
    projects = [it for it in database.read(list_projects) if key is None or it.key == key]
    waiting, longest = database.read(_load_waiting, key)
    with tally.lock:
        rows = tally.select(key)
        lines = tuple(_line(tally, it) for it in projects)
        width = _choose_width(tally, key)
        slices = merge([tally.slices.of(key)], lambda at: at[:width])
        steps = dict(tally.rounds.of(key))
    return Overview(
        states=tally.count_by_state(rows),
        stops=tuple(tally.count_stops(rows)),
        rounds=tuple(
            RoundStep(number=number, judged=round(steps[number][0]), replaced=round(steps[number][1]))
            for number in sorted(steps)
            if steps[number][0] > 0.5
        ),
        waiting=waiting,
        longest=longest,
        slices=tuple(_slice(at, slices[at]) for at in sorted(slices) if slices[at].any()),
        slice_width=width,
        projects=lines,
        is_demo=any(it.settings.is_demo for it in projects),
        is_simulated=any(it.settings.is_simulated for it in projects),
        people_s=tally.sum(rows, "people_s"),
        tokens=int(tally.sum(rows, "prompt_tokens") + tally.sum(rows, "completion_tokens")),
    )


def _load_waiting(connection: Connection, key: int | None) -> tuple[WaitingSum, tuple[Waiting, ...]]:
    return (
        dashboards.sum_waiting(connection, key),
        tuple(dashboards.list_waiting(connection, key, limit=_WAITING_SHOWN)),
    )


def _line(tally: Tally, project: StoredProject) -> ProjectLine:
    rows = tally.select(project.key)
    states = tally.count_by_state(rows)
    return ProjectLine(
        name=project.name,
        chains=sum(states.values()),
        ended=states.get("ended", 0) + states.get("failed", 0),
        spending=Spending(
            calls=int(tally.sum(rows, "calls")),
            failed_calls=int(tally.sum(rows, "failed_calls")),
            prompt_tokens=int(tally.sum(rows, "prompt_tokens")),
            completion_tokens=int(tally.sum(rows, "completion_tokens")),
            models_usd=tally.sum(rows, "models_usd"),
            unpriced_calls=int(tally.sum(rows, "unpriced_calls")),
            people_usd=tally.sum(rows, "people_usd"),
            unpriced_assignments=int(tally.sum(rows, "unpriced_work")),
        ),
        gain=_gain(tally, rows),
        budget_usd=project.settings.budget_usd,
        improvements=int(tally.sum(rows, "improvements")),
        panel=project.settings.panel,
    )


def _gain(tally: Tally, rows: Floats) -> Gain:
    audit = tally.column(rows, "audit")
    done = rows[audit == 2]
    outcomes = [
        tuple(each) for each in np.stack([tally.column(done, it) for it in ("wins", "ties", "losses")], 1).tolist()
    ]
    ended = int(tally.sum(rows, "is_auditable"))
    return Gain(audited=win_rate(outcomes, ended_chains=ended or None), open=int((audit == 1).sum()))


def _slice(at: str, numbers: Floats) -> Slice:
    values = dict(zip(SLICE, numbers.tolist(), strict=True))
    counts = {name: round(values[name]) for name in ("prompt_tokens", "completion_tokens", "calls", "rankings")}
    return Slice(at=at, **{**values, **counts})


def find_project_key(database: Database, project: str) -> int:
    """Raises InputError for an unknown one."""
    found = database.read(find_project, project)
    if found is None:
        raise InputError(f"there is no project {project!r} in {database.path}; `refine project list` shows them")
    return found.key


def _choose_width(tally: Tally, key: int | None) -> Width:
    begun = [at for project, at in tally.begun.items() if key in (None, project)]
    if not begun:
        return 13
    first = min(begun)
    return min(choose_width(first, max([*tally.slices.of(key), first])), tally.width)
