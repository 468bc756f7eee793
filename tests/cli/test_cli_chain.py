"""Looking at chains, checking and steering them."""

import contextlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from refine.cli.app import app
from tests.cli.conftest import RUNNER, Run, line_of, write_prompts

ROWS = [
    {"id": "quiz", "prompt": "A quiz about data packets"},
    {"id": "timer", "prompt": "A timer for brewing tea"},
    {"id": "list", "prompt": "A packing list for the mountains"},
]


COMMAND = ("batch", "p.jsonl", "--rounds", "2", "--audit-share", "1", "--seed", "6")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which COMMAND has been run."""
    folder = tmp_path_factory.mktemp("finished")
    write_prompts(folder / "p.jsonl", ROWS)
    with contextlib.chdir(folder):
        result = RUNNER.invoke(app, COMMAND)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def chains(refine: Run, finished: Path) -> list[dict[str, Any]]:
    """Three ended chains with audit rounds, newest first, in a copy of that folder."""
    for name in ("p.jsonl", "refine.db"):
        shutil.copy(finished / name, name)
    return _list(refine)


@pytest.fixture
def waiting(refine: Run) -> str:
    """The id of a chain that waits for people in round one."""
    write_prompts(Path("w.jsonl"), ROWS[:1])
    command = ["batch", "w.jsonl", "--panel", "people", "--candidates", 2, "--rankings-per-round", 1]
    assert refine(*command).exit_code == 0
    return str(_list(refine)[0]["id"])


def _list(refine: Run, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(refine("chain", "list", "--json", *options).stdout)["chains"]
    return found


def test_list_pages_by_the_command_it_names(refine: Run, chains: list[dict[str, Any]]) -> None:
    first = refine("chain", "list", "--limit", 2).stdout
    more = next(line for line in first.splitlines() if line.startswith("More: refine "))
    second = refine(*more.removeprefix("More: refine ").split()).stdout
    assert all(chain["id"] in first for chain in chains[:2])
    assert chains[2]["id"] not in first and chains[2]["id"] in second
    assert "More:" not in second


def test_list_takes_one_project_and_one_state(refine: Run, chains: list[dict[str, Any]], waiting: str) -> None:
    assert [chain["id"] for chain in _list(refine, "--project", "w")] == [waiting]
    assert [chain["id"] for chain in _list(refine, "--state", "waiting")] == [waiting]
    assert len(_list(refine, "--state", "ended")) == 3


def test_show_tells_the_story(refine: Run, chains: list[dict[str, Any]]) -> None:
    told = json.loads(refine("chain", "show", chains[-1]["id"], "--json").stdout)
    story = refine("chain", "show", chains[-1]["id"][-8:], env={"COLUMNS": "400"}).stdout
    assert "Round 1 · 5 rankings" in story
    assert "becomes the incumbent" in story
    assert "Audit round" in story
    assert "all their rounds" in story or "nothing was left to improve" in story
    for round in told["rounds"]:
        for ranking in round["rankings"]:
            for critique in ranking["critiques"]:
                who = told["pseudonyms"][ranking["labeler"]]
                assert f"{who} on {told['names'][critique['candidate']]}: “" in story
                assert " ".join(critique["text"].split()) in " ".join(story.split())
    plan = told["rounds"][0]["plan"]
    assert plan["issues"]
    for issue in plan["issues"]:
        assert issue["claim"] in story
    for candidate in told["candidates"]:
        for edit in candidate["edits"]:
            if edit["status"] == "not_applied":
                assert "not applied: " in story
    assert told["spending"]["calls"] == len(told["calls"])


def test_show_can_write_the_pages_of_the_newest_round(refine: Run, waiting: str) -> None:
    assert refine("chain", "show", waiting, "--pages", "look").exit_code == 0
    assert sorted(str(path) for path in Path("look").rglob("index.html")) == [
        "look/c1/index.html",
        "look/c2/index.html",
    ]


def test_the_journal_has_every_event_in_order(refine: Run, chains: list[dict[str, Any]]) -> None:
    events = json.loads(refine("chain", "show", chains[0]["id"], "--events", "--json").stdout)["events"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    shown = refine("chain", "show", chains[0]["id"], "--events").stdout
    assert all(event["type"] in shown for event in events)


def test_replay_and_verify_find_everything_as_it_was(refine: Run, chains: list[dict[str, Any]]) -> None:
    replayed = refine("chain", "replay", chains[0]["id"])
    assert replayed.exit_code == 0
    assert "all identical, byte for byte" in " ".join(replayed.stdout.split())
    for arguments in (["chain", "verify", chains[0]["id"]], ["db", "verify"]):
        verified = refine(*arguments)
        assert verified.exit_code == 0
        assert "Everything is as it was recorded." in verified.stdout


def test_what_was_tampered_with_fails_replay_and_verify(refine: Run, chains: list[dict[str, Any]]) -> None:
    with closing(sqlite3.connect("refine.db")) as connection:
        connection.execute("UPDATE candidate SET content_sha256 = ? WHERE state = 'ok'", ("0" * 64,))
        connection.commit()
    replayed = refine("chain", "replay", chains[0]["id"])
    assert (replayed.exit_code, "differ" in replayed.stdout) == (1, True)
    assert not json.loads(refine("chain", "replay", chains[0]["id"], "--json").stdout)["is_identical"]
    verified = refine("chain", "verify", chains[0]["id"])
    assert (verified.exit_code, "do not have the hash" in verified.stdout) == (1, True)


def test_a_paused_chain_stands_still_until_it_is_resumed(refine: Run, waiting: str) -> None:
    assert "is paused" in refine("chain", "pause", waiting).stdout
    assert "waiting, paused" in refine("chain", "list").stdout
    command = ["batch", "w.jsonl", "--panel", "people", "--candidates", 2, "--rankings-per-round", 1]
    assert "paused" in refine(*command).stdout
    assert json.loads(refine("chain", "resume", waiting, "--json").stdout)["is_paused"] is False
    assert "1 chain waits for feedback." in refine(*command).stdout


def test_a_stopped_chain_has_ended_and_cannot_be_steered(refine: Run, waiting: str) -> None:
    assert "is stopped" in refine("chain", "stop", waiting).stdout
    assert _list(refine)[0]["stop_reason"] == "stopped"
    refused = refine("chain", "pause", waiting)
    assert refused.exit_code == 2
    assert "has ended" in line_of(refused)


def test_a_pinned_candidate_becomes_the_incumbent(refine: Run, waiting: str) -> None:
    told = json.loads(refine("chain", "show", waiting, "--json").stdout)
    last = told["rounds"][0]["shown"][1]
    assert refine("chain", "pin", waiting, last).exit_code == 0
    line = {"prompt_id": "quiz", "round": 1, "labeler": "ann", "ranking": [["c1"], ["c2"]]}
    write_prompts(Path("f.jsonl"), [line])
    refine("import", "rankings", "f.jsonl", "--project", "w")
    refine("batch", "w.jsonl", "--panel", "people", "--candidates", 2, "--rankings-per-round", 1)
    assert _list(refine)[0]["incumbent"] == last
    refused = refine("chain", "pin", waiting, "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert refused.exit_code == 2


def test_a_priority_is_kept(refine: Run, waiting: str) -> None:
    assert "has priority -3" in refine("chain", "prioritise", waiting, "--", "-3").stdout
    assert _list(refine)[0]["priority"] == -3


def test_a_fork_goes_on_from_its_round_at_the_next_run(refine: Run, chains: list[dict[str, Any]]) -> None:
    parent = chains[-1]["id"]
    fork = json.loads(refine("chain", "fork", parent, "--round", 1, "--rounds", 2, "--seed", 99, "--json").stdout)
    assert (fork["parent_chain"], fork["rounds_judged"], fork["state"]) == (parent, 1, "active")
    assert refine(*COMMAND).exit_code == 0
    assert _list(refine)[0]["id"] == fork["id"]
    assert _list(refine)[0]["state"] == "ended"
    refused = refine("chain", "fork", parent, "--round", 9)
    assert refused.exit_code == 2
    assert "no verdict in round 9" in line_of(refused)


def test_the_database_is_backed_up_counted_and_up_to_date(refine: Run, chains: list[dict[str, Any]]) -> None:
    assert refine("db", "backup", "copy.db").exit_code == 0
    assert json.loads(refine("db", "stats", "--db", "copy.db", "--json").stdout)["chains_by_state"] == {"ended": 3}
    assert "nothing to do" in refine("db", "upgrade", "--db", "copy.db").stdout
    refused = refine("db", "backup", "copy.db")
    assert (refused.exit_code, "exists already" in line_of(refused)) == (2, True)
    assert "3 ended" in refine("db", "stats").stdout


def test_projects_are_listed_and_shown(refine: Run, chains: list[dict[str, Any]]) -> None:
    assert json.loads(refine("project", "list", "--json").stdout)[0]["states"] == {"ended": 3}
    assert "demo/scripted" in refine("project", "list").stdout
    shown = refine("project", "show", "p").stdout
    assert "Chains      3: 3 ended" in shown
    assert "Audit       final beats first" in shown


def test_exports_are_written_and_demo_chains_only_when_asked_for(refine: Run, chains: list[dict[str, Any]]) -> None:
    without = json.loads(refine("export", "sft_final", "--project", "p", "--out", "a", "--json").stdout)
    assert [it["rows"] for it in without] == [0]
    assert [it["left_out"] for it in without] == [{"demo": 3}]
    assert "Left out: 3 of chains of the demo model" in Path("a/sft_final/README.md").read_text()
    assert "--include-demo" in refine("export", "all", "--project", "p", "--out", "b").stdout
    written = json.loads(refine("export", "all", "--project", "p", "--out", "c", "--include-demo", "--json").stdout)
    assert [it["name"] for it in written] == ["sft_final", "dpo_round", "trajectory"]
    for it in written:
        assert len(Path(it["path"]).read_text().splitlines()) == it["rows"]
    assert written[0]["rows"] == written[2]["rows"] == 3
