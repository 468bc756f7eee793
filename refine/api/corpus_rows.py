"""What exports could take of one chain, counted without reading its pages: the rules of refine.export, held to it by a
test."""

from collections.abc import Mapping, Sequence
from typing import Any

from refine.export.dpo import p_beats
from refine.types import Rating, Verdict

CorpusKey = tuple[str, str, bool]
"""Export, the uses that all labelers allowed joined by commas, and whether it is the demo model's."""
BINS = 10
"""Of P(chosen beats rejected), from 0.5 in steps of 0.05."""
CORPUS = (
    *("rows", "unfinished", "copied", "same_page", "behind"),
    *(f"{what}_{bin}" for what in ("pairs", "longer", "chosen_bytes", "rejected_bytes") for bin in range(BINS)),
)
"""`longer`: pairs whose chosen page has more bytes, and half of those of equal length."""
_AT = {name: n for n, name in enumerate(CORPUS)}
_PAIRS, _LONGER, _CHOSEN, _REJECTED = (_AT[f"{it}_0"] for it in ("pairs", "longer", "chosen_bytes", "rejected_bytes"))


def count_corpus(
    chain: Any, rounds: Sequence[Any], made: Sequence[Any], uses: Mapping[int, list[frozenset[str]]]
) -> dict[CorpusKey, list[float]]:
    """`uses`: by round, what its rankings allowed."""
    found: dict[CorpusKey, list[float]] = {}

    def at(export: str, of_rounds: Sequence[Any]) -> list[float]:
        allowed = [each for round in of_rounds for each in uses.get(round.id, ())]
        named = ",".join(sorted(frozenset.intersection(*allowed))) if allowed else ""
        return found.setdefault((export, named, bool(chain.is_demo)), [0.0] * len(CORPUS))

    normal = [round for round in rounds if round.kind != "audit"]
    at("trajectory", rounds)[_AT["rows"]] += 1
    final = next((row for row in made if row.id == chain.incumbent_id), None)
    is_final = final is not None and final.content_sha256 is not None
    is_done = chain.state == "ended" and chain.stop_reason not in (None, "failed") and is_final
    at("sft_final", normal)[_AT["rows" if is_done else "unfinished"]] += 1
    by_ulid = {row.ulid: row for row in made}
    for round in normal:
        if round.verdict is not None:
            upto = [each for each in normal if each.number <= round.number]
            is_copied = chain.fork_round is not None and round.number <= chain.fork_round
            _count_pairs(at("dpo_round", upto), round.verdict, by_ulid, is_copied=is_copied)
    return found


def _count_pairs(
    numbers: list[float], stored: Mapping[str, Any], by_ulid: Mapping[str, Any], *, is_copied: bool
) -> None:
    verdict = Verdict(**{**stored, "ratings": tuple(Rating(**each) for each in stored["ratings"])})
    rated = [(by_ulid[each.candidate], each) for each in verdict.ratings if each.candidate in by_ulid]
    chosen = next(((row, each) for row, each in rated if each.candidate == verdict.winner), None)
    if chosen is None or chosen[0].content_sha256 is None:
        return
    for row, rating in rated:
        if row.id == chosen[0].id or row.content_sha256 is None:
            continue
        if is_copied:
            numbers[_AT["copied"]] += 1
        elif row.content_sha256 == chosen[0].content_sha256:
            numbers[_AT["same_page"]] += 1
        elif chosen[1].mean - rating.mean <= 0:
            numbers[_AT["behind"]] += 1
        else:
            bin = bin_of(p_beats(verdict, chosen[1], rating))
            numbers[_PAIRS + bin] += 1
            longer = chosen[0].size_bytes - row.size_bytes
            numbers[_LONGER + bin] += 1.0 if longer > 0 else 0.5 if longer == 0 else 0.0
            numbers[_CHOSEN + bin] += chosen[0].size_bytes
            numbers[_REJECTED + bin] += row.size_bytes


def bin_of(p: float) -> int:
    return min(BINS - 1, max(0, int((p - 0.5) * 20 + 1e-9)))
