"""Judged rounds as they were judged, for judging them again as if a labeler's work counted otherwise. Only reads."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from refine.settings import ProjectSettings
from refine.types import RankingRecord, Verdict
from store.chains import load_chain_by_key
from store.rankings import load_rankings
from store.rounds import load_shown
from store.tables import CHAIN, LABELER, PROJECT, RANKING, ROUND
from store.verdicts import load_verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenVerdict:
    """A verdict with what it rested on."""

    project: str
    chain: str
    chain_seed: int
    round: int
    settings: ProjectSettings
    """Of the chain."""
    shown: tuple[str, ...]
    rankings: tuple[RankingRecord, ...]
    """Those that were there, with the weights of now."""
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Chains whose labelers are judged together."""

    project_key: int | None
    """None: all projects, without what simulated labelers made."""
    chains: tuple[int, ...]
    """Keys of those with a verdict, those the labeler ranked in first, then the newest."""
    ranked_in: int
    """How many of them the labeler ranked in."""


def load_scopes(connection: Connection, labeler_id: str, project_key: int | None = None) -> list[Scope]:
    """Of the labeler with this public id, in one project or in all."""
    key = connection.execute(select(LABELER.c.id).where(LABELER.c.ulid == labeler_id)).scalar_one()
    judged = (
        select(ROUND.c.id, ROUND.c.chain_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .where(ROUND.c.state == "judged", ROUND.c.kind == "normal")
        .where(or_(CHAIN.c.fork_round.is_(None), ROUND.c.number > CHAIN.c.fork_round))
    )
    if project_key is not None:
        judged = judged.where(CHAIN.c.project_id == project_key)
    rounds = judged.subquery()
    own = {
        chain
        for (chain,) in connection.execute(
            select(rounds.c.chain_id)
            .join(RANKING, RANKING.c.round_id == rounds.c.id)
            .where(RANKING.c.labeler_id == key)
            .distinct()
        )
    }
    everything = [
        tuple(row)
        for row in connection.execute(
            select(CHAIN.c.id, CHAIN.c.project_id, CHAIN.c.is_simulated)
            .where(CHAIN.c.id.in_(select(rounds.c.chain_id)))
            .order_by(CHAIN.c.id.desc())
        )
    ]
    scope_of = {chain: project if is_simulated else None for chain, project, is_simulated in everything}
    found = []
    for scope in sorted({scope_of[chain] for chain in own}, key=lambda it: (it is not None, it)):
        chains = [chain for chain, _, _ in everything if scope_of[chain] == scope]
        chains.sort(key=lambda chain: chain not in own)
        found.append(
            Scope(project_key=scope, chains=tuple(chains), ranked_in=sum(scope_of[chain] == scope for chain in own))
        )
    return found


def load_given(connection: Connection, chain_key: int) -> Iterator[GivenVerdict]:
    """Verdicts of the chain, the first round first; those a fork took over are its parent's."""
    chain = load_chain_by_key(connection, chain_key)
    where = connection.execute(
        select(PROJECT.c.name, CHAIN.c.fork_round)
        .join(CHAIN, CHAIN.c.project_id == PROJECT.c.id)
        .where(CHAIN.c.id == chain_key)
    ).one()
    at = {
        ulid: created
        for ulid, created in connection.execute(
            select(RANKING.c.ulid, RANKING.c.created_at)
            .join(ROUND, ROUND.c.id == RANKING.c.round_id)
            .where(ROUND.c.chain_id == chain_key)
        )
    }
    rankings = load_rankings(connection, chain_key)
    for row in connection.execute(
        select(ROUND.c.id, ROUND.c.number, ROUND.c.judged_at)
        .where(ROUND.c.chain_id == chain_key, ROUND.c.kind == "normal", ROUND.c.state == "judged")
        .order_by(ROUND.c.number)
    ).all():
        verdict = load_verdict(connection, row.id)
        if verdict is None or (where.fork_round is not None and row.number <= where.fork_round):
            continue
        yield GivenVerdict(
            project=where.name,
            chain=chain.record.id,
            chain_seed=chain.record.seed,
            round=row.number,
            settings=chain.settings,
            shown=tuple(candidate.id for candidate, _, _ in load_shown(connection, row.id)),
            rankings=tuple(
                it
                for it in rankings
                if it.round <= row.number and (row.judged_at is None or at[it.id] <= row.judged_at)
            ),
            verdict=verdict,
        )
