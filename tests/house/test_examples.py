"""Every example runs, offline, and says what it is for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from refine.api.prompts_file import read_prompts

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

SAYS = {
    "quickstart.py": "ended after 3 rounds: rounds; the page is in",
    "notebook_style.py": "[('index.html', ",
    "feedback_by_api.py": "round 2 shows 3 candidates and waits: waiting",
    "steer.py": "the pinned draft is the incumbent: True",
    "rank_given_pages.py": "verdict over 7 rankings",
    "rank_labels.py": "adversarial: ['max']",
    "local_endpoint.py": "ended after 2 rounds, 7 calls: rounds",
}


def run(script: str, folder: Path) -> str:
    environ = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / script), str(folder)],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("script", SAYS)
def test_example_runs(script: str, tmp_path: Path) -> None:
    assert SAYS[script] in run(script, tmp_path)


def test_the_example_of_the_readme_runs(root: Path, tmp_path: Path) -> None:
    code = (root / "README.md").read_text(encoding="utf-8").split("```python\n", 1)[1].split("```", 1)[0]
    (tmp_path / "readme.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "readme.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    assert "chain_stopped" in done.stdout
    assert len([line for line in code.splitlines() if line]) <= 12


def test_the_example_prompts_are_good_ones_of_our_own() -> None:
    rows = read_prompts(EXAMPLES / "prompts.jsonl", max_candidate_bytes=1_000_000).rows
    assert len(rows) >= 12
    assert {row.licence for row in rows} == {"CC0-1.0"}
    assert len({row.metadata["kind"] for row in rows}) >= 6
    assert all(2 <= row.prompt.count(". ") + 1 <= 5 and len(row.prompt) > 200 for row in rows)
