"""Deciding about labelers: shut them out, let their work count for less or for nothing, and see first what that would
change.

Verdicts that were given stay as they are recorded. Rounds that are judged from then on, edit plans made of them, and
what labelers are judged by, count their work as decided.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from graphs.reliabilities import FIRST
from refine.api.overview import find_project_key
from refine.errors import InputError
from refine.ranking.comparisons import Comparisons
from refine.ranking.snapshot import Snapshot
from refine.ranking.verdict import judge
from refine.types import Verdict
from store import decisions
from store.database import Connection, Database
from store.decisions import NO_REASON, Decision
from store.refits import GivenVerdict, Scope, load_given, load_scopes
from store.standing import load_judged

__all__ = [
    "NO_REASON",
    "Decision",
    "Preview",
    "Refit",
    "decide_access",
    "list_decisions",
    "preview_weighing",
    "refit",
    "weigh",
]

LONGEST_REASON = 1000
_ID = "refit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """A judged round, judged again with what is known now: by present weights, and by supposed ones."""

    project: str
    chain: str
    round: int
    recorded: Verdict
    before: Verdict
    after: Verdict

    @property
    def is_flipped(self) -> bool:
        """Another candidate would win; that a challenger passes the gate, or no longer does, is the same thing."""
        return self.before.winner != self.after.winner

    @property
    def moved(self) -> float:
        """The most that any P(best) moves."""
        was = {it.candidate: it.p_best for it in self.before.ratings}
        return max(abs(it.p_best - was[it.candidate]) for it in self.after.ratings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    labeler: str
    """Public id."""
    weight_before: float | None
    weight_after: float | None
    flips: tuple[Refit, ...]
    """Those with another winner."""
    looked_at: int
    """Verdicts that were given again; those of chains the labeler ranked in come first."""
    not_looked_at: int
    """Chains that were left out, for want of time."""
    ranked_in: int
    """Chains with a verdict that the labeler ranked in."""
    most_moved: float
    """The most that any P(best) moves, in all that was looked at."""


def weigh(database: Database, labeler: str, weight: float | None, *, reason: str) -> None:
    """What the labeler's (a name's) rankings count for, past ones included, in what is judged from now on: 0 nothing,
    1 or None all that the engine gives them. Raises InputError for an unknown labeler, a weight outside 0 to 1, and no
    reason."""
    _check(weight)
    database.write_now(decisions.weigh_labeler, labeler, weight, reason=_clean(reason))


def decide_access(database: Database, labeler: str, *, is_allowed: bool, reason: str) -> None:
    """Give the labeler (a name) no more work, or work again, and put down why. What they did stays as it is."""
    decide = decisions.let_in if is_allowed else decisions.shut_out
    database.write_now(decide, labeler, reason=_clean(reason))


def list_decisions(database: Database, labeler_id: str | None = None) -> list[Decision]:
    """The oldest first."""
    return database.read(decisions.list_decisions, labeler_id)


def preview_weighing(
    database: Database, labeler: str, weight: float | None, *, project: str | None = None, most: int | None = None
) -> Preview:
    """Which verdicts would have another winner if the labeler's (a name's) work counted so. Nothing is written.

    Every judged round is judged again, with labelers judged anew: by the weights of now, and by the one that is asked
    about. `project` limits which rounds are looked at; `most` limits how many, whole chains at a time.
    """
    _check(weight)
    key = None if project is None else find_project_key(database, project)
    found_id, present = database.read(decisions.load_weight, labeler)
    flips: list[Refit] = []
    looked_at = not_looked_at = ranked_in = 0
    most_moved = 0.0
    for scope in database.read(load_scopes, found_id, key):
        ranked_in += scope.ranked_in
        twice = _Twice(database, scope, found_id, 1.0 if weight is None else weight)
        for number, chain in enumerate(scope.chains):
            if most is not None and looked_at >= most:
                not_looked_at += len(scope.chains) - number
                break
            for again in twice.judge(chain):
                looked_at += 1
                most_moved = max(most_moved, again.moved)
                if again.is_flipped:
                    flips.append(again)
    return Preview(
        labeler=found_id,
        weight_before=present,
        weight_after=weight,
        flips=tuple(flips),
        looked_at=looked_at,
        not_looked_at=not_looked_at,
        ranked_in=ranked_in,
        most_moved=most_moved,
    )


def refit(database: Database, labeler: str, *, project: str | None = None) -> Iterator[Refit]:
    """The judged rounds of every chain that is judged together with the labeler's (a name's), by the weights of now:
    `before` and `after` are the same."""
    key = None if project is None else find_project_key(database, project)
    found_id, present = database.read(decisions.load_weight, labeler)
    for scope in database.read(load_scopes, found_id, key):
        twice = _Twice(database, scope, found_id, 1.0 if present is None else present)
        for chain in scope.chains:
            yield from twice.judge(chain)


class _Twice:
    """Rounds of a scope, judged with and without a supposed weight."""

    def __init__(self, database: Database, scope: Scope, labeler: str, weight: float) -> None:
        self._database, self._key = database, scope.project_key
        self._supposed = {labeler: weight}
        self._snapshots: tuple[Snapshot | None, Snapshot | None] | None = None

    def judge(self, chain: int) -> list[Refit]:
        found = []
        for given in self._database.read(_load, chain):
            before, after = self._believe(given)
            found.append(
                Refit(
                    project=given.project,
                    chain=given.chain,
                    round=given.round,
                    recorded=given.verdict,
                    before=_judge(given, before, {}),
                    after=_judge(given, after, self._supposed),
                )
            )
        return found

    def _believe(self, given: GivenVerdict) -> tuple[Snapshot | None, Snapshot | None]:
        """What labelers are taken for; fitted when it is first needed."""
        if not given.settings.is_weighing_labelers:
            return None, None
        if self._snapshots is None:
            seed = given.settings.seed
            self._snapshots = self._fit({}, seed), self._fit(self._supposed, seed)
        return self._snapshots

    def _fit(self, supposed: Mapping[str, float], seed: int) -> Snapshot | None:
        judged = self._database.read(load_judged, self._key, supposed=supposed)
        if len(judged.rows) < FIRST:
            return None
        data = Comparisons.from_rankings(judged.rows, golds=judged.golds, weights=judged.weights)
        return Snapshot.of(data, id=_ID, rounds=judged.rounds, rankings=len(judged.rows), seed=seed)


def _load(connection: Connection, chain: int) -> list[GivenVerdict]:
    return [*load_given(connection, chain)]


def _judge(given: GivenVerdict, snapshot: Snapshot | None, supposed: Mapping[str, float]) -> Verdict:
    recorded = given.verdict
    return judge(
        rankings=[replace(it, weight=supposed.get(it.labeler, it.weight)) for it in given.rankings],
        shown=given.shown,
        incumbent=recorded.incumbent,
        gate=recorded.threshold,
        seed=recorded.seed,
        snapshot=snapshot,
        chain=given.chain,
    )


def _check(weight: float | None) -> None:
    if weight is not None and not 0 <= weight <= 1:
        raise InputError(f"a weight of {weight:g} is out of range; give 0 (counts for nothing) to 1 (counts in full)")


def _clean(reason: str) -> str:
    """One line. Raises InputError for none, or too much."""
    if any("\ud800" <= each <= "\udfff" for each in reason):
        raise InputError("the reason is no text in the terminal's encoding; write it in UTF-8")
    said = " ".join("".join(each if each.isprintable() else " " for each in reason).split())
    if not said:
        raise InputError("say why, in a few words: the reason stays on record")
    if len(said) > LONGEST_REASON:
        raise InputError(f"the reason has {len(said)} characters; at most {LONGEST_REASON} are kept")
    return said
