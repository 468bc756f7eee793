import time

import pytest

from refine.revise.scan import scan
from refine.types import CodeFile, Files

BASE = "<html><body><button>A</button><input><a href='#x'>B</a><script>go()</script></body></html>"


def page(content: str) -> Files:
    return (CodeFile(filename="index.html", content=content),)


def added(code: str, *, prompt: str = "a quiz", base: str = BASE) -> tuple[str, ...]:
    return scan(page(base), page(base.replace("go()", f"go();{code}")), prompt)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("fetch('/x')", "fetch"),
        ("new XMLHttpRequest()", "XMLHttpRequest"),
        ("new WebSocket(u)", "WebSocket"),
        ("new EventSource(u)", "EventSource"),
        ("navigator.sendBeacon(u)", "sendBeacon"),
        ("new RTCPeerConnection()", "WebRTC"),
        ("eval (x)", "eval"),
        ("new Function('x')", "Function"),
        ("import('./x.js')", "import"),
        ("document.cookie='a'", "cookie"),
        ("localStorage.x=1", "localStorage"),
        ("navigator.serviceWorker.register('x')", "serviceWorker"),
        ("parent.document.title", "another window"),
        ("top.location = 'x'", "another window"),
        ("window.open('x')", "another window"),
        ("new Image().src='https://evil.example/p.png'", "https://evil.example/p.png"),
        ("new Image().src='//evil.example/p.png'", "//evil.example/p.png"),
        ("x='" + "A" * 60_000 + "'", "base64"),
    ],
)
def test_what_reaches_out_stores_or_evaluates_is_rejected(code: str, word: str) -> None:
    assert any(word in reason for reason in added(code))


@pytest.mark.parametrize(
    ("code", "prompt"),
    [
        ("function run() {} refetch(); evaluate(1)", ""),
        ("localStorage.x=1", "Keep the high score in localStorage"),
        ("s='https://cdn.example.com/a.js'", "Use https://cdn.example.com/ for the library"),
        ("s='http://www.w3.org/2000/svg'", ""),
        ("x='" + "A" * 900 + "'", ""),
        ("// see this.that", ""),
        ("node.parent.x = 1; el.style.top.y", ""),
        ("window.open('x')", "a button opens a new window"),
    ],
)
def test_what_is_harmless_or_asked_for_passes(code: str, prompt: str) -> None:
    assert added(code, prompt=prompt) == ()


def test_a_host_that_only_ends_like_the_one_asked_for_is_rejected() -> None:
    assert added("s='https://evilexample.com/a'", prompt="use example.com")
    assert added("s='https://example.com.evil.net/a'", prompt="use example.com")


def test_what_the_parent_has_already_passes() -> None:
    base = BASE.replace("go()", "fetch('https://a.example/x');x='" + "A" * 60_000 + "'")
    assert scan(page(base), page(base + "<p>new"), "") == ()


def test_losing_more_than_half_of_the_controls_is_rejected() -> None:
    one_left = BASE.replace("<button>A</button><input>", "")
    two_left = BASE.replace("<input>", "")
    assert any("controls removed: 3 before, 1 after" in reason for reason in scan(page(BASE), page(one_left), ""))
    assert scan(page(BASE), page(two_left), "") == ()
    commented = BASE.replace("<button>", "<!-- <button>").replace("<script>", "--><script>")
    assert any("controls removed" in reason for reason in scan(page(BASE), page(commented), ""))


@pytest.mark.parametrize("piece", ["http://", "A", "=//a.", "fetch ", "document .", "'//a.b", "A" * 1500 + "!"])
def test_a_hostile_page_is_scanned_in_linear_time(piece: str) -> None:
    started = time.process_time()
    scan(page(BASE), page(piece * (400_000 // len(piece))), "")
    assert time.process_time() - started < 3
