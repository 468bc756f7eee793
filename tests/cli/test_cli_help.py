"""What the help says, and what it costs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from refine import __version__
from refine.cli.app import app
from refine.cli.options import DEFAULTS
from refine.settings import PanelMix, ProjectSettings, RunOptions
from tests.cli.conftest import Run

HEAVY = {
    *("litellm", "openai", "langgraph", "sqlmodel", "sqlalchemy", "alembic", "diskcache", "zstandard"),
    *("streamlit", "playwright", "numpy", "pyarrow", "pydantic", "jinja2", "rich", "asyncio"),
}


def _commands(command: Any = None, path: str = "refine") -> Iterator[tuple[str, Any]]:
    command = command or get_command(app)
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        yield from _commands(each, f"{path} {name}")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_load_nothing_heavy_and_take_under_three_tenths_of_a_cpu_second(arguments: list[str]) -> None:
    code = (
        "import sys, time, contextlib\n"
        "from refine.cli import main\n"
        f"sys.argv = ['refine', *{arguments!r}]\n"
        "with contextlib.suppress(SystemExit): main()\n"
        "print(time.process_time(), *sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *modules = done.stderr.split()
    assert not HEAVY & {*modules}
    assert float(seconds) < 0.3
    assert done.stdout


def test_version_is_the_packages(refine: Run) -> None:
    assert refine("--version").stdout == f"refine {__version__}\n"


def test_no_command_shows_the_help_and_is_no_error(refine: Run) -> None:
    for arguments in ([], ["chain"], ["db"]):
        result = refine(*arguments)
        assert result.exit_code == 0
        assert "Usage: refine" in result.stdout


def test_every_option_has_a_sentence_of_help_and_an_environment_name() -> None:
    for path, command in _commands():
        for param in command.params:
            where = f"{path} {param.opts}"
            assert param.help, where
            assert param.help[0].isupper() or param.help.startswith(("refine", "sft", "P(")), where
            assert param.help.split(" [")[0].endswith("."), where
            if param.param_type_name == "option" and param.name not in ("help", "version"):
                flag = param.opts[0].removeprefix("--").replace("-", "_").upper()
                assert param.envvar == f"REFINE_{flag}", where


def test_the_defaults_in_the_help_are_those_of_the_settings() -> None:
    known: dict[str, Any] = {
        **PanelMix().model_dump(),
        **RunOptions().model_dump(),
        **ProjectSettings().model_dump(),
        "uses_allowed": "research",
    }
    assert ProjectSettings().uses_allowed == ("research",)
    assert {field: str(known[field]) for field in DEFAULTS} == DEFAULTS


def test_every_setting_with_an_option_reaches_the_project(refine: Run) -> None:
    given = {
        "--kind": "rank",
        "--distil-model": "demo/scripted",
        "--temperature": "0.5",
        "--max-tokens": "90000",
        "--candidates": "3",
        "--revisions": "1",
        "--rounds": "2",
        "--rankings-per-round": "2",
        "--max-rankings": "9",
        "--budget-usd": "5",
        "--deadline": "2999-01-31T18:00:00Z",
        "--plateau-rounds": "7",
        "--gate": "0.7",
        "--control-share": "0.1",
        "--written-controls": "0.2",
        "--variation-controls": "0.3",
        "--rankings-at-least": "1",
        "--audit-share": "0.0",
        "--pay-rate": "20",
        "--max-candidate-bytes": "90000",
        "--seed": "5",
        "--labelers": "6",
        "--careless-share": "0.1",
        "--hostile-share": "0.0",
        "--held-out-share": "0.5",
        "--instructions": "Use the keyboard.",
        "--criteria": "appeal",
        "--expected-minutes": "4",
        "--terms-file": "terms.txt",
    }
    Path("terms.txt").write_text("Be kind.", encoding="utf-8")
    Path("p.jsonl").write_text('{"prompt": "A quiz"}\n')
    options = [part for pair in given.items() for part in pair]
    options += ["--labelers-alike", "--no-browser-checks", "--uses-allowed", "a", "--uses-allowed", "b"]
    assert refine("batch", "p.jsonl", *options).exit_code == 0
    settings = json.loads(refine("project", "show", "p", "--json").stdout)["settings"]["1"]
    mix = settings.pop("mix")
    assert mix == {"labelers": 6, "careless_share": 0.1, "hostile_share": 0.0, "held_out_share": 0.5}
    defaults = ProjectSettings().model_dump(mode="json")
    same = {name for name, value in settings.items() if value == defaults[name]}
    assert same == {"model", "panel", "lease_s"}, "an option did not arrive, or was given its default"


def test_an_option_can_come_from_the_environment(refine: Run) -> None:
    result = refine("batch", "p.jsonl", env={"REFINE_GATE": "0.2"})
    assert result.exit_code == 2
    assert "--gate" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["batch"], "PROMPTS"),
        (["batch", "p.jsonl", "--frobnicate"], "--frobnicate"),
        (["chian"], "chain"),
        (["chain", "list", "--limit", "zero"], "--limit"),
        (["export", "kto", "--project", "p", "--out", "o"], "kto"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_one_line_and_exit_2(
    refine: Run, arguments: list[str], said: str
) -> None:
    result = refine(*arguments)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr
    assert "--help" in result.stderr
