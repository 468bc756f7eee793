"""`graphs` and `store` are general names: say which file shadows them before a puzzling ImportError does."""

import importlib.util
import sys
from pathlib import Path

import refine
from refine.errors import RefineError


def check_own_packages(*names: str) -> None:
    """Raise RefineError when one of these packages is not the one that was installed with `refine`."""
    home = Path(refine.__file__).resolve().parent.parent
    for name in names:
        loaded = sys.modules.get(name)
        origin = loaded.__file__ if loaded is not None else _find(name)
        if origin is None or Path(origin).resolve().parent != home / name:
            raise RefineError(
                f"{origin or 'nothing'} stands where Refine expects its own package {name!r} ({home / name});"
                " rename that file or folder, or run from another folder"
            )


def _find(name: str) -> str | None:
    spec = importlib.util.find_spec(name)
    if spec is None:
        return None
    if spec.origin is None and spec.submodule_search_locations:  # a folder without __init__.py
        return str(Path(next(iter(spec.submodule_search_locations)), "__init__.py"))
    return spec.origin
