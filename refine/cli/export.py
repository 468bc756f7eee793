"""`refine export`: training data out of a project."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from refine.cli.database import reading
from refine.cli.options import DB, Db, Json, option
from refine.cli.output import add_row, make_console, make_table, write_json

Name = Literal["sft_final", "dpo_round", "trajectory", "all"]


def export(
    name: Annotated[
        Name,
        typer.Argument(
            metavar="NAME",
            help="sft_final (prompt, completion), dpo_round (prompt, chosen, rejected), trajectory, or all.",
            show_default=False,
        ),
    ],
    project: Annotated[str, option("--project", "The project to export.")],
    out: Annotated[
        Path, option("--out", "The folder to make; each export gets one of its own in it.", metavar="FOLDER")
    ],
    include_demo: Annotated[bool, option("--include-demo", "Take chains that demo/scripted wrote for, too.")] = False,
    uses: Annotated[
        list[str] | None,
        option("--uses", "Only feedback that may be used for this; may be given several times.", metavar="USE"),
    ] = None,
    min_confidence: Annotated[
        float, option("--min-confidence", "The least P(chosen beats rejected) of a pair. [0.6]", min=0, max=1)
    ] = 0.6,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Write training data as JSON Lines with a dataset card, in TRL's columns."""
    from refine.api.exporting import export_project
    from refine.export import EXPORTS, REASONS

    names = list(EXPORTS) if name == "all" else [name]
    with reading(db) as database:
        written = {
            each: export_project(
                database,
                each,
                out / each,
                project=project,
                include_demo=include_demo,
                uses=tuple(uses or ()),
                min_confidence=min_confidence,
            )
            for each in names
        }
    if as_json:
        write_json(
            [
                {
                    "name": each,
                    "path": str(it.path),
                    "rows": it.rows,
                    "left_out": dict(it.left_out),
                    "sha256": it.sha256,
                }
                for each, it in written.items()
            ]
        )
        return
    console = make_console()
    table = make_table("export", "rows", "left out", "file", right=["rows", "left out"])
    for each, it in written.items():
        add_row(table, [each, f"{it.rows:,}", f"{sum(it.left_out.values()):,}", str(it.path)])
    console.print(table)
    for each, it in written.items():
        if it.left_out:
            why = "; ".join(f"{number:,} {REASONS[reason]}" for reason, number in it.left_out.items())
            console.print(f"{each} left out: {why}.", soft_wrap=True)
    if not include_demo and not any(it.rows for it in written.values()):
        console.print("Nothing fits. Chains of demo/scripted are left out; --include-demo takes them.")
