"""What an assignment costs on the wire: libraries once, pages each time."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.delivery.stage import Stage

pytestmark = pytest.mark.timeout(300)

PAGE = """<!doctype html><html><head><script src="https://cdn.tailwindcss.com"></script>
<script src="https://cdnjs.cloudflare.com/ajax/libs/three.js/r128/three.min.js"></script></head>
<body class="bg-black"><canvas id=c></canvas><script>
const renderer = new THREE.WebGLRenderer({ canvas: c }); const scene = new THREE.Scene(); const camera = new THREE.PerspectiveCamera();
renderer.render(scene, camera); window.drawn = THREE.REVISION;
const filler = `FILLER`;
</script></body></html>"""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage().open() as opened:
        yield opened


def pages(assignment: int) -> list[str]:
    """Four different pages of about 30 KB, as models write them: text that packs to a third."""
    words = [f"item{assignment * 7919 + n * 104729 % 9973:x}" for n in range(3000)]
    return [PAGE.replace("FILLER", " ".join(words[at * 17 :])) for at in range(4)]


def test_a_second_assignment_of_four_pages_with_three_and_tailwind_costs_under_300_kb(stage: Stage) -> None:
    async def measure() -> list[int]:
        house = stage.houses[False]
        context = await stage.browser.new_context()
        await context.add_cookies([{"name": "who", "value": "ann", "url": house.sites.host}])
        sent = []
        for assignment in (1, 2):
            before = house.sent_bytes
            tokens = [house.add(f"a{assignment}-{at}", page) for at, page in enumerate(pages(assignment))]
            page = await context.new_page()
            await page.goto(f"{house.sites.host}/many?" + "&".join(f"token={token}" for token in tokens))
            for token in tokens:
                url = house.sites.frame_url(token)
                for _ in range(300):
                    frames = [frame for frame in page.frames if frame.url == url]
                    if frames and await frames[0].evaluate("window.drawn") == "128":
                        break
                    await asyncio.sleep(0.1)
                else:
                    raise AssertionError("a page was not drawn")
            sent.append(house.sent_bytes - before)
            await page.close()
        await context.close()
        return sent

    first, second = stage.run(measure())
    assert second <= 300_000 < first, (first, second)
    print(f"first {first}, second {second}")
