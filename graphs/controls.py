"""A control for a round about to be opened: a proven worse copy of one of those on show."""

import hashlib
from collections.abc import Sequence

from graphs.context import LoopContext
from refine.errors import RenderError
from refine.types import Files
from store.candidates import StoredCandidate
from store.chains import StoredChain
from store.controls import NewControl

LEAST_SHOWN = 3
"""A control takes another candidate's place; of two there would be nothing left to compare."""


async def make_controls(
    context: LoopContext, chain: StoredChain, number: int, shown: Sequence[tuple[StoredCandidate, Files]]
) -> list[NewControl]:
    """One, or none where the project wants none, nothing can be proven, or too few are on show.

    The original is any of them, so that what looks alike is no sign of the incumbent.
    """
    maker = context.control_maker
    if maker is None or chain.settings.share_of_controls == 0 or len(shown) < LEAST_SHOWN:
        return []
    seed = int.from_bytes(hashlib.sha256(f"{chain.record.seed}:control:{number}".encode()).digest()[:4], "big")
    original, files = shown[seed % len(shown)]
    weights = {} if context.reliabilities is None else context.reliabilities.operator_weights(chain)
    try:
        made = await maker.make_control(files, seed=seed, weights=weights)
    except RenderError:
        return []  # a round without a control is a round
    if made is None:
        return []
    return [
        NewControl(
            original=original,
            files=made.files,
            operator=made.operator,
            channel=made.channel,
            severity=made.severity,
            record=made.record,
        )
    ]
