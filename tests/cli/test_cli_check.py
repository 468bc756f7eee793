"""`refine check` and `refine doctor`: what goes in, what comes out, and with which exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, line_of

GOOD = (
    "<!DOCTYPE html><html lang='en'><title>Counter</title><h1>Counter</h1><p>Count: <b id='n'>0</b></p>"
    "<button id='b'>Add</button><script>b.onclick = () => n.textContent++</script></html>"
)
BROKEN = GOOD.replace("b.onclick", "start(); b.onclick")


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    (folder / "many").mkdir(parents=True)
    (folder / "good.html").write_text(GOOD)
    (folder / "broken.html").write_text(BROKEN)
    (folder / "many" / "index.html").write_text(
        "<!DOCTYPE html><html lang='en'><title>t</title><h1>Two files</h1><button id='b'>Go</button><script src='js/a.js'></script></html>"
    )
    (folder / "many" / "js").mkdir()
    (folder / "many" / "js" / "a.js").write_text("b.onclick = () => { b.textContent = 'Gone' }")
    (folder / "many" / "picture.png").write_bytes(b"\x89PNG")
    return folder


def test_pages_without_fault_end_with_0(refine: Run, pages: Path) -> None:
    result = refine("check", pages / "good.html", pages / "many")
    assert result.exit_code == 0, result.output
    assert "2 pages, none broken." in result.stdout
    assert "Traceback" not in result.output


def test_one_broken_page_ends_with_1_and_says_why(refine: Run, pages: Path) -> None:
    result = refine("check", pages / "good.html", pages / "broken.html", "--no-accessibility")
    assert result.exit_code == 1
    assert "2 pages, 1 broken." in result.stdout
    assert (
        "broken  exceptions: Scripts fail while it loads: Uncaught ReferenceError: start is not defined"
        in result.stdout
    )


def test_candidates_of_a_file_are_json_and_reports_on_disk(refine: Run, tmp_path: Path) -> None:
    def candidate(code: str, **more: Any) -> dict[str, Any]:
        return {**more, "files": [{"filename": "index.html", "content": code}]}

    rows = [
        {"prompt": "p", "candidates": [candidate(GOOD, id="first"), candidate(BROKEN)]},
        candidate(GOOD, id="alone"),
    ]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = refine("check", "c.jsonl", "--json", "--out", "out", "--no-accessibility")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [(each["page"], each["broken"]) for each in found] == [
        ("c.jsonl:1 first", False),
        ("c.jsonl:1 c2", True),
        ("c.jsonl:2 alone", False),
    ]
    assert "exceptions" in [each["name"] for each in found[1]["failed"] if each["severity"] == "broken"]
    folders = sorted((tmp_path / "out").iterdir())
    assert len(folders) == 3
    assert {path.name for path in folders[0].iterdir()} == {"report.json", "desktop.png", "phone.png"}
    kept = json.loads((folders[1] / "report.json").read_text())
    assert kept == found[1]
    assert (folders[0] / "desktop.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.html"], "none.html: there is no such file"),
        (["none"], "none: there is no such file or folder"),
        (["empty"], "empty: holds no .html file"),
        (["a.css"], "a.css: is no page"),
        (["latin.html"], "latin.html: not UTF-8"),
        (["rows.jsonl"], "rows.jsonl:1: has no candidates"),
        (["bad.jsonl"], "bad.jsonl:2"),
        (["nothing.jsonl"], "nothing.jsonl: holds no candidates"),
        (["page.html", "--out", "a.css"], "a.css: is no folder"),
        (["page.html", "--at-once", "0"], "--at-once"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(refine: Run, tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.css").write_text("a {}")
    (tmp_path / "page.html").write_text(GOOD)
    (tmp_path / "latin.html").write_bytes(b"<p>\xe9</p>")
    (tmp_path / "rows.jsonl").write_text('{"prompt": "p"}\n')
    (tmp_path / "bad.jsonl").write_text(json.dumps({"files": [{"filename": "a.html", "content": "<p>"}]}) + "\n{\n")
    (tmp_path / "nothing.jsonl").write_text("\n")
    result = refine("check", *arguments)
    assert result.exit_code == 2, result.output
    assert said in line_of(result)


def test_without_chromium_one_line_says_how_to_get_it(
    refine: Run, pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = refine("check", pages / "good.html")
    assert result.exit_code == 2
    assert "apt install chromium" in line_of(result)


def test_doctor_says_what_is_here(refine: Run) -> None:
    result = refine("doctor", "--json")
    assert result.exit_code == 0, result.output
    found = {each["name"]: each for each in json.loads(result.stdout)}
    assert {"Python", "SQLite", "Chromium", "playwright", "model keys"} <= set(found)
    assert found["Chromium"]["state"] == "ok"
    assert "Chromium" in found["Chromium"]["found"]
    assert "Chromium" in refine("doctor").stdout


def test_doctor_says_how_to_get_chromium_and_shows_no_key(
    refine: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-a-person")
    result = refine("doctor")
    assert result.exit_code == 0
    assert "apt install chromium" in result.stdout
    assert "OPENAI_API_KEY" in result.stdout
    assert "sk-secret" not in result.output
