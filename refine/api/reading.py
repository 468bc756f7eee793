"""A chain with everything recorded about it, read from the store as one record."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from refine.errors import StoreError
from refine.export import (
    ExportCall,
    ExportCandidate,
    ExportChain,
    ExportCritique,
    ExportRanking,
    ExportReplaced,
    ExportRound,
)
from refine.types import ModelReply
from store.calls import RecordedCall, load_calls, sum_spending
from store.candidates import StoredCandidate, load_candidates, load_edits, load_files
from store.chains import StoredChain, load_chain, page_project
from store.controls import load_controls_of_rounds
from store.database import Connection, Database
from store.events import load_events
from store.plans import load_plan
from store.projects import load_prompt, load_settings_versions
from store.rankings import load_full_rankings
from store.rounds import StoredRound, load_rounds, load_shown
from store.verdicts import load_verdict

T = TypeVar("T")
D = TypeVar("D")


class Damage:
    """What of a chain could not be read. Without `is_borne`, the first of it is raised instead."""

    def __init__(self, *, is_borne: bool) -> None:
        self._is_borne = is_borne
        self.found: list[str] = []

    def bear(self, what: str, load: Callable[[], T], without: D) -> T | D:
        """What `load` gives, or `without` where it is damaged."""
        if not self._is_borne:
            return load()
        try:
            return load()
        except StoreError as error:
            self.found.append(f"{what}: {error}")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self.found.append(f"{what}: is not what was written ({type(error).__name__})")
        return without


def read_chain(database: Database, chain_id: str) -> ExportChain:
    """Raises InputError for an unknown id, StoreError for a damaged chain."""
    return database.read(_read, chain_id, Damage(is_borne=False))


def read_damaged_chain(database: Database, chain_id: str) -> tuple[ExportChain, tuple[str, ...]]:
    """What can be read of a chain, and a line for each part that cannot. Raises InputError for an unknown id."""
    damage = Damage(is_borne=True)
    return database.read(_read, chain_id, damage), tuple(damage.found)


def trajectory_line(database: Database, chain_id: str) -> bytes:
    """The chain as a line of the export `trajectory`, whatever its state. Raises InputError for an unknown id."""
    from refine.export import Filters, trajectory
    from refine.export.folder import encode_row

    chain = read_chain(database, chain_id)
    return b"".join(encode_row(row) for row in trajectory([chain], Filters(include_demo=True)))


def read_project(database: Database, project_key: int) -> Iterator[ExportChain]:
    """The project's chains one at a time, in the order they were ordered."""
    after = 0
    while page := database.read(page_project, project_key, after=after):
        for chain in page:
            yield database.read(_read_stored, chain, Damage(is_borne=False))
        after = page[-1].key


def _read(connection: Connection, chain_id: str, damage: Damage) -> ExportChain:
    return _read_stored(connection, load_chain(connection, chain_id), damage)


def _read_stored(connection: Connection, chain: StoredChain, damage: Damage) -> ExportChain:
    record = chain.record
    candidates = load_candidates(connection, chain.key, controls=True)
    controls = load_controls_of_rounds(connection, chain.key)
    names = {candidate.key: candidate.id for candidate in candidates}
    rounds = load_rounds(connection, chain.key)
    nothing: dict[int, list[dict[str, Any]]] = {}
    rankings = damage.bear("rankings", lambda: load_full_rankings(connection, chain.key), nothing)
    spending = sum_spending(connection, chain_key=chain.key)
    prompt = load_prompt(connection, chain.prompt_row)
    events = damage.bear("events", lambda: tuple(load_events(connection, chain.key)), ())
    pins = {event.round: event.refs["candidate"] for event in events if event.type == "pin_taken"}
    read_rounds = tuple(
        _round(connection, round, rankings.get(round.key, []), pins, controls.get(round.key, ()), damage)
        for round in rounds
    )
    versions = {record.settings_version} | {
        ranking.settings_version for round in read_rounds for ranking in round.rankings
    }
    return ExportChain(
        id=record.id,
        project=record.project,
        prompt_key=record.prompt_key,
        prompt=record.prompt,
        licence=prompt.licence,
        source=prompt.source,
        metadata=prompt.metadata,
        kind=record.kind,
        state=record.state,
        stop_reason=record.stop_reason,
        error=record.error,
        seed=record.seed,
        parent_chain=record.parent_chain,
        fork_round=chain.fork_round,
        settings_version=record.settings_version,
        settings=load_settings_versions(connection, chain.project_key, versions),
        is_demo=record.is_demo,
        is_simulated=record.is_simulated,
        incumbent=record.incumbent,
        candidates=tuple(_candidate(connection, candidate, names, damage) for candidate in candidates),
        rounds=read_rounds,
        calls=damage.bear("model calls", lambda: tuple(map(_call, load_calls(connection, chain.key))), ()),
        events=events,
        models_cost_usd=None if spending.unpriced_calls else spending.models_usd,
        people_cost_usd=None if spending.unpriced_assignments else spending.people_usd,
        created_at=record.created_at,
        ended_at=record.ended_at,
    )


def _candidate(
    connection: Connection, candidate: StoredCandidate, names: dict[int, str], damage: Damage
) -> ExportCandidate:
    what = f"candidate {candidate.id}"
    edits = damage.bear(f"edits of {what}", lambda: tuple(load_edits(connection, candidate.key)), ())
    parent = candidate.parent_key
    return ExportCandidate(
        id=candidate.id,
        parent=None if parent is None else damage.bear(f"parent of {what}", lambda: names[parent], None),
        kind=candidate.kind,
        generator=candidate.generator,
        made_in_round=candidate.round,
        files=damage.bear(f"files of {what}", lambda: load_files(connection, candidate.key), ()),
        content_sha256=candidate.content_sha256,
        given_id=candidate.given_id,
        how="" if candidate.kind == "given" else candidate.how,
        edits=edits,
        is_failed=not candidate.is_ok,
        reason=candidate.reason,
    )


def _round(
    connection: Connection,
    round: StoredRound,
    rankings: list[dict[str, Any]],
    pins: dict[int, str],
    controls: tuple[str, ...],
    damage: Damage,
) -> ExportRound:
    what = f"round {round.number}" if round.kind == "normal" else "the audit round"
    plan = damage.bear(f"plan of {what}", lambda: load_plan(connection, round.key), None)
    return ExportRound(
        number=round.number,
        kind=round.kind,
        shown=(*(candidate.id for candidate, _, _ in load_shown(connection, round.key)), *controls),
        controls=controls,
        rankings=tuple(_ranking(ranking) for ranking in rankings),
        verdict=damage.bear(f"verdict of {what}", lambda: load_verdict(connection, round.key), None),
        pinned=pins.get(round.number) if round.kind == "normal" else None,
        plan=None if plan is None else plan.plan,
    )


def _ranking(values: dict[str, Any]) -> ExportRanking:
    critiques = _critiques(values["critiques"])
    replaced = tuple(
        ExportReplaced(**{**earlier, "critiques": _critiques(earlier["critiques"])}) for earlier in values["replaced"]
    )
    return ExportRanking(**{**values, "critiques": critiques, "replaced": replaced})


def _critiques(values: list[dict[str, Any]]) -> tuple[ExportCritique, ...]:
    return tuple(ExportCritique(**critique) for critique in values)


def _call(call: RecordedCall) -> ExportCall:
    reply = None
    if call.is_ok:
        reply = ModelReply(
            text=call.reply or "",
            model_returned=call.model_returned or "",
            provider=call.provider or "",
            finish_reason=call.finish_reason or "",
            reasoning=call.reasoning,
            reasoning_kind=call.reasoning_kind,
            usage=call.usage,
            cost_usd=call.cost_usd,
            latency_ms=call.latency_ms or 0.0,
            errors=call.errors,
            is_cached=call.is_cached,
        )
    return ExportCall(
        id=call.id,
        round=call.round,
        step=call.step,
        slot=call.slot,
        turn=call.turn,
        attempt=call.attempt,
        template=call.template,
        model=call.model,
        seed=call.seed,
        params=call.params,
        messages=call.messages,
        messages_sha256=call.messages_sha256,
        reply=reply,
        error=None if call.is_ok else "; ".join(call.errors),
        is_copied=call.is_copied,
        created_at=call.created_at,
    )
