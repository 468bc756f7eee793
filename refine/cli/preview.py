"""`refine preview`: a page as a labeler would see it."""

import errno
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refine.cli.options import Json, option
from refine.cli.output import make_console, write_json
from refine.cli.text import clean_line, count
from refine.errors import InputError

if TYPE_CHECKING:
    from refine.delivery import Preview
    from refine.types import Files

_SUFFIXES = frozenset({".html", ".htm", ".css", ".js", ".mjs", ".jsx", ".json", ".svg", ".txt", ".md", ".csv"})
_LARGEST = 20_000_000


def preview(
    page: Annotated[
        Path, typer.Argument(metavar="PAGE", help="An .html file, or a folder with one and the files it uses.")
    ],
    port: Annotated[int, option("--port", "The port on this machine. [a free one]", min=0, max=65535)] = 0,
    one_host: Annotated[
        bool, option("--one-host", "Everything under one hostname, as behind a tunnel; it protects less.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Open a page the way a labeler would see it, in a frame it cannot leave, until Ctrl-C."""
    from refine.cli.stopping import Stopped, run_stoppable
    from refine.delivery import make_preview

    files = read_page(page)
    with _listen(port) as listener:
        shown = make_preview(files, port=listener.getsockname()[1], one_host=one_host)

        def announce() -> None:
            _announce(shown, one_host=one_host, as_json=as_json)

        try:
            run_stoppable(_serve(shown, listener, announce))
        except Stopped as stopped:
            raise typer.Exit(stopped.exit_code) from None


def read_page(path: Path) -> "Files":
    """The files of a page. Raises InputError that says what is wrong with which file."""
    from refine.artifact import check_files
    from refine.types import CodeFile

    if not path.exists():
        raise InputError(f"{path}: there is no file or folder here")
    if path.is_file() and path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path}: expected an .html file, or a folder with one")
    found = [path] if path.is_file() else sorted(_files_of(path))
    top = path.parent if path.is_file() else path
    files = []
    for each in found:
        try:
            content = each.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{each}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
        files.append(CodeFile(filename=each.relative_to(top).as_posix(), content=content))
    for check in check_files(tuple(files), _LARGEST):
        if not check.passed:
            raise InputError(f"{path}: {check.detail}")
    return tuple(files)


def _files_of(folder: Path) -> "list[Path]":
    found = []
    for each in folder.rglob("*"):
        inside = each.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in inside.parts)
        if not is_hidden and each.is_file() and each.suffix.lower() in _SUFFIXES:
            found.append(each)
        if len(found) > 200:
            raise InputError(f"{folder}: holds more than 200 files; name the .html file or a folder of its own")
    return found


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            why = "is in use" if error.errno == errno.EADDRINUSE else "is not yours to use"
            raise InputError(f"--port: {port} {why}; choose another, or leave it out for a free one") from error
        raise
    return listener


def _announce(shown: "Preview", *, one_host: bool, as_json: bool) -> None:
    if as_json:
        substituted = [
            {"address": each.address, "package": each.package, "version": each.version, "path": each.path}
            | {"is_same_major": each.is_same_major}
            for each in shown.made.substituted
        ]
        value = {"url": shown.url, "one_host": one_host, "substituted": substituted, "unknown": shown.made.unknown}
        write_json(value, indent=None)
        return
    console = make_console()
    console.print(shown.url, soft_wrap=True)
    if shown.made.substituted:
        names = dict.fromkeys(f"{each.package} {each.version}".strip() for each in shown.made.substituted)
        console.print(f"From the libraries kept here: {', '.join(names)}.", soft_wrap=True)
    if shown.made.unknown:
        console.print(f"{count(len(shown.made.unknown), 'address')} the page does not get:", soft_wrap=True)
        for each in shown.made.unknown[:10]:
            console.print(f"  {clean_line(each)}", soft_wrap=True)
    console.print("Open the address in a browser. Ctrl-C ends it.")
    sys.stdout.flush()  # somebody may read a pipe


async def _serve(shown: "Preview", listener: socket.socket, announce: Callable[[], None]) -> None:
    import asyncio
    from collections.abc import Iterator
    from contextlib import contextmanager

    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield  # the command line handles them

    config = uvicorn.Config(
        shown.app, log_level="error", access_log=False, lifespan="off", server_header=False, timeout_graceful_shutdown=1
    )
    server = Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not (server.started or serving.done()):  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    announce()
    await serving
