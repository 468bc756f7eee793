"""`dpo_round`: preference pairs within a round, in TRL's prompt/chosen/rejected columns with a margin."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from refine.export.conversation import candidate_turns, prompt_turns
from refine.export.records import ExportCandidate, ExportChain, ExportRound, Filters, LeftOut, made_by, uses_allowed
from refine.types import Rating, Verdict


def dpo_round(
    chains: Iterable[ExportChain], filters: Filters, left_out: LeftOut | None = None
) -> Iterator[dict[str, Any]]:
    """A row for every round with a verdict and every candidate that its winner beats.

    `p` is P(chosen beats rejected), `margin` the difference of their posterior means. Pairs below
    `filters.min_confidence`, pairs of one and the same page, controls and audit rounds are left out, and rounds that a
    fork copied, which are its parent's. `left_out` is added to: pairs by what left them out.
    """
    left_out = Counter() if left_out is None else left_out
    for chain in chains:
        candidates = {candidate.id: candidate for candidate in chain.candidates}
        for round in chain.rounds:
            if round.kind == "audit" or round.verdict is None:
                continue
            uses = uses_allowed(chain, up_to=round.number)
            is_copied = chain.fork_round is not None and round.number <= chain.fork_round
            for pair in _pairs(round, round.verdict, candidates, left_out, is_copied=is_copied):
                why = filters.reason_against(chain, uses)
                if why is None and pair[2] < filters.min_confidence:
                    why = "confidence"
                if why is None:
                    yield _row(chain, round, *pair, uses)
                else:
                    left_out[why] += 1


def p_beats(verdict: Verdict, chosen: Rating, rejected: Rating) -> float:
    """P(chosen beats rejected): the verdict's own where one of them was the incumbent, else that of two independent
    normals, which overlooks how the two ratings hang together."""
    if rejected.candidate == verdict.incumbent and chosen.p_beats_incumbent is not None:
        return chosen.p_beats_incumbent
    if chosen.candidate == verdict.incumbent and rejected.p_beats_incumbent is not None:
        return 1 - rejected.p_beats_incumbent
    difference = chosen.mean - rejected.mean
    sd = math.hypot(chosen.sd, rejected.sd)
    if sd == 0:
        return 0.5 if difference == 0 else float(difference > 0)
    return 0.5 * (1 + math.erf(difference / (sd * math.sqrt(2))))


Pair = tuple[ExportCandidate, ExportCandidate, float, float]


def _pairs(
    round: ExportRound,
    verdict: Verdict,
    candidates: dict[str, ExportCandidate],
    left_out: LeftOut,
    *,
    is_copied: bool,
) -> Iterator[Pair]:
    """(chosen, rejected, p, margin), rejected in the order on show."""
    ratings = {rating.candidate: rating for rating in verdict.ratings if rating.candidate not in round.controls}
    on_show = [candidates[each] for each in round.shown if each in ratings and each in candidates]
    chosen = next((each for each in on_show if each.id == verdict.winner), None)
    if chosen is None or not chosen.files:
        return
    for rejected in on_show:
        if rejected.id == chosen.id or not rejected.files:
            continue
        margin = ratings[chosen.id].mean - ratings[rejected.id].mean
        if is_copied:
            left_out["copied"] += 1
        elif rejected.files == chosen.files:
            left_out["same_page"] += 1
        elif margin <= 0:
            # A gate can keep an incumbent whose challenger is ahead: no pair, whatever the least confidence asked for.
            left_out["behind"] += 1
        else:
            yield chosen, rejected, p_beats(verdict, ratings[chosen.id], ratings[rejected.id]), margin


def _row(
    chain: ExportChain,
    round: ExportRound,
    chosen: ExportCandidate,
    rejected: ExportCandidate,
    p: float,
    margin: float,
    uses: tuple[str, ...],
) -> dict[str, Any]:
    return {
        "prompt": prompt_turns(chain),
        "chosen": candidate_turns(chosen.files),
        "rejected": candidate_turns(rejected.files),
        "margin": margin,
        "p": p,
        "chain_id": chain.id,
        "prompt_id": chain.prompt_key,
        "round": round.number,
        "chosen_id": chosen.id,
        "rejected_id": rejected.id,
        "licence": chain.licence,
        "source": chain.source,
        "is_demo": chain.is_demo,
        "is_simulated": chain.is_simulated,
        "made_by": list(made_by(chain, up_to=round.number)),
        "uses_allowed": list(uses),
    }
