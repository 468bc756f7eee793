"""What becomes of one slot of a round before it is stored."""

from dataclasses import dataclass

from refine.types import CandidateKind, Files, GaveUp, Made
from store.calls import RecordedReply
from store.candidates import StoredCandidate
from store.plans import StoredPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What became of one slot of a round, not yet stored."""

    number: int
    kind: CandidateKind
    outcome: Made | GaveUp
    content_sha256: str | None = None
    reply: RecordedReply | None = None
    """What it was made of."""
    parent: StoredCandidate | None = None
    plan: StoredPlan | None = None
    is_final: bool = False
    """A call for it failed for good: it is not to be made again from its replies, for that call would be paid twice."""

    @property
    def files(self) -> Files | None:
        return self.outcome.files if isinstance(self.outcome, Made) else None
