"""`refine batch` as people use it."""

import gc
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from refine.batch import BatchOrder, run_batch
from refine.settings import ProjectSettings
from tests.cli.conftest import Run, line_of, write_prompts

ROWS = [
    {"id": "quiz", "prompt": "A quiz about data packets"},
    {"id": "timer", "prompt": "A timer for brewing tea"},
    {"id": "list", "prompt": "A packing list for the mountains"},
]
QUICK = ("--rounds", 1, "--candidates", 2, "--rankings-per-round", 2, "--audit-share", 0)


def _events(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def _rank_everything(round: int | str, *, prompt: str, candidates: int, by: str) -> dict[str, Any]:
    names = [[f"c{n}"] for n in range(1, candidates + 1)]
    critiques = [{"candidate": "c1", "text": "The main button does nothing."}] if round != "audit" else []
    return {"prompt_id": prompt, "round": round, "labeler": by, "ranking": names, "critiques": critiques}


def test_json_is_a_start_progress_and_a_result_one_a_line(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), ROWS)
    result = refine("batch", "p.jsonl", *QUICK, "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    start, *progress, end = _events(result)
    assert (start["type"], start["rows"], start["new"], start["project"]) == ("start", 3, 3, "p")
    assert progress and {it["type"] for it in progress} == {"progress"}
    assert end["type"] == "result"
    assert end["stop_reasons"] == {"rounds": 3}
    assert end["spending"]["calls"] == end["calls"] == 6
    assert end["audits"]["audited"]["chains"] == 0


def test_a_longer_file_starts_only_the_new_rows(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), ROWS[:2])
    refine("batch", "p.jsonl", *QUICK)
    write_prompts(Path("p.jsonl"), ROWS)
    start, *_, end = _events(refine("batch", "p.jsonl", *QUICK, "--json"))
    assert (start["rows"], start["new"]) == (3, 1)
    assert (end["calls"], end["spending"]["calls"]) == (2, 6)


def test_changed_options_are_refused_with_the_difference_until_they_are_accepted(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), ROWS[:1])
    assert refine("batch", "p.jsonl", *QUICK).exit_code == 0
    refused = refine("batch", "p.jsonl", *QUICK, "--gate", 0.7)
    assert refused.exit_code == 2
    assert "gate: 0.6 -> 0.7" in line_of(refused)
    assert "--accept-changes" in line_of(refused)
    assert refine("batch", "p.jsonl", *QUICK, "--gate", 0.7, "--accept-changes").exit_code == 0
    assert json.loads(refine("project", "show", "p", "--json").stdout)["settings_version"] == 2
    assert "Version 2 changed gate: 0.6 → 0.7" in refine("project", "show", "p").stdout


def test_people_are_waited_for_and_what_they_hand_in_is_gone_on_with(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), ROWS[:1])
    command = ["batch", "p.jsonl", *QUICK, "--panel", "people", "--audit-share", 1, "--rounds", 2]
    waits = refine(*command)
    assert waits.exit_code == 0
    assert "1 chain waits for feedback." in waits.stdout
    assert "refine import rankings FILE --project p --db refine.db" in waits.stdout
    example = next(line for line in waits.stdout.splitlines() if line.strip().startswith("{"))
    assert json.loads(example)["prompt_id"] == "quiz"

    lines = [_rank_everything(1, prompt="quiz", candidates=2, by=name) for name in ("ann", "bob")]
    write_prompts(Path("f.jsonl"), lines)
    taken = refine("import", "rankings", "f.jsonl", "--project", "p")
    assert "2 rankings taken in, 0 known already, 0 late." in taken.stdout
    assert "1 chain can go on" in taken.stdout
    assert "0 rankings taken in, 2 known already" in refine("import", "rankings", "f.jsonl", "--project", "p").stdout

    late = [_rank_everything(1, prompt="quiz", candidates=2, by="eve")]
    write_prompts(Path("late.jsonl"), late)
    assert json.loads(refine("import", "rankings", "late.jsonl", "--project", "p", "--json").stdout)["late"] == 1

    assert "1 chain waits for feedback." in refine(*command).stdout
    (chain,) = json.loads(refine("chain", "list", "--json").stdout)["chains"]
    assert (chain["state"], chain["round"], chain["rounds_judged"]) == ("waiting", 2, 1)


def test_an_import_panel_says_which_file_to_append_to(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), ROWS[:1])
    write_prompts(Path("f.jsonl"), [_rank_everything(1, prompt="quiz", candidates=2, by="ann")])
    command = ["batch", "p.jsonl", *QUICK, "--panel", "import:f.jsonl"]
    assert "Append rankings to f.jsonl" in refine(*command).stdout
    with Path("f.jsonl").open("a") as file:
        file.write(json.dumps(_rank_everything(1, prompt="quiz", candidates=2, by="bob")) + "\n")
    assert "all their rounds" in refine(*command).stdout


def test_failed_chains_give_exit_1_their_reasons_and_how_to_take_them_up(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), ROWS[:1])
    # No draft fits the limit on pages, so nothing can be shown.
    result = refine("batch", "p.jsonl", *QUICK, "--max-candidate-bytes", 1000)
    assert result.exit_code == 1
    assert "1 chain failed." in result.stdout
    assert "--retry-failed" in result.stdout
    (chain,) = json.loads(refine("chain", "list", "--state", "ended", "--json").stdout)["chains"]
    assert chain["error"][:40] in result.stdout
    again = refine("batch", "p.jsonl", *QUICK, "--accept-changes", "--retry-failed", "--json")
    assert _events(again)[0]["retried"] == 1


def test_audits_stand_beside_the_estimate_that_flatters(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), ROWS)
    result = refine("batch", "p.jsonl", "--audit-share", 1, "--rounds", 2)
    assert "Audit       final beats first" in result.stdout
    assert "95% interval" in result.stdout
    assert "optimistic" in result.stdout


def test_out_gets_the_final_pages_and_a_line_a_chain(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), ROWS[:2])
    refine("batch", "p.jsonl", *QUICK, "--out", "pages")
    lines = [json.loads(line) for line in Path("pages/results.jsonl").read_text().splitlines()]
    assert [line["prompt_id"] for line in lines] == ["quiz", "timer"]
    assert all(Path("pages", line["folder"], "index.html").is_file() for line in lines)


def test_quiet_says_only_what_came_of_it(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), ROWS[:1])
    assert refine("batch", "p.jsonl", *QUICK, "--quiet").stderr == ""


@pytest.mark.parametrize("word", ["script, not a language model", "simulated"])
def test_what_is_scripted_or_simulated_says_so(refine: Run, word: str) -> None:
    write_prompts(Path("p.jsonl"), ROWS[:1])
    assert word in refine("batch", "p.jsonl", *QUICK).stderr


def test_a_command_spares_the_garbage_collector_what_it_imported_once_replies_come(
    refine: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refine.batch._REPORT_S", 0.01)
    write_prompts(Path("p.jsonl"), ROWS)
    assert gc.get_freeze_count() == 0
    assert refine("batch", "p.jsonl", *QUICK).exit_code == 0
    assert gc.get_freeze_count() > 10_000
    gc.unfreeze()


async def test_a_caller_of_the_api_keeps_its_garbage_collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.batch._REPORT_S", 0.01)
    prompts = write_prompts(tmp_path / "p.jsonl", ROWS)
    settings = ProjectSettings(rounds=1, candidates=2, rankings_per_round=2, audit_share=0.0)
    await run_batch(BatchOrder(prompts=prompts, database=tmp_path / "p.db", settings=settings))
    assert gc.get_freeze_count() == 0
