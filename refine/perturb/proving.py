"""Finding a perturbation that is proven, by a probe that is given: the browser belongs to refine.render."""

import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from refine.artifact.probe import Probe
from refine.perturb.evening import even_out
from refine.perturb.perturbing import Perturbation, propose
from refine.perturb.proof import Claim, Proof, Refusal, judge_originals, prove
from refine.types import Files

ProbeFiles = Callable[[Files], Awaitable[Probe]]
"""`lambda files: renderer.probe(files, seed=seed)`: the same seed at every call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """The first perturbation that was proven, or none, and how the ones before it were refused."""

    perturbation: Perturbation | None
    proof: Proof | None
    """Of the perturbation, or of the last one that was tried."""
    tried: int
    refused: Mapping[Refusal, int]
    """Reason -> how many of those tried. One reason and none tried: nothing can be proven on this page."""
    page_refused: Refusal = ""
    """Why nothing can be proven on this page at all; empty otherwise."""


async def find_proven(
    files: Files,
    probe: ProbeFiles,
    *,
    operator: str | None = None,
    severity: float | None = None,
    seed: int = 0,
    weights: Mapping[str, float] | None = None,
    attempts: int = 10,
    visits: int = 2,
    is_evened: bool = False,
) -> Proven:
    """Try up to `attempts` perturbations in the order that follows from the seed; the original is visited `visits`
    times (two at the least) to see that it does not differ from itself. With `is_evened` their length tells nothing
    (`even_out`). Raises InputError as `propose` does, and
    whatever `probe` raises."""
    proposals = itertools.islice(
        propose(files, operator=operator, severity=severity, seed=seed, weights=weights), attempts
    )
    originals: list[Probe] = []
    refused: Counter[Refusal] = Counter()
    proof: Proof | None = None
    for tried, perturbation in enumerate(proposals, start=1):
        if not originals:
            originals = [await probe(files) for _ in range(max(visits, 2))]
            why = judge_originals(originals)
            if why:
                return Proven(perturbation=None, proof=None, tried=0, refused={}, page_refused=why)
        if is_evened:
            perturbation = even_out(perturbation)
        proof = prove(perturbation, originals, await probe(perturbation.files))
        if proof.ok:
            return Proven(perturbation=perturbation, proof=proof, tried=tried, refused=dict(refused))
        refused[proof.refused_because] += 1
    return Proven(perturbation=None, proof=proof, tried=refused.total(), refused=dict(refused))


async def prove_one(files: Files, claim: Claim, probe: ProbeFiles, *, visits: int = 2) -> Proof:
    """The proof of a copy that is given. The copy is visited only where the original is the same at every visit."""
    originals = [await probe(files) for _ in range(max(visits, 2))]
    why = judge_originals(originals)
    if why:
        return Proof(ok=False, refused_because=why, channels=frozenset())
    return prove(claim, originals, await probe(claim.files))
