"""How `demo/scripted` carries out an edit plan: it takes out the flaws the plan names, and now and then plants one."""

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from refine.errors import ModelRefused
from refine.llm.pages import ACCENTS
from refine.perturb import FLAWS, Wish, understand
from refine.prompts import Section
from refine.types import CodeFile

_FIX_PROBABILITY = 0.9
_GRANT_PROBABILITY = 0.7
_BREAK_PROBABILITY = 0.15
_TOUCH_PROBABILITY = 0.7
_TICKS = re.compile(r"`{3,}")
_LANGUAGES = {"html": "html", "js": "js", "css": "css"}

Change = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class _Work:
    """A change to one file, in the name of issues."""

    filename: str
    issues: tuple[str, ...]
    change: Change


@dataclass(frozen=True, slots=True)
class _Outcome:
    works: list[_Work]
    refusals: list[str]


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines `start` to `end` of a file, and what replaces them."""

    start: int
    end: int
    search: str
    replace: str
    issues: tuple[str, ...]


def revise_by_blocks(sections: Sequence[Section], rng: random.Random) -> str:
    """Search/replace blocks against the files as given, none overlapping, each unique in its file."""
    files = _read_files(sections)
    outcome = _carry_out(_read_issues(sections), files, rng)
    pieces = ["The edits, made by a script and not by a model.\n"]
    for name, page in files.items():
        for block in _blocks(page, [work for work in outcome.works if work.filename == name]):
            issues = ", ".join(block.issues)
            pieces.append(f"<<<<<<< SEARCH {name} [{issues}]\n{block.search}=======\n{block.replace}>>>>>>> REPLACE\n")
    return "\n".join([*pieces, *outcome.refusals]) + "\n"


def revise_whole(sections: Sequence[Section], rng: random.Random) -> str:
    """Every file whole, also those that did not change; no file when nothing did."""
    files = _read_files(sections)
    outcome = _carry_out(_read_issues(sections), files, rng)
    for work in outcome.works:
        files[work.filename] = work.change(files[work.filename]) or files[work.filename]
    whole = [CodeFile(filename=name, content=page) for name, page in files.items()] if outcome.works else []
    pieces = ["The whole page, edited by a script and not by a model.\n", *outcome.refusals, render_files(whole)]
    return "\n".join(pieces) + "\n"


def render_files(files: Sequence[CodeFile]) -> str:
    """Files as fenced blocks, the name in the info string; a fence is longer than any run of ticks in its file."""
    return "\n".join(_render_file(file) for file in files)


def _render_file(file: CodeFile) -> str:
    longest = max((len(run) for run in _TICKS.findall(file.content)), default=2)
    ticks = "`" * (longest + 1)
    language = _LANGUAGES.get(file.filename.rpartition(".")[2], "text")
    end = "" if file.content.endswith("\n") else "\n"
    return f"{ticks}{language} {file.filename}\n{file.content}{end}{ticks}\n"


def _read_files(sections: Sequence[Section]) -> dict[str, str]:
    files = {
        section.attributes.get("name", "index.html"): section.text for section in sections if section.name == "file"
    }
    if not files:
        raise ModelRefused("demo/scripted needs a fenced file to revise")
    return files


def _read_issues(sections: Sequence[Section]) -> list[tuple[str, str]]:
    """(id, claim) of the plan's issues."""
    plan = next((section.text for section in sections if section.name == "plan"), None)
    if plan is None:
        raise ModelRefused("demo/scripted needs a fenced plan to revise a page")
    try:
        issues = json.loads(plan)["issues"]
        return [(str(issue["id"]), str(issue["claim"])) for issue in issues]
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise ModelRefused("demo/scripted cannot read the plan: expected JSON with issues of id and claim") from exc


def _carry_out(issues: Sequence[tuple[str, str]], files: dict[str, str], rng: random.Random) -> _Outcome:
    refusals: list[str] = []
    works: dict[tuple[str, str], _Work] = {}
    for issue, claim in issues:
        luck = rng.random()
        known = understand(claim)
        is_lucky = luck < (_GRANT_PROBABILITY if any(isinstance(each, Wish) for each in known) else _FIX_PROBABILITY)
        found = {(each.name, name): each for each in known for name, page in files.items() if each.detect(page)}
        if not known:
            refusals.append(f"NOT APPLIED {issue}: I do not understand this")
        elif not found:
            refusals.append(f"NOT APPLIED {issue}: the page does not have this flaw")
        elif not is_lucky and not found.keys() & works.keys():
            refusals.append(f"NOT APPLIED {issue}: I found no safe change")
        else:
            for key, flaw in found.items():
                sharing = works[key].issues if key in works else ()
                works[key] = _Work(key[1], (*sharing, issue), flaw.undo)
    done = list(works.values())
    is_clumsy = rng.random() < _BREAK_PROBABILITY
    if done and is_clumsy and (mishap := _mishap(files, done, rng)) is not None:
        done.append(mishap)
    if done and rng.random() < _TOUCH_PROBABILITY and (touch := _touch(files, done, rng)) is not None:
        done.append(touch)
    return _Outcome(done, refusals)


def _mishap(files: dict[str, str], works: Sequence[_Work], rng: random.Random) -> _Work | None:
    """A flaw that none of the files has, planted in the name of an issue that was served."""
    blamed = rng.choice(works)
    seed = rng.random()
    flaws = [flaw for flaw in FLAWS if not any(flaw.detect(page) for page in files.values())]
    for flaw in rng.sample(flaws, len(flaws)):
        for name, page in files.items():
            if flaw.apply(page, random.Random(seed)) is not None:
                return _Work(name, blamed.issues, lambda page, flaw=flaw: flaw.apply(page, random.Random(seed)))  # type: ignore[misc]
    return None


def _touch(files: dict[str, str], works: Sequence[_Work], rng: random.Random) -> _Work | None:
    """Another accent color, which nobody asked for: two replies of a model to one plan are seldom the same."""
    issues, wanted = rng.choice(works).issues, rng.choice(ACCENTS)
    for name, page in files.items():
        for accent in ACCENTS:
            line = f"  --accent: {accent};\n"
            if accent != wanted and page.count(line) == 1:
                return _Work(name, issues, lambda text, line=line: text.replace(line, f"  --accent: {wanted};\n"))  # type: ignore[misc]
    return None


def _blocks(page: str, works: Sequence[_Work]) -> list[_Block]:
    """One block for each change, or for several that touch the same lines; in the order of the page."""
    groups = [[work] for work in works]
    while True:
        blocks = sorted(
            ((block, group) for group in groups if (block := _block(page, group)) is not None),
            key=lambda pair: pair[0].start,
        )
        clash = next((at for at in range(1, len(blocks)) if blocks[at][0].start < blocks[at - 1][0].end), None)
        if clash is None:
            return [block for block, _ in blocks]
        groups = [group for _, group in blocks]
        groups[clash - 1] += groups.pop(clash)


def _block(page: str, works: Sequence[_Work]) -> _Block | None:
    changed = page
    for work in works:
        changed = work.change(changed) or changed
    old, new = _cut(page), _cut(changed)
    start, behind, shortest = 0, 0, min(len(old), len(new))
    while start < shortest and old[start] == new[start]:
        start += 1
    while behind < shortest - start and old[-1 - behind] == new[-1 - behind]:
        behind += 1
    end = len(old) - behind
    if old == new:
        return None
    while not _is_unique(page, old[start:end]) and (start > 0 or behind > 0):
        start = max(0, start - 1)
        if behind > 0:
            end, behind = end + 1, behind - 1
    issues = tuple(dict.fromkeys(issue for work in works for issue in work.issues))
    return _Block(start, end, "".join(old[start:end]), "".join(new[start : len(new) - behind]), issues)


def _cut(page: str) -> list[str]:
    return [f"{line}\n" for line in page.split("\n")]


def _is_unique(page: str, lines: Sequence[str]) -> bool:
    """Judged without the last line end, as a parser of blocks may leave it out."""
    return page.count("".join(lines).removesuffix("\n")) == 1
