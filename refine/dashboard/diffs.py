"""Diffs as text, for `st.code`."""

from refine.api.lineage import diff_lines
from refine.dashboard.text import count, plain

_LONGEST = 400_000
"""Characters of either side."""
_LONGEST_LINE = 600


def make_diff(before: str, after: str, *, context: int = 3, most: int = 400) -> str:
    """The changed lines with some around them, at most `most` lines; empty where nothing differs."""
    old, new = ([it[:_LONGEST_LINE] for it in plain(text, longest=_LONGEST).split("\n")] for text in (before, after))
    shown: list[str] = []
    steps = diff_lines(old, new)
    for at, (tag, start, end, new_start, new_end) in enumerate(steps):
        if tag != "equal":
            shown += [f"-{it}" for it in old[start:end]]
            shown += [f"+{it}" for it in new[new_start:new_end]]
            continue
        head = context if at else 0
        tail = context if at + 1 < len(steps) else 0
        if end - start <= head + tail:
            shown += [f" {it}" for it in old[start:end]]
        else:
            shown += [f" {it}" for it in old[start : start + head]]
            if tail:
                shown.append(f"@@ line {end - tail + 1} @@")
                shown += [f" {it}" for it in old[end - tail : end]]
    if not any(it[:1] in "+-" for it in shown):
        return ""
    cut = len(shown) - most
    return "\n".join([*shown[:most], *([f"… {count(cut, 'more line')}"] if cut > 0 else [])])
