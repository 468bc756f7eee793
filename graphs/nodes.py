"""The nodes of the loop. Each reads from the store where its chain stands, does one thing, and says where to go.

A node may be run twice (LangGraph runs an interrupted one again from its top, and a killed process runs its last one
again): what is there already is kept, only what is missing is made.
"""

from typing import Any, Literal

from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from graphs.calls import converse, gather_all
from graphs.context import LoopContext
from graphs.making import finish_chain, make_draft, make_revision, spare_slots, split_duplicates
from graphs.policy import blind_order, is_past_deadline, reason_to_stop, wanted_rankings
from graphs.state import LoopState
from refine.artifact import check_files
from refine.errors import LimitReached, ModelError, ModelMisconfigured, ModelUnreachable
from refine.ranking.verdict import judge as judge_rankings
from refine.revise import distil_from_replies, distil_step
from refine.types import EditPlan, StopReason
from store.chains import StoredChain, finish_audit, load_chain, set_state
from store.rounds import (
    StoredCandidate,
    find_unchecked,
    has_plan,
    load_candidate,
    load_candidates,
    load_critiques,
    load_files,
    load_plan,
    load_rankings,
    load_shown,
    newest_round,
    open_round,
    record_checks,
    record_plan,
    record_verdict,
)


def _chain(state: LoopState, runtime: Runtime[LoopContext]) -> StoredChain:
    return runtime.context.database.read(load_chain, state["chain"])


def _stop(reason: StopReason, error: str | None = None) -> Command[Any]:
    return Command(update={"reason": reason, "error": error}, goto="finish")


def _halt(chain: StoredChain, *, heeds_deadline: bool = True) -> Command[Any] | None:
    """Whether a person, or the clock, says that no further step is to be begun."""
    if chain.record.stop_requested:
        return _stop("stopped")
    if chain.record.is_paused:
        return Command(goto="__end__")
    if heeds_deadline and is_past_deadline(chain):
        return _stop("deadline")
    return None


async def locate(
    state: LoopState, runtime: Runtime[LoopContext]
) -> Command[Literal["draft", "await_feedback", "distil", "await_audit", "finish", "__end__"]]:
    """Where the chain stands, by the store alone: a new chain, and one whose checkpoint is gone, begin here."""
    context = runtime.context
    chain = _chain(state, runtime)
    if chain.record.state == "ended" or chain.record.is_paused:
        return Command(goto="__end__")
    if chain.record.state == "audit":
        return Command(goto="await_audit")
    if chain.record.stop_requested:
        return _stop("stopped")
    round = context.database.read(newest_round, chain.key)
    if round is None:
        return Command(goto="draft")
    if round.state in ("open", "full"):
        return Command(goto="await_feedback")
    # The verdict is there; whatever was made after it is found and kept by the nodes from here on.
    reason = context.database.read(reason_to_stop, chain, round=round.number, budget=context.budget)
    return Command(goto="distil") if reason is None else _stop(reason)


async def draft(state: LoopState, runtime: Runtime[LoopContext]) -> Command[Literal["check", "finish", "__end__"]]:
    """Candidates from the prompt alone: round one, or challengers after a round that nobody criticised."""
    context = runtime.context
    chain = _chain(state, runtime)
    if (halt := _halt(chain)) is not None:
        return halt
    number = chain.record.round + 1
    made = context.database.read(load_candidates, chain.key, round=number)
    if any(candidate.kind == "given" for candidate in made):
        return Command(goto="check")
    if number == 1:
        await context.database.write(set_state, chain.key, "active")
    wanted = chain.settings.candidates if number == 1 else chain.settings.revisions
    try:
        await gather_all([make_draft(context, chain, number, slot) for slot in spare_slots(made, wanted)])
    except LimitReached as limit:
        return _stop("cost", str(limit))
    return Command(goto="check")


async def check(state: LoopState, runtime: Runtime[LoopContext]) -> Command[Literal["queue"]]:
    """Drop what is broken, and what is the same as another, before anybody's time is spent on it."""
    context = runtime.context
    chain = _chain(state, runtime)
    number = chain.record.round + 1
    unchecked = context.database.read(find_unchecked, chain.key, number)
    shown_before = [] if chain.incumbent_key is None else [context.database.read(load_candidate, chain.incumbent_key)]
    distinct = split_duplicates(unchecked, shown_before)
    found = []
    for candidate in unchecked:
        files = context.database.read(load_files, candidate.key)
        results = [(it.name, it.passed, it.detail) for it in check_files(files, chain.settings.max_candidate_bytes)]
        twin = distinct[candidate.key]
        results.append(("distinct", twin is None, "" if twin is None else f"the same as candidate {twin}"))
        found.append((candidate, results))
    if found:
        await context.database.write(record_checks, chain.key, found)
    return Command(goto="queue")


async def queue(
    state: LoopState, runtime: Runtime[LoopContext]
) -> Command[Literal["await_feedback", "finish", "__end__"]]:
    """Put the incumbent and its challengers on show, blind."""
    context = runtime.context
    chain = _chain(state, runtime)
    if (halt := _halt(chain, heeds_deadline=False)) is not None:
        return halt
    number = chain.record.round + 1
    made = context.database.read(load_candidates, chain.key, round=number)
    shown = [candidate for candidate in made if candidate.is_ok]
    if not shown or (chain.settings.kind == "rank" and len(shown) < 2):
        return _nothing_to_show(chain, number, made)
    if is_past_deadline(chain):
        return _stop("deadline")
    if chain.incumbent_key is not None:
        shown.append(context.database.read(load_candidate, chain.incumbent_key))
    await context.database.write(
        open_round,
        chain,
        kind="normal",
        number=number,
        candidates=[candidate.key for candidate in blind_order(chain, number, shown)],
        incumbent=chain.incumbent_key,
        wanted=context.database.read(wanted_rankings, chain),
    )
    return Command(goto="await_feedback")


def _nothing_to_show(chain: StoredChain, number: int, made: list[StoredCandidate]) -> Command[Any]:
    reasons = [candidate.reason for candidate in made if candidate.reason]
    if any(candidate.is_ok for candidate in made):
        return _stop("failed", "only one candidate is left, and one alone cannot be ranked; " + "; ".join(reasons))
    never_answered = all(candidate.call_key is None for candidate in made)
    if number == 1 or (made and never_answered):
        return _stop("failed", "; ".join(dict.fromkeys(reasons)) or "no candidate was made")
    return _stop("nothing_left")


async def await_feedback(
    state: LoopState, runtime: Runtime[LoopContext]
) -> Command[Literal["await_feedback", "judge", "finish", "__end__"]]:
    """Wait until the round is full. Nothing with an effect stands before the interrupt."""
    context = runtime.context
    chain = _chain(state, runtime)
    round = context.database.read(newest_round, chain.key)
    if chain.record.stop_requested:
        return _stop("stopped")
    if chain.record.is_paused or round is None:
        return Command(goto="__end__")
    if round.state == "open":
        interrupt(round.id)
        return Command(goto="await_feedback")  # look again: the store says whether it is full
    return Command(goto="judge")


async def judge(state: LoopState, runtime: Runtime[LoopContext]) -> Command[Literal["distil", "finish"]]:
    """The verdict, on all comparisons of the chain so far."""
    context = runtime.context
    chain = _chain(state, runtime)
    round = context.database.read(newest_round, chain.key)
    assert round is not None
    shown = context.database.read(load_shown, round.key)
    incumbents = [candidate.id for candidate, _, is_incumbent in shown if is_incumbent]
    verdict = judge_rankings(
        rankings=context.database.read(load_rankings, chain.key, upto=round.number),
        shown=[candidate.id for candidate, _, _ in shown],
        incumbent=incumbents[0] if incumbents else None,
        gate=chain.settings.gate,
        seed=(chain.record.seed + round.number) & 0x7FFFFFFF,
    )
    await context.database.write(record_verdict, chain, round, verdict)
    chain = _chain(state, runtime)
    reason = context.database.read(reason_to_stop, chain, round=round.number, budget=context.budget)
    return Command(goto="distil") if reason is None else _stop(reason)


async def distil(
    state: LoopState, runtime: Runtime[LoopContext]
) -> Command[Literal["revise", "draft", "finish", "__end__"]]:
    """Make an edit plan of the round's critiques. A bad distiller never kills a chain: the plan is then our own."""
    context = runtime.context
    chain = _chain(state, runtime)
    if (halt := _halt(chain)) is not None:
        return halt
    round = context.database.read(newest_round, chain.key)
    assert round is not None and chain.record.incumbent is not None and chain.incumbent_key is not None
    parent = chain.record.incumbent
    stored = context.database.read(load_plan, round.key)
    plan: EditPlan | None = stored.plan if stored else None
    # Only what was said of the page that is to be revised; praise and blame of others make no issues.
    critiques = [it for it in context.database.read(load_critiques, round.key) if it.candidate == parent]
    if plan is None and critiques:
        call_key = None
        try:
            distilled, reply = await converse(
                context,
                chain,
                round=round.number,
                step="distil",
                slot=0,
                next_step=lambda replies: distil_step(chain.record.prompt, critiques, parent=parent, replies=replies),
            )
            assert isinstance(distilled, EditPlan)
            plan, call_key = distilled, reply.key if reply else None
        except LimitReached as limit:
            return _stop("cost", str(limit))
        except (ModelMisconfigured, ModelUnreachable):
            raise
        except ModelError:
            plan = distil_from_replies(chain.record.prompt, critiques, parent=parent, replies=())
        assert plan is not None
        await context.database.write(
            record_plan, chain.key, round, plan, parent_key=chain.incumbent_key, call_key=call_key
        )
    if chain.settings.kind == "critique":
        return _stop("criticised")
    if plan is not None:
        return _stop("nothing_left") if plan.is_empty else Command(goto="revise")
    if round.number > 1 and not context.database.read(has_plan, chain.key, round.number - 1):
        return _stop("nothing_left")
    return Command(goto="draft")


async def revise(state: LoopState, runtime: Runtime[LoopContext]) -> Command[Literal["check", "finish", "__end__"]]:
    """Several revisions of the incumbent after the plan."""
    context = runtime.context
    chain = _chain(state, runtime)
    if (halt := _halt(chain)) is not None:
        return halt
    round = context.database.read(newest_round, chain.key)
    assert round is not None
    plan = context.database.read(load_plan, round.key)
    assert plan is not None
    parent = context.database.read(load_candidate, plan.parent_key)
    files = context.database.read(load_files, parent.key)
    number = round.number + 1
    made = context.database.read(load_candidates, chain.key, round=number)
    try:
        await gather_all(
            [
                make_revision(context, chain, number, slot, parent=parent, files=files, plan=plan)
                for slot in spare_slots(made, chain.settings.revisions)
            ]
        )
    except LimitReached as limit:
        return _stop("cost", str(limit))
    return Command(goto="check")


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
