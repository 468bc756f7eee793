"""Batches run as real processes, killed for real, against a local server that counts what it is asked."""

import json
import multiprocessing
import os
import runpy
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from refine.llm.local_server import RunningServer, running
from store.opening import open_database
from store.verify import verify_database

RUN_COMMAND = Path(__file__).with_name("run_command.py")
HANG_S = 90.0
"""A guard against hanging, never a measure: machines are slow at times."""

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        *("refine.cli.app", "refine.batch", "refine.panel.simulated", "openai.resources", "aiohttp"),
        *("alembic.command", "sqlalchemy.dialects.sqlite", "jinja2.meta"),
    ]
)

TOPICS = ("a quiz about data packets", "a tip calculator", "a memory game", "a to-do list", "a bar chart of rainfall")

_PLACE = "(c.round || '.' || c.slot)"
_ROWS = {
    "chains": f"""SELECT p.key, ch.state, ch.stop_reason, ch.audit,
        (SELECT {_PLACE} FROM candidate c WHERE c.id = ch.incumbent_id)
        FROM chain ch JOIN prompt p ON p.id = ch.prompt_id""",
    "candidates": f"""SELECT p.key, {_PLACE}, c.kind, c.state, c.how, c.content_sha256,
        (SELECT q.round || '.' || q.slot FROM candidate q WHERE q.id = c.parent_id)
        FROM candidate c JOIN chain ch ON ch.id = c.chain_id JOIN prompt p ON p.id = ch.prompt_id""",
    "rounds": """SELECT p.key, r.kind, r.number, r.state, r.wanted, r.received
        FROM round r JOIN chain ch ON ch.id = r.chain_id JOIN prompt p ON p.id = ch.prompt_id""",
    "shown": f"""SELECT p.key, r.kind, r.number, rc.position, {_PLACE}, rc.is_incumbent
        FROM round_candidate rc JOIN round r ON r.id = rc.round_id JOIN candidate c ON c.id = rc.candidate_id
        JOIN chain ch ON ch.id = r.chain_id JOIN prompt p ON p.id = ch.prompt_id""",
    "critiques": f"""SELECT p.key, r.kind, r.number, l.name, {_PLACE}, w.text
        FROM critique k JOIN ranking rk ON rk.id = k.ranking_id JOIN labeler l ON l.id = rk.labeler_id
        JOIN words w ON w.id = k.words_id JOIN round r ON r.id = k.round_id JOIN candidate c ON c.id = k.candidate_id
        JOIN chain ch ON ch.id = r.chain_id JOIN prompt p ON p.id = ch.prompt_id""",
    "verdicts": """SELECT p.key, r.number, json_extract(v.verdict, '$.comparisons'),
        json_extract(v.verdict, '$.rankings'),
        (SELECT c.round || '.' || c.slot FROM candidate c WHERE c.id = v.winner_id),
        (SELECT c.round || '.' || c.slot FROM candidate c WHERE c.id = v.incumbent_id)
        FROM verdict v JOIN round r ON r.id = v.round_id
        JOIN chain ch ON ch.id = r.chain_id JOIN prompt p ON p.id = ch.prompt_id""",
    "plans": """SELECT p.key, r.number, pl.made_by, json_array_length(pl.plan, '$.issues'),
        json_array_length(pl.plan, '$.keep')
        FROM plan pl JOIN round r ON r.id = pl.round_id
        JOIN chain ch ON ch.id = r.chain_id JOIN prompt p ON p.id = ch.prompt_id""",
    "calls": """SELECT p.key, m.round, m.step, m.slot, m.turn, m.seed, m.completion_tokens
        FROM model_call m
        JOIN chain ch ON ch.id = m.chain_id JOIN prompt p ON p.id = ch.prompt_id WHERE m.state = 'ok'""",
    "ends": """SELECT p.key, e.type, count(*) FROM event e
        JOIN chain ch ON ch.id = e.chain_id JOIN prompt p ON p.id = ch.prompt_id
        WHERE e.type IN ('chain_stopped', 'audit_done') GROUP BY 1, 2""",
}
"""What a run leaves behind, by names that do not depend on when it was made: no ULIDs, no times."""


def _query(database: Path, sql: str) -> list[tuple[Any, ...]]:
    # Read-only: a test that looks must not tidy up after a killed process.
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute(sql).fetchall()


class Ledger:
    """One database file, looked at from outside."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return _query(self.path, sql)

    def calls(self) -> int:
        """Rows of the ledger; 0 while there is no database."""
        if not self.path.exists():
            return 0
        try:
            return int(self.query("SELECT count(*) FROM model_call")[0][0])
        except sqlite3.OperationalError:  # killed, or looked at, before the tables were there
            return 0

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        return {name: sorted(self.query(sql), key=repr) for name, sql in _ROWS.items()}

    def unended(self) -> list[tuple[Any, ...]]:
        return self.query("SELECT ulid, state FROM chain WHERE state <> 'ended'")

    def paid_twice(self) -> list[tuple[Any, ...]]:
        """Turns for which the ledger has two replies."""
        return self.query(
            "SELECT chain_id, round, step, slot, turn, count(*) FROM model_call WHERE state = 'ok'"
            " GROUP BY 1, 2, 3, 4, 5 HAVING count(*) > 1"
        )

    def findings(self) -> list[str]:
        """What `refine db verify` finds; opening the database also upgrades and recovers it as a run would."""
        with open_database(self.path) as database:
            return [f"{finding.where}: {finding.what}" for finding in verify_database(database).findings]


class Run:
    """A command as a process of its own, used like a subprocess.Popen.

    It is forked from a process that has imported everything, since imports take longer than all the rest of a small
    batch; otherwise it is a process like any other, and killed like one.
    """

    def __init__(self, command: Sequence[str], folder: Path, number: int) -> None:
        self._said, self._errors = folder / f"run-{number}.out", folder / f"run-{number}.err"
        files = {"said": str(self._said), "errors": str(self._errors), "folder": str(folder)}
        arguments = (str(RUN_COMMAND), {"arguments": list(command), **files}, "__main__")
        self._process = _FORKS.Process(target=runpy.run_path, args=arguments)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs, negative for a signal."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, signum: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("refine", timeout or 0.0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it said, and its errors, once it has ended."""
        self.wait(timeout)
        said, errors = (path.read_text() if path.exists() else "" for path in (self._said, self._errors))
        return said, errors


class House:
    """A folder with a prompts file, databases beside it, and batches run over them as processes of their own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._runs = 0

    def ledger(self, name: str = "refine") -> Ledger:
        return Ledger(self.folder / f"{name}.db")

    def write_prompts(self, count: int) -> Path:
        path = self.folder / "prompts.jsonl"
        rows = [{"id": f"p{n:03}", "prompt": f"Make {TOPICS[n % len(TOPICS)]}, number {n}"} for n in range(count)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def command(self, server: RunningServer, *options: str, name: str = "refine") -> list[str]:
        """The one command that a test runs again and again."""
        files = [str(self.folder / "prompts.jsonl"), "--db", str(self.folder / f"{name}.db"), "--json", "--quiet"]
        return ["batch", *files, "--model", "openai/scripted", "--api-base", server.url, *options]

    def start(self, command: Sequence[str]) -> Run:
        """The command, begun; it is killed when the test ends."""
        self._runs += 1
        run = Run(command, self.folder, self._runs)
        self._stack.callback(_end, run)
        return run

    def run(self, command: Sequence[str]) -> tuple[int, str, str]:
        """Exit code, output and errors of a run that nobody disturbs."""
        return finish(self.start(command))


def _end(run: Run) -> None:
    run.kill()
    run.wait()


def finish(run: Run) -> tuple[int, str, str]:
    try:
        code = run.wait(HANG_S)
    except subprocess.TimeoutExpired:
        # Where it hangs is worth more than that it does.
        run.send_signal(signal.SIGABRT)
        said, errors = run.communicate()
        raise AssertionError(f"the run hangs; it said {said[-2000:]!r} {errors[-6000:]!r}") from None
    return code, *run.communicate()


def wait_until(is_so: Callable[[], Any], *, what: str) -> Any:
    """The first true value; fails after HANG_S."""
    until = time.monotonic() + HANG_S
    while time.monotonic() < until:
        value = is_so()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited {HANG_S:g} s in vain: {what}")


class Tools:
    """The functions of this file, for test files that cannot import it."""

    HANG_S = HANG_S
    is_full = os.environ.get("REFINE_TEST_FULL") == "1"
    finish = staticmethod(finish)
    wait_until = staticmethod(wait_until)
    ledger = Ledger

    @staticmethod
    @contextmanager
    def serve(**options: Any) -> Iterator[RunningServer]:
        with running(**options) as server:
            yield server


@pytest.fixture(scope="session")
def tools() -> Tools:
    return Tools()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        yield House(tmp_path, stack)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """A local server of fixed latency; options by indirect parametrisation."""
    with running(**{"latency_ms": 60.0, "max_seconds": 900.0, **getattr(request, "param", {})}) as opened:
        yield opened
