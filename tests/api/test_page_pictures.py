"""Pictures of candidates, taken by a real Chromium: with every check, and for what has none."""

import io
import runpy
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image
from sqlalchemy import select, update

from refine import Refiner
from refine.api.browser import Browser
from refine.api.pictures import (
    draw_missing_crops,
    load_crop,
    load_picture,
    load_pictures,
    missing_notice,
    take_missing,
)
from refine.artifact import content_hash
from refine.errors import InputError
from refine.render.snapshot import MAX_BYTES
from refine.types import CodeFile, Files, GivenCandidate, PromptIn
from store.blobs import put_blob
from store.cache import ReplyCache
from store.database import Connection, Database
from store.opening import open_database
from store.tables import CRITIQUE
from store.verify import verify_database

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOVING = """<!doctype html><html lang=en><title>Clock</title><body style="margin:0;background:#fff"><h1 id=at>0</h1>
<canvas id=c width=300 height=200></canvas><button onclick="at.textContent='pressed'">Go</button><script>
let x = 0; setInterval(() => { at.textContent = new Date().toISOString(); }, 100);
(function draw() { x += Math.random(); let g = c.getContext('2d'); g.fillStyle = '#' + (x*9999 % 899999 + 100000 | 0);
  g.fillRect(x % 300, 20, 30, 30); requestAnimationFrame(draw); })();
</script>"""
WIDE = "<!doctype html><title>w</title><p style='width:900px;background:#0a0'>wide</p><button>b</button>"
STOOD = (
    b"<body style='height:2000px;margin:0'>"
    b"<div style='position:absolute;top:300px;width:100px;height:20px;background:#0a0'></div>"
)
SCHEMAS = Path(__file__).parents[1] / "data" / "schemas"


def page(html: str) -> Files:
    return (CodeFile(filename="index.html", content=html),)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "refine.db") as opened:
        yield opened


@pytest.fixture
def fill() -> Callable[..., dict[str, str]]:
    made: Callable[..., dict[str, str]] = runpy.run_path(str(SCHEMAS / "make.py"))["fill"]
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Browser]:
    browser = Browser.open()
    yield browser
    await browser.aclose()


def keeping(shared: Browser, database: Database, cache: ReplyCache | None = None) -> Browser:
    """The same Chromium, for another database."""
    return Browser(shared.renderer, cache, database)


async def test_a_page_that_was_checked_has_pictures_and_they_are_ours(shared: Browser, database: Database) -> None:
    await keeping(shared, database).check(page(MOVING))
    key = content_hash(page(MOVING))
    facts = load_pictures(database, [key])[key]
    assert {view: (it.width, it.height) for view, it in facts.items()} == {"desktop": (1280, 800), "phone": (390, 844)}
    for view in facts:
        kept = load_picture(database, key, view)
        assert kept is not None and kept[0] == "image/webp"
        with Image.open(io.BytesIO(kept[1]), formats=["WEBP"]) as image:
            assert image.size == (facts[view].width, facts[view].height)


@pytest.mark.parametrize("html", [MOVING, WIDE])
async def test_pictures_taken_alone_are_those_of_a_check_so_that_nobody_can_tell(
    shared: Browser, database: Database, tmp_path: Path, html: str
) -> None:
    await keeping(shared, database).check(page(html))
    with open_database(tmp_path / "other.db") as other:
        assert await keeping(shared, other).keep_pictures(page(html))
        key = content_hash(page(html))
        for view in ("desktop", "phone"):
            assert load_picture(database, key, view) == load_picture(other, key, view) is not None  # type: ignore[arg-type]


async def test_findings_from_the_cache_bring_the_pictures_that_the_store_lacks(
    shared: Browser, database: Database, tmp_path: Path
) -> None:
    cache = ReplyCache(tmp_path / "checks")
    key = content_hash(page(WIDE))
    found = await Browser(shared.renderer, cache).check(page(WIDE))
    assert load_pictures(database, [key]) == {}
    assert await keeping(shared, database, cache).check(page(WIDE)) == found
    assert load_pictures(database, [key])[key].keys() == {"desktop", "phone"}
    cache.close()


async def test_what_a_run_without_a_browser_made_gets_its_pictures_later(shared: Browser, tmp_path: Path) -> None:
    no_page = (CodeFile(filename="notes.txt", content="no page"),)
    pages = {"wide": page(WIDE), "none": no_page, "plain": page("<p>x")}
    given = tuple(GivenCandidate(id=name, files=files) for name, files in pages.items())
    async with Refiner.open(
        tmp_path / "a.db", panel="simulated", rounds=1, kind="rank", browser_checks=False
    ) as refiner:
        await refiner.start_all([PromptIn(key="p", prompt="A page", candidates=given)])
        await refiner.wait()
    with open_database(tmp_path / "a.db") as database:
        assert "refine db pictures --db " in missing_notice(database)
        browser = keeping(shared, database)
        one = await take_missing(database, browser, limit=1)
        assert (one.taken, one.failed) == (1, 0)
        assert missing_notice(database) == ""
        rest = await take_missing(database, browser, project="default")
        assert (rest.taken, rest.failed) == (1, 1)  # there is nothing to open in one
        with pytest.raises(InputError, match="nobody"):
            await take_missing(database, browser, project="nobody")
        hashes = {name: content_hash(files) for name, files in pages.items()}
        assert load_pictures(database, list(hashes.values())).keys() == {hashes["wide"], hashes["plain"]}


async def test_what_stood_under_a_pin_is_drawn_once_and_what_cannot_be_drawn_is_left(
    shared: Browser, database: Database, fill: Callable[..., dict[str, str]]
) -> None:
    database.write_now(fill)

    def pin(connection: Connection) -> None:
        keys = connection.execute(select(CRITIQUE.c.id).order_by(CRITIQUE.c.id)).scalars().all()
        anchors = (
            {"kind": "sketch", "strokes": [[[10, 300], [90, 300]], [[40, 280]]], "viewport": [300, 400]},
            {"kind": "region", "box": [10, 10, 20, 20], "viewport": [300, 400], "state": {"scroll": [0, 290]}},
            None,
        )
        for key, anchor, size in zip(keys, anchors, (1, 1, MAX_BYTES + 1), strict=True):
            html = STOOD + b" " * size
            connection.execute(
                update(CRITIQUE)
                .where(CRITIQUE.c.id == key)
                .values(snapshot_id=put_blob(connection, html), anchor=anchor)
            )

    database.write_now(pin)
    browser, failed = keeping(shared, database), set[int]()
    assert await draw_missing_crops(database, browser, failed=failed) == 2
    assert len(failed) == 1
    assert await draw_missing_crops(database, browser, failed=failed) == 0
    ulids = database.read(lambda it: it.execute(select(CRITIQUE.c.ulid).order_by(CRITIQUE.c.id)).scalars().all())
    for ulid in ulids[:2]:
        crop = load_crop(database, ulid)
        assert crop is not None and crop[0] == "image/webp"
        with Image.open(io.BytesIO(crop[1]), formats=["WEBP"]) as image:
            assert (0, 170, 0) in {colour for _, colour in image.convert("RGB").getcolors(100_000) or ()}
    assert load_crop(database, ulids[2]) is None
    assert verify_database(database).is_ok
