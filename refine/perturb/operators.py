"""Every operator, in four channels: behaviour, content, look, and accessibility with latency."""

from refine.errors import InputError
from refine.perturb._access import ACCESSIBILITY, LATENCY
from refine.perturb._behaviour import BEHAVIOUR
from refine.perturb._content import CONTENT
from refine.perturb._look import LOOK
from refine.perturb.degrade import Operator

OPERATORS: tuple[Operator, ...] = (*BEHAVIOUR, *CONTENT, *LOOK, *ACCESSIBILITY, *LATENCY)
_BY_NAME = {operator.name: operator for operator in OPERATORS}


def operator_named(name: str) -> Operator:
    """Raises InputError for a name that no operator has."""
    found = _BY_NAME.get(name)
    if found is None:
        raise InputError(f"there is no operator {name[:60]!r}; there are {', '.join(sorted(_BY_NAME))}")
    return found
