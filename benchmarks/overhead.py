"""How near a batch comes to the time its model calls take by themselves, side by side.

    python benchmarks/overhead.py [--chains 200] [--rounds 3] [--concurrency 64] [--latency-ms 500] [--page-bytes 8192]
                                  [--repeat 3] [--quick]

Ideal = calls × latency ÷ concurrency. Against one local OpenAI-compatible server of fixed latency, in a process of its
own: the bare openai client under plain asyncio (over its default transport and over aiohttp), our whole loop through
openai, and our whole loop through litellm. The bare runs make the same calls in the same order of dependence (drafts,
then per round a distillation and its revisions), with messages of the same size. Every run is a process of its own,
warmed up by a small project first; variants take turns, so that a noisy minute hits all of them.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _meter import CpuMeter, MeteredPanel

from refine.llm.local_server import RunningServer, running

VARIANTS = ("bare-httpx", "bare-aiohttp", "ours-openai", "ours-litellm")
WARM_CHAINS = 16


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency-ms", type=float, default=500.0)
    parser.add_argument("--page-bytes", type=int, default=8192)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    parser.add_argument("--quick", action="store_true", help="40 chains, 16 calls in flight, 100 ms, once")
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--one", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.chains, options.concurrency, options.latency_ms, options.repeat = 40, 16, 100.0, 1
    return options


# --- One run, in a process of its own ---------------------------------------------------------------------------------


async def run_ours(options: argparse.Namespace, client: str) -> dict[str, float]:
    import refine.api.runner as runner
    from refine.api import Refiner
    from refine.api.memory import settle_memory
    from refine.settings import RunOptions
    from refine.types import PromptIn

    meter = CpuMeter()
    open_panel = runner.open_panel  # type: ignore[attr-defined]
    runner.open_panel = lambda settings: MeteredPanel(open_panel(settings), meter)  # type: ignore[attr-defined]
    model = "openai/scripted"
    with tempfile.TemporaryDirectory() as folder:
        refiner = Refiner.open(
            Path(folder) / "overhead.db",
            model=model,
            rounds=options.rounds,
            plateau_rounds=1000,
            options=RunOptions(
                api_base=options.url,
                api_key="local",
                client=client,
                concurrency=options.concurrency,
            ),
        )

        def prompts(name: str, count: int) -> list[PromptIn]:
            return [
                PromptIn(key=f"{name}{n}", prompt=f"Create an interactive quiz about {name} {n}") for n in range(count)
            ]

        async with refiner:
            await refiner.start_all(prompts("rivers", WARM_CHAINS))
            await refiner.wait()
            meter.spent_s.clear()
            settle_memory()  # as `refine batch` does
            calls_before, started, cpu = refiner.progress().meter.calls, time.perf_counter(), time.process_time()
            await refiner.start_all(prompts("mountains", options.chains))
            progress = await refiner.wait()
            wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
            failed = progress.states.get("failed", 0)
    if failed:
        raise RuntimeError(f"{failed} chains failed")
    return {
        "calls": progress.meter.calls - calls_before,
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "panel_cpu_s": meter.spent_s["panel"],
    }


async def run_bare(options: argparse.Namespace, transport: str) -> dict[str, float]:
    """The same calls by hand: per chain 4 drafts at once, then per further round a distillation and 2 revisions."""
    import openai

    from refine.revise import draft_step

    http = openai.DefaultAioHttpClient() if transport == "aiohttp" else None
    client = openai.AsyncOpenAI(base_url=options.url, api_key="local", max_retries=0, http_client=http)
    slots = asyncio.Semaphore(options.concurrency)
    calls = 0
    # a later call carries the page, as ours do, inside a request that the server answers like a draft
    asked = draft_step("Create an interactive quiz about mountains", instructions="", replies=[])
    messages: list[Any] = [{"role": message.role, "content": message.text} for message in asked.messages]  # type: ignore[union-attr]
    with_page = [messages[0], {**messages[1], "content": messages[1]["content"] + "\n" + "x" * options.page_bytes}]

    async def call(what: list[Any], seed: int) -> None:
        nonlocal calls
        async with slots:
            reply = await client.chat.completions.create(model="scripted", messages=what, seed=seed)
        assert reply.choices[0].message.content
        calls += 1

    async def chain(number: int) -> None:
        await asyncio.gather(*(call(messages, slot) for slot in range(4)))
        for _ in range(options.rounds - 1):
            await call(with_page, 0)
            await asyncio.gather(*(call(with_page, slot) for slot in range(2)))

    await asyncio.gather(*(chain(n) for n in range(WARM_CHAINS)))
    calls = 0
    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(chain(n) for n in range(options.chains)))
    found = {"calls": calls, "wall_s": time.perf_counter() - started, "cpu_s": time.process_time() - cpu}
    await client.close()
    return {**found, "panel_cpu_s": 0.0}


def run_one(options: argparse.Namespace) -> None:
    kind, _, how = options.one.partition("-")
    found = asyncio.run(run_ours(options, how) if kind == "ours" else run_bare(options, how))
    print(json.dumps(found))


# --- All of them, taking turns ----------------------------------------------------------------------------------------


def measure(options: argparse.Namespace, variant: str, server: RunningServer) -> dict[str, float]:
    names = ("chains", "rounds", "concurrency", "latency_ms", "page_bytes")
    flags = [part for name in names for part in (f"--{name.replace('_', '-')}", str(getattr(options, name)))]
    command = [sys.executable, __file__, *flags, "--url", server.url, "--one", variant]
    server_cpu_s = _cpu_s(server.pid)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    found["server_cpu_s"] = _cpu_s(server.pid) - server_cpu_s
    found["ideal_s"] = found["calls"] * options.latency_ms / 1000 / options.concurrency
    found["ratio"] = found["wall_s"] / found["ideal_s"]
    found["max_in_flight"] = server.stats()["max_in_flight"]
    return found


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    options = parse()
    if options.one:
        run_one(options)
        return
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(options.repeat):
        for variant in options.variants:
            # a server of its own for each run: its count of calls in flight is then of that run alone
            with running(latency_ms=options.latency_ms, page_bytes=options.page_bytes) as server:
                found[variant].append(measure(options, variant, server))
            last = found[variant][-1]
            print(f"  {variant}: {last['wall_s']:.2f} s, {last['ratio']:.3f} × ideal", file=sys.stderr)

    def median(variant: str, value: Callable[[dict[str, float]], float]) -> float:
        return statistics.median(value(run) for run in found[variant])

    print(
        f"{options.chains} chains × {options.rounds} rounds, {options.concurrency} in flight × {options.latency_ms:g} ms, "
        f"pages of {options.page_bytes} bytes, medians of {options.repeat}; load before: {os.getloadavg()[0]:.1f}"
    )
    print(
        "| | calls | ideal s | wall s | wall ÷ ideal | range | CPU-ms a call | of it panel | server CPU-s | in flight |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for variant in options.variants:
        ratios = [run["ratio"] for run in found[variant]]
        print(
            f"| {variant} | {median(variant, lambda r: r['calls']):.0f} | {median(variant, lambda r: r['ideal_s']):.2f} "
            f"| {median(variant, lambda r: r['wall_s']):.2f} | {median(variant, lambda r: r['ratio']):.3f} "
            f"| {min(ratios):.3f}–{max(ratios):.3f} | {median(variant, lambda r: 1000 * r['cpu_s'] / r['calls']):.2f} "
            f"| {median(variant, lambda r: 1000 * r['panel_cpu_s'] / r['calls']):.2f} "
            f"| {median(variant, lambda r: r['server_cpu_s']):.1f} | {median(variant, lambda r: r['max_in_flight']):.0f} |"
        )


if __name__ == "__main__":
    main()
