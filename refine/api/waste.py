"""Where is money wasted? Dollars and minutes by what they went into without changing anything."""

from collections.abc import Callable
from dataclasses import dataclass

from refine.api.overview import find_project_key
from refine.types import RankingRecord
from store import waste
from store.database import Connection, Database
from store.waste import CritiqueUse, JudgedRound, Spent

SURE = 0.95
"""P(best) above which a round's outcome is taken for known."""
CARELESS = 0.5
"""P(careless) or P(adversarial) above which a labeler's work is counted here."""
ROUNDS_LOOKED_AT = 500
"""The newest judged rounds of a project, in which rankings after `SURE` are looked for."""


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
    """The chains of that line, the oldest first."""

    @property
    def usd_per_improvement(self) -> float | None:
        return self.total.usd / self.improvements if self.improvements else None


def load_waste(database: Database, project: str) -> WasteReport:
    """Of one project. Raises InputError for an unknown one."""
    return database.read(_load, find_project_key(database, project))


def _load(connection: Connection, key: int) -> WasteReport:
    improvements, idle = waste.count_improvements(connection, key)
    beliefs = waste.load_beliefs(connection, key)
    careless = [labeler for labeler, chances in beliefs.items() if max(chances) > CARELESS]
    rounds = waste.load_judged_rounds(connection, key, limit=ROUNDS_LOOKED_AT, above=SURE)
    late = [assignment for round in rounds for assignment in late_rankings(round)]
    unimproved = waste.list_unimproved(connection, key)
    found = [
        ("idle_rounds", idle, waste.idle_rounds()),
        ("late_rankings", len(late), waste.of_assignments(late)),
        ("careless", len(careless), waste.of_labelers(careless)),
        ("dropped", waste.count_dropped(connection, key), waste.dropped_candidates()),
        ("unimproved", len(unimproved), waste.unimproved_chains()),
    ]
    return WasteReport(
        total=waste.sum_spent(connection, key, waste.everything()),
        lines=tuple(
            WasteLine(what=what, number=number, spent=waste.sum_spent(connection, key, condition))
            for what, number, condition in found
        ),
        once=waste.sum_spent(connection, key, waste.any_of([condition for _, _, condition in found])),
        critiques=waste.count_critiques(connection, key),
        improvements=improvements,
        has_beliefs=bool(beliefs),
        unimproved=tuple(ulid for ulid, _ in unimproved),
    )


def late_rankings(
    round: JudgedRound, *, p_best: Callable[[JudgedRound, list[RankingRecord]], float] | None = None
) -> list[int]:
    """Keys of assignments whose rankings came in when P(best) was above `SURE` already, and stayed there.

    Ratings are fitted again with labelers alike, after each ranking; `p_best` replaces that (tests).
    """
    fit = p_best or _fit
    rankings = [ranking for ranking, _ in round.came_in]
    needed = len(rankings)
    for taken in range(len(rankings), 0, -1):
        if fit(round, rankings[:taken]) <= SURE:
            break
        needed = taken
    return [assignment for _, assignment in round.came_in[needed:]]


def _fit(round: JudgedRound, rankings: list[RankingRecord]) -> float:
    from refine.ranking import judge

    verdict = judge(
        rankings=[*round.before, *rankings],
        shown=round.shown,
        incumbent=round.incumbent,
        gate=round.gate,
        seed=round.seed,
    )
    return max(it.p_best for it in verdict.ratings)
