"""The page of labelers: who, why, what they did, and what an operator decides."""

from pathlib import Path

import pytest
from sqlalchemy import Connection
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from refine.api.decisions import Preview, list_decisions, preview_weighing
from refine.api.findings import look_at_labelers
from refine.dashboard.source import SOURCES
from store.database import Database
from store.erasing import erase_words
from store.labelers import disable_labeler
from store.opening import open_database
from tests.api.test_decisions import BAD, HONEST, make_project
from tests.dashboard import made_store
from tests.dashboard.conftest import OpenPage
from tests.dashboard.made_store import HOSTILE


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "refine.db"
    with open_database(path) as database:
        database.write_now(make_project)
    return path


def labeler_id(path: Path, name: str) -> str:
    with open_database(path, read_only=True) as database:
        return next(it.labeler.id for it in look_at_labelers(database).labelers if it.labeler.name == name)


def test_everybody_is_listed_with_what_they_did(open_page: OpenPage, store: Path) -> None:
    page = open_page(store, "labelers")
    rows = {row["labeler"]: row for row in page.dataframe[0].value.to_dict("records")}
    assert set(rows) == {"ann", "ben", "cem", BAD}
    assert {row["rankings"] for row in rows.values()} == {14}
    assert rows[BAD]["reliability"] < rows["ann"]["reliability"]


def test_viewers_see_pseudonyms_and_operators_names(
    open_page: OpenPage, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFINE_OPERATOR_KEY", "k" * 40)
    page = open_page(store, "labelers")
    assert all(name.startswith("labeler ") for name in page.dataframe[0].value["labeler"])
    one = open_page(store, "labelers", labeler=labeler_id(store, BAD))
    shown = [each.value for kind in ("subheader", "text", "caption", "markdown") for each in getattr(one, kind)]
    assert not any(BAD in each.split() for each in shown)


def test_the_name_of_who_is_erased_is_gone_at_once(
    open_page: OpenPage, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refine.dashboard.source._LOOK_S", 0.0)
    page = open_page(store, "labelers")
    assert BAD in set(page.dataframe[0].value["labeler"])
    erased = labeler_id(store, BAD)
    with open_database(store) as database:
        database.write_now(erase_words, BAD)
    assert set(page.run().dataframe[0].value["labeler"]) == {"ann", "ben", "cem", f"erased-{erased}"}


def test_names_and_states_are_those_of_now_while_what_was_found_is_kept(store: Path) -> None:
    with open_database(store) as database:
        before = look_at_labelers(database)
        database.write_now(disable_labeler, BAD)
        after = look_at_labelers(database)
    disabled = {it.labeler.name: it.labeler.is_disabled for it in after.labelers}
    assert disabled == {"ann": False, "ben": False, "cem": False, BAD: True}
    assert [it.profile for it in after.labelers] == [it.profile for it in before.labelers]


def test_what_was_found_is_of_the_database_that_is_open(store: Path, tmp_path: Path) -> None:
    with open_database(tmp_path / "other.db") as database:
        database.write_now(make_project)
    with open_database(store, read_only=True) as first:
        before = {it.labeler.id for it in look_at_labelers(first).labelers}
        (tmp_path / "other.db").replace(store)
        for file in tmp_path.glob("refine.db-*"):
            file.unlink()
        with open_database(store, read_only=True) as second:
            assert before.isdisjoint(it.labeler.id for it in look_at_labelers(second).labelers)


def test_a_labeler_can_be_looked_at_and_their_work(open_page: OpenPage, store: Path) -> None:
    page = open_page(store, "labelers", labeler=labeler_id(store, BAD))
    assert page.subheader[0].value == BAD
    labels = {each.label for each in page.metric}
    assert {"Reliability", "Controls passed", "Agreement", "Pay share", "Devices", "Another taste"} <= labels
    assert len(page.dataframe[-1].value) == 14


def test_a_preview_is_shown_and_nothing_changes_by_it(open_page: OpenPage, store: Path) -> None:
    page = open_page(store, "labelers", labeler=labeler_id(store, BAD))
    next(each for each in page.button if each.key == "weigh-preview").click().run()
    assert any("14 verdicts given again" in each.value for each in page.caption)
    with open_database(store, read_only=True) as database:
        assert list_decisions(database) == []


def button(page: AppTest, key: str) -> Button | None:
    return next((each for each in page.button if each.key == key), None)


def test_a_preview_is_for_who_may_act(open_page: OpenPage, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFINE_OPERATOR_KEY", "k" * 40)
    page = open_page(store, "labelers", labeler=labeler_id(store, BAD))
    assert button(page, "weigh-do-dead") is not None
    assert button(page, "weigh-preview") is None


def test_a_preview_is_made_when_it_is_asked_for_and_not_at_every_write(
    open_page: OpenPage, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[float | None] = []

    def count(database: Database, labeler: str, weight: float | None, *, most: int | None) -> Preview:
        made.append(weight)
        return preview_weighing(database, labeler, weight, most=most)

    monkeypatch.setattr("refine.dashboard.labelers_one.preview_weighing", count)
    page = open_page(store, "labelers", labeler=labeler_id(store, BAD))
    page.button(key="weigh-preview").click().run()
    with open_database(store) as database:
        database.write_now(made_store.order, "another", {"k": "Another"})
    SOURCES.get(store).look_again()
    page.run()
    assert made == [0.0]
    assert any("as of 20" in each.value for each in page.caption)
    assert page.button(key="weigh-preview").label == "Look again what would flip"
    page.button(key="weigh-preview").click().run()
    assert made == [0.0, 0.0]
    page.selectbox(key="weigh-to").set_value("let it count for half").run()
    assert not any("as of 20" in each.value for each in page.caption)


def rank_elsewhere(connection: Connection) -> None:
    """In a project of its own, which has no verdict."""
    (chain,) = made_store.order(connection, "elsewhere", {"k": "Elsewhere"}).values()
    pages = [made_store.candidate(connection, chain, round=1, slot=n, text=f"<p>{n}</p>").key for n in range(2)]
    made_store.open_round(connection, chain, number=1, shown=pages, wanted=5)
    for labeler in (*HONEST, BAD):
        made_store.rank(connection, chain, labeler, best_first=pages, seconds=60)


def test_a_preview_looks_at_all_projects_as_the_decision_counts_in_all(open_page: OpenPage, store: Path) -> None:
    with open_database(store) as database:
        database.write_now(rank_elsewhere)
    page = open_page(store, "labelers", labeler=labeler_id(store, BAD), project="elsewhere")
    page.button(key="weigh-preview").click().run()
    assert any("14 verdicts given again" in each.value for each in page.caption)
    assert any(each.value.startswith("In all projects") for each in page.caption)


def test_a_place_in_the_work_of_one_is_none_in_that_of_another(open_page: OpenPage, store: Path) -> None:
    with open_database(store) as database:
        database.write_now(rank_elsewhere)
    page = open_page(store, "labelers", labeler=labeler_id(store, BAD), work="10")
    older = len(page.dataframe[-1].value)
    assert older < 15, "the address leads to older work"
    page.query_params["labeler"] = labeler_id(store, "ann")
    page.run()
    assert len(page.dataframe[-1].value) == 15
    assert "work" not in page.query_params
    page.query_params["work"] = "10"
    page.run()
    page.selectbox(key="project").set_value("pages").run()
    assert len(page.dataframe[-1].value) == 14
    page.query_params["work"] = "10"
    page.run()
    page.button(key="work-newest").click().run()
    assert len(page.dataframe[-1].value) == 14
    assert page.button(key="work-newest").disabled


def test_an_operator_removes_work_with_a_reason(open_page: OpenPage, store: Path) -> None:
    page = open_page(store, "labelers", labeler=labeler_id(store, BAD))
    next(each for each in page.text_input if each.key == "weigh-why").set_value("always the worst first").run()
    next(each for each in page.button if each.key == "weigh-do").click().run()
    assert not page.exception
    with open_database(store, read_only=True) as database:
        (made,) = list_decisions(database)
    assert (made.action, made.weight, made.reason) == ("weigh", 0.0, "always the worst first")


def test_without_a_reason_nothing_is_done_and_that_is_said(open_page: OpenPage, store: Path) -> None:
    page = open_page(store, "labelers", labeler=labeler_id(store, BAD))
    next(each for each in page.button if each.key == "access-do").click().run()
    assert any("say why" in each.value for each in page.error)
    with open_database(store, read_only=True) as database:
        assert list_decisions(database) == []


def test_hostile_names_are_text(open_page: OpenPage, tmp_path: Path) -> None:
    from sqlalchemy import update

    from store.tables import LABELER

    with open_database(tmp_path / "refine.db") as database:
        database.write_now(make_project)
        database.write_now(
            lambda connection: connection.execute(update(LABELER).where(LABELER.c.name == BAD).values(name=HOSTILE))
        )
    page = open_page(tmp_path / "refine.db", "labelers", labeler=labeler_id(tmp_path / "refine.db", HOSTILE))
    marked = [each.value for kind in ("markdown", "caption", "subheader", "header") for each in getattr(page, kind)]
    assert [each for each in marked if " **bold**" in each or "[a link](" in each] == []
    assert all("\\<img" in each for each in marked if "<img" in each)


@pytest.mark.parametrize("address", [{"labeler": "NOBODY"}, {"from": "x"}, {"from": "-5"}, {"from": "9999"}])
def test_odd_addresses_are_no_error(open_page: OpenPage, store: Path, address: dict[str, str]) -> None:
    open_page(store, "labelers", **address)
