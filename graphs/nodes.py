"""The nodes of the loop. Each reads from the store where its chain stands, does one thing, and says where to go.

A node may be run twice (LangGraph runs an interrupted one again from its top, and a killed process runs its last one
again): what is there already is kept, only what is missing is made.
"""

from dataclasses import dataclass
from typing import Any, Literal

from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from graphs.calls import converse
from graphs.context import LoopContext
from graphs.making import finish_chain, make_draft, make_revision, spare_slots
from graphs.policy import reason_to_stop
from graphs.showing import halt_if_told, put_on_show, stop
from graphs.state import LoopState
from refine.errors import LimitReached, ModelError, ModelMisconfigured, ModelUnreachable
from refine.llm.budget import Budget
from refine.ranking.verdict import judge as judge_rankings
from refine.revise import distil_from_replies, distil_step
from refine.types import CritiqueRecord, EditPlan, Files, RankingRecord, StopReason, Verdict
from store.candidates import StoredCandidate, load_candidate, load_candidates, load_files
from store.chains import StoredChain, finish_audit, load_chain, set_state
from store.database import Connection
from store.plans import StoredPlan, has_plan, load_plan, record_plan
from store.rankings import load_critiques, load_rankings
from store.rounds import StoredRound, load_shown, newest_round
from store.verdicts import record_verdict


def _chain(state: LoopState, runtime: Runtime[LoopContext]) -> StoredChain:
    return runtime.context.database.read(load_chain, state["chain"])


def _chain_and_round(connection: Connection, ulid: str) -> tuple[StoredChain, StoredRound | None]:
    chain = load_chain(connection, ulid)
    return chain, newest_round(connection, chain.key)


async def locate(
    state: LoopState, runtime: Runtime[LoopContext]
) -> Command[Literal["draft", "await_feedback", "judge", "await_audit", "finish", "__end__"]]:
    """Where the chain stands, by the store alone: a new chain, and one whose checkpoint is gone, begin here."""
    chain, round = runtime.context.database.read(_chain_and_round, state["chain"])
    if chain.record.state == "ended" or chain.record.is_paused:
        return Command(goto="__end__")
    if chain.record.state == "audit":
        return Command(goto="await_audit")
    if chain.record.stop_requested:
        return stop("stopped")
    if round is None:
        return Command(goto="draft")
    if round.state in ("open", "full"):
        return Command(goto="await_feedback")
    # The verdict is there; whatever was made after it is found and kept by the nodes from here on.
    return Command(goto="judge")


async def draft(
    state: LoopState, runtime: Runtime[LoopContext]
) -> Command[Literal["await_feedback", "finish", "__end__"]]:
    """Candidates from the prompt alone: round one, or challengers after a round that nobody criticised."""

    def begin(connection: Connection) -> tuple[StoredChain, list[StoredCandidate]]:
        chain = load_chain(connection, state["chain"])
        return chain, load_candidates(connection, chain.key, round=chain.record.round + 1)

    context = runtime.context
    chain, made = context.database.read(begin)
    if (halt := halt_if_told(chain)) is not None:
        return halt
    number = chain.record.round + 1
    if any(candidate.kind == "given" for candidate in made):
        return await put_on_show(context, chain, number)
    if number == 1:
        await context.database.write(set_state, chain.key, "active")
    wanted = chain.settings.candidates if number == 1 else chain.settings.revisions
    return await put_on_show(
        context, chain, number, [make_draft(context, chain, number, slot) for slot in spare_slots(made, wanted)]
    )


async def await_feedback(
    state: LoopState, runtime: Runtime[LoopContext]
) -> Command[Literal["await_feedback", "draft", "revise", "finish", "__end__"]]:
    """Wait until the round is full, then judge it. Nothing with an effect stands before the interrupt."""
    chain, round, evidence = runtime.context.database.read(_look, state["chain"])
    if chain.record.stop_requested:
        return stop("stopped")
    if chain.record.is_paused or round is None:
        return Command(goto="__end__")
    if round.state == "open":
        interrupt(round.id)
        return Command(goto="await_feedback")  # look again: the store says whether it is full
    return await _judge(runtime.context, chain, round, evidence)


async def judge(
    state: LoopState, runtime: Runtime[LoopContext]
) -> Command[Literal["draft", "revise", "finish", "__end__"]]:
    """The way back in after a verdict: a chain that was left there begins its next round here."""
    chain, round, evidence = runtime.context.database.read(_look, state["chain"])
    assert round is not None and round.state != "open"
    return await _judge(runtime.context, chain, round, evidence)


_Evidence = tuple[list[tuple[StoredCandidate, int, bool]], list[RankingRecord]]


def _look(connection: Connection, ulid: str) -> tuple[StoredChain, StoredRound | None, _Evidence | None]:
    """Chain, round, and what its verdict is to rest on: None unless one is due."""
    chain, round = _chain_and_round(connection, ulid)
    if round is None or round.state != "full":
        return chain, round, None
    rankings = load_rankings(connection, chain.key, upto=round.number)
    return chain, round, (load_shown(connection, round.key), rankings)


async def _judge(
    context: LoopContext, chain: StoredChain, round: StoredRound, evidence: _Evidence | None
) -> Command[Any]:
    """The verdict, on all comparisons of the chain so far; then, if the chain goes on, an edit plan."""
    if evidence is None:
        stand = context.database.read(_stand, chain.record.id, round, context.budget)
    else:
        shown, rankings = evidence
        reliabilities = context.reliabilities
        incumbents = [candidate.id for candidate, _, is_incumbent in shown if is_incumbent]
        verdict = judge_rankings(
            rankings=rankings,
            shown=[candidate.id for candidate, _, _ in shown],
            incumbent=incumbents[0] if incumbents else None,
            gate=chain.settings.gate,
            seed=(chain.record.seed + round.number) & 0x7FFFFFFF,
            snapshot=None if reliabilities is None else await reliabilities.snapshot_for(chain),
            chain=chain.record.id,
        )
        stand = await context.database.write(_give_verdict, chain, round, verdict, context.budget)
        if reliabilities is not None:
            reliabilities.count(chain, sum(it.round == round.number and it.weight > 0 for it in rankings))
    if stand.reason is not None:
        return stop(stand.reason)
    if (halt := halt_if_told(stand.chain)) is not None:
        return halt
    return await _distil(context, round, stand)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """Where the chain stands after its verdict."""

    chain: StoredChain
    reason: StopReason | None
    plan: EditPlan | None
    critiques: list[CritiqueRecord]
    """Of the page that is to be revised; praise and blame of others make no issues."""


def _give_verdict(
    connection: Connection, chain: StoredChain, round: StoredRound, verdict: Verdict, budget: Budget
) -> _Stand:
    record_verdict(connection, chain, round, verdict)
    return _stand(connection, chain.record.id, round, budget)


def _stand(connection: Connection, ulid: str, round: StoredRound, budget: Budget) -> _Stand:
    chain = load_chain(connection, ulid)
    reason = reason_to_stop(connection, chain, round=round.number, budget=budget)
    if reason is not None:
        return _Stand(chain=chain, reason=reason, plan=None, critiques=[])
    stored = load_plan(connection, round.key)
    critiques = [it for it in load_critiques(connection, round.key) if it.candidate == chain.record.incumbent]
    return _Stand(chain=chain, reason=None, plan=stored.plan if stored else None, critiques=critiques)


async def _distil(context: LoopContext, round: StoredRound, stand: _Stand) -> Command[Any]:
    """Make an edit plan of the round's critiques. A bad distiller never kills a chain: the plan is then our own."""
    chain, plan, critiques = stand.chain, stand.plan, stand.critiques
    parent = chain.record.incumbent
    assert parent is not None and chain.incumbent_key is not None
    if plan is None and critiques:
        call_key = None
        try:
            distilled, replies = await converse(
                context,
                chain,
                round=round.number,
                step="distil",
                slot=0,
                next_step=lambda replies: distil_step(chain.record.prompt, critiques, parent=parent, replies=replies),
            )
            assert isinstance(distilled, EditPlan)
            plan, call_key = distilled, replies[-1].key if replies else None
        except LimitReached as limit:
            return stop("cost", str(limit))
        except (ModelMisconfigured, ModelUnreachable):
            raise
        except ModelError:
            plan = distil_from_replies(chain.record.prompt, critiques, parent=parent, replies=())
        assert plan is not None
        await context.database.write(
            record_plan, chain.key, round, plan, parent_key=chain.incumbent_key, call_key=call_key
        )
    if chain.settings.kind == "critique":
        return stop("criticised")
    if plan is not None:
        return stop("nothing_left") if plan.is_empty else Command(goto="revise")
    if round.number > 1 and not context.database.read(has_plan, chain.key, round.number - 1):
        return stop("nothing_left")
    return Command(goto="draft")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What is to be revised, after which plan."""

    plan: StoredPlan
    parent: StoredCandidate
    files: Files
    made: list[StoredCandidate]


async def revise(
    state: LoopState, runtime: Runtime[LoopContext]
) -> Command[Literal["await_feedback", "finish", "__end__"]]:
    """Several revisions of the incumbent after the plan."""
    context = runtime.context
    chain, order = context.database.read(_order, state["chain"])
    if (halt := halt_if_told(chain)) is not None:
        return halt
    number = chain.record.round + 1
    work = [
        make_revision(context, chain, number, slot, parent=order.parent, files=order.files, plan=order.plan)
        for slot in spare_slots(order.made, chain.settings.revisions)
    ]
    return await put_on_show(context, chain, number, work)


def _order(connection: Connection, ulid: str) -> tuple[StoredChain, _Order]:
    chain, round = _chain_and_round(connection, ulid)
    assert round is not None
    plan = load_plan(connection, round.key)
    assert plan is not None
    return chain, _Order(
        plan=plan,
        parent=load_candidate(connection, plan.parent_key),
        files=load_files(connection, plan.parent_key),
        made=load_candidates(connection, chain.key, round=round.number + 1),
    )


async def finish(state: LoopState, runtime: Runtime[LoopContext]) -> Command[Literal["await_audit", "__end__"]]:
    """Give the chain its stop reason, and, where it is drawn for one, an audit round."""
    context = runtime.context
    chain = _chain(state, runtime)
    is_audited = await context.database.write(finish_chain, chain, reason=state["reason"], error=state.get("error"))
    return Command(goto="await_audit" if is_audited else "__end__")


async def await_audit(state: LoopState, runtime: Runtime[LoopContext]) -> Command[Literal["await_audit", "__end__"]]:
    """Wait for labelers who never saw the chain; their rankings feed no verdict."""
    context = runtime.context
    chain = _chain(state, runtime)
    round = context.database.read(newest_round, chain.key, kind="audit")
    if chain.record.is_paused:
        return Command(goto="__end__")
    if round is not None and round.state == "open" and not chain.record.stop_requested:
        interrupt(round.id)
        return Command(goto="await_audit")
    await context.database.write(finish_audit, chain.key, round=chain.record.round)
    return Command(goto="__end__")
