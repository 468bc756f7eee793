"""A chat completion's body made a ModelReply. Bodies are foreign: every field may be missing or of another type."""

from collections.abc import Mapping
from typing import Any, Literal, NoReturn

from refine.errors import ModelRefused
from refine.llm.attempt import AttemptFailed, one_line
from refine.llm.prices import Price
from refine.types import ModelReply, Usage

# Providers that return a summary of the reasoning, never its text, over these interfaces.
_SUMMARISING = frozenset({"anthropic", "azure", "bedrock", "gemini", "openai", "vertex_ai"})


def parse_reply(body: object, *, asked_for: str, provider: str, price: Price | None, latency_ms: float) -> ModelReply:
    """Raise AttemptFailed for a body that is no completion, ModelRefused for a refusal (its cost is kept).

    An empty or truncated text is a reply like any other: its `finish_reason` tells.
    """
    if not isinstance(body, Mapping):
        _malformed("not a JSON object", body, price)
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        _malformed("no choices", body, price)
    message = choices[0].get("message")
    if not isinstance(message, Mapping):
        _malformed("no message in the choice", body, price)
    text = _text(message.get("content"))
    finish = choices[0].get("finish_reason")
    finish_reason = finish if isinstance(finish, str) else ""
    usage = parse_usage(body.get("usage"))
    cost = price.cost_usd(usage) if price is not None else None
    refusal = _refusal(message)
    if finish_reason == "content_filter" or (refusal and not text):
        words = refusal or text or "content filter"
        raise ModelRefused(f"the model declined: {one_line(words)}", raw_reply=words[:100_000], cost_usd=cost)
    returned = body.get("model")
    reasoning, kind = _reasoning(message, provider)
    return ModelReply(
        text=text,
        model_returned=returned if isinstance(returned, str) and returned else asked_for,
        provider=provider,
        finish_reason=finish_reason,
        reasoning=reasoning,
        reasoning_kind=kind,
        usage=usage,
        cost_usd=cost,
        latency_ms=latency_ms,
    )


def parse_usage(usage: object) -> Usage:
    if not isinstance(usage, Mapping):
        return Usage()
    return Usage(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        reasoning_tokens=_count(_inside(usage, "completion_tokens_details", "reasoning_tokens")),
        cached_tokens=_count(_inside(usage, "prompt_tokens_details", "cached_tokens")),
    )


def _malformed(why: str, body: object, price: Price | None) -> NoReturn:
    raw = whole_characters(str(body)[:100_000])
    usage = parse_usage(body.get("usage")) if isinstance(body, Mapping) else Usage()
    cost = price.cost_usd(usage) if price is not None else None
    raise AttemptFailed(f"malformed reply: {why}: {one_line(raw, 120)}", raw_reply=raw, is_billed=True, cost_usd=cost)


def _text(content: object) -> str:
    """Some servers send content as typed parts."""
    if isinstance(content, str):
        return whole_characters(content)
    if isinstance(content, list):
        texts = (part["text"] for part in content if isinstance(part, Mapping) and isinstance(part.get("text"), str))
        return whole_characters("".join(texts))
    return ""


def whole_characters(text: str) -> str:
    """The text with U+FFFD for halves of surrogate pairs: JSON lets a model write them, and no file can hold them."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _refusal(message: Mapping[str, Any]) -> str:
    refusal = message.get("refusal") or _inside(message, "provider_specific_fields", "refusal")  # there from litellm
    return whole_characters(refusal) if isinstance(refusal, str) else ""


def _reasoning(
    message: Mapping[str, Any], provider: str
) -> tuple[str | None, Literal["visible", "summarised", "absent"]]:
    details = message.get("reasoning_details")
    kinds = {part.get("type") for part in details if isinstance(part, Mapping)} if isinstance(details, list) else set()
    for name in ("reasoning_content", "reasoning"):
        text = message.get(name)
        if isinstance(text, str) and text:
            is_summary = "reasoning.summary" in kinds if kinds else provider in _SUMMARISING
            return whole_characters(text), "summarised" if is_summary else "visible"
    return None, "absent"


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else None


def _inside(fields: Mapping[str, Any], group: str, name: str) -> object:
    details = fields.get(group)
    return details.get(name) if isinstance(details, Mapping) else None
