"""File names of candidates: which are safe to store, serve and write to a folder."""

import re

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f\\<>:"|?*\ud800-\udfff]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


def is_safe_name(name: str) -> bool:
    """Whether a name is a relative path that stays inside its folder on every system; `/` separates folders."""
    if not name or len(name.encode("utf-8", "surrogatepass")) > 255 or _FORBIDDEN.search(name):
        return False
    return all(_is_safe_segment(segment) for segment in name.split("/"))


def _is_safe_segment(segment: str) -> bool:
    # Leading dots hide files and climb folders; trailing dots and spaces are dropped by Windows, making two names one.
    return bool(segment) and segment[0] not in ". ~" and segment[-1] not in ". " and not _RESERVED.fullmatch(segment)
