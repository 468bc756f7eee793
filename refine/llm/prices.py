"""What models cost: litellm's own price list, read as data, without importing litellm."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from refine.types import ModelRequest, Usage

DEFAULT_MAX_TOKENS = 8192
"""Completion tokens assumed by an estimate where the request sets no limit."""

_BYTES_PER_TOKEN = 3  # an upper estimate: English runs at about four, code and other scripts at fewer
_TIER = re.compile(r"(input|output)_cost_per_token_above_(\d{1,6})k_tokens")
# Providers of litellm that neither of its two lists names.
_UNLISTED = frozenset(
    {"charity_engine", "langflow", "modelscope", "nano-gpt", "parasail", "sagemaker_nova", "vertex_ai_beta"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Prices of a request with more prompt tokens than `above_tokens`."""

    above_tokens: int
    prompt: float
    completion: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars a token."""

    prompt: float
    completion: float
    cached: float | None = None
    """Prompt tokens read from the provider's cache; None: like any others."""
    reasoning: float | None = None
    """None: like other completion tokens."""
    tiers: tuple[Tier, ...] = ()
    """By rising `above_tokens`."""

    def cost_usd(self, usage: Usage) -> float | None:
        """None when the provider did not count the tokens."""
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            return None
        prompt_rate, completion_rate, is_base = self._rates(usage.prompt_tokens)
        cached = min(usage.cached_tokens or 0, usage.prompt_tokens)
        reasoning = min(usage.reasoning_tokens or 0, usage.completion_tokens)
        cached_rate = self.cached if self.cached is not None and is_base else prompt_rate
        reasoning_rate = self.reasoning if self.reasoning is not None and is_base else completion_rate
        return (
            (usage.prompt_tokens - cached) * prompt_rate
            + cached * cached_rate
            + (usage.completion_tokens - reasoning) * completion_rate
            + reasoning * reasoning_rate
        )

    def estimate_usd(self, request: ModelRequest) -> float:
        """An upper estimate, before the call; not a bound where `max_tokens` is not set."""
        size = sum(len(message.text.encode("utf-8", "surrogatepass")) for message in request.messages)
        tokens = size / _BYTES_PER_TOKEN
        prompt_rate, completion_rate, _ = self._rates(tokens)
        completion = max(completion_rate, self.reasoning or 0.0)
        return tokens * prompt_rate + (request.max_tokens or DEFAULT_MAX_TOKENS) * completion

    def _rates(self, prompt_tokens: float) -> tuple[float, float, bool]:
        for tier in reversed(self.tiers):
            if prompt_tokens > tier.above_tokens:
                return tier.prompt, tier.completion, False
        return self.prompt, self.completion, True


FREE = Price(prompt=0.0, completion=0.0)


def price_of(model: str) -> Price | None:
    """By the name as it is, else without its provider; None when the list does not know it. `demo/` models are free."""
    if model.startswith("demo/"):
        return FREE
    entry = _entry(model)
    return None if entry is None else _parse_price(entry)


def given_price(usd_per_mtok: tuple[float, float]) -> Price:
    """The price that a person passed with --price."""
    return Price(prompt=usd_per_mtok[0] / 1e6, completion=usd_per_mtok[1] / 1e6)


def provider_of(model: str) -> str | None:
    """The provider that litellm calls for a name without one; None when it does not know the name."""
    entry = _price_list().get(model)
    provider = entry.get("litellm_provider") if isinstance(entry, dict) and model != "sample_spec" else None
    return provider if isinstance(provider, str) else None


@cache
def known_providers() -> frozenset[str]:
    """Every provider prefix that litellm knows."""
    listed = _read_json("provider_endpoints_support_backup.json").get("providers", {})
    prefixes = {name.partition("/")[0] for name in _price_list() if "/" in name}
    owners = {entry.get("litellm_provider") for entry in _price_list().values() if isinstance(entry, dict)}
    names = {name for name in {*listed, *prefixes, *owners} if isinstance(name, str) and " " not in name}
    return frozenset(names | _UNLISTED)


def _entry(model: str) -> Mapping[str, Any] | None:
    listed = _price_list()
    provider, _, rest = model.partition("/")
    entry = listed.get(model)
    if entry is None and rest:
        entry = listed.get(rest)
        # A bare name in the list is its owner's: another provider may ask another price for the same model.
        if isinstance(entry, dict) and entry.get("litellm_provider") != provider:
            entry = None
    return entry if isinstance(entry, dict) and model != "sample_spec" else None


def _parse_price(entry: Mapping[str, Any]) -> Price | None:
    prompt, completion = _number(entry, "input_cost_per_token"), _number(entry, "output_cost_per_token")
    if prompt is None or completion is None:
        return None
    above = sorted({int(match[2]) * 1000 for key in entry if (match := _TIER.fullmatch(key))})
    tiers = tuple(
        Tier(
            above_tokens=tokens,
            prompt=_number(entry, f"input_cost_per_token_above_{tokens // 1000}k_tokens") or prompt,
            completion=_number(entry, f"output_cost_per_token_above_{tokens // 1000}k_tokens") or completion,
        )
        for tokens in above
    )
    return Price(
        prompt=prompt,
        completion=completion,
        cached=_number(entry, "cache_read_input_token_cost"),
        reasoning=_number(entry, "output_cost_per_reasoning_token"),
        tiers=tiers,
    )


def _number(entry: Mapping[str, Any], key: str) -> float | None:
    value = entry.get(key)
    return float(value) if isinstance(value, int | float) and value >= 0 else None


@cache
def _price_list() -> dict[str, Any]:
    return _read_json("model_prices_and_context_window_backup.json")


def _read_json(name: str) -> dict[str, Any]:
    import orjson

    spec = find_spec("litellm")  # finds the package's folder without running its three CPU-seconds of imports
    if spec is None or spec.origin is None:
        return {}
    path = Path(spec.origin).parent / name
    if not path.is_file():
        return {}
    loaded = orjson.loads(path.read_bytes())
    return loaded if isinstance(loaded, dict) else {}
