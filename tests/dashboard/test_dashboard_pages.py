"""Every page, run by Streamlit's own runner over a real store."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from streamlit.testing.v1 import AppTest

from refine.api.reading import read_chain
from refine.dashboard.places import TITLES
from store import blobs, labelers
from store.chains import list_chains, load_chain
from store.database import Database
from store.ids import write_time
from store.opening import open_database
from tests.api.test_decisions import make_project
from tests.dashboard.conftest import OpenPage
from tests.dashboard.lively import make_lively
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


def test_the_overview_says_what_waits_and_for_whom(open_page: OpenPage, story: Story) -> None:
    waits = open_page(story[0]).dataframe[2].value.to_dict("records")
    assert [(row["rankings"], row["for"], row["prompt"]) for row in waits] == [("1 of 2", "people", "A sundial")]


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
    (looks,) = [each.proto.query_string for each in page.get("page_link")]
    assert "view=Compare&before=draft+1&after=revision+1+of+round+2" in looks
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


@pytest.fixture
def lively(writable: Database) -> tuple[Path, dict[str, str]]:
    return writable.path, writable.write_now(make_story) | writable.write_now(make_lively)


def shown_pictures(page: AppTest) -> list[dict[str, Any]]:
    """What the component of pictures was given, the last of it."""
    return [json.loads(each.proto.json) for each in page.get("bidi_component")]


def test_a_round_has_its_pictures_with_what_people_pointed_at(open_page: OpenPage, lively: Story) -> None:
    page = open_page(lively[0], "chain", chain=lively[1]["chain"], view="Rounds")
    (given,) = shown_pictures(page)
    first, second = given["row"]
    assert (first["name"], second["name"]) == ("draft 1", "draft 2")
    assert first["src"].startswith("/picture/")
    assert [(mark["n"], mark["at"], mark["text"]) for mark in first["marks"]] == [(1, [0.05, 0.1], HOSTILE)]
    assert [(mark["n"], len(mark["strokes"])) for mark in second["marks"]] == [(2, 1)]
    assert first["live"].startswith("/live/")
    assert page.run() and shown_pictures(page) == [given], "nothing changes where nothing has changed"
    phone = open_page(lively[0], "chain", chain=lively[1]["chain"], view="Rounds", **{"as": "Phone"})
    ((none, one),) = [each["row"] for each in shown_pictures(phone)]
    assert (none["src"], one["src"][-6:]) == (None, "/phone")


def test_without_pictures_one_line_says_how_to_get_them(open_page: OpenPage, story: Story) -> None:
    for view in ("Rounds", "Compare"):
        page = open_page(story[0], "chain", chain=story[1]["better"], view=view)
        (said,) = [each.value for each in page.caption if "refine db pictures" in each.value]
        assert str(story[0]) in said
        assert all(card["src"] is None for given in shown_pictures(page) for card in given["row"])


def test_before_and_after_lie_one_over_the_other(open_page: OpenPage, lively: Story) -> None:
    page = open_page(lively[0], "chain", chain=lively[1]["chain"], view="Compare", before="draft 2", after="draft 1")
    (given,) = shown_pictures(page)
    assert [each["name"] for each in given["compare"]] == ["draft 2", "draft 1"]
    assert [each.proto.url.split("/")[1] for each in page.get("link_button")] == ["live", "live"]


def test_the_slider_of_rounds_replays_the_chain(open_page: OpenPage, story: Story) -> None:
    page = open_page(story[0], "chain", chain=story[1]["better"], view="Rounds", round="2")
    slider = page.select_slider(key="round")
    assert slider.value == "2"
    assert [card["name"] for card in shown_pictures(page)[0]["row"]] == ["revision 1 of round 2", "draft 1"]
    slider.set_value("1").run()
    assert [card["name"] for card in shown_pictures(page)[0]["row"]] == ["draft 1", "draft 2"]
    assert any("Two labelers agree by +1.00" in each.value for each in page.caption)


def test_an_operator_forks_a_chain_and_comes_to_the_fork(open_page: OpenPage, lively: Story) -> None:
    page = open_page(lively[0], "chain", chain=lively[1]["better"])
    page.number_input(key="fork-rounds").set_value(9)
    page.selectbox(key="fork-after").set_value(1)
    page.button(key="fork").click().run()
    forked = page.query_params["chain"]
    assert forked != lively[1]["better"]
    assert forked in page.success[0].value
    with open_database(lively[0], read_only=True) as database:
        stored = database.read(load_chain, forked)
    assert (stored.record.parent_chain, stored.settings.rounds, stored.settings.model) == (
        lively[1]["better"],
        9,
        "demo/scripted",
    )


@pytest.mark.parametrize("gate", [0.5, 0.995, 0.999999])
def test_a_chain_with_any_gate_that_settings_take_is_shown_and_forked(
    open_page: OpenPage, writable: Database, gate: float
) -> None:
    writable.write_now(make_project, gate=gate)
    chain = writable.read(list_chains)[0].record.id
    page = open_page(writable.path, "chain", chain=chain)
    assert page.number_input(key="fork-gate").value == gate
    page.number_input(key="fork-rounds").set_value(9)
    page.button(key="fork").click().run()
    assert writable.read(load_chain, page.query_params["chain"]).settings.gate == gate


def test_an_operator_steers_a_chain(open_page: OpenPage, lively: Story) -> None:
    page = open_page(lively[0], "chain", chain=lively[1]["chain"])
    page.selectbox(key="pinned").set_value(lively[1]["calm"])
    page.button(key="pin").click().run()
    assert "draft 2 becomes the incumbent" in page.success[0].value
    page.number_input(key="priority").set_value(-5)
    page.button(key="prioritise").click().run()
    page.button(key="pause").click().run()
    assert metrics(page)["State"][0] == "paused"
    page.button(key="resume").click().run()
    page.button(key="stop").click().run()
    assert metrics(page)["State"] == ("ended", "stopped by a person")
    assert not [each for each in page.button if each.key in ("pause", "stop", "pin")]
    with open_database(lively[0], read_only=True) as database:
        record = database.read(load_chain, lively[1]["chain"]).record
    assert (record.pinned, record.priority, record.stop_reason) == (lively[1]["calm"], -5, "stopped")


def test_a_viewer_is_offered_nothing_but_to_sign_in(
    open_page: OpenPage, lively: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFINE_OPERATOR_KEY", "a key of the operator's")
    for view in ("Story", "Rounds"):
        page = open_page(lively[0], "chain", chain=lively[1]["chain"], view=view)
        assert {each.key for each in page.button if each.key} == {"operator-enter"}
        assert not page.get("download_button")


def test_what_can_be_read_of_a_damaged_chain_is_shown_and_the_damage_is_said(
    open_page: OpenPage, writable: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = writable.write_now(make_story)

    def damage(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE plan SET plan = '{\"version\": 1}'")
        connection.exec_driver_sql("UPDATE verdict SET verdict = '{}'")
        better = "SELECT id FROM candidate WHERE chain_id = (SELECT id FROM chain ORDER BY id LIMIT 1)"
        held = f"SELECT max(blob_id) FROM candidate_file WHERE candidate_id IN ({better})"
        connection.exec_driver_sql(f"UPDATE blob SET data = x'00' WHERE id = ({held})")

    writable.write_now(damage)
    monkeypatch.setattr(blobs, "_recent", blobs.RecentBytes(0))
    for view in VIEWS:
        page = open_page(writable.path, "chain", chain=ids["better"], view=view)
        assert page.error[0].value.startswith("This chain is damaged: ")
        said = texts(page)
        for part in ("files of candidate", "plan of round 1", "verdict of round 1", "verdict of round 2"):
            assert any(each.startswith(part) for each in said), part
        assert metrics(page)["State"] == ("ended", "all rounds used")


def test_a_chain_that_was_left_in_the_middle_says_so(
    open_page: OpenPage, writable: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refine.dashboard.source._LOOK_S", 0.0)
    ids = writable.write_now(make_story)
    writable.write_now(lambda connection: connection.exec_driver_sql("UPDATE chain SET state = 'active'"))
    page = open_page(writable.path, "chain", chain=ids["waits"])
    assert any("Nobody runs this chain now" in each.value for each in page.caption)

    def own(connection: Connection) -> None:
        at = write_time(datetime(2026, 1, 1, tzinfo=UTC))
        row = ("01", "h", 1, "f", at, at)
        connection.exec_driver_sql(
            "INSERT INTO owner (ulid, host, pid, lock_file, started_at, seen_at) VALUES (?, ?, ?, ?, ?, ?)", row
        )
        connection.exec_driver_sql("UPDATE chain SET owner_id = 1")

    writable.write_now(own)
    page = open_page(writable.path, "chain", chain=ids["waits"])
    assert any("Left in the middle" in each.value for each in page.caption)


def test_many_critiques_come_in_pages_and_keep_their_numbers(open_page: OpenPage, writable: Database) -> None:
    ids = writable.write_now(make_lively, many=45)
    page = open_page(writable.path, "chain", chain=ids["chain"], view="Rounds", said="3")
    numbers = [each.value.split(" · ")[0] for each in page.caption if " · L" in each.value]
    assert numbers == [str(n) for n in range(41, 50)]
    words = [each for each in texts(page) if each.startswith("Word ")]
    assert words[-1] == "Word 44"


def test_a_call_in_the_journal_names_people_by_their_pseudonyms(open_page: OpenPage, story: Story) -> None:
    page = open_page(story[0], "chain", chain=story[1]["better"], view="Events")
    about = list(page.dataframe[0].value["about"])
    assert any("labeler L1" in each for each in about)
    assert any("winner revision 1 of round 2" in each for each in about)


def test_a_line_and_a_call_open_from_their_address(open_page: OpenPage, story: Story) -> None:
    page = open_page(story[0], "chain", chain=story[1]["better"], view="Lines", line="5")
    assert any("**Line 5** was brought by" in each.value for each in page.markdown)
    assert HOSTILE in texts(page)
    with open_database(story[0], read_only=True) as database:
        calls = read_chain(database, story[1]["better"]).calls
    for view in ("Calls", "Events"):
        page = open_page(story[0], "chain", chain=story[1]["better"], view=view, call=calls[2].id)
        assert HOSTILE in [each.value for each in page.code]
        assert any("absent" in each.value for each in page.caption), "no reasoning was returned, and that is said"


def test_no_page_holds_a_secret(open_page: OpenPage, lively: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    def invite(connection: Connection) -> list[str]:
        return [labelers.add_labeler(connection, "eve").secret, labelers.create_link(connection, "eve").code]

    with open_database(lively[0]) as database:
        secrets = database.write_now(invite)
    secrets += ["sk-a-key-of-a-provider", "a key of the operator's"]
    monkeypatch.setenv("OPENAI_API_KEY", secrets[-2])
    monkeypatch.setenv("REFINE_OPERATOR_KEY", secrets[-1])
    pages: list[tuple[str, dict[str, str]]] = [(name, {}) for name in TITLES]
    pages += [("chain", {"chain": lively[1]["better"], "view": it}) for it in ("Rounds", "Calls", "Events")]
    for name, address in pages:
        page = open_page(lively[0], name, **address)
        if address.get("view") == "Rounds":
            page.text_input(key="operator_key").set_value(secrets[-1])
            page.button(key="operator-enter").click().run()
            assert page.success
        held = repr(page.main) + repr(page.session_state)
        assert [secret for secret in secrets if secret in held] == []
