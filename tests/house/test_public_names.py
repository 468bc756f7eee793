"""`__all__` of a package is what it offers, and importing one is light."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(
    ".".join(path.parent.relative_to(ROOT).parts)
    for top in ("refine", "graphs", "store")
    for path in (ROOT / top).rglob("__init__.py")
)
HEAVY = {
    *("numpy", "pyarrow", "litellm", "openai", "aiohttp", "jinja2", "langgraph", "langchain_core"),
    *("sqlmodel", "sqlalchemy", "alembic", "diskcache", "rich", "streamlit", "playwright"),
}


def public_names(package: ModuleType) -> set[str]:
    """What the package defines or takes from its own modules, without the modules themselves."""
    return {
        name
        for name, value in vars(package).items()
        if not name.startswith("_")
        and not inspect.ismodule(value)
        and str(getattr(value, "__module__", "")).split(".")[0] == package.__name__.split(".")[0]
    }


@pytest.mark.parametrize("name", PACKAGES)
def test_all_lists_what_a_package_offers(name: str) -> None:
    package = importlib.import_module(name)
    listed = list(getattr(package, "__all__", []))
    assert len(set(listed)) == len(listed)
    assert all(hasattr(package, each) for each in listed)
    if listed:
        source = inspect.getsource(package)
        # A name that is only imported, and never used there, is offered: it has to be listed.
        offered = {each for each in public_names(package) if len(re.findall(rf"\b{each}\b", source)) == 1}
        assert offered - set(listed) == set()
        assert listed == sorted(listed, key=lambda each: (not each.isupper(), not each[0].isupper(), each))


def imported_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('\\n', *sorted(sys.modules))"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return {each.split(".")[0] for each in done.stdout.splitlines()[-1].split()}


def test_importing_refine_imports_nothing_heavy() -> None:
    assert imported_by("import refine") & (HEAVY | {"pydantic", "typer"}) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["batch", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    code = f"sys.argv = ['refine', *{arguments!r}]\nfrom refine.cli import main\ntry: main()\nexcept SystemExit: pass"
    assert imported_by(code) & HEAVY == set()
