"""What a report tells of a page, that it tells the same twice, and what is kept of it."""

import io
from typing import Any

import pytest
from PIL import Image

from refine.artifact import content_hash
from refine.errors import RenderError
from refine.render import Prepared, Renderer, RenderReport, RenderSettings, Resource, check_report, differences
from refine.types import CodeFile, Files
from tests.render.conftest import PAGES, page, stored

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNTER = """<!DOCTYPE html><html lang=en><title>Counter</title><h1>Counter</h1><p>Now <b id=n>0</b></p>
<button id=more>More</button><button id=nothing>Nothing</button><label>Name <input id=who></label>
<script>more.onclick = () => { n.textContent++ }; who.oninput = () => console.error('typed', who.value)</script>"""


class Kept(dict[str, bytes]):
    """A cache in memory."""

    def set(self, key: str, value: bytes) -> None:
        self[key] = value


async def test_the_walk_presses_every_control_and_tells_what_came_of_it(renderer: Renderer) -> None:
    report = await renderer.render(page(COUNTER))
    assert (report.outcome, report.title, report.walk_is_whole) == ("ok", "Counter", True)
    by_name = {control.name: control for control in report.controls}
    assert {name: control.has_effect for name, control in by_name.items()} == {
        "More": True,
        "Nothing": False,
        "Name": True,
    }
    assert (by_name["More"].reach, by_name["Nothing"].reach) == ("own", "none")
    (step,) = [step for step in report.steps if step.control == "More"]
    assert step.added == ("Now 1",)
    assert step.removed == ("Now 0",)
    assert [said.text for said in report.of("error")][-1].startswith("typed Ada Lovelace")


async def test_screenshots_are_kept_beside_the_report_under_their_hash(renderer: Renderer) -> None:
    report = await renderer.render(page(COUNTER))
    assert [(shot.name, shot.width, shot.height) for shot in report.shots] == [
        ("desktop", 1280, 800),
        ("phone", 390, 844),
    ]
    for shot in report.shots:
        with Image.open(io.BytesIO(report.pictures[shot.sha256])) as image:
            assert image.size == (shot.width, shot.height)
    assert "pictures" not in report.model_dump(mode="json")
    assert RenderReport.model_validate_json(report.model_dump_json()) == report.model_copy(update={"pictures": {}})


@pytest.mark.parametrize("name", ["particles", "quiz", "clock_canvas", "memory_game", "webgl_triangle"])
async def test_the_same_page_twice_gives_no_difference(renderer: Renderer, name: str) -> None:
    files = stored(PAGES / "good" / f"{name}.html")
    first, second = await renderer.probe(files, seed=3), await renderer.probe(files, seed=3)
    assert first.is_complete, first.problem
    assert first.steps
    assert dict(differences(first, second).details) == {}


@pytest.mark.parametrize(
    ("old", "new", "channel"),
    [
        ("n.textContent++", "n.textContent--", "behaviour"),
        ("more.onclick", "nothing.onclick", "behaviour"),
        ("<h1>Counter", "<h1>Conuter", "content"),
        ("<h1>", "<h1 style='color:#888'>", "look"),
        ("<label>Name <input id=who></label>", "Name <input id=who>", "accessibility"),
        ("n.textContent++", "setTimeout(() => n.textContent++, 400)", "latency"),
        ("n.textContent++", "const t = Date.now(); while (Date.now() - t < 300); n.textContent++", "latency"),
        ("n.textContent++", "n.textContent++; nowhere()", "errors"),
    ],
)
async def test_a_change_shows_in_its_channel(renderer: Renderer, old: str, new: str, channel: Any) -> None:
    assert old in COUNTER
    original = await renderer.probe(page(COUNTER))
    changed = await renderer.probe(page(COUNTER.replace(old, new)))
    found = differences(original, changed)
    assert channel in found.channels, found
    assert found.details[channel]


async def test_chance_and_time_are_the_seeds(renderer: Renderer) -> None:
    code = "<h1 id=h></h1><script>h.append([Math.random(), crypto.randomUUID(), Date.now(), new Date().toISOString()].join())</script>"
    one, same, other = [(await renderer.render(page(code), seed=seed)).text for seed in (1, 1, 2)]
    assert one == same
    assert one != other
    assert "2026-01-01T12:00:0" in one[0]


async def test_other_files_of_the_candidate_are_served_and_missing_ones_told(renderer: Renderer) -> None:
    code = "<link rel=stylesheet href=s.css><h1>Big</h1><script src=a.js></script><script src=gone.js></script>"
    report = await renderer.render(page(code, s_css="h1 { color: red }", a_js="document.title = 'from a file'"))
    assert report.title == "from a file"
    assert {(asked.url, asked.result) for asked in report.requests} >= {
        ("s.css", "served"),
        ("a.js", "served"),
        ("gone.js", "missing"),
    }


async def test_what_delivery_prepares_is_what_is_seen(renderer: Renderer) -> None:
    url = "https://cdn.jsdelivr.net/npm/greeter@1/greeter.js"
    files = page(f"<h1>x</h1><script src='{url}'></script><script>document.title = greet()</script>")

    def prepare(given: Files) -> Prepared:
        library = Resource(body=b"function greet() { return 'vendored' }", content_type="text/javascript")
        return Prepared(files=given, headers={"content-security-policy": "img-src 'none'"}, resources={url: library})

    async with Renderer(RenderSettings(with_accessibility=False), prepare=prepare) as prepared:
        report = await prepared.render(files)
    assert report.title == "vendored"
    assert report.libraries == ()
    alone = await renderer.render(files)
    assert [(each.name, each.status) for each in alone.libraries] == [("greeter", "unknown")]
    assert not next(each for each in check_report(alone) if each.name == "libraries").passed


async def test_a_kept_report_is_used_again_and_a_spoilt_one_is_not() -> None:
    kept = Kept()
    settings = RenderSettings(with_accessibility=False, with_walk=False)
    async with Renderer(settings, cache=kept) as renderer:
        first = await renderer.render(page(COUNTER))
        again = await renderer.render(page(COUNTER))
        assert again == first  # timings too: it was not rendered anew
        assert again.pictures == first.pictures
        other = await renderer.render(page(COUNTER), seed=1)
        assert other.timings != first.timings
        for key in kept:
            kept[key] = b"spoilt"
        anew = await renderer.render(page(COUNTER))
    assert anew.shots == first.shots
    assert anew.timings != first.timings


async def test_without_a_page_there_is_a_report_and_no_browser() -> None:
    async with Renderer() as renderer:
        files = (CodeFile(filename="notes.txt", content="x"),)
        report = await renderer.render(files)
        assert (report.outcome, report.candidate) == ("no_page", content_hash(files))
        assert renderer.launches == 0
    with pytest.raises(RenderError, match="closed"):
        await renderer.version()


async def test_axe_core_finds_what_is_not_accessible() -> None:
    code = "<!DOCTYPE html><html><title>t</title><h1>x</h1><img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='><input></html>"
    async with Renderer(RenderSettings(with_walk=False)) as renderer:
        report = await renderer.render(page(code))
    assert {"html-has-lang", "image-alt", "label"} <= {each.rule for each in report.violations}
    assert report.accessibility_ran
