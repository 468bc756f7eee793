from typing import Any

import pytest

from refine.errors import ModelRefused
from refine.llm.attempt import AttemptFailed
from refine.llm.prices import Price
from refine.llm.reply import parse_reply
from refine.types import ModelReply, Usage


def parse(body: object, provider: str = "p") -> ModelReply:
    return parse_reply(
        body, asked_for="m", provider=provider, price=Price(prompt=1e-6, completion=2e-6), latency_ms=5.0
    )


def make_body(message: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {"model": "m-1", "choices": [{"message": message, "finish_reason": "stop"}], **other}


def test_everything_the_provider_said_is_recorded() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 2},
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    reply = parse(make_body({"content": "hi", "reasoning_content": "hm"}, usage=usage))
    assert reply == ModelReply(
        text="hi",
        model_returned="m-1",
        provider="p",
        finish_reason="stop",
        reasoning="hm",
        reasoning_kind="visible",
        usage=Usage(prompt_tokens=10, completion_tokens=5, reasoning_tokens=2, cached_tokens=4),
        cost_usd=10 * 1e-6 + 5 * 2e-6,
        latency_ms=5.0,
    )


@pytest.mark.parametrize(
    ("message", "provider", "kind"),
    [
        ({"content": ""}, "p", "absent"),
        ({"content": "", "reasoning": ""}, "p", "absent"),
        ({"content": "", "reasoning": "hm"}, "p", "visible"),
        ({"content": "", "reasoning_content": "hm"}, "gemini", "summarised"),
        ({"content": "", "reasoning": "hm", "reasoning_details": [{"type": "reasoning.summary"}]}, "p", "summarised"),
        ({"content": "", "reasoning": "hm", "reasoning_details": [{"type": "reasoning.text"}]}, "gemini", "visible"),
        ({"content": "", "reasoning": 7}, "p", "absent"),
    ],
)
def test_reasoning_is_called_what_it_is(message: dict[str, Any], provider: str, kind: str) -> None:
    assert parse(make_body(message), provider).reasoning_kind == kind


@pytest.mark.parametrize(
    "body",
    [None, "text", [], {}, {"choices": None}, {"choices": []}, {"choices": ["x"]}, {"choices": [{}]}, {"error": {}}],
)
def test_a_body_that_is_no_completion_is_a_failed_attempt_with_its_raw_reply(body: object) -> None:
    with pytest.raises(AttemptFailed, match="malformed") as caught:
        parse(body)
    assert caught.value.raw_reply == str(body)


@pytest.mark.parametrize("content", ["", None, 7])
def test_an_empty_text_is_a_reply(content: object) -> None:
    assert parse(make_body({"content": content})).text == ""


def test_a_truncated_text_is_a_reply_that_says_so() -> None:
    reply = parse({"choices": [{"message": {"content": "<htm"}, "finish_reason": "length"}]})
    assert (reply.text, reply.finish_reason, reply.model_returned) == ("<htm", "length", "m")


def test_content_in_parts_is_joined() -> None:
    assert parse(make_body({"content": [{"type": "text", "text": "a"}, {"type": "x"}, {"text": "b"}]})).text == "ab"


@pytest.mark.parametrize(
    "choice",
    [
        {"message": {"content": None, "refusal": "I cannot"}, "finish_reason": "stop"},
        {"message": {"content": "I can"}, "finish_reason": "content_filter"},
    ],
)
def test_a_refusal_is_an_error_that_keeps_its_words_and_its_cost(choice: dict[str, Any]) -> None:
    with pytest.raises(ModelRefused, match="I can") as caught:
        parse({"choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": 0}})
    assert caught.value.raw_reply is not None
    assert caught.value.cost_usd == pytest.approx(1e-5)


@pytest.mark.parametrize("count", [-1, "7", True, 1.5, 1 << 60, None])
def test_an_absurd_count_is_no_count(count: object) -> None:
    usage = parse(make_body({"content": ""}, usage={"prompt_tokens": count, "completion_tokens_details": 3})).usage
    assert usage == Usage()


def test_half_a_character_reads_as_a_replacement() -> None:
    body = {"choices": [{"message": {"content": "a \ud83d b", "reasoning_content": "\udc00"}, "finish_reason": "stop"}]}
    reply = parse_reply(body, asked_for="m", provider="p", price=None, latency_ms=1.0)
    assert (reply.text, reply.reasoning) == ("a \ufffd b", "\ufffd")


def test_a_reply_of_no_use_says_what_it_cost() -> None:
    with pytest.raises(AttemptFailed) as failed:
        parse({"usage": {"prompt_tokens": 1000, "completion_tokens": 100}})
    assert failed.value.is_billed
    assert failed.value.cost_usd == pytest.approx(0.0012)
