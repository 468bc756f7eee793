"""`refine project`: what was ordered together, and how it stands."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from refine.cli.database import find_project, reading
from refine.cli.group import Group, SectionedCommand
from refine.cli.options import DB, Db, Json
from refine.cli.output import add_row, make_console, make_table, write_json
from refine.cli.text import clean_line, shorten

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Look at projects.")

_STATES = ("new", "active", "waiting", "audit", "paused", "failed", "ended")


@app.command("list", cls=SectionedCommand)
def list_(db: Db = DB, as_json: Json = False) -> None:
    """Every project and its chains by state."""
    from store.chains import count_states
    from store.projects import list_projects

    with reading(db) as database:
        rows = [(it, database.read(count_states, it.key)) for it in database.read(list_projects)]
    if as_json:
        write_json([{"name": it.name, "settings_version": it.settings_version, "states": s} for it, s in rows])
        return
    console = make_console()
    if not rows:
        console.print("No projects.")
        return
    table = make_table("project", "chains", "states", "model", "panel", right=["chains"])
    for it, states in rows:
        said = ", ".join(f"{states[name]:,} {name}" for name in _STATES if states.get(name))
        cells = [shorten(it.name, 40), f"{sum(states.values()):,}", said]
        add_row(table, [*cells, shorten(it.settings.model, 40), shorten(it.settings.panel, 40)])
    console.print(table)


@app.command("show", cls=SectionedCommand)
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The project's name.")],
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """A project: chains by state, settings and their versions, spending, audits."""
    from refine.api.audits import win_rates
    from refine.cli.summary import show_audits, show_spending
    from store.calls import sum_spending
    from store.chains import count_states
    from store.projects import load_settings_versions

    with reading(db) as database:
        found = find_project(database, name)
        states = database.read(count_states, found.key)
        spending = database.read(sum_spending, project_key=found.key)
        versions = database.read(load_settings_versions, found.key, range(1, found.settings_version + 1))
        audits = win_rates(database, name)
    if as_json:
        write_json(
            {
                "name": found.name,
                "states": states,
                "settings_version": found.settings_version,
                "settings": {str(number): settings for number, settings in versions.items()},
                "spending": asdict(spending),
                "audits": asdict(audits),
            }
        )
        return
    console = make_console()
    said = ", ".join(f"{states[each]:,} {each}" for each in _STATES if states.get(each))
    console.print(f"Project {shorten(found.name, 80)}", style="bold")
    console.print(f"Chains      {sum(states.values()):,}: {said or 'none'}")
    show_spending(console, spending)
    show_audits(console, audits)
    console.print()
    console.print(f"Settings, version {found.settings_version}", style="bold")
    table = make_table("setting", "value")
    for field, value in found.settings.model_dump(mode="json").items():
        add_row(table, [field, _value(value)])
    console.print(table)
    for number in sorted(versions):
        if number > 1 and number - 1 in versions:
            before, after = versions[number - 1], versions[number]
            changes = [f"{field}: {_value(before.get(field))} → {_value(after[field])}" for field in after]
            changed = [it for it, field in zip(changes, after, strict=True) if before.get(field) != after[field]]
            console.print(f"Version {number} changed {'; '.join(changed) or 'nothing'}", soft_wrap=True)


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(_value(each) for each in value)
    return clean_line(str(value)) or '""'
