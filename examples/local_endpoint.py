"""Refining through an OpenAI-compatible endpoint, as vLLM, Ollama or llama.cpp offer one.

The endpoint here is Refine's own local server, which answers with the scripted model and needs no network; put the
address of a real one in `api_base` and its model's name after `openai/`.

python examples/local_endpoint.py [FOLDER]
"""

import asyncio
import sys
from pathlib import Path

from refine import Refiner
from refine.llm.local_server import running


async def main(folder: Path) -> None:
    with running(latency_ms=20) as server:
        async with Refiner.open(
            folder / "endpoint.db",
            model="openai/scripted",
            api_base=server.url,
            panel="simulated",
            rounds=2,
            concurrency=8,
        ) as refiner:
            chain = await refiner.start("A tip calculator with a slider and a split between people")
            async for event in refiner.follow(chain.id):
                if event.type == "model_called":
                    print(f"round {event.round}: {event.refs['step']}, slot {event.refs['slot']}")
            chain = refiner.chain(chain.id)
        print(f"ended after {chain.rounds_judged} rounds, {server.stats()['calls']} calls: {chain.stop_reason}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
