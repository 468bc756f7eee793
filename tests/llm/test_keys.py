from dataclasses import replace

import pytest

from refine.llm import cache_key, dump_reply, load_reply
from refine.types import Message, ModelReply, ModelRequest, Part, Span, Usage

REQUEST = ModelRequest(
    model="m", messages=(Message("system", (Part("a"),)), Message("user", (Part("b"), Part("c")))), seed=1
)


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, model="n"),
        replace(REQUEST, seed=2),
        replace(REQUEST, temperature=0.0),
        replace(REQUEST, max_tokens=10),
        replace(REQUEST, messages=REQUEST.messages[:1]),
        replace(REQUEST, messages=(Message("user", (Part("a"),)), REQUEST.messages[1])),
    ],
)
def test_whatever_shapes_the_reply_changes_the_key(other: ModelRequest) -> None:
    assert cache_key(other) != cache_key(REQUEST)


def test_where_the_words_came_from_does_not_change_the_key() -> None:
    span = Span(critique="k", start=0, end=1)
    parts = (Part("b", span=span), Part("c"))
    assert cache_key(replace(REQUEST, messages=(REQUEST.messages[0], Message("user", parts)))) == cache_key(REQUEST)


def test_text_that_is_no_unicode_has_a_key() -> None:
    assert len(cache_key(replace(REQUEST, messages=(Message("user", (Part("\ud800"),)),)))) == 64


def test_a_reply_comes_back_marked_as_cached_and_free() -> None:
    reply = ModelReply(
        text="<p>ü</p>",
        model_returned="m-1",
        provider="p",
        finish_reason="stop",
        reasoning="because",
        reasoning_kind="visible",
        usage=Usage(prompt_tokens=3),
        cost_usd=0.5,
        latency_ms=7.0,
        errors=("HTTP 500",),
    )
    assert load_reply(dump_reply(reply)) == replace(reply, is_cached=True, cost_usd=0.0)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "usage": 3}', "[" * 100_000, '{"version": 2}']
)
def test_what_is_no_reply_of_ours_is_a_miss(text: str) -> None:
    assert load_reply(text) is None
