"""What one seeded walk through a page showed, and in which channels two walks differ. refine.render makes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Channel = Literal["content", "behaviour", "look", "accessibility", "latency", "errors"]
CHANNELS: tuple[Channel, ...] = ("content", "behaviour", "look", "accessibility", "latency", "errors")
BLOCK_STEP = 64
"""Smaller differences of a block's sum are no difference: a shade in every pixel, or a quarter of the scale in one."""
LATENCY_STEP_MS = 40
"""Smaller differences of a step's times are no difference: two frames of the virtual clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeStep:
    """One press, fill or key of the walk, and what came of it."""

    control: str
    """What was used, as a person would name it: `button “Next”`, `key Enter`."""
    added: tuple[str, ...]
    """Lines of visible text that came; at most 12, each at most 80 characters."""
    removed: tuple[str, ...]
    effect: str
    """Hash of everything that changed: all lines, attributes, fields, canvases. Not of what stayed as it was."""
    ways: tuple[str, ...]
    """Where something changed: document, text, fields, place, canvas, dialog, sound, …; empty for no effect."""
    first_change_ms: float | None
    """On the virtual clock; None where nothing changed."""
    last_change_ms: float | None
    blocked_ms: float
    """How long the page kept the window from reacting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A screenshot as sums over its 8 × 8 blocks: browsers draw a rounded corner a shade differently now and then."""

    columns: int
    rows: int
    sums: bytes
    """Little-endian uint16, rows × columns × red, green, blue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The same files and seed give an equal probe; only `is_complete` ones may be compared."""

    is_complete: bool
    problem: str
    """Why it is not: a hang, a crash, a limit; empty otherwise."""
    content: tuple[str, ...]
    """Lines of visible text before the walk."""
    steps: tuple[ProbeStep, ...]
    pictures: Mapping[str, "Picture"]
    """`desktop` and `phone`, before the walk."""
    accessibility: tuple[str, ...]
    """The accessibility tree, `role “name” states` a line, and after it the violations found, `rule: places`."""
    errors: tuple[str, ...]
    """Exceptions and console errors, sorted, without doubles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    channels: frozenset[Channel]
    details: Mapping[Channel, tuple[str, ...]] = field(default_factory=dict)
    """Up to five sentences for each channel that differs."""

    def __bool__(self) -> bool:
        return bool(self.channels)


def differences(a: Probe, b: Probe) -> Differences:
    """In which channels `b` differs from `a`. Probes that are not complete differ in `errors`, and are not compared."""
    if not (a.is_complete and b.is_complete):
        problems = tuple(f"a walk did not finish: {probe.problem}" for probe in (a, b) if not probe.is_complete)
        return Differences(channels=frozenset({"errors"}), details={"errors": problems})
    found: dict[Channel, tuple[str, ...]] = {
        "content": _lines("text", a.content, b.content),
        "behaviour": _steps(a.steps, b.steps),
        "look": _looks(a.pictures, b.pictures),
        "accessibility": _lines("accessibility", a.accessibility, b.accessibility),
        "latency": _latencies(a.steps, b.steps),
        "errors": _lines("error", a.errors, b.errors),
    }
    details = {channel: sentences for channel, sentences in found.items() if sentences}
    return Differences(channels=frozenset(details), details=details)


def _lines(what: str, a: Sequence[str], b: Sequence[str]) -> tuple[str, ...]:
    if a == b:
        return ()
    gone, come = [line for line in a if line not in set(b)], [line for line in b if line not in set(a)]
    told = [f"{what} gone: {line}" for line in gone[:3]] + [f"{what} new: {line}" for line in come[:3]]
    return tuple(told[:5]) or (f"{what}: the same lines in another order or number",)


def _looks(a: Mapping[str, Picture], b: Mapping[str, Picture]) -> tuple[str, ...]:
    import numpy as np

    told = []
    for name in sorted({*a, *b}):
        one, other = a.get(name), b.get(name)
        if one is None or other is None or (one.columns, one.rows) != (other.columns, other.rows):
            told.append(f"the picture at {name} width is missing or of another size in one")
            continue
        sums = [np.frombuffer(each.sums, "<u2").astype(np.int32).reshape(-1, 3) for each in (one, other)]
        places = np.flatnonzero((np.abs(sums[0] - sums[1]) > BLOCK_STEP).any(axis=1))
        if places.size:
            x, y = 8 * (places % one.columns), 8 * (places // one.columns)
            where = f"{x.min()},{y.min()} to {x.max() + 8},{y.max() + 8}"
            told.append(f"the picture at {name} width differs in {places.size / len(sums[0]):.2%} of it, {where}")
    return tuple(told)


def _steps(a: Sequence[ProbeStep], b: Sequence[ProbeStep]) -> tuple[str, ...]:
    told = []
    for number, (one, other) in enumerate(zip(a, b, strict=False), start=1):
        if one.control != other.control and not _is_renamed(one, other):
            told.append(f"step {number}: {one.control} in one, {other.control} in the other")
        elif (one.effect, one.ways) != (other.effect, other.ways):
            told.append(f"step {number}, {one.control}: {_effect(one)} in one, {_effect(other)} in the other")
    if len(a) != len(b):
        told.append(f"{len(a)} steps in one, {len(b)} in the other")
    return tuple(told[:5])


def _is_renamed(one: ProbeStep, other: ProbeStep) -> bool:
    """The same kind of control under another name is content, where it does the same."""
    return one.control.split(" ")[0] == other.control.split(" ")[0] and (one.effect, one.ways) == (
        other.effect,
        other.ways,
    )


def _effect(step: ProbeStep) -> str:
    if not step.ways:
        return "nothing"
    shown = [*(f"+“{line}”" for line in step.added[:2]), *(f"−“{line}”" for line in step.removed[:2])]
    return f"{', '.join(step.ways)}{' (' + ' '.join(shown) + ')' if shown else ''}"


def _latencies(a: Sequence[ProbeStep], b: Sequence[ProbeStep]) -> tuple[str, ...]:
    told = []
    for number, (one, other) in enumerate(zip(a, b, strict=False), start=1):
        for name in ("first_change_ms", "last_change_ms", "blocked_ms"):
            before, after = getattr(one, name), getattr(other, name)
            if before is not None and after is not None and abs(after - before) >= LATENCY_STEP_MS:
                told.append(f"step {number}, {one.control}: {name} {before:.0f} in one, {after:.0f} in the other")
                break
    return tuple(told[:5])
