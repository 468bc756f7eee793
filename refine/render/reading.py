"""From what a page's world told to checked records. Every value may be a lie or garbage: cut, cast, or left out."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeVar, cast

from refine.artifact import entry_file, visible_text
from refine.artifact.probe import Probe, ProbeStep
from refine.render.pictures import TextBox, Unseen, block_sums, look
from refine.render.report import (
    AskedFor,
    Control,
    ControlKind,
    ControlState,
    Reach,
    RenderReport,
    Said,
    Shot,
    Step,
    Timings,
    Violation,
)
from refine.render.serving import Site
from refine.render.visit import Seen
from refine.types import Files

T = TypeVar("T", bound=str)
MAX_SAID = 300
MAX_CONTROLS = 200


def make_report(seen: Seen, site: Site, files: Files, *, candidate: str, chromium: str, seed: int) -> RenderReport:
    """The report of a visit to these files."""
    load, walk, phone, flash = seen.load, seen.walk, seen.phone, seen.flash
    shots, unseen = _shots(seen)
    said, lost, counts = _said(seen)
    asked = [*site.asked, *(AskedFor(url=url, kind="websocket", result="blocked") for url in seen.websockets[:20])]
    images = _list(load.get("images"))
    noticed = [_dict(load.get("noticed")), _dict(walk.get("noticed"))]
    return RenderReport(
        candidate=candidate,
        chromium=chromium,
        seed=seed,
        outcome=seen.outcome,
        problem=_text(seen.problem, 300),
        title=_text(load.get("title"), 120),
        elements=_int(load.get("elements")),
        elements_after=_int(walk.get("elements")),
        text=_texts(load.get("lines"), 200, 200),
        text_hash=_text(load.get("text_hash"), 16),
        characters=_int(load.get("characters")),
        is_cut_off=_cut_off(files),
        said=said,
        lost=lost,
        counts=counts,
        requests=tuple(asked),
        libraries=tuple(site.libraries),
        controls=tuple(_control(each) for each in _dicts(walk.get("controls"))[:MAX_CONTROLS]),
        controls_found=_int(walk.get("found")),
        steps=tuple(_step(each) for each in seen.steps),
        walk_is_whole=bool(walk) and seen.outcome == "ok",
        shots=shots,
        texts_seen=unseen.seen,
        texts_unseen=tuple(_text(each, 40) for each in unseen.texts),
        texts_unseen_share=unseen.share,
        phone_needs_px=_int(phone.get("needed")),
        phone_overflows=_texts(phone.get("wide"), 5, 200),
        phone_is_clipped=phone.get("hides") is True,
        violations=tuple(_violation(each) for each in _dicts(seen.axe)),
        accessibility_ran=seen.axe is not None,
        flashes_per_s=_float(flash.get("per_second")) or 0.0,
        flashing=_text(flash.get("where"), 200),
        is_animated=load.get("is_animated") is True,
        images=_int(images[0]) if len(images) == 2 else 0,
        images_broken=_int(images[1]) if len(images) == 2 else 0,
        code_words=_missing_values([*_list(load.get("code_words")), *_list(walk.get("words"))], files),
        has_viewport=load.get("has_viewport") is True,
        is_storm=any(each.get("storm") is True for each in noticed),
        is_slow=any(each.get("slow") is True for each in noticed),
        timings=Timings(load_s=seen.load_s, total_s=seen.total_s),
        pictures={
            shot.sha256: png for shot, png in zip(shots, (seen.desktop_png, seen.phone_png), strict=False) if png
        },
    )


def make_probe(report: RenderReport, tree: Sequence[dict[str, Any]] | None) -> Probe:
    """The part of a report that is the same every time."""
    violations = [f"{each.rule}: {each.places}" for each in report.violations]
    return Probe(
        is_complete=report.walk_is_whole and not report.is_slow,
        problem=report.problem or ("its frames take too long to be the same twice" if report.is_slow else ""),
        content=report.text,
        steps=tuple(
            ProbeStep(
                control=_named(step.tag, step.control),
                added=step.added,
                removed=step.removed,
                effect=step.effect,
                ways=step.ways,
                first_change_ms=step.first_change_ms,
                last_change_ms=step.last_change_ms,
                blocked_ms=step.blocked_ms,
            )
            for step in report.steps
        ),
        pictures={shot.name: block_sums(report.pictures[shot.sha256]) for shot in report.shots},
        accessibility=(*_tree_lines(tree or ()), *violations),
        errors=tuple(sorted({f"{each.kind}: {each.text}" for each in report.of("exception", "error")})),
    )


_ENDS: tuple[Literal["script", "style", "html"], ...] = ("script", "style", "html")


def _cut_off(files: Files) -> Literal["", "script", "style", "html"]:
    """By the last tag of each kind: enough for a reply that stops in the middle."""
    entry = entry_file(files)
    code = entry.content.lower() if entry else ""
    for name in _ENDS:
        if code.rfind(f"<{name}") > code.rfind(f"</{name}"):
            return name
    return ""


def _missing_values(words: Sequence[Any], files: Files) -> tuple[str, ...]:
    """Without those whose word the page's own markup has: a lesson may speak of NaN and of undefined."""
    entry = entry_file(files)
    written = " ".join(visible_text(entry.content)) if entry else ""
    meant = [word for word in ("NaN", "undefined", "[object") if word in written]
    said = _texts(words, 20, 80)
    return tuple(each for each in said if not any(word in each for word in meant))[:10]


def _shots(seen: Seen) -> tuple[tuple[Shot, ...], Unseen]:
    shots, unseen = [], Unseen(0, (), 0.0)
    if seen.desktop_png:
        shot, unseen = look("desktop", seen.desktop_png, _boxes(seen.load.get("texts")))
        shots.append(shot)
    if seen.phone_png:
        shots.append(look("phone", seen.phone_png)[0])
    return tuple(shots), unseen


def _boxes(value: object) -> list[TextBox]:
    return [
        TextBox(_int(each[0]), _int(each[1]), _int(each[2]), _int(each[3]), _int(each[4]), _text(each[5], 40))
        for each in _list(value)[:300]
        if isinstance(each, list) and len(each) == 6
    ]


def _said(seen: Seen) -> tuple[tuple[Said, ...], int, dict[str, int]]:
    """All messages in order, those of steps with the step's phase; how many more there were; counts by kind."""
    said: list[Said] = []
    lost = 0
    counts: dict[str, int] = {}
    for part in (seen.load, *seen.steps):
        for each in _dicts(part.get("log")):
            if len(said) < MAX_SAID:
                said.append(_message(each))
            else:
                lost += 1
        lost += _int(part.get("lost"))
        for kind, number in _dict(part.get("counts")).items():
            counts[_text(kind, 20)] = counts.get(_text(kind, 20), 0) + _int(number)
    return tuple(said), lost, counts


def _message(each: dict[str, Any]) -> Said:
    return Said(
        kind=_text(each.get("kind"), 20),
        text=_text(each.get("text"), 400),
        where=_text(each.get("where"), 200),
        line=_int(each.get("line")),
        phase="walk" if each.get("phase") == "walk" else "load",
        at_ms=_int(each.get("at")),
    )


def _step(each: dict[str, Any]) -> Step:
    effect = [_text(each.get(name), 16) for name in ("added_all", "removed_all", "state", "canvas")]
    return Step(
        number=_int(each.get("number")),
        control=_text(each.get("control") or each.get("name"), 40),
        kind=_text(each.get("kind"), 20),
        tag=_text(each.get("tag"), 40),
        selector=_text(each.get("selector"), 200),
        did=_text(each.get("did"), 80),
        ways=_texts(each.get("ways"), 20, 20),
        added=_texts(each.get("added"), 12, 80),
        removed=_texts(each.get("removed"), 12, 80),
        effect="-".join(effect),
        first_change_ms=_float(each.get("first_ms")),
        last_change_ms=_float(each.get("last_ms")),
        blocked_ms=_float(each.get("blocked_ms")) or 0.0,
    )


def _control(each: dict[str, Any]) -> Control:
    kinds: tuple[ControlKind, ...] = ("button", "field", "link", "clickable", "surface")
    states: tuple[ControlState, ...] = ("free", "covered", "offscreen", "hidden", "gone", "")
    reaches: tuple[Reach, ...] = ("own", "near", "far", "none", "")
    targets: tuple[Literal["", "there", "missing"], ...] = ("", "there", "missing")
    return Control(
        kind=_one_of(each.get("kind"), kinds, "clickable"),
        name=_text(each.get("name"), 40),
        tag=_text(each.get("tag"), 40),
        selector=_text(each.get("selector"), 200),
        pressed=_int(each.get("pressed")),
        has_effect=each.get("effect") is True,
        reach=_one_of(each.get("reach"), reaches, ""),
        state=_one_of(each.get("state"), states, ""),
        by=_text(each.get("by"), 80),
        ways=_texts(each.get("ways"), 20, 20),
        href=_text(each.get("href"), 120),
        target=_one_of(each.get("target"), targets, ""),
        submits=each.get("submits") is True,
        native=each.get("native") is True,
        invalid=each.get("invalid") is True,
        selected=each.get("selected") is True,
    )


def _violation(each: dict[str, Any]) -> Violation:
    return Violation(
        rule=_text(each.get("rule"), 60),
        impact=_text(each.get("impact"), 20),
        help=_text(each.get("help"), 200),
        places=_int(each.get("places")),
        targets=_texts(each.get("targets"), 3, 200),
    )


def _named(tag: str, name: str) -> str:
    return f"{tag} “{name}”" if name else tag


_STATES = ("disabled", "checked", "expanded", "selected", "pressed", "required", "invalid", "readonly", "level")


def _tree_lines(nodes: Iterable[dict[str, Any]]) -> list[str]:
    """Roles, names and states of what assistive technology is told, in document order."""
    lines = []
    for node in nodes:
        if node.get("ignored"):
            continue
        role, name = _value(node.get("role")), _value(node.get("name"))
        if role in ("InlineTextBox", "none", "generic") and not name:
            continue
        states = [
            f"{_text(each.get('name'), 20)}={_value(each.get('value'))}"
            for each in _dicts(node.get("properties"))
            if each.get("name") in _STATES
        ]
        lines.append(" ".join([f"{role} “{name}”", *states])[:200])
    return lines


def _value(wrapped: object) -> str:
    return _text(wrapped.get("value"), 80) if isinstance(wrapped, dict) else ""


def _text(value: object, most: int) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    text = str(value)[: most + 1].encode("utf-8", "replace").decode().replace("\x00", "")
    return text if len(text) <= most else text[: most - 1] + "…"


def _texts(value: object, count: int, most: int) -> tuple[str, ...]:
    return (
        tuple(dict.fromkeys(_text(each, most) for each in _list(value)[:count]))
        if count <= 20
        else tuple(_text(each, most) for each in _list(value)[:count])
    )


def _int(value: object) -> int:
    number = _float(value)
    return 0 if number is None else int(min(max(number, -(2**53)), 2**53))


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) > 1e300:
        return None
    return float(value)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in _list(value) if isinstance(each, dict)]


def _one_of(value: object, allowed: tuple[T, ...], otherwise: T) -> T:
    return next((each for each in allowed if each == value), otherwise)
