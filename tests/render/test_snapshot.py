"""Snapshots of pages as they stood: drawn where they were, and nothing in them runs, asks or stays."""

import io
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image

from refine.errors import RenderError
from refine.render import Renderer, RenderSettings
from refine.render.settings import Size
from refine.render.snapshot import LEAST, MARGIN, MAX_BYTES, MAX_CROP_BYTES, SnapshotSite, SnapshotVisit, crop

pytestmark = pytest.mark.asyncio(loop_scope="module")

GREEN = (0, 170, 0)
RED = (255, 0, 0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    async with Renderer(RenderSettings(with_accessibility=False)) as renderer:
        yield renderer


def pixels(webp: bytes) -> "np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]":
    assert len(webp) <= MAX_CROP_BYTES
    with Image.open(io.BytesIO(webp), formats=["WEBP"]) as image:
        return np.asarray(image.convert("RGB"))


def has(webp: bytes, colour: tuple[int, int, int]) -> bool:
    return bool((np.abs(pixels(webp).astype(int) - colour).max(axis=-1) <= 2).any())


BOX = (400.0, 300.0, 120.0, 40.0)
PLACED = "<div style='position:absolute;left:400px;top:300px;width:120px;height:40px;background:#0a0'></div>"


async def test_the_crop_is_what_is_around_the_box(renderer: Renderer) -> None:
    made = pixels(await renderer.draw_snapshot(PLACED.encode(), viewport=(900, 700), box=BOX))
    assert made.shape == (LEAST[1], LEAST[0], 3)
    green = (made == GREEN).all(axis=-1)
    assert green.sum() == 120 * 40
    rows, columns = np.flatnonzero(green.any(axis=1)), np.flatnonzero(green.any(axis=0))
    assert (rows[0], columns[0]) == ((160 - 40) // 2, (240 - 120) // 2)
    assert (made[0, 0] == 255).all()


async def test_the_page_and_what_scrolls_in_it_stand_where_they_did(renderer: Renderer) -> None:
    inner = f"<div style='height:2000px;position:relative'>{PLACED.replace('top:300px', 'top:1300px')}</div>"
    html = f"<body style='margin:0'><div data-refine-scroll='0 1000' style='height:700px;overflow:auto'>{inner}</div>"
    assert has(await renderer.draw_snapshot(html.encode(), viewport=(900, 700), box=BOX), GREEN)
    assert has(await renderer.draw_snapshot(inner.encode(), viewport=(900, 700), box=BOX, scroll=(0, 1000)), GREEN)
    assert not has(await renderer.draw_snapshot(inner.encode(), viewport=(900, 700), box=BOX), GREEN)


async def test_form_values_pictures_in_the_markup_and_what_had_moved_in_are_drawn(renderer: Renderer) -> None:
    dot = Image.new("RGB", (1, 1), GREEN)
    kept = io.BytesIO()
    dot.save(kept, "PNG")
    import base64

    data = base64.b64encode(kept.getvalue()).decode()
    placed = "position:absolute;left:400px;top:300px;width:120px;height:40px"
    picture = f"<img style='{placed}' src='data:image/png;base64,{data}'>"
    assert has(await renderer.draw_snapshot(picture.encode(), viewport=(900, 700), box=BOX), GREEN)
    moved = f"<style>@keyframes k {{ from {{ opacity:0 }} }} div {{ animation: k 60s both }}</style>{PLACED}"
    assert has(await renderer.draw_snapshot(moved.encode(), viewport=(900, 700), box=BOX), GREEN)


RED_PAGE = "<body style=background:red>"
HOSTILE = {
    "script": "<script>document.body.style.background='red'</script>",
    "handler": "<img src=x onerror=\"document.body.style.background='red'\">",
    "svg": "<svg onload=\"document.body.style.background='red'\"></svg>",
    "refresh": f'<meta http-equiv=refresh content="0;url=data:text/html,{RED_PAGE}">',
    "refresh elsewhere": "<meta http-equiv=refresh content='0;url=http://snapshot.localhost/again'>",
    "frame": "<iframe srcdoc=\"<script>parent.document.body.style.background='red'</script>\"></iframe>",
    "framed data": f"<iframe style='position:fixed;right:0;bottom:0' src='data:text/html,{RED_PAGE}'></iframe>",
    "object": f"<object style='position:fixed;right:0;bottom:0' data='data:text/html,{RED_PAGE}'></object>",
    "style elsewhere": "<link rel=stylesheet href='http://127.0.0.1:9/red.css'><style>@import url(http://127.0.0.1:9/red.css)</style>",
    "base": "<base href='http://127.0.0.1:9/'><img src=a.png><video src=v.mp4 autoplay></video>",
    "policy": "<meta http-equiv=content-security-policy content=\"script-src 'unsafe-inline'\"><script>document.body.style.background='red'</script>",
    "form": "<form action='http://127.0.0.1:9/' id=f><button autofocus></button></form><script>f.submit()</script>",
    "not closed": "<!--<script>",
    "no html": "\x00\x01\x02\xff",
}


async def test_nothing_in_a_snapshot_runs_leaves_or_is_fetched(renderer: Renderer) -> None:
    browser = await renderer._browser()
    settings = renderer.settings
    for name, attack in HOSTILE.items():
        body = f"<body style='margin:0'>{PLACED}{attack}</body>"
        made = await renderer.draw_snapshot(body.encode(), viewport=(900, 700), box=(0, 0, 900, 700))
        assert has(made, GREEN) or name == "not closed", name
        assert not has(made, RED), name
    # What it asked for was asked of us, and refused: the site had but one answer to give.
    site = SnapshotSite(b"<img src='http://127.0.0.1:9/x.png'><img src='/y.png'><link rel=prefetch href='//z.test/'>")
    visit = SnapshotVisit(browser, site, settings, viewport=Size(width=300, height=300), scroll=(0, 0))
    assert (await visit.run()).outcome == "ok"
    assert all(each.result == "blocked" for each in site.asked)


async def test_the_attacks_do_work_in_a_page_that_is_run(renderer: Renderer) -> None:
    """Or the test above would prove nothing."""
    from tests.render.conftest import page

    for name in ("script", "handler", "svg", "frame", "policy"):
        report = await renderer.render(page(f"<body style='margin:0'>{PLACED}{HOSTILE[name]}</body>"))
        (desktop,) = [shot for shot in report.shots if shot.name == "desktop"]
        with Image.open(io.BytesIO(report.pictures[desktop.sha256])) as image:
            assert image.convert("RGB").getpixel((1000, 700)) == RED, name


async def test_values_out_of_reason_are_brought_into_it(renderer: Renderer) -> None:
    nan = float("nan")
    for viewport, box in (
        ((10**9, -5), (nan, float("inf"), -1e300, 1e300)),
        ((0, 0), (-500, -500, 10, 10)),
        ((300, 300), (299.9, 299.9, 0, 0)),
    ):
        made = pixels(await renderer.draw_snapshot(b"<p>x", viewport=viewport, box=box, scroll=(nan, 1e300)))
        assert made.shape[0] <= 1000 and made.shape[1] <= 1000


async def test_what_is_too_much_is_an_error_soon_and_the_browser_lives(renderer: Renderer) -> None:
    with pytest.raises(RenderError, match="at most"):
        await renderer.draw_snapshot(b"x" * (MAX_BYTES + 1), viewport=(300, 300), box=(0, 0, 10, 10))
    started = time.monotonic()
    deep = b"<div style='filter:blur(9px);backdrop-filter:blur(9px)'>" * 15_000
    try:
        pixels(await renderer.draw_snapshot(deep, viewport=(2000, 2000), box=(0, 0, 10, 10)))
    except RenderError as error:
        assert "cannot be drawn" in str(error)
    assert time.monotonic() - started < 60
    assert has(await renderer.draw_snapshot(PLACED.encode(), viewport=(900, 700), box=BOX), GREEN)


async def test_a_box_at_the_edge_has_the_margin_that_is_there() -> None:
    image = Image.new("RGB", (500, 400), "white")
    kept = io.BytesIO()
    image.save(kept, "PNG")
    made = pixels(crop(kept.getvalue(), (0, 0, 300, 200)))
    assert made.shape[:2] == (200 + MARGIN, 300 + MARGIN)
