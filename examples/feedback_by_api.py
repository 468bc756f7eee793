"""People rank and criticise: a chain waits for feedback, gets it as lines, and goes on.

Here the two labelers are made up on the spot; in earnest the lines come from wherever people say what they think.

python examples/feedback_by_api.py [FOLDER]
"""

import asyncio
import sys
from pathlib import Path

from refine import Refiner


async def main(folder: Path) -> None:
    async with Refiner.open(
        folder / "people.db", model="demo/scripted", panel="people", candidates=3, rounds=2, rankings_per_round=2
    ) as refiner:
        chain = await refiner.start("A memory game with twelve cards", key="memory")
        await refiner.wait()  # until nothing can go on without people
        print(f"round {refiner.chain(chain.id).round} waits for two rankings")

        # Candidates may be named by position: c1 is the first on show.
        await refiner.submit_feedback(
            [
                {
                    "prompt_id": "memory",
                    "round": 1,
                    "labeler": "ann",
                    "ranking": [["c2"], ["c1", "c3"]],
                    "critiques": [{"candidate": "c2", "text": "The text is too small. It reacts late."}],
                    "key": "ann-1",
                },
                {
                    "prompt_id": "memory",
                    "round": 1,
                    "labeler": "ben",
                    "ranking": [["c2"], ["c3"], ["c1"]],
                    "critiques": [{"candidate": "c2", "text": "There is a typo. The layout is clean."}],
                    "key": "ben-1",
                },
            ]
        )
        async for event in refiner.follow(chain.id):  # it goes on at once: verdict, plan, revisions, next round
            print(f"{event.seq:3} round {event.round} {event.type}")
            if event.type == "round_opened" and event.round == 2:
                break
        print(f"round 2 shows {event.refs['candidates']} candidates and waits: {refiner.chain(chain.id).state}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
