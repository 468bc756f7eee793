"""A local OpenAI-compatible server: the stand-in for a paid model, for tests, benchmarks and trying things out.

It answers through the scripted model (or with one file, or with an echo) after a fixed latency, shows seeded faults,
and counts what it was asked. It listens on 127.0.0.1 only, and ends by itself after --max-seconds.

    python -m refine.llm.local_server --port 0 --latency-ms 500 --faults 429:0.05,timeout:0.01

Its first line of output is its address, ready for `--api-base`.
"""

import argparse
import asyncio
import hashlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from refine.errors import ModelRefused
from refine.llm.faults import Faults, parse_faults
from refine.prompts import read_header

if TYPE_CHECKING:
    from aiohttp import web

_MAX_REQUEST_BYTES = 64 * 1024 * 1024
_BODY_END = re.compile(r"</body>", re.IGNORECASE)


@dataclass(kw_only=True)
class ServerOptions:
    port: int = 0
    """0: any free one."""
    latency_ms: float = 0.0
    model: str = "scripted"
    """The name it serves; it answers to any."""
    faults: str = ""
    """`429:0.05,500:0.05,timeout:0.01,truncate:0.02,malformed:0.01,empty:0.01,refuse:0.01`: shares of calls."""
    page_bytes: int = 0
    """Pages in replies are padded to this size by a comment."""
    seed: int = 0
    answer_all_with: Path | None = None
    echo: bool = False
    """Answer with the last message."""
    reasoning: bool = False
    """Send reasoning text beside the reply."""
    require_key: str | None = None
    """401 for any other bearer."""
    max_seconds: float = 3600.0


@dataclass
class _Counts:
    calls: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    by_template: Counter[str] = field(default_factory=Counter)
    by_fault: Counter[str] = field(default_factory=Counter)


class LocalServer:
    def __init__(self, options: ServerOptions) -> None:
        self.options = options
        self.counts = _Counts()
        self._faults = Faults(parse_faults(options.faults), options.seed)
        file = options.answer_all_with
        self._page = file.read_text(encoding="utf-8") if file is not None else None

    def make_app(self) -> "web.Application":
        from aiohttp import web

        app = web.Application(client_max_size=_MAX_REQUEST_BYTES)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/stats", self._stats)
        return app

    async def _models(self, request: "web.Request") -> "web.Response":
        from aiohttp import web

        if not self._has_key(request):
            return self._error(401, "Incorrect API key provided", "invalid_api_key")
        return web.json_response({"object": "list", "data": [{"id": self.options.model, "object": "model"}]})

    async def _stats(self, request: "web.Request") -> "web.Response":
        from aiohttp import web

        return web.json_response(vars(self.counts))

    async def _complete(self, request: "web.Request") -> "web.StreamResponse":
        counts = self.counts
        counts.calls += 1
        counts.in_flight += 1
        counts.max_in_flight = max(counts.max_in_flight, counts.in_flight)
        status = "gone"  # the caller left before its reply
        try:
            response = await self._answer(request)
            status = str(response.status)
            return response
        finally:
            counts.in_flight -= 1
            counts.by_status[status] += 1

    async def _answer(self, request: "web.Request") -> "web.StreamResponse":
        due = time.perf_counter() + self.options.latency_ms / 1000
        if not self._has_key(request):
            return self._error(401, "Incorrect API key provided", "invalid_api_key")
        body = await request.read()
        try:
            asked = json.loads(body)
            messages = [{"role": str(m["role"]), "content": str(m["content"])} for m in asked["messages"]]
            model, seed = str(asked["model"]), int(asked.get("seed") or 0)
        except (ValueError, KeyError, TypeError):
            return self._error(400, "expected JSON with model and messages", "invalid_request_error")
        if not messages or asked.get("stream"):
            return self._error(400, "expected at least one message, and no streaming", "invalid_request_error")
        self.counts.by_template[_template_of(messages)] += 1
        fault, dice = self._faults.select(body)
        if fault is not None:
            self.counts.by_fault[fault] += 1
        if fault == "timeout":
            await asyncio.sleep(self.options.max_seconds)
        try:
            text = self._text(messages, seed) if fault not in ("429", "500") else ""
        except ModelRefused as error:
            return self._error(400, str(error), "content_policy_violation")
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if fault == "429":
            return self._error(429, "Rate limit reached", "rate_limit_exceeded", {"Retry-After": "0.05"})
        if fault == "500":
            return self._error(dice.choice((500, 502, 503)), "The server had an error", "server_error")
        if fault == "malformed":
            return _malformed(dice.randrange(3))
        if fault == "refuse" and dice.random() < 0.5:
            return self._error(400, "The request was flagged by the content policy", "content_policy_violation")
        return self._completion(fault, text, model, messages)

    def _text(self, messages: Sequence[Mapping[str, str]], seed: int) -> str:
        if self._page is not None:
            return self._page
        if self.options.echo:
            text = messages[-1]["content"]
        else:
            from refine.llm.scripted import answer

            text = answer([(message["role"], message["content"]) for message in messages], seed=seed)
        # Padding inside a search block would keep it from matching: only whole new pages are padded.
        return _pad(text, self.options.page_bytes) if _template_of(messages) in ("draft", "none") else text

    def _completion(
        self, fault: str | None, text: str, model: str, messages: Sequence[Mapping[str, str]]
    ) -> "web.Response":
        from aiohttp import web

        message: dict[str, Any] = {"role": "assistant", "content": text}
        finish = "stop"
        if fault == "truncate":
            message["content"], finish = text[: len(text) // 2], "length"
        elif fault == "empty":
            message["content"] = ""
        elif fault == "refuse":
            message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
        if self.options.reasoning:
            message["reasoning_content"] = "First the structure, then the behaviour."
        prompt = sum(len(m["content"]) for m in messages) // 4 + 1
        completion = len(message["content"] or "") // 4 + 1
        usage: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0},
        }
        if self.options.reasoning:
            usage["completion_tokens_details"] = {"reasoning_tokens": min(10, completion)}
        return web.json_response(
            {
                "id": f"chatcmpl-{self.counts.calls}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": model,
                "choices": [{"index": 0, "message": message, "finish_reason": finish}],
                "usage": usage,
            }
        )

    def _has_key(self, request: "web.Request") -> bool:
        key = self.options.require_key
        return key is None or request.headers.get("Authorization") == f"Bearer {key}"

    def _error(self, status: int, message: str, code: str, headers: Mapping[str, str] | None = None) -> "web.Response":
        from aiohttp import web

        return web.json_response(
            {"error": {"message": message, "type": code, "param": None, "code": code}}, status=status, headers=headers
        )


def _template_of(messages: Sequence[Mapping[str, str]]) -> str:
    system = next((message["content"] for message in reversed(messages) if message["role"] == "system"), "")
    header = read_header(system)
    return header[0] if header else "none"


def _pad(text: str, page_bytes: int) -> str:
    """A comment before the last `</body>` makes up the bytes; text without one is left alone."""
    missing = page_bytes - len(text.encode("utf-8", "surrogatepass"))
    ends = [match.start() for match in _BODY_END.finditer(text)] if missing > 9 else []
    if not ends:
        return text
    filler = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    comment = f"<!--{(filler * (missing // len(filler) + 1))[: missing - 8]}-->\n"
    return text[: ends[-1]] + comment + text[ends[-1] :]


def _malformed(kind: int) -> "web.Response":
    from aiohttp import web

    if kind == 0:
        return web.Response(text='{"id": "chatcmpl-0", "choices": [{"mess', content_type="application/json")
    if kind == 1:
        return web.json_response({"id": "chatcmpl-0", "object": "chat.completion", "choices": []})
    return web.Response(text="<html><body>502 Bad Gateway</body></html>", content_type="text/html")


async def serve(options: ServerOptions) -> None:
    """Serve until SIGTERM, SIGINT or `max_seconds`. Prints the address first."""
    from aiohttp import web

    server = LocalServer(options)
    # A caller that gives up ends its call here too, so that `in_flight` says what is really waited for.
    runner = web.AppRunner(server.make_app(), handler_cancellation=True, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", options.port, backlog=1024)
    await site.start()
    port = runner.addresses[0][1]
    sys.stdout.write(f"http://127.0.0.1:{port}/v1\n")
    sys.stdout.flush()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with asyncio.timeout(options.max_seconds):
            await stop.wait()
    except TimeoutError:
        pass
    finally:
        await runner.cleanup()


@dataclass(frozen=True, kw_only=True)
class RunningServer:
    url: str
    """Ready for `api_base`."""
    pid: int

    def stats(self) -> dict[str, Any]:
        """Counts so far: calls, in_flight, max_in_flight, by_status, by_template, by_fault."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request("GET", "/stats")
            loaded = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return dict(loaded)


@contextmanager
def running(**options: Any) -> Iterator[RunningServer]:
    """The server in a process of its own, ended with the block. Options are those of ServerOptions, by keyword."""
    command = [sys.executable, "-m", "refine.llm.local_server", *_arguments(ServerOptions(**options))]
    # The child imports the same refine as its parent, also where that is a checkout and not installed.
    root = str(Path(__file__).resolve().parents[2])
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
    process = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environ
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"the local server did not start (exit status {process.wait(5)})")
        yield RunningServer(url=url, pid=process.pid)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        if process.stdout is not None:
            process.stdout.close()


def _arguments(options: ServerOptions) -> list[str]:
    arguments: list[str] = []
    for name, value in vars(options).items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            arguments.append(flag)
        elif value not in (None, False, ""):
            arguments += [flag, str(value)]
    return arguments


def parse_options(arguments: Sequence[str] | None = None) -> ServerOptions:
    parser = argparse.ArgumentParser(
        prog="python -m refine.llm.local_server", description="A local stand-in for a paid OpenAI-compatible model."
    )
    default = ServerOptions()
    parser.add_argument("--port", type=int, default=default.port)
    parser.add_argument("--latency-ms", type=float, default=default.latency_ms)
    parser.add_argument("--model", default=default.model)
    parser.add_argument("--faults", default=default.faults)
    parser.add_argument("--page-bytes", type=int, default=default.page_bytes)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--answer-all-with", type=Path, metavar="FILE")
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--reasoning", action="store_true")
    parser.add_argument("--require-key", metavar="KEY")
    parser.add_argument("--max-seconds", type=float, default=default.max_seconds)
    options = ServerOptions(**vars(parser.parse_args(arguments)))
    try:
        parse_faults(options.faults)
    except ValueError as error:
        parser.error(str(error))
    return options


if __name__ == "__main__":
    asyncio.run(serve(parse_options()))
