"""What candidates and labelers are called on the inspector's pages."""

from refine.api.browsing import Inspection
from refine.export import ExportCandidate, ExportRound

_CONTROL = "a control"


def name_of(found: Inspection, candidate: str | None) -> str:
    """Of one that the chain does not have, its id: a damaged chain can still be looked at."""
    return found.story.names.get(candidate or "", candidate or "no page")


def name_in_round(found: Inspection, round: ExportRound, candidate: str) -> str:
    return _CONTROL if candidate in round.controls else name_of(found, candidate)


def labeler_name(found: Inspection, labeler: str) -> str:
    """The pseudonym within the chain."""
    return found.story.labelers.get(labeler, "a labeler")


def candidate_of(found: Inspection, candidate: str | None) -> ExportCandidate | None:
    return next((it for it in found.story.chain.candidates if it.id == candidate), None)
