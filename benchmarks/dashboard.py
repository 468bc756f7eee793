"""The dashboard over a store of the seed's shape, in a real Chromium: how long until each page can be used, what it sends,
what the server spends, which queries are slow, whether memory stays flat, and ten viewers at once.

    python benchmarks/made_store.py made.db --chains 40000
    python benchmarks/dashboard.py made.db [--views 200] [--viewers 10]

The last part hands in a ranking, so the file is changed. A query's time is what its statement took on the wall and what it
cost of the thread's CPU: on a busy machine the first includes waiting for others.
"""

import argparse
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SLOW_MS = 50.0
CHROMIUM = os.environ.get("REFINE_CHROMIUM", "/usr/bin/chromium")

# --- The server, with a clock on every query ------------------------------------------------------------------------


def serve(database: str, log: str) -> None:
    """Run `refine dashboard` with timed cursors; statements slower than SLOW_MS go to the log."""
    import sqlite3

    lock, file = threading.Lock(), Path(log).open("a")  # noqa: SIM115  # for as long as the server runs

    class Cursor(sqlite3.Cursor):
        spent = (0.0, 0.0)
        sql = ""

        def _time(self, call: Any, *arguments: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return call(*arguments)
            finally:
                self.spent = (
                    self.spent[0] + time.perf_counter() - wall,
                    self.spent[1] + time.thread_time() - cpu,
                )

        def _end(self) -> None:
            wall, cpu = (1000 * each for each in self.spent)
            if max(wall, cpu) > SLOW_MS:
                with lock:
                    name = threading.current_thread().name
                    file.write(json.dumps([round(wall), round(cpu), name, " ".join(self.sql.split())[:400]]) + "\n")
                    file.flush()
            self.spent = (0.0, 0.0)

        def execute(self, sql: str, *arguments: Any) -> Any:
            self._end()
            self.sql = sql
            return self._time(super().execute, sql, *arguments)

        def fetchone(self) -> Any:
            return self._time(super().fetchone)

        def fetchall(self) -> Any:
            return self._time(super().fetchall)

        def fetchmany(self, *arguments: Any) -> Any:
            return self._time(super().fetchmany, *arguments)

        def close(self) -> None:
            self._end()
            super().close()

        def __del__(self) -> None:
            self._end()

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, sql: str, *arguments: Any) -> Any:
            return self.cursor().execute(sql, *arguments)

    plain = sqlite3.connect
    sqlite3.connect = lambda *arguments, **options: plain(*arguments, **{"factory": Connection, **options})  # type: ignore[assignment,misc]
    from refine.cli import main

    sys.argv = ["refine", "dashboard", "--db", database, "--json"]
    main()


@contextmanager
def running(database: Path, log: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of a dashboard that answers."""
    command = [sys.executable, __file__, str(database), "--serve", str(log)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r'"url":\s*"([^"]+)"', process.stdout.readline())
    assert found, "the dashboard did not start"
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{found[1]}/_stcore/health", timeout=5):
                break
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
    try:
        yield found[1], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        process.stdout.close()


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    """Of its own: without the pages of files that it maps, as SQLite does with the database."""
    (own,) = re.findall(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(own) / 1024


# --- What a viewer does ---------------------------------------------------------------------------------------------


class Viewer:
    """A browser tab that counts what comes over its WebSockets."""

    def __init__(self, context: Any, address: str) -> None:
        self.page = context.new_page()
        self.address = address
        self.received = 0
        self.page.on("websocket", lambda socket: socket.on("framereceived", self._count))

    def _count(self, payload: Any) -> None:
        self.received += len(payload)

    def open(self, path: str, words: str) -> tuple[float, int]:
        """(seconds until the page stands still with these words on it, bytes received for it)."""
        self.received = 0
        began = time.perf_counter()
        self.page.goto(f"{self.address}/{path}", wait_until="commit")
        self.settle(words)
        return time.perf_counter() - began, self.received

    def settle(self, words: str) -> None:
        self.page.get_by_text(words).first.wait_for(timeout=60_000)
        self.stand_still()

    def stand_still(self) -> None:
        self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=60_000)

    def act(self, what: Any) -> float:
        """Seconds from an action until the page stands still again."""
        began = time.perf_counter()
        what(self.page)
        self.page.wait_for_timeout(50)  # for the click to reach the server
        self.stand_still()
        return time.perf_counter() - began


def pages(chain: str) -> list[tuple[str, str, str]]:
    """(name, address, words that are on it when it can be used)."""
    return [
        ("nothing chosen", "chain", "No chain is chosen"),
        ("overview", "", "What waits for people"),
        ("overview, one project", "?project=quizzes", "What waits for people"),
        ("waste", "waste?project=quizzes", "Where it went"),
        ("chains", "chains", "Tick a row"),
        ("chains, by cost", "chains?sort=most%20expensive%20first", "Tick a row"),
        ("chains, with words", "chains?text=tides", "Tick a row"),
        ("chain", f"chain?chain={chain}", "P(better than the first)"),
        ("models", "models?project=quizzes", "By model"),
        ("data", "data?project=quizzes", "What an export would hold"),
        ("chain, rounds", f"chain?chain={chain}&view=Rounds", "P(better than the first)"),
    ]


def open_each(context: Any, address: str, pid: int, chain: str, times: int) -> None:
    print(f"\n{'page':<24}{'usable s':>10}{'again s':>9}{'KiB':>8}{'CPU-ms':>8}")
    for name, path, words in pages(chain):
        seconds, sizes, cpu = [], [], []
        for _ in range(times):
            viewer = Viewer(context, address)
            before = cpu_s(pid)
            took, size = viewer.open(path, words)
            seconds.append(took)
            sizes.append(size)
            cpu.append(cpu_s(pid) - before)
            viewer.page.close()
        again = statistics.median(seconds[1:]) if times > 1 else seconds[0]
        print(
            f"{name:<24}{seconds[0]:>10.2f}{again:>9.2f}{statistics.median(sizes) / 1024:>8.1f}"
            f"{1000 * statistics.median(cpu):>8.0f}"
        )


def interact(context: Any, address: str, chain: str) -> None:
    viewer = Viewer(context, address)
    viewer.open("chains", "Tick a row")
    next_page = statistics.median(
        viewer.act(lambda page: page.get_by_role("button", name="Next page").click()) for _ in range(5)
    )
    viewer.open(f"chain?chain={chain}", "P(better than the first)")
    views = [
        viewer.act(lambda page, name=name: page.get_by_role("radio", name=name, exact=True).first.click())
        for name in ("Family", "Lines", "Calls", "Events", "Story")
    ]
    print(
        f"\ninteractions: next page of the list {next_page:.2f} s, another view of a chain {max(views):.2f} s at most"
    )
    viewer.page.close()


def browse(context: Any, address: str, pid: int, chain: str, views: int) -> None:
    """Many page views, one tab after another, as people would."""
    rng = random.Random(1)
    seen: list[float] = []
    for n in range(views):
        viewer = Viewer(context, address)
        _, path, words = rng.choice(pages(chain))
        viewer.open(path, words)
        viewer.page.close()
        if n % max(1, views // 5) == 0 or n == views - 1:
            seen.append(memory_mib(pid))
    print(f"memory over {views} page views: {' → '.join(f'{each:.0f}' for each in seen)} MiB")


def hand_in(database: Path) -> None:
    """One more ranking, as the labelling page would hand it in."""
    from sqlalchemy import select

    from refine.types import RankingIn
    from store.feedback import lease_assignment, submit_ranking
    from store.opening import open_database
    from store.tables import CHAIN, ROUND

    with open_database(database) as opened:

        def write(connection: Any) -> None:
            query = select(ROUND.c.ulid).join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
            round = (
                connection.execute(query.where(ROUND.c.state == "open", CHAIN.c.state == "waiting")).scalars().first()
            )
            name = f"newcomer {time.time_ns()}"
            held = lease_assignment(connection, round_id=round, labeler=name, made_by="person")
            groups = tuple((each,) for each in held.candidates)
            submit_ranking(
                connection,
                assignment_id=held.id,
                ranking=RankingIn(groups=groups),
                made_by="person",
                key=name,
                active_s=60.0,
            )

        opened.write_now(write)


def watch(context: Any, address: str, pid: int, database: Path, viewers: int) -> None:
    """Everybody looks at the overview; then one ranking comes in."""
    tabs = [Viewer(context, address) for _ in range(viewers)]
    before, began = cpu_s(pid), time.perf_counter()
    for tab in tabs:
        tab.page.goto(f"{address}/", wait_until="commit")
    for tab in tabs:
        tab.settle("What waits for people")
    opened, spent = time.perf_counter() - began, cpu_s(pid) - before
    awaited = '[data-testid="stMetric"]:has-text("Rankings awaited") [data-testid="stMetricValue"]'
    known = [tab.page.locator(awaited).inner_text() for tab in tabs]
    began = time.perf_counter()
    hand_in(database)
    late = []
    for tab, text in zip(tabs, known, strict=True):
        _wait_changed(tab.page, awaited, text)
        late.append(time.perf_counter() - began)
    before = cpu_s(pid)
    time.sleep(10)
    idle = (cpu_s(pid) - before) / 10
    print(
        f"{viewers} viewers: all {viewers} tabs usable {opened:.1f} s after the first was opened ({spent:.1f} CPU-s),"
        f" a ranking seen by all after {max(late):.1f} s; idle they cost {100 * idle:.0f} % of a core"
    )
    for tab in tabs:
        tab.page.close()


def _wait_changed(page: Any, where: str, old: str) -> None:
    until = time.monotonic() + 30
    while page.locator(where).inner_text() == old:
        if time.monotonic() > until:
            raise TimeoutError("a ranking was not seen")
        page.wait_for_timeout(50)


def pick_chain(database: Path) -> str:
    """One of the longest: three rounds, ended."""
    import sqlite3

    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as driver:
        (ulid,) = driver.execute(
            "SELECT chain.ulid FROM chain JOIN round ON round.chain_id = chain.id"
            " WHERE chain.state = 'ended' AND round.kind = 'normal' AND round.number = 3 ORDER BY chain.id DESC LIMIT 1"
        ).fetchone()
    return str(ulid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path)
    parser.add_argument("--views", type=int, default=200, help="page views over which memory is watched")
    parser.add_argument("--viewers", type=int, default=10)
    parser.add_argument("--times", type=int, default=4, help="how often each page is opened")
    parser.add_argument("--serve", metavar="LOG", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(str(options.database), options.serve)
        return
    from playwright.sync_api import sync_playwright

    chain = pick_chain(options.database)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(options.database, log := Path(folder) / "slow.jsonl") as (address, pid),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        first = Viewer(context, address)
        took, _ = first.open("", "What waits for people")
        began, before = time.perf_counter(), cpu_s(pid)
        first.page.get_by_text("counting…").wait_for(state="detached", timeout=600_000)
        print(
            f"started: overview there after {took:.1f} s, all chains counted after {time.perf_counter() - began + took:.0f} s"
            f" ({cpu_s(pid) - before:.0f} CPU-s), memory {memory_mib(pid):.0f} MiB, load {os.getloadavg()[0]:.1f}"
        )
        began = time.perf_counter()
        first.open("waste?project=quizzes", "Where it went")
        first.page.get_by_text("are still looked for").wait_for(state="detached", timeout=600_000)
        print(f"late rankings of 500 rounds found after {time.perf_counter() - began:.0f} s more")
        first.page.close()
        open_each(context, address, pid, chain, options.times)
        interact(context, address, chain)
        browse(context, address, pid, chain, options.views)
        watch(context, address, pid, options.database, options.viewers)
        browser.close()
        slow = [json.loads(each) for each in log.read_text().splitlines()] if log.exists() else []
        print(f"queries over {SLOW_MS:.0f} ms: {len(slow)} on the wall, {sum(it[1] > SLOW_MS for it in slow)} of CPU")
        for (thread, sql), number in Counter((it[2].split("_")[0], it[3]) for it in slow).most_common(8):
            most = max(it[1] for it in slow if it[3] == sql)
            print(f"  {number} × (CPU ≤ {most} ms) in {thread}: {sql[:160]}")


if __name__ == "__main__":
    main()
