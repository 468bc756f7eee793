"""In which channels two probes differ, and what is too small to be a difference."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from refine.artifact.probe import Picture, Probe, ProbeStep, differences

STEP = ProbeStep(
    control="button “Next”",
    added=("2 of 3",),
    removed=("1 of 3",),
    effect="aa",
    ways=("document", "text"),
    first_change_ms=0.0,
    last_change_ms=100.0,
    blocked_ms=0.0,
)


def picture(*, brighter: int = 0) -> Picture:
    sums = np.full((10, 16, 3), 64 * 200, dtype="<u2")
    sums[4, 5, 1] += brighter
    return Picture(columns=16, rows=10, sums=sums.tobytes())


PROBE = Probe(
    is_complete=True,
    problem="",
    content=("Quiz", "1 of 3"),
    steps=(STEP, replace(STEP, control="key Enter", effect="bb")),
    pictures={"desktop": picture(), "phone": picture()},
    accessibility=("button “Next”", "label: 1"),
    errors=(),
)


def with_step(**changes: Any) -> Probe:
    return replace(PROBE, steps=(replace(STEP, **changes), PROBE.steps[1]))


def test_a_probe_does_not_differ_from_itself() -> None:
    assert not differences(PROBE, PROBE)
    assert differences(PROBE, PROBE).channels == frozenset()


@pytest.mark.parametrize(
    ("other", "channels"),
    [
        (replace(PROBE, content=("Quizz", "1 of 3")), {"content"}),
        (replace(PROBE, content=("1 of 3", "Quiz")), {"content"}),
        (with_step(effect="cc"), {"behaviour"}),
        (with_step(effect="", ways=(), added=(), removed=(), first_change_ms=None, last_change_ms=None), {"behaviour"}),
        (replace(PROBE, steps=PROBE.steps[:1]), {"behaviour"}),
        (with_step(control="button “Forward”"), set()),
        (with_step(control="button “Forward”", effect="cc"), {"behaviour"}),
        (replace(PROBE, pictures={**PROBE.pictures, "phone": picture(brighter=65)}), {"look"}),
        (replace(PROBE, pictures={**PROBE.pictures, "phone": picture(brighter=64)}), set()),
        (replace(PROBE, pictures={"desktop": picture()}), {"look"}),
        (replace(PROBE, accessibility=("button “Next”", "label: 2")), {"accessibility"}),
        (with_step(last_change_ms=140.0), {"latency"}),
        (with_step(last_change_ms=139.0), set()),
        (with_step(blocked_ms=300.0), {"latency"}),
        (replace(PROBE, errors=("exception: x",)), {"errors"}),
        (replace(PROBE, is_complete=False, problem="it hung"), {"errors"}),
    ],
)
def test_each_channel_tells_of_its_own_differences(other: Probe, channels: set[str]) -> None:
    for found in (differences(PROBE, other), differences(other, PROBE)):
        assert set(found.channels) == channels
        assert set(found.details) == channels
        assert bool(found) == bool(channels)
        assert all(1 <= len(sentences) <= 5 for sentences in found.details.values())
