"""The documentation tells the truth about links, commands, options, fields and words."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from refine.settings import ProjectSettings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """Headings as GitHub links to them."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            dead.append(link)
    assert dead == []


def test_every_page_is_in_the_index() -> None:
    linked = set(LINK.findall((ROOT / "docs" / "index.md").read_text(encoding="utf-8")))
    assert {path.name for path in ROOT.glob("docs/*.md")} - {"index.md"} <= linked


def commands() -> dict[tuple[str, ...], Any]:
    """Every command of `refine`, by its words."""
    from refine.cli.app import app

    found: dict[tuple[str, ...], Any] = {}

    def collect(command: Any, words: tuple[str, ...]) -> None:
        found[words] = command
        for name, child in getattr(command, "commands", {}).items():
            collect(child, (*words, name))

    collect(typer.main.get_command(app), ())
    return found


def mentions() -> list[tuple[str, str]]:
    """(page, what follows `refine`) for every command in a code span or a shell block."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for language, block in FENCE.findall(text) if language == "sh" for line in block.splitlines()]
        spans = CODE.findall(FENCE.sub("", text))
        asked = [code.split("#")[0] for code in [*lines, *spans] if code.startswith("refine ")]
        found += [(relative(page), code.removeprefix("refine ").strip()) for code in asked]
    return found


def resolve(words: list[str]) -> tuple[tuple[str, ...], Any]:
    known = commands()
    length = max(n for n in range(len(words) + 1) if tuple(words[:n]) in known)
    return tuple(words[:length]), known[tuple(words[:length])]


def test_commands_are_mentioned() -> None:
    assert len(mentions()) > 20


@pytest.mark.parametrize(("page", "code"), mentions())
def test_a_command_and_its_options_exist(page: str, code: str) -> None:
    words, command = resolve(code.split())
    if not code.startswith("-"):
        assert words, f"{page}: there is no command `refine {code}`"
    rest = code.split()[len(words) :]
    assert not (hasattr(command, "commands") and rest and not rest[0].startswith("-")), f"{page}: `refine {code}`"
    options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"--help"}
    assert set(OPTION.findall(code)) <= options


def test_options_named_in_prose_exist() -> None:
    parameters = [option for command in commands().values() for option in command.params]
    options = {name for option in parameters for name in (*option.opts, *option.secondary_opts)}
    options |= {f"--{name}" for name in ("help", "port", "latency-ms", "faults", "strict")}
    pages = [page for page in PAGES if page.parent.name == "docs" or page.name == "README.md"]
    named = {
        (relative(page), option)
        for page in pages
        for code in CODE.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
        for option in OPTION.findall(code)
    }
    assert {(page, option) for page, option in named if option not in options} == set()


def test_the_python_page_names_methods_that_exist() -> None:
    from refine.api import BlockingRefiner, Refiner

    table = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8").split("| method | |")[1].split("\n\n")[0]
    names = set(re.findall(r"`(?:await )?(\w+)\(|`, `(\w+)\(", table))
    methods = {each for pair in names for each in pair if each}
    assert len(methods) > 12
    offered = {name for name in vars(Refiner) if not name.startswith("_")}
    assert methods <= offered
    assert offered - methods <= {"open", "blocking", "database", "project", "runner"}
    assert methods <= set(vars(BlockingRefiner))


def test_stop_reasons_are_explained() -> None:
    from typing import get_args

    from refine.types import StopReason

    text = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    assert [reason for reason in get_args(StopReason) if f"`{reason}`" not in text] == []


def test_panels_of_the_documentation_are_taken() -> None:
    text = (ROOT / "docs" / "batches.md").read_text(encoding="utf-8")
    panels = re.findall(r"^\| `([a-z]+(?::FILE)?)` \|", text.split("## Panels")[1], re.MULTILINE)[:3]
    assert panels == ["simulated", "import:FILE", "people"]
    assert [ProjectSettings(panel=panel).panel for panel in panels] == panels


def test_the_file_map_names_what_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").split("## Where things are")[1].split("## Status")[0]
    named = set(re.findall(r"`([a-z/_]+(?:\.py)?)`", readme))
    assert [name for name in named if not (ROOT / name).exists()] == []
    packages = {f"refine/{path.parent.name}/" for path in (ROOT / "refine").glob("*/__init__.py")}
    assert packages - named == set()
