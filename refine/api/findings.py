"""What is found of labelers, from the newest rankings of a project or of all: habits, evidence for and against, and how
each stands beside the others."""

import threading
from collections import Counter, OrderedDict, defaultdict
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any
from weakref import WeakKeyDictionary

from refine.api.overview import find_project_key
from refine.ranking import Comparisons, fit, standing
from refine.ranking.findings import Finding, Profile, find
from refine.ranking.work import Work
from store.database import Connection, Database
from store.works import KnownLabeler, OwnRanking, StoredWork, load_known, load_work, newest_work, page_own

__all__ = ["Finding", "LabelerLook", "Look", "OwnRanking", "look_at_labelers", "page_work"]

LOOKED_AT = 20_000
"""The newest rankings that findings rest on: more would tell little more, and take longer than a page may."""
_WIDTH = 1.96
_KEPT = 8
_GROWN = 0.02
"""Share of new rankings up to which what was found before is still shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelerLook:
    labeler: KnownLabeler
    rankings: int
    comparisons: int
    reliability: float
    reliability_low: float
    reliability_high: float
    """A 95 % interval."""
    p_careless: float
    p_adversarial: float
    """As the fit has them, before other tastes are looked for."""
    agreement: float
    first_shown: float | None
    """Share of decided pairs in which what stood first on the screen was put first; 0.5 is no bias."""
    devices: dict[str, int]
    bits: float
    pay_share: float
    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    labelers: tuple[LabelerLook, ...]
    """Flagged ones first, then by how likely the likeliest finding is."""
    rankings: int
    is_all: bool
    """Whether that is all there are."""

    def of(self, labeler_id: str) -> LabelerLook | None:
        return next((it for it in self.labelers if it.labeler.id == labeler_id), None)


_LOCK = threading.Lock()
_FOUND: "WeakKeyDictionary[Database, OrderedDict[str | None, tuple[int, Any, Look]]]" = WeakKeyDictionary()
"""By open database and not by path, where another file can take its place."""


def look_at_labelers(database: Database, project: str | None = None) -> Look:
    """Of one project or all. What is found is the same as before until a fiftieth more was ranked, something was
    decided or somebody erased; names and states are as they are now. Work that an operator took out of account is
    judged, and judges nobody. Raises InputError for an unknown project."""
    key = None if project is None else find_project_key(database, project)
    ranking, decided = database.read(newest_work)
    with _LOCK:
        known = _FOUND.get(database, OrderedDict()).get(project)
    if known is not None and known[1] == decided and 0 <= ranking - known[0] <= _GROWN * known[0]:
        present = database.read(load_known)
        return replace(
            known[2], labelers=tuple(replace(it, labeler=present[it.labeler.id]) for it in known[2].labelers)
        )
    look = _look(*database.read(_load, key))
    with _LOCK:
        of_database = _FOUND.setdefault(database, OrderedDict())
        of_database[project] = ranking, decided, look
        of_database.move_to_end(project)
        while len(of_database) > _KEPT:
            of_database.popitem(last=False)
    return look


def page_work(
    database: Database, labeler_id: str, *, project: str | None = None, before: int | None = None, limit: int = 25
) -> tuple[list[OwnRanking], int | None]:
    """A page of the labeler's rankings, the newest first, and what to hand in for the next one."""
    key = None if project is None else find_project_key(database, project)
    rows = database.read(page_own, labeler_id, project_key=key, before=before, limit=limit + 1)
    return rows[:limit], rows[limit - 1].key if len(rows) > limit else None


def _load(connection: Connection, key: int | None) -> tuple[list[StoredWork], dict[str, KnownLabeler]]:
    return load_work(connection, key, limit=LOOKED_AT + 1), load_known(connection)


def _look(stored: list[StoredWork], known: dict[str, KnownLabeler]) -> Look:
    is_all, stored = len(stored) <= LOOKED_AT, stored[-LOOKED_AT:]
    work = [_work(it) for it in stored]
    golds = [
        (made.labeler, made.group, str(it.original), str(it.control), made.control)
        for it, made in zip(stored, work, strict=True)
        if made.control is not None
    ]
    weights = {it.id: it.weight for it in known.values() if it.weight is not None}
    fitted = fit(Comparisons.from_rankings([it.rows for it in work], golds=golds, weights=weights))
    stands, table = standing(fitted), fitted.labelers
    place = {name: at for at, name in enumerate(fitted.names)}
    agreement = {name: (float(stands.agreement[at]), int(table.comparisons[at])) for name, at in place.items()}
    profiles = find(fitted, work, agreement)
    counted = Counter(it.labeler for it in work)
    devices: dict[str, Counter[str]] = defaultdict(Counter)
    for it in stored:
        devices[it.labeler][it.device or "unknown"] += 1
    first = _first_shown(work)
    found = []
    for name, profile in profiles.items():
        at = place.get(name)
        if at is None:
            continue
        mean, sd = float(table.reliability[at]), float(table.reliability_sd[at])
        found.append(
            LabelerLook(
                labeler=known[name],
                rankings=counted[name],
                comparisons=int(table.comparisons[at]),
                reliability=mean,
                reliability_low=mean - _WIDTH * sd,
                reliability_high=mean + _WIDTH * sd,
                p_careless=float(table.p_careless[at]),
                p_adversarial=float(table.p_adversarial[at]),
                agreement=agreement[name][0],
                first_shown=first.get(name),
                devices=dict(devices[name]),
                bits=float(stands.bits[at]),
                pay_share=float(stands.pay_share[at]),
                profile=profile,
            )
        )
    found.sort(key=lambda it: (-max((f.probability for f in it.profile.findings), default=0.0), it.labeler.id))
    return Look(labelers=tuple(found), rankings=len(work), is_all=is_all)


def _work(stored: StoredWork) -> Work:
    places = {key: place for place, group in enumerate(stored.groups) for key in group}
    control = None
    if stored.original in places and stored.control in places:
        lead = places[stored.control] - places[stored.original]
        control = 0 if lead > 0 else 1 if lead == 0 else 2
    groups = tuple(
        kept for group in stored.groups if (kept := tuple(str(key) for key in group if key != stored.control))
    )
    ranked = {item for group in groups for item in group}
    return Work(
        labeler=stored.labeler,
        group=stored.chain,
        round=stored.round,
        groups=groups,
        shown=tuple(str(key) for key in stored.shown if str(key) in ranked),
        control=control,
        active_s=stored.active_s,
        at=stored.at.timestamp(),
        texts=tuple((str(key), text) for key, text in stored.texts),
    )


def _first_shown(work: list[Work]) -> dict[str, float]:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for each in work:
        rank = {item: at for at, group in enumerate(each.groups) for item in group}
        for one, other in combinations(each.shown, 2):
            if rank[one] != rank[other]:
                counts[each.labeler][rank[one] < rank[other]] += 1
    return {name: first / (first + second) for name, (second, first) in counts.items()}
