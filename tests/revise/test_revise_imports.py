import subprocess
import sys

HEAVY = ("jinja2", "regex", "numpy", "litellm", "openai", "langgraph", "sqlalchemy", "pyarrow", "html.parser")


def test_importing_the_engine_brings_no_heavy_library() -> None:
    code = f"import sys, refine.revise; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
