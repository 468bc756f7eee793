"""Who is best, and how sure that is: comparisons in, ratings, verdicts and audit intervals out.

Names are loaded on first use (PEP 562), so that importing this package does not import numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from refine.ranking.asking import Ask, Askable, priorities, priority, select_candidates, select_next
    from refine.ranking.audit import InChainEstimate, WinRate, in_chain_estimate, win_rate
    from refine.ranking.comparisons import Comparisons
    from refine.ranking.fitted import BlindFit, Ratings
    from refine.ranking.kendall import agreement, kendall_tau_b
    from refine.ranking.krippendorff import alpha_of_comparisons, krippendorff_alpha
    from refine.ranking.laplace import fit_blind
    from refine.ranking.snapshot import Reliability, Snapshot, reliabilities_of
    from refine.ranking.standings import Standing, standing
    from refine.ranking.stopping import enough
    from refine.ranking.trust import fit
    from refine.ranking.trusted import Fitted, Labelers
    from refine.ranking.verdict import judge

_HOMES = {
    "Ask": "asking",
    "Askable": "asking",
    "BlindFit": "fitted",
    "Comparisons": "comparisons",
    "Fitted": "trusted",
    "InChainEstimate": "audit",
    "Labelers": "trusted",
    "Ratings": "fitted",
    "Reliability": "snapshot",
    "Snapshot": "snapshot",
    "Standing": "standings",
    "WinRate": "audit",
    "agreement": "kendall",
    "alpha_of_comparisons": "krippendorff",
    "enough": "stopping",
    "fit": "trust",
    "fit_blind": "laplace",
    "in_chain_estimate": "audit",
    "judge": "verdict",
    "kendall_tau_b": "kendall",
    "krippendorff_alpha": "krippendorff",
    "priorities": "asking",
    "priority": "asking",
    "reliabilities_of": "snapshot",
    "select_candidates": "asking",
    "select_next": "asking",
    "standing": "standings",
    "win_rate": "audit",
}

__all__ = [
    "Ask",
    "Askable",
    "BlindFit",
    "Comparisons",
    "Fitted",
    "InChainEstimate",
    "Labelers",
    "Ratings",
    "Reliability",
    "Snapshot",
    "Standing",
    "WinRate",
    "agreement",
    "alpha_of_comparisons",
    "enough",
    "fit",
    "fit_blind",
    "in_chain_estimate",
    "judge",
    "kendall_tau_b",
    "krippendorff_alpha",
    "priorities",
    "priority",
    "reliabilities_of",
    "select_candidates",
    "select_next",
    "standing",
    "win_rate",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"refine.ranking.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'refine.ranking' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
