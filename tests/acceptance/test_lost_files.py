"""Chains wait for people, and meanwhile the files beside the database are lost, damaged, or of another version."""

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from langgraph.graph import START, StateGraph

import refine.api.refiner
from graphs import nodes
from graphs.context import LoopContext
from graphs.graph import Loop
from graphs.state import LoopInput, LoopState
from refine import Refiner
from refine.api.reading import read_project
from refine.perturb import find_flaws
from refine.types import PromptIn

if TYPE_CHECKING:
    from tests.acceptance.conftest import Tools

CHAINS = 100 if os.environ.get("REFINE_TEST_FULL") == "1" else 30
PROMPTS = [PromptIn(key=f"p{n:03}", prompt=f"Make a quiz about topic {n}") for n in range(CHAINS)]


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Refiner]:
    options: dict[str, Any] = {"panel": "people", "candidates": 2, "rounds": 2, "rankings_per_round": 2}
    async with Refiner.open(path, audit_share=0, use_cache=True, **options) as refiner:
        await refiner.start_all(PROMPTS)
        await refiner.wait()
        yield refiner


def feedback(refiner: Refiner, number: int) -> list[dict[str, Any]]:
    """Two rankings of every chain's open round, with true critiques of the page they put first."""
    lines = []
    for chain in read_project(refiner.database, refiner.project.key):
        if chain.state != "waiting":
            continue
        shown = chain.rounds[-1].shown
        (first,) = (candidate for candidate in chain.candidates if candidate.id == shown[0])
        flaws = find_flaws([file.content for file in first.files])
        critiques = [{"candidate": "c1", "text": flaw.phrases[0]} for flaw in flaws]
        order = [[f"c{n}"] for n in range(1, len(shown) + 1)]
        lines += [
            {"prompt_id": chain.prompt_key, "round": number, "labeler": name, "ranking": order, "critiques": critiques}
            for name in ("ann", "ben")
        ]
    return lines


async def wait_for_first_round(path: Path) -> None:
    async with opened(path) as refiner:
        assert refiner.progress().waiting == CHAINS


async def go_on_to_the_end(path: Path) -> None:
    async with opened(path) as refiner:
        assert refiner.progress().meter.calls == 0  # nothing is asked again for chains that wait
        for number in (1, 2):
            await refiner.submit_feedback(feedback(refiner, number))
            refiner.runner.start_all()
            await refiner.wait()
            await refiner.wait()
        refiner.runner.start_all()
        await refiner.wait(until_ended=True)


def lose(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}.checkpoints*"):
        file.unlink()
    shutil.rmtree(f"{path}.cache")


def damage(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        Path(f"{path}.checkpoints{suffix}").unlink(missing_ok=True)
    Path(f"{path}.checkpoints").write_bytes(b"not a database, and longer than a header of one hundred bytes" * 50)


def build_renamed_loop(checkpointer: Any) -> Loop:
    """The loop with its waiting node under another name, as a later version might have it."""
    renamed = "wait_for_people"

    async def await_feedback(state: LoopState, runtime: Any) -> Any:
        return _renamed(await nodes.await_feedback(state, runtime))

    def _renamed(command: Any) -> Any:
        return type(command)(update=command.update, goto=renamed if command.goto == "await_feedback" else command.goto)

    def wrap(node: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapped(state: LoopState, runtime: Any) -> Any:
            return _renamed(await node(state, runtime))

        return wrapped

    everywhere = ("locate", "draft", renamed, "judge", "revise", "finish", "await_audit")
    builder = StateGraph(LoopState, context_schema=LoopContext, input_schema=LoopInput)
    builder.add_edge(START, "locate")
    for name in everywhere:
        node = await_feedback if name == renamed else wrap(getattr(nodes, name))
        builder.add_node(name, node, destinations=(*everywhere, "__end__"))
    return builder.compile(checkpointer=checkpointer, name="refine")


@pytest.mark.timeout(600)
async def test_chains_that_wait_lose_nothing_with_the_files_beside_the_database(
    tmp_path: Path, tools: "Tools", monkeypatch: pytest.MonkeyPatch
) -> None:
    await wait_for_first_round(tmp_path / "undisturbed.db")
    for name in ("lost", "damaged", "renamed"):
        for file in tmp_path.glob("undisturbed.db*"):
            copy = shutil.copytree if file.is_dir() else shutil.copy
            copy(file, tmp_path / file.name.replace("undisturbed", name))
    await go_on_to_the_end(tmp_path / "undisturbed.db")
    expected = tools.ledger(tmp_path / "undisturbed.db")
    assert {state for state, _ in expected.query("SELECT state, stop_reason FROM chain")} == {"ended"}

    lose(tmp_path / "lost.db")
    damage(tmp_path / "damaged.db")
    for name in ("lost", "damaged", "renamed"):
        if name == "renamed":
            monkeypatch.setattr(refine.api.refiner, "build_loop", build_renamed_loop)
        await go_on_to_the_end(tmp_path / f"{name}.db")
        ledger = tools.ledger(tmp_path / f"{name}.db")
        assert ledger.rows() == expected.rows(), name
        assert (ledger.calls(), ledger.paid_twice(), ledger.findings()) == (expected.calls(), [], []), name
