"""`refine preview`: a real server, and what is said when there is nothing to show."""

import json
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Run, line_of

Start = Callable[..., "subprocess.Popen[str]"]


def test_preview_serves_the_page_until_it_is_stopped(process: Start, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "<script src='https://cdn.tailwindcss.com'></script><img src='https://x.example/a.png'><h1>Hi</h1>"
    )
    with process("preview", "page.html", "--json") as started:
        assert started.stdout is not None and started.stderr is not None
        said = json.loads(started.stdout.readline())
        assert said["unknown"] == ["https://x.example/a.png"]
        assert [each["package"] for each in said["substituted"]] == ["tailwindcss-cdn"]
        with httpx.Client(trust_env=False) as web:
            page = web.get(said["url"])
            assert page.status_code == 200
            assert "<refine-frame" in page.text
            assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
            assert web.get(said["url"][:-4]).status_code == 404
        started.send_signal(signal.SIGINT)
        assert started.wait(20) == 130
        assert started.stderr.read() == ""


def test_preview_says_where_to_look_and_what_the_page_does_not_get(process: Start, tmp_path: Path) -> None:
    folder = tmp_path / "several"
    folder.mkdir()
    (folder / "index.html").write_text(
        "<script src='app.js'></script><script src='https://x.example/b.js'></script><p>x"
    )
    (folder / "app.js").write_text("1")
    with process("preview", "several", "--one-host") as started:
        assert started.stdout is not None
        lines = [started.stdout.readline().strip() for _ in range(4)]
        started.send_signal(signal.SIGTERM)
        assert started.wait(20) == 143
    assert lines[0].startswith("http://127.0.0.1:")
    assert lines[1:] == [
        "1 address the page does not get:",
        "https://x.example/b.js",
        "Open the address in a browser. Ctrl-C ends it.",
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.html", None, "there is no file or folder here"),
        ("page.txt", b"x", "expected an .html file"),
        ("bad.html", b"<p>\xff", "is not UTF-8 text (byte 3)"),
        ("empty.html", b"  ", "the page is empty"),
        ("folder", "folder", "there are no files"),
    ],
)
def test_a_page_that_cannot_be_shown_is_one_line_and_exit_2(
    refine: Run, tmp_path: Path, name: str, content: bytes | str | None, said: str
) -> None:
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content:
        (tmp_path / name).mkdir()
    result = refine("preview", name)
    assert result.exit_code == 2
    assert said in line_of(result)
    assert name in line_of(result)


def test_a_port_that_is_in_use_is_named(refine: Run, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>x")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = refine("preview", "page.html", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 2
    assert "is in use" in line_of(result)
