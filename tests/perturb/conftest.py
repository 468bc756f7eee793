"""Pages written as models write them, for the operators to be tried on."""

from pathlib import Path

import pytest

from refine.types import CodeFile, Files

PAGES = Path(__file__).parent / "pages"


def load_pages() -> dict[str, Files]:
    """Name -> files; a folder is a candidate of several files, its page first."""
    found: dict[str, Files] = {}
    for path in sorted(PAGES.iterdir()):
        parts = [path] if path.is_file() else sorted(path.iterdir(), key=lambda part: part.suffix != ".html")
        found[path.stem] = tuple(CodeFile(filename=part.name, content=part.read_text("utf-8")) for part in parts)
    return found


@pytest.fixture(scope="session")
def pages() -> dict[str, Files]:
    return load_pages()
