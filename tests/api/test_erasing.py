"""Erasing what a person wrote: nothing of it is left in the ledger, and everything still verifies."""

import asyncio
from pathlib import Path
from typing import Any

from refine import Refiner
from refine.api.replay import replay_chain
from refine.api.story import load_story
from refine.perturb import find_flaws
from store.blobs import get_blob
from store.database import Connection
from store.erasing import erase_words
from store.messages import ERASED
from store.tables import BLOB
from store.verify import verify_database

SAID = "My late aunt Ottoline would have wanted the whole page to be turned upside down."


def everything(connection: Connection) -> str:
    """All text of the database, blobs unpacked."""
    driver: Any = connection.connection.driver_connection
    dump = "\n".join(line for line in driver.iterdump() if not line.startswith('INSERT INTO "blob"'))
    blobs = [get_blob(connection, key).decode(errors="replace") for key in connection.execute(BLOB.select()).scalars()]
    return "\n".join([dump, *blobs])


async def test_erased_words_are_gone_and_leave_a_tombstone_that_verifies(tmp_path: Path) -> None:
    options: dict[str, Any] = {"panel": "people", "rankings_per_round": 2, "candidates": 2}
    async with Refiner.open(tmp_path / "a.db", **options) as refiner:
        chain = await refiner.start("A quiz about bees", key="quiz")
        await refiner.wait()
        story = load_story(refiner.database, chain.id)
        (best,) = (it for it in story.chain.candidates if it.id == story.chain.rounds[0].shown[0])
        flaws = find_flaws([file.content for file in best.files])
        lines = [
            {"labeler": "ann", "critiques": [{"candidate": "c1", "text": SAID}]},
            {"labeler": "ben", "critiques": [{"candidate": "c1", "text": flaw.phrases[0]} for flaw in flaws]},
        ]
        for line in lines:
            await refiner.submit_feedback([{"prompt_id": "quiz", "round": 1, "ranking": [["c1"], ["c2"]], **line}])
        async with asyncio.timeout(20):
            while refiner.chain(chain.id).round < 2:
                await asyncio.sleep(0.02)
        database = refiner.database
        assert SAID in database.read(everything)
        assert await database.write(erase_words, "ann") == 1
        left = database.read(everything)
        report = verify_database(database)
        replayed = replay_chain(database, chain.id)
        erased = load_story(database, chain.id).chain
    assert SAID not in left and "Ottoline" not in left and "ann" not in left.split("'")
    assert (report.findings, report.counts["erased"]) == ((), 1)
    assert (replayed.differing, replayed.erased) == ((), 1)
    assert any(ERASED in message.text for call in erased.calls if call.step == "distil" for message in call.messages)
