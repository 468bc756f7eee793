"""Refine: an iterative rich-human-feedback refinement agent.

The light names are imported here; `Refiner` is loaded on first use, since it brings the loop and the store with it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from refine.api import Refiner

__version__ = "0.1.0"

__all__ = ["Refiner", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Refiner":  # late (PEP 562): an eager import here would break `import graphs`
        from refine.api import Refiner

        return Refiner
    raise AttributeError(f"module 'refine' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
