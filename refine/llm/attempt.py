"""One attempt at one model call: what a client that talks to a provider raises, for the retry layer above it.

A client raises ModelMisconfigured or ModelRefused where another attempt could not help, and AttemptFailed otherwise.
"""

from typing import Protocol

from refine.errors import ModelRefused
from refine.types import ModelReply, ModelRequest

MAX_REPLY_BYTES = 32 * 1024 * 1024
"""A reply's body is read no further than this: an endpoint must not be able to fill the memory.

Not covered: bodies of error statuses, and everything through litellm, which those libraries read whole.
"""


class AttemptFailed(Exception):
    """The attempt failed in a way that another one may not.

    `is_unreachable`: no connection was made at all. `retry_after_s`: what the provider asked for, uncapped.
    `is_billed`: a reply came, though it is of no use; `cost_usd` is what it cost, None where it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        is_unreachable: bool = False,
        retry_after_s: float | None = None,
        raw_reply: str | None = None,
        is_billed: bool = False,
        cost_usd: float | None = None,
    ) -> None:
        super().__init__(message)
        self.is_billed = is_billed
        self.cost_usd = cost_usd
        self.is_unreachable = is_unreachable
        self.retry_after_s = retry_after_s
        self.raw_reply = raw_reply


class AttemptClient(Protocol):
    """Answers one request by one attempt, without retries of its own."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Raise AttemptFailed, ModelMisconfigured or ModelRefused."""
        ...

    def estimate_usd(self, request: ModelRequest) -> float | None: ...

    async def aclose(self) -> None: ...


def timed_out(request: ModelRequest, timeout_s: float) -> AttemptFailed:
    return AttemptFailed(f"timed out: {one_line(request.model, 100)} sent no whole reply in {timeout_s:g} s")


def render_messages(request: ModelRequest) -> list[dict[str, str]]:
    """Messages as every provider takes them. Raises ModelRefused for text that is no Unicode and cannot be sent."""
    messages = [{"role": message.role, "content": message.text} for message in request.messages]
    try:
        for message in messages:
            message["content"].encode()
    except UnicodeEncodeError as exc:
        raise ModelRefused(f"the request holds characters that cannot be sent: {exc.reason}") from exc
    return messages


def one_line(text: str, limit: int = 300) -> str:
    """Foreign text fit for an error message: one line, bounded, no control characters."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text[: limit * 4]).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
