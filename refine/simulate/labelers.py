"""Simulated labelers: who they are, how they rank, and the exact probability that they prefer one page to another.

A ranking is Plackett-Luce by Gumbel noise (Yellott 1977): each page's utility is reliability x quality x a scale plus
standard Gumbel noise; neighbours closer than a threshold are tied. Between two pages this is the ordered logit.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from refine.settings import PanelMix

Temper = Literal["good", "careless", "hostile"]
Habit = Literal["judges", "left", "lazy"]

QUALITY_SCALE = 8.0
"""Logits between the worst and the best page for a labeler of reliability 1."""
TIE_THRESHOLD = 0.3
_GOOD_SPREAD = 0.4
_HOSTILE_SPREAD = 0.3
_CARELESS_SPREAD = 0.05
_LEAST = 1e-300  # expovariate may return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedLabeler:
    """A labeler with hidden skill."""

    name: str
    temper: Temper
    habit: Habit
    """`left`: ranks as shown; `lazy`: ties everything; `judges`: by noisy utilities."""
    reliability: float
    """About 1 for good labelers, near 0 for careless, negative for hostile ones."""
    attention: float
    """How much of what is wrong they notice, about 1 for good labelers."""


class Preference(NamedTuple):
    win: float
    tie: float
    loss: float


def create_labelers(seed: int, mix: PanelMix, *, cohort: int = 0) -> tuple[SimulatedLabeler, ...]:
    """The panel's labelers, `sim-000` onwards; careless and hostile ones are spread among them by seed.

    Further cohorts of the same mix (`sim-1-000` …) stand in where the first has nobody left to ask.
    """
    rng = random.Random(f"{seed}|labelers" + (f"|{cohort}" if cohort else ""))
    prefix = f"sim-{cohort}-" if cohort else "sim-"
    careless = round(mix.labelers * mix.careless_share)
    hostile = min(round(mix.labelers * mix.hostile_share), mix.labelers - careless)
    counts: tuple[tuple[Temper, int], ...] = (
        ("good", mix.labelers - careless - hostile),
        ("careless", careless),
        ("hostile", hostile),
    )
    tempers = [temper for temper, count in counts for _ in range(count)]
    rng.shuffle(tempers)
    digits = max(3, len(str(mix.labelers - 1)))
    return tuple(_create_labeler(f"{prefix}{at:0{digits}}", temper, rng) for at, temper in enumerate(tempers))


def rank(
    labeler: SimulatedLabeler, qualities: Sequence[float], shown: Sequence[int], rng: random.Random
) -> tuple[tuple[int, ...], ...]:
    """Tie groups of indexes into `qualities`, best first. `shown` lists the indexes in the order on the screen, which
    only a `left` labeler goes by; give qualities in an order that does not depend on it, and noise will not either."""
    if labeler.habit == "left":
        return tuple((index,) for index in shown)
    if labeler.habit == "lazy":
        return (tuple(range(len(qualities))),)
    slope = labeler.reliability * QUALITY_SCALE
    utilities = [slope * quality - math.log(max(rng.expovariate(1.0), _LEAST)) for quality in qualities]
    order = sorted(range(len(qualities)), key=lambda index: -utilities[index])
    groups: list[list[int]] = []
    for place, index in enumerate(order):
        if place and utilities[order[place - 1]] - utilities[index] < TIE_THRESHOLD:
            groups[-1].append(index)
        else:
            groups.append([index])
    return tuple(tuple(sorted(group)) for group in groups)


def preference_probability(labeler: SimulatedLabeler, quality_a: float, quality_b: float) -> Preference:
    """How likely the labeler is to rank a above, level with or below b when only these two are shown, in an order
    that is as likely either way. Exact for `rank`."""
    if labeler.habit == "left":
        return Preference(0.5, 0.0, 0.5)
    if labeler.habit == "lazy":
        return Preference(0.0, 1.0, 0.0)
    difference = labeler.reliability * QUALITY_SCALE * (quality_a - quality_b)
    win, loss = _logistic(difference - TIE_THRESHOLD), _logistic(-difference - TIE_THRESHOLD)
    return Preference(win, 1.0 - win - loss, loss)


def mean_preference(labelers: Sequence[SimulatedLabeler], quality_a: float, quality_b: float) -> Preference:
    """The same for a labeler drawn at random from these, of whom there must be one."""
    each = [preference_probability(labeler, quality_a, quality_b) for labeler in labelers]
    return Preference(
        math.fsum(one.win for one in each) / len(each),
        math.fsum(one.tie for one in each) / len(each),
        math.fsum(one.loss for one in each) / len(each),
    )


def _create_labeler(name: str, temper: Temper, rng: random.Random) -> SimulatedLabeler:
    habit: Habit = "judges"
    if temper == "good":
        reliability, attention = rng.lognormvariate(0.0, _GOOD_SPREAD), rng.uniform(0.7, 1.2)
    elif temper == "careless":
        reliability, attention = rng.gauss(0.0, _CARELESS_SPREAD), 0.0
        habit = rng.choice(("judges", "left", "lazy"))
        reliability = reliability if habit == "judges" else 0.0
    else:
        reliability, attention = -rng.lognormvariate(0.0, _HOSTILE_SPREAD), 0.0
    return SimulatedLabeler(name=name, temper=temper, habit=habit, reliability=reliability, attention=attention)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
