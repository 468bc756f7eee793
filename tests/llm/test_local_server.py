import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from refine.llm.faults import Faults, parse_faults
from refine.llm.local_server import LocalServer, RunningServer, ServerOptions, parse_options, running

PAGE = "<!doctype html><html><body><p>hi</p></body></html>"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running(latency_ms=100, model="stand-in", require_key="k", max_seconds=120) as started:
        yield started


def call(url: str, path: str, body: dict[str, Any] | None = None, key: str = "k") -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def chat(content: str, **other: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": content}], **other}


def test_it_listens_on_this_machine_only(server: RunningServer) -> None:
    assert server.url.startswith("http://127.0.0.1:")


def test_it_names_its_model_and_checks_the_key(server: RunningServer) -> None:
    assert call(server.url, "/v1/models")[1]["data"][0]["id"] == "stand-in"
    assert call(server.url, "/v1/models", key="other")[0] == 401
    assert call(server.url, "/v1/chat/completions", chat("x"), key="other")[0] == 401


def test_what_the_scripted_model_cannot_answer_is_refused(server: RunningServer) -> None:
    status, body = call(server.url, "/v1/chat/completions", chat("x"))
    assert (status, body["error"]["code"]) == (400, "content_policy_violation")


@pytest.mark.parametrize("body", [{"x": 1}, chat("x", stream=True), {"model": "m", "messages": []}, {"messages": 3}])
def test_a_request_it_does_not_understand_is_a_400(server: RunningServer, body: dict[str, Any]) -> None:
    assert call(server.url, "/v1/chat/completions", body)[0] == 400


def test_it_counts_calls_by_status_and_template() -> None:
    with running(echo=True) as server:
        body = chat("x")
        body["messages"].insert(0, {"role": "system", "content": "[refine:distil@1]\n"})
        call(server.url, "/v1/chat/completions", body)
        call(server.url, "/v1/chat/completions", chat("x"))
        call(server.url, "/v1/chat/completions", {"x": 1})
        stats = server.stats()
    assert (stats["calls"], stats["in_flight"], stats["max_in_flight"]) == (3, 0, 1)
    assert stats["by_status"] == {"200": 2, "400": 1}
    assert stats["by_template"] == {"distil": 1, "none": 1}


def test_one_file_can_answer_everything_after_the_latency(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(PAGE)
    with running(answer_all_with=tmp_path / "page.html", latency_ms=150) as server:
        started = time.perf_counter()
        _, body = call(server.url, "/v1/chat/completions", chat("x"))
        assert time.perf_counter() - started >= 0.15
    assert body["choices"][0]["message"]["content"] == PAGE


def test_pages_are_padded_to_a_size() -> None:
    server = LocalServer(ServerOptions(echo=True, page_bytes=8192))
    padded = server._text([{"role": "user", "content": f"ü {PAGE} bye"}], 0)
    assert len(padded.encode()) == pytest.approx(8192, abs=8)
    assert padded.endswith("</body></html> bye")
    assert server._text([{"role": "user", "content": "no page"}], 0) == "no page"


def test_it_ends_with_the_block_and_on_signals() -> None:
    with running(echo=True) as server:
        pid = server.pid
        os.kill(pid, signal.SIGINT)
        time.sleep(0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_it_ends_by_itself() -> None:
    command = [sys.executable, "-m", "refine.llm.local_server", "--echo", "--max-seconds", "0.2"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert done.stdout.startswith("http://127.0.0.1:")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_faults_come_in_their_shares_and_follow_the_seed() -> None:
    shares = parse_faults("429:0.05,timeout:0.01")

    def draw(seed: int) -> list[str | None]:
        faults = Faults(shares, seed)
        return [faults.select(str(n).encode())[0] for n in range(4000)]

    assert draw(1) == draw(1) != draw(2)
    assert 150 <= draw(1).count("429") <= 250
    assert 20 <= draw(1).count("timeout") <= 70


def test_a_repeated_request_draws_anew() -> None:
    faults = Faults(parse_faults("500:0.5"), 0)
    assert {faults.select(b"same")[0] for _ in range(20)} == {"500", None}


@pytest.mark.parametrize("text", ["418:0.1", "429", "429:x", "429:2", "429:0.6,500:0.6", "429:-1"])
def test_impossible_faults_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault|share|float"):
        parse_faults(text)


def test_options_on_the_command_line_are_those_of_the_block() -> None:
    assert parse_options(["--latency-ms", "500", "--faults", "429:0.05", "--page-bytes", "8192"]) == ServerOptions(
        latency_ms=500.0, faults="429:0.05", page_bytes=8192
    )
    with pytest.raises(SystemExit):
        parse_options(["--faults", "418:1"])
