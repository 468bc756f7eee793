"""The pages that `demo/scripted` writes: small, working, and chosen by the words of the prompt.

The parts lie in `page_parts/`. What is planted into a page, and what is wrong with one, is the affair of
`refine.perturb`.
"""

import html
import random
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from refine.types import CodeFile, Files

_PAPERS = ("#f4f6fb", "#fbf7f0", "#f2f8f4", "#f7f4fa")
ACCENTS = ("#2f6fdb", "#0f766e", "#a63d2f", "#6d4bb0", "#8a5a00")
"""All dark enough under white text; which one a page has is a matter of taste, not a flaw."""
_PROMPT_READ = 2000
"""Characters of a prompt that decide what page is written; the rest is not looked at."""
_WORD = re.compile(r"[^\W_]+")
_ABOUT = frozenset({"about", "of", "on", "for", "showing", "shows", "called", "named"})
_ENDS = frozenset(
    {"using", "with", "that", "which", "where", "only", "in", "and", "to", "the", "by", "from", "for", "of", "who"}
)
_FILLERS = frozenset({"a", "an", "the", "my", "our", "some", "interactive", "web", "simple", "small"})
_SUBJECT_WORDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PageKind:
    name: str
    title: str
    words: frozenset[str]
    """Words of a prompt that ask for this kind."""
    help: str
    fact: str


PAGE_KINDS: tuple[PageKind, ...] = (
    PageKind(
        name="quiz",
        title="Quiz",
        words=frozenset({"quiz", "quizzes", "question", "questions", "trivia", "exam", "test"}),
        help="Choose one option for each question; the page tells you at once whether it is right.",
        fact="One byte holds 8 bits.",
    ),
    PageKind(
        name="timer",
        title="Timer",
        words=frozenset({"timer", "clock", "countdown", "stopwatch", "alarm", "pomodoro", "time", "hour", "minutes"}),
        help="Set the minutes, then start; press the same button again to pause.",
        fact="One hour has 3600 seconds.",
    ),
    PageKind(
        name="calculator",
        title="Calculator",
        words=frozenset({"calculator", "calculate", "calculation", "arithmetic", "converter", "sum", "math"}),
        help="Enter a number, an operation and a second number, then press Equals.",
        fact="Multiplying comes before adding.",
    ),
    PageKind(
        name="todo",
        title="List",
        words=frozenset({"todo", "list", "tasks", "checklist", "planner", "notes", "shopping", "tracker", "habit"}),
        help="Write what needs doing and add it; mark things done as you go.",
        fact="One week has 168 hours.",
    ),
    PageKind(
        name="particles",
        title="Motion",
        words=frozenset(
            {
                "particles",
                "particle",
                "river",
                "water",
                "fire",
                "snow",
                "rain",
                "fireworks",
                "flow",
                "flowing",
                "canvas",
            }
            | {"drawing", "paint", "waves", "wave", "stars", "simulation", "ocean", "wind"}
        ),
        help="Set the speed, choose a color, and click in the picture.",
        fact="Sound covers about 343 metres a second in air.",
    ),
    PageKind(
        name="chart",
        title="Chart",
        words=frozenset({"chart", "graph", "bar", "bars", "data", "statistics", "plot", "histogram", "budget"}),
        help="Add values to the chart, sort them, or click a bar to take it away.",
        fact="An average is the sum divided by the count.",
    ),
    PageKind(
        name="memory",
        title="Memory",
        words=frozenset({"memory", "game", "cards", "card", "pairs", "match", "matching", "puzzle"}),
        help="Turn two cards at a time and find all the pairs.",
        fact="Eight pairs are 16 cards.",
    ),
    PageKind(
        name="scene",
        title="Model",
        words=frozenset(
            {"visually", "represent", "represented", "appearance", "object", "model", "rotate", "rotated", "3d", "drag"}
        ),
        help="Turn it, change its size and color, and set it in motion.",
        fact="A full turn is 360 degrees.",
    ),
)


def select_kind(prompt: str, rng: random.Random) -> PageKind:
    """The kind with the most different words in the prompt, the first of them counting most; `rng` decides ties."""
    words = _words(prompt)
    # "An interactive quiz about bar charts" asks for a quiz: what is asked for comes before what it is about.
    first = next((word for word in words if any(word in kind.words for kind in PAGE_KINDS)), "")
    weights = [
        len(kind.words.intersection(words)) + 2 * len(kind.words.intersection(words[:8])) + 5 * (first in kind.words)
        for kind in PAGE_KINDS
    ]
    best = max(weights)
    return rng.choice([kind for weight, kind in zip(weights, PAGE_KINDS, strict=True) if weight == best])


def read_subject(prompt: str) -> str:
    """What a prompt is about, in up to four of its own words; letters and digits only."""
    words = _words(prompt, lower=False)
    starts = [at + 1 for at, word in enumerate(words[:40]) if word.lower() in _ABOUT]
    for start in starts:
        subject: list[str] = []
        for word in words[start : start + _SUBJECT_WORDS + 2]:
            if word.lower() in _ENDS and subject:
                break
            if word.lower() not in _FILLERS | _ENDS:
                subject.append(word)
        if subject:
            return " ".join(subject[:_SUBJECT_WORDS])[:60]
    return " ".join(words[:_SUBJECT_WORDS])[:60] or "this page"


def write_page(prompt: str, rng: random.Random) -> str:
    """A page without flaws, in one file."""
    kind = select_kind(prompt, rng)
    subject = html.escape(read_subject(prompt))
    fillings = {
        "@@BODY@@": _part(f"{kind.name}.html").rstrip("\n"),
        "@@SCRIPT@@": _part(f"{kind.name}.js").rstrip("\n"),
        "@@HELP@@": kind.help,
        "@@FACT@@": kind.fact,
        "@@PAPER@@": rng.choice(_PAPERS),
        "@@ACCENT@@": rng.choice(ACCENTS),
        "@@TITLE@@": f"{kind.title}: {subject}",
        "@@SUBJECT@@": subject,
    }
    page = _part("shell.html")
    for slot, filling in fillings.items():
        page = page.replace(slot, filling)
    return page


def wants_script_file(prompt: str) -> bool:
    return "index.js" in prompt[-_PROMPT_READ:] or "index.js" in prompt[:_PROMPT_READ]


def split_script(page: str) -> Files:
    """The page as index.html and index.js; its one inline script becomes the second."""
    before, opening, rest = page.partition("<script>\n")
    script, closing, after = rest.partition("</script>")
    if not opening or not closing:
        raise ValueError("expected a page with one inline script")
    linked = f'{before}<script src="index.js"></script>{after}'
    return (CodeFile(filename="index.html", content=linked), CodeFile(filename="index.js", content=script))


def _words(prompt: str, *, lower: bool = True) -> list[str]:
    text = prompt[:_PROMPT_READ]
    return _WORD.findall(text.lower() if lower else text)


@cache
def _part(name: str) -> str:
    return (resources.files("refine.llm") / "page_parts" / name).read_text(encoding="utf-8")
