"""Rows of a slice of chains, added up chain by chain: what the tally remembers of each."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from refine.api.corpus_rows import CorpusKey, count_corpus
from refine.ranking.audit import in_chain_estimate
from store.tallies import ChainSlice

WAYS = ("idle_rounds", "late_rankings", "careless", "dropped", "unimproved", "once")
"""Ways of wasting, and what any of them names, each call and each assignment once."""
SPENT = ("models_usd", "people_usd", "people_s", "calls", "work")
COLUMNS = (
    *("project", "state", "reason", "is_paused", "improved_in", "gain", "judged", "created"),
    *("is_auditable", "audit", "wins", "ties", "losses"),
    *SPENT,
    *("failed_calls", "unpriced_calls", "unpriced_work", "prompt_tokens", "completion_tokens"),
    *("improvements", "idle", "late", "dropped", "is_unimproved"),
    *("critiques", "applied", "praise", "planned"),
    *(f"{way}_{what}" for way in WAYS for what in SPENT),
)
"""Numbers of a chain. `audit` is 0 where there is none, 1 open, 2 done; `gain` is NaN where it is not known."""
_COURSE = ("rounds", "rankings", "plateau", "nothing_left")
SLICE = ("models_usd", "prompt_tokens", "completion_tokens", "calls", "people_usd", "people_s", "rankings")
MADE = ("calls", "failed", "usd", "made", "dropped", "blocks", "applied", "whole", "rated", "above", "won")
"""Of a model under a template: its calls and what they cost; candidates made of them, those dropped before people saw
them; blocks of edits and those that were applied, candidates that came as whole files; revisions that were rated beside
an incumbent, those above it, those that took its place."""


@dataclass(slots=True)
class ChainSums:
    key: int
    project: int
    state: str
    reason: str | None
    created_at: str
    numbers: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    slices: dict[str, list[float]] = field(default_factory=dict)
    """By time: numbers as in SLICE."""
    rounds: dict[int, list[float]] = field(default_factory=dict)
    """By number: judged, and replaced."""
    made: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """By model and template: numbers as in MADE."""
    checks: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """By model and check: candidates that it dropped."""
    corpus: dict[CorpusKey, list[float]] = field(default_factory=dict)
    """Numbers as in CORPUS of what exports could take of it."""
    judged: tuple[int, ...] = ()
    """Keys of its judged normal rounds, without those that a fork copied."""

    def spend(
        self, way: str, *, usd: float = 0.0, people_usd: float = 0.0, seconds: float = 0.0, **counts: int
    ) -> None:
        """Add to a way of wasting; "" stands for all that was spent."""
        prefix = f"{way}_" if way else ""
        numbers = self.numbers
        numbers[f"{prefix}models_usd"] += usd
        numbers[f"{prefix}people_usd"] += people_usd
        numbers[f"{prefix}people_s"] += seconds
        for what, number in counts.items():
            numbers[f"{prefix}{what}"] += number


def add_up(found: ChainSlice, *, careless: Mapping[int, Collection[int]], late: Collection[int]) -> Iterator[ChainSums]:
    """The sums of every chain of the slice. `careless`: labelers by project; `late`: assignments."""
    rounds, calls, candidates = _by(found.rounds), _by(found.calls), _by(found.candidates)
    work: dict[int, list[Any]] = defaultdict(list)
    for row in found.work:
        work[row.round_id].append(row)
    marked: dict[int, list[Any]] = defaultdict(list)
    for row in found.marked:
        marked[row.round_id].append(row)
    plans = {row.round_id: row for row in found.plans}
    edits: dict[int, list[Any]] = defaultdict(list)
    for row in found.edits:
        edits[row.candidate_id].append(row)
    uses: dict[int, list[frozenset[str]]] = defaultdict(list)
    for round, allowed in found.uses:
        uses[round].append(frozenset(allowed))
    checks: dict[int, list[str]] = defaultdict(list)
    for key, name in found.failed_checks:
        checks[key].append(name)
    for chain in found.chains:
        sums = ChainSums(
            key=chain.id,
            project=chain.project_id,
            state=chain.state,
            reason=chain.stop_reason,
            created_at=chain.created_at,
        )
        of_chain = rounds.get(chain.id, [])
        made = candidates.get(chain.id, [])
        _add_standing(sums, chain, of_chain, made)
        own = [row for row in of_chain if not _is_copied(chain, row)]
        own_made = [row for row in made if chain.fork_round is None or row.round > chain.fork_round]
        sums.numbers["dropped"] = float(sum(row.state == "failed" and row.kind != "given" for row in own_made))
        judged = [row for row in own if row.kind == "normal" and row.winner_id is not None]
        idle = {row.number: row.id for row in judged if row.winner_id == row.incumbent_id}
        is_unimproved = bool(sums.numbers["is_unimproved"])
        _add_rounds(sums, judged, idle)
        _add_calls(sums, calls.get(chain.id, []), own_made, idle, is_unimproved)
        _add_work(sums, own, work, found.unpriced, set(idle.values()), is_unimproved)
        _add_marked(sums, own, marked, careless.get(chain.project_id, ()), late, set(idle.values()), is_unimproved)
        _add_critiques(sums, own, plans, own_made, edits, found.critiques)
        _add_made(sums, calls.get(chain.id, []), own_made, edits, checks, judged)
        sums.corpus = count_corpus(chain, of_chain, made, uses)
        yield sums


def _by(rows: list[Any]) -> dict[int, list[Any]]:
    grouped: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row.chain_id].append(row)
    return grouped


def _is_copied(chain: Any, round: Any) -> bool:
    """By a fork, from its parent, whose work and money it is."""
    return chain.fork_round is not None and round.kind == "normal" and round.number <= chain.fork_round


def _add_standing(sums: ChainSums, chain: Any, rounds: list[Any], made: list[Any]) -> None:
    numbers = sums.numbers
    numbers["is_paused"] = float(chain.is_paused)
    numbers["improved_in"] = float(chain.improved_in or 0)
    numbers["judged"] = float(sum(row.kind == "normal" and row.state == "judged" for row in rounds))
    numbers["is_auditable"] = float(
        chain.kind == "refine" and chain.stop_reason in _COURSE and chain.incumbent_id is not None
    )
    numbers["is_unimproved"] = float(chain.state == "ended" and chain.kind == "refine" and chain.improved_in == 1)
    newest = max((row for row in rounds if row.kind == "normal" and row.verdict is not None), default=None, key=_number)
    first = next((row.ulid for row in made if row.round == 1 and row.state == "ok"), None)
    gain = None
    if newest is not None and first is not None and chain.incumbent is not None:
        details = newest.verdict.get("details", {})
        gain = in_chain_estimate([(details, first, chain.incumbent)]).p_final_better
    numbers["gain"] = float("nan") if gain is None else gain


def _number(row: Any) -> int:
    return int(row.number)


def _add_rounds(sums: ChainSums, judged: list[Any], idle: Mapping[int, int]) -> None:
    sums.judged = tuple(row.id for row in judged if row.state == "judged")
    sums.numbers["idle"] = len(idle)
    for row in judged:
        is_replaced = row.incumbent_id is not None and row.winner_id != row.incumbent_id
        sums.rounds[row.number] = [1.0, float(is_replaced)]
        sums.numbers["improvements"] += is_replaced


def _add_calls(
    sums: ChainSums, calls: list[Any], made: list[Any], idle: Mapping[int, int], is_unimproved: bool
) -> None:
    dropped = {(row.round, row.slot) for row in made if row.state == "failed"}
    for row in calls:
        if row.is_copied:
            continue
        usd = row.cost_usd or 0.0
        sums.spend("", usd=usd, calls=1)
        sums.numbers["failed_calls"] += row.state == "failed"
        sums.numbers["unpriced_calls"] += row.state == "ok" and row.cost_usd is None
        sums.numbers["prompt_tokens"] += row.prompt_tokens or 0
        sums.numbers["completion_tokens"] += row.completion_tokens or 0
        at = sums.slices.setdefault(row.at, [0.0] * len(SLICE))
        at[0] += usd
        at[1] += row.prompt_tokens or 0
        at[2] += row.completion_tokens or 0
        at[3] += 1
        ways = []
        if (row.step in ("revise", "repair") and row.round in idle) or (row.step == "distil" and row.round + 1 in idle):
            ways.append("idle_rounds")
        if row.step in ("draft", "revise", "repair") and (row.round, row.slot) in dropped:
            ways.append("dropped")
        if is_unimproved and (row.round > 1 or row.step == "distil"):
            ways.append("unimproved")
        for way in [*ways, "once"] if ways else ():
            sums.spend(way, usd=usd, calls=1)


def _add_work(
    sums: ChainSums,
    rounds: list[Any],
    work: Mapping[int, list[Any]],
    unpriced: Mapping[int, int],
    idle: set[int],
    is_unimproved: bool,
) -> None:
    for round in rounds:
        ways = _ways_of(round, idle, is_unimproved)
        sums.numbers["unpriced_work"] += unpriced.get(round.id, 0)
        for row in work.get(round.id, ()):
            for way in ["", *ways, "once"] if ways else [""]:
                sums.spend(way, people_usd=row.usd, seconds=row.seconds, work=row.number)
            if row.state == "finished" and row.at is not None:
                at = sums.slices.setdefault(row.at, [0.0] * len(SLICE))
                at[4] += row.usd
                at[5] += row.seconds
                at[6] += row.number


def _ways_of(round: Any, idle: set[int], is_unimproved: bool) -> list[str]:
    """The ways of wasting that name all work on the round."""
    ways = ["idle_rounds"] if round.id in idle else []
    if is_unimproved and round.kind == "normal" and round.number > 1:
        ways.append("unimproved")
    return ways


def _add_marked(
    sums: ChainSums,
    rounds: list[Any],
    marked: Mapping[int, list[Any]],
    careless: Collection[int],
    late: Collection[int],
    idle: set[int],
    is_unimproved: bool,
) -> None:
    for round in rounds:
        is_named = bool(_ways_of(round, idle, is_unimproved))
        for row in marked.get(round.id, ()):
            ways = ["careless"] if row.labeler_id in careless else []
            if row.id in late:
                ways.append("late_rankings")
                sums.numbers["late"] += 1
            if ways and not is_named:
                ways.append("once")
            for way in ways:
                sums.spend(way, people_usd=row.cost_usd or 0.0, seconds=row.active_s or 0.0, work=1)


def _add_critiques(
    sums: ChainSums,
    rounds: list[Any],
    plans: Mapping[int, Any],
    made: list[Any],
    edits: Mapping[int, list[Any]],
    critiques: Mapping[int, int],
) -> None:
    done: dict[int, set[str]] = defaultdict(set)
    for row in made:
        for edit in edits.get(row.id, ()):
            if edit.status == "applied" and edit.plan_id is not None:
                done[edit.plan_id].update(edit.issues)
    applied: set[str] = set()
    kept: set[str] = set()
    for round in rounds:
        plan = plans.get(round.id)
        if plan is None:
            continue
        sums.numbers["planned"] += 1
        sums.numbers["critiques"] += critiques.get(round.id, 0)
        for keep in plan.plan.get("keep", ()):
            kept.update(cited(keep))
        for issue in plan.plan.get("issues", ()):
            if issue.get("id") in done.get(plan.id, ()):
                applied.update(cited(issue))
    sums.numbers["applied"] = len(applied)
    sums.numbers["praise"] = len(kept - applied)


def cited(item: Mapping[str, Any]) -> set[str]:
    """Critiques that an issue, or what is to be kept, rests on."""
    spans = [*(item.get("cites") or ()), item.get("span")]
    return {span["critique"] for span in spans if isinstance(span, Mapping) and "critique" in span}


def _add_made(
    sums: ChainSums,
    calls: list[Any],
    made: list[Any],
    edits: Mapping[int, list[Any]],
    checks: Mapping[int, list[str]],
    judged: list[Any],
) -> None:
    by_call: dict[int, tuple[str, str]] = {}
    for row in calls:
        key = row.model, row.template
        by_call[row.id] = key
        if not row.is_copied:
            _bump(sums, key, calls=1, failed=row.state == "failed", usd=row.cost_usd or 0.0)
    by_ulid: dict[str, tuple[tuple[str, str], Any]] = {}
    for row in made:
        if row.kind == "given":
            continue
        key = by_call.get(row.call_id) or (row.generator or "", "")
        by_ulid[row.ulid] = key, row
        blocks = [edit for edit in edits.get(row.id, ()) if edit.is_block]
        _bump(
            sums,
            key,
            made=1,
            dropped=row.state == "failed",
            blocks=len(blocks),
            applied=sum(edit.status == "applied" for edit in blocks),
            whole=row.how == "whole_file",
        )
        for name in checks.get(row.id, ()):
            sums.checks.setdefault((key[0], name), [0.0])[0] += 1
    for round in judged:
        ratings = {each["candidate"]: each["mean"] for each in round.verdict.get("ratings", ())}
        standing = ratings.get(round.verdict.get("incumbent"))
        if standing is None:
            continue
        for ulid, mean in ratings.items():
            if ulid in by_ulid:
                key, row = by_ulid[ulid]
                if row.kind == "revision" and row.round == round.number:
                    _bump(sums, key, rated=1, above=mean > standing, won=row.id == round.winner_id)


def _bump(sums: ChainSums, key: tuple[str, str], **numbers: float) -> None:
    known = sums.made.setdefault(key, [0.0] * len(MADE))
    for name, number in numbers.items():
        known[MADE.index(name)] += number
