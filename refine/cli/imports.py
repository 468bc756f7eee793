"""`refine import`: what other people and programs made, taken in."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from refine.cli.database import writing
from refine.cli.group import Group, SectionedCommand
from refine.cli.options import DB, Db, Json, option
from refine.cli.output import make_console, write_json
from refine.cli.text import count, shorten

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Take in what others made.")


@app.callback()
def imports() -> None:
    """Take in what others made."""


@app.command("rankings", cls=SectionedCommand)
def rankings(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Lines: a line is one labeler's ranking.")],
    project: Annotated[str, option("--project", "The project whose rounds they are of.")],
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Hand in rankings and critiques: all of the file, or nothing where a line does not fit."""
    from refine.api.feedback import import_rankings
    from store.chains import count_states, find_ready
    from store.projects import find_project

    with writing(db) as database:
        stored = import_rankings(database, project, file)
        found = database.read(find_project, project)
        assert found is not None
        ready = len(database.read(find_ready, found.key))
        states = database.read(count_states, found.key)
    waiting = states.get("waiting", 0) + states.get("audit", 0)
    if as_json:
        write_json({**asdict(stored), "ready": ready, "waiting": waiting - ready})
        return
    console = make_console()
    console.print(f"{count(stored.new, 'ranking')} taken in, {stored.known:,} known already, {stored.late:,} late.")
    if stored.late:
        console.print("Late ones are of rounds that wanted no more rankings; they count from the next verdict on.")
    name = shorten(shlex.quote(project), 80)
    if ready:
        them = "it" if ready == 1 else "them"
        console.print(
            f"{count(ready, 'chain')} can go on: a running `refine batch` of project {name} takes {them} up by itself,"
            " else run the same one again.",
            soft_wrap=True,
        )
    if waiting - ready > 0:
        rest = waiting - ready
        console.print(f"{count(rest, 'chain')} still {'waits' if rest == 1 else 'wait'} for rankings.")
