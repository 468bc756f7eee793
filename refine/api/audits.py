"""Did refinement help? Win rates of the final candidate over the first, for a project."""

from dataclasses import dataclass

from refine.errors import InputError
from refine.ranking.audit import InChainEstimate, WinRate, in_chain_estimate, win_rate
from store.audits import AuditedChain, count_auditable, load_audited, load_last_verdicts
from store.database import Database
from store.projects import find_project


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    audited: WinRate
    """From audit rounds: labelers new to the chain, first draft and final only. The figure to report."""
    in_chain: InChainEstimate
    """From the rankings that chose the final; optimistic."""
    ended: int
    """Ended chains from which the audited ones were drawn."""
    open: int
    """Audit rounds still waiting for rankings."""


def win_rates(database: Database, project: str) -> AuditReport:
    found = database.read(find_project, project)
    if found is None:
        raise InputError(f"there is no project {project!r} in {database.path}; `refine project list` shows them")
    audited, still_open = audited_win_rate(database, found.key)
    return AuditReport(
        audited=audited,
        in_chain=in_chain_estimate(database.read(load_last_verdicts, found.key)),
        ended=database.read(count_auditable, found.key),
        open=still_open,
    )


def audited_win_rate(database: Database, project_key: int) -> tuple[WinRate, int]:
    """(what audit rounds say, how many of them are still open): `win_rates` without what is slow for many chains."""
    chains = database.read(load_audited, project_key)
    ended = database.read(count_auditable, project_key)
    done = [chain for chain in chains if chain.is_done]
    return win_rate([outcome_of(chain) for chain in done], ended_chains=ended or None), len(chains) - len(done)


def outcome_of(chain: AuditedChain) -> tuple[float, float, float]:
    """(wins, ties, losses) of the final over the first."""
    if chain.is_same:
        return 0.0, 1.0, 0.0
    wins = ties = losses = 0
    for groups in chain.rankings:
        rank = {candidate: n for n, group in enumerate(groups) for candidate in group}
        if chain.first not in rank or chain.final not in rank:
            continue  # one could not be judged
        difference = rank[chain.first] - rank[chain.final]
        wins += difference > 0
        ties += difference == 0
        losses += difference < 0
    return float(wins), float(ties), float(losses)
