"""pyproject.toml, the lock files and the house's own words."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from refine import __version__

# Joined here, so that this file does not hold what it looks for.
FORBIDDEN = re.compile(
    "|".join(
        re.escape("".join(parts))
        for parts in (
            ("pyp", "i.org"),
            ("pythonhos", "ted"),
            ("npm", "js.org"),
            ("deb", "ian.org"),
            ("index-", "url"),
            ("file:", "///"),
            ("/wo", "rk/"),
            ("/ro", "ot/"),
            ("/ho", "me/"),
            ("/opt/", "pypi"),
            ("/tm", "p/w"),
        )
    )
)
MAY_NAME = {"--no-emit-index-url"}


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def requirement_lines(root: Path) -> dict[str, str]:
    """Requirement as written -> what stands after it on its line."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    return {found[1]: found[2] for found in re.finditer(r'^  "([a-z][^"]*)",(.*)$', text, re.MULTILINE)}


def all_requirements(project: dict[str, Any]) -> list[str]:
    named = project["project"]
    extras = [each for extra in named["optional-dependencies"].values() for each in extra]
    groups = [each for group in project["dependency-groups"].values() for each in group]
    return [*named["dependencies"], *extras, *groups]


def test_every_dependency_says_why_it_is_there(root: Path, project: dict[str, Any]) -> None:
    lines = requirement_lines(root)
    assert [each for each in all_requirements(project) if not re.match(r"\s*# \S.{7,}", lines.get(each, ""))] == []


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-build.txt", "requirements-dev.txt"])
def test_locks_pin_every_package_with_hashes(root: Path, lock: str) -> None:
    text = (root / lock).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert all(re.match(r"[a-z0-9._-]+==[^\s]+( ;[^\\]*)? \\\n    --hash=sha256:", entry) for entry in entries)


def test_the_lock_names_every_dependency_of_the_project(root: Path, project: dict[str, Any]) -> None:
    for lock, wanted in {
        "requirements.txt": project["project"]["dependencies"],
        "requirements-dev.txt": all_requirements(project),
        "requirements-build.txt": project["dependency-groups"]["build"],
    }.items():
        pinned = set(re.findall(r"^([a-z0-9._-]+)==", (root / lock).read_text(encoding="utf-8"), re.MULTILINE))
        assert {re.split(r"[\[<>=~! ]", each)[0] for each in wanted} - pinned == set(), lock


def test_both_locks_pin_the_same_versions(root: Path) -> None:
    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9._-]+==[^ ]+(?: ;[^\\]*)?", (root / lock).read_text("utf-8"), re.MULTILINE))

    assert pins("requirements.txt") <= pins("requirements-dev.txt")
    assert pins("requirements-build.txt") <= pins("requirements-dev.txt")


def test_no_file_names_a_registry_or_a_machines_folder(root: Path, tracked: list[str]) -> None:
    found = []
    for name in tracked:
        try:
            text = (root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for allowed in MAY_NAME:
            text = text.replace(allowed, "")
        found += [f"{name}: {match[0]}" for match in FORBIDDEN.finditer(text)]
    assert found == []


def test_the_changelog_has_an_entry_for_this_version(root: Path) -> None:
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    entries = {entry.split("]")[0]: entry for entry in text.split("\n## [")[1:]}
    assert "\n- " in entries[__version__]


def test_every_storey_has_its_place_in_the_contract(root: Path, project: dict[str, Any]) -> None:
    """A package that no layer names could import anything."""
    (layers,) = [each for each in project["tool"]["importlinter"]["contracts"] if each["type"] == "layers"]
    named = {name.strip() for layer in layers["layers"] for name in layer.split("|")}
    parts = {f"refine.{path.stem}" for path in (root / "refine").glob("*.py") if not path.stem.startswith("__")}
    parts |= {f"refine.{path.parent.name}" for path in (root / "refine").glob("*/__init__.py")}
    assert parts | {"graphs", "store"} == named


def test_ci_runs_what_people_run(root: Path) -> None:
    script = (root / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line for line in script.splitlines() if line and not line.startswith("#")]
    assert commands[0] == "set -euo pipefail"
    assert commands[-1] == "make test"
