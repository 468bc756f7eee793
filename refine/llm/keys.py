"""Requests and replies as cache entries: the key of a request, and a reply as JSON text."""

import hashlib
import json
from dataclasses import asdict

from refine.types import ModelReply, ModelRequest, Usage

_VERSION = 1


def cache_key(request: ModelRequest) -> str:
    """SHA-256, in hex, of everything that shapes the reply. Where a message's text came from does not."""
    # ASCII escapes, so that text which is no valid Unicode has a key too.
    canonical = json.dumps(
        {
            "version": _VERSION,
            "model": request.model,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "seed": request.seed,
            "messages": [(message.role, message.text) for message in request.messages],
        },
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def dump_reply(reply: ModelReply) -> str:
    return json.dumps({"version": _VERSION, **asdict(reply)}, sort_keys=True)


def load_reply(text: str) -> ModelReply | None:
    """The reply, marked as cached and free of cost; None when the text is not one that `dump_reply` made."""
    try:
        fields = json.loads(text)
        if not isinstance(fields, dict) or fields.pop("version", None) != _VERSION:
            return None
        usage = Usage(**fields.pop("usage"))
        errors = tuple(map(str, fields.pop("errors")))
        reply = ModelReply(**{**fields, "usage": usage, "errors": errors, "is_cached": True, "cost_usd": 0.0})
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    words: tuple[object, ...] = (reply.text, reply.finish_reason, reply.model_returned, reply.provider)
    return reply if all(isinstance(word, str) for word in words) else None
