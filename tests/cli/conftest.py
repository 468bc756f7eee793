"""The command line in this process, and as a real one."""

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from refine.cli.app import app

RUNNER = CliRunner()
Run = Callable[..., Result]


@pytest.fixture
def refine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """`refine("batch", "p.jsonl")` in a folder of its own, with no keys and no REFINE_ settings around."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("REFINE_") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield lambda *arguments, **more: RUNNER.invoke(app, [str(it) for it in arguments], **more)
    gc.unfreeze()  # a command owns its process and freezes what is there; this one has other tests to come
    assert {each: signal.getsignal(each) for each in before} == before


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """A real process of `python -m refine` in the same folder."""

    def start(*arguments: str, **environ: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "refine", *arguments],
            cwd=tmp_path,
            env={**_plain_environ(), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def _plain_environ() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REFINE_")}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "100"}


def write_prompts(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def line_of(result: Result) -> str:
    """The one line of stderr that a refusal is."""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.output
    assert lines[0].startswith("refine: ")
    return lines[0]
