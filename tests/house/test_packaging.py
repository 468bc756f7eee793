"""What `pip install` puts where, and that it works outside the checkout."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from refine import __version__

pytestmark = pytest.mark.timeout(300)  # pip builds and installs once

DEMO = """
import sys
from refine import Refiner
with Refiner.blocking("away.db", model="demo/scripted", rounds=1, candidates=2, rankings_per_round=2) as refiner:
    chain = refiner.start("A timer")
    refiner.wait(until_ended=True)
    print(refiner.chain(chain.id).stop_reason, len(refiner.final_files(chain.id)[0].content) > 500)
"""


def run(*command: str | Path, cwd: Path, path: Path | None = None) -> "subprocess.CompletedProcess[str]":
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    if path is not None:
        environ["PYTHONPATH"] = str(path)
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environ, capture_output=True, text=True, timeout=240
    )


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", folder, root),
        cwd=folder,
    )
    assert built.returncode == 0, built.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    done = run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", target, wheel),
        cwd=target,
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def busy_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of somebody's own, whose names are those of our packages."""
    folder = tmp_path / "mine"
    (folder / "graphs").mkdir(parents=True)
    (folder / "graphs" / "__init__.py").write_text("MINE = True\n")
    (folder / "store.py").write_text("MINE = True\n")
    yield folder


def test_the_wheel_holds_the_packages_files_and_nothing_else(wheel: Path, package_files: list[str]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    info = f"refine_rhf-{__version__}.dist-info/"
    assert sorted(name for name in names if not name.startswith(info)) == package_files
    assert f"{info}licenses/LICENSE" in names


def test_the_wheel_brings_what_is_not_code(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"refine/py.typed", "graphs/py.typed", "store/py.typed", "store/migrations/env.py"} <= names
    assert "refine/prompts/templates/draft.jinja" in names
    assert "refine/llm/page_parts/shell.html" in names


def test_an_installed_refine_runs_a_chain_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    done = run(sys.executable, "-W", "error", "-c", DEMO, cwd=tmp_path, path=installed)
    assert done.stdout.strip() == "rounds True", done.stderr
    where = run(sys.executable, "-c", "import refine; print(refine.__file__)", cwd=tmp_path, path=installed)
    assert where.stdout.strip() == str(installed / "refine" / "__init__.py")


def test_the_console_command_is_not_affected_by_a_users_own_store_and_graphs(
    installed: Path, busy_folder: Path
) -> None:
    command = installed / "bin" / "refine"
    done = run(command, "--version", cwd=busy_folder, path=installed)
    assert (done.returncode, done.stdout.strip()) == (0, f"refine {__version__}"), done.stderr
    done = run(command, "db", "stats", "--db", "none.db", cwd=busy_folder, path=installed)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "none.db" in done.stderr


@pytest.mark.parametrize("name", ["graphs", "store"])
def test_one_line_names_the_file_that_shadows_a_package(installed: Path, busy_folder: Path, name: str) -> None:
    shadow = busy_folder / {"graphs": "graphs/__init__.py", "store": "store.py"}[name]
    other = busy_folder / {"graphs": "store.py", "store": "graphs/__init__.py"}[name]
    other.unlink()
    done = run(sys.executable, "-c", "import refine; refine.Refiner", cwd=busy_folder, path=installed)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith(f"refine.errors.RefineError: {shadow} stands where Refine expects its own package '{name}'")


def test_importing_refine_alone_works_beside_a_users_own_store(installed: Path, busy_folder: Path) -> None:
    done = run(sys.executable, "-c", "import refine; print(refine.__version__)", cwd=busy_folder, path=installed)
    assert done.stdout.strip() == __version__, done.stderr
