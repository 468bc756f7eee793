"""Every other provider, through litellm's `acompletion`; never its proxy, router or retries."""

import asyncio
import logging
import os
import time
import warnings
from types import ModuleType
from typing import Any

from refine.llm.attempt import render_messages, timed_out
from refine.llm.model_name import ModelTarget
from refine.llm.prices import Price
from refine.llm.reply import parse_reply
from refine.llm.translate import translate
from refine.types import ModelReply, ModelRequest

# Read by litellm while it is imported; outside "production" it loads a `.env` file from the working folder.
_QUIET = {
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
}

_in_use: set["LitellmClient"] = set()

_READ_ONLY = r"Item '.*' on TypedDict class '.*' is using the `ReadOnly` qualifier"


class LitellmClient:
    """One attempt a call; retries are the caller's. The first call imports litellm: about three CPU-seconds."""

    def __init__(self, target: ModelTarget, *, price: Price | None, timeout_s: float) -> None:
        self._target = target
        self._price = price
        self._timeout_s = timeout_s
        self._supported: frozenset[str] | None = None

    async def complete(self, request: ModelRequest) -> ModelReply:
        litellm = import_litellm()
        _in_use.add(self)
        try:
            parameters = self._parameters(litellm, request)
            started = time.perf_counter()
            # Its own time-out is for each read; this bounds the whole, also where a server trickles.
            async with asyncio.timeout(self._timeout_s):
                response = await litellm.acompletion(**parameters)
        except TimeoutError as exc:
            raise timed_out(request, self._timeout_s) from exc
        except foreign_errors() as exc:
            raise translate(exc, model=request.model, endpoint=self._target.provider) from exc
        latency_ms = (time.perf_counter() - started) * 1000
        body = response.model_dump()
        returned = response._hidden_params.get("provider_response_model")
        if returned:  # litellm may put the name that was asked for in its place
            body["model"] = returned
        return parse_reply(
            body,
            asked_for=self._target.sent,
            provider=self._target.provider,
            price=self._price,
            latency_ms=latency_ms,
        )

    def estimate_usd(self, request: ModelRequest) -> float | None:
        return self._price.estimate_usd(request) if self._price is not None else None

    async def aclose(self) -> None:
        """litellm keeps one pool of connections for all its callers: the last client of ours closes it."""
        if self not in _in_use:
            return
        _in_use.discard(self)
        if not _in_use:
            litellm = import_litellm()
            await litellm.close_litellm_async_clients()
            litellm.in_memory_llm_clients_cache.flush_cache()  # it would hand out the closed ones again

    def _parameters(self, litellm: ModuleType, request: ModelRequest) -> dict[str, Any]:
        parameters: dict[str, Any] = {
            "model": self._target.sent,
            "messages": render_messages(request),
            "timeout": self._timeout_s,
            "num_retries": 0,
            "max_retries": 0,
            "stream": False,
        }
        if self._target.api_base is not None:
            parameters["api_base"] = self._target.api_base
        if self._target.api_key is not None:
            parameters["api_key"] = self._target.api_key
        if self._supported is None:
            self._supported = frozenset(litellm.get_supported_openai_params(self._target.sent) or ())
        # A seed is sent where the provider takes one; temperature and limits change replies and are never dropped.
        if "seed" in self._supported:
            parameters["seed"] = request.seed & 0x7FFFFFFF
        if request.temperature is not None:
            parameters["temperature"] = request.temperature
        if request.max_tokens is not None:
            parameters["max_tokens"] = request.max_tokens
        return parameters


def import_litellm() -> ModuleType:
    """litellm, told first to keep to itself: no lists from the network, no `.env` of the working folder, no chatter."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    # litellm's own types make pydantic warn when first used; nobody who calls us can do anything about it.
    warnings.filterwarnings("ignore", message=_READ_ONLY, category=UserWarning)
    import litellm

    if not litellm.suppress_debug_info:
        litellm.suppress_debug_info = True
        litellm.telemetry = False
        litellm.num_retries = 0
        for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    module: ModuleType = litellm
    return module


def foreign_errors() -> tuple[type[Exception], ...]:
    """What a call through litellm can raise: openai's tree, what lies under it, and litellm's classes outside it."""
    import aiohttp
    import httpx
    import openai
    from litellm import exceptions

    return (
        openai.OpenAIError,
        httpx.HTTPError,
        httpx.InvalidURL,
        httpx.StreamError,
        aiohttp.ClientError,
        OSError,
        exceptions.BlockedPiiEntityError,
        exceptions.BudgetExceededError,
        exceptions.GuardrailRaisedException,
        exceptions.ModelNotMappedError,
        exceptions.ModifyResponseException,
        exceptions.SensitiveDataRouteException,
    )
