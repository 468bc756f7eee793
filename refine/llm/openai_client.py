"""OpenAI and OpenAI-compatible endpoints, through the openai client over aiohttp."""

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

from refine.llm.attempt import MAX_REPLY_BYTES, AttemptFailed, render_messages, timed_out
from refine.llm.model_name import ModelTarget
from refine.llm.prices import Price
from refine.llm.reply import parse_reply
from refine.llm.translate import translate
from refine.types import ModelReply, ModelRequest

if TYPE_CHECKING:
    from openai import AsyncOpenAI

CONNECT_TIMEOUT_S = 10.0


class OpenAIClient:
    """One attempt a call; retries are the caller's. Belongs to the event loop that first used it."""

    def __init__(self, target: ModelTarget, *, price: Price | None, concurrency: int, timeout_s: float) -> None:
        self._target = target
        self._price = price
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._client: AsyncOpenAI | None = None

    async def complete(self, request: ModelRequest) -> ModelReply:
        client = self._open()
        import httpx
        import openai
        from aiohttp import ClientError

        started = time.perf_counter()
        try:
            # The body is read here, not by the client: it stays bounded, costs no model building, and a body that is
            # not JSON is seen as what it is.
            create = client.chat.completions.with_streaming_response.create
            # The client's own time-out is for each read; this bounds the whole, also where a server trickles.
            async with asyncio.timeout(self._timeout_s), create(**self._parameters(request)) as response:
                body = await _read_bounded(response)
        except TimeoutError as exc:
            raise timed_out(request, self._timeout_s) from exc
        except (openai.OpenAIError, httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ClientError, OSError) as exc:
            raise translate(exc, model=request.model, endpoint=self._target.provider) from exc
        latency_ms = (time.perf_counter() - started) * 1000
        return parse_reply(
            _parse_json(body),
            asked_for=self._target.sent,
            provider=self._target.provider,
            price=self._price,
            latency_ms=latency_ms,
        )

    def estimate_usd(self, request: ModelRequest) -> float | None:
        return self._price.estimate_usd(request) if self._price is not None else None

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _parameters(self, request: ModelRequest) -> dict[str, Any]:
        # All but the model goes past what the client does to parameters it knows: it would look at each by its types,
        # at a millisecond of CPU a call, to send what it was given.
        body: dict[str, Any] = {
            "messages": render_messages(request),
            "seed": request.seed & 0x7FFFFFFF,  # llama.cpp takes 32 bits
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.max_tokens is not None:
            # OpenAI's newer models take only the new name, other servers only the old one.
            name = "max_tokens" if self._target.is_own_endpoint else "max_completion_tokens"
            body[name] = request.max_tokens
        return {"model": self._target.sent, "messages": (), "extra_body": body}

    def _open(self) -> "AsyncOpenAI":
        if self._client is None:
            import httpx
            from openai import AsyncOpenAI, DefaultAioHttpClient

            timeout = httpx.Timeout(self._timeout_s, connect=min(CONNECT_TIMEOUT_S, self._timeout_s))
            limits = httpx.Limits(
                max_connections=self._concurrency, max_keepalive_connections=self._concurrency, keepalive_expiry=60.0
            )
            self._client = AsyncOpenAI(
                api_key=self._target.api_key,
                base_url=self._target.api_base,
                max_retries=0,
                timeout=timeout,
                http_client=DefaultAioHttpClient(timeout=timeout, limits=limits),
            )
        return self._client


async def _read_bounded(response: Any) -> bytes:
    body = bytearray()
    async for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise AttemptFailed(f"malformed reply: more than {MAX_REPLY_BYTES} bytes")
    return bytes(body)


def _parse_json(body: bytes) -> object:
    import orjson

    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        if b"\\u" in body:  # orjson refuses half a character; the reply is paid for
            with contextlib.suppress(ValueError, RecursionError):
                return json.loads(body)
        raw = body[:100_000].decode("utf-8", "replace")
        raise AttemptFailed(f"malformed reply: not JSON ({exc.msg})", raw_reply=raw, is_billed=True) from exc
