"""An assignment over HTTP: claimed, drafted, handed in once, taken up again; what never reaches a browser."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.api.reading import read_chain
from store.ids import now
from store.tables import ASSIGNMENT
from tests.conftest import IS_FULL
from tests.web.house import PROMPTS, House, open_house, page_data

ULID = re.compile(r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b")
CRITIQUE = {"candidate": "A", "text": "The text is too pale to read.", "aim": "improve", "category": "look"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path / "refine.db", rounds=2, criteria=("appeal",), pay_rate_usd_hour=12) as opened:
        yield opened


async def test_an_assignment_goes_from_claim_to_statement_and_the_chain_goes_on(house: House) -> None:
    async with house.labeler("ann") as ann:
        assignment = await ann.claim()
        page = (await ann.client.get(f"/assignment/{assignment}")).text
        assert PROMPTS[0] in page
        data = page_data(page)
        assert [each["label"] for each in data["frames"]] == ["A", "B", "C"]
        answer = await ann.submit(
            assignment,
            [["B"], ["A", "C"]],
            critiques=[CRITIQUE],
            why="It can be read.",
            criteria={"appeal": [["B"], ["A"]]},
            active_s=30,
        )
        assert answer.json()["isNew"] is True
        (ranking,) = house.rankings()
        assert [len(group) for group in ranking.groups] == [1, 2]
        await house.wait_for_round(2)
        assert (await ann.client.get("/statement")).text.count('class="tag') == 1
        done = (await ann.client.get(f"/assignment/{assignment}")).text
        assert ("The text is too pale to read." in done, "It can be read." in done) == (True, True)


async def test_in_the_next_round_they_are_asked_whether_it_is_fixed_after_they_have_ranked(house: House) -> None:
    async with house.labeler("ann") as ann:
        first = await ann.claim()
        wrong = await ann.true_critiques(await ann.data(first))
        critiques = [{**CRITIQUE, "candidate": letter, "text": text} for letter, text in wrong.items()]
        best = next(iter(wrong))
        await ann.submit(first, [[best], sorted(set("ABC") - {best})], critiques=critiques)
        await house.wait_for_round(2)
        second = await ann.claim()
        data = await ann.data(second)
        assert data["hasQuestions"] is True
        assert wrong[best] not in (await ann.client.get(f"/assignment/{second}")).text
        letters = [each["label"] for each in data["frames"]]
        early = await ann.post(f"/assignment/{second}/questions", ranking=[[letters[0]]])
        assert (early.status_code, early.json()["code"]) == (409, "not_ranked")
        asked = (await ann.post(f"/assignment/{second}/questions", ranking=[letters])).json()["questions"]
        assert wrong[best] in {each["text"] for each in asked}
        assert all(each["pages"] for each in asked)
        answer = await ann.submit(second, [letters], follow_ups={each["id"]: "fixed" for each in asked})
        assert answer.status_code == 200, answer.text


async def test_handing_in_twice_is_handing_in_once(house: House) -> None:
    async with house.labeler("ann") as ann:
        assignment = await ann.claim()
        answers = await asyncio.gather(*(ann.submit(assignment, [["A"], ["B"], ["C"]]) for _ in range(5)))
        assert sorted(each.json()["isNew"] for each in answers) == [False] * 4 + [True]
        other = await ann.submit(assignment, [["C"], ["B"], ["A"]], key="another-key-0123456789")
        assert (other.status_code, other.json()["code"]) == (409, "not_taken")
        assert len(house.rankings()) == 1


async def test_a_lapsed_lease_takes_the_finished_work(house: House) -> None:
    async with house.labeler("ann") as ann:
        assignment = await ann.claim()
        past = now() - timedelta(hours=20)
        house.database.write_now(lambda it: it.execute(ASSIGNMENT.update().values(lease_expires_at=past)).rowcount)
        assert (await ann.submit(assignment, [["A"], ["B"], ["C"]])).json()["isNew"] is True


async def test_what_is_not_ranked_at_all_is_asked_for(house: House) -> None:
    async with house.labeler("ann") as ann:
        assignment = await ann.claim()
        answer = await ann.submit(assignment, [["A"]], unjudgeable={"B": "blank"})
        assert (answer.status_code, answer.json()) == (409, {"code": "not_ranked", "detail": "C"})


async def test_a_draft_is_there_on_every_device_and_the_older_one_is_told(house: House) -> None:
    async with house.labeler("ann") as ann:
        assignment = await ann.claim()
        save = {"revision": 0, "payload": {"shelves": [["A"]]}}
        assert (await ann.post(f"/assignment/{assignment}/draft", **save)).json() == {"revision": 1}
        assert (await ann.data(assignment))["draft"] == {"revision": 1, "payload": {"shelves": [["A"]]}}
        late = await ann.post(f"/assignment/{assignment}/draft", revision=0, payload={"shelves": [["B"]]})
        assert (late.status_code, late.json()["code"], late.json()["revision"]) == (409, "other_device", 1)
        assert late.json()["payload"] == {"shelves": [["A"]]}


async def test_what_was_handed_in_can_be_changed_until_the_round_closes(tmp_path: Path) -> None:
    async with open_house(tmp_path / "refine.db", rankings_per_round=2) as house, house.labeler("ann") as ann:
        assignment = await ann.claim()
        await ann.submit(assignment, [["A"], ["B"], ["C"]], critiques=[CRITIQUE])
        page = (await ann.client.get(f"/assignment/{assignment}")).text
        assert 'id="reopen"' in page
        assert (await ann.post(f"/assignment/{assignment}/reopen", key="reopen-0123456789")).status_code == 200
        data = await ann.data(assignment)
        assert data["handedIn"]["shelves"] == [["A"], ["B"], ["C"]]
        assert data["handedIn"]["notes"][0]["text"] == CRITIQUE["text"]
        answer = await ann.submit(assignment, [["C"], ["B"], ["A"]], key="second-0123456789abc")
        assert answer.json()["isNew"] is True
        assert len(house.rankings()) == 1
        async with house.labeler("ben") as ben:
            await ben.submit(await ben.claim(), [["A", "B", "C"]])
        await house.wait_for_round(2)
        closed = await ann.post(f"/assignment/{assignment}/reopen", key="reopen-again-0123456")
        assert closed.status_code == 409


async def test_a_skipped_assignment_goes_to_somebody_else(house: House) -> None:
    async with house.labeler("ann") as ann, house.labeler("ben") as ben:
        assignment = await ann.claim()
        answer = await ann.post(f"/assignment/{assignment}/skip", key="skip-0123456789abc", reason="not my language")
        assert answer.json() == {"next": "/"}
        later = (await ann.client.post("/next")).text
        assert page_data(later)["reason"] == "all_done"
        assert (await ben.claim()) != assignment


async def test_a_reported_page_is_shown_to_nobody_any_more(house: House) -> None:
    async with house.labeler("ann") as ann, house.labeler("ben") as ben:
        assignment = await ann.claim()
        page = (await ann.data(assignment))["frames"][1]["page"]
        answer = await ann.post(
            f"/assignment/{assignment}/report", key="report-0123456789ab", candidate="B", reason="It is cruel."
        )
        assert answer.status_code == 200
        assert (await ann.client.get(page)).status_code == 404
        assert "next" not in (await ben.post("/claim")).json()


async def test_time_counts_what_was_active_and_no_break(house: House) -> None:
    async with house.labeler("ann") as ann:
        assignment = await ann.claim()
        beat = await ann.post(f"/assignment/{assignment}/beat", key="beat-0123456789abc", active_s=61_200)
        assert beat.json()["activeS"] < 30  # what has passed since the claim


async def test_terms_come_before_work_and_are_accepted_once(tmp_path: Path) -> None:
    terms = "You may stop at any time.\n<b>Nobody</b> sees your name."
    async with open_house(tmp_path / "refine.db", terms=terms) as house, house.labeler("ann") as ann:
        page = (await ann.client.post("/next")).text
        assert "&lt;b&gt;Nobody&lt;/b&gt;" in page
        version = re.findall(r'name="version" value="([^"]+)"', page)[0]
        wrong = await ann.client.post("/terms", data={"project": "pages", "version": "another"})
        assert wrong.status_code == 400
        unknown = await ann.client.post("/terms", data={"project": "secret", "version": version})
        assert unknown.status_code == 404
        answer = await ann.client.post("/terms", data={"project": "pages", "version": version})
        assert answer.headers["location"].startswith("/assignment/")


async def test_a_prompt_of_markup_stays_text(tmp_path: Path) -> None:
    hostile = '</script><script>alert(1)</script> & \u2028 "quoted"'
    async with open_house(tmp_path / "refine.db", instructions=hostile) as house, house.labeler("ann") as ann:
        page = (await ann.client.get(f"/assignment/{await ann.claim()}")).text
        assert "<script>alert" not in page


async def test_nothing_that_reaches_a_browser_says_who_or_what_made_a_page(house: House) -> None:
    async with house.labeler("ann") as ann, house.labeler("ben") as ben:
        first = await ann.claim()
        for frame in (await ann.data(first))["frames"]:
            await ann.client.get(frame["page"])
        await ann.submit(first, [["B"], ["A"], ["C"]], critiques=[CRITIQUE])
        await house.wait_for_round(2)
        for who in (ann, ben):
            data = await who.data(await who.claim()) if who is ann else {"frames": []}
            for frame in data["frames"]:
                await who.client.get(frame["page"])
            for path in ("/", "/statement", f"/assignment/{first}"):
                await who.client.get(path)
    sent = "\n".join(house.seen)
    names = {row.generator for row in house.candidates()} | {
        "demo/scripted",
        "scripted",
        "incumbent",
        "challenger",
        "perturb",
    }
    assert [name for name in names if name and name in sent] == []
    ids = {row.ulid for row in house.candidates()}
    assert ids & set(ULID.findall(sent)) == set()
    assert {
        row.content_sha256[:12] for row in house.candidates() if row.content_sha256 and row.content_sha256[:12] in sent
    } == set()
    assert len(house.seen) > 12


async def test_nobody_sees_what_others_said(tmp_path: Path) -> None:
    async with open_house(tmp_path / "refine.db", rankings_per_round=3) as house:
        async with house.labeler("Annabella") as ann:
            await ann.submit(await ann.claim(), [["A"], ["B"], ["C"]], critiques=[CRITIQUE], why="ANNSWHY")
        house.seen.clear()
        async with house.labeler("ben") as ben:
            assignment = await ben.claim()
            for path in (f"/assignment/{assignment}", "/", "/statement"):
                await ben.client.get(path)
            await ben.post(f"/assignment/{assignment}/questions", ranking=[["A", "B", "C"]])
            await ben.submit(assignment, [["A"], ["B"], ["C"]])
            await ben.client.get(f"/assignment/{assignment}")
        assert [
            text for text in (CRITIQUE["text"], "ANNSWHY", "Annabella") if any(text in each for each in house.seen)
        ] == []


async def test_the_tutorial_says_what_there_was_to_see_and_stores_nothing(house: House) -> None:
    async with house.labeler("ann") as ann:
        data = page_data((await ann.client.get("/tutorial/1")).text)
        pages = [(await ann.client.get(each["page"])).text for each in data["frames"]]
        assert all("closest to the Sun" in page for page in pages)
        right = await ann.post("/tutorial/1/check", ranking=[["A"], ["B"]])
        wrong = await ann.post("/tutorial/1/check", ranking=[["B"], ["A"]])
        assert (right.json()["seen"], wrong.json()["seen"]) == (
            [{"name": "1.dead_button", "isSeen": True}],
            [{"name": "1.dead_button", "isSeen": False}],
        )
        second = await ann.post("/tutorial/2/check", ranking=[["A", "C"]], unjudgeable={"B": "empty"})
        assert [each["isSeen"] for each in second.json()["seen"]] == [True, True]
        assert (await ann.client.get("/tutorial/3")).status_code == 404
    assert house.rankings() == []


async def test_what_was_said_reaches_the_chains_story(house: House) -> None:
    anchor = {"kind": "element", "selector": "main > p", "box": [1, 2.5, 30, 40], "viewport": [390, 600]}
    note = {**CRITIQUE, "anchor": {**anchor, "state": {"tried_s": 3}, "trail": [{"at_s": 1, "what": "used"}]}}
    async with house.labeler("ann") as ann:
        assignment = await ann.claim()
        answer = await ann.submit(assignment, [["A"], ["B"]], unjudgeable={"C": "It is empty."}, critiques=[note])
        assert answer.status_code == 200, answer.text
    chain = read_chain(house.database, house.chains[0])
    (critique,) = [each for round in chain.rounds for ranking in round.rankings for each in ranking.critiques]
    assert critique.text == CRITIQUE["text"]
    assert critique.anchor is not None
    assert (critique.anchor["selector"], critique.anchor["state"]) == ("main > p", {"tried_s": 3})


async def test_a_page_as_it_stood_goes_with_the_note_that_was_pinned_to_it(house: House) -> None:
    async with house.labeler("ann") as ann, house.labeler("ben") as ben:
        assignment = await ann.claim()
        path = f"/assignment/{assignment}/page"
        kept = (await ann.post(path, html="<p>as it stood")).json()["snapshot"]
        assert (await ben.post(path, html="<p>mine")).status_code == 404
        assert (await ann.post(path, html="x" * 600_000)).status_code == 409
        assert (await ann.post(path, html="x" * 2_000_000)).status_code == 413
        anchor = {"kind": "region", "box": [1, 2, 3, 4], "viewport": [390, 600]}
        note = {**CRITIQUE, "anchor": anchor, "snapshot": kept}
        tried = {"A": [4.5, 3], "B": [0, 0]}
        answer = await ann.submit(assignment, [["A"], ["B"], ["C"]], critiques=[note], tried=tried, device="desktop")
        assert answer.status_code == 200, answer.text
    ((told, html),) = house.pinned()
    assert (told["box"], html.partition("\n")[2]) == ([1, 2, 3, 4], "<p>as it stood")
    assert (sorted(house.tried()[0].values()), house.tried()[1]) == ([[0.0, 0], [4.5, 3]], "desktop")


@pytest.mark.parametrize(
    "wrong",
    [
        {"tried": {"A": [-1, 0]}},
        {"tried": {"A": [1, 2, 3]}},
        {"tried": {"Z": [1, 2]}},
        {"tried": {"A": [1, 1.5]}},
        {"device": "watch"},
        {"critiques": [{**CRITIQUE, "snapshot": "../etc"}]},
    ],
)
async def test_what_a_page_cannot_have_counted_is_refused(house: House, wrong: dict[str, Any]) -> None:
    async with house.labeler("ann") as ann:
        answer = await ann.submit(await ann.claim(), [["A"], ["B"], ["C"]], **wrong)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_taken")


async def test_standing_by_a_ranking_is_answered_alike_and_shown_as_said(tmp_path: Path) -> None:
    async with open_house(tmp_path / "refine.db", rankings_per_round=2) as house, house.labeler("ann") as ann:
        assignment = await ann.claim()
        path = f"/assignment/{assignment}/dispute"
        assert (await ann.post(path, reason="It is right.")).status_code == 409
        await ann.submit(assignment, [["A"], ["B"], ["C"]])
        assert f'data-stand="{assignment}"' in (await ann.client.get("/statement")).text
        assert (await ann.post(path, reason="  ")).status_code == 409
        for _ in range(2):
            assert (await ann.post(path, reason="It is right.")).json() == {"ok": True}
        page = (await ann.client.get("/statement")).text
        assert "You stand by this" in page and "data-stand" not in page
        assert "checks hidden" not in page  # too few to tell


async def test_pages_put_away_on_a_phone_are_pictures_where_all_have_one(house: House) -> None:
    house.add_pictures(but=1)
    async with house.labeler("ann") as ann, house.labeler("ben") as ben:
        assignment = await ann.claim()
        assert [each for each in (await ann.data(assignment))["frames"] if "picture" in each] == []
        house.add_pictures()
        paths = [each["picture"] for each in (await ann.data(assignment))["frames"]]
        assert len(set(paths)) == 3
        answer = await ann.client.get(paths[0])
        assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("image/webp", "no-store")
        assert answer.content.startswith(b"RIFF")
        assert (await ben.client.get(paths[0])).status_code == 404
        assert (await ann.client.get("/picture/nothing")).status_code == 404
        async with house.visitor() as stranger:
            assert (await stranger.get(paths[0])).status_code == 404
        await ann.post(f"/assignment/{assignment}/skip", key="skip-0123456789abc")
        assert (await ann.client.get(paths[0])).status_code == 404


# --- Whatever is sent ---------------------------------------------------------------------------------------------

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
LETTER = st.sampled_from(["A", "B", "C", "D", "Z", "", "a", "AB", "\u0000"])
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "key": st.sampled_from(["0123456789abcdef", "short", "", None, 5]),
        "beat_key": st.sampled_from(["0123456789abcdef", None]),
        "ranking": st.lists(st.lists(LETTER, max_size=4), max_size=4) | JSON,
        "unjudgeable": st.dictionaries(LETTER, st.text(max_size=20), max_size=3) | JSON,
        "critiques": st.lists(
            st.fixed_dictionaries({"candidate": LETTER, "text": st.text(max_size=40)}, optional={"anchor": JSON}),
            max_size=3,
        )
        | JSON,
        "criteria": st.dictionaries(st.sampled_from(["appeal", "x"]), st.lists(st.lists(LETTER)), max_size=2) | JSON,
        "follow_ups": st.dictionaries(st.text(max_size=26), st.sampled_from(["fixed", "no"]), max_size=2) | JSON,
        "active_s": st.floats(allow_nan=False, allow_infinity=False) | JSON,
        "why": st.text(max_size=50) | JSON,
        "reason": st.text(max_size=50) | JSON,
        "candidate": LETTER | JSON,
        "revision": st.integers(-5, 5) | JSON,
        "payload": JSON,
        "code": st.text(max_size=300) | JSON,
        "html": st.text(max_size=40) | st.sampled_from(["\x00", "<p>" * 9000]) | JSON,
        "tried": st.dictionaries(
            LETTER,
            st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 2**40), max_size=3),
            max_size=2,
        )
        | JSON,
        "device": st.sampled_from(["phone", "x", None]) | JSON,
    },
)
PATHS = ("draft", "beat", "questions", "page", "submit", "dispute", "skip", "report", "reopen")


async def test_whatever_is_posted_is_answered_and_never_an_error_of_ours(tmp_path: Path) -> None:
    async with (
        open_house(tmp_path / "refine.db", rankings_per_round=500, criteria=("appeal",), is_limited=False) as house,
        house.labeler("ann") as ann,
    ):
        ann.client.headers["Connection"] = "close"
        assignment = await ann.claim()
        loop = asyncio.get_running_loop()

        async def ask(path: str, body: Any, form: dict[str, str], raw: bytes) -> list[int]:
            answers = [
                await ann.client.post(path, json=body) if body is not None else await ann.client.post(path),
                await ann.client.post("/terms", data=form),
                await ann.client.post("/language", content=raw),
                await ann.client.post(path, content=raw, headers={"Content-Type": "application/json"}),
            ]
            return [each.status_code for each in answers]

        @settings(max_examples=500 if IS_FULL else 25)
        @given(
            path=st.sampled_from(
                [
                    *(f"/assignment/{assignment}/{each}" for each in PATHS),
                    "/enter",
                    "/tutorial/1/check",
                    "/assignment/x/submit",
                ]
            ),
            body=NEARLY | JSON,
            form=st.dictionaries(st.sampled_from(["project", "version", "x"]), st.text(max_size=20), max_size=3),
            raw=st.binary(max_size=60)
            | st.sampled_from([b'{"key":"0123456789abcdef","active_s":1e999}', b'{"code":"\\ud800"}', b"[" * 5000]),
        )
        def fuzz(path: str, body: Any, form: dict[str, str], raw: bytes) -> None:
            statuses = asyncio.run_coroutine_threadsafe(ask(path, body, form, raw), loop).result(60)
            assert max(statuses) < 500, (path, body, form, raw, statuses)

        await asyncio.to_thread(fuzz)
