"""`refine labeler`: letting people in and out."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from store.labelers import exchange_code, exchange_key
from store.opening import open_database
from tests.cli.conftest import Run, line_of, write_prompts
from tests.store.work_helpers import add_chain, add_people, claim, make_project


@pytest.fixture
def db(refine: Run, tmp_path: Path) -> Path:
    """A database with the project `p`, whose one chain waits for people."""
    path = tmp_path / "refine.db"
    with open_database(path) as database:
        database.write_now(lambda c: add_chain(c, make_project(c), "tea"))
    return path


def told(refine: Run, *arguments: Any) -> Any:
    result = refine("labeler", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_add_prints_a_key_and_a_link_that_let_in(refine: Run, db: Path) -> None:
    new = told(refine, "add", "Ann", "--project", "p", "--pay-rate", "12", "--public-url", "https://label.example.org/")
    assert new["link"].startswith("https://label.example.org/enter#")
    with open_database(db) as database:
        session = database.write_now(exchange_code, new["link"].partition("#")[2])
        assert session.labeler == new["id"]
        assert database.write_now(exchange_key, new["key"]).labeler == new["id"]
    (line,) = told(refine, "list")
    assert (line["name"], line["projects"], line["pay_rate_usd_hour"], line["sessions"]) == ("Ann", ["p"], 12.0, 2)


def test_add_in_words_shows_both_and_says_that_they_are_shown_once(refine: Run, db: Path) -> None:
    result = refine("labeler", "add", "Ann")
    assert result.exit_code == 0
    assert "Key   " in result.stdout and "Link  /enter#" in result.stdout and "not shown again" in result.stdout


def test_a_link_can_be_made_again_and_the_key_renewed(refine: Run, db: Path) -> None:
    new = told(refine, "add", "Ann")
    link = told(refine, "link", "Ann")["link"]
    assert link != new["link"]
    renewed = told(refine, "key", "Ann")["key"]
    with open_database(db) as database:
        assert database.write_now(exchange_code, link.partition("#")[2]).labeler == new["id"]
        assert database.write_now(exchange_key, renewed).labeler == new["id"]


def test_disable_enable_and_revoke(refine: Run, db: Path) -> None:
    told(refine, "add", "Ann")
    assert told(refine, "disable", "Ann") == {"name": "Ann", "disabled": True}
    assert told(refine, "list")[0]["is_disabled"]
    assert "disabled" in line_of(refine("labeler", "link", "Ann"))
    assert told(refine, "enable", "Ann") == {"name": "Ann", "disabled": False}
    assert told(refine, "revoke", "Ann")["ended"] == 1
    assert not told(refine, "list")[0]["has_key"]
    assert "none" in refine("labeler", "list").stdout


def test_limit_changes_where_they_may_work(refine: Run, db: Path) -> None:
    told(refine, "add", "Ann")
    assert told(refine, "limit", "Ann", "--project", "p")["projects"] == ["p"]
    assert told(refine, "list")[0]["projects"] == ["p"]
    assert told(refine, "limit", "Ann")["projects"] == []


def test_erase_wants_to_be_told_twice(refine: Run, db: Path) -> None:
    told(refine, "add", "Ann")
    result = refine("labeler", "erase", "Ann")
    assert result.exit_code == 2 and "--yes" in line_of(result)
    assert told(refine, "erase", "Ann", "--yes") == {"erased_texts": 0}
    assert told(refine, "list")[0]["name"].startswith("erased-")


@pytest.mark.parametrize("way", ["--uphold", "--dismiss"])
def test_a_reported_page_is_shown_and_decided_about(refine: Run, db: Path, way: str) -> None:
    from store import work

    with open_database(db) as database:
        (ann,) = database.write_now(add_people, "Ann").values()
        given = claim(database, ann)
        database.write_now(
            work.report,
            labeler=ann,
            assignment=given.id,
            candidate=given.candidates[0],
            reason="\x1b[31mgore\u202e",
        )
    (report,) = told(refine, "reports")
    shown = refine("labeler", "reports").stdout
    assert "gore" in shown and "\x1b" not in shown and "\u202e" not in shown
    assert line_of(refine("labeler", "resolve", report["id"])).endswith("say --uphold or --dismiss")
    done = told(refine, "resolve", report["id"], way)
    assert done["chains"] == ([given.chain] if way == "--uphold" else [])
    assert told(refine, "reports") == [] and len(told(refine, "reports", "--resolved")) == 1
    with sqlite3.connect(db) as connection:
        (state,) = connection.execute("SELECT state FROM chain").fetchone()
    connection.close()
    assert state == ("ended" if way == "--uphold" else "waiting")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", ""], "name"),
        (["add", "a\x07b"], "name"),
        (["add", "x" * 300], "name"),
        (["add", "Ann"], "already"),
        (["add", "Ben", "--project", "nowhere"], "nowhere"),
        (["add", "Ben", "--pay-rate", "-1"], "pay rate"),
        (["add", "Ben", "--public-url", "label.example.org"], "public URL"),
        (["link", "Nobody"], "Nobody"),
        (["disable", "Nobody"], "Nobody"),
        (["revoke", "Nobody"], "Nobody"),
        (["erase", "Nobody", "--yes"], "Nobody"),
        (["resolve", "01J00000000000000000000000", "--dismiss"], "report"),
        (["list", "--db", "nowhere.db"], "nowhere.db"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(refine: Run, db: Path, arguments: list[str], said: str) -> None:
    told(refine, "add", "Ann")
    result = refine("labeler", *arguments)
    assert result.exit_code == 2
    assert said in line_of(result)


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff\xfe", b"a\0b", None])
def test_a_terms_file_that_cannot_be_used_is_one_line(refine: Run, content: bytes | None) -> None:
    write_prompts(Path("p.jsonl"), [{"prompt": "A quiz"}])
    if content is not None:
        Path("terms.txt").write_bytes(content)
    result = refine("batch", "p.jsonl", "--terms-file", "terms.txt")
    assert result.exit_code == 2
    assert "--terms-file" in line_of(result)


def test_disputes_are_listed_and_resolved_as_reports_are(refine: Run, db: Path) -> None:
    from refine.types import RankingIn
    from store import disputes, work
    from tests.store.test_disputes import put_control

    with open_database(db) as database:
        ann = database.write_now(add_people, "ann")["ann"]
        given = claim(database, ann)
        original, control = database.write_now(put_control, given)
        ranking = RankingIn(groups=((control,), (given.candidates[1],), (original,)))
        database.write_now(work.submit_work, labeler=ann, assignment=given.id, ranking=ranking, key="k")
        database.write_now(disputes.add_dispute, labeler=ann, assignment=given.id, reason="\x1b[31mIt works.")
    (found,) = told(refine, "disputes")
    assert (found["labeler"], found["control"], found["original"]) == ("ann", control, original)
    shown = refine("labeler", "disputes").stdout
    assert found["id"] in shown and "It works." in shown and "\x1b" not in shown
    assert told(refine, "resolve", found["id"], "--uphold") == {"dispute": found["id"], "resolution": "upheld"}
    assert told(refine, "disputes") == []
    assert [it["resolution"] for it in told(refine, "disputes", "--resolved")] == ["upheld"]
    assert refine("labeler", "disputes").stdout.strip() == "No disputes."
