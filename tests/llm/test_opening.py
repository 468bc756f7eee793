import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from refine.errors import ModelFailed, ModelMisconfigured
from refine.llm import open_client
from refine.llm.local_server import running
from refine.prompts import fence
from refine.settings import ProjectSettings, RunOptions
from refine.types import Message, ModelRequest, Part

ROOT = Path(__file__).parents[2]


def make_draft(model: str, seed: int = 5) -> ModelRequest:
    prompt = fence("prompt", "Create an interactive quiz about data packets")
    return ModelRequest(
        model=model, messages=(Message("system", (Part("[refine:draft@1]\n"),)), Message("user", prompt)), seed=seed
    )


async def test_the_demo_answers_offline_and_costs_nothing() -> None:
    client = open_client(ProjectSettings(), RunOptions(), environ={})
    request = make_draft("demo/scripted")
    assert client.estimate_usd(request) == 0.0
    reply = await client.complete(request)
    await client.aclose()
    assert "<html" in reply.text
    assert reply.cost_usd == 0.0


async def test_the_local_server_answers_like_the_demo() -> None:
    demo = open_client(ProjectSettings(), RunOptions(), environ={})
    wanted = (await demo.complete(make_draft("demo/scripted"))).text
    with running() as server:
        client = open_client(ProjectSettings(model="stand-in"), RunOptions(api_base=server.url), environ={})
        reply = await client.complete(make_draft("stand-in"))
        await client.aclose()
        stats = server.stats()
    assert reply.text == wanted
    assert stats["by_template"] == {"draft": 1}


async def test_a_reply_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refine.llm.openai_client.MAX_REPLY_BYTES", 10_000)
    with running(echo=True) as server:
        options = RunOptions(api_base=server.url, retries=0)
        client = open_client(ProjectSettings(model="stand-in"), options, environ={})
        short, long = (
            ModelRequest(model="stand-in", messages=(Message("user", (Part("x" * size),)),), seed=0)
            for size in (5_000, 50_000)
        )
        assert len((await client.complete(short)).text) == 5_000
        with pytest.raises(ModelFailed, match="more than 10000 bytes"):
            await client.complete(long)
        await client.aclose()


async def test_requests_go_to_the_client_of_their_model() -> None:
    settings = ProjectSettings(model="demo/scripted", distil_model="anthropic/claude-sonnet-4-5")
    client = open_client(settings, RunOptions(), environ={"ANTHROPIC_API_KEY": "k"})
    assert client.estimate_usd(make_draft("demo/scripted")) == 0.0
    assert (client.estimate_usd(make_draft("anthropic/claude-sonnet-4-5")) or 0.0) > 0.0
    with pytest.raises(ModelMisconfigured, match="nosuch"):
        await client.complete(make_draft("nosuch/model"))
    await client.aclose()


@pytest.mark.parametrize("model", ["black_forest_labs/nosuch", "tavily/nosuch"])
async def test_a_listed_provider_without_chat_is_a_misconfiguration_at_the_first_call(model: str) -> None:
    client = open_client(ProjectSettings(model=model), RunOptions(retries=0), environ={})
    with pytest.raises(ModelMisconfigured):
        await client.complete(make_draft(model))
    await client.aclose()


@pytest.mark.parametrize(
    ("model", "base", "price", "wanted"),
    [
        ("openai/gpt-4o", None, None, True),
        ("openai/gpt-4o", "http://127.0.0.1:9/v1", None, False),
        ("openai/gpt-4o", "http://127.0.0.1:9/v1", (1.0, 1.0), True),
        ("openai/nosuch", None, None, False),
        ("openai/nosuch", None, (1.0, 1.0), True),
    ],
)
def test_a_price_is_given_or_listed_but_never_guessed_for_an_endpoint_of_ones_own(
    model: str, base: str | None, price: tuple[float, float] | None, wanted: bool
) -> None:
    options = RunOptions(api_base=base, price_usd_per_mtok=price)
    client = open_client(ProjectSettings(model=model), options, environ={"OPENAI_API_KEY": "k"})
    assert (client.estimate_usd(make_draft(model)) is not None) is wanted
    asyncio.run(client.aclose())


@pytest.mark.parametrize("model", ["openai/gpt-5", "anthropic/claude-sonnet-4-5"])
def test_opening_a_client_loads_no_heavy_library(model: str) -> None:
    code = f"""
import sys
from refine.llm import open_client
from refine.settings import ProjectSettings, RunOptions
open_client(ProjectSettings(model={model!r}), RunOptions(), environ=dict(OPENAI_API_KEY="k", ANTHROPIC_API_KEY="k"))
sys.exit(" ".join(name for name in ("litellm", "openai", "aiohttp", "httpx", "numpy") if name in sys.modules) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_litellm_is_imported_without_network_and_without_the_folders_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PLANTED_KEY=planted\n")
    code = """
import os, socket, sys
def refuse(*arguments, **options):
    os.write(2, b"litellm asked for the network")
    raise OSError
socket.socket.connect = socket.getaddrinfo = refuse
from refine.llm.litellm_client import import_litellm
litellm = import_litellm()
assert "PLANTED_KEY" not in os.environ
assert "gpt-4o" in litellm.model_cost
"""
    environ = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
