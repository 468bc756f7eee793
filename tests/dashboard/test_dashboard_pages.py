"""Every page, run by Streamlit's own runner over a real store."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from store.database import Database
from store.opening import open_database
from tests.dashboard.conftest import OpenPage
from tests.dashboard.made_store import HOSTILE, make_story, order

Story = tuple[Path, dict[str, str]]
VIEWS = ("Story", "Rounds", "Family", "Lines", "Compare", "Calls", "Events")


def metrics(page: AppTest) -> dict[str, tuple[str, str]]:
    return {each.label: (each.value, each.delta) for each in page.metric}


def texts(page: AppTest) -> list[str]:
    return [each.value for each in page.text]


def test_the_overview_shows_what_the_store_holds(open_page: OpenPage, story: Story) -> None:
    shown = metrics(open_page(story[0]))
    assert shown["Models"] == ("\\$0.50", "750 tokens")
    assert shown["People"] == ("\\$3.10", "5 min of work")
    assert shown["Chains ended"] == ("2 of 3", "none failed")
    assert shown["Rankings awaited"][0] == "1"
    assert shown["Final beats first"] == ("–", "no audit round yet")


def test_the_overview_compares_spending_with_the_budget(open_page: OpenPage, story: Story) -> None:
    (row,) = open_page(story[0]).dataframe[-1].value.to_dict("records")
    assert row["budget"] == "$50.00"
    assert row["spent of it"] == pytest.approx(3.6 / 50)


def test_without_a_database_the_page_says_how_to_get_one(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(tmp_path / "none.db")
    assert "there is no database here" in texts(page)[0]
    assert "refine demo" in page.code[0].value


def test_a_file_that_is_no_database_is_said_to_be_none(open_page: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("notes, not a database")
    assert "is not a database" in texts(open_page(tmp_path / "notes.db"))[0]


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ({}, {"better", "waits", "stopped"}),
        ({"text": "SUNDIAL"}, {"waits"}),
        ({"state": "ended"}, {"better", "stopped"}),
        ({"stop": "all rounds used"}, {"better"}),
        ({"gain": "improved"}, {"better"}),
        ({"cost": "1"}, {"better"}),
        ({"age": "an hour"}, {"better", "waits", "stopped"}),
        ({"text": "100%"}, set()),
        ({"project": "clocks", "state": "waits for feedback"}, {"waits"}),
    ],
)
def test_the_address_of_the_list_says_which_chains_are_in_it(
    open_page: OpenPage, story: Story, address: dict[str, str], found: set[str]
) -> None:
    page = open_page(story[0], "chains", **address)
    listed = set(page.dataframe[0].value["chain"]) if page.dataframe else set()
    assert listed == {story[1][name] for name in found}


def test_the_most_expensive_chain_can_come_first(open_page: OpenPage, story: Story) -> None:
    listed = open_page(story[0], "chains", sort="most expensive first").dataframe[0].value
    assert list(listed["chain"])[:2] == [story[1]["better"], story[1]["waits"]]
    assert list(listed["people"])[:2] == [pytest.approx(3.0), pytest.approx(0.1)]


def test_turning_pages_shows_every_chain_once(open_page: OpenPage, tmp_path: Path) -> None:
    with open_database(tmp_path / "refine.db") as database:
        database.write_now(order, "many", {f"p{n}": f"Page {n}" for n in range(60)})
    page = open_page(tmp_path / "refine.db", "chains")
    seen = list(page.dataframe[0].value["chain"])
    while not page.button[1].disabled:
        page.button[1].click().run()
        seen += list(page.dataframe[0].value["chain"])
    assert (len(seen), len(set(seen))) == (60, 60)
    assert page.query_params["after"]
    page.text_input[0].set_value("Page 1").run()  # another list begins at its first page
    assert "after" not in page.query_params
    assert len(page.dataframe[0].value) == 11


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_of_a_chain_opens_from_its_address(open_page: OpenPage, story: Story, view: str) -> None:
    page = open_page(story[0], "chain", chain=story[1]["better"], view=view)
    assert page.segmented_control[0].value == view
    assert metrics(page)["Final page"] == ("of round 2", "revision 1 of round 2, after 2 rounds")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", ["waits", "stopped"])
def test_a_chain_that_is_not_done_can_be_looked_at(open_page: OpenPage, story: Story, name: str, view: str) -> None:
    open_page(story[0], "chain", chain=story[1][name], view=view)


@pytest.mark.parametrize("view", VIEWS)
def test_words_of_others_are_never_read_as_markup(open_page: OpenPage, story: Story, view: str) -> None:
    page = open_page(story[0], "chain", chain=story[1]["better"], view=view)
    marked = [each.value for kind in ("markdown", "caption", "subheader", "header") for each in getattr(page, kind)]
    marked += [each.label for each in page.expander]
    marked += [each.proto.body for each in page.get("html")]
    assert [each for each in marked if "<img" in each or "**bold**" in each or "[a link](" in each] == []
    assert any(HOSTILE in each for each in texts(page)), "the prompt is shown as it is"


def test_the_story_leads_from_a_critique_to_its_rating(open_page: OpenPage, story: Story) -> None:
    page = open_page(story[0], "chain", chain=story[1]["better"])
    assert f"“{HOSTILE}”" in texts(page)
    assert any("won the round" in each.value and "+1.50" in each.value for each in page.markdown)
    assert "+padding: 1em;" in page.code[0].value
    assert "-color: #999;" in page.code[0].value


def test_a_line_can_be_traced_to_the_round_that_brought_it(open_page: OpenPage, story: Story) -> None:
    page = open_page(story[0], "chain", chain=story[1]["better"], view="Lines", later="true")
    rows = page.dataframe[0].value.to_dict("records")
    assert [(row["code"], row["round"], row["for"]) for row in rows] == [
        ("button { color: #111;", 2, "i1"),
        ("padding: 1em; }", 2, "i1"),
    ]


def test_the_family_says_which_check_dropped_a_candidate(open_page: OpenPage, story: Story) -> None:
    page = open_page(story[0], "chain", chain=story[1]["better"], view="Family")
    said = {row["candidate"]: row["dropped because"] for row in page.dataframe[0].value.to_dict("records")}
    assert said["revision 2 of round 2"].startswith("blank: blank <img")
    assert said["revision 1 of round 2"] == ""


def test_a_call_is_shown_with_its_prompt_and_its_reply(open_page: OpenPage, story: Story) -> None:
    page = open_page(story[0], "chain", chain=story[1]["better"], view="Calls")
    assert len(page.dataframe[0].value) == 5
    assert not page.code
    call = next(each.value for each in page.dataframe)
    assert set(call["step"]) == {"draft", "distil", "revise"}


def test_an_unknown_chain_is_one_line(open_page: OpenPage, story: Story) -> None:
    page = open_page(story[0], "chain", chain="01NOSUCHCHAIN")
    assert any("01NOSUCHCHAIN" in each for each in texts(page))
    assert not page.metric


def test_no_chain_chosen_points_at_the_list(open_page: OpenPage, story: Story) -> None:
    assert "No chain is chosen" in open_page(story[0], "chain").info[0].value


def test_the_waste_page_shows_every_way_of_wasting(open_page: OpenPage, story: Story) -> None:
    page = open_page(story[0], "waste")
    rows = {row["spent on"]: row for row in page.dataframe[0].value.to_dict("records")}
    assert rows["candidates dropped before people saw them"]["dollars"] == pytest.approx(0.07)
    assert len(rows) == 5
    assert metrics(page)["Cost of an accepted improvement"] == ("\\$3.60", "1 improvement accepted")
    assert metrics(page)["Critiques never applied"] == ("0 of 2", "1 applied, 1 praise")


def test_an_empty_store_says_what_to_do(open_page: OpenPage, writable: Database) -> None:
    assert "refine batch" in open_page(writable.path).info[0].value
    assert open_page(writable.path, "waste").info
    assert open_page(writable.path, "chains").info


def test_what_was_written_is_seen_when_the_page_runs_again(
    open_page: OpenPage, writable: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refine.dashboard.source._LOOK_S", 0.0)
    page = open_page(writable.path)
    writable.write_now(make_story)
    assert metrics(page.run())["Chains ended"] == ("2 of 3", "none failed")
