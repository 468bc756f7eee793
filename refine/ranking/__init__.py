"""Who is best, and how sure that is: comparisons in, ratings, verdicts and audit intervals out.

Names are loaded on first use (PEP 562), so that importing this package does not import numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from refine.ranking.audit import InChainEstimate, WinRate, in_chain_estimate, win_rate
    from refine.ranking.comparisons import Comparisons
    from refine.ranking.fitted import BlindFit, Ratings
    from refine.ranking.kendall import agreement, kendall_tau_b
    from refine.ranking.laplace import fit_blind
    from refine.ranking.snapshot import Reliability, Snapshot, reliabilities_of
    from refine.ranking.standings import Standing, standing
    from refine.ranking.trust import fit
    from refine.ranking.trusted import Fitted, Labelers
    from refine.ranking.verdict import judge

_HOMES = {
    "BlindFit": "fitted",
    "Comparisons": "comparisons",
    "Fitted": "trusted",
    "InChainEstimate": "audit",
    "Labelers": "trusted",
    "Ratings": "fitted",
    "Reliability": "snapshot",
    "Snapshot": "snapshot",
    "WinRate": "audit",
    "Standing": "standings",
    "agreement": "kendall",
    "fit": "trust",
    "fit_blind": "laplace",
    "in_chain_estimate": "audit",
    "judge": "verdict",
    "kendall_tau_b": "kendall",
    "reliabilities_of": "snapshot",
    "standing": "standings",
    "win_rate": "audit",
}

__all__ = [
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
    "fit",
    "fit_blind",
    "in_chain_estimate",
    "judge",
    "kendall_tau_b",
    "reliabilities_of",
    "standing",
    "win_rate",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"refine.ranking.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'refine.ranking' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
