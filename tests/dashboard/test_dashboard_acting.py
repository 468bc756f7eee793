"""Viewers read, operators act: the key, who counts as local, and buttons that ask first."""

import os
import subprocess
import sys
from inspect import unwrap
from pathlib import Path
from unittest.mock import Mock

import pytest
from streamlit.testing.v1 import AppTest

from refine.api.steering import fork_chain, pause_chain, prioritise_chain, stop_chain
from refine.dashboard import parts
from refine.dashboard.operators import Guard, find_key, is_local_use
from refine.dashboard.source import SOURCES, VARIABLE
from refine.dashboard.writers import WRITERS
from refine.errors import AccessDenied, InputError, StoreError
from store.chains import load_chain
from store.database import Database
from tests.dashboard.conftest import OpenPage
from tests.dashboard.made_store import HOSTILE, make_story, order

KEY = "correct horse battery staple"
ROOT = Path(__file__).resolve().parents[2]


def test_the_key_comes_from_the_environment_or_from_a_file(tmp_path: Path) -> None:
    assert find_key({}) is None
    (tmp_path / "key").write_text(f"{KEY}\n")
    for environ in ({"REFINE_OPERATOR_KEY": KEY}, {"REFINE_OPERATOR_KEY_FILE": str(tmp_path / "key")}):
        key = find_key(environ)
        assert key is not None
        assert key.is_opened_by(KEY)
        assert not key.is_opened_by(KEY[:-1])
        assert KEY not in repr(key)


@pytest.mark.parametrize("bad", ["", "short", "two lines of\nsixteen characters", "x" * 2000])
def test_a_key_that_cannot_be_used_is_refused_and_never_quoted(tmp_path: Path, bad: str) -> None:
    (tmp_path / "key").write_text(bad)
    for environ in ({"REFINE_OPERATOR_KEY": bad}, {"REFINE_OPERATOR_KEY_FILE": str(tmp_path / "key")}):
        with pytest.raises(InputError, match="an operator key is one line") as refused:
            find_key(environ)
        assert not bad or bad not in str(refused.value)


def test_a_key_file_that_is_not_there_and_two_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        find_key({"REFINE_OPERATOR_KEY_FILE": str(tmp_path / "none")})
    with pytest.raises(InputError, match="both given"):
        find_key({"REFINE_OPERATOR_KEY": KEY, "REFINE_OPERATOR_KEY_FILE": "key"})


def test_guessing_gets_slower_for_everybody_and_the_right_key_ends_that() -> None:
    now = 0.0
    guard, key = Guard(lambda: now), find_key({"REFINE_OPERATOR_KEY": KEY})
    assert key is not None
    waits = []
    for _ in range(14):
        begun = now
        while True:
            with pytest.raises(AccessDenied) as refused:
                guard.check(key, "wrong")
            if "not the operator key" in str(refused.value):
                break
            with pytest.raises(AccessDenied, match="try again in"):
                guard.check(key, KEY)
            now += 0.5
        waits.append(now - begun)
    assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    now += 60
    guard.check(key, KEY)
    with pytest.raises(AccessDenied, match="not the operator key"):
        guard.check(key, "wrong")


@pytest.mark.parametrize(
    ("headers", "is_local"),
    [
        ({"host": "127.0.0.1:8501"}, True),
        ({"host": "localhost:8501"}, True),
        ({"host": "LOCALHOST"}, True),
        ({"host": "[::1]:8501"}, True),
        ({"host": "[::1]"}, True),
        ({"host": "dash.example"}, False),
        ({"host": "localhost.example:8501"}, False),
        ({"host": "10.0.0.7:8501"}, False),
        ({"host": "localhost:8501", "x-forwarded-for": "8.8.8.8"}, False),
        ({"host": "localhost", "forwarded": "for=8.8.8.8"}, False),
        ({"host": "localhost:8501", "origin": "http://localhost:8501"}, True),
        ({"host": "127.0.0.1:8501", "origin": "https://dash.example"}, False),
        ({"host": "127.0.0.1:8501", "origin": "null"}, False),
        ({"host": "", "origin": "http://localhost"}, False),
    ],
)
def test_who_comes_through_a_proxy_is_not_local(headers: dict[str, str], is_local: bool) -> None:
    assert is_local_use(headers) is is_local


def test_actions_write_through_one_database_and_open_a_new_file_anew(writable: Database, tmp_path: Path) -> None:
    ids = writable.write_now(make_story)
    assert WRITERS.act(writable.path, pause_chain, ids["waits"]).is_paused
    assert WRITERS.act(writable.path, prioritise_chain, ids["waits"], 7).priority == 7
    assert WRITERS.act(writable.path, stop_chain, ids["waits"]).stop_reason == "stopped"
    forked = WRITERS.act(writable.path, fork_chain, ids["better"], round=1, rounds=9)
    assert writable.read(load_chain, forked.id).settings.rounds == 9
    with pytest.raises(InputError, match="has ended"):
        WRITERS.act(writable.path, pause_chain, ids["waits"])
    with pytest.raises(InputError, match="expected a number"):
        WRITERS.act(writable.path, prioritise_chain, ids["waits"], 10**9)
    with pytest.raises(InputError, match="there is no database here"):
        WRITERS.act(tmp_path / "none.db", pause_chain, "x")
    (tmp_path / "other.db").write_text("notes")
    with pytest.raises(StoreError):
        WRITERS.act(tmp_path / "other.db", pause_chain, "x")
    assert not (tmp_path / "none.db").exists()
    WRITERS.close()


def _page() -> None:
    import streamlit as st

    from refine.api.steering import pause_chain
    from refine.dashboard.acting import may_act, offer, show_result, show_sign_in

    show_sign_in()
    show_result()
    st.caption(f"may act: {may_act()}")
    chain = st.query_params["chain"]
    offer(
        "Pause",
        lambda database: pause_chain(database, chain),
        key="pause",
        says="No new step.",
        confirm="Pause it",
        done=lambda record: f"Paused {record.prompt}",
    )


@pytest.fixture
def waiting(writable: Database, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    ids = writable.write_now(make_story)
    monkeypatch.setenv(VARIABLE, str(writable.path))
    page = AppTest.from_function(_page, default_timeout=30)
    page.query_params["chain"] = ids["waits"]
    return page


def _said(page: AppTest) -> str:
    return " ".join(each.value for kind in ("success", "error", "caption") for each in getattr(page, kind))


def test_without_a_key_whoever_sits_here_acts_and_sees_what_came_of_it(waiting: AppTest) -> None:
    page = waiting.run()
    assert "may act: True" in _said(page)
    page.button(key="pause").click().run()
    assert page.success[0].value == "Paused A sundial"
    assert not page.run().success
    page.button(key="pause").click().run()
    assert page.success, "pausing twice is no error"
    _close()


def test_a_click_counts_when_something_was_written_just_before_it(open_page: OpenPage, writable: Database) -> None:
    ids = writable.write_now(make_story)
    page = open_page(writable.path, "chain", chain=ids["waits"])
    writable.write_now(order, "another", {"n": "Another"})
    SOURCES.get(writable.path).look_again()
    page.button(key="pause").click().run()
    assert [each.value for each in page.success] == ["The chain is paused\\."]
    assert writable.read(load_chain, ids["waits"]).record.is_paused


def test_a_page_runs_again_from_a_tick_of_its_own_when_something_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    again: list[bool] = []
    monkeypatch.setattr("streamlit.rerun", lambda: again.append(True))
    monkeypatch.setattr(parts, "open_source", lambda: Mock(state=(2,)))
    tick = unwrap(parts._tick)
    tick(parts._Run(state=(1,), is_under_way=True))
    assert again == [], "the run of the whole page goes on to its end"
    tick(parts._Run(state=(2,), is_under_way=False))
    assert again == [], "nothing was written"
    tick(parts._Run(state=(1,), is_under_way=False))
    assert again == [True]


def test_with_a_key_acting_needs_it_typed_and_a_wrong_one_is_one_line(
    waiting: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFINE_OPERATOR_KEY", KEY)
    page = waiting.run()
    assert "may act: False" in _said(page)
    assert page.button(key="pause-dead").disabled
    page.text_input(key="operator_key").set_value("wrong but long enough")
    page.button(key="operator-enter").click().run()
    assert [each.value for each in page.error] == ["This is not the operator key\\."]
    page.text_input(key="operator_key").set_value(KEY)
    page.button(key="operator-enter").click().run()
    assert "may act: True" in _said(page)
    page.button(key="pause").click().run()
    assert page.success[0].value == "Paused A sundial"
    assert KEY not in str(page.main)
    assert "operator_key" not in page.session_state
    assert KEY not in str(page.session_state["operator"])
    monkeypatch.setenv("REFINE_OPERATOR_KEY", KEY + " changed")
    assert "may act: False" in _said(page.run()), "another key signs everybody out"
    monkeypatch.setenv("REFINE_OPERATOR_KEY", "short")
    assert "may act: False" in _said(page.run()), "a key that cannot be used lets nobody act"
    _close()


def test_words_of_others_in_a_result_are_no_markup(writable: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = writable.write_now(make_story)
    monkeypatch.setenv(VARIABLE, str(writable.path))
    page = AppTest.from_function(_page, default_timeout=30)
    page.query_params["chain"] = ids["better"]
    page.run().button(key="pause").click().run()
    assert "has ended" in page.error[0].value
    forked = WRITERS.act(writable.path, fork_chain, ids["better"], rounds=9)
    page.query_params["chain"] = forked.id
    page.run().button(key="pause").click().run()
    assert HOSTILE not in page.success[0].value
    assert "\\<img" in page.success[0].value
    _close()


def _close() -> None:
    WRITERS.close()
    SOURCES.close()


def test_a_bad_key_file_stops_the_command_in_one_line(tmp_path: Path, story: tuple[Path, dict[str, str]]) -> None:
    (tmp_path / "key").write_text("short")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("REFINE_")}
    done = subprocess.run(
        [sys.executable, "-m", "refine", "dashboard", "--db", str(story[0]), "--operator-key-file", "key"],
        env={**environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "key: an operator key is one line" in done.stderr
