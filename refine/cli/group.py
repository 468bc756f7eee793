"""The root command group: help without rich (which costs as much CPU as all the rest), and the one error handler.

Exit codes: 0 ok, 1 failed, 2 bad input, 130 interrupted, 143 terminated.
"""

import contextlib
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from refine.cli.text import clean_line
from refine.errors import RefineError

_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""What typer raises for a command line it cannot read; its own name for it is private."""
_LONGEST_ERROR = 2000


class SectionedCommand(TyperCommand):
    """A command whose help lists options under the section (`rich_help_panel`) each was given."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                default = "Arguments" if param.param_type_name == "argument" else "Options"
                name = getattr(param, "rich_help_panel", None) or default
                sections.setdefault(name, []).append(record)
        for name, records in sections.items():
            with formatter.section(name):
                formatter.write_dl(records, col_max=28)


class Group(TyperGroup):
    """Shows its help when it is called without a command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            ctx.exit(0)
        return super().parse_args(ctx, args)


class RootGroup(Group):
    """The whole command line: `main` runs a command and turns whatever it raises into one line and an exit code."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        typed = list(args)
        context = super().make_context(info_name, args, parent=parent, **extra)
        context.meta["refine.arguments"] = typed  # for the command that resumes this one
        return context

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        del prog_name, standalone_mode
        arguments = list(sys.argv[1:] if args is None else args)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, ValueError):
                stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a replaced stream may lack it
        try:
            code = super().main(
                arguments,
                "refine",
                complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )
            sys.stdout.flush()
        except BrokenPipeError:
            _drop_output()
            code = 1
        except BaseException as error:  # noqa: BLE001  # the one place where everything ends
            code = _report(error)
        sys.exit(code if isinstance(code, int) else 0)


def _report(error: BaseException) -> int:
    """Say what went wrong, in one line, and give its exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if os.environ.get("REFINE_DEBUG") == "1":
        traceback.print_exception(error)
    if isinstance(error, ImportError):
        error = _explain_import(error)
    if isinstance(error, RefineError):
        _say(str(error))
        return error.exit_code
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        _say("interrupted")
        return 130
    if isinstance(error, _USAGE_ERROR):
        _say(_usage_line(error))
        return 2
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        _say(f"{where}{error.strerror or error}")
        return 2
    where = _write_traceback(error)
    _say(f"unexpected error: {type(error).__name__}: {error}; details in {where}")
    return 1


def _usage_line(error: Any) -> str:
    said = clean_line(error.format_message()).rstrip(".")
    command = error.ctx.command_path if error.ctx is not None else "refine"
    return f"{said}; see `{command} --help`"


def _explain_import(error: ImportError) -> BaseException:
    """Where a user's `store.py` or `graphs/` stands in the way, the use cases say so when they are loaded."""
    if (error.name or "").partition(".")[0] in ("graphs", "store"):
        try:
            import refine.api  # noqa: F401
        except RefineError as explained:
            return explained
        except ImportError:
            return error
    return error


def _write_traceback(error: BaseException) -> str:
    text = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="refine-error-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            file.write(text)
        return file.name
    except OSError:
        return "nothing (the temporary folder cannot be written); set REFINE_DEBUG=1 to see them"


def _say(line: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"refine: {clean_line(line, longest=_LONGEST_ERROR)}\n")
        sys.stderr.flush()


def _drop_output() -> None:
    """Whoever read our output is gone: let the interpreter's last flush go nowhere."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
