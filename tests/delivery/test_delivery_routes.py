"""The routes, over HTTP: who gets what, with which headers."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from refine.delivery import (
    FrameHosts,
    PageRecord,
    Sites,
    Tokens,
    delivery_app,
    frame_html,
    host_headers,
    host_script_tag,
)
from refine.delivery.headers import FRAME_POLICY
from refine.types import CodeFile

SITES = Sites(host="http://localhost:8000", frames="http://{label}.localhost:8000")
ONE = Sites(host="http://localhost:8000")
TOKENS = Tokens(b"s" * 32)
FILES = (
    CodeFile(filename="index.html", content="<script src='https://cdn.jsdelivr.net/npm/lodash@4'></script><p>mine"),
    CodeFile(filename="made-by-gpt.css", content="p{}"),
)


async def lookup(token: str) -> PageRecord | None:
    claims = TOKENS.open(token)
    if claims is None or not claims.is_for(claims.audience):
        return None
    return PageRecord(files=FILES, audience=claims.audience)


def who(request: Request) -> str | None:
    return request.cookies.get("who")


def client(sites: Sites) -> httpx.AsyncClient:
    app = FrameHosts(Starlette(routes=[Mount(sites.prefix, delivery_app(lookup, who, sites))]), sites)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=sites.host)


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    async with client(SITES) as opened:
        yield opened


async def page(web: httpx.AsyncClient, token: str, who: str | None, **headers: str) -> httpx.Response:
    cookies = {"cookie": f"who={who}"} if who else {}
    return await web.get(SITES.page_path(token), headers={**cookies, **headers})


async def test_a_candidate_is_given_to_its_audience(web: httpx.AsyncClient) -> None:
    answer = await page(web, TOKENS.mint("c", audience="ann"), "ann")
    assert answer.status_code == 200
    assert answer.json()["html"].endswith("<p>mine")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


async def test_a_token_opens_nothing_for_anybody_else(web: httpx.AsyncClient) -> None:
    token = TOKENS.mint("c", audience="ann")
    expired = Tokens(b"s" * 32, lifetime=timedelta(seconds=-1)).mint("c", audience="ann")
    refused = [
        await page(web, token, "bob"),
        await page(web, token, None),
        await page(web, token[:-1] + ("A" if token[-1] != "A" else "B"), "ann"),
        await page(web, "guess", "ann"),
        await page(web, expired, "ann"),
        await page(web, token, "ann", **{"sec-fetch-site": "cross-site"}),
        await page(web, token, "ann", origin="null"),
    ]
    assert {(answer.status_code, answer.text) for answer in refused} == {(404, "There is nothing here.")}


async def test_a_frames_document_holds_nothing_of_a_candidate_and_has_every_header(web: httpx.AsyncClient) -> None:
    url = SITES.frame_url(TOKENS.mint("c", audience="ann"))
    answer = await web.get(url)
    assert answer.status_code == 200
    assert "mine" not in answer.text
    assert answer.headers["content-security-policy"] == f"{FRAME_POLICY}; frame-ancestors http://localhost:8000"
    assert "allow-same-origin" not in FRAME_POLICY
    assert answer.headers["connection-allowlist"] == f'("{url}?")'
    assert {"camera=()", "geolocation=()", "usb=()"} <= set(answer.headers["permissions-policy"].split(", "))
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-dns-prefetch-control"] == "off"


async def test_hosts_of_frames_serve_one_document_and_hosts_of_nobody_none(web: httpx.AsyncClient) -> None:
    token = TOKENS.mint("c", audience="ann")
    frame = SITES.frame_url(token).removesuffix("/frame")
    assert (await web.get(f"{frame}{SITES.page_path(token)}", headers={"cookie": "who=ann"})).status_code == 404
    assert (await web.get(f"{frame}/")).status_code == 404
    assert (await web.post(f"{frame}/frame")).status_code == 404
    assert (await web.get(f"http://rebound.example:8000{SITES.page_path(token)}")).status_code == 421
    assert (await web.get("/delivery/frame/c-aaaaaaaaaaaaaaaaaaaa")).status_code == 404


async def test_one_host_serves_frames_at_paths_with_the_same_headers() -> None:
    async with client(ONE) as web:
        answer = await web.get(ONE.frame_url(TOKENS.mint("c", audience="ann")))
        assert (
            "sandbox allow-scripts allow-forms; frame-ancestors http://localhost:8000"
            in answer.headers["content-security-policy"]
        )
        assert (await web.get("/delivery/frame/other")).status_code == 404


async def test_libraries_are_cached_for_good_and_come_packed(web: httpx.AsyncClient) -> None:
    given = (await page(web, TOKENS.mint("c", audience="ann"), "ann")).json()
    (asset,) = [each for each in given["assets"] if "url" in each]
    answer = await web.get(asset["url"])
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "lodash" in answer.text
    plain = await web.get(asset["url"], headers={"accept-encoding": "identity"})
    assert plain.text == answer.text
    assert (await web.get("/delivery/library/000000000000000000000000/x.js")).status_code == 404


async def test_a_style_sheet_of_fonts_is_made_anew_in_another_process(web: httpx.AsyncClient) -> None:
    from refine.delivery.addresses import parse_address
    from refine.delivery.libraries import find

    wanted = parse_address("https://fonts.googleapis.com/css2?family=Inter:wght@400&family=Nobody+Knows")
    assert wanted is not None
    found = find(wanted, "style")
    assert found is not None
    url = f"/delivery/library/{found.library.key}/fonts.css"
    answer = await web.get(url, params={"family": "Inter"})
    assert answer.text.startswith('@font-face{font-family:"Inter"')
    assert (await web.get(url, params={"family": "Lato"})).status_code == 404


async def test_no_name_of_a_model_or_a_candidate_is_in_what_a_browser_gets_before_the_page(
    web: httpx.AsyncClient,
) -> None:
    token = TOKENS.mint("01HXCANDIDATE-gpt-5", audience="ann")
    around = (
        frame_html(SITES, token, label="A")
        + host_script_tag(SITES)
        + json.dumps(host_headers([SITES.frame_url(token)]))
    )
    document = await web.get(SITES.frame_url(token))
    given: dict[str, Any] = (await page(web, token, "ann")).json()
    assert set(given) == {"html", "entry", "pages", "files", "assets"}
    text = (around + document.text + str(document.headers)).lower()
    assert [
        word for word in ("01hx", "gpt", "claude", "model", "candidate", "incumbent", "round") if word in around.lower()
    ] == []
    assert "01hx" not in text + json.dumps(given).lower()


def test_a_page_around_frames_can_frame_nothing_else() -> None:
    urls = [SITES.frame_url("a"), SITES.frame_url("b")]
    policy = host_headers(urls)["Content-Security-Policy"]
    assert f"frame-src {urls[0]} {urls[1]};" in policy
    assert "frame-ancestors 'none'" in policy
    assert "frame-src 'none'" in host_headers([])["Content-Security-Policy"]
