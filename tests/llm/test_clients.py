"""Both clients over real HTTP against the local server."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from aiohttp import web

from refine.errors import ModelFailed, ModelMisconfigured, ModelRefused, ModelUnreachable
from refine.llm import open_client
from refine.llm.local_server import LocalServer, RunningServer, ServerOptions, running
from refine.protocols import ModelClient
from refine.settings import ProjectSettings, RunOptions
from refine.types import Message, ModelReply, ModelRequest, Part

pytestmark = pytest.mark.parametrize("client", ["openai", "litellm"])


@pytest.fixture(scope="module")
def echo() -> Iterator[RunningServer]:
    with running(echo=True, reasoning=True, max_seconds=300) as server:
        yield server


QUICK_SEED = 18036
"""Its first waits between attempts are short."""


def make_request(text: str = "hello", seed: int = 1, **options: Any) -> ModelRequest:
    messages = (Message("system", (Part("[refine:draft@1]\nYou write pages."),)), Message("user", (Part(text),)))
    return ModelRequest(model="scripted", messages=messages, seed=seed, **options)


def open_local(url: str, client: str, **options: Any) -> ModelClient:
    options.setdefault("retries", 0)
    run = RunOptions(api_base=url, client=client, timeout_s=options.pop("timeout_s", 20.0), **options)
    return open_client(ProjectSettings(model="scripted", seed=QUICK_SEED), run, environ=os.environ)


async def complete(client: ModelClient, *requests: ModelRequest) -> list[ModelReply]:
    try:
        return [await client.complete(request) for request in requests]
    finally:
        await client.aclose()


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[str, LocalServer]]:
    """The same server without a process of its own, which takes longer to start than most of these tests to run."""
    server = LocalServer(ServerOptions(**options))
    runner = web.AppRunner(server.make_app(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def trickling() -> AsyncIterator[str]:
    """A reply that goes on a byte at a time: no single read ever times out."""

    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", trickle)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@contextmanager
def raw_server(*replies: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """A socket that sends these bytes, one a connection (the last for all that follow), whatever it is asked.

    None closes the connection without a word.
    """
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        is_over = threading.Event()

        def work() -> None:
            while not is_over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5)
                    received = b""
                    while b"\r\n\r\n" not in received or not received.rstrip().endswith(b"}"):
                        chunk = connection.recv(65536)
                        if not chunk:
                            break
                        received += chunk
                    reply = replies[min(len(seen), len(replies) - 1)]
                    seen.append(received)
                    if reply is not None:
                        connection.sendall(reply)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", seen
        finally:
            is_over.set()
            thread.join()


def make_http(status: str, body: bytes, *headers: str, kind: str = "application/json") -> bytes:
    head = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


GOOD = make_http(
    "200 OK", b'{"model":"m","choices":[{"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}'
)


async def test_a_reply_carries_what_the_endpoint_said(echo: RunningServer, client: str) -> None:
    options = {"price_usd_per_mtok": (1.0, 2.0)}
    (reply,) = await complete(open_local(echo.url, client, **options), make_request("hällo <b>"))
    assert reply.text == "hällo <b>"
    assert (reply.model_returned, reply.finish_reason) == ("scripted", "stop")
    assert (reply.reasoning, reply.reasoning_kind) == ("First the structure, then the behaviour.", "visible")
    usage = reply.usage
    assert usage.prompt_tokens and usage.completion_tokens
    assert (usage.cached_tokens, usage.reasoning_tokens) == (0, min(10, usage.completion_tokens))
    assert reply.cost_usd == pytest.approx((usage.prompt_tokens + 2 * usage.completion_tokens) / 1e6)
    assert reply.latency_ms > 0
    assert reply.provider in echo.url


async def test_without_a_price_the_cost_is_unknown(echo: RunningServer, client: str) -> None:
    opened = open_local(echo.url, client)
    assert opened.estimate_usd(make_request()) is None
    (reply,) = await complete(opened, make_request())
    assert reply.cost_usd is None


async def test_the_request_holds_what_was_asked(client: str) -> None:
    with raw_server(GOOD) as (url, seen):
        await complete(open_local(url, client), make_request("words", seed=7, temperature=0.5, max_tokens=99))
    for wanted in (b'"words"', b'"seed":7', b'"temperature":0.5', b'"max_tokens":99', b'"scripted"', b'"system"'):
        assert wanted in seen[0].replace(b": ", b":"), wanted
    assert b"Bearer none" in seen[0]


async def test_a_client_opened_after_another_was_closed_works(echo: RunningServer, client: str) -> None:
    for _ in range(2):
        (reply,) = await complete(open_local(echo.url, client), make_request())
        assert reply.text == "hello"


async def test_many_calls_are_in_flight_at_once(client: str) -> None:
    async with serving(echo=True, latency_ms=200) as (url, server):
        opened = open_local(url, client, concurrency=32)
        await opened.complete(make_request())
        started = time.perf_counter()
        await asyncio.gather(*(opened.complete(make_request(seed=seed)) for seed in range(64)))
        assert time.perf_counter() - started < 4.0  # one at a time: 12.8 s
        await opened.aclose()
        assert server.counts.max_in_flight == 32


async def test_faults_are_retried_and_listed(client: str) -> None:
    async with serving(echo=True, faults="429:0.15,500:0.1,malformed:0.15", seed=3) as (url, server):
        opened = open_local(url, client, retries=20, concurrency=30)
        replies = await asyncio.gather(*(opened.complete(make_request(str(n), seed=n)) for n in range(30)))
        await opened.aclose()
        counts = server.counts
    assert [reply.text for reply in replies] == [str(n) for n in range(30)]
    errors = [error for reply in replies for error in reply.errors]
    assert len(errors) == counts.calls - 30 == sum(counts.by_fault.values())
    assert {"429", "malformed"} <= counts.by_fault.keys()
    assert all("\n" not in error for error in errors)


async def test_a_refused_key_stops_with_one_line(client: str) -> None:
    async with serving(echo=True, require_key="right") as (url, server):
        with pytest.raises(ModelMisconfigured, match=r"key was refused.*Incorrect API key") as caught:
            await complete(open_local(url, client, api_key="wrong", retries=3), make_request())
        (reply,) = await complete(open_local(url, client, api_key="right"), make_request())
        assert server.counts.calls == 2
    assert "\n" not in str(caught.value)
    assert reply.text == "hello"


async def test_nothing_at_the_endpoint_is_unreachable(client: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ModelUnreachable, match="nothing answers"):
        await complete(open_local(f"http://127.0.0.1:{port}/v1", client), make_request())


async def test_a_wrong_path_is_a_misconfiguration(echo: RunningServer, client: str) -> None:
    with pytest.raises(ModelMisconfigured, match="does not know"):
        await complete(open_local(echo.url + "/nowhere", client), make_request())


async def test_a_content_policy_is_a_refusal(client: str) -> None:
    async with serving(echo=True, faults="refuse:1") as (url, _):
        opened = open_local(url, client)
        for number in range(8):  # half of them refuse by a status, half in the message
            with pytest.raises(ModelRefused) as caught:
                await opened.complete(make_request(str(number)))
            assert caught.value.raw_reply
        await opened.aclose()


async def test_a_server_that_never_replies_times_out(echo: RunningServer, client: str) -> None:
    await complete(open_local(echo.url, client), make_request())  # a first call loads modules for seconds
    async with serving(echo=True, faults="timeout:1") as (url, server):
        with pytest.raises(ModelFailed, match="timed out") as caught:
            await complete(open_local(url, client, timeout_s=0.5, retries=1), make_request())
        assert server.counts.calls == 2
    assert caught.value.retries == 1


async def test_a_server_that_never_ends_its_reply_times_out(echo: RunningServer, client: str) -> None:
    await complete(open_local(echo.url, client), make_request())
    async with trickling() as url:
        with pytest.raises(ModelFailed, match=r"sent no whole reply in 0\.5 s"):
            await complete(open_local(url, client, timeout_s=0.5), make_request())


@pytest.mark.parametrize(("fault", "text", "finish"), [("empty", "", "stop"), ("truncate", "hel", "length")])
async def test_empty_and_truncated_texts_are_replies(client: str, fault: str, text: str, finish: str) -> None:
    async with serving(echo=True, faults=f"{fault}:1") as (url, _):
        (reply,) = await complete(open_local(url, client), make_request("hello!"))
    assert (reply.text, reply.finish_reason) == (text, finish)


@pytest.mark.parametrize(
    "reply",
    [
        make_http("200 OK", b""),
        make_http("200 OK", b"not JSON"),
        make_http("200 OK", b"[]"),
        make_http("200 OK", b'{"choices": []}'),
        make_http("200 OK", b'{"choices": [{"message": {"content": "cut'),
        make_http("200 OK", b"<html>hi</html>", kind="text/html"),
        make_http("500 Oops", b"<html>hi</html>", kind="text/html"),
        make_http("200 OK", b'{"choices": [{}]}')[:-5],
        b"garbage\r\n\r\n",
        None,
    ],
    ids=["empty", "text", "list", "no choices", "cut JSON", "html", "html 500", "cut body", "not HTTP", "closed"],
)
async def test_whatever_comes_back_is_a_failed_attempt_and_tried_again(client: str, reply: bytes | None) -> None:
    with raw_server(reply, GOOD) as (url, seen):
        opened = open_local(url, client, retries=1, timeout_s=5.0)
        (made,) = await complete(opened, make_request())
    assert made.text == "ok"
    assert len(made.errors) == 1
    assert len(seen) == 2


async def test_the_wait_that_a_server_asks_for_is_kept(client: str) -> None:
    slow = make_http("429 Too Many Requests", b'{"error": {"message": "slow"}}', "Retry-After: 0.8")
    with raw_server(slow, GOOD) as (url, _):
        opened = open_local(url, client, retries=1)
        started = time.perf_counter()
        await complete(opened, make_request())
    assert time.perf_counter() - started >= 0.8


async def test_cancelling_calls_in_flight_leaves_nothing_behind(client: str) -> None:
    async with serving(echo=True, latency_ms=30_000) as (url, server):
        opened = open_local(url, client)
        calls = [asyncio.create_task(opened.complete(make_request(str(n)))) for n in range(4)]
        while server.counts.in_flight < 4:
            await asyncio.sleep(0.05)
        for call in calls:
            call.cancel()
        done = await asyncio.gather(*calls, return_exceptions=True)
        await opened.aclose()
        assert all(isinstance(each, asyncio.CancelledError) for each in done)
        for _ in range(50):
            if server.counts.in_flight == 0:
                break
            await asyncio.sleep(0.05)
        assert server.counts.by_status == {"gone": 4}


async def test_text_that_cannot_be_sent_is_refused(echo: RunningServer, client: str) -> None:
    with pytest.raises(ModelRefused, match="cannot be sent"):
        await complete(open_local(echo.url, client), make_request("\ud800"))
