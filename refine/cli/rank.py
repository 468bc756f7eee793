"""`refine rank`: the ranking engine alone, over a file of comparisons."""

import csv
import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refine.cli.options import Json, option
from refine.cli.output import add_row, make_console, make_table, write_json
from refine.cli.text import count, shorten
from refine.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from refine.ranking import Comparisons, Fitted, Labelers

Columns = Mapping[str, Sequence[Any]]

_COLUMNS = {
    "ratings": ("group", "item", "mean", "sd", "p_best"),
    "labelers": (
        *("labeler", "reliability", "reliability_sd", "p_careless", "p_adversarial"),
        *("side_bias", "comparisons"),
    ),
}
"""Of each table of a fit, and of the file of that name."""
GROUPS_SHOWN = 20
ITEMS_SHOWN = 5
LABELERS_SHOWN = 30
"""Half of them the most reliable, half the least: those are the ones to look at."""
_WIDTH = 40


def rank(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS",
            help="CSV, plain or .csv.gz, a comparison a line: worker, group, left, right, label.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        option("--out", "Write ratings.csv and labelers.csv into this folder instead.", metavar="FOLDER"),
    ] = None,
    seed: Annotated[int, option("--seed", "Everything random follows from it. [0]", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Rate items and labelers from comparisons: who is best, and whom to trust; no database is needed."""
    from refine.ranking import Comparisons, fit

    if out is not None:
        _refuse_foreign(out)  # before the work, not after it
    data = Comparisons.from_csv(labels)
    _announce(data)
    fitted = fit(data, seed=seed)
    if out is not None:
        _show_written(_write(fitted, out), as_json=as_json)
    elif as_json:
        _write_values(fitted)
    else:
        _show(fitted)


def _announce(data: "Comparisons") -> None:
    """A word to who waits at a terminal; a pipe or a file gets the result alone."""
    if sys.stderr.isatty():
        many = (count(len(data), "comparison"), count(len(data.labelers), "labeler"), count(len(data.groups), "group"))
        sys.stderr.write("Fitting {} by {} in {} …\n".format(*many))
        sys.stderr.flush()


def _tables(fitted: "Fitted") -> dict[str, Columns]:
    """Name of each table, and its columns."""
    return {
        table: {name: _plain(getattr(getattr(fitted, table), name)) for name in names}
        for table, names in _COLUMNS.items()
    }


def _plain(column: Any) -> Sequence[Any]:
    """Names and counts as they are, other numbers to six places; adding 0.0 makes a negative zero a plain one."""
    if isinstance(column, tuple):
        return column
    return [value + 0.0 if isinstance(value, float) else value for value in column.round(6).tolist()]


def _rows(columns: Columns) -> Iterator[tuple[Any, ...]]:
    return zip(*columns.values(), strict=True)


def _write_values(fitted: "Fitted") -> None:
    tables = {
        name: [dict(zip(columns, row, strict=True)) for row in _rows(columns)]
        for name, columns in _tables(fitted).items()
    }
    write_json({"comparisons": len(fitted.data), "seed": fitted.seed, **tables})


def _refuse_foreign(folder: Path) -> None:
    """A ranking replaces what a ranking wrote, and nothing else."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is no folder; choose another")
    for name, columns in _COLUMNS.items():
        path = folder / f"{name}.csv"
        if path.is_symlink() or (path.exists() and not _is_ours(path, columns)):
            raise InputError(f"{folder}: holds a {path.name} that no `refine rank` wrote; choose an empty folder")


def _is_ours(path: Path, columns: Sequence[str]) -> bool:
    expected = ",".join(columns).encode() + b"\n"
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(expected)) == expected


def _write(fitted: "Fitted", folder: Path) -> dict[str, tuple[Path, int]]:
    """Path and rows by name. Both files are whole before either takes its place."""
    folder.mkdir(parents=True, exist_ok=True)
    ending = secrets.token_hex(4)
    tables = _tables(fitted)
    beside = {name: folder / f".{name}.csv.{ending}" for name in tables}
    try:
        for name, columns in tables.items():
            _write_csv(beside[name], columns)
        for name, path in beside.items():
            path.replace(folder / f"{name}.csv")
    except BaseException:
        for path in beside.values():
            path.unlink(missing_ok=True)
        raise
    sizes = {"ratings": len(fitted.ratings), "labelers": len(fitted.labelers)}
    return {name: (folder / f"{name}.csv", sizes[name]) for name in tables}


def _write_csv(path: Path, columns: Columns) -> None:
    with path.open("x", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(chain([tuple(columns)], _rows(columns)))
        file.flush()
        os.fsync(file.fileno())


def _show_written(written: Mapping[str, tuple[Path, int]], *, as_json: bool) -> None:
    if as_json:
        write_json([{"name": name, "path": str(path), "rows": rows} for name, (path, rows) in written.items()])
        return
    table = make_table("table", "rows", "file", right=["rows"])
    for name, (path, rows) in written.items():
        add_row(table, [name, f"{rows:,}", str(path)])
    make_console().print(table)


def _show(fitted: "Fitted") -> None:
    console = make_console()
    if not len(fitted.data):
        console.print("No comparisons, so nothing to rate.")
        return
    _show_ratings(console, fitted)
    console.print()
    _show_labelers(console, fitted.labelers)


def _show_ratings(console: "Console", fitted: "Fitted") -> None:
    """The first items of the first groups."""
    ratings = fitted.ratings
    table = make_table("group", "item", "rating", "P(best)", right=["rating", "P(best)"])
    means = ratings.mean.round(6)
    groups = groupby(range(len(ratings)), key=ratings.group.__getitem__)
    shown = 0
    for name, places in islice(groups, GROUPS_SHOWN):
        best = sorted(places, key=lambda at: (-means[at], ratings.item[at]))[:ITEMS_SHOWN]
        for number, at in enumerate(best):
            rating = f"{_signed(means[at])} ± {ratings.sd[at]:.2f}"
            group = shorten(name, _WIDTH) if number == 0 else ""
            add_row(table, [group, shorten(ratings.item[at], _WIDTH), rating, f"{ratings.p_best[at]:.2f}"])
        shown += len(best)
    console.print(table)
    if shown < len(ratings):
        rest, groups_in_all = count(len(ratings) - shown, "more item"), len(fitted.data.groups)
        console.print(
            f"… and {rest}: shown are the first {ITEMS_SHOWN} of a group, and"
            f" {min(GROUPS_SHOWN, groups_in_all):,} of {count(groups_in_all, 'group')}. --out writes all of them.",
            soft_wrap=True,
        )


def _show_labelers(console: "Console", labelers: "Labelers") -> None:
    """The most reliable ones first; the middle is left out where there are many."""
    names = ("reliability", "P(careless)", "P(adversarial)", "side bias", "comparisons")
    table = make_table("labeler", *names, right=names)
    reliability = labelers.reliability.round(6)
    order = sorted(range(len(labelers)), key=lambda at: (-reliability[at], labelers.labeler[at]))
    hidden = len(order) - LABELERS_SHOWN
    half = LABELERS_SHOWN // 2
    for number, at in enumerate(order if hidden <= 0 else [*order[:half], *order[-half:]]):
        if hidden > 0 and number == half:
            add_row(table, [f"… {hidden:,} more", *[""] * len(names)])
        cells = [
            shorten(labelers.labeler[at], _WIDTH),
            f"{_signed(reliability[at])} ± {labelers.reliability_sd[at]:.2f}",
            f"{labelers.p_careless[at]:.2f}",
            f"{labelers.p_adversarial[at]:.2f}",
            _signed(labelers.side_bias[at]),
            f"{labelers.comparisons[at]:,}",
        ]
        add_row(table, cells)
    console.print(table)
    if hidden > 0:
        console.print(
            f"Shown are the {half} most and the {half} least reliable labelers. --out writes all of them.",
            soft_wrap=True,
        )


def _signed(value: float) -> str:
    """Two places, and never a minus before nought."""
    return f"{round(float(value), 2) + 0.0:.2f}"
