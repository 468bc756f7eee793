"""`refine chain`: look at chains, check them, steer them. None of these commands runs a loop."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from refine.cli.database import change_chain, reading, writing
from refine.cli.group import Group, SectionedCommand
from refine.cli.options import DB, ChainId, Db, Json, option
from refine.cli.output import add_row, make_console, make_table, write_json
from refine.cli.text import clean, clean_line, count, shorten
from refine.errors import InputError

if TYPE_CHECKING:
    from refine.types import ChainRecord

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Look at chains, check them, steer them.")

State = Literal["new", "active", "waiting", "audit", "ended"]


@app.command("list", cls=SectionedCommand)
def list_(
    project: Annotated[str | None, option("--project", "Only this project's.")] = None,
    state: Annotated[State | None, option("--state", "Only those in this state.", metavar="STATE")] = None,
    limit: Annotated[int, option("--limit", "How many. [20]", min=1, max=1000)] = 20,
    before: Annotated[str | None, option("--before", "The page after the chain of this id.", metavar="ID")] = None,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Chains, newest first."""
    from store.chains import list_chains

    with reading(db) as database:
        if project is not None:
            from refine.cli.database import find_project

            find_project(database, project)
        found = database.read(list_chains, project=project, state=state, before=before, limit=limit + 1)
    is_more = len(found) > limit
    records = [(stored.record, stored.settings.rounds) for stored in found[:limit]]
    following = records[-1][0].id if is_more else None
    if as_json:
        write_json({"chains": [record_values(record) for record, _ in records], "before": following})
        return
    console = make_console()
    if not records:
        console.print("No chains.")
        return
    columns = ["chain", "state", "rounds"] + ([] if project else ["project"]) + ["prompt"]
    table = make_table(*columns, stretch="prompt")
    for record, rounds in records:
        cells = [record.id, describe_state(record), f"{record.rounds_judged} of {rounds}"]
        cells += [] if project else [shorten(record.project, 20)]
        add_row(table, [*cells, shorten(record.prompt, 200)])
    console.print(table)
    if following is not None:
        again = ["refine", "chain", "list", "--limit", str(limit), "--before", following, "--db", str(db)]
        again += ["--project", project] if project else []
        again += ["--state", state] if state else []
        console.print(f"More: {shlex.join(again)}", soft_wrap=True)


@app.command("show", cls=SectionedCommand)
def show(
    chain: ChainId,
    events: Annotated[bool, option("--events", "The journal instead of the story.")] = False,
    pages: Annotated[
        Path | None,
        option("--pages", "A folder for the pages of its newest round, as c1, c2, …, to look at.", metavar="FOLDER"),
    ] = None,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """The story of a chain: rounds, verdicts, critiques, plans, and what became of each edit."""
    if events:
        _show_events(chain, db, as_json=as_json)
        return
    from refine.api.story import load_story
    from refine.cli.story import show_story, story_values, write_pages

    with reading(db) as database:
        story = load_story(database, chain)
    written = None if pages is None else write_pages(story, pages)
    if as_json:
        write_json(story_values(story))
        return
    console = make_console()
    show_story(console, story, db)
    if written is not None:
        console.print(
            f"Pages       {', '.join(str(path) for path in written) or 'no round has been opened'}", soft_wrap=True
        )


def _show_events(chain: str, db: Path, *, as_json: bool) -> None:
    from store.chains import load_chain
    from store.events import load_events

    with reading(db) as database:
        stored = database.read(load_chain, chain)
        events = database.read(load_events, stored.key)
    if as_json:
        write_json({"chain": stored.record.id, "events": [asdict(event) for event in events]})
        return
    console = make_console()
    table = make_table("seq", "at (UTC)", "round", "event", "about", right=["seq", "round"], stretch="about")
    for event in events:
        about = " ".join(f"{name}={value}" for name, value in event.refs.items())
        at = f"{event.at:%Y-%m-%d %H:%M:%S}"
        add_row(table, [str(event.seq), at, str(event.round), event.type, clean_line(about)])
    console.print(table)


@app.command("replay", cls=SectionedCommand)
def replay(chain: ChainId, db: Db = DB, as_json: Json = False) -> None:
    """Make every draft, plan and revision again from the recorded replies, without a model, and compare bytes."""
    from refine.api.replay import replay_chain

    with reading(db) as database:
        report = replay_chain(database, chain)
    if as_json:
        write_json({**asdict(report), "is_identical": report.is_identical})
    else:
        console = make_console()
        plans = f" and {count(report.plans - report.erased, 'edit plan')}" if report.plans else ""
        made = f"{count(report.candidates, 'candidate')}{plans}"
        if report.is_identical:
            console.print(
                f"{made} made again from the recorded replies, without a model: all identical, byte for byte."
            )
        else:
            console.print(f"{made} made again from the recorded replies; these differ from what is stored:")
            for difference in report.differing:
                console.print(f"  {difference.what} {difference.id}: {clean_line(difference.why)}", soft_wrap=True)
        if report.erased:
            console.print(f"{count(report.erased, 'plan')} not made again: words they rest on were erased.")
    if not report.is_identical:
        raise typer.Exit(1)


@app.command("verify", cls=SectionedCommand)
def verify(chain: ChainId, db: Db = DB, as_json: Json = False) -> None:
    """Recompute every hash, count and reference of a chain."""
    from refine.cli.db import show_verification
    from store.chains import load_chain
    from store.verify import verify_chain

    with reading(db) as database:
        stored = database.read(load_chain, chain)
        report = database.read(verify_chain, stored.record.id)
    show_verification(report, as_json=as_json)


@app.command("pause", cls=SectionedCommand)
def pause(chain: ChainId, db: Db = DB, as_json: Json = False) -> None:
    """No new step and no new assignment, until it is resumed."""
    from store.chains import pause_chain

    _, record = change_chain(db, chain, pause_chain)
    _say_changed(record, "is paused; a step that is under way is finished first", as_json=as_json)


@app.command("resume", cls=SectionedCommand)
def resume(chain: ChainId, db: Db = DB, as_json: Json = False) -> None:
    """Let a paused chain go on, at the next run of its project."""
    from store.chains import resume_chain

    _, record = change_chain(db, chain, resume_chain)
    _say_changed(record, "goes on at the next `refine batch` of its project", as_json=as_json)


@app.command("stop", cls=SectionedCommand)
def stop(chain: ChainId, db: Db = DB, as_json: Json = False) -> None:
    """End a chain for good; what it has is kept."""
    from store.chains import stop_chain
    from store.owners import find_dead_owners

    def stop_now(connection: Any, stored: Any) -> bool:
        return stop_chain(connection, stored, dead=find_dead_owners(connection))

    is_ended, record = change_chain(db, chain, stop_now)
    said = "is stopped" if is_ended else "will stop at its next step: a running process has it"
    _say_changed(record, said, as_json=as_json)


@app.command("pin", cls=SectionedCommand)
def pin(
    chain: ChainId,
    candidate: Annotated[str, typer.Argument(metavar="CANDIDATE", help="The id of a candidate of this chain.")],
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Make a candidate the incumbent at the chain's next verdict."""
    from store.chains import pin_candidate

    _, record = change_chain(db, chain, pin_candidate, candidate)
    _say_changed(record, f"takes {candidate} as its incumbent at its next verdict", as_json=as_json)


@app.command("prioritise", cls=SectionedCommand)
def prioritise(
    chain: ChainId,
    priority: Annotated[int, typer.Argument(metavar="PRIORITY", help="Higher is run, and shown to labelers, first.")],
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Give a chain another priority; 0 is what every chain begins with."""
    from store.chains import set_priority

    if abs(priority) > 1_000_000:
        raise InputError(f"PRIORITY: expected a number from -1000000 to 1000000 (got {priority})")
    _, record = change_chain(db, chain, set_priority, priority)
    _say_changed(record, f"has priority {record.priority}", as_json=as_json)


@app.command("fork", cls=SectionedCommand)
def fork(
    chain: ChainId,
    round: Annotated[
        int | None, option("--round", "Fork after the verdict of this round. [the newest verdict]", min=1, metavar="N")
    ] = None,
    rounds: Annotated[int | None, option("--rounds", "Most rounds of the new chain. [as before]")] = None,
    model: Annotated[str | None, option("--model", "The new chain's model. [as before]")] = None,
    revisions: Annotated[int | None, option("--revisions", "Revisions for every later round. [as before]")] = None,
    gate: Annotated[float | None, option("--gate", "P(beats incumbent) that a challenger needs. [as before]")] = None,
    seed: Annotated[int | None, option("--seed", "Another seed. [as before]")] = None,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """A new chain that is this one up to a verdict, and then goes its own way, under other settings if given."""
    from refine.api.opening import make_settings
    from store.chains import load_chain
    from store.forks import fork_chain

    given = {"rounds": rounds, "model": model, "revisions": revisions, "gate": gate, "seed": seed}
    changes = {name: value for name, value in given.items() if value is not None}
    with writing(db) as database:
        stored = database.read(load_chain, chain)
        settings = make_settings(stored.settings, changes)
        after = round or max(stored.record.rounds_judged, 1)
        ulid = database.write_now(fork_chain, stored.record.id, round=after, settings=settings)
        record = database.read(load_chain, ulid).record
    if as_json:
        write_json(record_values(record))
        return
    console = make_console()
    console.print(f"{ulid} is a fork of {stored.record.id} after round {after}.", soft_wrap=True)
    console.print(f"The next run of its project takes it along: the same `refine batch`, --project {record.project}.")
    if after >= settings.rounds:
        console.print(f"It has had its {count(settings.rounds, 'round')} and ends at once; give it more with --rounds.")


def record_values(record: "ChainRecord") -> dict[str, Any]:
    return asdict(record)


def describe_state(record: "ChainRecord") -> str:
    if record.state == "ended":
        return "failed" if record.stop_reason == "failed" else f"ended: {record.stop_reason}"
    return f"{record.state}, paused" if record.is_paused else record.state


def _say_changed(record: "ChainRecord", said: str, *, as_json: bool) -> None:
    if as_json:
        write_json(record_values(record))
    else:
        make_console().print(f"{record.id} {clean(said)}.", soft_wrap=True)
