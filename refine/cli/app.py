"""The `refine` command: its groups and commands, collected."""

from typing import Annotated

import typer

from refine.cli import batch as _batch
from refine.cli import chain as _chain
from refine.cli import check as _check
from refine.cli import dashboard as _dashboard
from refine.cli import db as _db
from refine.cli import demo as _demo
from refine.cli import doctor as _doctor
from refine.cli import export as _export
from refine.cli import imports as _imports
from refine.cli import labeler as _labeler
from refine.cli import perturb as _perturb
from refine.cli import preview as _preview
from refine.cli import project as _project
from refine.cli import rank as _rank
from refine.cli import serve as _serve
from refine.cli.group import RootGroup, SectionedCommand
from refine.cli.options import ENVIRONMENT

app = typer.Typer(
    cls=RootGroup,
    rich_markup_mode=None,  # rich's help costs as much CPU as all the rest of `refine --help`
    pretty_exceptions_enable=False,
    add_completion=False,
    epilog=f"{ENVIRONMENT} Exit codes: 0 ok, 1 failed, 2 bad input, 130 interrupted.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        from refine import __version__

        typer.echo(f"refine {__version__}")
        raise typer.Exit


@app.callback()
def refine(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True, show_default=False),
    ] = False,
) -> None:
    """Refine generated web pages with people's rankings and critiques, and keep every step as training data."""
    del version


app.command("demo", cls=SectionedCommand)(_demo.demo)
app.command("batch", cls=SectionedCommand, epilog=ENVIRONMENT)(_batch.batch)
app.add_typer(_chain.app, name="chain")
app.add_typer(_project.app, name="project")
app.command("dashboard", cls=SectionedCommand)(_dashboard.dashboard)
app.command("rank", cls=SectionedCommand)(_rank.rank)
app.command("preview", cls=SectionedCommand)(_preview.preview)
app.command("check", cls=SectionedCommand, epilog=ENVIRONMENT)(_check.check)
app.command("perturb", cls=SectionedCommand, epilog=ENVIRONMENT)(_perturb.perturb)
app.command("serve", cls=SectionedCommand)(_serve.serve)
app.add_typer(_labeler.app, name="labeler")
app.add_typer(_imports.app, name="import")
app.command("export", cls=SectionedCommand)(_export.export)
app.add_typer(_db.app, name="db")
app.command("doctor", cls=SectionedCommand)(_doctor.doctor)
