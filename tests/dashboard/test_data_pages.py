"""Models, data and actions on several chains: figures, rows that lead back, and what is written where."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from refine.dashboard.folders import folder_of
from refine.dashboard.source import SOURCES, Source
from store.chains import list_chains
from store.database import Database
from store.opening import open_database
from tests.dashboard.conftest import OpenPage
from tests.dashboard.made_store import HOSTILE, make_story, order

Story = tuple[Path, dict[str, str]]


@pytest.fixture
def own(tmp_path: Path) -> Story:
    """A database of the test's own, to act on."""
    with open_database(tmp_path / "refine.db") as database:
        return tmp_path / "refine.db", database.write_now(make_story)


def rows(page: AppTest, n: int) -> list[dict[str, object]]:
    return list(page.dataframe[n].value.to_dict("records"))


def test_the_models_page_says_what_fits_what_wins_and_at_what_price(open_page: OpenPage, story: Story) -> None:
    page = open_page(story[0], "models")
    (line,) = rows(page, 0)
    assert (line["model"], line["calls"], line["made"]) == ("some/model", 5, 6)
    assert str(line["blocks that fit"]).startswith("100%")
    assert str(line["won"]).endswith("of 1")
    assert line["price of a win"] == "$0.50"
    assert rows(page, 2) == [{"check": "blank", "candidates": 1, "model": "some/model"}]


def test_the_data_page_counts_rows_and_says_what_left_others_out(open_page: OpenPage, story: Story) -> None:
    page = open_page(story[0], "data", export="dpo_round")
    found = {str(row["export"]): (row["rows"], row["left out"]) for row in rows(page, 0)}
    assert found == {"sft_final": (1, 2), "dpo_round": (2, 0), "trajectory": (3, 0)}
    assert any("2 of chains that have not ended" in each.value for each in page.caption)
    listed = rows(page, 1)
    assert {row["chain"] for row in listed} == {story[1]["better"]}
    assert [row["round"] for row in listed] == ["1", "2"]


def test_filters_of_the_data_page_are_in_its_address(open_page: OpenPage, story: Story) -> None:
    page = open_page(story[0], "data", least="0.95", export="dpo_round")
    found = {str(row["export"]): row["rows"] for row in rows(page, 0)}
    assert found["dpo_round"] == 1, "the pair of round two has P 0.9"
    page = open_page(story[0], "data", uses="commercial")
    assert [row["rows"] for row in rows(page, 0)] == [0, 0, 0]


def test_an_export_is_written_beside_the_database_and_nowhere_else(open_page: OpenPage, own: Story) -> None:
    page = open_page(own[0], "data")
    box = next(each for each in page.text_input if each.key == "write-folder")
    box.set_value("../out").run()
    assert any("Letters, digits" in each.value for each in page.caption)
    box = next(each for each in page.text_input if each.key == "write-folder")
    box.set_value("first").run()
    next(each for each in page.button if each.key == "write").click().run()
    assert not page.exception
    folder = own[0].parent / "exports" / "first"
    assert sorted(each.name for each in folder.iterdir()) == ["dpo_round", "sft_final", "trajectory"]
    assert (folder / "sft_final" / "train.jsonl").read_bytes().count(b"\n") == 1
    assert "Left out: 2 of chains that have not ended" in (folder / "sft_final" / "README.md").read_text()
    assert len(page.success) == 1


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc", "a\\b", "a b", "-a", ".git", "a" * 81, "é"])
def test_names_that_lead_elsewhere_are_no_folders(writable: Database, name: str) -> None:
    source = Source(writable.path)
    assert folder_of(source, name) is None
    source.close()


def test_a_link_in_the_place_of_a_folder_is_not_followed(writable: Database, tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "out").symlink_to(tmp_path)
    source = Source(writable.path)
    assert folder_of(source, "out") is None
    assert folder_of(source, "in") == tmp_path / "exports" / "in"
    source.close()


def test_several_chains_are_stopped_and_those_that_ended_are_named(open_page: OpenPage, own: Story) -> None:
    page = open_page(own[0], "chains", several="true")
    page.checkbox(key="take-all").check().run()
    page.button(key="bulk-begin").click().run()
    page.button(key="bulk-stop").click().run()
    assert not page.exception
    (said,) = [each.value for each in page.success]
    assert said.startswith("1 chain stopped") and "2 left as they were" in said
    states = {str(row["chain"]): row["state"] for row in rows(page, 0)}
    assert states[own[1]["waits"]] == "stopped by a person"


@pytest.fixture
def ordered(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "refine.db") as database:
        database.write_now(order, "old", {f"k{n}": f"Prompt {n}" for n in range(3)})
        yield database


def run_with_ticks(page: AppTest, ticked: tuple[str, tuple[int, ...]], click: str | None = None) -> AppTest:
    """As a browser does: it sends the ticks of a table again with every click, by the id that the table had then."""
    if click is not None:
        page.button(key=click).click()
    states = page._tree.get_widget_states()
    table, numbers = ticked
    selection = {"selection": {"rows": numbers, "columns": [], "cells": []}}
    states.widgets.append(WidgetState(id=table, string_value=json.dumps(selection)))
    page._run(states)
    assert not page.exception
    return page


def stopped(database: Database) -> set[str]:
    chains = database.read(list_chains)
    return {it.record.prompt for it in chains if it.record.stop_reason == "stopped"}


def comes(database: Database, prompt: str) -> None:
    database.write_now(order, "new", {"n": prompt})
    SOURCES.get(database.path).look_again()


def test_a_tick_stays_with_its_chain_when_others_come_into_the_list(open_page: OpenPage, ordered: Database) -> None:
    page = open_page(ordered.path, "chains", several="true")
    ticked = page.dataframe[0].proto.id, (0,)
    assert rows(page, 0)[0]["prompt"] == "Prompt 2"
    assert run_with_ticks(page, ticked).button(key="bulk-begin").label == "Act on 1 chain"
    comes(ordered, "Nobody ticked this")
    run_with_ticks(page, ticked, "bulk-begin")
    assert rows(page, 0)[0]["prompt"] == "Nobody ticked this"
    assert any("Tick the chains to act on" in each.value for each in page.caption)
    assert [each.key for each in page.button if each.key == "bulk-stop"] == []


def test_the_ticked_chains_are_stopped_when_others_come_before_it_is_confirmed(
    open_page: OpenPage, ordered: Database
) -> None:
    page = open_page(ordered.path, "chains", several="true")
    ticked = page.dataframe[0].proto.id, (0,)
    run_with_ticks(page, ticked)
    run_with_ticks(page, ticked, "bulk-begin")
    comes(ordered, "Nobody ticked this")
    run_with_ticks(page, ticked, "bulk-stop")
    assert stopped(ordered) == {"Prompt 2"}


def test_all_of_a_list_are_those_of_when_it_was_asked(open_page: OpenPage, ordered: Database) -> None:
    page = open_page(ordered.path, "chains", several="true")
    page.checkbox(key="take-all").check().run()
    page.button(key="bulk-begin").click().run()
    comes(ordered, "Nobody was asked about this")
    page.run()
    assert len(rows(page, 0)) == 4
    page.button(key="bulk-stop").click().run()
    assert page.success[0].value.startswith("3 chains stopped")
    assert stopped(ordered) == {"Prompt 0", "Prompt 1", "Prompt 2"}


def test_other_filters_and_other_ticks_end_what_was_asked(open_page: OpenPage, ordered: Database) -> None:
    page = open_page(ordered.path, "chains", several="true")
    table = page.dataframe[0].proto.id
    run_with_ticks(page, (table, (0,)))
    run_with_ticks(page, (table, (0,)), "bulk-begin")
    run_with_ticks(page, (table, (0, 1)), "bulk-stop")
    assert stopped(ordered) == set()
    run_with_ticks(page, (table, (0, 1)), "bulk-begin")
    page.text_input(key="text").set_value("Prompt 0")
    run_with_ticks(page, (table, (0, 1)), "bulk-stop")
    assert stopped(ordered) == set()
    assert [row["prompt"] for row in rows(page, 0)] == ["Prompt 0"]


def test_who_may_not_act_sees_no_actions(open_page: OpenPage, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFINE_OPERATOR_KEY", "k" * 43)
    page = open_page(story[0], "data")
    assert [each.key for each in page.button if each.key == "write"] == []
    page = open_page(story[0], "chains", several="true")
    assert [each.key for each in page.button if str(each.key).startswith("bulk")] == []
    assert "k" * 43 not in repr(page)


def test_chains_are_found_by_the_model_that_wrote_for_them(open_page: OpenPage, story: Story) -> None:
    page = open_page(story[0], "chains", model="some/model")
    assert {row["chain"] for row in rows(page, 0)} == {story[1]["better"], story[1]["waits"]}
    assert not open_page(story[0], "chains", model="another/model").dataframe


@pytest.mark.parametrize("name", ["models", "data", "waste"])
def test_words_of_others_are_never_markup_on_these_pages(open_page: OpenPage, story: Story, name: str) -> None:
    page = open_page(story[0], name)
    marked = [each.value for kind in ("markdown", "caption", "subheader") for each in getattr(page, kind)]
    assert [each for each in marked if HOSTILE[:20] in each] == []


@pytest.mark.parametrize("name", ["models", "data"])
def test_an_empty_store_says_so(open_page: OpenPage, writable: Database, name: str) -> None:
    assert open_page(writable.path, name).info


def test_a_damaged_chain_is_named_and_the_others_are_counted(open_page: OpenPage, own: Story) -> None:
    import sqlite3

    with sqlite3.connect(own[0]) as driver:
        driver.execute("UPDATE verdict SET verdict = '{broken' WHERE id = 1")
    SOURCES.close()
    page = open_page(own[0])
    assert any("1 damaged chain is in no figure" in each.value for each in page.warning)
    assert next(each.value for each in page.metric if each.label == "Chains ended") == "1 of 2"
