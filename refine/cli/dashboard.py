"""`refine dashboard`: the pages for analysts, served to this machine until Ctrl-C."""

import os
import socket
from pathlib import Path
from typing import Annotated

from refine.cli.options import Json, option
from refine.cli.output import make_console, write_json
from refine.errors import InputError

_HOST = "127.0.0.1"
_FIRST_PORT, _PORTS = 8501, 100


def dashboard(
    db: Annotated[
        Path | None,
        option("--db", "The database. [refine.db, or the demo's]", metavar="FILE"),
    ] = None,
    port: Annotated[
        int | None, option("--port", "The port on this machine. [8501, or the next free one]", min=1, max=65535)
    ] = None,
    as_json: Json = False,
) -> None:
    """Look at chains in a browser: what was gained, what it cost, and why. It only reads."""
    from refine.api.pictures import missing_notice
    from refine.dashboard.source import SOURCES, VARIABLE, find_database

    path = find_database(os.environ) if db is None else db
    source = SOURCES.get(path)  # so that a database that cannot be read is an error here, and not on a page
    number = _find_port(port)
    url = f"http://{_HOST}:{number}"
    if as_json:
        write_json({"url": url, "db": str(path)}, indent=None)
    else:
        console = make_console()
        console.print(url, soft_wrap=True)
        console.print(
            f"Shows {path} to this machine only. Open the address in a browser. Ctrl-C ends it.", soft_wrap=True
        )
        if notice := source.ask(missing_notice):
            console.print(notice, soft_wrap=True)
    os.environ[VARIABLE] = str(path.absolute())
    from refine.dashboard.app import make_app

    server = {"server.address": _HOST, "server.port": number, "server.headless": True, "server.fileWatcherType": "none"}
    make_app().run(config={**server, "logger.hideWelcomeMessage": True})


def _find_port(wanted: int | None) -> int:
    for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS) if wanted is None else (wanted,):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((_HOST, port))
            except OSError as error:
                if wanted is not None:
                    raise InputError(
                        f"--port: {port} cannot be listened on ({error.strerror}); choose another, or leave it out"
                    ) from error
            else:
                return port
    raise InputError(f"--port: none of {_FIRST_PORT} to {_FIRST_PORT + _PORTS - 1} is free; name another")
