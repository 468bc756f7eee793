"""What training data a project would give: how much, how sure, and what it is like. Nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from refine.api.corpus_rows import BINS, CORPUS, bin_of
from refine.api.finding import find_ids
from refine.api.overview import find_project_key
from refine.api.reading import read_chain
from refine.api.tally import Tally
from refine.errors import InputError
from refine.export import EXPORTS, REASONS, ExportChain, Filters, LeftOut
from store.candidates import load_files
from store.corpus import list_finals
from store.dashboards import ChainFilter
from store.database import Connection, Database

_AT = {name: n for n, name in enumerate(CORPUS)}
CHAINS = 10
"""Chains whose rows are shown at a time."""
SAMPLE = 40
"""Chains whose pages are compared."""
_WORDS = 5
"""Words in a row that pages may share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCount:
    name: str
    rows: int
    left_out: dict[str, int]
    """By one of refine.export.REASONS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    exports: tuple[ExportCount, ...]
    pairs: tuple[int, ...]
    """By P(chosen beats rejected), from 0.5 in steps of 0.05; before the least confidence is asked for."""
    longer: float | None
    """Share of the pairs taken whose chosen page has more bytes, equals counted half; half is no bias. None without
    pairs."""
    chosen_bytes: float | None
    rejected_bytes: float | None
    """Means over the pairs taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of an export, and where it comes from."""

    chain: str
    prompt: str
    round: int | None
    """None for what is of the chain as a whole."""
    candidates: tuple[str, ...]
    """The final one; or chosen, then rejected."""
    p: float | None
    """P(best) of a final, P(chosen beats rejected) of a pair."""
    bytes: int
    """Of what a model would learn to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversity:
    """How little pages of different chains have in common: the mean over pairs of them of the share of runs of five
    words that only one of the two has. 1: nothing in common."""

    finals: float
    drafts: float
    """Of the first drafts of the same chains."""
    chains: int


def load_corpus(database: Database, project: str, filters: Filters, *, tally: Tally) -> Corpus:
    """Counted for all chains. Raises InputError for an unknown project, and for a least confidence between the steps
    of 0.05 from 0.5 on."""
    least = filters.min_confidence
    if not 0.5 <= least < 1 or abs(least * 20 - round(least * 20)) > 1e-6:
        raise InputError(f"the least confidence is counted in steps of 0.05, from 0.5 to 0.95 (got {least:g})")
    key = find_project_key(database, project)
    sums = {name: [0.0] * len(CORPUS) for name in EXPORTS}
    left = {name: LeftOut() for name in EXPORTS}
    with tally.lock:
        for (name, uses, is_demo), numbers in tally.corpus.of(key).items():
            values = numbers.tolist()
            for why in ("unfinished", "copied", "same_page", "behind"):
                left[name][why] += round(values[_AT[why]])
            allowed = set(uses.split(",")) - {""}
            why_not = "demo" if is_demo and not filters.include_demo else None
            why_not = why_not or (None if set(filters.uses) <= allowed else "uses")
            if why_not is not None:
                left[name][why_not] += round(values[_AT["rows"]] + sum(_bins(values, "pairs")))
            else:
                sums[name] = [a + b for a, b in zip(sums[name], values, strict=True)]
    pairs = _bins(sums["dpo_round"], "pairs")
    first = bin_of(least)
    taken = sum(pairs[first:])
    left["dpo_round"]["confidence"] += round(sum(pairs[:first]))
    rows = {name: taken if name == "dpo_round" else values[_AT["rows"]] for name, values in sums.items()}

    def share(what: str) -> float | None:
        return sum(_bins(sums["dpo_round"], what)[first:]) / taken if taken else None

    return Corpus(
        exports=tuple(
            ExportCount(
                name=name, rows=round(rows[name]), left_out={why: left[name][why] for why in REASONS if left[name][why]}
            )
            for name in EXPORTS
        ),
        pairs=tuple(round(each) for each in pairs),
        longer=share("longer"),
        chosen_bytes=share("chosen_bytes"),
        rejected_bytes=share("rejected_bytes"),
    )


def _bins(values: Sequence[float], what: str) -> list[float]:
    first = _AT[f"{what}_0"]
    return list(values[first : first + BINS])


def load_rows(
    database: Database, name: str, project: str, filters: Filters, *, page: int = 0, tally: Tally
) -> tuple[Row, ...]:
    """Rows of the export as it would write them, of the newest ended chains, CHAINS of them a page. Raises InputError
    for an unknown project."""
    wanted = ChainFilter(project=project, state="ended")
    ids = find_ids(database, wanted, limit=(page + 1) * CHAINS, tally=tally)[page * CHAINS :]
    found: list[Row] = []
    for chain in (read_chain(database, each) for each in ids):
        found += [_row(name, chain, row) for row in EXPORTS[name].rows([chain], filters, LeftOut())]
    return tuple(found)


def _row(name: str, chain: ExportChain, row: dict[str, Any]) -> Row:
    if name == "dpo_round":
        named, learnt = (row["chosen_id"], row["rejected_id"]), row["chosen"]
        return _made(chain, row["round"], named, row["p"], learnt)
    if name == "sft_final":
        return _made(chain, None, (row["candidate_id"],), row["p_best"], row["completion"])
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in row["blobs"].values())
    final = (chain.incumbent,) if chain.incumbent else ()
    return Row(chain=chain.id, prompt=chain.prompt, round=None, candidates=final, p=None, bytes=size)


def _made(
    chain: ExportChain, round: int | None, candidates: tuple[str, ...], p: float | None, turns: list[dict[str, str]]
) -> Row:
    size = sum(len(turn["content"].encode("utf-8", "surrogatepass")) for turn in turns)
    return Row(chain=chain.id, prompt=chain.prompt, round=round, candidates=candidates, p=p, bytes=size)


def load_diversity(database: Database, project: str) -> Diversity | None:
    """Of at most SAMPLE ended chains, spread over the project; None for fewer than two."""
    return database.read(_load_diversity, find_project_key(database, project))


def _load_diversity(connection: Connection, key: int) -> Diversity | None:
    chains = list_finals(connection, key, limit=SAMPLE)
    if len(chains) < 2:
        return None
    finals = [_runs(connection, final) for final, _ in chains]
    drafts = [_runs(connection, first) for _, first in chains]
    return Diversity(finals=_mean_distance(finals), drafts=_mean_distance(drafts), chains=len(chains))


def _runs(connection: Connection, candidate: int) -> frozenset[int]:
    words = " ".join(file.content for file in load_files(connection, candidate)).split()
    return frozenset(hash(tuple(words[n : n + _WORDS])) for n in range(max(1, len(words) - _WORDS + 1)))


def _mean_distance(pages: Sequence[frozenset[int]]) -> float:
    distances = [1 - len(a & b) / len(a | b) for a, b in combinations(pages, 2)]
    return sum(distances) / len(distances)
