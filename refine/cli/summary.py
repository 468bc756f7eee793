"""What a batch says when it is over, or is stopped."""

import json
import shlex
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from refine.cli.output import add_row, make_console, make_table, write_json
from refine.cli.progress import progress_values
from refine.cli.text import clean_line, count, format_count, format_usd, shorten

if TYPE_CHECKING:
    from rich.console import Console

    from refine.api.audits import AuditReport
    from refine.batch import BatchOrder, BatchResult
    from refine.cli.stopping import Stopped
    from refine.types import ChainRecord
    from store.calls import Spending
    from store.database import Database

_REASONS_SHOWN = 3


def show_stopped(stopped: "Stopped", command: str, *, as_json: bool) -> None:
    if as_json:
        write_json({"type": "stopped", "signal": str(stopped), "resume": command}, indent=None)
    console = make_console(is_error=True)
    console.print("Stopped. Everything recorded is kept; go on with:")
    console.print(f"  {command}", soft_wrap=True)


def show_end(order: "BatchOrder", result: "BatchResult", *, command: str, as_json: bool) -> int:
    """The summary of a run that came to its end. Gives the exit code: 1 while failed chains are left."""
    from refine.api.audits import win_rates
    from refine.cli.database import reading

    states = result.progress.states
    with reading(order.database) as database:
        audits = win_rates(database, result.start.project)
        chains = _look_at_chains(database, result.start.project)
    exit_code = 1 if states.get("failed") else 0
    if as_json:
        write_json(_values(order, result, audits, chains, exit_code), indent=None)
        return exit_code
    console = make_console()
    _show_chains(console, result, chains.stops)
    show_spending(console, result.spending)
    show_audits(console, audits)
    if order.out is not None:
        console.print(f"Pages       {order.out} (results.jsonl lists them)", soft_wrap=True)
    console.print(f"Database    {order.database}", soft_wrap=True)
    if chains.waiting is not None:
        _show_waiting(console, order, result, command, chains.waiting)
    if chains.failed:
        _show_failed(console, chains.failed, states["failed"], command)
    return exit_code


@dataclass(slots=True)
class _Chains:
    """What one look at a project's chains finds."""

    stops: Counter[str] = field(default_factory=Counter)
    """Stop reason -> how many ended for it."""
    failed: list["ChainRecord"] = field(default_factory=list)
    """The first few."""
    waiting: "ChainRecord | None" = None
    """The first."""

    def see(self, record: "ChainRecord") -> None:
        if record.state == "ended" and record.stop_reason is not None:
            self.stops[record.stop_reason] += 1
            if record.stop_reason == "failed" and len(self.failed) < _REASONS_SHOWN:
                self.failed.append(record)
        elif record.state in ("waiting", "audit") and not record.is_paused and self.waiting is None:
            self.waiting = record


def _show_chains(console: "Console", result: "BatchResult", stops: "Counter[str]") -> None:
    states = result.progress.states
    table = make_table("chains", "state", "why", right=["chains"])
    for reason, number in stops.most_common():
        is_failed = reason == "failed"
        add_row(table, [f"{number:,}", "failed" if is_failed else "ended", "" if is_failed else explain_stop(reason)])
    for state in ("waiting", "audit", "paused", "active", "new"):
        if states.get(state):
            add_row(table, [f"{states[state]:,}", *_STATES[state]])
    console.print(f"Project {shorten(result.start.project, 60)}", style="bold")
    console.print(table)


_STATES = {
    "waiting": ("waiting", "for feedback"),
    "audit": ("audit", "for rankings of their audit round"),
    "paused": ("paused", "by a person"),
    "active": ("active", "run by another process"),
    "new": ("new", "not begun"),
}
_STOPS = {
    "rounds": "all their rounds",
    "cost": "the budget is spent",
    "rankings": "their limit of rankings",
    "deadline": "the deadline has passed",
    "plateau": "the incumbent kept standing",
    "nothing_left": "nothing was left to improve",
    "ranked": "ranked, as ordered",
    "criticised": "criticised, as ordered",
    "stopped": "stopped by a person",
    "failed": "failed",
}


def explain_stop(reason: str) -> str:
    """A stop reason in words."""
    return _STOPS.get(reason, reason)


def show_spending(console: "Console", spending: "Spending") -> None:
    """Calls, tokens and dollars, from the ledger."""
    failed = f", {spending.failed_calls:,} failed" if spending.failed_calls else ""
    tokens = f"{format_count(spending.prompt_tokens)} + {format_count(spending.completion_tokens)} tokens"
    console.print(f"Calls       {spending.calls:,}{failed} · {tokens}")
    models = format_usd(spending.models_usd)
    if spending.unpriced_calls:
        unpriced = f"{count(spending.unpriced_calls, 'call')} of unknown price (--price gives one)"
        models = f"{models} and {unpriced}" if spending.models_usd else unpriced
    people = f" · people {format_usd(spending.people_usd)}" if spending.people_usd else ""
    console.print(f"Cost        models {models}{people}")


def show_audits(console: "Console", audits: "AuditReport") -> None:
    """The audit win rate with its interval, and beside it the estimate that flatters."""
    rate = audits.audited
    if rate.rate is not None and rate.low is not None and rate.high is not None:
        interval = f"({rate.level:.0%} interval {rate.low:.0%} to {rate.high:.0%})"
        console.print(
            f"Audit       final beats first {rate.rate:.0%} {interval}"
            f" · {count(rate.chains, 'chain')}, {count(round(rate.outcomes), 'blind ranking')}",
            soft_wrap=True,
        )
    elif audits.open:
        console.print(f"Audit       {count(audits.open, 'audit round')} still open")
    estimate = audits.in_chain
    if rate.rate is not None and estimate.rate is not None:
        console.print(f"In-chain    {estimate.rate:.0%}, optimistic: from the rankings that chose the final")


def _example_line(waiting: "ChainRecord") -> str:
    number = "audit" if waiting.state == "audit" else waiting.round
    return json.dumps(
        {
            "prompt_id": waiting.prompt_key,
            "round": number,
            "labeler": "ann",
            "ranking": [["c2"], ["c1", "c3"]],
            "critiques": [{"candidate": "c2", "text": "The start button does nothing."}],
        }
    )


def _show_waiting(
    console: "Console", order: "BatchOrder", result: "BatchResult", command: str, waiting: "ChainRecord"
) -> None:
    project = shlex.quote(result.start.project)
    db = shlex.quote(str(order.database))
    verb = "waits" if result.progress.waiting == 1 else "wait"
    console.print()
    console.print(f"{count(result.progress.waiting, 'chain')} {verb} for feedback.", style="bold")
    panel = order.settings.panel
    if panel.startswith("import:"):
        console.print(f"Append rankings to {panel.removeprefix('import:')}, then go on with:", soft_wrap=True)
    elif panel == "people":
        console.print("Let people rank and criticise in a browser; their chains go on by themselves:")
        console.print(f"  refine serve --project {project} --db {db}", soft_wrap=True)
        console.print("Or see the pages, named as rankings name them:")
        console.print(f"  refine chain show {waiting.id} --pages FOLDER --db {db}", soft_wrap=True)
        console.print("Write a file with one ranking a line, best first, ties side by side, for example")
        console.print(f"  {_example_line(waiting)}", soft_wrap=True)
        console.print("and hand it in:")
        console.print(f"  refine import rankings FILE --project {project} --db {db}", soft_wrap=True)
        console.print("Then go on with:")
    else:
        console.print("The panel has no labelers left for them; raise --labelers, then go on with:")
    console.print(f"  {command}", soft_wrap=True)


def _show_failed(console: "Console", failed: list["ChainRecord"], number: int, command: str) -> None:
    console.print()
    console.print(f"{count(number, 'chain')} failed.", style="bold")
    for record in failed:
        console.print(f"  {record.id}  {shorten(record.error or 'no reason was recorded', 160)}", soft_wrap=True)
    if number > len(failed):
        console.print(f"  … and {number - len(failed):,} more")
    retry = command if "--retry-failed" in shlex.split(command) else f"{command} --retry-failed"
    console.print("Take them up again with:")
    console.print(f"  {retry}", soft_wrap=True)


def _look_at_chains(database: "Database", project: str) -> _Chains:
    from store.chains import page_project
    from store.projects import find_project

    found = database.read(find_project, project)
    chains = _Chains()
    after = 0
    while found is not None and (page := database.read(page_project, found.key, after=after)):
        for stored in page:
            chains.see(stored.record)
        after = page[-1].key
    return chains


def _values(
    order: "BatchOrder",
    result: "BatchResult",
    audits: "AuditReport",
    chains: _Chains,
    exit_code: int,
) -> dict[str, Any]:
    return {
        "type": "result",
        "project": result.start.project,
        "database": str(order.database),
        "out": None if order.out is None else str(order.out),
        **progress_values(result.progress),
        "waiting": result.progress.waiting,
        "stop_reasons": dict(chains.stops),
        "failed": [{"chain": it.id, "error": clean_line(it.error or "")} for it in chains.failed],
        "spending": asdict(result.spending),
        "audits": asdict(audits),
        "exit_code": exit_code,
    }
