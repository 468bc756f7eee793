"""Real processes that receive real signals."""

import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Run, write_prompts

Start = Callable[..., "subprocess.Popen[str]"]

STUBBORN = """
import asyncio, sys
from refine.cli.stopping import run_stoppable

async def stubborn():
    print("running", flush=True)
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            print("asked", flush=True)

run_stoppable(stubborn())
"""


def _wait_for(stream: "subprocess.Popen[str]", word: str) -> None:
    assert stream.stderr is not None
    for line in stream.stderr:
        if word in line:
            return
    raise AssertionError(f"it ended without saying {word!r}")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_a_batch_cleanly_and_the_command_it_prints_goes_on(
    refine: Run, process: Start, tmp_path: Path, signum: signal.Signals, code: int
) -> None:
    write_prompts(tmp_path / "my prompts.jsonl", [{"id": "p1", "prompt": "A quiz"}])
    running = process("batch", "my prompts.jsonl", "--panel", "people", "--wait")
    _wait_for(running, "0 of 1 chain ended")
    running.send_signal(signum)
    _, said = running.communicate(timeout=20)
    assert running.returncode == code
    assert "Traceback" not in said
    command = said.strip().splitlines()[-1].strip()
    assert command == "refine batch 'my prompts.jsonl' --panel people --wait"
    arguments = [it for it in shlex.split(command)[1:] if it != "--wait"]
    gone_on = refine(*arguments)
    assert gone_on.exit_code == 0
    assert "1 chain waits for feedback." in gone_on.stdout


def test_the_second_signal_ends_the_process_at_once() -> None:
    running = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "running\n"
    running.send_signal(signal.SIGINT)
    assert running.stdout.readline() == "asked\n"
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=10) == 130
    running.stdout.close()


def test_output_that_nobody_reads_is_no_traceback(process: Start, refine: Run) -> None:
    write_prompts(Path("p.jsonl"), [{"id": "p1", "prompt": "A quiz"}])
    refine("batch", "p.jsonl", "--panel", "people")
    for arguments in (["chain", "list"], ["chain", "list", "--json"], ["--help"]):
        running = process(*arguments)
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        said = running.stderr.read()
        running.stderr.close()
        assert running.wait(timeout=20) == 1
        assert said == ""


def test_a_users_own_store_is_named_when_it_stands_in_the_way(process: Start, tmp_path: Path) -> None:
    (tmp_path / "store.py").write_text("")
    running = process("chain", "list")
    _, said = running.communicate(timeout=30)
    assert running.returncode != 0
    assert len(said.splitlines()) == 1
    assert "store.py" in said
