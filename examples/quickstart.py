"""One chain from prompt to final page, offline: the scripted model writes, simulated labelers rank and criticise.

python examples/quickstart.py [FOLDER]
"""

import asyncio
import sys
from pathlib import Path

from refine import Refiner


async def main(folder: Path) -> None:
    async with Refiner.open(folder / "quickstart.db", model="demo/scripted", panel="simulated") as refiner:
        chain = await refiner.start("Create an interactive quiz about data packets")
        async for event in refiner.follow(chain.id):
            print(f"{event.seq:3} round {event.round} {event.type}")
        chain = refiner.chain(chain.id)
        for file in refiner.final_files(chain.id) or ():
            (folder / file.filename).write_text(file.content, encoding="utf-8")
    print(f"ended after {chain.rounds_judged} rounds: {chain.stop_reason}; the page is in {folder}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
