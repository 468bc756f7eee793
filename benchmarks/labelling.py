"""Many labelers at once over HTTP: what the server spends on a claim and a submit, and how long they wait.

    python benchmarks/labelling.py [--labelers 32 200] [--each 20] [--think-s 0]

The server is a process of its own (labelling page over SQLite, no rate limits, no candidates fetched); the crowd is in
this one, so on two cores both compete. A pair is a POST /claim and the POST of a ranking with a critique, which claims the
next assignment in the same answer; once a labeler has begun, a pair is one request.
"""

import argparse
import asyncio
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

SECRET = b"b" * 32


def prepare(path: Path, chains: int) -> None:
    """Chains of kind `rank` that want more rankings than come, with their pages made."""
    from refine import Refiner
    from refine.types import PromptIn

    async def make() -> None:
        async with Refiner.open(
            path, project="load", panel="people", kind="rank", candidates=4, rankings_per_round=1000, audit_share=0
        ) as refiner:
            await refiner.start_all([PromptIn(key=f"p{n}", prompt=f"A quiz about subject {n}") for n in range(chains)])
            await refiner.wait()

    asyncio.run(make())


def serve(path: Path, descriptor: int) -> None:
    import uvicorn

    from refine.delivery import Sites
    from refine.web import labelling_app
    from store.opening import open_database

    listener = socket.socket(fileno=descriptor)
    sites = Sites(host=f"http://127.0.0.1:{listener.getsockname()[1]}")
    with open_database(path) as database:
        app = labelling_app(database, sites, secret=SECRET, readiness=lambda: (True, {}), is_limited=False)
        config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off")
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def work(url: str, code: str, each: int, think_s: float, pairs: list[float]) -> int:
    async with httpx.AsyncClient(base_url=url, headers={"Origin": url}, timeout=60) as client:
        (await client.post("/enter", json={"code": code})).raise_for_status()
        found = (await client.post("/claim", json={})).json()
        done = 0
        while done < each and "next" in found and found["next"] != "/":
            assignment = found["next"].rpartition("/")[2]
            body = {
                "key": f"key-of-{assignment}",
                "beat_key": f"beat-of-{assignment}",
                "ranking": [["A"], ["B", "C"], ["D"]],
                "critiques": [{"candidate": "D", "text": "The text is too pale to read.", "aim": "improve"}],
            }
            await asyncio.sleep(random.uniform(0, 2 * think_s))
            began = time.perf_counter()
            answer = await client.post(f"/assignment/{assignment}/submit", json=body)
            pairs.append(time.perf_counter() - began)
            answer.raise_for_status()
            found = answer.json()
            done += 1
        return done


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(labelers: int, each: int, think_s: float) -> None:
    from refine.api.labelers import add_labeler
    from store.opening import open_database

    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        path = Path(folder) / "load.db"
        prepare(path, each)
        with open_database(path) as database:
            codes = [add_labeler(database, f"labeler-{n}").url.partition("#")[2] for n in range(labelers)]
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(path), str(listener.fileno())], pass_fds=[listener.fileno()]
        )
        try:
            while True:
                try:
                    httpx.get(f"{url}/healthz", timeout=60)
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            idle = memory_mib(process.pid)
            pairs: list[float] = []

            async def crowd() -> int:
                return sum(await asyncio.gather(*(work(url, code, each, think_s, pairs) for code in codes)))

            before, began = cpu_s(process.pid), time.perf_counter()
            done = asyncio.run(crowd())
            spent, wall = cpu_s(process.pid) - before, time.perf_counter() - began
            times = ", ".join(
                f"p{share * 100:.0f} {1000 * percentile(pairs, share):.0f} ms" for share in (0.5, 0.95, 0.99)
            )
            print(
                f"{labelers} labelers, {think_s:g} s between submits: {done} pairs in {wall:.1f} s ({done / wall:.0f}/s),"
                f" server {1000 * spent / done:.2f} CPU-ms a pair with signing in, submit {times},"
                f" memory {memory_mib(process.pid) - idle:.0f} MiB above idle ({idle:.0f}),"
                f" {1024 * (memory_mib(process.pid) - idle) / labelers:.0f} KiB a session,"
                f" load {os.getloadavg()[0]:.1f}"
            )
        finally:
            process.terminate()
            process.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labelers", type=int, nargs="+", default=[32, 200])
    parser.add_argument("--each", type=int, default=20, help="assignments a labeler does")
    parser.add_argument("--think-s", type=float, default=0.0, help="mean of what a labeler waits before each submit")
    parser.add_argument("--serve", nargs=2, metavar=("DB", "FD"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(Path(options.serve[0]), int(options.serve[1]))
        return
    for labelers in options.labelers:
        measure(labelers, options.each, options.think_s)


if __name__ == "__main__":
    main()
