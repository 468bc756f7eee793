"""Where is money wasted? Dollars and minutes by what they went into without changing anything."""

from dataclasses import dataclass

from refine.api.grouped import Floats
from refine.api.late import CARELESS, ROUNDS_LOOKED_AT, SURE, late_rankings
from refine.api.overview import find_project_key
from refine.api.tally import Tally
from refine.api.tally_rows import WAYS
from store.dashboards import list_unimproved
from store.database import Database
from store.waste import CritiqueUse, Spent

__all__ = ["CARELESS", "ROUNDS_LOOKED_AT", "SURE", "WasteLine", "WasteReport", "late_rankings", "load_waste"]

SHOWN = 200
"""Chains that are named, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WasteLine:
    what: str
    """idle_rounds, late_rankings, careless, dropped or unimproved."""
    number: int
    """Of rounds, rankings, labelers, candidates or chains."""
    spent: Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class WasteReport:
    total: Spent
    lines: tuple[WasteLine, ...]
    """They overlap: a careless ranking in a round that changed nothing is in both."""
    once: Spent
    """What any of them names, each call and each assignment once."""
    critiques: CritiqueUse
    improvements: int
    """Rounds in which a challenger took the incumbent's place."""
    has_beliefs: bool
    """Labelers have been judged; else nothing is known of careless ones."""
    unimproved: tuple[str, ...]
    """The chains of that line, the oldest first, at most SHOWN."""
    late_left: int
    """Rounds in which late rankings have not been looked for yet."""

    @property
    def usd_per_improvement(self) -> float | None:
        return self.total.usd / self.improvements if self.improvements else None


def load_waste(database: Database, project: str, *, tally: Tally | None = None) -> WasteReport:
    """Of one project: as the tally knows it, else counted here and now. Raises InputError for an unknown one."""
    key = find_project_key(database, project)
    if tally is None:
        tally = Tally(database)
        tally.want_late(key)
        tally.catch_up()
    with tally.lock:
        rows = tally.select(key)
        late_left = tally.late_left(key)
        has_beliefs = tally.has_beliefs.get(key, False)
        number = {
            "idle_rounds": tally.sum(rows, "idle"),
            "late_rankings": tally.sum(rows, "late"),
            "careless": tally.count_careless(key),
            "dropped": tally.sum(rows, "dropped"),
            "unimproved": tally.sum(rows, "is_unimproved"),
        }
    spent = {way: _spent(tally, rows, f"{way}_") for way in WAYS}
    return WasteReport(
        total=_spent(tally, rows, ""),
        lines=tuple(WasteLine(what=way, number=int(number[way]), spent=spent[way]) for way in WAYS if way != "once"),
        once=spent["once"],
        critiques=CritiqueUse(
            critiques=int(tally.sum(rows, "critiques")),
            applied=int(tally.sum(rows, "applied")),
            praise=int(tally.sum(rows, "praise")),
            planned=int(tally.sum(rows, "planned")),
        ),
        improvements=int(tally.sum(rows, "improvements")),
        has_beliefs=has_beliefs,
        unimproved=tuple(database.read(list_unimproved, key, limit=SHOWN)),
        late_left=late_left,
    )


def _spent(tally: Tally, rows: Floats, prefix: str) -> Spent:
    return Spent(
        models_usd=tally.sum(rows, f"{prefix}models_usd"),
        people_usd=tally.sum(rows, f"{prefix}people_usd"),
        people_s=tally.sum(rows, f"{prefix}people_s"),
        calls=int(tally.sum(rows, f"{prefix}calls")),
        assignments=int(tally.sum(rows, f"{prefix}work")),
    )
