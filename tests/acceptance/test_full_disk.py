"""The disk fills up in the middle of a batch."""

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from refine.llm.local_server import RunningServer

if TYPE_CHECKING:
    from tests.acceptance.conftest import House, Tools

CONCURRENCY = 4
OPTIONS = (
    *("--concurrency", str(CONCURRENCY), "--candidates", "2", "--rounds", "2", "--plateau-rounds", "3"),
    *("--rankings-per-round", "3", "--audit-share", "0.3"),
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder of 8 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    try:
        command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
        is_mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        is_mounted = False
    if not is_mounted:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes what room there is."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096):
            try:
                while file.write(os.urandom(size)):
                    pass
            except OSError:
                continue
    return filler


def run_into_a_full_disk(house: "House", tools: "Tools", command: list[str], database: Path, *, limit: bool) -> str:
    """What the run says when it ends for want of room, some calls after its start."""
    ledger = tools.ledger(database)
    process = house.start(command)
    tools.wait_until(lambda: process.poll() is not None or ledger.calls() >= 6, what="six calls")
    assert process.poll() is None
    if limit:  # no file of this process may grow any longer
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, 4096))
    else:
        fill(database.parent)
    code, _, errors = tools.finish(process)
    assert code == 2
    return errors


def check_the_end(house: "House", tools: "Tools", server: RunningServer, command: list[str], database: Path) -> None:
    """Room is there again: the same command goes on to the end."""
    ledger = tools.ledger(database)
    assert ledger.findings() == []
    assert ledger.unended() != []
    assert house.run(command)[::2] == (0, "")
    assert (ledger.unended(), ledger.paid_twice(), ledger.findings()) == ([], [], [])
    # Calls that were on their way found no room for their replies.
    assert 0 <= server.stats()["calls"] - ledger.calls() <= CONCURRENCY


@pytest.mark.timeout(300)
def test_a_disk_that_fills_up_stops_the_batch_with_one_line_and_the_command_goes_on_when_there_is_room(
    house: "House", tools: "Tools", server: RunningServer, small_disk: Path
) -> None:
    house.write_prompts(8)
    database = small_disk / "refine.db"
    command = house.command(server, *OPTIONS, "--db", str(database))
    errors = run_into_a_full_disk(house, tools, command, database, limit=False)
    assert errors == f"refine: {database}: no space is left on the disk; free some and run the same command again\n"
    (small_disk / "filler").unlink()
    check_the_end(house, tools, server, command, database)


@pytest.mark.timeout(300)
def test_files_that_may_not_grow_stop_the_batch_with_one_line_and_the_command_goes_on_when_they_may(
    house: "House", tools: "Tools", server: RunningServer
) -> None:
    house.write_prompts(8)
    database = house.folder / "refine.db"
    command = house.command(server, *OPTIONS)
    errors = run_into_a_full_disk(house, tools, command, database, limit=True)
    assert errors.startswith(f"refine: {database}: the disk failed or is full")
    assert errors.count("\n") == 1
    check_the_end(house, tools, server, command, database)
    undisturbed = house.command(server, *OPTIONS, name="undisturbed")
    assert house.run(undisturbed)[0] == 0
    assert tools.ledger(database).rows() == house.ledger("undisturbed").rows()
