"""Bad input: one line, exit 2, nothing half-written, and never a traceback."""

import errno
import json
import os
import socket
from pathlib import Path

import pytest

from refine.cli import batch as batch_module
from tests.cli.conftest import Run, line_of, write_prompts

GOOD = [{"id": "p1", "prompt": "A quiz about data packets"}]


def _write(text: str) -> str:
    Path("p.jsonl").write_text(text, encoding="utf-8")
    return "p.jsonl"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("this is not JSON\n", "p.jsonl:1"),
        ('{"prompt": "A quiz"}\n{"id": "x"}\n', "p.jsonl:2"),
        ('{"id": "a", "prompt": "A quiz"}\n{"id": "a", "prompt": "A timer"}\n', "p.jsonl:2"),
        ('{"prompt": "A quiz"}\n{"prompt": "A quiz"}\n', "p.jsonl:2"),
        ("", "p.jsonl"),
    ],
)
def test_a_prompts_file_that_cannot_be_used_is_refused_by_file_and_line(refine: Run, text: str, said: str) -> None:
    result = refine("batch", _write(text))
    assert result.exit_code == 2
    assert said in line_of(result)
    assert not Path("refine.db").exists()


def test_a_missing_prompts_file_is_refused(refine: Run) -> None:
    result = refine("batch", "nowhere.jsonl")
    assert result.exit_code == 2
    assert "nowhere.jsonl" in line_of(result)
    assert not Path("refine.db").exists()


def test_a_candidate_over_the_size_limit_is_refused_by_file_and_line(refine: Run) -> None:
    row = {"prompt": "A quiz", "candidates": [{"files": [{"filename": "index.html", "content": "x" * 2000}]}]}
    write_prompts(Path("p.jsonl"), [row])
    result = refine("batch", "p.jsonl", "--max-candidate-bytes", 1500)
    assert result.exit_code == 2
    assert "p.jsonl:1" in line_of(result)
    assert not Path("refine.db").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--panel", "crowd"], "--panel: unknown panel 'crowd'"),
        (["--panel", "import:nowhere.jsonl"], "nowhere.jsonl"),
        (["--model", "nonsense/thing"], "nonsense"),
        (["--model", "demo/other"], "demo/other"),
        (["--model", "openai/gpt-5"], "OPENAI_API_KEY"),
        (["--rounds", "0"], "--rounds"),
        (["--gate", "0.2"], "--gate"),
        (["--careless-share", "2"], "--careless-share"),
        (["--timeout", "0"], "--timeout"),
        (["--price", "cheap"], "--price"),
        (["--price", "1,-2"], "--price"),
        (["--deadline", "tomorrow"], "--deadline"),
        (["--deadline", "2027-01-31T18:00:00"], "time zone"),
        (["--client", "curl"], "--client"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused_by_its_name(refine: Run, options: list[str], said: str) -> None:
    write_prompts(Path("p.jsonl"), GOOD)
    result = refine("batch", "p.jsonl", *options)
    assert result.exit_code == 2
    assert said in line_of(result)
    assert not Path("refine.db").exists()


def test_an_endpoint_where_nothing_answers_stops_the_run_with_one_line(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), GOOD)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    base = f"http://127.0.0.1:{port}/v1"
    result = refine("batch", "p.jsonl", "--model", "m", "--api-base", base, "--retries", 0, "--quiet")
    assert result.exit_code == 2
    assert f"127.0.0.1:{port}" in line_of(result)


def test_a_read_only_database_is_refused(refine: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write_prompts(Path("p.jsonl"), GOOD)
    assert refine("batch", "p.jsonl", "--panel", "people").exit_code == 0
    Path("refine.db").chmod(0o400)
    access = os.access

    def as_others(path: str | Path, mode: int) -> bool:
        """The superuser, who may run the tests, may write what others may not."""
        return access(path, mode) and not (mode == os.W_OK and Path(path).name == "refine.db")

    monkeypatch.setattr(os, "access", as_others)
    result = refine("batch", "p.jsonl", "--panel", "people")
    assert result.exit_code == 2
    assert "read-only" in line_of(result)


@pytest.mark.parametrize(
    "arguments",
    [
        ["chain", "list"],
        ["chain", "show", "01ABCDEF"],
        ["chain", "replay", "01ABCDEF"],
        ["chain", "pause", "01ABCDEF"],
        ["project", "list"],
        ["export", "all", "--project", "p", "--out", "o"],
        ["import", "rankings", "f.jsonl", "--project", "p"],
        ["db", "stats"],
        ["db", "upgrade"],
        ["db", "backup", "copy.db"],
    ],
)
def test_a_database_that_is_not_there_is_refused_and_not_made(refine: Run, arguments: list[str]) -> None:
    result = refine(*arguments)
    assert result.exit_code == 2
    assert "refine.db" in line_of(result)
    assert list(Path.cwd().iterdir()) == []


def test_a_file_that_is_no_database_is_refused_and_left_alone(refine: Run) -> None:
    Path("refine.db").write_text("a text\n" * 200)
    result = refine("chain", "list")
    assert result.exit_code == 2
    assert "refine.db" in line_of(result)
    assert Path("refine.db").read_text() == "a text\n" * 200


def test_unknown_chains_and_projects_are_refused(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), GOOD)
    refine("batch", "p.jsonl", "--panel", "people")
    for arguments in (["chain", "show", "01ABCDEF"], ["chain", "stop", "01ABCDEF"], ["project", "show", "other"]):
        result = refine(*arguments)
        assert result.exit_code == 2
        assert "list" in line_of(result)


def test_feedback_that_names_an_unknown_candidate_is_refused_by_file_and_line_and_none_is_taken(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), GOOD)
    refine("batch", "p.jsonl", "--panel", "people", "--project", "p")
    good = {"prompt_id": "p1", "round": 1, "labeler": "ann", "ranking": [["c1"], ["c2", "c3"]]}
    bad = {"prompt_id": "p1", "round": 1, "labeler": "bob", "ranking": [["c1"], ["c9"]]}
    write_prompts(Path("f.jsonl"), [good, bad])
    result = refine("import", "rankings", "f.jsonl", "--project", "p")
    assert result.exit_code == 2
    assert "f.jsonl:2" in line_of(result)
    write_prompts(Path("f.jsonl"), [good])
    assert json.loads(refine("import", "rankings", "f.jsonl", "--project", "p", "--json").stdout)["new"] == 1


def test_words_from_a_file_cannot_repaint_the_terminal(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), [{"id": "\x1b[2Jp", "prompt": "A quiz"}])
    result = refine("batch", "p.jsonl")
    assert "\x1b" not in result.output
    write_prompts(Path("p.jsonl"), [{"id": "p", "prompt": "A quiz \x1b]0;owned\x07\x1b[2J [bold]x[/bold] [/]"}])
    refine("batch", "p.jsonl", "--panel", "people")
    shown = refine("chain", "list").stdout
    assert "\x1b" not in shown
    assert "A quiz [bold]x[/bold] [/]" in shown


def test_a_full_disk_is_one_line(refine: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "pages/results.jsonl")

    write_prompts(Path("p.jsonl"), GOOD)
    monkeypatch.setattr(batch_module, "run_shown", fail)
    result = refine("batch", "p.jsonl")
    assert result.exit_code == 2
    assert line_of(result) == "refine: pages/results.jsonl: No space left on device"


def test_what_nobody_expected_is_one_line_and_a_file(
    refine: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by\nnought")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    write_prompts(Path("p.jsonl"), GOOD)
    monkeypatch.setattr(batch_module, "run_shown", fail)
    result = refine("batch", "p.jsonl")
    assert result.exit_code == 1
    said, _, where = line_of(result).rpartition("; details in ")
    assert said == "refine: unexpected error: ZeroDivisionError: by nought"
    assert "Traceback" in Path(where).read_text()
