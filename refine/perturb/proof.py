"""Whether a perturbation is real: judged from probes that somebody else has made in a browser."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from refine.artifact.probe import BLOCK_STEP, Channel, Differences, Probe, differences
from refine.types import Files

Refusal = Literal[
    "", "original_incomplete", "unsteady", "mutant_incomplete", "new_error", "no_difference", "elsewhere", "too_small"
]

MIN_SHARE = 0.002
"""Of a picture: ten blocks of 8 × 8 pixels at phone width, thirty-two at desktop width."""

REFUSALS: Mapping[Refusal, str] = {
    "original_incomplete": "the browser could not finish its walk through the original",
    "unsteady": "the original differs from itself from one visit to the next",
    "mutant_incomplete": "the browser could not finish its walk through the copy",
    "new_error": "the copy brings a new exception or console error, which would give it away",
    "no_difference": "nothing a visitor could notice has changed",
    "elsewhere": "what has changed is not what the operator is meant to change",
    "too_small": "the only difference is in the picture, and too small to be seen",
}
"""Why a perturbation is not shown to anybody."""


class Claim(Protocol):
    """What is to be proven: a Perturbation, or a ProposedControl."""

    @property
    def files(self) -> Files: ...

    @property
    def channel(self) -> str: ...

    @property
    def shows_in(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the browser showed. Only a perturbation whose proof is ok may be shown to labelers."""

    ok: bool
    refused_because: Refusal
    """Empty when it is ok."""
    channels: frozenset[Channel]
    """Where the copy differs from the original."""
    details: Mapping[Channel, tuple[str, ...]] = field(default_factory=dict)
    """Up to five sentences for each; of the page's making, so hostile."""

    @property
    def reason(self) -> str:
        """Why it was refused, as a sentence; empty when it was not."""
        return REFUSALS[self.refused_because] if self.refused_because else ""


def prove(perturbation: Claim, originals: Sequence[Probe], mutant: Probe) -> Proof:
    """Compare the original with itself and with the copy. All probes are of one seed; there are two or more of the
    original. That the copy parses was seen to when it was made."""
    if len(originals) < 2:
        raise ValueError("a proof needs two or more probes of the original")
    refused = judge_originals(originals)
    if refused:
        return _refuse(refused)
    if not mutant.is_complete:
        return _refuse("mutant_incomplete")
    found = differences(originals[0], mutant)
    if set(mutant.errors) - set(originals[0].errors):
        return _refuse("new_error", found)
    if not found.channels - {"errors"}:
        return _refuse("no_difference", found)
    mine = found.channels & _shows_in(perturbation)
    if not mine:
        return _refuse("elsewhere", found)
    if mine == {"look"} and picture_share(originals[0], mutant) < MIN_SHARE:
        return _refuse("too_small", found)
    return Proof(ok=True, refused_because="", channels=found.channels, details=found.details)


def _shows_in(perturbation: Claim) -> frozenset[str]:
    """The operator's own channels. What a script draws on a canvas shows in pictures alone, and so does an animation
    that falls behind."""
    is_drawn = perturbation.channel in ("behaviour", "latency") and any(
        "getContext" in file.content for file in perturbation.files
    )
    return perturbation.shows_in | {"look"} if is_drawn else perturbation.shows_in


def picture_share(a: Probe, b: Probe) -> float:
    """The share of the picture that differs, at the width where it differs most; 1 where sizes differ."""
    import numpy as np

    share = 0.0
    for name, one in a.pictures.items():
        other = b.pictures.get(name)
        if other is None or (one.columns, one.rows) != (other.columns, other.rows):
            return 1.0
        sums = [np.frombuffer(each.sums, "<u2").astype(np.int32).reshape(-1, 3) for each in (one, other)]
        differs = (np.abs(sums[0] - sums[1]) > BLOCK_STEP).any(axis=1)
        share = max(share, float(differs.mean()) if differs.size else 0.0)
    return share


def judge_originals(originals: Sequence[Probe]) -> Refusal:
    """Why nothing can be proven on this page; empty where it is the same at every visit."""
    if not all(probe.is_complete for probe in originals):
        return "original_incomplete"
    return "unsteady" if any(differences(originals[0], probe) for probe in originals[1:]) else ""


def count_refusals(proofs: Iterable[Proof]) -> Counter[Refusal]:
    """How many were refused, by reason."""
    return Counter(proof.refused_because for proof in proofs if not proof.ok)


def _refuse(reason: Refusal, found: Differences | None = None) -> Proof:
    return Proof(
        ok=False,
        refused_because=reason,
        channels=found.channels if found else frozenset(),
        details=found.details if found else {},
    )
