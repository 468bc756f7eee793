"""Hostile text does not reach the terminal as anything but text."""

import time

import pytest

from refine.cli.text import clean, clean_line, format_bytes, format_count, format_span, format_usd, shorten


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x9b31mb", "a31mb"),
        ("a\x08\x08b\x00", "ab"),
        ("\u202eabc\u2066\u200b", "abc"),
        ("half \ud800", "half \ufffd"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
        ("tag\U000e0041s", "tags"),
        ("plain ünïcode 文字 👍", "plain ünïcode 文字 👍"),
    ],
)
def test_what_a_terminal_obeys_is_taken_out(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_a_line_is_one_line_and_bounded() -> None:
    assert clean_line("a\n\n b\u2028c") == "a b c"
    assert clean_line("x" * 1000, longest=10) == "x" * 10 + "…"
    assert len(shorten("word " * 100, 20)) <= 20


@pytest.mark.parametrize("piece", ["\x1b]", "\x1b[", "\x1bP", "\x1b[0;", "\x1b"])
def test_a_megabyte_of_open_escapes_takes_no_time(piece: str) -> None:
    began = time.process_time()
    clean(piece * 300_000, longest=1_000_000)
    assert time.process_time() - began < 2


def test_numbers_are_readable() -> None:
    assert [format_usd(it) for it in (None, 0, 0.5, 0.0042, 1e-9, 1234.5)] == [
        "unknown",
        "$0.00",
        "$0.50",
        "$0.0042",
        "<$0.0001",
        "$1,234.50",
    ]
    assert [format_count(it) for it in (7, 9999, 12_345, 2_500_000)] == ["7", "9,999", "12.3k", "2.5M"]
    assert [format_span(it) for it in (5, 65, 1200, 7500)] == ["5 s", "1 min 5 s", "20 min", "2 h 5 min"]
    assert [format_bytes(it) for it in (10, 2048, 5 << 20, 3 << 30)] == ["10 B", "2.0 KiB", "5.0 MiB", "3.0 GiB"]
