"""From what was made for a round to the round: stored, checked, put on show."""

from collections.abc import Awaitable, Sequence
from typing import Any

from langgraph.types import Command

from graphs.calls import settle_all
from graphs.context import LoopContext
from graphs.controls import make_controls
from graphs.making import split_duplicates, store_slots
from graphs.policy import blind_order, is_past_deadline, wanted_rankings
from graphs.progress import opening_priority
from graphs.slots import Slot
from refine.artifact import check_files
from refine.errors import LimitReached
from refine.types import StopReason
from store.candidates import StoredCandidate, load_candidate, load_candidates, load_files, record_checks
from store.chains import StoredChain, load_chain
from store.controls import NewControl, add_controls
from store.database import Connection
from store.rounds import newest_round, open_round
from store.verdicts import load_verdict

_Found = list[tuple[StoredCandidate, list[tuple[str, bool, str]]]]


def stop(reason: StopReason, error: str | None = None) -> Command[Any]:
    return Command(update={"reason": reason, "error": error}, goto="finish")


def halt_if_told(chain: StoredChain, *, heeds_deadline: bool = True) -> Command[Any] | None:
    """Whether a person, or the clock, says that no further step is to be begun."""
    if chain.record.stop_requested:
        return stop("stopped")
    if chain.record.is_paused:
        return Command(goto="__end__")
    if heeds_deadline and is_past_deadline(chain):
        return stop("deadline")
    return None


async def put_on_show(
    context: LoopContext, chain: StoredChain, number: int, work: Sequence[Awaitable[Slot]] = ()
) -> Command[Any]:
    """Do the work, drop what is broken before anybody's time is spent on it, and open the round, blind.

    What was made is stored also when some of the work failed.
    """
    slots, failure = await settle_all(work)
    if failure is not None and not slots:
        return _give_up(failure)
    unchecked, shown_before = await context.database.write(store_slots, chain, number, slots)
    if failure is not None:
        return _give_up(failure)
    found = await _check(context, chain, unchecked, shown_before, slots)
    controls = await _make_controls(context, chain, number, found, shown_before, slots)
    return await context.database.write(_open, chain.record.id, number, found, controls)


def _give_up(failure: BaseException) -> Command[Any]:
    if isinstance(failure, LimitReached):
        return stop("cost", str(failure))
    raise failure


async def _check(
    context: LoopContext,
    chain: StoredChain,
    unchecked: Sequence[StoredCandidate],
    shown_before: Sequence[StoredCandidate],
    slots: Sequence[Slot],
) -> _Found:
    """What is broken, and what is the same as another."""
    at_hand = {slot.content_sha256: slot.files for slot in slots if slot.files is not None}
    distinct = split_duplicates(unchecked, shown_before)
    found = []
    for candidate in unchecked:
        files = at_hand.get(candidate.content_sha256) or context.database.read(load_files, candidate.key)
        results = [(it.name, it.passed, it.detail) for it in check_files(files, chain.settings.max_candidate_bytes)]
        if context.checker is not None and all(passed for _, passed, _ in results):
            results += [(it.name, it.passed, it.detail) for it in await context.checker.check(files)]
        twin = distinct[candidate.key]
        results.append(("distinct", twin is None, "" if twin is None else f"the same as candidate {twin}"))
        found.append((candidate, results))
    return found


async def _make_controls(
    context: LoopContext,
    chain: StoredChain,
    number: int,
    found: _Found,
    shown_before: Sequence[StoredCandidate],
    slots: Sequence[Slot],
) -> list[NewControl]:
    if context.control_maker is None:
        return []
    at_hand = {slot.content_sha256: slot.files for slot in slots if slot.files is not None}
    passing = [candidate for candidate, results in found if all(passed for _, passed, _ in results)]
    shown = [
        (it, at_hand.get(it.content_sha256) or context.database.read(load_files, it.key))
        for it in [*passing, *shown_before]
    ]
    return await make_controls(context, chain, number, shown)


def _open(
    connection: Connection, ulid: str, number: int, found: _Found, controls: Sequence[NewControl]
) -> Command[Any]:
    """Put the incumbent and its challengers on show."""
    chain = load_chain(connection, ulid)
    record_checks(connection, chain.key, found)
    if (halt := halt_if_told(chain, heeds_deadline=False)) is not None:
        return halt
    made = load_candidates(connection, chain.key, round=number)
    shown = [candidate for candidate in made if candidate.is_ok]
    if not shown or (chain.settings.kind == "rank" and len(shown) < 2):
        return _nothing_to_show(chain, number, made)
    if is_past_deadline(chain):
        return stop("deadline")
    if chain.incumbent_key is not None:
        shown.append(load_candidate(connection, chain.incumbent_key))
    key = open_round(
        connection,
        chain,
        kind="normal",
        number=number,
        candidates=[candidate.key for candidate in blind_order(chain, number, shown)],
        incumbent=chain.incumbent_key,
        wanted=wanted_rankings(connection, chain),
        priority=_worth(connection, chain, number, len(shown)) if chain.settings.panel == "people" else 0.0,
    )
    if controls and key is not None:
        add_controls(connection, chain.key, key, number, controls)
    return Command(goto="await_feedback")


def _worth(connection: Connection, chain: StoredChain, number: int, candidates: int) -> float:
    """What the round's first ranking is worth."""
    before = newest_round(connection, chain.key)
    verdict = None if before is None or number == 1 else load_verdict(connection, before.key)
    sds = {} if verdict is None else {rating.candidate: rating.sd for rating in verdict.ratings}
    return opening_priority(sds.get(chain.record.incumbent or ""), candidates)


def _nothing_to_show(chain: StoredChain, number: int, made: list[StoredCandidate]) -> Command[Any]:
    reasons = [candidate.reason for candidate in made if candidate.reason]
    if any(candidate.is_ok for candidate in made):
        return stop("failed", "only one candidate is left, and one alone cannot be ranked; " + "; ".join(reasons))
    never_answered = all(candidate.call_key is None for candidate in made)
    if number == 1 or (made and never_answered):
        return stop("failed", "; ".join(dict.fromkeys(reasons)) or "no candidate was made")
    return stop("nothing_left")
