"""`refine labeler board` on what a batch left behind."""

import contextlib
import json
from pathlib import Path

import pytest

from refine.api.board import labeler_board
from refine.cli.app import app
from store.opening import open_database
from tests.cli.conftest import RUNNER, Run, write_prompts

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
