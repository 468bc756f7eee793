"""`refine labeler`: who ranks, and whom to trust."""

from dataclasses import asdict
from typing import Annotated

import typer

from refine.cli.database import reading
from refine.cli.group import Group, SectionedCommand
from refine.cli.options import DB, Db, Json
from refine.cli.output import add_row, make_console, make_table, write_json
from refine.cli.text import shorten

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Look at labelers.")

_EXPLAINED = (
    ("reliability", "how strongly the labeler sees what a typical good one sees (1); 0 is chance, below 0 inverted"),
    ("95 %", "where the reliability lies with that probability"),
    ("careless, inverted", "probability that answers do not depend on what is shown, or are turned round"),
    ("agreement", "share of decided comparisons in which the labeler sides with everybody else"),
    ("bits", "information that the labeler's rankings gave about which candidate is better"),
    ("pay share", "those bits as a share of all labelers'"),
)


@app.command("board", cls=SectionedCommand)
def board(
    project: Annotated[
        str | None, typer.Option("--project", envvar="REFINE_PROJECT", help="Rankings of this project only.")
    ] = None,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Labelers by what they contributed: reliability with its interval, agreement, information, pay share."""
    from refine.api.board import labeler_board

    with reading(db) as database:
        found = labeler_board(database, project=project)
    if as_json:
        write_json(asdict(found))
        return
    console = make_console()
    if not found.labelers:
        console.print("No rankings yet.")
        return
    right = ["rankings", "reliability", "95 %", "careless", "inverted", "agreement", "bits", "pay share"]
    table = make_table("labeler", "kind", *right, right=right)
    for line in found.labelers:
        add_row(
            table,
            [
                shorten(line.labeler, 30),
                line.kind,
                f"{line.rankings:,}",
                f"{line.reliability:.2f}",
                f"{line.reliability_low:.2f} to {line.reliability_high:.2f}",
                f"{line.p_careless:.0%}",
                f"{line.p_adversarial:.0%}",
                f"{line.agreement:.0%}",
                f"{line.bits:,.1f}",
                f"{line.pay_share:.1%}",
            ],
        )
    console.print(table)
    console.print(f"From {found.rankings:,} rankings of {found.chains:,} chains.")
    for name, meaning in _EXPLAINED:
        console.print(f"  {name}: {meaning}", style="dim", soft_wrap=True)
