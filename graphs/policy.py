"""When a chain ends, which order candidates get, and who is audited: decisions that need no model."""

import hashlib
from collections.abc import Sequence

from refine.llm.budget import Budget
from refine.types import StopReason
from store.candidates import StoredCandidate
from store.chains import StoredChain
from store.database import Connection
from store.ids import now
from store.rankings import count_rankings
from store.verdicts import count_unchanged_rounds

AUDITED: frozenset[StopReason] = frozenset({"rounds", "rankings", "plateau", "nothing_left"})
"""Stop reasons after which an audit round makes sense: the chain ran its course, and there is money and time left."""


def reason_to_stop(connection: Connection, chain: StoredChain, *, round: int, budget: Budget) -> StopReason | None:
    """Asked after the verdict of `round`; None: go on."""
    settings = chain.settings
    if chain.record.stop_requested:
        return "stopped"
    if settings.kind == "rank":
        return "ranked"
    if settings.kind == "critique":
        return None
    if round >= settings.rounds:
        return "rounds"
    if settings.max_rankings is not None and count_rankings(connection, chain.key) >= settings.max_rankings:
        return "rankings"
    if is_past_deadline(chain):
        return "deadline"
    if budget.limit_usd is not None and budget.spent_usd >= budget.limit_usd:
        return "cost"
    if count_unchanged_rounds(connection, chain.key) >= settings.plateau_rounds:
        return "plateau"
    return None


def is_past_deadline(chain: StoredChain) -> bool:
    return chain.settings.deadline is not None and now() >= chain.settings.deadline


def wanted_rankings(connection: Connection, chain: StoredChain) -> int:
    """What is left of the chain's ranking limit, at most a round's worth; at least one."""
    wanted = chain.settings.rankings_per_round
    if chain.settings.max_rankings is not None:
        wanted = min(wanted, chain.settings.max_rankings - count_rankings(connection, chain.key))
    return max(wanted, 1)


def blind_order(chain: StoredChain, round: int, candidates: Sequence[StoredCandidate]) -> list[StoredCandidate]:
    """Shuffled, so that c1 says nothing about who is the incumbent; the same whenever the chain is run again."""
    return sorted(candidates, key=lambda it: _hash(f"{chain.record.seed}:order:{round}:{it.round}:{it.slot}"))


def is_chosen_for_audit(chain: StoredChain) -> bool:
    """A seeded draw per prompt, so that the same project audits the same chains."""
    drawn = _hash(f"{chain.settings.seed}:audit:{chain.record.prompt_key}")
    return int.from_bytes(drawn[:8], "big") / 2**64 < chain.settings.audit_share


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
