"""`refine perturb`, with a real browser where there is one."""

import json
from pathlib import Path

import pytest

from refine.perturb import OPERATORS, edits_of, undo_edits
from refine.types import CodeFile
from tests.cli.conftest import Run, line_of

PAGE = """<!DOCTYPE html>\r
<html lang="en"><head><meta charset="utf-8"><title>Bell</title>
<style>body { color: #222; background: #fff; } button { padding: 12px 20px; border: 1px solid #333; }</style></head>
<body><h1>Ring the bell</h1><button id="ring">Ring</button><p>Rung <b id="times">0</b> times since 1985.</p>
<script>
let times = 0;
document.getElementById("ring").addEventListener("click", () => {
  times += 1;
  document.getElementById("times").textContent = times;
});
</script></body></html>
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "bell.html"
    path.write_bytes(PAGE.encode())
    return path


def read(folder: Path) -> tuple[str, dict[str, object]]:
    record = json.loads((folder / "perturbation.json").read_text())
    return (folder / "mutant" / "bell.html").read_bytes().decode(), record


@pytest.mark.parametrize(
    "operator", ["dead_handler", *(pytest.param(each, marks=pytest.mark.full) for each in ("contrast", "typo", "lag"))]
)
def test_a_flaw_is_proven_written_and_can_be_undone(refine: Run, page: Path, operator: str) -> None:
    result = refine("perturb", page, "--operator", operator)
    assert result.exit_code == 0, result.output
    assert "A person would notice:" in result.stdout
    assert "Proven in Chromium" in result.stdout
    text, record = read(Path("bell-perturbed"))
    assert text != PAGE
    assert record["is_proven"] is True
    mutant = (CodeFile(filename="bell.html", content=text),)
    assert undo_edits(mutant, edits_of(record))[0].content == PAGE


def test_what_nobody_can_notice_is_not_written(refine: Run, tmp_path: Path) -> None:
    (tmp_path / "x.html").write_text("<h1>Still</h1><script>function f() { n++; }</script>")
    result = refine("perturb", "x.html", "--operator", "double_count")
    assert result.exit_code == 1
    assert "none of 1 perturbation was proven" in line_of(result)
    assert "nothing a visitor could notice has changed" in result.stderr
    assert not Path("x-perturbed").exists()


@pytest.mark.full
def test_a_page_that_is_never_the_same_is_refused_as_a_page(refine: Run, tmp_path: Path) -> None:
    (tmp_path / "x.html").write_text("<h1>Endless words</h1><script>while (true) {}</script>")
    result = refine("perturb", "x.html")
    assert result.exit_code == 1
    assert "nothing can be proven on this page" in line_of(result)


def test_without_a_browser_a_flaw_is_written_and_called_unproven(refine: Run, page: Path) -> None:
    result = refine("perturb", page, "--no-proof", "--seed", "3", "--out", "o")
    assert result.exit_code == 0, result.output
    assert "Unproven" in result.stdout
    text, record = read(Path("o"))
    assert text != PAGE
    assert record["is_proven"] is False
    again = json.loads(refine("perturb", page, "--no-proof", "--seed", "3", "--out", "o", "--json").stdout)
    assert again == {**record, "folder": "o"}


def test_a_missing_browser_is_one_line(refine: Run, page: Path) -> None:
    result = refine("perturb", page, env={"REFINE_CHROMIUM": "/nowhere/chromium"})
    assert result.exit_code == 2
    assert line_of(result)


def test_a_folder_is_one_candidate(refine: Run, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "index.html").write_text('<link rel="stylesheet" href="style.css"><p>Plain words here</p>')
    (folder / "style.css").write_text("p { color: #111; }")
    assert refine("perturb", folder, "--no-proof", "--operator", "contrast", "--out", "o").exit_code == 0
    assert Path("o/mutant/style.css").read_text() != "p { color: #111; }"
    assert Path("o/mutant/index.html").read_text() == (folder / "index.html").read_text()


def test_the_list_names_every_operator(refine: Run) -> None:
    shown = refine("perturb", "--list").stdout
    listed = json.loads(refine("perturb", "--list", "--json").stdout)
    assert [each["name"] for each in listed] == [each.name for each in OPERATORS]
    for each in OPERATORS:
        assert each.name in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "PAGE is missing"),
        (["nothing.html"], "nothing.html"),
        (["notes.txt"], "notes.txt: is no page"),
        (["latin.html"], "not UTF-8"),
        (["empty"], "empty: holds no .html file"),
        (["two.jsonl"], "holds 2 candidates"),
        (["bare.html", "--no-proof"], "nothing to perturb"),
        (["bell.html", "--operator", "nonsense"], "there is no operator 'nonsense'"),
        (["bell.html", "--operator", "lag", "--severity", "0.9"], "lag has severities from"),
        (["bell.html", "--out", "mine", "--no-proof"], "mine: holds files that no `refine perturb` wrote"),
        (["bell.html", "--out", "notes.txt", "--no-proof"], "notes.txt: is no folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    refine: Run, page: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "latin.html").write_bytes(b"<p>\xe9")
    (tmp_path / "bare.html").write_text("")
    one = '{"candidates": [{"files": [{"filename": "index.html", "content": "<p>x"}]}]}\n'
    (tmp_path / "two.jsonl").write_text(2 * one)
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    result = refine("perturb", *arguments)
    assert result.exit_code == 2
    assert said in line_of(result)
    assert page.read_bytes().decode() == PAGE
