"""Ranking pages that exist: a chain of kind `rank` shows them to labelers once and ends with their verdict.

python examples/rank_given_pages.py [FOLDER]
"""

import asyncio
import sys
from pathlib import Path

from refine import Refiner
from refine.types import CodeFile, GivenCandidate, PromptIn

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Counter</title></head>
<body>
<h1>Counter</h1>
<button id="more">{label}</button> <output id="count">0</output>
<script>
  let count = 0;
  document.getElementById("more").addEventListener("click", () => {{
    count += {step};
    document.getElementById("count").textContent = count;
  }});
</script>
</body>
</html>
"""


def page(name: str, *, label: str, step: int) -> GivenCandidate:
    content = PAGE.format(label=label, step=step)
    return GivenCandidate(id=name, model="by hand", files=(CodeFile(filename="index.html", content=content),))


async def main(folder: Path) -> None:
    prompt = PromptIn(
        key="counter",
        prompt="A counter that goes up by one at every click",
        candidates=(
            page("plain", label="+", step=1),
            page("worded", label="Add one", step=1),
            page("wrong", label="Add one", step=2),
        ),
    )
    async with Refiner.open(folder / "rank.db", kind="rank", panel="simulated", rankings_per_round=7) as refiner:
        (chain,) = await refiner.start_all([prompt])
        async for event in refiner.follow(chain.id):
            if event.type == "verdict":
                print(f"verdict over {event.refs['rankings']} rankings")
        chain = refiner.chain(chain.id)
        (best,) = refiner.final_files(chain.id) or ()
        print(f"ended ({chain.stop_reason}); the best page has {len(best.content)} characters")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
