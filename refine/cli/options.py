"""Options that commands share, and how an option is declared.

Each has a sentence of help and is read from the environment too: `--api-base` from REFINE_API_BASE. Options of a
project default to None here, so that pydantic need not be loaded for `--help`; the defaults their help names are kept
equal to those in `refine.settings` by a test.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

DEFAULTS: dict[str, str] = {
    "kind": "refine",
    "panel": "simulated",
    "model": "demo/scripted",
    "candidates": "4",
    "revisions": "2",
    "rounds": "3",
    "rankings_per_round": "5",
    "plateau_rounds": "2",
    "gate": "0.6",
    "variation_controls": "0.0",
    "audit_share": "0.05",
    "uses_allowed": "research",
    "max_candidate_bytes": "1000000",
    "seed": "0",
    "labelers": "24",
    "careless_share": "0.2",
    "hostile_share": "0.1",
    "held_out_share": "0.0",
    "client": "auto",
    "concurrency": "16",
    "timeout_s": "180.0",
    "retries": "5",
}
"""Field of the settings or run options -> its default, as help shows it."""


def option(
    flag: str,
    help: str,
    *,
    field: str | None = None,
    section: str | None = None,
    metavar: str | None = None,
    **more: Any,
) -> Any:
    """A typer option. `field` names the setting whose default the help is to name."""
    name = flag.split("/")[0].removeprefix("--")
    if field is not None:
        help = f"{help} [{DEFAULTS[field]}]"
    return typer.Option(
        flag,
        help=help,
        envvar=f"REFINE_{name.replace('-', '_').upper()}",
        show_envvar=False,
        show_default=False,
        rich_help_panel=section,
        metavar=metavar,
        **more,
    )


Db = Annotated[Path, option("--db", "The database. [refine.db]", metavar="FILE")]
Json = Annotated[bool, option("--json", "Print JSON for machines.")]
ChainId = Annotated[str, typer.Argument(metavar="ID", help="The chain's id, or the first 6 or more characters of it.")]

DB = Path("refine.db")
ENVIRONMENT = "Every option can also be set in the environment: --api-base, for example, as REFINE_API_BASE."
