"""`sft_final`: the prompt and the final candidate, in TRL's prompt/completion columns."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from refine.export.conversation import candidate_turns, prompt_turns
from refine.export.records import ExportChain, Filters, LeftOut, made_by, uses_allowed


def sft_final(
    chains: Iterable[ExportChain], filters: Filters, left_out: LeftOut | None = None
) -> Iterator[dict[str, Any]]:
    """One row for every chain that ended, did not fail and has a final candidate: its incumbent at the end.

    `is_pinned`: a person chose it over the verdict. `p_best` is the final's in the last verdict that rated it, None
    where none did. `left_out` is added to: chains by what left them out.
    """
    left_out = Counter() if left_out is None else left_out
    for chain in chains:
        final = next((each for each in chain.candidates if each.id == chain.incumbent), None)
        if chain.state != "ended" or chain.stop_reason in (None, "failed") or final is None or not final.files:
            left_out["unfinished"] += 1
            continue
        uses = uses_allowed(chain)
        if (why := filters.reason_against(chain, uses)) is not None:
            left_out[why] += 1
            continue
        yield {
            "prompt": prompt_turns(chain),
            "completion": candidate_turns(final.files),
            "chain_id": chain.id,
            "prompt_id": chain.prompt_key,
            "candidate_id": final.id,
            "p_best": _p_best(chain, final.id),
            "is_pinned": _is_pinned(chain, final.id),
            "rounds": sum(round.kind != "audit" and round.verdict is not None for round in chain.rounds),
            "stop_reason": chain.stop_reason,
            "generator": final.generator,
            "licence": chain.licence,
            "source": chain.source,
            "is_demo": chain.is_demo,
            "is_simulated": chain.is_simulated,
            "made_by": list(made_by(chain)),
            "uses_allowed": list(uses),
        }


def _is_pinned(chain: ExportChain, candidate: str) -> bool:
    """Whether a person, and not a verdict, made it the incumbent."""
    judged = [round for round in chain.rounds if round.verdict is not None]
    return bool(judged) and judged[-1].pinned == candidate


def _p_best(chain: ExportChain, candidate: str) -> float | None:
    for round in reversed(chain.rounds):
        if round.kind == "audit" or round.verdict is None:
            continue
        for rating in round.verdict.ratings:
            if rating.candidate == candidate:
                return rating.p_best
    return None
