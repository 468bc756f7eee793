"""Use cases: what faces (command line, pages, notebooks) call. `Refiner` is the way in.

Names are loaded on first use (PEP 562): reading a chain needs the store, and only running one needs the loop.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from refine.api._packages import check_own_packages

check_own_packages("graphs", "store")  # before anything imports them

if TYPE_CHECKING:
    from refine.api.blocking import BlockingRefiner
    from refine.api.opening import prepare_project
    from refine.api.refiner import Refiner
    from refine.api.runner import Progress

_HOMES = {"BlockingRefiner": "blocking", "Progress": "runner", "Refiner": "refiner", "prepare_project": "opening"}

__all__ = ["BlockingRefiner", "Progress", "Refiner", "prepare_project"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"refine.api.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'refine.api' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
