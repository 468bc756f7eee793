"""A round while its rankings come in: what one more is worth, and whether it needs any more."""

from dataclasses import dataclass

from graphs.reliabilities import Reliabilities
from refine.types import RankingRecord
from store.candidates import StoredCandidate
from store.chains import StoredChain, load_chain
from store.database import Connection, Database
from store.places import set_round_priority
from store.rankings import load_rankings
from store.rounds import StoredRound, close_round, load_shown, newest_round

PRIOR_SD = 1.5
"""Of a challenger nobody has seen, beside its parent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    chain: StoredChain
    round: StoredRound
    shown: list[tuple[StoredCandidate, int, bool]]
    rankings: list[RankingRecord]


async def look_at_round(database: Database, reliabilities: Reliabilities | None, chain_id: str) -> bool:
    """Note what one more ranking of the chain's open round is worth; close the round, and return True, when its outcome
    is sure with at least `rankings_at_least` of them."""
    seen = database.read(_look, chain_id)
    if seen is None:
        return False
    from refine.ranking import enough, priority
    from refine.ranking.verdict import rate_so_far

    chain, round = seen.chain, seen.round
    ids = [candidate.id for candidate, _, _ in seen.shown]
    seed = (chain.record.seed + round.number) & 0x7FFFFFFF
    mean, covariance = rate_so_far(
        rankings=seen.rankings,
        shown=ids,
        seed=seed,
        snapshot=None if reliabilities is None else await reliabilities.snapshot_for(chain),
        chain=chain.record.id,
    )
    least = chain.settings.rankings_at_least
    if least is not None and least <= round.received < round.wanted:
        incumbent = next((at for at, (_, _, is_incumbent) in enumerate(seen.shown) if is_incumbent), None)
        reason = enough(
            mean, covariance, count=round.received, least=least, most=round.wanted, incumbent=incumbent, seed=seed
        )
        if reason is not None:
            return await database.write(close_round, round.key, reason=reason)
    if chain.settings.panel == "people":
        await database.write(set_round_priority, round.key, priority(mean, covariance))
    return False


def _look(connection: Connection, chain_id: str) -> _Seen | None:
    """None for a chain that has no open round, or one in which nobody has ranked yet."""
    chain = load_chain(connection, chain_id)
    round = newest_round(connection, chain.key)
    if round is None or round.state != "open" or round.received == 0:
        return None
    shown, rankings = load_shown(connection, round.key), load_rankings(connection, chain.key, upto=round.number)
    return _Seen(chain=chain, round=round, shown=shown, rankings=rankings)


def opening_priority(sd: float | None, candidates: int) -> float:
    """What the first ranking of a round is worth: of an incumbent whose rating has this sd (None: there is none) and
    challengers that are expected to be as good as it."""
    import numpy as np

    from refine.ranking import priority

    variances = np.full(candidates, PRIOR_SD**2)
    if sd is not None:
        variances[0] = sd**2
    return priority(np.zeros(candidates), np.diag(variances))
