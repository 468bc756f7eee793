"""`refine perturb`: a copy of a page with one flaw that only an attentive person notices."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refine.cli.options import Json, option
from refine.cli.output import add_row, make_console, make_table, write_json
from refine.cli.text import clean_line, count
from refine.errors import InputError

if TYPE_CHECKING:
    from refine.perturb import Proven
    from refine.types import Files

_RECORD = "perturbation.json"
_MUTANT = "mutant"


def perturb(
    page: Annotated[
        Path | None,
        typer.Argument(
            metavar="PAGE", help="An .html file, or a folder with one candidate's files.", show_default=False
        ),
    ] = None,
    operator: Annotated[str | None, option("--operator", "The kind of flaw; see --list. [any]", metavar="NAME")] = None,
    severity: Annotated[
        float | None, option("--severity", "How bad it is to be, above 0 and at most 1. [the operator's own]")
    ] = None,
    seed: Annotated[int, option("--seed", "Everything random follows from it. [0]", min=0)] = 0,
    attempts: Annotated[int, option("--attempts", "Flaws to try until one is proven. [10]", min=1, max=1000)] = 10,
    no_proof: Annotated[
        bool, option("--no-proof", "Do without a browser: the first flaw is written, and called unproven.")
    ] = False,
    out: Annotated[
        Path | None, option("--out", "The folder for the copy and its record. [PAGE-perturbed]", metavar="FOLDER")
    ] = None,
    is_list: Annotated[bool, option("--list", "List the operators and stop.")] = False,
    as_json: Json = False,
) -> None:
    """Degrade a page in one place, prove in a browser that the flaw is there, and say what a person would notice."""
    if is_list:
        _list(as_json=as_json)
        return
    if page is None:
        raise InputError("perturb: a PAGE is missing; `refine perturb --help` tells more")
    from refine.cli.page_files import read_pages

    named = read_pages([page])
    if len(named) > 1:
        raise InputError(f"{page}: holds {len(named)} candidates; save one of them as an .html file or a folder")
    files = named[0].files
    folder = out or Path(f"{page.resolve().stem}-perturbed")
    _refuse_foreign(folder)
    found = _make(files, operator, severity, seed, 0 if no_proof else attempts)
    _finish(found, page, folder, as_json=as_json)


def _list(*, as_json: bool) -> None:
    from refine.perturb import OPERATORS

    if as_json:
        names = ("name", "channel", "severity", "least", "most", "notice")
        write_json([{name: getattr(each, name) for name in names} for each in OPERATORS])
        return
    table = make_table("operator", "channel", "severity", "from", "to", "what a person notices", right=_NUMBERS)
    for each in OPERATORS:
        scale = (f"{each.least:.2f}", f"{each.most:.2f}") if each.is_scaled else ("", "")
        add_row(table, [each.name, each.channel, f"{each.severity:.2f}", *scale, each.notice])
    make_console().print(table)


_NUMBERS = ("severity", "from", "to")


def _refuse_foreign(folder: Path) -> None:
    """A perturbation replaces what a perturbation wrote, and nothing else."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder}: is no folder; choose another with --out")
    if folder.is_dir() and any(folder.iterdir()) and not _is_ours(folder):
        raise InputError(f"{folder}: holds files that no `refine perturb` wrote; choose another folder with --out")


def _is_ours(folder: Path) -> bool:
    names = {each.name for each in folder.iterdir()}
    return names <= {_RECORD, _MUTANT} and _RECORD in names and not any(each.is_symlink() for each in folder.iterdir())


def _make(files: "Files", operator: str | None, severity: float | None, seed: int, attempts: int) -> "Proven":
    """Proven by up to `attempts` visits to the browser; the first that comes, unproven, where there are none."""
    from refine.perturb import Proven, find_proven, perturb

    first = perturb(files, operator=operator, severity=severity, seed=seed)  # refuses before a browser is started
    if not attempts:
        return Proven(perturbation=first, proof=None, tried=0, refused={})
    from refine.api.browser import PREPARED_AS, prepare_as_delivered
    from refine.cli.stopping import Stopped, run_stoppable
    from refine.render import Renderer, RenderSettings, find_chromium

    chromium = find_chromium()

    async def run() -> Proven:
        async with Renderer(
            RenderSettings(pages=1), chromium=chromium, prepare=prepare_as_delivered, prepared_as=PREPARED_AS
        ) as renderer:
            return await find_proven(
                files,
                lambda each: renderer.probe(each, seed=seed),
                operator=operator,
                severity=severity,
                seed=seed,
                attempts=attempts,
            )

    try:
        return run_stoppable(run())
    except Stopped as stopped:
        raise SystemExit(stopped.exit_code) from None


def _finish(found: "Proven", page: Path, folder: Path, *, as_json: bool) -> None:
    from refine.perturb import perturbation_record

    tried = {"tried": found.tried, "refused": dict(found.refused), "page_refused": found.page_refused}
    if found.perturbation is None:
        if as_json:
            write_json({"perturbation": None, **tried})
        else:
            make_console(is_error=True).print(f"refine: {clean_line(str(page))}: {_why_not(found)}", soft_wrap=True)
        raise typer.Exit(1)
    record = {**perturbation_record(found.perturbation, found.proof), **tried}
    _write(folder, found.perturbation.files, record)
    if as_json:
        write_json({**record, "folder": str(folder)})
        return
    made = found.perturbation
    console = make_console()
    console.print(f"{made.operator} ({made.channel}, severity {made.severity:.2f})", style="bold")
    console.print(f"A person would notice: {clean_line(made.description)}", soft_wrap=True)
    where = record["site"]
    console.print(
        f"In {clean_line(where['file'])}, byte {where['start']:,}: {clean_line(where['text'])}", soft_wrap=True
    )
    if found.proof is None:
        console.print("Unproven: no browser was asked. Do not show it to labelers.", soft_wrap=True)
    else:
        console.print(f"Proven in Chromium: it differs in {', '.join(sorted(found.proof.channels))}.", soft_wrap=True)
        for said in [line for lines in found.proof.details.values() for line in lines][:3]:
            console.print(f"  {clean_line(said)}", style="dim", soft_wrap=True)
        if found.refused:
            console.print(f"Refused before it: {_told(found)}.", style="dim", soft_wrap=True)
    console.print(f"Written to {clean_line(str(folder))} ({_MUTANT}/ and {_RECORD}).", soft_wrap=True)


def _why_not(found: "Proven") -> str:
    from refine.perturb import REFUSALS

    if found.page_refused:
        return f"nothing can be proven on this page: {REFUSALS[found.page_refused]}"
    tried = count(found.tried, "perturbation")
    return f"none of {tried} was proven ({_told(found)}); try --seed, another --operator or more --attempts"


def _told(found: "Proven") -> str:
    from refine.perturb import REFUSALS

    return "; ".join(f"{number} because {REFUSALS[reason]}" for reason, number in found.refused.items())


def _write(folder: Path, files: "Files", record: dict[str, Any]) -> None:
    try:
        for name, content in _contents(files, record):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as exc:
        raise InputError(f"{folder}: cannot be written ({exc.strerror or exc})") from exc


def _contents(files: "Files", record: dict[str, Any]) -> list[tuple[str, bytes]]:
    pages = [(f"{_MUTANT}/{file.filename}", file.content.encode()) for file in files]
    return [*pages, (_RECORD, (json.dumps(record, indent=2) + "\n").encode())]
