"""`refine labeler board` on what a batch left behind."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest

from refine.api.board import labeler_board
from refine.cli.app import app
from store.decisions import list_decisions
from store.opening import open_database
from tests.cli.conftest import RUNNER, Run, line_of, write_prompts

TOPICS = ("data packets", "tea", "mountains", "rivers", "bees", "trains", "maps", "stars")


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of eight chains of two rounds, ranked by six labelers, two of them careless."""
    folder = tmp_path_factory.mktemp("ranked")
    write_prompts(folder / "p.jsonl", [{"id": topic, "prompt": f"A quiz about {topic}"} for topic in TOPICS])
    options = ("--rounds", "2", "--seed", "3", "--labelers", "6", "--careless-share", "0.34", "--audit-share", "0")
    with contextlib.chdir(folder):
        result = RUNNER.invoke(app, ["batch", "p.jsonl", "--project", "quizzes", *options])
    assert result.exit_code == 0, result.output
    return folder / "refine.db"


def test_the_board_adds_up(ranked: Path) -> None:
    with open_database(ranked, read_only=True) as database:
        board = labeler_board(database)
    assert board.chains == len(TOPICS)
    assert sum(line.rankings for line in board.labelers) == board.rankings > 0
    assert sum(line.pay_share for line in board.labelers) == pytest.approx(1)
    shares = [line.pay_share for line in board.labelers]
    assert shares == sorted(shares, reverse=True)
    for line in board.labelers:
        assert line.kind == "simulated"
        assert line.reliability_low < line.reliability < line.reliability_high
        assert 0 <= line.agreement <= 1


def test_every_column_is_explained_and_json_is_the_same_board(refine: Run, ranked: Path) -> None:
    shown = refine("labeler", "board", "--db", ranked, "--project", "quizzes", env={"COLUMNS": "160"}).stdout
    for word in ("reliability", "95 %", "careless", "inverted", "agreement", "bits", "pay share"):
        assert shown.count(word) >= 2, word
    found = json.loads(refine("labeler", "board", "--db", ranked, "--json").stdout)
    assert found["labelers"][0]["labeler"] in shown
    assert f"{found['rankings']:,} rankings of {found['chains']} chains" in shown


def test_an_unknown_project_is_one_line(refine: Run, ranked: Path) -> None:
    result = refine("labeler", "board", "--db", ranked, "--project", "nothing")
    assert result.exit_code == 2
    assert "there is no project 'nothing'" in result.stderr


def test_without_rankings_the_board_says_so(refine: Run) -> None:
    write_prompts(Path("p.jsonl"), [{"prompt": "A quiz"}])
    assert refine("batch", "p.jsonl", "--panel", "people").exit_code == 0
    assert refine("labeler", "board").stdout.strip() == "No rankings yet."


def test_weighing_shows_what_would_flip_first_and_changes_nothing_by_that(refine: Run, ranked: Path) -> None:
    with open_database(ranked, read_only=True) as database:
        name = labeler_board(database).labelers[0].labeler
    shown = refine("labeler", "weigh", name, "0", "--preview", "--db", ranked)
    found = json.loads(refine("labeler", "weigh", name, "0", "--preview", "--db", ranked, "--json").stdout)
    assert shown.exit_code == 0
    assert found["looked_at"] == 16 and found["weight_before"] is None
    assert f"Judged again: {found['looked_at']} verdicts" in shown.stdout
    for flip in found["flips"]:
        assert flip["chain"] in shown.stdout
        assert flip["before"]["winner"] != flip["after"]["winner"]
    with open_database(ranked, read_only=True) as database:
        assert database.read(list_decisions) == []


def test_weighing_says_what_it_did_and_keeps_the_reason(refine: Run, ranked: Path, tmp_path: Path) -> None:
    copy = shutil.copy(ranked, tmp_path / "copy.db")
    with open_database(ranked, read_only=True) as database:
        name = labeler_board(database).labelers[0].labeler
    assert "at a weight of 0.5" in refine("labeler", "weigh", name, "0.5", "--reason", "half", "--db", copy).stdout
    assert "what the engine finds" in refine("labeler", "weigh", name, "auto", "--reason", "all", "--db", copy).stdout
    assert refine("labeler", "disable", name, "--db", copy).exit_code == 0
    with open_database(copy, read_only=True) as database:
        found = [(it.action, it.weight, it.reason) for it in database.read(list_decisions)]
    assert found == [("weigh", 0.5, "half"), ("weigh", None, "all"), ("disable", None, "(none given)")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nobody", "0", "--reason", "x"), "there is no labeler 'nobody'"),
        (("sim-000", "much", "--reason", "x"), "'much' is no weight"),
        (("sim-000", "2", "--reason", "x"), "out of range"),
        (("sim-000", "0"), "say why"),
        (("sim-000", "0", "--project", "quizzes", "--reason", "x"), "--preview only"),
    ],
)
def test_what_cannot_be_weighed_is_one_line(refine: Run, ranked: Path, arguments: tuple[str, ...], says: str) -> None:
    result = refine("labeler", "weigh", *arguments, "--db", ranked)
    assert result.exit_code == 2
    assert says in line_of(result)
