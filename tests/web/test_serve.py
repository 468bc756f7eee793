"""`refine serve` as a real process: where it says to go, a clean end, bad input in one line, kill -9 under load."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from refine.api.labelers import add_labeler
from refine.api.opening import prepare_project
from refine.cli.app import app
from refine.settings import ProjectSettings
from refine.types import PromptIn
from store.intake import order_chains
from store.opening import open_database
from store.verify import verify_database
from tests.conftest import IS_FULL
from tests.web.house import PROMPTS, page_data

ROOT = Path(__file__).parents[2]
KILLS = 200 if IS_FULL else 2
LABELERS = 4


def prepare(path: Path, *, chains: int = 1, **settings: Any) -> None:
    """A database with chains for people that no process has begun yet."""
    made = ProjectSettings(
        **{"panel": "people", "candidates": 2, "rankings_per_round": 1, "audit_share": 0, **settings}
    )
    with open_database(path) as database:
        project = prepare_project(database, "pages", made)
        rows = [PromptIn(key=f"p{n}", prompt=PROMPTS[n % 3]) for n in range(chains)]
        database.write_now(order_chains, project, rows, batch_key=None, priority=0)


def start(folder: Path, *arguments: str) -> "tuple[subprocess.Popen[str], dict[str, Any]]":
    """The process, and the line of JSON that it starts with."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("REFINE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "refine", "serve", "--json", "--port", "0", *arguments],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        _, error = process.communicate(timeout=20)
        raise AssertionError(error)
    said: dict[str, Any] = json.loads(line)
    return process, said


def end(process: "subprocess.Popen[str]", how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
    if process.poll() is None:
        process.send_signal(how)
    _, error = process.communicate(timeout=60)
    return process.returncode, error


@contextmanager
def enter(url: str, link: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={"Origin": url}, timeout=30) as client:
        answer = client.post("/enter", json={"code": link.partition("#")[2]})
        assert answer.status_code == 200, answer.text
        yield client


def claim(client: httpx.Client) -> str:
    for _ in range(300):
        found = client.post("/claim", json={}).json()
        if "next" in found:
            return str(found["next"]).removeprefix("/assignment/")
        time.sleep(0.1)
    raise AssertionError(found)


def test_the_first_labeler_gets_in_does_a_round_and_the_next_one_follows(tmp_path: Path) -> None:
    prepare(tmp_path / "refine.db", rounds=2)
    process, said = start(tmp_path)
    try:
        assert said["projects"] == ["pages"]
        with enter(said["url"], said["link"]) as client:
            assert client.get("/readyz").json()["running"] == 1
            first = claim(client)
            data = page_data(client.get(f"/assignment/{first}").text)
            page = client.get(data["frames"][0]["page"])
            assert (page.status_code, "html" in page.json()) == (200, True)
            body = {"key": "k" * 20, "beat_key": "b" * 20, "ranking": [["A"], ["B"]]}
            assert client.post(f"/assignment/{first}/submit", json=body).json()["isNew"] is True
            assert "Handed in" in client.get(f"/assignment/{first}").text
    finally:
        code, error = end(process)
    assert (code, error) == (130, "")


def test_sigterm_ends_it_while_browsers_hold_connections_and_the_store_is_sound(tmp_path: Path) -> None:
    prepare(tmp_path / "refine.db")
    process, said = start(tmp_path)
    try:
        with enter(said["url"], said["link"]) as client:
            claim(client)
            process.terminate()
            assert process.wait(30) == 143
    finally:
        _, error = end(process, signal.SIGKILL)
    assert error == ""
    with open_database(tmp_path / "refine.db") as database:
        assert verify_database(database).findings == ()


async def work_until(url: str, link: str, name: str, stop: asyncio.Event, told: dict[str, Any]) -> None:
    """Draft and hand in without end; `told` keeps what the server said it has."""
    async with httpx.AsyncClient(base_url=url, headers={"Origin": url}, timeout=5) as client:
        try:
            assert (await client.post("/enter", json={"code": link.partition("#")[2]})).status_code == 200
            for n in range(100_000):
                if stop.is_set():
                    return
                found = (await client.post("/claim", json={})).json()
                if "next" not in found:
                    await asyncio.sleep(0.05)
                    continue
                assignment = found["next"].removeprefix("/assignment/")
                draft = {"revision": 0, "payload": {"why": f"{name} {n}"}}
                answer = await client.post(f"/assignment/{assignment}/draft", json=draft)
                if answer.status_code == 200:
                    told["drafts"][assignment] = draft["payload"]
                key = f"{name}-{assignment}"
                note = {"candidate": "A", "text": f"words of {key}", "aim": "improve"}
                body = {"key": key, "beat_key": f"b-{key}", "ranking": [["A"], ["B"]], "critiques": [note]}
                answer = await client.post(f"/assignment/{assignment}/submit", json=body)
                if answer.status_code == 200:
                    told["rankings"].add(key)
                    told["drafts"].pop(assignment, None)
                else:
                    assert answer.status_code in (409, 429), answer.text
                    await asyncio.sleep(0.2)
        except httpx.TransportError:
            return  # it was killed


def test_what_was_acknowledged_outlives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "refine.db"
    prepare(path, chains=3, kind="rank", rankings_per_round=1000)
    with open_database(path) as database:
        names = [f"labeler-{n}-{kill}" for n in range(LABELERS) for kill in range(KILLS)]
        links = dict.fromkeys(names, "")
    told: dict[str, Any] = {"rankings": set(), "drafts": {}}
    for kill in range(KILLS):
        with open_database(path) as database:
            for n in range(LABELERS):
                name = f"labeler-{n}-{kill}"
                links[name] = add_labeler(database, name, public_url="http://x").url
        process, said = start(tmp_path)

        async def load(kill: int, process: "subprocess.Popen[str]", url: str) -> None:
            stop = asyncio.Event()
            crowd = [
                asyncio.create_task(work_until(url, links[name], name, stop, told))
                for name in (f"labeler-{n}-{kill}" for n in range(LABELERS))
            ]
            before = len(told["rankings"])
            async with asyncio.timeout(60):
                while len(told["rankings"]) < before + 3:
                    await asyncio.sleep(0.005)
            process.kill()
            stop.set()
            await asyncio.gather(*crowd)

        try:
            asyncio.run(load(kill, process, said["url"]))
        finally:
            end(process, signal.SIGKILL)
    from store.tables import ASSIGNMENT, CRITIQUE, RANKING, WORDS
    from store.work_tables import DRAFT

    with open_database(path) as database:
        keys, words, drafts = database.read(
            lambda connection: (
                {row.key for row in connection.execute(RANKING.select())},
                {
                    row.text
                    for row in connection.execute(
                        WORDS.select().where(WORDS.c.id.in_(CRITIQUE.select().with_only_columns(CRITIQUE.c.words_id)))
                    )
                },
                {
                    row.ulid: json.loads(row.payload)
                    for row in connection.execute(
                        ASSIGNMENT.join(DRAFT, DRAFT.c.assignment_id == ASSIGNMENT.c.id)
                        .select()
                        .with_only_columns(ASSIGNMENT.c.ulid, DRAFT.c.payload)
                    )
                },
            )
        )
        # A ranking whose answer was lost may be there too, and then its draft is not.
        submitted = {key.rpartition("-")[2] for key in keys}
        assert told["rankings"] - keys == set()
        assert {f"words of {key}" for key in told["rankings"]} - words == set()
        assert {it: text for it, text in told["drafts"].items() if it not in submitted and drafts.get(it) != text} == {}
        assert len(told["rankings"]) >= 3 * KILLS
        assert verify_database(database).findings == ()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--db", "none.db"], "no database here"),
        (["--host", "0.0.0.0"], "--public-url"),
        (["--public-url", "label.example.org"], "--public-url"),
        (["--frames-url", "https://{label}.example.org"], "--frames-url"),
        (["--project", "nobody"], "nobody"),
        (["--project", "simulated"], "simulated"),
        (["--port", "99999"], "--port"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path / "refine.db")
    with open_database(tmp_path / "refine.db") as database:
        prepare_project(database, "simulated", ProjectSettings())
    options = arguments if "--port" in arguments else [*arguments, "--port", "0"]
    result = CliRunner().invoke(app, ["serve", *options])
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1), result.output
    assert said in result.stderr


def test_the_secret_of_pages_is_for_its_owner_alone_and_stays(tmp_path: Path) -> None:
    from refine.cli.serve import delivery_secret

    first = delivery_secret(tmp_path / "refine.db")
    path = tmp_path / "refine.db.delivery-secret"
    assert (delivery_secret(tmp_path / "refine.db"), path.stat().st_mode & 0o777) == (first, 0o600)
    path.write_bytes(b"short")
    assert len(delivery_secret(tmp_path / "refine.db")) == 32
