"""What the browser saw of one candidate, as data. Strings come from a hostile page: they are cut and cleaned."""

from typing import Literal

from pydantic import Field

from refine.types import Record

Outcome = Literal["ok", "no_page", "hung", "crashed", "memory", "timeout", "unread"]
"""unread: the page got in the way of being looked at, by taking the document or our hooks away."""
ControlKind = Literal["button", "field", "link", "clickable", "surface"]
ControlState = Literal["free", "covered", "offscreen", "hidden", "gone", ""]
Reach = Literal["own", "near", "far", "none", ""]


class Said(Record):
    """Something the page said or did: a console line, an exception, a dialog, a sound, …"""

    kind: str
    """exception, error, warn, log, resource, policy, dialog, popup, sound, storage, history, asked, request, worker."""
    text: str
    where: str = ""
    line: int = 0
    phase: Literal["load", "walk"] = "load"
    at_ms: int = 0
    """On the virtual clock."""


class AskedFor(Record):
    """A request of the page's."""

    url: str
    kind: str
    """document, script, stylesheet, image, font, media, fetch, xhr, websocket, …"""
    result: Literal["served", "missing", "blocked", "left"]
    """missing: no such file in the candidate; blocked: outside of it; left: the page tried to go elsewhere."""
    phase: Literal["load", "walk"] = "load"


class Library(Record):
    """A script or style sheet that the page takes from elsewhere."""

    url: str
    name: str
    kind: Literal["script", "stylesheet", "font"]
    status: Literal["substituted", "unknown"]
    """substituted: a vendored copy stood in; unknown: not available to labelers, so the page ran without it."""


class Control(Record):
    """Something a person could press or fill in."""

    kind: ControlKind
    name: str
    tag: str
    selector: str
    pressed: int
    """How often the walk did."""
    has_effect: bool
    reach: Reach
    """Where a listener for it stands: on itself, on one around it, on the document only, nowhere."""
    state: ControlState
    by: str = ""
    """What covers it, or where off the screen it lies."""
    ways: tuple[str, ...] = ()
    href: str = ""
    target: Literal["", "there", "missing"] = ""
    """Of a link into the page."""
    submits: bool = False
    native: bool = False
    """Works without a script: details, popovers, labels, reset."""
    invalid: bool = False
    """Its form was not complete, so the browser kept it from being sent."""
    selected: bool = False
    """Shows the choice already made."""


class Step(Record):
    """One step of the walk."""

    number: int
    control: str
    kind: str
    tag: str
    selector: str
    did: str
    ways: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    effect: str
    first_change_ms: float | None
    last_change_ms: float | None
    blocked_ms: float


class Violation(Record):
    """One of axe-core's rules, broken."""

    rule: str
    impact: str
    help: str
    places: int
    targets: tuple[str, ...]


class Shot(Record):
    """A screenshot; its bytes are kept beside the report under `sha256`."""

    name: Literal["desktop", "phone"]
    width: int
    height: int
    sha256: str
    ink: float
    """Share of the picture's 8 × 8 blocks in which something stands out of its ground."""


class Timings(Record):
    """Of this run on this machine; not the same twice, and no ground to call a page broken."""

    load_s: float = 0.0
    total_s: float = 0.0


class RenderReport(Record):
    """Everything the checks rest on."""

    format: Literal[1] = 1
    candidate: str
    """Content hash."""
    chromium: str
    seed: int
    outcome: Outcome
    problem: str = ""
    """What stopped the browser from seeing all of it, and while doing what."""
    title: str = ""
    elements: int = 0
    elements_after: int = 0
    text: tuple[str, ...] = ()
    """Lines visible before the walk, at most 200."""
    text_hash: str = ""
    characters: int = 0
    is_cut_off: Literal["", "script", "style", "html"] = ""
    """What the file begins and does not end, as a reply does that ran out of tokens."""
    said: tuple[Said, ...] = ()
    lost: int = 0
    """How many more messages there were."""
    counts: dict[str, int] = Field(default_factory=dict)
    """Of messages by kind, those lost included."""
    requests: tuple[AskedFor, ...] = ()
    libraries: tuple[Library, ...] = ()
    controls: tuple[Control, ...] = ()
    controls_found: int = 0
    steps: tuple[Step, ...] = ()
    walk_is_whole: bool = False
    shots: tuple[Shot, ...] = ()
    texts_seen: int = 0
    """Pieces of text in the desktop picture that were looked at."""
    texts_unseen: tuple[str, ...] = ()
    """Those that do not stand out of their ground: white on white."""
    texts_unseen_share: float = 0.0
    """By characters."""
    phone_needs_px: int = 0
    """Width of the page's content at phone width."""
    phone_overflows: tuple[str, ...] = ()
    """Selectors of what sticks out."""
    phone_is_clipped: bool = False
    """What sticks out is cut off instead of scrolled to."""
    violations: tuple[Violation, ...] = ()
    accessibility_ran: bool = False
    flashes_per_s: float = 0.0
    flashing: str = ""
    is_animated: bool = False
    images: int = 0
    images_broken: int = 0
    code_words: tuple[str, ...] = ()
    """Visible text in which a value is missing: undefined, NaN, [object Object], an unfilled template."""
    has_viewport: bool = False
    is_storm: bool = False
    """More timer callbacks than the walk waits for."""
    is_slow: bool = False
    """Frames that take far longer than a frame."""
    timings: Timings = Timings()
    pictures: dict[str, bytes] = Field(default_factory=dict, exclude=True, repr=False)
    """PNG bytes by SHA-256, kept beside the report."""

    def of(self, *kinds: str) -> tuple[Said, ...]:
        """The messages of these kinds."""
        return tuple(each for each in self.said if each.kind in kinds)
