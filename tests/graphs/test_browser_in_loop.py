"""The loop with a real Chromium: what is broken in it is mended or dropped before anybody's time is spent."""

from pathlib import Path

import pytest
from sqlalchemy import select

from refine import Refiner
from refine.api.browser import Browser
from refine.errors import NoBrowser
from refine.types import CodeFile, Files, GivenCandidate, ModelReply, ModelRequest, PromptIn
from store.cache import ReplyCache
from store.candidates import load_candidates
from store.chains import load_chain
from store.tables import PICTURE, REPAIR

GOOD = """<!doctype html><html lang="en"><head><title>Counter</title></head><body><h1>Counter</h1>
<p>Pressed <output id="n">0</output> times</p><button id="go">Press</button><script>
let n = 0;
document.getElementById("go").addEventListener("click", () => { n += 1; document.getElementById("n").value = n; });
</script></body></html>"""
THROWS = GOOD.replace("n += 1;", "n += step;")
WITH_LIBRARY = GOOD.replace(
    "<script>",
    '<script src="https://cdnjs.cloudflare.com/ajax/libs/lodash.js/4.17.21/lodash.min.js"></script><script>'
    'document.querySelector("h1").textContent = _.capitalize("counter");',
    1,
)


def page(html: str) -> Files:
    return (CodeFile(filename="index.html", content=html),)


class Mending:
    """Answers a repair with a page that works."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def estimate_usd(self, request: ModelRequest) -> float | None:
        return 0.0

    async def complete(self, request: ModelRequest) -> ModelReply:
        text = request.messages[-1].text
        is_repair = "browser." in text
        if is_repair:
            self.asked.append(text)
        html = GOOD if is_repair else THROWS.replace("Counter</h1>", f"Counter {request.seed}</h1>")
        return ModelReply(text=f"```html\n{html}\n```", model_returned="m", provider="p", finish_reason="stop")

    async def aclose(self) -> None:
        return None


async def test_a_draft_that_throws_is_mended_with_what_the_browser_saw(tmp_path: Path) -> None:
    client = Mending()
    async with Refiner.open(
        tmp_path / "a.db", client=client, panel="people", candidates=2, rounds=1, model="openai/x"
    ) as refiner:
        assert refiner.notice == ""
        chain = await refiner.start("A counter")
        await refiner.wait()
        stored = refiner.database.read(load_chain, chain.id)
        candidates = refiner.database.read(load_candidates, stored.key)
        pictured = refiner.database.read(lambda it: set(it.execute(select(PICTURE.c.content_sha256)).scalars()))
        broken = refiner.database.read(lambda it: set(it.execute(select(REPAIR.c.content_sha256)).scalars()))
    assert len(client.asked) == 2 and all("step is not defined" in text for text in client.asked)
    assert pictured == {candidates[0].content_sha256, *broken} and len(broken) == 2
    assert stored.record.state == "waiting"
    assert candidates[0].is_ok and not candidates[1].is_ok
    assert candidates[1].reason is not None and "the same as candidate" in candidates[1].reason


async def test_given_pages_that_are_broken_are_dropped_and_libraries_stand_in(tmp_path: Path) -> None:
    given = tuple(
        GivenCandidate(id=name, files=page(html))
        for name, html in (("good", GOOD), ("throws", THROWS), ("library", WITH_LIBRARY))
    )
    async with Refiner.open(
        tmp_path / "a.db", client=Mending(), panel="people", rounds=1, kind="rank", model="openai/x"
    ) as refiner:
        (chain,) = await refiner.start_all([PromptIn(key="p", prompt="A counter", candidates=given)])
        await refiner.wait()
        stored = refiner.database.read(load_chain, chain.id)
        candidates = refiner.database.read(load_candidates, stored.key)
    assert {it.given_id: it.is_ok for it in candidates} == {"good": True, "throws": False, "library": True}
    assert "browser.exceptions" in next(it.reason or "" for it in candidates if it.given_id == "throws")
    assert stored.record.state == "waiting"


async def test_findings_are_kept_by_content(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "checks")
    first = Browser.open(cache=cache)
    found = await first.check(page(THROWS))
    await first.aclose()
    again = Browser.open(cache=cache)

    async def never(files: Files, *, seed: int = 0) -> None:
        raise AssertionError("it was looked at before")

    again.renderer.render = never  # type: ignore[method-assign,assignment]
    try:
        assert await again.check(page(THROWS)) == found
    finally:
        await again.aclose()
        cache.close()
    assert [it.name for it in found if not it.passed] == ["browser.exceptions"]


async def test_without_a_chromium_the_loop_runs_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFINE_CHROMIUM", "no-such-program")
    async with Refiner.open(
        tmp_path / "a.db", client=Mending(), panel="people", rounds=1, candidates=2, model="openai/x"
    ) as refiner:
        assert refiner.notice.startswith("browser checks are off: ") and "no-such-program" in refiner.notice
        chain = await refiner.start("A counter")
        await refiner.wait()
        assert refiner.chain(chain.id).state == "waiting"
    with pytest.raises(NoBrowser):
        async with Refiner.open(tmp_path / "b.db", client=Mending(), browser_checks=True, model="openai/x"):
            pass


async def test_simulated_labelers_need_no_browser_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFINE_CHROMIUM", "no-such-program")
    async with Refiner.open(tmp_path / "a.db") as refiner:
        assert refiner.notice == ""


LIBRARIES = {
    "three by an import map": """<script type="importmap">{"imports": {"three": "https://unpkg.com/three@0.160.0/build/three.module.js",
"three/addons/": "https://unpkg.com/three@0.160.0/examples/jsm/"}}</script><script type="module">
import * as THREE from "three"; import { OrbitControls } from "three/addons/controls/OrbitControls.js";
const made = new THREE.Scene(); document.getElementById("go").onclick = () => {
document.getElementById("n").value = THREE.REVISION + typeof OrbitControls + made.children.length; };</script>""",
    "d3 as a module": """<script type="module">import * as d3 from "https://cdn.jsdelivr.net/npm/d3@7/+esm";
document.getElementById("go").onclick = () => { document.getElementById("n").value = d3.max([1, 2]); };</script>""",
    "React with Babel": """<script src="https://unpkg.com/react@18/umd/react.development.js"></script>
<script src="https://unpkg.com/react-dom@18/umd/react-dom.development.js"></script>
<script src="https://unpkg.com/@babel/standalone/babel.min.js"></script><div id="root"></div><script type="text/babel">
function More() { const [n, set] = React.useState(0); return <button onClick={() => set(n + 1)}>More {n}</button>; }
ReactDOM.createRoot(document.getElementById("root")).render(<More />);
document.getElementById("go").onclick = () => { document.getElementById("n").value = "pressed"; };</script>""",
}


async def test_pages_run_with_the_libraries_that_are_kept_here() -> None:
    browser = Browser.open()
    try:
        for name, scripts in LIBRARIES.items():
            html = GOOD[: GOOD.index("<script>")] + scripts + "</body></html>"
            broken = [it for it in await browser.check(page(html)) if not it.passed]
            assert not broken, (name, broken)
    finally:
        await browser.aclose()
