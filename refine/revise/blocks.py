"""Search/replace blocks: reading them out of a reply, and applying them to the parent's files.

All blocks apply to the original text's offsets at once, so their order means nothing and none sees another's text. A
search text must stand in the original exactly once; everything else is an edit that was not applied, with its reason.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from refine.types import CodeFile, Edit, Files

MAX_BLOCKS = 100
MAX_REPLY_CHARS = 4_000_000
MAX_REASON_CHARS = 300

_OPEN = re.compile(r"\s{0,8}(<{5,12})\s?SEARCH\b([^\n]*)")
_DIVIDER = re.compile(r"\s{0,8}(={5,12})\s*")
_CLOSE = re.compile(r"\s{0,8}(>{5,12})\s?REPLACE\b[^\n]*")
_IDS = re.compile(r"\[([^\]\n]{0,400})\]")
_ID = re.compile(r"i\d{1,4}")
_DECLINED = re.compile(r"\W{0,8}NOT[ _]APPLIED\W{1,8}(i\d{1,4}(?:\s?,\s?i\d{1,4}){0,20})\W{0,8}(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    filename: str
    """As the reply names it; empty when it names none."""
    issues: tuple[str, ...]
    search: str
    replace: str
    is_deletion: bool = False
    """Nothing at all stands below the divider, not even an empty line: whole lines are removed with their line end."""
    fault: str = ""
    """Why the block cannot be read; empty when it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedBlocks:
    blocks: tuple[Block, ...]
    declined: dict[str, str]
    """Issues that the reply says it did not apply, with its reason."""


def parse_declined(prose: str) -> dict[str, str]:
    """The `NOT APPLIED i2: reason` lines of a text, by issue; the first line about an issue counts."""
    found: dict[str, str] = {}
    if "APPLIED" not in prose.upper():
        return found
    for line in prose.split("\n"):
        declined = _DECLINED.match(line[:600])
        if declined:
            for issue in _ID.findall(declined[1].lower()):
                found.setdefault(issue, declined[2].strip()[:MAX_REASON_CHARS] or "declined without a reason")
    return found


def parse_blocks(reply: str) -> ParsedBlocks:
    """Every block of a reply and the issues it declines. Never raises; text around the blocks is ignored."""
    lines = reply[:MAX_REPLY_CHARS].split("\n")
    openings = [
        (place, match)
        for place, line in enumerate(lines)
        if "<<<<<" in line and len(line) <= 1000 and (match := _OPEN.fullmatch(line))
    ]
    blocks: list[Block] = []
    outside: list[str] = []
    position = 0
    for number, (place, opening) in enumerate(openings):
        if place < position:
            continue  # a line of the block before it that looks like an opening
        outside += lines[position:place]
        block, position = _read_block(lines, place, opening, [index for index, _ in openings[number + 1 : number + 2]])
        blocks.append(block)
    outside += lines[position:]
    return ParsedBlocks(blocks=tuple(blocks[:MAX_BLOCKS]), declined=parse_declined("\n".join(outside)))


def _read_block(lines: list[str], place: int, opening: re.Match[str], following: list[int]) -> tuple[Block, int]:
    """The block that opens at a line, and the line after it. Marks of the opening's own length come first, so that a
    page that holds such marks itself can be edited with longer ones."""
    length = len(opening[1])
    own = _find_marks(lines, place + 1, len(lines), length)
    loose = (
        own if own[1] is not None else _find_marks(lines, place + 1, following[0] if following else len(lines), None)
    )
    dividers, close = loose
    filename, issues = _read_heading(opening[2])
    if close is None:
        after = following[0] if following else len(lines)
        return Block(filename=filename, issues=issues, search="", replace="", fault="the block is cut off"), after
    if len(dividers) != 1:
        fault = "the block has no divider" if not dividers else "the block has several dividers"
        return Block(filename=filename, issues=issues, search="", replace="", fault=fault), close + 1
    search, replacement = lines[place + 1 : dividers[0]], lines[dividers[0] + 1 : close]
    if lines[place].endswith("\r"):  # the whole reply came with CRLF line ends
        search, replacement = [line.removesuffix("\r") for line in search], [x.removesuffix("\r") for x in replacement]
    block = Block(
        filename=filename,
        issues=issues,
        search="\n".join(search),
        replace="\n".join(replacement),
        is_deletion=not replacement,
    )
    return block, close + 1


def _find_marks(lines: list[str], start: int, stop: int, length: int | None) -> tuple[list[int], int | None]:
    """The dividers and the closing mark of a block, of one length or of any; stops at the next opening of its kind."""
    dividers: list[int] = []
    for place in range(start, stop):
        line = lines[place]
        if line[:9].lstrip()[:1] not in ("<", "=", ">") or len(line) > 1000:
            continue
        for pattern in (_DIVIDER, _CLOSE, _OPEN):
            mark = pattern.fullmatch(line)
            if mark and length in (None, len(mark[1])):
                if pattern is _OPEN:
                    return dividers, None
                if pattern is _CLOSE:
                    return dividers, place
                dividers.append(place)
    return dividers, None


def _read_heading(text: str) -> tuple[str, tuple[str, ...]]:
    """File name and issues of ` index.html [i1, i2]`."""
    ids = _IDS.search(text)
    issues = tuple(dict.fromkeys(_ID.findall(ids[1]))) if ids else ()
    name = (text[: ids.start()] if ids else text).strip().strip("`*\"':").removeprefix("./").strip()
    return name[:255], issues


@dataclass(frozen=True, slots=True)
class _Place:
    file: int
    start: int
    end: int
    replacement: str


def apply_blocks(files: Files, blocks: Sequence[Block], *, issues: Sequence[str]) -> tuple[Files, tuple[Edit, ...]]:
    """The files with every block applied that can be, and one edit a block, in order.

    Issue ids that the plan does not know are dropped; a block that names none, where the plan has one issue, serves it.
    Of two blocks that overlap the first stays.
    """
    taken: list[_Place] = []
    edits: list[Edit] = []
    for block in blocks:
        served = tuple(issue for issue in block.issues if issue in issues)
        if not served and len(issues) == 1:
            served = tuple(issues)
        place = _locate(files, block)
        reason = place if isinstance(place, str) else _overlap(place, taken)
        name = files[place.file].filename if isinstance(place, _Place) else block.filename
        if isinstance(place, str) or reason:
            edits.append(
                Edit(
                    issues=served, filename=name, status="not_applied", how="none", reason=reason,
                    search=block.search, replace=block.replace,
                )
            )  # fmt: skip
            continue
        taken.append(place)
        content = files[place.file].content
        start = len(content[: place.start].encode("utf-8", "surrogatepass"))
        edits.append(
            Edit(
                issues=served, filename=name, status="applied", how="exact", start=start,
                end=start + len(content[place.start : place.end].encode("utf-8", "surrogatepass")),
                search=content[place.start : place.end], replace=place.replacement,
            )
        )  # fmt: skip
    return tuple(_rewrite(number, file, taken) for number, file in enumerate(files)), tuple(edits)


def _rewrite(number: int, file: CodeFile, taken: Sequence[_Place]) -> CodeFile:
    pieces: list[str] = []
    position = 0
    for place in sorted((place for place in taken if place.file == number), key=lambda place: place.start):
        pieces += [file.content[position : place.start], place.replacement]
        position = place.end
    if not pieces:
        return file
    return CodeFile(filename=file.filename, content="".join([*pieces, file.content[position:]]))


def _overlap(place: _Place, taken: Sequence[_Place]) -> str:
    for number, other in enumerate(taken, start=1):
        if place.file == other.file and place.start < other.end and other.start < place.end:
            return f"overlaps applied block {number}"
    return ""


def _locate(files: Files, block: Block) -> _Place | str:
    """Where the block applies, or why it does not."""
    if block.fault:
        return block.fault
    if not block.search.strip():
        return "the search text is empty"
    if block.search == block.replace:
        return "changes nothing"
    numbers = [n for n, file in enumerate(files) if file.filename == block.filename]
    if not numbers:
        if block.filename and len(files) > 1:
            return f"no file named {block.filename[:80]!r}"
        numbers = list(range(len(files)))  # one file, or the one file that holds the text
    # Line ends may have been changed on the way through the model: as written first, then as the file has them.
    bare_search, bare_replace = block.search.replace("\r\n", "\n"), block.replace.replace("\r\n", "\n")
    for search, replacement in (
        (block.search, block.replace),
        (bare_search, bare_replace),
        (bare_search.replace("\n", "\r\n"), bare_replace.replace("\n", "\r\n")),
    ):
        found = [(number, files[number].content.find(search)) for number in numbers]
        found = [(number, start) for number, start in found if start >= 0]
        if not found:
            continue
        count = sum(files[number].content.count(search) for number, _ in found)
        number, start = found[0]
        content, end = files[number].content, start + len(search)
        if count > 1 or content.find(search, start + 1) >= 0:
            return f"found {max(count, 2)} times"
        if block.is_deletion and content[start - 1 : start] in ("", "\n") and content.startswith(("\n", "\r\n"), end):
            end = content.index("\n", end) + 1
        return _Place(number, start, end, replacement)
    return "not found"
