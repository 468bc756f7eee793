"""`refine serve`: the labelling page, the delivery of candidates and the loop, in one process."""

import contextlib
import errno
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from refine.cli.database import writing
from refine.cli.options import DB, Db, Json, option
from refine.cli.output import make_console, write_json
from refine.cli.text import clean_line, shorten
from refine.errors import InputError

if TYPE_CHECKING:
    from refine.api.serving import Serving
    from refine.delivery import Sites
    from refine.settings import RunOptions
    from store.database import Database

_PORT = 8000
FIRST = "first"


def serve(
    host: Annotated[str, option("--host", "The address of this machine that it listens on. [127.0.0.1]")] = "127.0.0.1",
    port: Annotated[int, option("--port", f"The port; 0 takes a free one. [{_PORT}]", min=0, max=65535)] = _PORT,
    public_url: Annotated[
        str | None,
        option("--public-url", "What labelers type, e.g. https://label.example.org. [this machine's]", metavar="URL"),
    ] = None,
    frames_url: Annotated[
        str | None,
        option(
            "--frames-url",
            "Where pages live behind --public-url: another site, e.g. https://{label}.pages.example.",
            metavar="URL",
        ),
    ] = None,
    one_host: Annotated[
        bool, option("--one-host", "Everything under one hostname, as behind a tunnel; it protects less.")
    ] = False,
    project: Annotated[
        str | None, option("--project", "Run the loop of this project only. [all that people label]", metavar="NAME")
    ] = None,
    api_base: Annotated[str | None, option("--api-base", "An OpenAI-compatible endpoint.", metavar="URL")] = None,
    client: Annotated[
        Literal["auto", "openai", "litellm"], option("--client", "The library that calls models.", field="client")
    ] = "auto",
    concurrency: Annotated[
        int, option("--concurrency", "Model calls in flight.", field="concurrency", min=1, max=1024)
    ] = 16,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Serve the labelling page and run the loop behind it, until Ctrl-C."""
    from refine.api.opening import make_options
    from refine.cli.stopping import Stopped, run_stoppable

    options = make_options(api_base=api_base, client=client, concurrency=concurrency)
    if not db.exists():
        raise InputError(f"{db}: there is no database here; `refine batch PROMPTS --panel people` makes one")
    with writing(db) as database, _listen(host, port) as listener:
        if project is not None:
            _check_project(database, project)
        sites = make_sites(
            host, listener.getsockname()[1], public_url=public_url, frames_url=frames_url, one_host=one_host
        )
        try:
            run_stoppable(_serve(database, sites, listener, options, project=project, as_json=as_json))
        except Stopped as stopped:
            raise typer.Exit(stopped.exit_code) from None


def make_sites(host: str, port: int, *, public_url: str | None, frames_url: str | None, one_host: bool) -> "Sites":
    """Where labelers find the page and its frames. Raises InputError for what cannot be."""
    from refine.delivery import Sites

    if frames_url is not None and (public_url is None or one_host):
        raise InputError("--frames-url goes with --public-url and without --one-host")
    if public_url is not None:
        base = public_url.rstrip("/")
        try:
            return Sites(host=base, frames=frames_url)
        except InputError as error:
            raise InputError(f"--public-url, --frames-url: {error}") from error
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise InputError(f"--host {host} is reached by a name of its own: give it as --public-url http://NAME:{port}")
    if one_host:
        return Sites(host=f"http://127.0.0.1:{port}")
    return Sites(host=f"http://localhost:{port}", frames=f"http://{{label}}.localhost:{port}")


def _check_project(database: "Database", name: str) -> None:
    from refine.cli.database import find_project

    if (panel := find_project(database, name).settings.panel) != "people":
        raise InputError(f"project {name!r} has the panel {panel!r}; only those with `people` are served")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"--port: {port} is in use; choose another, or 0 for a free one") from error
        if error.errno == errno.EACCES:
            raise InputError(f"--port: {port} is not yours to use; choose one above 1023") from error
        raise InputError(f"--host: {host} is no address of this machine ({error.strerror or error})") from error
    return listener


def _first_link(database: "Database", sites: "Sites") -> str | None:
    """A link for the labeler `first`, made where nobody is known yet; None where others are."""
    from refine.api.labelers import add_labeler, link_labeler, list_labelers

    people = [it for it in list_labelers(database) if it.kind == "person" and it.disabled_at is None]
    if not people:
        return add_labeler(database, FIRST, public_url=sites.host).url
    if [it.name for it in people] == [FIRST]:
        return link_labeler(database, FIRST, public_url=sites.host)[0]
    return None


async def _serve(
    database: "Database",
    sites: "Sites",
    listener: socket.socket,
    options: "RunOptions",
    *,
    project: str | None,
    as_json: bool,
) -> None:
    import os

    from refine.api.memory import settle_memory
    from refine.api.serving import serving
    from refine.web import labelling_app

    async with AsyncExitStack() as stack:
        loops = await stack.enter_async_context(serving(database, options=options, environ=os.environ, project=project))
        listener.listen(512)
        server = _make_server(
            labelling_app(
                database, sites, secret=delivery_secret(database.path), readiness=lambda: _readiness(database, loops)
            )
        )
        settle_memory()
        _announce(sites, _first_link(database, sites), loops, as_json=as_json)
        try:
            await server.serve(sockets=[listener])
        finally:
            server.should_exit = True


def _readiness(database: "Database", loops: "Serving") -> tuple[bool, dict[str, object]]:
    """Ready is who can read the database. A project whose model fails is said, and no reason to send people away."""
    from refine.errors import StoreError

    try:
        database.data_version()
    except StoreError:
        return False, {"problem": "the database cannot be read"}
    return True, {"running": len(loops.projects), "standing_still": len(loops.problems)}


def delivery_secret(database: Path) -> bytes:
    """What seals the tokens of pages, kept beside the database for its owner alone, so that open pages outlive a
    restart. It is not worth a backup: without it, open pages are opened again."""
    import os
    import secrets

    path = Path(f"{database}.delivery-secret")
    try:
        kept = path.read_bytes()
        if len(kept) >= 32:
            return kept
        path.unlink()
    except FileNotFoundError:
        pass
    made = secrets.token_bytes(32)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(made)
    return made


def _announce(sites: "Sites", link: str | None, loops: "Serving", *, as_json: bool) -> None:
    if as_json:
        write_json(
            {"url": sites.host, "link": link, "projects": loops.projects, "problems": loops.problems}, indent=None
        )
        return
    console = make_console()
    console.print(f"Labelling page  {sites.host}", soft_wrap=True)
    if link is not None:
        console.print(f"First labeler   {link}", soft_wrap=True)
        console.print("The link is good once, for 15 minutes; `refine labeler add NAME` lets others in.", style="dim")
    else:
        console.print("`refine labeler link NAME` makes a link to let a labeler in.")
    names = ", ".join(shorten(clean_line(it), 40) for it in loops.projects[:8])
    console.print(f"Loop running for {names}." if names else "No chain waits for people yet; new ones are noticed.")
    for name, problem in loops.problems.items():
        console.print(f"{clean_line(name)} stands still: {clean_line(problem)}", soft_wrap=True)
    if loops.notice:
        console.print(f"browser checks are off: {clean_line(loops.notice)}", soft_wrap=True)
    if sites.is_one_host:
        console.print("Pages share one hostname with the page around them, which protects less.", style="dim")
    console.print("Ctrl-C ends it.")


def _make_server(app: Any) -> Any:
    import asyncio

    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield  # the command line handles them

        async def serve(self, sockets: list[socket.socket] | None = None) -> None:
            serving = asyncio.ensure_future(super().serve(sockets))
            try:
                await asyncio.shield(serving)
            except asyncio.CancelledError:
                self.should_exit = True  # requests under way are answered first
                with contextlib.suppress(asyncio.CancelledError):
                    await serving
                raise

    return Server(
        uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=3,
            timeout_keep_alive=30,
        )
    )
