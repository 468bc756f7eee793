import json
import subprocess
import sys
from pathlib import Path

import pytest

from refine.llm.prices import FREE, given_price, known_providers, price_of
from refine.types import Message, ModelRequest, Part, Usage


def make_request(text: str = "x" * 3000, max_tokens: int | None = None) -> ModelRequest:
    return ModelRequest(model="m", messages=(Message("user", (Part(text),)),), seed=0, max_tokens=max_tokens)


def test_a_price_is_found_with_and_without_its_provider() -> None:
    assert price_of("gpt-4o") == price_of("openai/gpt-4o")
    assert price_of("gpt-4o") is not None


def test_a_price_is_the_lists_own() -> None:
    import importlib.util

    spec = importlib.util.find_spec("litellm")
    assert spec is not None and spec.origin is not None
    listed = json.loads((Path(spec.origin).parent / "model_prices_and_context_window_backup.json").read_text())
    price = price_of("openai/gpt-5")
    assert price is not None
    assert price.prompt == listed["gpt-5"]["input_cost_per_token"]
    assert price.completion == listed["gpt-5"]["output_cost_per_token"]


@pytest.mark.parametrize("name", ["nosuch", "openai/nosuch", "sample_spec", "", "/", "groq/gpt-4o", "text-embedding"])
def test_an_unknown_price_is_none_and_never_another_providers(name: str) -> None:
    assert price_of(name) is None


def test_the_demo_is_free() -> None:
    assert price_of("demo/scripted") == FREE


def test_cached_tokens_cost_what_the_list_says() -> None:
    price = price_of("openai/gpt-5")
    assert price is not None and price.cached is not None
    usage = Usage(prompt_tokens=1000, completion_tokens=100, cached_tokens=400)
    assert price.cost_usd(usage) == pytest.approx(600 * price.prompt + 400 * price.cached + 100 * price.completion)


def test_long_prompts_cost_their_tiers_price() -> None:
    price = price_of("gemini/gemini-2.5-pro")
    assert price is not None and price.tiers
    tier = price.tiers[-1]
    usage = Usage(prompt_tokens=tier.above_tokens + 1, completion_tokens=1)
    assert price.cost_usd(usage) == pytest.approx((tier.above_tokens + 1) * tier.prompt + tier.completion)
    assert tier.prompt > price.prompt


def test_uncounted_tokens_have_no_cost() -> None:
    assert FREE.cost_usd(Usage()) is None


def test_an_estimate_is_a_third_of_the_characters_and_the_most_tokens_allowed() -> None:
    price = given_price((3.0, 10.0))
    assert price.estimate_usd(make_request(max_tokens=500)) == pytest.approx(1000 * 3e-6 + 500 * 1e-5)
    assert price.estimate_usd(make_request()) == pytest.approx(1000 * 3e-6 + 8192 * 1e-5)


def test_an_estimate_counts_bytes_where_characters_are_wide() -> None:
    price = given_price((3.0, 0.0))
    assert price.estimate_usd(make_request("界" * 1000)) == pytest.approx(1000 * 3e-6)


def test_prices_are_read_without_importing_litellm() -> None:
    code = (
        "import sys; from refine.llm import price_of; assert price_of('gpt-4o');"
        "sys.exit(any(name in sys.modules for name in ('litellm', 'openai', 'jinja2', 'diskcache', 'aiohttp')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


def test_providers_are_known_by_litellms_lists() -> None:
    assert {"openai", "anthropic", "gemini", "bedrock", "openrouter", "hosted_vllm", "ollama"} <= known_providers()
