"""What is believed of labelers while chains run: fitted anew as feedback comes in, and kept for the verdicts."""

import asyncio
import logging
from dataclasses import dataclass, field

from refine.ranking.comparisons import Comparisons
from refine.ranking.snapshot import Snapshot, reliabilities_of
from refine.ranking.verdict import TRUSTING_METHOD
from store.chains import StoredChain
from store.controls import load_sightings, retire_controls
from store.database import Database
from store.decisions import newest_weighing
from store.standing import Judged, count_judged, load_judged, new_snapshot_id, record_snapshot

_LOG = logging.getLogger(__name__)

FIRST = 40
"""Rankings before which everybody counts alike: nobody can be told from anybody by less."""
GROWTH = 1.25
"""By how much there must be more of them for a new fit: all fits together cost five times the last one."""


@dataclass(slots=True)
class _Scope:
    """Rankings that labelers are judged by together."""

    lock: asyncio.Lock
    rankings: int = -1
    """With a verdict, as far as this process knows; -1: not counted yet."""
    tried: int = 0
    """How many there were when a fit failed."""
    snapshot: Snapshot | None = None
    fitting: "asyncio.Task[None] | None" = None
    weighed: int = 0
    """The newest decision on what somebody's rankings count for that the snapshot knows of."""
    operator_weights: dict[str, float] = field(default_factory=dict)

    @property
    def is_due(self) -> bool:
        if self.snapshot is None:
            return self.rankings >= FIRST
        return self.rankings >= GROWTH * max(self.snapshot.rankings, self.tried)


class Reliabilities:
    """One for all chains of a process. What it has is in the store too, so it may be dropped at any time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._scopes: dict[int | None, _Scope] = {}

    async def snapshot_for(self, chain: StoredChain) -> Snapshot | None:
        """The newest one; None where there are too few rankings yet, or the project takes all labelers alike.

        Only the first is waited for, and the first after an operator weighed somebody's work; a newer one is made
        beside the chains.
        """
        if not chain.settings.is_weighing_labelers:
            return None
        key = _scope_of(chain)
        scope = self._scopes.setdefault(key, _Scope(asyncio.Lock()))
        async with scope.lock:
            if scope.rankings < 0:
                scope.rankings = self._database.read(count_judged, key)
            if self._database.read(newest_weighing) != scope.weighed:
                await self._weigh_anew(key, scope, chain.settings.seed)
            if scope.is_due and scope.snapshot is None:
                await self._fit(key, scope, chain.settings.seed)
            elif scope.is_due and (scope.fitting is None or scope.fitting.done()):
                scope.fitting = asyncio.create_task(self._fit_again(key, scope, chain.settings.seed))
        return scope.snapshot

    def operator_weights(self, chain: StoredChain) -> dict[str, float]:
        """Of perturbations, by how much a control made by each says of a labeler; empty before anything is known."""
        scope = self._scopes.get(_scope_of(chain))
        return {} if scope is None else scope.operator_weights

    def count(self, chain: StoredChain, rankings: int) -> None:
        """So many more have their verdict."""
        scope = self._scopes.get(_scope_of(chain))
        if scope is not None:
            scope.rankings += rankings

    async def aclose(self) -> None:
        tasks = [scope.fitting for scope in self._scopes.values() if scope.fitting is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _weigh_anew(self, key: int | None, scope: _Scope, seed: int) -> None:
        if scope.fitting is not None:
            await asyncio.wait([scope.fitting])
        scope.weighed = self._database.read(newest_weighing)
        scope.rankings = self._database.read(count_judged, key)
        if scope.rankings < FIRST:
            scope.snapshot = None
        elif scope.snapshot is not None:  # else it is due
            await self._fit_again(key, scope, seed)

    async def _fit_again(self, key: int | None, scope: _Scope, seed: int) -> None:
        """One that fails leaves the snapshot there is: it is tried again when there is a quarter more. Should the store
        be gone, the chains find that out by themselves."""
        try:
            await self._fit(key, scope, seed)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  # chains go on by what was believed before
            _LOG.warning("labelers could not be judged anew, and count as before: %s: %s", type(error).__name__, error)
            scope.tried = scope.rankings

    async def _fit(self, key: int | None, scope: _Scope, seed: int) -> None:
        counted = scope.rankings
        scope.weighed = self._database.read(newest_weighing)
        judged = await asyncio.to_thread(self._database.read, load_judged, key)
        snapshot, comparisons = await asyncio.to_thread(_fit, judged, seed)
        population = snapshot.fitted.population
        await self._database.write(
            record_snapshot,
            key,
            ulid=snapshot.id,
            rankings=snapshot.rankings,
            comparisons=comparisons,
            seed=seed,
            method=TRUSTING_METHOD,
            population={"theta": population.theta, "shares": population.shares.tolist()},
            labelers={
                name: [round(number, 6) for number in (it.mean, it.sd, it.p_careless, it.p_adversarial)]
                for name, it in reliabilities_of(snapshot.fitted, snapshot.fitted.names).items()
            },
        )
        await self._learn_controls(key, scope, snapshot)
        scope.snapshot = snapshot
        scope.rankings = snapshot.rankings + max(0, scope.rankings - counted)  # and those that came meanwhile

    async def _learn_controls(self, key: int | None, scope: _Scope, snapshot: Snapshot) -> None:
        """How hard each operator's controls are; those that trusted labelers do not see, or dispute, are retired."""
        sighted = await asyncio.to_thread(self._database.read, load_sightings, key)
        if not sighted:
            return
        from refine.perturb import Sighting, fit_difficulty, operator_weights

        judged = {*snapshot.fitted.names}
        sighted = [it for it in sighted if it.labeler in judged]
        known = reliabilities_of(snapshot.fitted, {it.labeler for it in sighted})
        by_operator, by_control = (
            fit_difficulty(
                (Sighting(key=name(it), is_right=it.is_right, reliability=known[it.labeler].mean) for it in sighted),
                {name(it): it.severity for it in sighted},
            )
            for name in (lambda it: it.operator, lambda it: str(it.control_key))
        )
        scope.operator_weights = operator_weights(by_operator)
        retired = [int(control) for control, difficulty in by_control.items() if difficulty.is_retired]
        if retired:
            await self._database.write(retire_controls, retired)


def _fit(judged: Judged, seed: int) -> tuple[Snapshot, int]:
    data = Comparisons.from_rankings(judged.rows, golds=judged.golds, weights=judged.weights)
    rankings = len(judged.rows)
    return Snapshot.of(data, id=new_snapshot_id(), rounds=judged.rounds, rankings=rankings, seed=seed), len(data)


def _scope_of(chain: StoredChain) -> int | None:
    return chain.project_key if chain.settings.is_simulated else None
