"""Forking a chain: its rows up to a verdict are copied into a chain of its own."""

import hashlib
from typing import Any, cast

import orjson
from sqlalchemy import Connection, Table, insert, select, update

from refine.errors import InputError
from refine.settings import ProjectSettings
from store.chains import StoredChain, load_chain, make_seed
from store.events import record_event
from store.ids import make_ulid, now
from store.projects import add_settings_version
from store.tables import (
    ASSIGNMENT,
    CANDIDATE,
    CANDIDATE_FILE,
    CHAIN,
    CHECK,
    CONTROL,
    CRITIQUE,
    EDIT,
    MODEL_CALL,
    PLAN,
    RANKING,
    REPAIR,
    ROUND,
    ROUND_CANDIDATE,
    VERDICT,
)
from store.work_tables import RANKING_DETAIL


def fork_chain(connection: Connection, ulid: str, *, round: int, settings: ProjectSettings) -> str:
    """The new chain's id. It stands after the verdict of `round`; plan and revisions after it are made anew.

    Copied model calls are marked, so that sums do not count them twice; people's words are not copied but referred to.
    """
    chain = load_chain(connection, ulid)
    verdict = connection.execute(
        select(VERDICT.c.winner_id)
        .join(ROUND, ROUND.c.id == VERDICT.c.round_id)
        .where(ROUND.c.chain_id == chain.key, ROUND.c.kind == "normal", ROUND.c.number == round)
    ).first()
    if verdict is None:
        raise InputError(
            f"chain {chain.record.id} has no verdict in round {round}; it has {chain.record.rounds_judged}"
        )
    settings_key = chain.settings_key
    if settings != chain.settings:
        settings_key, _ = add_settings_version(connection, chain.project_key, settings, scope="fork")
    new_ulid = make_ulid()
    result = connection.execute(
        insert(CHAIN).values(
            ulid=new_ulid,
            project_id=chain.project_key,
            prompt_id=chain.prompt_row,
            settings_version_id=settings_key,
            kind=settings.kind,
            state="active",
            # Its own seed: with the old one and the old settings it would be the same chain again.
            seed=make_seed(settings.seed, new_ulid),
            priority=chain.record.priority,
            is_demo=chain.record.is_demo or settings.is_demo,
            is_simulated=chain.record.is_simulated or settings.is_simulated,
            parent_chain_id=chain.key,
            fork_round=round,
            created_at=now(),
        )
    )
    new_key = int(cast(Any, result).inserted_primary_key[0])
    record_event(connection, new_key, "chain_forked", round, parent=chain.record.id)
    _Copy(connection, chain.key, new_key, round).run(
        incumbent=_incumbent_after(connection, chain, round) or verdict.winner_id
    )
    return new_ulid


def _incumbent_after(connection: Connection, chain: StoredChain, round: int) -> int | None:
    """The incumbent in force after the verdict of that round: its winner, unless a person pinned another."""
    if round == chain.record.rounds_judged:
        return chain.incumbent_key
    return connection.execute(
        select(ROUND_CANDIDATE.c.candidate_id)
        .join(ROUND, ROUND.c.id == ROUND_CANDIDATE.c.round_id)
        .where(
            ROUND.c.chain_id == chain.key,
            ROUND.c.kind == "normal",
            ROUND.c.number == round + 1,
            ROUND_CANDIDATE.c.is_incumbent.is_(True),
        )
    ).scalar_one_or_none()


class _Copy:
    """Copies rows table by table, keeping a map from old keys to new ones for each."""

    def __init__(self, connection: Connection, old_chain: int, new_chain: int, round: int) -> None:
        self.connection = connection
        self.old_chain = old_chain
        self.new_chain = new_chain
        self.round = round
        self.names: dict[str, str] = {}
        """Old public id of a candidate or critique -> new one."""

    def run(self, *, incumbent: int) -> None:
        upto = self.round
        calls = self.copy(
            MODEL_CALL,
            (MODEL_CALL.c.chain_id == self.old_chain)
            & (MODEL_CALL.c.round <= upto)
            & ~((MODEL_CALL.c.step == "distil") & (MODEL_CALL.c.round == upto)),
            chain_id=self.new_chain,
            is_copied=True,
        )
        rounds = self.copy(
            ROUND,
            (ROUND.c.chain_id == self.old_chain) & (ROUND.c.kind == "normal") & (ROUND.c.number <= upto),
            chain_id=self.new_chain,
        )
        # Plans refer to candidates and critiques, and candidates to plans: a candidate's plan is set at the end.
        candidates = self.copy(
            CANDIDATE,
            (CANDIDATE.c.chain_id == self.old_chain) & (CANDIDATE.c.round <= upto),
            chain_id=self.new_chain,
            maps={"call_id": calls, "parent_id": None},
            plan_id=None,
        )
        for table in (CANDIDATE_FILE, CHECK, EDIT):
            self.copy(table, table.c.candidate_id.in_(list(candidates)), maps={"candidate_id": candidates})
        self.copy(REPAIR, (REPAIR.c.chain_id == self.old_chain) & (REPAIR.c.round <= upto), chain_id=self.new_chain)
        self.copy(
            ROUND_CANDIDATE,
            ROUND_CANDIDATE.c.round_id.in_(list(rounds)),
            maps={"round_id": rounds, "candidate_id": candidates},
        )
        controls = self.copy(
            CONTROL,
            CONTROL.c.round_id.in_(list(rounds)),
            maps={"round_id": rounds, "original_id": candidates, "candidate_id": candidates},
        )
        assignments = self.copy(
            ASSIGNMENT,
            ASSIGNMENT.c.round_id.in_(list(rounds)) & (ASSIGNMENT.c.state == "finished"),
            maps={"round_id": rounds, "control_id": controls},
            cost_usd=0.0,  # paid by the chain it came from
            change=lambda row: {"shown": [candidates[key] for key in row["shown"]]},
        )
        rankings = self.copy(
            RANKING,
            RANKING.c.round_id.in_(list(rounds)),
            maps={"assignment_id": assignments, "round_id": rounds},
            change=lambda row: {
                "groups": [[candidates[key] for key in group] for group in row["groups"]],
                "unjudgeable": [candidates[key] for key in row["unjudgeable"]],
                "key": f"fork:{self.new_chain}:{row['id']}",
            },
        )
        self.copy(
            CRITIQUE,
            CRITIQUE.c.round_id.in_(list(rounds)),
            maps={"ranking_id": rankings, "round_id": rounds, "candidate_id": candidates},
        )
        self.copy(
            RANKING_DETAIL,
            RANKING_DETAIL.c.ranking_id.in_(list(rankings)),
            maps={"ranking_id": rankings},
            change=lambda row: {
                "reasons": {str(candidates[int(key)]): text for key, text in row["reasons"].items()},
                "criteria": {
                    name: [[candidates[key] for key in group] for group in groups]
                    for name, groups in row["criteria"].items()
                },
                "follow_ups": self.rename(row["follow_ups"]),
                "tried": row["tried"] and {str(candidates[int(key)]): it for key, it in row["tried"].items()},
            },
        )
        plans = self.copy(
            PLAN,
            PLAN.c.round_id.in_([key for key in rounds if self.number_of(key) < upto]),
            maps={"round_id": rounds, "parent_candidate_id": candidates, "call_id": calls},
            change=self.rename_plan,
        )
        for old, new in candidates.items():
            plan = self.connection.execute(select(CANDIDATE.c.plan_id).where(CANDIDATE.c.id == old)).scalar_one()
            if plan is not None:
                self.connection.execute(update(CANDIDATE).where(CANDIDATE.c.id == new).values(plan_id=plans[plan]))
        self.copy(
            VERDICT,
            VERDICT.c.round_id.in_(list(rounds)),
            maps={"round_id": rounds, "winner_id": candidates, "incumbent_id": candidates},
            change=lambda row: {"verdict": self.rename(row["verdict"])},
        )
        self.connection.execute(
            update(CHAIN).where(CHAIN.c.id == self.new_chain).values(incumbent_id=candidates[incumbent])
        )

    def number_of(self, round_key: int) -> int:
        return int(self.connection.execute(select(ROUND.c.number).where(ROUND.c.id == round_key)).scalar_one())

    def rename_plan(self, row: Any) -> dict[str, Any]:
        plan = self.rename(row["plan"])
        return {"plan": plan, "sha256": hashlib.sha256(orjson.dumps(plan, option=orjson.OPT_SORT_KEYS)).hexdigest()}

    def rename(self, value: Any) -> Any:
        """Public ids of candidates and critiques inside a stored verdict or plan, as keys or values."""
        if isinstance(value, str):
            return self.names.get(value, value)
        if isinstance(value, list):
            return [self.rename(item) for item in value]
        if isinstance(value, dict):
            return {self.names.get(key, key): self.rename(item) for key, item in value.items()}
        return value

    def copy(
        self,
        table: Table,
        condition: Any,
        *,
        maps: dict[str, dict[int, int] | None] | None = None,
        change: Any = None,
        **fixed: Any,
    ) -> dict[int, int]:
        """Old key -> new key. `maps` says how foreign keys change (None: within this same table)."""
        copied: dict[int, int] = {}
        rows = self.connection.execute(select(table).where(condition).order_by(table.c.id)).mappings().all()
        for row in rows:
            values = {name: value for name, value in row.items() if name != "id"} | fixed
            for name, keys in (maps or {}).items():
                if values[name] is not None:
                    values[name] = (copied if keys is None else keys)[values[name]]
            if "ulid" in values:
                values["ulid"] = make_ulid()
                if table in (CANDIDATE, CRITIQUE):
                    self.names[row["ulid"]] = values["ulid"]
            if change is not None:
                values |= change(row)
            result = self.connection.execute(insert(table).values(**values))
            copied[row["id"]] = int(cast(Any, result).inserted_primary_key[0])
        return copied
