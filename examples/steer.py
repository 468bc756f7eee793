"""Steering a chain by hand: pause it, pin a candidate as incumbent, and fork it under other settings.

python examples/steer.py [FOLDER]
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from refine import Refiner
from refine.types import Event


def ranking(labeler: str) -> dict[str, Any]:
    shown = ("c1", "c2", "c3")
    return {
        "prompt_id": "orbit",
        "round": 1,
        "labeler": labeler,
        "ranking": [[name] for name in shown],
        "critiques": [{"candidate": name, "text": "Low contrast text. I have to scroll sideways."} for name in shown],
    }


async def main(folder: Path) -> None:
    async with Refiner.open(
        folder / "steer.db", model="demo/scripted", panel="people", candidates=3, rounds=3, rankings_per_round=2
    ) as refiner:
        chain = await refiner.start("A simulation of three planets with a speed control", key="orbit")
        await refiner.wait()

        # A paused chain asks nobody and makes no step until it is resumed.
        await refiner.pause(chain.id)
        print(f"chains by state: {refiner.progress().states}")
        await refiner.resume(chain.id)

        # Pin the first draft: whatever people say, it is the incumbent after the next verdict.
        drafts = [event.refs["candidate"] async for event in until(refiner, chain.id, "round_opened")]
        await refiner.pin(chain.id, drafts[0])
        await refiner.submit_feedback([ranking("ann"), ranking("ben")])
        async for _ in until(refiner, chain.id, "verdict"):
            pass
        chain = refiner.chain(chain.id)
        print(f"round 1 is judged; the pinned draft is the incumbent: {chain.incumbent == drafts[0]}")

        # The same chain up to that verdict, and from there on with simulated labelers and two rounds.
        fork = await refiner.fork(chain.id, round=1, panel="simulated", rounds=2)
        async for _ in refiner.follow(fork.id):
            pass
        fork = refiner.chain(fork.id)
        print(f"the fork ended after {fork.rounds_judged} rounds: {fork.stop_reason}")


async def until(refiner: Refiner, chain_id: str, last: str) -> AsyncIterator[Event]:
    """The chain's events that made a candidate, up to the first event of type `last`."""
    async for event in refiner.follow(chain_id):
        if event.type == "candidate_made":
            yield event
        if event.type == last:
            return


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
