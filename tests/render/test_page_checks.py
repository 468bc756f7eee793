"""Checks are plain functions of a report: what each calls broken, what only a hint, and what it lets pass."""

from typing import Any

import pytest

from refine.render import CHECK_NAMES, PageCheck, RenderReport, check_report, is_broken
from refine.render.report import AskedFor, Control, Library, Said, Shot, Violation


def make(**fields: Any) -> RenderReport:
    """A report of a page without fault, but for what is given."""
    shots = tuple(
        Shot(name=name, width=width, height=844, sha256="0" * 64, ink=0.1)
        for name, width in (("desktop", 1280), ("phone", 390))
    )
    plain: dict[str, Any] = {
        **{"candidate": "0" * 64, "chromium": "1", "seed": 0, "outcome": "ok", "walk_is_whole": True, "shots": shots},
        **{
            "text": ("Hello",),
            "characters": 5,
            "phone_needs_px": 390,
            "controls": (control("Go"),),
            "controls_found": 1,
        },
    }
    return RenderReport(**{**plain, **fields})


def control(name: str, **fields: Any) -> Control:
    plain: dict[str, Any] = {
        **{"kind": "button", "tag": "button", "selector": f"#{name}", "pressed": 1, "has_effect": True},
        **{"reach": "own", "state": "free"},
    }
    return Control(name=name, **{**plain, **fields})


def said(kind: str, text: str, **fields: Any) -> Said:
    return Said(kind=kind, text=text, **fields)


def failed(report: RenderReport) -> dict[str, str]:
    """Name of each check that did not pass, and its severity."""
    return {each.name: each.severity for each in check_report(report) if not each.passed}


def detail(report: RenderReport, name: str) -> str:
    return next(each.detail for each in check_report(report) if each.name == name)


def test_a_page_without_fault_passes_every_check_in_their_order() -> None:
    checks = check_report(make())
    assert [each.name for each in checks] == list(CHECK_NAMES)
    assert all(each.passed and not each.detail for each in checks)
    assert not is_broken(checks)


def test_a_hint_alone_does_not_break_a_page() -> None:
    hint = PageCheck(name="x", severity="hint", passed=False, detail="d")
    assert not is_broken([hint])
    assert is_broken([hint, PageCheck(name="y", severity="broken", passed=False, detail="d")])


DEAD = control("Save", has_effect=False, reach="none")
STILL = control("Stir", has_effect=False)
BLOCKED = {"url": "https://api.example.com/x", "result": "blocked"}


@pytest.mark.parametrize(
    ("fields", "name", "severity"),
    [
        ({"outcome": "hung", "problem": "it did not answer"}, "runs", "broken"),
        ({"outcome": "timeout", "shots": ()}, "runs", "broken"),
        ({"outcome": "timeout"}, "runs", "hint"),
        ({"is_cut_off": "script"}, "whole", "broken"),
        ({"is_cut_off": "html"}, "whole", "hint"),
        ({"said": (said("exception", "Uncaught ReferenceError: x is not defined"),)}, "exceptions", "broken"),
        ({"code_words": ("Total: NaN",)}, "values", "broken"),
        ({"text": ("Loading...",), "controls": ()}, "loading", "broken"),
        ({"texts_unseen": ("Hello",), "texts_unseen_share": 0.5}, "invisible_text", "broken"),
        ({"texts_unseen": ("Hello",), "texts_unseen_share": 0.1}, "invisible_text", "hint"),
        ({"controls": (control("Go"), DEAD)}, "dead_controls", "broken"),
        ({"controls": (control("Go"), STILL)}, "dead_controls", "hint"),
        ({"controls": (STILL,)}, "dead_controls", "broken"),
        ({"controls": (control("Go", state="covered", pressed=0, by="div"),)}, "covered_controls", "broken"),
        ({"controls": (control("x", kind="link", state="covered", pressed=0),)}, "covered_controls", "hint"),
        ({"controls": (control("Go", state="offscreen", pressed=0),)}, "offscreen_controls", "broken"),
        ({"libraries": (Library(url="u", name="three", kind="script", status="unknown"),)}, "libraries", "broken"),
        ({"libraries": (Library(url="u", name="Roboto", kind="font", status="unknown"),)}, "libraries", "hint"),
        ({"requests": (AskedFor(url="app.js", kind="script", result="missing"),), "controls": ()}, "files", "broken"),
        ({"requests": (AskedFor(url="app.js", kind="script", result="missing"),)}, "files", "hint"),
        ({"requests": (AskedFor(url="a.png", kind="image", result="missing"),)}, "files", "hint"),
        ({"requests": (AskedFor(kind="fetch", **BLOCKED),)}, "network", "hint"),
        (
            {
                "requests": (AskedFor(kind="fetch", **BLOCKED),),
                "said": (said("exception", "TypeError: Failed to fetch"),),
            },
            "network",
            "broken",
        ),
        ({"requests": (AskedFor(url="https://x", kind="document", result="left"),)}, "leaves", "broken"),
        ({"requests": (AskedFor(url="https://x", kind="document", result="left", phase="walk"),)}, "leaves", "hint"),
        ({"said": tuple(said("dialog", f"alert: {n}") for n in range(12))}, "dialogs", "broken"),
        ({"said": (said("dialog", "alert: hi"),)}, "dialogs", "hint"),
        ({"flashes_per_s": 5.0, "flashing": "body"}, "flashing", "broken"),
        ({"said": (said("error", "no data"),)}, "console", "hint"),
        ({"images": 2, "images_broken": 1}, "images", "hint"),
        ({"controls": (control("x", kind="link", has_effect=False, href="#y", target="missing"),)}, "links", "hint"),
        ({"phone_needs_px": 700, "phone_overflows": ("#wide",)}, "overflow", "hint"),
        (
            {"violations": (Violation(rule="label", impact="critical", help="h", places=1, targets=("#x",)),)},
            "accessibility",
            "hint",
        ),
        ({"said": (said("sound", "play() on <audio>"),)}, "sound", "hint"),
        ({"elements": 20_000}, "weight", "hint"),
        ({"is_slow": True}, "weight", "hint"),
        ({"controls": (), "controls_found": 0}, "static", "hint"),
    ],
)
def test_what_is_wrong_is_told_with_its_severity(fields: dict[str, Any], name: str, severity: str) -> None:
    report = make(**fields)
    assert failed(report) == {name: severity}
    assert detail(report, name).endswith(".")


@pytest.mark.parametrize(
    "fields",
    [
        {"said": (said("exception", "Unhandled rejection: NotAllowedError: user gesture"),)},
        {"said": (said("exception", "ResizeObserver loop completed with undelivered notifications."),)},
        {"said": (said("sound", "play()", phase="walk"),)},
        {"flashes_per_s": 3.0},
        {"phone_needs_px": 392},
        {"controls": (control("Menu", has_effect=False, native=True),)},
        {"controls": (control("Send", has_effect=False, reach="none", submits=True, invalid=True),)},
        {"controls": (control("All", has_effect=False, selected=True),)},
        {"controls": (control("Reset", has_effect=False),)},
        {"controls": (STILL,), "is_animated": True},
        {"controls": (control("Go", state="covered"),)},
        {"controls": (control("Card", kind="clickable", has_effect=False, reach="none"),)},
        {"libraries": (Library(url="u", name="three", kind="script", status="substituted"),)},
        {"text": ("Loading…", "Score 3", "Level two of this long game", "Press a key to begin the next level now")},
        {"violations": (Violation(rule="region", impact="moderate", help="h", places=1, targets=()),)},
    ],
)
def test_what_is_no_fault_passes(fields: dict[str, Any]) -> None:
    assert failed(make(**fields)) == {}


def test_a_blank_picture_is_broken_and_says_whether_text_is_there() -> None:
    shot = Shot(name="desktop", width=1280, height=800, sha256="0" * 64, ink=0.0001)
    assert "nothing is drawn" in detail(make(shots=(shot,), characters=0), "blank")
    assert "there is text" in detail(make(shots=(shot,), characters=200), "blank")


def test_details_are_short_whatever_the_page_says() -> None:
    long = tuple(said("exception", f"{n} " + "x" * 399) for n in range(300))
    assert len(detail(make(said=long), "exceptions")) < 1200
