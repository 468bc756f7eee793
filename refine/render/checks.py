"""Pure checks over a render report. Broken: not to be shown, repair or drop it. Hint: worth telling the next revision.

Messages that our own limits cause (no network, no gesture, no full screen) are no fault of a page, and what depends on
the machine's speed is never more than a hint.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from refine.render.report import Control, RenderReport, Said

Severity = Literal["broken", "hint"]

BLANK_INK = 0.0008
"""13 of 16,000 blocks at desktop width: one short word has 20."""
UNSEEN_BROKEN, UNSEEN_HINT = 0.3, 0.05
"""Share of the characters in view that do not stand out of their ground."""
MAX_FLASHES_PER_S = 3.0
"""WCAG 2.3.1."""
MANY_DIALOGS = 10
MANY_ELEMENTS = 8000
_POLICY = re.compile(
    r"NotAllowedError|user gesture|user activation|user didn't interact|Permissions check failed|permissions policy"
    r"|ResizeObserver loop|AbortError|play\(\) request was interrupted|Service workers? (are|registration)|fullscreen"
    r"|SecurityError|NotSupportedError|clipboard",
    re.IGNORECASE,
)
_NETWORK = re.compile(r"Failed to fetch|NetworkError|Load failed|net::ERR", re.IGNORECASE)
_LATE = re.compile(
    r"\b(reset|clear|delete|remove|restart|stop|pause|close|cancel|undo|redo|prev|previous|back|exit|quit|end)\b", re.I
)
_LOADING = re.compile(r"^(please wait|(now )?loading\b|initiali[sz]ing)[^\w]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCheck:
    name: str
    severity: Severity
    """What it would be, or is, when it did not pass."""
    passed: bool
    detail: str = ""
    """One sentence: what is wrong, and what to repair. Empty when it passed."""


Problem = tuple[Severity, str] | None


def check_report(report: RenderReport) -> list[PageCheck]:
    """All checks, always in the same order."""
    results = []
    for name, usual, check in _CHECKS:
        found = check(report)
        severity, detail = found or (usual, "")
        results.append(PageCheck(name=name, severity=severity, passed=found is None, detail=detail))
    return results


def is_broken(checks: Iterable[PageCheck]) -> bool:
    return any(not each.passed and each.severity == "broken" for each in checks)


def _ran(report: RenderReport) -> Problem:
    if report.outcome == "ok":
        return None
    if report.outcome in ("timeout", "unread") and report.shots:
        return "hint", f"Not all of it was seen: {report.problem}."
    advice = {
        "no_page": "Give an index.html.",
        "hung": "Look for a loop that never ends.",
        "memory": "Look for something that grows without end.",
        "crashed": "Look for endless recursion or memory that grows without end.",
        "timeout": "Make it load faster.",
        "unread": "Keep the document and its elements in place.",
        "ok": "",
    }[report.outcome]
    return "broken", f"The page could not be used: {report.problem}. {advice}"


def _cut_off(report: RenderReport) -> Problem:
    if report.is_cut_off in ("script", "style"):
        return "broken", f"The code stops inside a <{report.is_cut_off}> that is never closed; write it to its end."
    return ("hint", "The closing </html> is missing; the code may be cut off.") if report.is_cut_off else None


def _exceptions(report: RenderReport) -> Problem:
    thrown = [each for each in report.of("exception") if not _POLICY.search(each.text) and not _is_network(each)]
    if not thrown:
        return None
    told = _join([f"{each.text}{_where(each)}" for each in thrown])
    during = "while it loads" if any(each.phase == "load" for each in thrown) else "when its controls are used"
    return "broken", f"Scripts fail {during}: {told}."


def _is_network(said: Said) -> bool:
    return bool(_NETWORK.search(said.text))


def _where(said: Said) -> str:
    name = said.where.rsplit("/", 1)[-1][:60]
    return f" ({name or 'inline'}:{said.line})" if said.line else ""


def _values(report: RenderReport) -> Problem:
    if not report.code_words:
        return None
    return "broken", f"Visible text has a value missing: {_join(report.code_words)}; set it before it is shown."


def _blank(report: RenderReport) -> Problem:
    desktop = next((shot for shot in report.shots if shot.name == "desktop"), None)
    if desktop is None or desktop.ink >= BLANK_INK:
        return None
    why = "there is text, but it cannot be seen" if report.characters > 20 else "nothing is drawn"
    return "broken", f"The page is blank at desktop width: {why}."


def _loading(report: RenderReport) -> Problem:
    said = " ".join(report.text)
    if (
        len(said) > 60
        or not any(_LOADING.match(line) for line in report.text)
        or any(c.has_effect for c in report.controls)
    ):
        return None
    return "broken", f"The page stays at “{said}”; show its content without waiting for what never comes."


def _invisible_text(report: RenderReport) -> Problem:
    share = report.texts_unseen_share
    if share < UNSEEN_HINT or not report.texts_unseen:
        return None
    told = f"{share:.0%} of the text in view cannot be told from its ground: {_join(report.texts_unseen)}"
    return ("broken" if share >= UNSEEN_BROKEN else "hint"), f"{told}; give it a colour that stands out."


def _dead(report: RenderReport) -> Problem:
    """Sure: no listener could hear it. Else only where nothing on the page reacts: a button may have nothing to do."""
    pressed = [each for each in report.controls if each.kind in ("button", "clickable") and each.pressed]
    still = [each for each in pressed if not (each.has_effect or each.native or each.invalid or each.selected)]
    sure = [each for each in still if each.kind == "button" and each.reach in ("none", "far")]
    if sure:
        told = f"Nothing happens when these are pressed: {_named(sure)}"
        left = " (sending its form only reloads the page)" if any(each.submits for each in sure) else ""
        return "broken", f"{told}{left}; connect them to what they promise."
    options = _groups_that_react(pressed)
    doubtful = [
        each for each in still if each.kind == "button" and not _LATE.search(each.name) and _group(each) not in options
    ]
    if not doubtful or report.is_animated:
        return None  # in a picture that moves all the time, an effect cannot be told
    told = f"No effect was seen when these were pressed: {_named(doubtful)}"
    reacts = any(each.has_effect for each in report.controls) or any(s.ways for s in report.steps)
    if not reacts:
        return "broken", f"{told}, and nothing else on the page reacts; repair their handlers."
    return "hint", f"{told}; make sure that they do something and show it."


def _group(control: Control) -> str:
    return control.selector.rpartition(" > ")[0]


def _groups_that_react(pressed: Sequence[Control]) -> set[str]:
    """Where three or more stand together and one had an effect: options, of which the first choice settles the rest."""
    sizes = Counter(_group(each) for each in pressed)
    return {_group(each) for each in pressed if each.has_effect and sizes[_group(each)] >= 3} - {""}


def _covered(report: RenderReport) -> Problem:
    found = [each for each in report.controls if each.state == "covered" and not each.pressed]
    return _unreachable(found, "are covered by something else and cannot be pressed", "move what covers them")


def _offscreen(report: RenderReport) -> Problem:
    found = [each for each in report.controls if each.state == "offscreen" and not each.pressed]
    return _unreachable(found, "lie outside the page and cannot be reached", "place them in view")


def _unreachable(found: Sequence[Control], what: str, repair: str) -> Problem:
    if not found:
        return None
    wanted = [each for each in found if each.kind in ("button", "field")]
    sentence = f"These {what}: {_named(wanted or found, with_by=True)}; {repair}."
    return ("broken" if wanted else "hint"), sentence


def _libraries(report: RenderReport) -> Problem:
    unknown = [each for each in report.libraries if each.status == "unknown"]
    needed = [each for each in unknown if each.kind != "font"]
    if needed:
        told = _join([f"{each.name} ({each.url[:80]})" for each in needed])
        return "broken", f"It needs what is not available to those who see it: {told}; do without, or write it in."
    if unknown:
        return "hint", f"Fonts from elsewhere do not load ({_join([each.name for each in unknown])}); name fallbacks."
    return None


def _files(report: RenderReport) -> Problem:
    """A missing script of a page that works is left over: its code stands in the page."""
    missing = [each for each in report.requests if each.result == "missing"]
    if not missing:
        return None
    code = [each for each in missing if each.kind in ("script", "stylesheet")]
    works = any(each.has_effect for each in report.controls) and not _exceptions(report)
    told = f"Files are asked for that do not exist: {_join([each.url for each in code or missing])}"
    return ("broken" if code and not works else "hint"), f"{told}; add them or remove the reference."


def _network(report: RenderReport) -> Problem:
    kinds = ("fetch", "xhr", "websocket", "eventsource")
    asked = [each for each in report.requests if each.kind in kinds and each.result == "blocked"]
    if not asked:
        return None
    told = f"It asks for data from elsewhere, which never comes: {_join([each.url[:80] for each in asked])}"
    unhandled = any(_is_network(each) for each in report.of("exception"))
    return ("broken" if unhandled else "hint"), f"{told}; bring the data along."


def _leaves(report: RenderReport) -> Problem:
    left = [each for each in report.requests if each.result == "left"]
    by_itself = [each for each in left if each.phase == "load"]
    if by_itself:
        return (
            "broken",
            f"The page leaves for another address by itself: {_join([each.url[:80] for each in by_itself])}.",
        )
    if left:
        return (
            "hint",
            f"Using it leads away from the page: {_join([each.url[:80] for each in left])}; stay on the page.",
        )
    return None


def _dialogs(report: RenderReport) -> Problem:
    shown = report.of("dialog")
    at_load = [each for each in shown if each.phase == "load"]
    most = max((step.ways.count("dialog") for step in report.steps), default=0)
    number = report.counts.get("dialog", 0)
    if len(at_load) >= MANY_DIALOGS or number > MANY_DIALOGS * (
        1 + sum("dialog" in step.ways for step in report.steps)
    ):
        return "broken", f"It floods people with dialogs ({number}): {_join([each.text for each in shown])}."
    if at_load:
        return "hint", f"A dialog opens before anything is pressed: {_join([each.text for each in at_load])}."
    return ("hint", "It answers by dialogs; show that on the page.") if most else None


def _flashing(report: RenderReport) -> Problem:
    if report.flashes_per_s <= MAX_FLASHES_PER_S:
        return None
    return "broken", f"It flashes {report.flashes_per_s:g} times a second ({report.flashing}); stay at three or below."


def _console(report: RenderReport) -> Problem:
    errors = [each for each in report.of("error") if not _POLICY.search(each.text) and not _is_network(each)]
    return ("hint", f"It logs errors: {_join([each.text for each in errors])}.") if errors else None


def _images(report: RenderReport) -> Problem:
    if not report.images_broken:
        return None
    return "hint", f"{report.images_broken} of {report.images} images do not load; draw them or write them in."


def _links(report: RenderReport) -> Problem:
    links = [each for each in report.controls if each.kind == "link" and not each.has_effect]
    nowhere = [each for each in links if each.target == "missing" or (each.href in ("#", "") and each.pressed)]
    return ("hint", f"Links that lead nowhere: {_named(nowhere)}.") if nowhere else None


def _overflow(report: RenderReport) -> Problem:
    phone = next((shot for shot in report.shots if shot.name == "phone"), None)
    if phone is None or report.phone_needs_px <= phone.width * 1.02:
        return None
    told = f"At {phone.width} px it needs {report.phone_needs_px} px"
    how = "what sticks out is cut off" if report.phone_is_clipped else "it scrolls sideways"
    return "hint", f"{told} and {how}: {_join(report.phone_overflows) or 'the page itself'}; let it wrap or shrink."


def _accessibility(report: RenderReport) -> Problem:
    grave = [each for each in report.violations if each.impact in ("critical", "serious")]
    told = [f"{each.help} ({each.rule}, {each.places}×, {', '.join(each.targets[:2])})" for each in grave]
    return ("hint", f"Not accessible: {_join(told)}.") if grave else None


def _sound(report: RenderReport) -> Problem:
    made = [each for each in report.of("sound") if each.phase == "load"]
    return (
        ("hint", f"It makes a sound before anything is pressed: {_join([each.text for each in made])}.")
        if made
        else None
    )


def _weight(report: RenderReport) -> Problem:
    if report.elements > MANY_ELEMENTS or report.elements_after > MANY_ELEMENTS:
        return "hint", f"It has {max(report.elements, report.elements_after)} elements; show fewer at once."
    if report.is_storm or report.is_slow:
        return "hint", "It keeps the browser busy all the time; do less in each frame or timer."
    return None


def _static(report: RenderReport) -> Problem:
    if report.outcome != "ok" or report.controls_found or any(step.ways for step in report.steps) or report.is_animated:
        return None
    return ("hint", "Nothing on it can be used, and nothing moves.") if report.steps or report.walk_is_whole else None


def _named(controls: Sequence[Control], *, with_by: bool = False) -> str:
    def name(each: Control) -> str:
        by = f" by {each.by}" if with_by and each.state == "covered" else ""
        return f"{each.tag} “{each.name}”{by}" if each.name else f"{each.tag} at {each.selector}{by}"

    return _join([name(each) for each in controls])


def _join(parts: Iterable[str], most: int = 4) -> str:
    different = list(dict.fromkeys(" ".join(part.split())[:160] for part in parts))
    more = f" and {len(different) - most} more" if len(different) > most else ""
    return "; ".join(different[:most]) + more


_CHECKS: tuple[tuple[str, Severity, Callable[[RenderReport], Problem]], ...] = (
    ("runs", "broken", _ran),
    ("whole", "broken", _cut_off),
    ("exceptions", "broken", _exceptions),
    ("values", "broken", _values),
    ("blank", "broken", _blank),
    ("loading", "broken", _loading),
    ("invisible_text", "broken", _invisible_text),
    ("dead_controls", "broken", _dead),
    ("covered_controls", "broken", _covered),
    ("offscreen_controls", "broken", _offscreen),
    ("libraries", "broken", _libraries),
    ("files", "broken", _files),
    ("network", "broken", _network),
    ("leaves", "broken", _leaves),
    ("dialogs", "broken", _dialogs),
    ("flashing", "broken", _flashing),
    ("console", "hint", _console),
    ("images", "hint", _images),
    ("links", "hint", _links),
    ("overflow", "hint", _overflow),
    ("accessibility", "hint", _accessibility),
    ("sound", "hint", _sound),
    ("weight", "hint", _weight),
    ("static", "hint", _static),
)
CHECK_NAMES = tuple(name for name, _, _ in _CHECKS)
