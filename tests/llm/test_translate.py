"""Every exception class of openai and litellm, and what becomes of it."""

import inspect
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import aiohttp
import httpx
import openai
import pytest

from refine.errors import ModelMisconfigured, ModelRefused
from refine.llm.attempt import AttemptFailed
from refine.llm.litellm_client import foreign_errors, import_litellm
from refine.llm.translate import parse_retry_after, translate

REQUEST = httpx.Request("POST", "http://h/v1")

OPENAI = {
    "APIConnectionError": AttemptFailed,
    "APIError": AttemptFailed,
    "APIResponseValidationError": AttemptFailed,
    "APIStatusError": AttemptFailed,
    "APITimeoutError": AttemptFailed,
    "AuthenticationError": ModelMisconfigured,
    "BadRequestError": ModelRefused,
    "ConflictError": AttemptFailed,
    "ContentFilterFinishReasonError": ModelRefused,
    "InternalServerError": AttemptFailed,
    "LengthFinishReasonError": AttemptFailed,
    "NotFoundError": ModelMisconfigured,
    "OAuthError": ModelMisconfigured,
    "OpenAIError": AttemptFailed,
    "PermissionDeniedError": ModelMisconfigured,
    "RateLimitError": AttemptFailed,
    "SubjectTokenProviderError": AttemptFailed,
    "UnprocessableEntityError": ModelRefused,
    "WebSocketConnectionClosedError": AttemptFailed,
    "WebSocketQueueFullError": AttemptFailed,
}
LITELLM = {
    "APIConnectionError": AttemptFailed,
    "APIError": AttemptFailed,
    "APIResponseValidationError": AttemptFailed,
    "AuthenticationError": ModelMisconfigured,
    "BadGatewayError": AttemptFailed,
    "BadRequestError": ModelRefused,
    "BlockedPiiEntityError": ModelRefused,
    "BudgetExceededError": ModelMisconfigured,
    "ContentPolicyViolationError": ModelRefused,
    "ContextWindowExceededError": ModelRefused,
    "GuardrailRaisedException": ModelRefused,
    "ImageFetchError": ModelRefused,
    "InternalServerError": AttemptFailed,
    "InvalidRequestError": ModelRefused,
    "JSONSchemaValidationError": AttemptFailed,
    "LiteLLMUnknownProvider": ModelMisconfigured,
    "MidStreamFallbackError": AttemptFailed,
    "MockException": AttemptFailed,
    "ModelNotMappedError": ModelMisconfigured,
    "ModifyResponseException": ModelRefused,
    "NotFoundError": ModelMisconfigured,
    "OpenAIError": AttemptFailed,
    "PaymentRequiredError": ModelMisconfigured,
    "PermissionDeniedError": ModelMisconfigured,
    "RateLimitError": AttemptFailed,
    "RejectedRequestError": ModelRefused,
    "SensitiveDataRouteException": ModelRefused,
    "ServiceUnavailableError": AttemptFailed,
    "Timeout": AttemptFailed,
    "UnprocessableEntityError": ModelRefused,
    "UnsupportedParamsError": ModelMisconfigured,
    "VectorStoreSearchError": ModelRefused,
}


def list_classes(module: ModuleType, defined_in: str) -> dict[str, type[Exception]]:
    return {
        name: kind
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and issubclass(kind, Exception) and kind.__module__ == defined_in
    }


def make(kind: type[Exception]) -> Exception:
    """An instance with plausible arguments for whatever its constructor asks."""
    status = getattr(kind, "status_code", 500)
    values: dict[str, Any] = {
        "message": "words of the provider",
        "model": "m",
        "llm_provider": "p",
        "request": REQUEST,
        "response": httpx.Response(status if isinstance(status, int) else 500, request=REQUEST),
        "body": None,
        "status_code": 500,
        "completion": type("Completion", (), {"usage": None})(),
        "request_data": {},
        "unsent_messages": [],
        "raw_response": "",
        "schema": "",
        "current_cost": 1.0,
        "max_budget": 1.0,
        "failures": (),
    }
    wanted = inspect.signature(kind.__init__).parameters
    given = {
        name: values.get(name, "words")
        for name, parameter in list(wanted.items())[1:]
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    return kind(**given)


def test_no_class_of_openai_is_missed() -> None:
    from openai import _exceptions

    classes = list_classes(_exceptions, "openai") | list_classes(_exceptions, "openai._exceptions")
    classes.pop("InvalidWebhookSignatureError")  # of web hooks received, not of calls made
    assert classes.keys() == OPENAI.keys()
    for name, kind in classes.items():
        translated = translate(make(kind), model="m", endpoint="e")
        assert type(translated) is OPENAI[name], name
        assert issubclass(kind, openai.OpenAIError)


def test_no_class_of_litellm_is_missed() -> None:
    import_litellm()
    from litellm import exceptions

    classes = list_classes(exceptions, "litellm.exceptions")
    assert classes.keys() == LITELLM.keys()
    for name, kind in classes.items():
        exc = make(kind)
        assert type(translate(exc, model="m", endpoint="e")) is LITELLM[name], name
        assert isinstance(exc, foreign_errors()), f"{name} would not be caught"


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (400, {"code": "context_length_exceeded", "message": "too long"}, ModelRefused),
        (400, {"code": "content_filter", "message": "flagged"}, ModelRefused),
        (400, {"code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}}, ModelRefused),
        (403, {"code": "403", "metadata": {"flagged_input": "words"}}, ModelRefused),
        (400, {"code": "unsupported_parameter", "message": "no temperature"}, ModelMisconfigured),
        (400, {"code": "model_not_found", "message": "no such model"}, ModelMisconfigured),
        (402, {"message": "pay"}, ModelMisconfigured),
        (429, {"code": "insufficient_quota", "message": "pay"}, ModelMisconfigured),
        (429, {"code": "rate_limit_exceeded", "message": "slow down"}, AttemptFailed),
        (408, None, AttemptFailed),
        (413, None, ModelRefused),
        (529, None, AttemptFailed),
        (400, "not JSON", ModelRefused),
        (400, {"code": 7, "message": 8}, ModelRefused),
    ],
)
def test_a_status_and_its_code_decide_together(status: int, body: object, wanted: type) -> None:
    exc = openai.APIStatusError("message", response=httpx.Response(status, request=REQUEST), body=body)
    assert type(translate(exc, model="m", endpoint="e")) is wanted


def test_the_providers_words_are_in_the_message_on_one_bounded_line() -> None:
    words = "too long\n\x1b[31m" + "x" * 10_000
    exc = openai.BadRequestError("m", response=httpx.Response(400, request=REQUEST), body={"message": words})
    text = str(translate(exc, model="m", endpoint="e"))
    assert "too long" in text
    assert text.isprintable()
    assert len(text) < 500


def with_cause(exc: Exception, cause: Exception) -> Exception:
    exc.__cause__ = cause
    return exc


@pytest.mark.parametrize(
    ("cause", "is_unreachable"),
    [
        (httpx.ConnectError("refused"), True),
        (httpx.ReadError("reset"), False),
        (httpx.ReadTimeout("slow"), False),
        # The aiohttp transport names any lost connection a ConnectTimeout.
        (with_cause(httpx.ConnectTimeout("x"), aiohttp.ServerDisconnectedError()), False),
        (with_cause(httpx.ConnectTimeout("x"), aiohttp.ConnectionTimeoutError()), True),
    ],
)
def test_only_a_connection_never_made_is_unreachable(cause: Exception, is_unreachable: bool) -> None:
    exc = with_cause(openai.APIConnectionError(request=REQUEST), cause)
    translated = translate(exc, model="m", endpoint="e")
    assert isinstance(translated, AttemptFailed)
    assert translated.is_unreachable is is_unreachable


def test_an_address_that_is_none_is_a_misconfiguration() -> None:
    assert isinstance(translate(httpx.InvalidURL("bad"), model="m", endpoint="e"), ModelMisconfigured)


def test_a_loop_of_causes_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert isinstance(translate(first, model="m", endpoint="e"), AttemptFailed)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("9" * 200, None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=datetime(2026, 11, 24, 12, tzinfo=UTC)) == seconds


def test_retry_after_is_read_from_the_response() -> None:
    response = httpx.Response(429, headers={"Retry-After": "3"}, request=REQUEST)
    translated = translate(openai.RateLimitError("m", response=response, body=None), model="m", endpoint="e")
    assert isinstance(translated, AttemptFailed)
    assert translated.retry_after_s == 3.0
