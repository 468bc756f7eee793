"""The dashboard's own routes: pictures, crops, and the page around one live candidate."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select, update
from starlette.applications import Starlette
from starlette.middleware import Middleware

from refine.api.browsing import inspect_chain
from refine.dashboard.app import PAGE_POLICY, LocalOnly, PageHeaders
from refine.dashboard.frames import FrameGate, LiveCandidate, Stage, live_routes
from refine.dashboard.pictures import crop_path, picture_path, picture_routes
from refine.dashboard.source import SOURCES, VARIABLE
from refine.dashboard.static import ASSETS, asset_routes, asset_url
from store.blobs import put_blob
from store.database import Database
from store.tables import CRITIQUE, PICTURE
from tests.dashboard.lively import make_lively, webp

HOME = "http://127.0.0.1:8501"


@pytest.fixture
def lively(writable: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    monkeypatch.setenv(VARIABLE, str(writable.path))
    yield writable.write_now(make_lively)
    SOURCES.close()


@pytest.fixture
def stage() -> Stage:
    return Stage()


def asking(stage: Stage, *, client: str = "127.0.0.1") -> httpx.AsyncClient:
    app = Starlette(
        routes=[*asset_routes(), *picture_routes(), *live_routes(stage)],
        middleware=[Middleware(LocalOnly), Middleware(FrameGate), Middleware(PageHeaders)],
    )

    async def on_port(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "server": ("127.0.0.1", 8501)}, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(on_port, client=(client, 5)), base_url=HOME)


def sha_of(database: Database, view: str = "desktop") -> str:
    query = select(PICTURE.c.content_sha256).where(PICTURE.c.view == view).order_by(PICTURE.c.id)
    return str(database.read(lambda connection: connection.execute(query).scalars().first()))


async def test_a_picture_is_kept_for_good_and_can_do_nothing(
    writable: Database, lively: dict[str, str], stage: Stage
) -> None:
    async with asking(stage) as client:
        answer = await client.get(picture_path(sha_of(writable), "desktop"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert answer.content == webp("red")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        f"/picture/{'0' * 64}/desktop",
        "/picture/SHA/phone",
        "/picture/SHA/poster",
        "/picture/..%2f..%2fetc/desktop",
        "/picture/x/desktop",
        "/crop/01J00000000000000000000000",
        "/crop/x",
        "/crop/%27%20OR%201=1",
    ],
)
async def test_what_is_no_picture_is_not_found(
    writable: Database, lively: dict[str, str], stage: Stage, path: str
) -> None:
    async with asking(stage) as client:
        answer = await client.get(path.replace("SHA", sha_of(writable)))
    assert answer.status_code == 404


async def test_a_picture_of_a_type_that_we_never_make_is_not_sent(
    writable: Database, lively: dict[str, str], stage: Stage
) -> None:
    sha = sha_of(writable)
    writable.write_now(lambda connection: connection.execute(update(PICTURE).values(media_type="text/html")))
    async with asking(stage) as client:
        assert (await client.get(picture_path(sha, "desktop"))).status_code == 404


async def test_a_crop_is_shown_and_never_kept(writable: Database, lively: dict[str, str], stage: Stage) -> None:
    def crop(connection: Connection) -> str:
        key, ulid = connection.execute(select(CRITIQUE.c.id, CRITIQUE.c.ulid).order_by(CRITIQUE.c.id)).first() or (
            0,
            "",
        )
        connection.execute(
            update(CRITIQUE).where(CRITIQUE.c.id == key).values(crop_id=put_blob(connection, webp("lime")))
        )
        return str(ulid)

    ulid = writable.write_now(crop)
    async with asking(stage) as client:
        answer = await client.get(crop_path(ulid))
    assert (answer.status_code, answer.content) == (200, webp("lime"))
    assert answer.headers["cache-control"] == "no-store"
    assert inspect_chain(writable, lively["chain"]).crops == {ulid}


async def test_other_machines_get_no_picture_and_no_live_page(
    writable: Database, lively: dict[str, str], stage: Stage
) -> None:
    link = stage.make_link(live(lively), viewer="v")
    async with asking(stage, client="10.1.2.3") as client:
        assert (await client.get(picture_path(sha_of(writable), "desktop"))).status_code == 403
        assert (await client.get(link)).status_code == 403


def live(ids: dict[str, str], name: str = "draft 1") -> LiveCandidate:
    return LiveCandidate(chain=ids["chain"], candidate=ids["escape"], name=name)


def frame_of(page: str) -> tuple[str, str]:
    """The frame's address and the path its candidate is got from."""
    found = re.search(r'<refine-frame src="([^"]+)" page="([^"]+)"', page)
    assert found
    return found[1], found[2]


async def test_a_live_page_frames_its_own_frame_alone(lively: dict[str, str], stage: Stage) -> None:
    async with asking(stage) as client:
        answer = await client.get(stage.make_link(live(lively, "<b>draft</b>"), viewer="v"))
        src, page = frame_of(answer.text)
        assert answer.status_code == 200
        assert "&lt;b&gt;draft" in answer.text
        assert "<b>draft" not in answer.text
        assert re.fullmatch(r"http://c-[a-z2-7]{20}\.localhost:8501/frame", src)
        assert f"frame-src {src};" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        files = await client.get(page)
    assert "waiting" in files.json()["html"]


async def test_opening_another_live_page_ends_the_one_before(lively: dict[str, str], stage: Stage) -> None:
    async with asking(stage) as client:
        _, first = frame_of((await client.get(stage.make_link(live(lively), viewer="v"))).text)
        _, second = frame_of((await client.get(stage.make_link(live(lively), viewer="v"))).text)
        assert (await client.get(first)).status_code == 404
        assert (await client.get(second)).status_code == 200
        client.cookies.clear()
        assert (await client.get(second)).status_code == 404, "a token alone opens nothing"
        client.cookies.set("refine_live", "somebody else")
        assert (await client.get(second)).status_code == 404


async def test_a_link_that_is_old_forged_or_of_another_start_opens_nothing(lively: dict[str, str]) -> None:
    stage = Stage(lifetime=timedelta(seconds=-1))
    links = [stage.make_link(live(lively), viewer="v"), "/live/forged", Stage().make_link(live(lively), viewer="v")]
    async with asking(stage) as client:
        for link in links:
            answer = await client.get(link)
            assert answer.status_code == 404
            assert "no longer good" in answer.text


async def test_a_frame_s_hostname_has_its_document_and_nothing_of_ours(
    writable: Database, lively: dict[str, str], stage: Stage
) -> None:
    link = stage.make_link(live(lively), viewer="v")
    host = {"host": f"c-{'a' * 20}.localhost:8501"}
    async with asking(stage) as client:
        assert (await client.get("/frame", headers=host)).status_code == 200
        for path in (link, picture_path(sha_of(writable), "desktop"), "/", "/chain", asset_url("live.js")):
            assert (await client.get(path, headers=host)).status_code == 404


async def test_a_live_page_goes_to_the_address_that_its_frame_lets_in(lively: dict[str, str], stage: Stage) -> None:
    link = stage.make_link(live(lively), viewer="v")
    async with asking(stage) as client:
        moved = await client.get(link, headers={"host": "localhost:8501"})
        assert (moved.status_code, moved.headers["location"]) == (307, f"{HOME}{link}")
        for headers in ({"host": "dash.example"}, {"x-forwarded-for": "8.8.8.8"}):
            assert (await client.get(link, headers=headers)).status_code == 403


async def test_links_of_a_session_stay_the_same(lively: dict[str, str], stage: Stage) -> None:
    kept: dict[str, tuple[float, str]] = {}
    assert stage.keep_link(kept, live(lively), viewer="v") == stage.keep_link(kept, live(lively), viewer="v")
    brief = Stage(lifetime=timedelta(0))
    kept.clear()
    assert brief.keep_link(kept, live(lively), viewer="v") != brief.keep_link(kept, live(lively), viewer="v")


async def test_pages_bring_a_policy_and_keep_their_own(lively: dict[str, str], stage: Stage) -> None:
    async with asking(stage) as client:
        nothing = await client.get("/nothing")
        assert nothing.headers["content-security-policy"] == PAGE_POLICY
        assert "frame-ancestors 'none'" in PAGE_POLICY
        frame = await client.get("/frame", headers={"host": f"c-{'a' * 20}.localhost:8501"})
        assert "sandbox allow-scripts allow-forms" in frame.headers["content-security-policy"]


async def test_scripts_are_kept_for_good_under_a_name_of_their_own(lively: dict[str, str], stage: Stage) -> None:
    async with asking(stage) as client:
        for name in ASSETS:
            answer = await client.get(asset_url(name))
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["content-type"].startswith("text/")
        assert (await client.get("/asset/0000000000000000/live.js")).status_code == 404
