"""`refine doctor`: what is here, what is missing, and how to get it."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

import typer

from refine.cli.options import Json
from refine.cli.output import add_row, make_console, make_table, write_json
from refine.cli.text import clean_line

State = Literal["ok", "missing", "optional"]
LEAST_SQLITE = (3, 37, 0)
"""STRICT tables and RETURNING."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    name: str
    state: State
    """missing: something does not work; optional: something is off that may be."""
    found: str
    advice: str = ""


def doctor(as_json: Json = False) -> None:
    """Say what is installed, what is missing, and how to get it. Exit code 1 when something needed is missing."""
    findings = list(_findings())
    if as_json:
        write_json([asdict(each) for each in findings])
    else:
        table = make_table("what", "state", "found")
        for each in findings:
            add_row(table, [each.name, each.state, clean_line(each.found, longest=200)])
        console = make_console()
        console.print(table)
        for each in findings:
            if each.advice:
                console.print(f"{each.name}: {each.advice}", soft_wrap=True)
    raise typer.Exit(1 if any(each.state == "missing" for each in findings) else 0)


def _findings() -> Iterator[Finding]:
    yield _python()
    yield _sqlite()
    yield from _packages()
    yield _browser()
    yield _sandbox()
    yield _keys()


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(name="Python", state="ok", found=f"{version} at {sys.executable}")


def _sqlite() -> Finding:
    import sqlite3

    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < LEAST_SQLITE:
        wanted = ".".join(map(str, LEAST_SQLITE))
        return Finding(
            name="SQLite", state="missing", found=version, advice=f"use a Python with SQLite {wanted} or newer"
        )
    return Finding(name="SQLite", state="ok", found=version)


def _packages() -> Iterator[Finding]:
    """Those a command needs only when it runs: an incomplete installation shows late."""
    import importlib.metadata
    import importlib.util

    for module, package in (
        ("playwright", "playwright"),
        ("PIL", "pillow"),
        ("litellm", "litellm"),
        ("openai", "openai"),
    ):
        if importlib.util.find_spec(module) is None:
            advice = f"pip install {package}, or install Refine again"
            yield Finding(name=package, state="missing", found="not installed", advice=advice)
        else:
            yield Finding(name=package, state="ok", found=importlib.metadata.version(package))


def _browser() -> Finding:
    import subprocess

    from refine.errors import NoBrowser
    from refine.render import HOW_TO_GET_IT, find_chromium

    try:
        path = find_chromium()
    except NoBrowser as error:
        return Finding(name="Chromium", state="optional", found=str(error), advice=f"checks are off; {HOW_TO_GET_IT}")
    try:
        said = subprocess.run(  # noqa: S603  # the browser that the person named or has on PATH
            [path, "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        found = f"{path} does not start: {error}"
        return Finding(name="Chromium", state="optional", found=found, advice=f"checks are off; {HOW_TO_GET_IT}")
    version = said.stdout.strip().splitlines()[-1] if said.stdout.strip() else "of an unknown version"
    return Finding(name="Chromium", state="ok", found=f"{version} at {path}")


def _sandbox() -> Finding:
    """Whether Chromium's own sandbox can be used, beside what Refine does."""
    if not hasattr(os, "geteuid"):
        return Finding(name="browser sandbox", state="ok", found="the system's own")
    if os.geteuid() == 0:
        advice = "run Refine as another user than root: Chromium has no sandbox for root"
        return Finding(name="browser sandbox", state="optional", found="off, for root", advice=advice)
    helper = shutil.which("chrome-sandbox", path="/usr/lib/chromium:/opt/google/chrome")
    found = f"by {helper}" if helper else "by user namespaces, where the system allows them"
    return Finding(name="browser sandbox", state="ok", found=found)


def _keys() -> Finding:
    """Names only; a key's value is shown nowhere."""
    named = sorted(name for name, value in os.environ.items() if name.endswith("_API_KEY") and value)
    if named:
        return Finding(name="model keys", state="ok", found=", ".join(named))
    advice = "set the provider's variable (OPENAI_API_KEY, …) for models that need one"
    return Finding(name="model keys", state="optional", found="none set", advice=advice)
