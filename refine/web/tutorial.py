"""Two assignments to learn with: pages of ours with known faults, judged at once, paid and stored nowhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from refine.types import CodeFile, Files
from refine.web.bodies import Ranked

PAGES = Path(__file__).parent / "tutorial"


@dataclass(frozen=True, slots=True)
class Lesson:
    """`pages` by letter; `better` are pairs of which the first is plainly better, `alike` pairs that are the same,
    `broken` letters that cannot be judged. Each has a text `tutorial.<number>.<name>` that says how one sees it."""

    number: int
    pages: tuple[str, ...]
    better: tuple[tuple[str, str, str], ...]
    alike: tuple[tuple[str, str, str], ...] = ()
    broken: tuple[tuple[str, str], ...] = ()


LESSONS = (
    Lesson(1, ("quiz_plain", "quiz_dead"), better=(("A", "B", "dead_button"),)),
    Lesson(
        2,
        ("list_first", "list_blank", "list_second"),
        better=(),
        alike=(("A", "C", "same_page"),),
        broken=(("B", "blank_page"),),
    ),
)


def lesson(number: int) -> Lesson | None:
    return next((each for each in LESSONS if each.number == number), None)


def lesson_files(number: int, position: int) -> Files | None:
    found = lesson(number)
    if found is None or not 0 <= position < len(found.pages):
        return None
    text = (PAGES / f"{found.pages[position]}.html").read_text(encoding="utf-8")
    return (CodeFile(filename="index.html", content=text),)


def judge(found: Lesson, given: Ranked) -> list[tuple[str, bool]]:
    """(name of what there was to see, whether it was seen), in order."""
    place = {letter: n for n, shelf in enumerate(given.ranking) for letter in shelf}
    seen: list[tuple[str, bool]] = []
    for good, bad, name in found.better:
        seen.append((name, _is_above(place, good, bad) or (good in place and bad in given.unjudgeable)))
    for one, other, name in found.alike:
        seen.append((name, one in place and place.get(one) == place.get(other)))
    seen.extend((name, letter in given.unjudgeable) for letter, name in found.broken)
    return seen


def _is_above(place: dict[str, int], good: str, bad: str) -> bool:
    return good in place and bad in place and place[good] < place[bad]


def letters_of(found: Lesson) -> Sequence[str]:
    return "ABCDEFGHI"[: len(found.pages)]
