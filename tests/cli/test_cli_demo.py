"""`refine demo` shows what it promises."""

import json
import shlex
from pathlib import Path

from refine.cli.demo import PROMPTS
from tests.cli.conftest import Run


def test_the_demo_is_three_chains_of_three_rounds_and_its_next_commands_work(refine: Run) -> None:
    shown = refine("demo")
    assert shown.exit_code == 0, shown.output
    assert "The model was a script and the labelers were simulated" in " ".join(shown.stdout.split())
    commands = [line.strip() for line in shown.stdout.splitlines() if line.startswith("  refine ")]
    assert len(commands) == 5
    for command in commands:
        few = ["--limit", "2"] if " db pictures " in command else []
        result = refine(*shlex.split(command)[1:], *few)
        assert result.exit_code == 0, result.output

    again = refine("demo", "--json")
    assert again.exit_code == 0
    start, *_, end = [json.loads(line) for line in again.stdout.splitlines() if '"type": "' in line]
    assert start["new"] == 0
    assert [chain["rounds"] for chain in end["chains"]] == [3, 3, 3]
    assert sorted(chain["prompt"] for chain in end["chains"]) == sorted(prompt["id"] for prompt in PROMPTS)
    assert sum(chain["flaws_first"] for chain in end["chains"]) > sum(chain["flaws_final"] for chain in end["chains"])
    assert all(len(chain["winners"]) == 3 and chain["calls"] > 0 for chain in end["chains"])
    for chain in end["chains"]:
        assert chain["chain"] in shown.stdout
        assert Path(end["pages"], chain["prompt"], "index.html").is_file()


def test_another_seed_runs_beside_it(refine: Run) -> None:
    assert refine("demo", "--dir", "d", "--seed", 2).exit_code == 0
    assert refine("demo", "--dir", "d", "--seed", 3).exit_code == 0
    names = [it["name"] for it in json.loads(refine("project", "list", "--db", "d/refine.db", "--json").stdout)]
    assert names == ["demo-2", "demo-3"]


def test_a_folder_that_cannot_be_made_is_refused(refine: Run) -> None:
    Path("taken").write_text("a file")
    result = refine("demo", "--dir", "taken")
    assert result.exit_code == 2
    assert "taken" in result.stderr
