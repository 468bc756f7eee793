"""`refine db`: look after a database."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refine.cli.database import reading, writing
from refine.cli.group import Group, SectionedCommand
from refine.cli.options import DB, Db, Json, option
from refine.cli.output import add_row, make_console, make_table, write_json
from refine.cli.text import clean_line, count, format_bytes
from refine.errors import InputError

if TYPE_CHECKING:
    from refine.api.pictures import PicturesTaken
    from store.database import Database
    from store.verify import VerifyReport

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Look after a database.")

_FINDINGS_SHOWN = 20


@app.command("upgrade", cls=SectionedCommand)
def upgrade(db: Db = DB, as_json: Json = False) -> None:
    """Bring an older database to this version's schema, after a verified backup."""
    from store.opening import HEAD, open_database

    if not db.exists():
        raise InputError(f"{db}: there is no database here")
    with open_database(db) as database:
        made = database.migrated_from_backup
    if as_json:
        write_json({"database": str(db), "schema": HEAD, "backup": None if made is None else str(made)})
        return
    console = make_console()
    if made is None:
        console.print(f"{db} has schema {HEAD}, the newest; nothing to do.", soft_wrap=True)
    else:
        console.print(f"{db} now has schema {HEAD}; a backup of it as it was is {made}", soft_wrap=True)


@app.command("backup", cls=SectionedCommand)
def backup(
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="The file to make; it must not exist.")],
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Copy the database while it is in use, and check the copy."""
    from store.upkeep import backup as make_backup

    with reading(db) as database:
        make_backup(database, target)
    size = target.stat().st_size
    if as_json:
        write_json({"database": str(db), "backup": str(target), "bytes": size})
    else:
        make_console().print(f"{target} is a checked copy of {db} ({format_bytes(size)}).", soft_wrap=True)


@app.command("verify", cls=SectionedCommand)
def verify(db: Db = DB, as_json: Json = False) -> None:
    """Recompute every hash, count and reference; reads every byte."""
    from store.verify import verify_database

    with reading(db) as database:
        report = verify_database(database)
    show_verification(report, as_json=as_json)


def show_verification(report: "VerifyReport", *, as_json: bool) -> None:
    """Print the report; exit 1 when anything was found."""
    if as_json:
        findings = [{"where": it.where, "what": clean_line(it.what)} for it in report.findings]
        write_json(
            {
                "is_ok": report.is_ok,
                "checked": report.counts,
                "findings": findings,
                "findings_in_all": report.findings_in_all,
            }
        )
    else:
        console = make_console()
        names = [
            count(number, name.removesuffix("s"))
            for name, number in report.counts.items()
            if number and name != "erased"
        ]
        console.print(f"Checked {', '.join(names) or 'nothing: the database is empty'}.")
        if report.counts.get("erased"):
            console.print(f"{report.counts['erased']:,} of the words were erased, as they should read.")
        if report.is_ok:
            console.print("Everything is as it was recorded.")
        else:
            console.print(f"{report.findings_in_all:,} found:", style="bold")
            for finding in report.findings[:_FINDINGS_SHOWN]:
                console.print(f"  {clean_line(finding.where)}: {clean_line(finding.what)}", soft_wrap=True)
            if report.findings_in_all > _FINDINGS_SHOWN:
                console.print(f"  … and {report.findings_in_all - _FINDINGS_SHOWN:,} more")
    if not report.is_ok:
        raise typer.Exit(1)


@app.command("stats", cls=SectionedCommand)
def stats(db: Db = DB, as_json: Json = False) -> None:
    """Sizes, rows by table and chains by state."""
    from store.upkeep import stats as read_stats

    with reading(db) as database:
        found = database.read(read_stats)
    if as_json:
        write_json(found)
        return
    console = make_console()
    blobs = found["blobs"]
    console.print(f"Schema   {found['revision']}")
    console.print(f"File     {format_bytes(found['file_bytes'])}, {format_bytes(found['free_bytes'])} of it free")
    console.print(
        f"Blobs    {format_bytes(blobs['plain_bytes'])} of code and replies in {format_bytes(blobs['stored_bytes'])}"
    )
    states = ", ".join(f"{number:,} {state}" for state, number in found["chains_by_state"].items())
    console.print(f"Chains   {states or 'none'}")
    table = make_table("table", "rows", right=["rows"])
    for name, number in sorted(found["rows"].items(), key=lambda it: (-it[1], it[0])):
        if number:
            add_row(table, [name, f"{number:,}"])
    if table.row_count:
        console.print()
        console.print(table)


@app.command("pictures", cls=SectionedCommand)
def pictures(
    project: Annotated[str | None, option("--project", "Of this project only. [all]", metavar="NAME")] = None,
    limit: Annotated[int | None, option("--limit", "Of at most so many pages. [all]", min=1)] = None,
    at_once: Annotated[int, option("--at-once", "Pages open at the same time. [2]", min=1, max=16)] = 2,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Take the pictures of candidates that have none, and draw what stood under pins.

    Candidates have none after runs without browser checks, and in databases of older versions. Chromium takes them,
    without a network. Stopping it keeps those taken so far. Exit code 2 without Chromium.
    """
    from refine.cli.stopping import Stopped, run_stoppable

    with writing(db) as database:
        try:
            taken = run_stoppable(_take(database, project=project, limit=limit, at_once=at_once, is_quiet=as_json))
        except Stopped as stopped:
            raise typer.Exit(stopped.exit_code) from None
    if as_json:
        write_json({"database": str(db), "taken": taken.taken, "failed": taken.failed, "crops": taken.crops})
        return
    console = make_console()
    if not taken.taken and not taken.failed:
        console.print("No candidate lacks a picture.")
    else:
        console.print(f"Took the pictures of {count(taken.taken, 'page')}.")
    if taken.crops:
        console.print(f"Drew what stood under {count(taken.crops, 'pin')}.")
    if taken.failed:
        console.print(f"{count(taken.failed, 'page')} could not be pictured: they hang, crash or have nothing to open.")


async def _take(
    database: "Database", *, project: str | None, limit: int | None, at_once: int, is_quiet: bool
) -> "PicturesTaken":
    from refine.api.browser import Browser
    from refine.api.pictures import draw_missing_crops, take_missing

    console = make_console()

    def show(taken: "PicturesTaken") -> None:
        if console.is_terminal and not is_quiet:
            console.print(f"{count(taken.taken, 'page')} so far", style="dim")

    browser = Browser.open(database=database, pages=at_once)
    try:
        taken = await take_missing(database, browser, project=project, limit=limit, on_progress=show)
        return replace(taken, crops=await draw_missing_crops(database, browser))
    finally:
        await browser.aclose()
