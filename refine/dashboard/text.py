"""Words and numbers on pages.

What prompts, pages, critiques and models brought in is shown by `st.text`, `st.code` and in cells of data frames, which
read no markup, after `plain`. `escape` is for the few places that only take Markdown.
"""

import re
from datetime import UTC, datetime

_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Controls, marks that turn a line around, and halves of surrogate pairs, which cannot be sent."""
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$:&@/^=])")
_BLANKS = re.compile(r"\s+")

STOPS = {
    "rounds": "all rounds used",
    "cost": "budget spent",
    "rankings": "limit of rankings reached",
    "deadline": "deadline passed",
    "plateau": "the incumbent kept standing",
    "nothing_left": "nothing left to improve",
    "ranked": "ranked, as ordered",
    "criticised": "criticised, as ordered",
    "stopped": "stopped by a person",
    "failed": "failed",
}
STATES = {
    "new": "not begun",
    "active": "being worked on",
    "waiting": "waits for feedback",
    "audit": "waits for its audit round",
    "paused": "paused",
    "ended": "ended",
    "failed": "failed",
}


def plain(text: str, *, longest: int = 20_000) -> str:
    """The text with every hidden character shown as �, cut after `longest` characters."""
    cut = text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest:,} more characters)"
    return _HIDDEN.sub("\ufffd", cut.replace("\r\n", "\n").replace("\r", "\n"))


def line(text: str, width: int = 120) -> str:
    """The same on one line of at most `width` characters."""
    one = _BLANKS.sub(" ", plain(text, longest=4 * width)).strip()
    return one if len(one) <= width else f"{one[: width - 1].rstrip()}…"


def escape(text: str, width: int = 120) -> str:
    """One line that Markdown shows as it is."""
    return _MARKUP.sub(r"\\\1", line(text, width))


def code(text: str, width: int = 300) -> str:
    """One line that stands between backticks in Markdown."""
    return line(text, width).replace("`", "'")


def format_usd(usd: float) -> str:
    if usd == 0 or usd >= 0.01:
        return f"${usd:,.2f}"
    return f"${usd:.2g}" if usd >= 0.0001 else "<$0.0001"


def format_count(number: float) -> str:
    """1,234 · 56.7k · 1.2M."""
    if number < 10_000:
        return f"{number:,.0f}"
    return f"{number / 1000:,.1f}k" if number < 1_000_000 else f"{number / 1_000_000:,.1f}M"


def format_span(seconds: float) -> str:
    """0.3 s · 12 s · 3 min · 2 h 5 min · 3 d 4 h."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    if whole < 3600:
        return f"{round(whole / 60)} min"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def format_age(at: datetime) -> str:
    return format_span(max(0.0, (datetime.now(UTC) - at).total_seconds()))


def format_time(at: datetime | None) -> str:
    """UTC, to the minute."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


def count(number: int, word: str, plural: str | None = None) -> str:
    """`1 chain`, `2 chains`."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"
