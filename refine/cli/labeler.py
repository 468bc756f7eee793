"""`refine labeler`: who ranks, and how they get in. Whom to trust is in `refine.cli.trust`."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from refine.cli.database import reading, writing
from refine.cli.group import Group, SectionedCommand
from refine.cli.options import DB, Db, Json, option
from refine.cli.output import add_row, make_console, make_table, write_json
from refine.cli.text import clean_line, shorten
from refine.cli.trust import board, weigh
from refine.errors import InputError

if TYPE_CHECKING:
    from store.labelers import StoredLabeler

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Let labelers in and out, and look at what they did.")
app.command("board", cls=SectionedCommand)(board)
app.command("weigh", cls=SectionedCommand)(weigh)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The labeler's name.")]
PublicUrl = Annotated[
    str | None,
    option("--public-url", "Where labelers reach the page, e.g. https://label.example.org.", metavar="URL"),
]


@app.command("add", cls=SectionedCommand)
def add(
    name: Name,
    project: Annotated[
        list[str] | None,
        option("--project", "A project they are limited to; may be given several times. [all]", metavar="NAME"),
    ] = None,
    pay_rate: Annotated[
        float | None, option("--pay-rate", "Dollars an hour that they are paid. [the project's]")
    ] = None,
    public_url: PublicUrl = None,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Make a labeler known: prints their key and a first link, which are kept nowhere else."""
    from refine.api.labelers import add_labeler

    with writing(db) as database:
        new = add_labeler(database, name, projects=project or (), pay_rate_usd_hour=pay_rate, public_url=public_url)
    if as_json:
        write_json(
            {
                "id": new.labeler,
                "name": new.name,
                "key": new.key,
                "link": new.url,
                "link_ends_at": _stamp(new.expires_at),
            }
        )
        return
    console = make_console()
    console.print(f"Labeler {clean_line(new.name)} ({new.labeler})")
    console.print(f"Key   {new.key}", soft_wrap=True)
    _print_link(new.url, new.expires_at)
    console.print("The key lasts and is not shown again; it opens a session wherever it is entered.", style="dim")


@app.command("link", cls=SectionedCommand)
def link(
    name: Name,
    public_url: PublicUrl = None,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """A new link for a labeler: good once, for 15 minutes."""
    from refine.api.labelers import link_labeler

    with writing(db) as database:
        url, ends_at = link_labeler(database, name, public_url=public_url)
    if as_json:
        write_json({"name": name, "link": url, "link_ends_at": _stamp(ends_at)})
    else:
        _print_link(url, ends_at)


@app.command("key", cls=SectionedCommand)
def key(name: Name, db: Db = DB, as_json: Json = False) -> None:
    """A new key for a labeler who lost theirs; the old one opens nothing any more."""
    from refine.api.labelers import renew_key

    with writing(db) as database:
        secret = renew_key(database, name)
    if as_json:
        write_json({"name": name, "key": secret})
    else:
        make_console().print(f"Key   {secret}", soft_wrap=True)


@app.command("list", cls=SectionedCommand)
def list_(
    simulated: Annotated[bool, option("--simulated", "Simulated labelers too, who have no way in.")] = False,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Labelers, what they did, whether they can get in, and when they were last here."""
    from refine.api.labelers import list_labelers

    with reading(db) as database:
        found = list_labelers(database, with_simulated=simulated)
    if as_json:
        write_json([_as_json(it) for it in found])
        return
    console = make_console()
    if not found:
        console.print("No labelers yet; `refine labeler add` makes one known.")
        return
    table = make_table("labeler", "kind", "finished", "projects", "access", "last seen", right=["finished"])
    for it in found:
        limits = ", ".join(it.projects) or "all"
        seen = "never" if it.last_seen_at is None else f"{it.last_seen_at:%Y-%m-%d %H:%M}"
        add_row(table, [shorten(it.name, 30), it.kind, f"{it.finished:,}", shorten(limits, 30), _access(it), seen])
    console.print(table)


@app.command("limit", cls=SectionedCommand)
def limit(
    name: Name,
    project: Annotated[
        list[str] | None,
        option("--project", "A project they may work in; may be given several times. [all]", metavar="NAME"),
    ] = None,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Limit a labeler to these projects from now on, or, without any, to none in particular."""
    from refine.api.labelers import limit_labeler

    with writing(db) as database:
        limit_labeler(database, name, project or ())
    said = ", ".join(clean_line(it) for it in project or ()) or "all projects"
    _say({"name": name, "projects": project or []}, f"{clean_line(name)} works in {said}.", as_json)


Why = Annotated[str, option("--reason", "Why, in a few words; it stays on record.", metavar="TEXT")]


@app.command("disable", cls=SectionedCommand)
def disable(name: Name, reason: Why = "", db: Db = DB, as_json: Json = False) -> None:
    """Give a labeler no work and take none from them, from now on. What they did stays."""
    from refine.api.decisions import NO_REASON, decide_access

    with writing(db) as database:
        decide_access(database, name, is_allowed=False, reason=reason or NO_REASON)
    _say({"name": name, "disabled": True}, f"{clean_line(name)} is disabled.", as_json)


@app.command("enable", cls=SectionedCommand)
def enable(name: Name, reason: Why = "", db: Db = DB, as_json: Json = False) -> None:
    """Let a disabled labeler work again."""
    from refine.api.decisions import NO_REASON, decide_access

    with writing(db) as database:
        decide_access(database, name, is_allowed=True, reason=reason or NO_REASON)
    _say({"name": name, "disabled": False}, f"{clean_line(name)} can work again.", as_json)


@app.command("revoke", cls=SectionedCommand)
def revoke(name: Name, db: Db = DB, as_json: Json = False) -> None:
    """End every key, link and session of a labeler at once."""
    from refine.api.labelers import revoke_access

    with writing(db) as database:
        ended = revoke_access(database, name)
    _say({"name": name, "ended": ended}, f"Ended {ended} keys, links and sessions of {clean_line(name)}.", as_json)


@app.command("erase", cls=SectionedCommand)
def erase(
    name: Name,
    yes: Annotated[bool, option("--yes", "Needed, since nothing brings it back.")] = False,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Erase a labeler's words, drawings, name and ways in. Rankings stay, under an id."""
    from refine.api.labelers import erase_labeler

    if not yes:
        raise InputError("nothing was erased; nothing brings it back, so say --yes")
    with writing(db) as database:
        texts = erase_labeler(database, name)
    _say({"erased_texts": texts}, f"Erased {texts} texts, and everything that named or let in their writer.", as_json)


@app.command("reports", cls=SectionedCommand)
def reports(
    resolved: Annotated[bool, option("--resolved", "Those that were decided about, too.")] = False,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Pages that labelers reported as disturbing: their rounds wait for `refine labeler resolve`."""
    from refine.api.labelers import list_reports

    with reading(db) as database:
        found = list_reports(database, with_resolved=resolved)
    if as_json:
        write_json([{**asdict(it), "created_at": _stamp(it.created_at)} for it in found])
        return
    console = make_console()
    if not found:
        console.print("No reports.")
    for it in found:
        said = it.resolution or "waits"
        console.print(f"{it.id}  {said}  chain {it.chain}, candidate {it.candidate}, by {clean_line(it.labeler)}")
        console.print(f"  {'(erased)' if it.reason is None else clean_line(it.reason)}", soft_wrap=True)


@app.command("disputes", cls=SectionedCommand)
def disputes(
    resolved: Annotated[bool, option("--resolved", "Those that were decided about, too.")] = False,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Controls that labelers missed and stand by: `refine labeler resolve` decides whether the control is one."""
    from refine.api.labelers import list_disputes

    with reading(db) as database:
        found = list_disputes(database, with_resolved=resolved)
    if as_json:
        write_json([{**asdict(it), "created_at": _stamp(it.created_at)} for it in found])
        return
    console = make_console()
    if not found:
        console.print("No disputes.")
    for it in found:
        said = it.resolution or "waits"
        where = f"chain {it.chain}, round {it.round}, {it.operator} in candidate {it.control}"
        console.print(f"{it.id}  {said}  {where}, by {clean_line(it.labeler)}", soft_wrap=True)
        console.print(f"  {'(erased)' if it.reason is None else clean_line(it.reason)}", soft_wrap=True)


@app.command("resolve", cls=SectionedCommand)
def resolve(
    report: Annotated[str, typer.Argument(metavar="ID", help="The id of a report or a dispute.")],
    uphold: Annotated[
        bool | None,
        option(
            "--uphold/--dismiss",
            "A report: stop the chains that show the page, or give its rounds out again. A dispute: judge nobody by"
            " the control any more, or leave it as it is.",
        ),
    ] = None,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Decide about a reported page, or about a control that was missed and is disputed."""
    from refine.api.labelers import is_dispute, resolve_dispute, resolve_report

    if uphold is None:
        raise InputError("say --uphold or --dismiss")
    with writing(db) as database:
        if is_dispute(database, report):
            resolve_dispute(database, report, is_upheld=uphold)
            done = (
                "Upheld; the control is retired and counts for nobody."
                if uphold
                else "Dismissed; what labelers say of the control counts."
            )
            _say({"dispute": report, "resolution": "upheld" if uphold else "dismissed"}, done, as_json)
            return
        stopped = resolve_report(database, report, is_upheld=uphold)
    done = f"Upheld; {len(stopped)} chains stop." if uphold else "Dismissed; its rounds are given out again."
    _say({"report": report, "resolution": "upheld" if uphold else "dismissed", "chains": stopped}, done, as_json)


def _print_link(url: str, ends_at: datetime) -> None:
    console = make_console()
    console.print(f"Link  {url}", soft_wrap=True)
    console.print(f"The link is good once, until {ends_at:%H:%M} UTC.", style="dim")


def _say(value: object, line: str, as_json: bool) -> None:
    if as_json:
        write_json(value)
    else:
        make_console().print(line, soft_wrap=True)


def _access(it: "StoredLabeler") -> str:
    if it.disabled_at is not None:
        return "disabled"
    sessions = f"{it.sessions} open" if it.sessions else ""
    return ", ".join(part for part in ("key" if it.has_key else "", sessions) if part) or "none"


def _as_json(it: "StoredLabeler") -> dict[str, object]:
    return {
        "id": it.id,
        "name": it.name,
        "kind": it.kind,
        "projects": list(it.projects),
        "pay_rate_usd_hour": it.pay_rate_usd_hour,
        "finished": it.finished,
        "has_key": it.has_key,
        "sessions": it.sessions,
        "is_disabled": it.disabled_at is not None,
        "last_seen_at": None if it.last_seen_at is None else _stamp(it.last_seen_at),
        "created_at": _stamp(it.created_at),
    }


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
