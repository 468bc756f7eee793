"""Which assignments carry a control, which one, and where it stands: hidden, spread out, never twice.

A control takes the place of another candidate, never of its own original, so that an assignment with one has as many
candidates as any other. Everything follows from the labeler's history, the settings and the seed.
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field


class PlacingSettings(BaseModel):
    """How often labelers meet a control."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(default=0.2, ge=0, le=0.5)
    """Of each labeler's assignments, where there are controls to give: one in every stretch of 1 / share. At 0.2 a new
    labeler meets two in ten."""

    @property
    def stretch(self) -> int:
        """Assignments in which there is one; at least 2."""
        return max(2, round(1 / self.share)) if self.share else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A proven perturbation of a candidate of the round."""

    id: str
    original: str
    """The candidate it is a copy of."""
    weight: float = 1.0
    """How often it is chosen beside others: `Difficulty.bits` of its operator; 0 for a retired one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An assignment that the labeler got before."""

    control: str | None = None
    """The id of the control in it."""
    original: str | None = None
    """Of that control."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    control: Control
    left_out: str
    """The candidate whose place it takes."""
    order: tuple[str, ...]
    """What the labeler sees, in this order."""


def place_control(
    shown: Sequence[str],
    controls: Sequence[Control],
    history: Sequence[Past],
    *,
    labeler: str,
    settings: PlacingSettings,
    seed: int,
) -> Placement | None:
    """The assignment with a control in it, or None where this one carries none.

    `shown` are the candidates of the assignment in the order that it would have without one; `controls` those there
    are for them; `history` all assignments of this labeler, oldest first, in whatever chain. `seed` may differ from
    one assignment to the next: it decides which control and where; when one comes follows from `labeler` alone, which
    should be an id that the labeler does not know. The same arguments give the same placement.
    """
    if len(shown) < 2 or not is_due(history, labeler=labeler, settings=settings):
        return None
    met = {past.control for past in history} | {past.original for past in history if past.original}
    free = [
        each
        for each in sorted(controls, key=lambda each: each.id)
        if each.weight > 0 and each.original in shown and each.id not in met and each.original not in met
    ]
    if not free:
        return None
    rng = _rng(seed, labeler, "which", len(history), *shown)
    control = rng.choices(free, [each.weight for each in free])[0]
    left_out = rng.choice([each for each in shown if each != control.original])
    order = [control.id if each == left_out else each for each in shown]
    rng.shuffle(order)
    return Placement(control=control, left_out=left_out, order=tuple(order))


def is_due(history: Sequence[Past], *, labeler: str, settings: PlacingSettings) -> bool:
    """Whether the labeler's next assignment is one that carries a control. Only the newest stretch of the history is
    looked at, and its length.

    Assignments are counted off in stretches of 1 / share; in each, a place is drawn. Where there was no control to give
    at that place, the next ones will do, as long as the stretch lasts.
    """
    if settings.share == 0 or (history and history[-1].control is not None):
        return False
    length = settings.stretch
    begins = len(history) // length * length
    if any(past.control is not None for past in history[begins:]):
        return False
    return len(history) - begins >= _rng(0, labeler, "when", begins).randrange(length)


def _rng(seed: int, *about: object) -> random.Random:
    """Randomness that follows from its arguments alone, on every machine."""
    said = "\x00".join(map(str, (seed, *about)))
    return random.Random(int.from_bytes(hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()[:16]))
