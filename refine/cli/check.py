"""`refine check`: what a real browser finds wrong with pages."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refine.cli.options import Json, option
from refine.cli.output import add_row, make_console, make_table, write_json
from refine.cli.text import clean_line, count, shorten
from refine.errors import InputError

if TYPE_CHECKING:
    from refine.cli.page_files import NamedPage
    from refine.render import PageCheck, RenderReport

Checked = tuple["NamedPage", "RenderReport", list["PageCheck"]]

_SLUG = re.compile(r"[^A-Za-z0-9._-]+")
_WIDTH = 60


def check(
    pages: Annotated[
        list[Path],
        typer.Argument(
            metavar="PAGE…",
            help="HTML files, folders with a candidate's files, or JSON Lines of candidates.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None, option("--out", "Write each page's report and screenshots into this folder.", metavar="FOLDER")
    ] = None,
    seed: Annotated[int, option("--seed", "Chance on the pages and the walk follow from it. [0]", min=0)] = 0,
    accessibility: Annotated[
        bool, option("--accessibility/--no-accessibility", "Look for faults of accessibility too. [yes]")
    ] = True,
    at_once: Annotated[int, option("--at-once", "Pages open at the same time. [2]", min=1, max=16)] = 2,
    as_json: Json = False,
) -> None:
    """Open pages in Chromium, press every control once, and say what is broken. Nothing a page does leaves it.

    Exit code 1 when a page is broken, 2 without Chromium.
    """
    from refine.cli.page_files import read_pages
    from refine.cli.stopping import Stopped, run_stoppable
    from refine.render import RenderSettings, find_chromium, is_broken

    named = read_pages(pages)
    if out is not None and out.exists() and not out.is_dir():
        raise InputError(f"{out}: is no folder; choose another")
    chromium = find_chromium()
    settings = RenderSettings(with_accessibility=accessibility, pages=at_once)
    try:
        checked = run_stoppable(_check_all(named, chromium, settings, seed))
    except Stopped as stopped:
        raise SystemExit(stopped.exit_code) from None
    if out is not None:
        for number, each in enumerate(checked, start=1):
            _write(out, number, len(checked), each)
    broken = sum(is_broken(checks) for _, _, checks in checked)
    if as_json:
        write_json([_as_json(each) for each in checked])
    else:
        _show(checked, broken, out)
    raise typer.Exit(1 if broken else 0)


async def _check_all(named: "list[NamedPage]", chromium: Path, settings: Any, seed: int) -> list[Checked]:
    import asyncio

    from refine.render import Renderer, check_report

    async with Renderer(settings, chromium=chromium) as renderer:

        async def one(page: "NamedPage") -> Checked:
            report = await renderer.render(page.files, seed=seed)
            return page, report, check_report(report)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(page)) for page in named]
        return [task.result() for task in tasks]


def _as_json(each: Checked) -> dict[str, Any]:
    from refine.render import is_broken

    page, report, checks = each
    failed = [{"name": c.name, "severity": c.severity, "detail": c.detail} for c in checks if not c.passed]
    return {
        "page": page.name,
        "candidate": report.candidate,
        "broken": is_broken(checks),
        "failed": failed,
        "passed": [c.name for c in checks if c.passed],
        "report": report.model_dump(mode="json"),
    }


def _show(checked: list[Checked], broken: int, out: Path | None) -> None:
    from refine.render import is_broken

    console = make_console()
    table = make_table("page", "result", "controls", "pressed", "seconds", right=["controls", "pressed", "seconds"])
    for page, report, checks in checked:
        hints = sum(not each.passed and each.severity == "hint" for each in checks)
        result = "broken" if is_broken(checks) else f"ok, {count(hints, 'hint')}" if hints else "ok"
        pressed = sum(bool(control.pressed) for control in report.controls)
        cells = [
            _short(page.name),
            result,
            f"{report.controls_found:,}",
            f"{pressed:,}",
            f"{report.timings.total_s:.1f}",
        ]
        add_row(table, cells)
    console.print(table)
    for page, _, checks in checked:
        failed = [each for each in checks if not each.passed]
        if not failed:
            continue
        console.print()
        console.print(_short(page.name), style="bold")
        for each in sorted(failed, key=lambda it: it.severity):
            console.print(f"  {each.severity:6}  {each.name}: {clean_line(each.detail, longest=500)}", soft_wrap=True)
    console.print()
    where = f" Reports and screenshots are in {out}." if out is not None else ""
    console.print(f"{count(len(checked), 'page')}, {broken or 'none'} broken.{where}", soft_wrap=True)


def _short(name: str) -> str:
    """The end of a path says more than its start."""
    line = clean_line(name)
    return line if len(line) <= _WIDTH else f"…{shorten(line[-_WIDTH + 1 :], _WIDTH)}"


def _write(out: Path, number: int, total: int, each: Checked) -> None:
    page, report, _ = each
    slug = _SLUG.sub("-", Path(page.name).name).strip("-.")[:60] or "page"
    folder = out / f"{number:0{len(str(total))}}-{slug}"
    folder.mkdir(parents=True, exist_ok=True)
    told = json.dumps(_as_json(each), indent=2)
    (folder / "report.json").write_text(told + "\n", encoding="utf-8")
    for shot in report.shots:
        (folder / f"{shot.name}.png").write_bytes(report.pictures[shot.sha256])
