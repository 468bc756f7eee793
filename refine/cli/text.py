"""Text of models, labelers and files made safe to print, and numbers made readable.

What comes from outside may hold escape sequences that repaint a terminal, or marks that turn a line around; none of it
gets through, and nothing is ever read as rich's markup.
"""

import re
from datetime import datetime

_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|.)?", re.DOTALL
)
_HIDDEN = (
    *range(0x00, 0x09),
    *range(0x0B, 0x20),
    *range(0x7F, 0xA0),
    0x00AD,  # soft hyphen
    0x034F,  # joins, fills and separates without being seen
    0x061C,
    *range(0x115F, 0x1161),
    *range(0x17B4, 0x17B6),
    *range(0x180B, 0x1810),
    0x3164,
    *range(0xFE00, 0xFE10),
    0xFFA0,
    *range(0x200B, 0x2010),  # zero widths and marks of direction
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
    *range(0xFFF9, 0xFFFC),
)
_TABLE: dict[int, str | None] = dict.fromkeys(_HIDDEN)
_TABLE |= {0x09: " ", 0x2028: "\n", 0x2029: "\n"}
_TABLE |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd")  # half a surrogate pair cannot be printed
_TABLE |= dict.fromkeys(range(0xE0000, 0xE0080))  # invisible tags
_MARKS = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_STACK = re.compile(f"({_MARKS}{{4}}){_MARKS}+")
"""More marks on one letter than any language has: they climb over the lines above."""
_BLANKS = re.compile(r"\s+")


def clean(text: str, *, longest: int = 4000) -> str:
    """The text without anything a terminal obeys; lines stay, what is beyond `longest` characters goes."""
    is_cut = len(text) > longest
    shown = _ESCAPE.sub("", text[:longest].replace("\r\n", "\n").replace("\r", "\n")).translate(_TABLE)
    shown = _STACK.sub(r"\1", shown)
    return f"{shown}…" if is_cut else shown


def clean_line(text: str, *, longest: int = 300) -> str:
    """The same, on one line."""
    return _BLANKS.sub(" ", clean(text, longest=longest)).strip()


def shorten(text: str, width: int) -> str:
    """One clean line of at most `width` characters."""
    line = clean_line(text, longest=max(4 * width, 200))
    return line if len(line) <= width else f"{line[: max(width - 1, 1)].rstrip()}…"


def format_usd(usd: float | None) -> str:
    if usd is None:
        return "unknown"
    if usd == 0 or usd >= 0.01:
        return f"${usd:,.2f}"
    return f"${usd:.2g}" if usd >= 0.0001 else "<$0.0001"


def format_count(number: float) -> str:
    """1,234 · 56.7k · 1.2M."""
    if number < 10_000:
        return f"{number:,.0f}"
    return f"{number / 1000:,.1f}k" if number < 1_000_000 else f"{number / 1_000_000:,.1f}M"


def format_bytes(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} GiB"


def format_span(seconds: float) -> str:
    """12 s · 3 min 20 s · 2 h 5 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole < 600 else f"{round(whole / 60)} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def format_time(at: datetime | None) -> str:
    """UTC, to the minute."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


def count(number: int, word: str, plural: str | None = None) -> str:
    """`1 chain`, `2 chains`."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"
