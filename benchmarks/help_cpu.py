"""CPU of `refine --help`, and which heavy modules it imports (there must be none).

python benchmarks/help_cpu.py [--repeat 20]
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time

HEAVY = (
    "aiohttp", "alembic", "diskcache", "httpx", "jinja2", "langchain_core", "langgraph", "litellm", "numpy", "openai",
    "playwright", "pyarrow", "sqlalchemy", "sqlmodel", "streamlit",
)  # fmt: skip
COMMANDS = (["--help"], ["--version"], ["batch", "--help"])
RUN = "import sys; from refine.cli import main; sys.argv[0] = 'refine'; main()"
RUN_AND_LIST = f"""
import sys
sys.argv[0] = "refine"
try:
    from refine.cli import main
    main()
finally:
    print("\\n--heavy--", *(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)
"""


def cpu_s(arguments: list[str]) -> tuple[float, float]:
    """CPU of one run and its wall time."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", RUN, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - started


def heavy_modules(arguments: list[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", RUN_AND_LIST, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    return done.stderr.decode().rpartition("--heavy--")[2].split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=20)
    options = parser.parse_args()
    print(f"medians of {options.repeat}; load before: {os.getloadavg()[0]:.1f}")
    for arguments in COMMANDS:
        runs = [cpu_s(arguments) for _ in range(options.repeat)]
        cpu, wall = (statistics.median(values) for values in zip(*runs, strict=True))
        heavy = ", ".join(heavy_modules(arguments)) or "none"
        print(f"refine {' '.join(arguments):14} {cpu:.3f} CPU-s, {wall:.3f} s; heavy modules imported: {heavy}")


if __name__ == "__main__":
    main()
