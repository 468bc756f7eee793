"""The same assignment built in Streamlit, beside `labelling.py`: CPU of the server for every thing a labeler does, and
memory of an open session.

    python benchmarks/labelling_streamlit.py [--sessions 20] [--each 10]

The file is its own Streamlit app: four pages in frames, a rank for each, two boxes for words, why, skip and hand in. A
session is a WebSocket that speaks Streamlit's own protocol; each rerun is what one click, one choice or one box left
costs there, where `labelling.py` asks its server only to save and to hand in.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAGES = 4
PAGE = "<style>body{font:16px sans-serif}</style><h1>A quiz</h1>" + "<p>A question, and four answers to it.</p>" * 120


def app() -> None:
    import streamlit as st

    st.title("Rank and criticise")
    st.write("Make a quiz about how data packets find their way through the internet.")
    letters = "ABCDEFGH"[:PAGES]
    for row in range(0, PAGES, 2):
        for letter, column in zip(letters[row : row + 2], st.columns(2), strict=True):
            with column:
                st.subheader(f"Page {letter}")
                st.iframe(PAGE, height=320)
                st.radio(f"Line of {letter}", range(1, PAGES + 1), horizontal=True, key=f"rank {letter}")
                st.text_area("What should be better?", key=f"improve {letter}")
                st.text_area("What should stay as it is?", key=f"keep {letter}")
                st.checkbox("Cannot be judged", key=f"beyond {letter}")
    st.text_input("Why is the first better than the second?", key="why")
    st.button("Skip")
    st.button("Hand in")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def measure(port: int, pid: int, sessions: int, each: int) -> None:
    import aiohttp
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    url = f"http://127.0.0.1:{port}"
    rerun = BackMsg()
    rerun.rerun_script.query_string = ""
    sent = rerun.SerializeToString()
    received = 0

    async def finish(connection: aiohttp.ClientWebSocketResponse) -> None:
        nonlocal received
        while True:
            message = await connection.receive(timeout=120)
            if message.type is not aiohttp.WSMsgType.BINARY:
                raise RuntimeError(f"the connection ended: {message}")
            received += len(message.data)
            forward = ForwardMsg()
            forward.ParseFromString(message.data)
            if forward.WhichOneof("type") == "script_finished":
                return

    async with aiohttp.ClientSession() as client:
        for _ in range(600):
            try:
                async with client.get(f"{url}/_stcore/health") as answer:
                    if answer.status == 200:
                        break
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)

        async def connect() -> aiohttp.ClientWebSocketResponse:
            made = await client.ws_connect(f"{url}/_stcore/stream", protocols=["streamlit"], max_msg_size=0)
            await made.send_bytes(sent)
            await finish(made)
            return made

        first = await connect()  # what is imported at the first run is the process's
        idle = memory_mib(pid)
        before = cpu_s(pid)
        opened = [await connect() for _ in range(sessions)]
        opening = (cpu_s(pid) - before) / sessions
        memory = (memory_mib(pid) - idle) / sessions
        before, began, received = cpu_s(pid), time.perf_counter(), 0

        async def work(connection: aiohttp.ClientWebSocketResponse) -> None:
            for _ in range(each):
                await connection.send_bytes(sent)
                await finish(connection)

        await asyncio.gather(*(work(it) for it in opened))
        reruns = sessions * each
        spent, wall = (cpu_s(pid) - before) / reruns, time.perf_counter() - began
        print(
            f"{sessions} sessions: {1000 * opening:.0f} CPU-ms to open, {1000 * spent:.1f} CPU-ms and"
            f" {received / reruns / 1024:.1f} KiB a rerun, {reruns / wall:.0f} reruns/s,"
            f" {1024 * memory:.0f} KiB a session above idle ({idle:.0f} MiB), load {os.getloadavg()[0]:.1f}"
        )
        for it in (first, *opened):
            await it.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--each", type=int, default=10, help="reruns a session")
    options = parser.parse_args()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "streamlit", "run", __file__, "--server.port", str(port)]
        command += ["--server.address", "127.0.0.1", "--server.headless", "true", "--browser.gatherUsageStats", "false"]
        command += ["--server.fileWatcherType", "none"]
        process = subprocess.Popen(command, env={**os.environ, "HOME": home}, stdout=subprocess.DEVNULL)
        try:
            asyncio.run(measure(port, process.pid, options.sessions, options.each))
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    from streamlit.runtime import exists

    if exists():
        app()
    else:
        main()
