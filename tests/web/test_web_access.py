"""Getting in, staying out: links, cookies, origins, other people's work, limits."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from refine.api.labelers import disable_labeler, revoke_access
from refine.delivery import Sites
from refine.settings import ProjectSettings
from refine.web.limits import Buckets
from store.projects import create_project
from tests.web.house import House, open_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path / "refine.db") as opened:
        yield opened


async def test_a_link_opens_one_session_once(house: House) -> None:
    code = house.link("ann").partition("#")[2]
    async with house.visitor() as first, house.visitor() as second:
        assert (await first.post("/enter", json={"code": code})).json() == {"next": "/"}
        assert (await first.get("/")).status_code == 200
        refused = await second.post("/enter", json={"code": code})
        assert (refused.status_code, refused.json()["code"]) == (403, "no_entry")
        assert (await second.get("/")).headers["location"] == "/enter"


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_of_other_sites(house: House) -> None:
    code = house.link("ann").partition("#")[2]
    async with house.visitor() as client:
        cookie = (await client.post("/enter", json={"code": code})).headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/"))


async def test_behind_https_the_cookie_is_for_https_and_this_host_alone(tmp_path: Path) -> None:
    sites = Sites(host="https://label.example.org")
    async with open_house(tmp_path / "refine.db", sites=sites) as house, house.visitor() as client:
        answer = await client.post("/enter", json={"code": house.link("ann").partition("#")[2]})
        assert answer.headers["set-cookie"].startswith("__Host-refine=")
        assert "Secure" in answer.headers["set-cookie"]
        page = await client.get("/")
        assert (page.status_code, "Strict-Transport-Security" in page.headers) == (200, True)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:8001"])
async def test_a_post_from_another_site_changes_nothing(house: House, origin: str) -> None:
    async with house.labeler("ann") as ann:
        assignment = await ann.claim()
        ann.client.headers["Origin"] = origin
        for answer in (
            await ann.submit(assignment, [["A"], ["B"], ["C"]]),
            await ann.client.post("/leave"),
            await ann.client.post("/next"),
            await ann.client.post("/language", data={"language": "vi"}),
        ):
            assert answer.status_code == 403
        assert house.rankings() == []
        assert (await ann.client.get("/")).status_code == 200


async def test_a_post_that_does_not_say_where_it_comes_from_changes_nothing(house: House) -> None:
    async with house.labeler("ann") as ann:
        del ann.client.headers["Origin"]
        assert (await ann.client.post("/leave")).status_code == 403
        same = await ann.client.post("/leave", headers={"Sec-Fetch-Site": "same-origin"})
        assert same.status_code == 303


async def test_only_json_is_taken_where_scripts_post(house: House) -> None:
    async with house.labeler("ann") as ann:
        assignment = await ann.claim()
        answer = await ann.client.post(
            f"/assignment/{assignment}/skip",
            content='{"key": "0123456789abcdef"}',
            headers={"Content-Type": "text/plain"},
        )
        assert (answer.status_code, answer.json()["code"]) == (415, "not_json")


async def test_another_labelers_assignment_is_not_there(house: House) -> None:
    async with house.labeler("ann") as ann, house.labeler("ben") as ben:
        assignment = await ann.claim()
        assert (await ben.client.get(f"/assignment/{assignment}")).status_code == 404
        key = {"key": "0123456789abcdef"}
        bodies: dict[str, dict[str, Any]] = {
            "draft": {"revision": 0, "payload": {"why": "mine"}},
            "beat": {**key, "active_s": 5},
            "questions": {"ranking": [["A", "B", "C"]]},
            "skip": key,
            "report": {**key, "candidate": "A"},
            "reopen": key,
        }
        for path, body in bodies.items():
            answer = await ben.post(f"/assignment/{assignment}/{path}", **body)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_yours"), path
        assert (await ben.submit(assignment, [["A", "B", "C"]])).status_code == 404
        assert house.rankings() == []


async def test_a_page_is_given_to_the_labeler_it_is_shown_to_and_to_nobody_else(house: House) -> None:
    async with house.labeler("ann") as ann, house.labeler("ben") as ben, house.visitor() as nobody:
        path = (await ann.data(await ann.claim()))["frames"][0]["page"]
        assert (await ann.client.get(path)).status_code == 200
        assert (await ben.client.get(path)).status_code == 404
        assert (await nobody.get(path)).status_code == 404


async def test_a_revoked_or_disabled_labeler_is_out_at_once(house: House) -> None:
    async with house.labeler("ann") as ann, house.labeler("ben") as ben:
        assignment = await ann.claim()
        page = (await ann.data(assignment))["frames"][0]["page"]
        revoke_access(house.database, "ann")
        disable_labeler(house.database, "ben")
        assert (await ann.submit(assignment, [["A", "B", "C"]])).json()["code"] == "signed_out"
        assert (await ann.client.get(page)).status_code == 404
        for client in (ann.client, ben.client):
            assert (await client.get("/")).headers["location"] == "/enter"


async def test_a_labeler_of_another_project_sees_nothing_of_this_one(house: House) -> None:
    house.database.write_now(create_project, "elsewhere", ProjectSettings(panel="people"))
    async with house.labeler("ann", projects=["elsewhere"]) as ann:
        assert "next" not in (await ann.post("/claim")).json()
        home = (await ann.client.get("/")).text
        assert ("elsewhere" in home, "<h3>pages</h3>" in home) == (True, False)


async def test_signing_out_ends_the_session(house: House) -> None:
    async with house.labeler("ann") as ann:
        cookie = f"refine_session={ann.client.cookies['refine_session']}"
        async with house.visitor(Cookie=cookie) as copy:
            assert (await copy.get("/")).status_code == 200
            await ann.client.post("/leave")
            assert (await copy.get("/")).headers["location"] == "/enter"


async def test_another_device_gets_in_by_a_link_of_its_own(house: House) -> None:
    async with house.labeler("ann") as ann, house.visitor() as other:
        page = (await ann.client.post("/device")).text
        code = page.partition("/enter#")[2].partition("<")[0]
        assert (await other.post("/enter", json={"code": code})).status_code == 200
        assert (await other.get("/")).status_code == 200


async def test_guessing_links_is_slowed_down(house: House) -> None:
    async with house.visitor() as client:
        answers = [await client.post("/enter", json={"code": f"guess-{n}"}) for n in range(25)]
    assert {answer.status_code for answer in answers} == {403, 429}
    assert int(answers[-1].headers["Retry-After"]) > 0


async def test_every_page_forbids_framing_and_foreign_scripts(house: House) -> None:
    async with house.labeler("ann") as ann:
        assignment = await ann.claim()
        for path in ("/", "/enter", "/statement", "/tutorial/1", f"/assignment/{assignment}", "/nothing"):
            headers = (await ann.client.get(path)).headers
            policy = headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy, path
            assert "script-src 'self';" in policy
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Cache-Control"] == "no-store"


async def test_health_answers_to_any_name_and_pages_only_to_their_own(house: House) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=house.app), base_url="http://10.0.0.7") as probe:
        assert (await probe.get("/healthz")).json() == {"ok": True}
        assert (await probe.get("/readyz")).status_code == 200
        assert (await probe.get("/enter")).status_code == 421


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "", "/\nx"])
async def test_choosing_a_language_leads_back_to_this_site_only(house: House, back: str) -> None:
    async with house.visitor() as client:
        answer = await client.post("/language", data={"language": "vi", "back": back})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert 'lang="vi"' in (await client.get("/enter")).text


async def test_the_language_follows_the_browser_until_one_is_chosen(house: House) -> None:
    async with house.visitor(**{"Accept-Language": "fr, zh-CN;q=0.8, es;q=0.9"}) as client:
        assert 'lang="es"' in (await client.get("/enter")).text


def test_a_bucket_gives_what_it_holds_and_then_what_flows_in() -> None:
    now = [0.0]
    bucket = Buckets(per_s=2, burst=3, clock=lambda: now[0])
    assert [bucket.take("a") for _ in range(3)] == [0, 0, 0]
    assert bucket.take("a") == pytest.approx(0.5)
    assert bucket.take("b") == 0
    now[0] = 0.5
    assert bucket.take("a") == 0
    assert bucket.take("a") > 0
