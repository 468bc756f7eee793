"""Which Chromium is used, and what is said where there is none."""

import os
from pathlib import Path

import pytest

from refine.errors import NoBrowser
from refine.render import HOW_TO_GET_IT, Renderer, find_chromium
from refine.render.chromium import processes_of
from refine.render.visit import axe_source
from tests.render.conftest import page

ROOT = Path(__file__).resolve().parents[2]


def program(folder: Path, name: str, text: str = "#!/bin/sh\nexit 1\n") -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_named_one_comes_before_those_on_the_path(tmp_path: Path) -> None:
    chrome, named = program(tmp_path, "google-chrome"), program(tmp_path, "mine")
    assert find_chromium({"PATH": str(tmp_path)}) == chrome
    chromium = program(tmp_path, "chromium")
    assert find_chromium({"PATH": str(tmp_path)}) == chromium
    assert find_chromium({"PATH": str(tmp_path), "REFINE_CHROMIUM": str(named)}) == named
    assert find_chromium({"PATH": str(tmp_path), "REFINE_CHROMIUM": "mine"}) == named


def test_none_is_one_line_that_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(NoBrowser) as missing:
        find_chromium({"PATH": str(tmp_path)})
    assert HOW_TO_GET_IT in str(missing.value)
    with pytest.raises(NoBrowser, match="nowhere"):
        find_chromium({"PATH": str(tmp_path), "REFINE_CHROMIUM": "nowhere"})


async def test_one_that_does_not_start_is_told_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    async with Renderer(chromium=program(tmp_path, "chromium")) as renderer:
        with pytest.raises(NoBrowser) as failed:
            await renderer.render(page("<h1>x</h1>"))
    assert len(str(failed.value).splitlines()) == 1
    assert str(tmp_path) in str(failed.value)


def test_processes_of_a_group_are_found() -> None:
    assert os.getpid() in {each.pid for each in processes_of(os.getpgid(0))}


def test_axe_core_is_the_file_its_folder_names() -> None:
    import hashlib

    folder = ROOT / "refine" / "render" / "vendored" / "axe-core"
    said = (folder / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(axe_source().encode()).hexdigest() in said
    assert axe_source()[:40].split("v")[1].split()[0] in said.splitlines()[0]
    assert "Mozilla Public License" in (folder / "LICENSE").read_text(encoding="utf-8")
