"""The checkout itself, as the tests of the house see it."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


def list_files(*arguments: str) -> list[str]:
    """What git knows of the checkout; the test is skipped outside one (a source archive)."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a checkout")
    # A clone that belongs to somebody else (a CI volume) is read all the same.
    command = [git, "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z", *arguments]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).exists())


@pytest.fixture(scope="session")
def tracked() -> list[str]:
    """Paths of the files in the repository."""
    return list_files()


@pytest.fixture(scope="session")
def package_files() -> list[str]:
    """Paths of the packages' files: those in the repository, and new ones that it does not ignore."""
    return list_files("--cached", "--others", "--exclude-standard", "refine", "graphs", "store")
