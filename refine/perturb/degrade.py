"""One operator: where in a page it can be placed, and what it changes there."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from refine.artifact.probe import Channel as Seen
from refine.perturb.edits import ByteEdit
from refine.perturb.flaw import Channel
from refine.perturb.flaws import FLAWS
from refine.perturb.source import Node, Region, Source

SHOWS_IN: dict[Channel, frozenset[Seen]] = {
    "behaviour": frozenset({"behaviour", "content"}),  # what a script writes at the start is its behaviour too
    "content": frozenset({"content", "behaviour"}),  # and what is said after a press is content
    "look": frozenset({"look"}),
    "accessibility": frozenset({"accessibility"}),
    "latency": frozenset({"latency"}),
}

MAX_SITES = 2000
"""Of one operator on one candidate."""
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """A node that an operator can change, in its region; `how` tells the operator's variants apart."""

    region: Region
    node: Node
    how: str = ""
    more: tuple[Node, ...] = ()
    """Other nodes that the change needs."""


class Change(NamedTuple):
    edits: tuple[ByteEdit, ...]
    notice: str = ""
    """What a person would notice, where the operator's own sentence can be made more exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place for an operator in a candidate."""

    operator: str
    file: int
    start: int
    """Byte of the file."""
    end: int
    how: str
    text: str
    """The beginning of what stands there; of the page's making, so hostile."""
    spot: Spot | None = field(compare=False, repr=False)
    """The parsed place; None where a model chose it."""


Find = Callable[[Source], Iterable[Spot]]
Alter = Callable[[Spot, float, random.Random], Change | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A kind of degradation. One that has a flaw of the same name in the catalogue is the same kind of flaw."""

    name: str
    channel: Channel
    severity: float
    """The prior, 0 to 1: how much of a page's worth it takes, before anyone has measured it."""
    least: float
    most: float
    """The severities it can be given; both are the prior where there is nothing to scale."""
    notice: str
    """What a person would notice."""
    shows_in: frozenset[Seen]
    """Channels of a probe of which one must differ: the operator's own."""
    find: Find
    alter: Alter
    """`alter(spot, strength, rng)`: strength runs from 0 at `least` to 1 at `most`. None: not here after all."""

    @property
    def is_scaled(self) -> bool:
        return self.least < self.most

    def strength(self, severity: float) -> float:
        if not self.is_scaled:
            return 1.0
        return min(max((severity - self.least) / (self.most - self.least), 0.0), 1.0)

    def sites(self, source: Source) -> list[Site]:
        """Where it could be placed, at most 2,000 places, in the order of the files."""
        found: dict[tuple[int, int, int, str], Site] = {}
        for spot in self.find(source):
            key = (spot.region.file, spot.node.start, spot.node.end, spot.how)
            if key not in found:
                found[key] = Site(
                    operator=self.name,
                    file=key[0],
                    start=key[1],
                    end=key[2],
                    how=spot.how,
                    text=shown(spot.region, spot.node),
                    spot=spot,
                )
                if len(found) >= MAX_SITES:
                    break
        return [found[key] for key in sorted(found)]


def operator_like(
    name: str,
    find: Find,
    alter: Alter,
    *,
    scale: tuple[float, float] | None = None,
    notice: str | None = None,
    shows_in: frozenset[Seen] | None = None,
) -> Operator:
    """The operator that puts the catalogue's flaw of this name into any page."""
    flaw = next(flaw for flaw in FLAWS if flaw.name == name)
    least, most = scale or (flaw.severity, flaw.severity)
    return Operator(
        name=flaw.name,
        channel=flaw.channel,
        severity=flaw.severity,
        least=least,
        most=most,
        notice=notice or flaw.notice,
        shows_in=shows_in or SHOWS_IN[flaw.channel],
        find=find,
        alter=alter,
    )


def shown(region: Region, node: Node) -> str:
    """The beginning of what a node stands for, on one line."""
    text = region.data[node.start : min(node.end, node.start + 4 * _SHOWN_CHARACTERS)].decode("utf-8", "replace")
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[: _SHOWN_CHARACTERS - 1]}…"


def replace(region: Region, node: Node, new: str | bytes) -> ByteEdit:
    """The edit that makes a node read `new`."""
    return ByteEdit(
        file=region.file,
        start=node.start,
        old=region.bytes_of(node),
        new=new.encode() if isinstance(new, str) else new,
    )


def insert(region: Region, at: int, new: str) -> ByteEdit:
    return ByteEdit(file=region.file, start=at, old=b"", new=new.encode())


def each_node(source_regions: Iterable[Region], *kinds: str) -> Iterator[tuple[Region, Node]]:
    for region in source_regions:
        for node in region.of(*kinds):
            yield region, node
