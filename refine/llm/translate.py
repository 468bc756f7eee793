"""Foreign exceptions made ours, once, where they leave openai or litellm.

litellm's exceptions are openai's subclasses, with status codes of their own; the few that are not are listed here. Both
wrap what failed below them (httpx over aiohttp), so the chain of causes tells whether a connection was made at all.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from refine.errors import ModelError, ModelMisconfigured, ModelRefused
from refine.llm.attempt import AttemptFailed, one_line

_POLICY_CODES = frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})
_SETTING_CODES = frozenset(
    {"unsupported_parameter", "unsupported_value", "unknown_parameter", "model_not_found", "invalid_model"}
)
_PAYMENT_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})

# litellm: names of classes, since importing it to name them would cost seconds where only openai is used.
_POLICY_CLASSES = frozenset({"ContentPolicyViolationError", "RejectedRequestError"})
_SETTING_CLASSES = frozenset(
    {"UnsupportedParamsError", "LiteLLMUnknownProvider", "BudgetExceededError", "ModelNotMappedError"}
)
_GUARDRAIL_CLASSES = frozenset(
    {"GuardrailRaisedException", "BlockedPiiEntityError", "ModifyResponseException", "SensitiveDataRouteException"}
)

# Statuses of clients' mistakes that another attempt may well not meet again.
_RETRIED_STATUSES = frozenset({408, 409, 425, 429})


def translate(exc: BaseException, *, model: str, endpoint: str) -> ModelError | AttemptFailed:
    """What to raise `from exc`. Anything that no rule knows is a failed attempt, to be retried."""
    text = f"{model} at {endpoint}: {one_line(_message(exc))}"
    name = type(exc).__name__
    codes = {code for code in (_code(exc, "code"), _code(exc, "type")) if code}
    if codes & _POLICY_CODES or name in _POLICY_CLASSES or name in _GUARDRAIL_CLASSES or _has_filter(exc):
        return ModelRefused(f"refused by content policy: {text}", raw_reply=_raw(exc))
    if codes & _SETTING_CODES or name in _SETTING_CLASSES or "LLM Provider NOT provided" in text:
        return ModelMisconfigured(text, raw_reply=_raw(exc))
    if codes & _PAYMENT_CODES or name == "PaymentRequiredError":
        return ModelMisconfigured(f"the account cannot pay for the call: {text}", raw_reply=_raw(exc))
    if name == "LengthFinishReasonError":
        return AttemptFailed(text)
    if name == "ContentFilterFinishReasonError":
        return ModelRefused(f"refused by content policy: {text}")
    if _is_bad_address(exc):
        return ModelMisconfigured(f"the endpoint's address cannot be used: {text}")
    if _is_unreachable(exc):
        return AttemptFailed(f"nothing answers: {text}", is_unreachable=True)
    if _is_timeout(exc):
        return AttemptFailed(f"timed out: {text}")
    if _is_broken_reply(exc):
        return AttemptFailed(f"malformed reply: {text}", raw_reply=_raw(exc))
    status = _status(exc)
    if status is None:
        return AttemptFailed(f"{name}: {text}")
    return _by_status(exc, status, f"HTTP {status}: {text}")


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or an HTTP date; None where it holds neither."""
    if value is None or len(value) > 100:
        return None
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return seconds if 0 <= seconds < 1e9 else None
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


def _by_status(exc: BaseException, status: int, text: str) -> ModelError | AttemptFailed:
    if status in _RETRIED_STATUSES or status >= 500 or status < 400:
        return AttemptFailed(text, retry_after_s=_retry_after(exc), raw_reply=_raw(exc))
    if status == 401:
        return ModelMisconfigured(f"the key was refused: {text}", raw_reply=_raw(exc))
    if status == 402:
        return ModelMisconfigured(f"the account cannot pay for the call: {text}", raw_reply=_raw(exc))
    if status == 403:
        return ModelMisconfigured(f"the key may not use this model: {text}", raw_reply=_raw(exc))
    if status in (404, 405):
        return ModelMisconfigured(f"the endpoint does not know the model or the address: {text}", raw_reply=_raw(exc))
    return ModelRefused(text, raw_reply=_raw(exc))


def _causes(exc: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = exc
    for _ in range(20):  # a chain can be a loop
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def _has_class(exc: BaseException, module: str, *names: str) -> bool:
    """Whether a cause is, or is derived from, one of these classes of a library (not imported for the question)."""
    return any(
        kind.__name__ in names and kind.__module__.partition(".")[0] == module
        for cause in _causes(exc)
        for kind in type(cause).__mro__
    )


def _is_bad_address(exc: BaseException) -> bool:
    return _has_class(exc, "httpx", "InvalidURL", "UnsupportedProtocol") or _has_class(exc, "aiohttp", "InvalidURL")


def _is_unreachable(exc: BaseException) -> bool:
    # httpx over aiohttp calls every lost connection a ConnectTimeout: where aiohttp is in the chain, only it can say.
    if _has_class(exc, "aiohttp", "ClientError"):
        return _has_class(
            exc, "aiohttp", "ClientConnectorError", "ConnectionTimeoutError", "ClientProxyConnectionError"
        )
    if _has_class(exc, "httpx", "ConnectError", "ConnectTimeout", "ProxyError"):
        return True
    # litellm drops the chain and keeps the words.
    words = _message(exc)
    return any(mark in words for mark in ("Cannot connect to host", "Connection refused", "Name or service not known"))


def _is_timeout(exc: BaseException) -> bool:
    return _has_class(exc, "openai", "APITimeoutError") or _has_class(exc, "httpx", "TimeoutException")


def _is_broken_reply(exc: BaseException) -> bool:
    return _has_class(exc, "openai", "APIResponseValidationError")


def _has_filter(exc: BaseException) -> bool:
    """Azure and OpenRouter say it inside the body of a 400 or 403."""
    body = getattr(exc, "body", None)
    if not isinstance(body, dict):
        return False
    inner = body.get("innererror") or body.get("metadata")
    return isinstance(inner, dict) and (
        inner.get("code") == "ResponsibleAIPolicyViolation" or bool(inner.get("flagged_input"))
    )


def _status(exc: BaseException) -> int | None:
    status = getattr(exc, "status_code", None)
    return status if isinstance(status, int) and 100 <= status < 1000 else None


def _code(exc: BaseException, name: str) -> str | None:
    value = getattr(exc, name, None)
    return value if isinstance(value, str) else None


def _message(exc: BaseException) -> str:
    body = getattr(exc, "body", None)
    if isinstance(body, dict) and isinstance(body.get("message"), str) and body["message"]:
        return str(body["message"])
    message = getattr(exc, "message", None)
    if not isinstance(message, str) or not message:
        message = str(exc)
    cause = exc.__cause__
    if cause is not None and str(cause) and message in ("Connection error.", "Request timed out."):
        message = f"{message} {cause}"
    return message or type(exc).__name__


def _raw(exc: BaseException) -> str | None:
    response = getattr(exc, "response", None)
    try:
        text = getattr(response, "text", None)
    except (RuntimeError, UnicodeDecodeError, LookupError):  # httpx: the body was not read, or cannot be decoded
        return None
    if not isinstance(text, str) or not text:
        text = getattr(exc, "message", None)  # litellm keeps the body only in its message
    return text[:100_000] if isinstance(text, str) and text else None


def _retry_after(exc: BaseException) -> float | None:
    headers: Any = getattr(getattr(exc, "response", None), "headers", None)
    for source in (headers, getattr(exc, "litellm_response_headers", None)):
        value = source.get("retry-after") if source is not None and hasattr(source, "get") else None
        if isinstance(value, str) and (seconds := parse_retry_after(value)) is not None:
            return seconds
    return None
