"""Sums over all chains of a store, kept in memory and up to date, so that no page scans a large store.

They are made once, from slices of chains; after that only chains with new entries in the journal are read again.
"""

import heapq
import math
import threading
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from refine.api.audits import outcome_of
from refine.api.corpus_rows import CorpusKey
from refine.api.grouped import Floats, Grouped
from refine.api.late import CARELESS, ROUNDS_LOOKED_AT, SURE, late_rankings
from refine.api.tally_rows import COLUMNS, ChainSums, add_up
from refine.errors import InputError, UnreadableText
from store import tallies, waste
from store.audits import load_audited_chain
from store.dashboards import ChainFilter, Sort, Width
from store.database import Connection, Database

Keys = npt.NDArray[np.int64]

_SLICE = 48
"""Chains that are read at a time: none of the queries then takes long, whoever else wants to read."""
_FEW = 500
"""Chains up to which times are kept by the minute; of more, as the time from the first to the last asks for."""
_MANY_MINUTES, _MANY_HOURS = timedelta(hours=3), timedelta(days=8)
"""What is shown by the minute, and by the hour, at most; what is longer is shown by the day."""
_STATES = ("new", "active", "waiting", "audit", "ended")
_UNREADABLE = (
    *(ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError),
    *(UnreadableText, InputError),
)
"""What adding up a chain may raise whose rows are not what Refine writes: it is left out, and named."""
_AT = {name: n for n, name in enumerate(COLUMNS)}


class Tally:
    """Use `step` or `catch_up` to bring it up to date; everything else reads what it knows by then. For many threads,
    of which one at a time brings it up to date."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.lock = threading.RLock()
        self._stepping = threading.Lock()
        total, highest = database.read(tallies.count_all)
        span = database.read(tallies.find_span)
        self.width: Width = 16 if total <= _FEW or span is None else _choose_width(*span)
        """Characters of a time that name a slice of it, the finest that is kept."""
        self.numbers: Floats = np.zeros((max(highest + 1, 64), len(COLUMNS)))
        self._total = total
        self._read_upto = 0
        self._event: int | None = None
        self._waiting: set[int] = set()
        """Chains to be read again."""
        self._is_looked = False
        """The journal was read, and nothing was new."""
        self.is_complete = False
        """Every chain has been read; some may have changed since."""
        self.unreadable: set[int] = set()
        """Chains that are in no sum, for something in their rows is not as Refine writes it."""
        self.version = 0
        """Changes with every change of what it knows."""
        self.slices: Grouped[str] = Grouped()
        self.rounds: Grouped[int] = Grouped()
        self.made: Grouped[tuple[str, str]] = Grouped()
        self.checks: Grouped[tuple[str, str]] = Grouped()
        self.corpus: Grouped[CorpusKey] = Grouped()
        self.begun: dict[int, str] = {}
        """Project -> when its first chain was ordered."""
        self._reasons: list[str] = [""]
        self._judged: dict[int, tuple[int, tuple[int, ...]]] = {}
        self._models: dict[int, frozenset[str]] = {}
        self._model_sets: dict[frozenset[str], frozenset[str]] = {}
        self._careless: dict[int, frozenset[int]] = {}
        self._snapshots: int = -1
        self.has_beliefs: dict[int, bool] = {}
        self._late: dict[int, tuple[int, ...]] = {}
        """Judged round -> its late assignments; none for those that were never looked at."""
        self._late_of: dict[int, frozenset[int]] = {}
        """Project -> the late assignments of its newest rounds."""
        self._wants_late: set[int] = set()
        self._late_left: dict[int, int] = {}

    # --- Bringing up to date ----------------------------------------------------------------------------------------

    def catch_up(self, *, budget_s: float = math.inf) -> bool:
        """Step until nothing is left to be read, or the time is up; whether it is up to date."""
        until = time.monotonic() + budget_s
        while self.step():
            if time.monotonic() >= until:
                return False
        return True

    def step(self) -> bool:
        """Read some of what is new; whether there is more."""
        with self._stepping:
            if self._event is None:
                self._event = self._database.read(tallies.newest_event)
            if not self.is_complete:
                chains = self._database.read(tallies.list_following, self._read_upto, _SLICE)
                self._read(chains)
                if chains:
                    self._read_upto = chains[-1]
                    return True
                with self.lock:
                    self.is_complete = True
                    self.version += 1
            self._is_looked = False
            if not self._waiting:
                self._event, changed = self._database.read(tallies.list_changed, self._event)
                self._waiting.update(changed)
                self._waiting.update(self._find_careless())
            if self._waiting:
                chains = sorted(self._waiting)[:_SLICE]
                self._read(chains)
                self._waiting.difference_update(chains)
                return True
            self._is_looked = True
            return self._look_for_late()

    @property
    def is_current(self) -> bool:
        """All of the journal that was there at the last step is in the sums."""
        return self.is_complete and not self._waiting and self._is_looked

    @property
    def is_busy(self) -> bool:
        """There is more to be read, whether or not something was written since."""
        return not self.is_complete or bool(self._waiting) or any(self._late_left.values())

    @property
    def is_outgrown(self) -> bool:
        """So much came since it was made that times are better kept by longer slices: make another."""
        return self.width == 16 and self.chains > 4 * max(_FEW, self._total)

    @property
    def chains(self) -> int:
        """How many have been read."""
        return len(self._judged)

    @property
    def progress(self) -> float:
        """Share of the chains that have been read for the first time."""
        return 1.0 if self.is_complete else min(0.99, self.chains / max(self._total, 1))

    def want_late(self, project: int) -> None:
        """Look for rankings that came in when a round's outcome was known, which is costly, in this project too."""
        if project not in self._wants_late:
            self._wants_late.add(project)
            self._late_left[project] = ROUNDS_LOOKED_AT

    def late_left(self, project: int) -> int:
        """Rounds of it in which late rankings have not been looked for yet."""
        return self._late_left.get(project, 0)

    def _read(self, chains: list[int]) -> None:
        if not chains:
            return
        if self._snapshots < 0:
            self._find_careless()
        try:
            made, audits = self._database.read(self._load, chains)
        except _UNREADABLE:
            if len(chains) > 1:
                for chain in chains:
                    self._read([chain])
                return
            self._leave_out(chains[0])
            return
        with self.lock:
            self.unreadable.difference_update(chains)
            for sums in made:
                try:
                    self._put(sums, audits.get(sums.key))
                except _UNREADABLE:
                    self._leave_out(sums.key)
            self.version += 1

    def _leave_out(self, chain: int) -> None:
        """Of every sum, also of those that it was in before."""
        with self.lock:
            if chain < len(self.numbers):
                self.numbers[chain] = 0.0
            for sums in (self.slices, self.rounds, self.made, self.checks, self.corpus):
                sums.put(chain, 0, {})
            self._models.pop(chain, None)
            self._judged.pop(chain, None)
            self.unreadable.add(chain)
            self.version += 1

    def _load(self, connection: Connection, chains: list[int]) -> tuple[list[ChainSums], dict[int, tuple[float, ...]]]:
        late = frozenset().union(*self._late_of.values()) if self._late_of else frozenset()
        rounds = {round for chain in chains for round in self._judged.get(chain, (0, ()))[1]}
        late = frozenset(key for round in rounds for key in self._late.get(round, ()) if key in late)
        found = tallies.ChainSlice(
            connection,
            chains,
            width=self.width,
            labelers=frozenset().union(*self._careless.values()) if self._careless else frozenset(),
            assignments=late,
        )
        audits: dict[int, tuple[float, ...]] = {}
        for row in found.chains:
            if row.audit is not None:
                audited = load_audited_chain(connection, row.id, audit=row.audit, final=row.incumbent_id)
                audits[row.id] = (2.0, *outcome_of(audited)) if audited.is_done else (1.0, 0.0, 0.0, 0.0)
        return list(add_up(found, careless=self._careless, late=late)), audits

    def _put(self, sums: ChainSums, audit: tuple[float, ...] | None) -> None:
        if sums.key >= len(self.numbers):
            self.numbers = np.vstack([self.numbers, np.zeros((max(len(self.numbers), sums.key + 1), len(COLUMNS)))])
        numbers = sums.numbers
        numbers["project"] = sums.project
        numbers["created"] = datetime.fromisoformat(sums.created_at).timestamp()
        for at in sums.slices:
            _parse(at)
        numbers["state"] = _STATES.index(sums.state)
        reason = sums.reason or ""
        if reason not in self._reasons:
            self._reasons.append(reason)
        numbers["reason"] = self._reasons.index(reason)
        if audit is not None:
            numbers["audit"], numbers["wins"], numbers["ties"], numbers["losses"] = audit
        self.numbers[sums.key] = [numbers.get(name, 0.0) for name in COLUMNS]
        self.slices.put(sums.key, sums.project, sums.slices)
        self.rounds.put(sums.key, sums.project, sums.rounds)
        self.made.put(sums.key, sums.project, sums.made)
        self.checks.put(sums.key, sums.project, sums.checks)
        self.corpus.put(sums.key, sums.project, sums.corpus)
        self._models[sums.key] = self._name_models({model for model, _ in sums.made})
        self._judged[sums.key] = sums.project, sums.judged
        first = self.begun.get(sums.project)
        if first is None or sums.created_at < first:
            self.begun[sums.project] = sums.created_at

    def _name_models(self, models: set[str]) -> frozenset[str]:
        """The same set for all chains that have the same models."""
        named = frozenset(models)
        return self._model_sets.setdefault(named, named)

    def _find_careless(self) -> set[int]:
        """Look whether labelers were judged anew; the chains of those who are taken for careless now, or not any
        more."""
        newest, beliefs = self._database.read(_load_beliefs, self._snapshots)
        if beliefs is None:
            return set()
        self._snapshots = newest
        careless = {
            project: frozenset(labeler for labeler, chances in found.items() if max(chances) > CARELESS)
            for project, found in beliefs.items()
        }
        changed: set[int] = set()
        for project, labelers in careless.items():
            changed |= labelers ^ self._careless.get(project, frozenset())
        self._careless = careless
        self.has_beliefs = {project: bool(found) for project, found in beliefs.items()}
        if not changed or not self._judged:
            return set()
        return self._database.read(waste.list_chains_of_labelers, changed) & self._judged.keys()

    # --- Late rankings ----------------------------------------------------------------------------------------------

    def _look_for_late(self) -> bool:
        for project in list(self._wants_late):
            newest = self._newest_judged(project)
            unknown = [round for round in newest if round not in self._late]
            self._late_left[project] = len(unknown)
            if unknown:
                for round in unknown[:4]:
                    try:
                        self._late[round] = self._database.read(_find_late, round)
                    except _UNREADABLE:
                        self._leave_out_round(round)
                self.version += 1
                return True
            late = frozenset(key for round in newest for key in self._late[round])
            before = self._late_of.get(project, frozenset())
            if late != before:
                self._late_of[project] = late
                self._waiting |= self._database.read(waste.list_chains_of_assignments, late ^ before)
                return True
        return False

    def _leave_out_round(self, round: int) -> None:
        """The chain of it: its rankings are not what Refine writes."""
        for chain in [chain for chain, (_, rounds) in self._judged.items() if round in rounds]:
            self._leave_out(chain)

    def _newest_judged(self, project: int) -> list[int]:
        with self.lock:
            judged = (round for of, rounds in self._judged.values() if of == project for round in rounds)
            return heapq.nlargest(ROUNDS_LOOKED_AT, judged)

    # --- Reading ----------------------------------------------------------------------------------------------------

    def select(self, project: int | None = None) -> Floats:
        """The rows of the chains of a project, or of all."""
        numbers = self.numbers
        return numbers[numbers[:, 0] == project if project is not None else numbers[:, 0] > 0]

    def sum(self, rows: Floats, name: str) -> float:
        return float(rows[:, _AT[name]].sum())

    def column(self, rows: Floats, name: str) -> Floats:
        found: Floats = rows[:, _AT[name]]
        return found

    def count_by_state(self, rows: Floats) -> dict[str, int]:
        """Chains by state; paused ones under `paused`, failed ones under `failed`."""
        found: dict[str, int] = {}
        for (state, is_paused, reason), number in _count(rows[:, [_AT["state"], _AT["is_paused"], _AT["reason"]]]):
            name = _STATES[state]
            if name == "ended":
                name = "failed" if self._reasons[reason] == "failed" else "ended"
            elif is_paused:
                name = "paused"
            found[name] = found.get(name, 0) + number
        return found

    def count_stops(self, rows: Floats) -> list[tuple[str, int, int]]:
        """(stop reason, judged rounds, chains) of those that ended."""
        ended = rows[(self.column(rows, "state") == _STATES.index("ended")) & (self.column(rows, "reason") > 0)]
        counted = _count(ended[:, [_AT["reason"], _AT["judged"]]])
        return sorted((self._reasons[reason], judged, number) for (reason, judged), number in counted)

    def find(self, wanted: ChainFilter, project: int | None) -> Keys:
        """Keys of the chains that fit what the tally knows of the filter: all of it but text."""
        numbers = self.numbers
        fits = numbers[:, 0] > 0 if project is None else numbers[:, 0] == project
        state, paused = self.column(numbers, "state"), self.column(numbers, "is_paused") > 0
        if wanted.state == "paused":
            fits &= (state != _STATES.index("ended")) & paused
        elif wanted.state is not None:
            fits &= state == _STATES.index(wanted.state)
        if wanted.stop_reason is not None:
            known = wanted.stop_reason in self._reasons
            code = self._reasons.index(wanted.stop_reason) if known else -1
            fits &= (state == _STATES.index("ended")) & (self.column(numbers, "reason") == code)
        if wanted.is_improved is not None:
            made_in = self.column(numbers, "improved_in")
            fits &= made_in > 1 if wanted.is_improved else made_in == 1
        if wanted.min_gain is not None:
            fits &= np.nan_to_num(self.column(numbers, "gain"), nan=-1.0) >= wanted.min_gain
        if wanted.min_cost_usd is not None:
            fits &= self.micros() >= round(wanted.min_cost_usd * 1e6)
        if wanted.created_after is not None:
            fits &= self.column(numbers, "created") > wanted.created_after.timestamp()
        if wanted.model is not None:
            fits[fits] = [wanted.model in self._models.get(key, ()) for key in np.nonzero(fits)[0].tolist()]
        return np.nonzero(fits)[0]

    def sort_values(self, keys: Keys, sort: Sort) -> Keys:
        """What is the higher the further in front a chain comes; chains of the same come by their age."""
        if sort == "cost":
            return self.micros(keys)
        rows = self.numbers[keys]
        if sort == "gain":
            gain = np.nan_to_num(self.column(rows, "gain"), nan=-1.0)
            return np.round(gain * 1e6).astype(np.int64)
        created = np.round(self.column(rows, "created") * 1e6).astype(np.int64)
        return created if sort == "newest" else -created

    def list_models(self, project: int | None = None) -> list[str]:
        """Models that wrote candidates."""
        with self.lock:
            return sorted({model for model, _ in self.made.of(project) if model})

    def count_careless(self, project: int) -> int:
        return len(self._careless.get(project, ()))

    def micros(self, keys: Keys | None = None) -> Keys:
        """What chains cost, in millionths of a dollar."""
        rows = self.numbers if keys is None else self.numbers[keys]
        usd = self.column(rows, "models_usd") + self.column(rows, "people_usd")
        return np.round(usd * 1e6).astype(np.int64)


def _count(keys: Floats) -> list[tuple[tuple[int, ...], int]]:
    """How often each row of small whole numbers is there."""
    code = np.zeros(len(keys), dtype=np.int64)
    for column in keys.T:
        code = code * 1000 + column.astype(np.int64)
    kinds, first, numbers = np.unique(code, return_index=True, return_counts=True)
    del kinds
    return [
        (tuple(int(value) for value in keys[at]), number)
        for at, number in zip(first.tolist(), numbers.tolist(), strict=True)
    ]


def choose_width(first: str, last: str) -> Width:
    """The finest slices between two times, or slices of time, that are still few enough to be looked at."""
    span = _parse(last) - _parse(first)
    return 16 if span <= _MANY_MINUTES else 13 if span <= _MANY_HOURS else 10


def _choose_width(first: str, last: str) -> Width:
    """Of times as stored, which may be damaged."""
    try:
        return choose_width(first, last)
    except (ValueError, TypeError):
        return 13


def _parse(at: str) -> datetime:
    return datetime.fromisoformat(f"{at}:00" if len(at) == 13 else at).replace(tzinfo=UTC)


def _load_beliefs(connection: Connection, known: int) -> tuple[int, dict[int, dict[int, tuple[float, float]]] | None]:
    """(the newest snapshot, beliefs by project); None for beliefs where no snapshot is new."""
    newest = waste.newest_snapshot(connection)
    if newest == known:
        return known, None
    return newest, {key: _load_beliefs_of(connection, key) for key in waste.list_project_keys(connection)}


def _load_beliefs_of(connection: Connection, project: int) -> dict[int, tuple[float, float]]:
    """As if labelers had not been judged where what was found of them is not what Refine writes."""
    try:
        return waste.load_beliefs(connection, project)
    except _UNREADABLE:
        return {}


def _find_late(connection: Connection, round: int) -> tuple[int, ...]:
    judged = waste.load_judged_round(connection, round, above=SURE)
    return () if judged is None else tuple(late_rankings(judged))
