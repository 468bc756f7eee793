"""Where commands write: tables and lines through rich, JSON for machines."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDTH_ELSEWHERE = 120
"""Columns where no terminal says how many there are: a file, a pipe."""


def make_console(*, is_error: bool = False) -> "Console":
    """A console on stdout, or stderr, that reads no markup and marks up nothing by itself."""
    from rich.console import Console

    stream = sys.stderr if is_error else sys.stdout
    is_sized = "COLUMNS" in os.environ or stream.isatty()
    return Console(
        file=stream,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
        width=None if is_sized else _WIDTH_ELSEWHERE,
    )


def write_json(value: Any, *, indent: int | None = 2) -> None:
    """One JSON value; `indent=None` makes it one line and sends it off at once. ASCII only, so it survives any pipe."""
    sys.stdout.write(json.dumps(value, indent=indent, default=str) + "\n")
    if indent is None:
        sys.stdout.flush()


def make_table(*columns: str, right: Iterable[str] = (), stretch: str | None = None) -> "Table":
    """A plain table; `right` names columns of numbers, `stretch` the one that takes the room that is left and is cut
    rather than wrapped. Columns called `chain` hold ids, which are never broken."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    numbers = set(right)
    for name in columns:
        table.add_column(
            name,
            justify="right" if name in numbers else "left",
            no_wrap=name in (stretch, "chain"),
            overflow="ellipsis" if name == stretch else "fold",
            ratio=1 if name == stretch else None,
        )
    table.expand = stretch is not None
    return table


def add_row(table: "Table", cells: Sequence[str], *, style: str | None = None) -> None:
    """Cells as they are: nothing in them is markup. Clean what comes from outside before."""
    from rich.text import Text

    table.add_row(*(Text(cell) for cell in cells), style=style)
