"""What is seen of a batch while it runs: live lines on a terminal, now and then a line elsewhere, JSON for machines."""

import time
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from refine.cli.output import make_console, write_json
from refine.cli.text import clean_line, count, format_count, format_span, format_usd, shorten

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

    from refine.api import Progress
    from refine.batch import BatchOrder, BatchStart

LINE_S = 5.0
"""At most a line every so many seconds."""
JSON_S = 1.0
_WINDOW_S = 30.0
"""How far back the rate looks."""
_STATES = ("active", "waiting", "audit", "new", "paused", "failed")


def open_display(order: "BatchOrder", *, as_json: bool, is_quiet: bool) -> "Display":
    if as_json:
        return JsonDisplay(order)
    if is_quiet:
        return Display()
    console = make_console(is_error=True)
    return LiveDisplay(order) if console.is_terminal and not console.is_dumb_terminal else LineDisplay(order)


class Pace:
    """How fast it goes and how long it may still take, from what has been seen of the run."""

    def __init__(self, order: "BatchOrder") -> None:
        settings = order.settings
        drafts = settings.candidates
        later = (settings.rounds - 1) * (1 + settings.revisions) if settings.kind == "refine" else 0
        self._calls_a_chain = drafts + later
        self._runs_by_itself = settings.panel == "simulated"
        self._began = time.monotonic()
        self._seen: deque[tuple[float, int]] = deque([(self._began, 0)])
        self._done_before: int | None = None
        self._calls = 0
        self._done = 0
        self._total = 0

    def see(self, progress: "Progress") -> None:
        now = time.monotonic()
        if self._done_before is None:
            self._done_before = progress.done
        self._calls, self._done, self._total = progress.meter.calls, progress.done, progress.total
        self._seen.append((now, self._calls))
        while now - self._seen[0][0] > _WINDOW_S and len(self._seen) > 2:
            self._seen.popleft()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    @property
    def calls_per_s(self) -> float:
        (since, before), (until, after) = self._seen[0], self._seen[-1]
        return (after - before) / (until - since) if until - since > 0.5 else 0.0

    @property
    def left_s(self) -> float | None:
        """None where nobody can say: people are asked, or too little has been seen."""
        rate = self.calls_per_s
        if not self._runs_by_itself or rate <= 0 or self._done_before is None or self._calls < 5:
            return None
        ended = self._done - self._done_before
        of_open_chains = max(0, self._calls - ended * self._calls_a_chain)
        return max(0.0, (self._total - self._done) * self._calls_a_chain - of_open_chains) / rate


class Display:
    """Shows nothing. Use it as a context manager, as those that show something."""

    def start(self, start: "BatchStart") -> None:
        del start

    def update(self, progress: "Progress") -> None:
        del progress

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class LineDisplay(Display):
    """A line on stderr every few seconds, and only when something has changed."""

    def __init__(self, order: "BatchOrder") -> None:
        self._order = order
        self._pace = Pace(order)
        self._console = make_console(is_error=True)
        self._at = float("-inf")
        self._shown: object = None

    def start(self, start: "BatchStart") -> None:
        for line in describe_start(self._order, start):
            self._print(line)

    def update(self, progress: "Progress") -> None:
        self._pace.see(progress)
        now = time.monotonic()
        seen = (progress.states, progress.meter.calls)
        if now - self._at >= LINE_S and seen != self._shown:
            self._at, self._shown = now, (dict(progress.states), progress.meter.calls)
            self._print(" · ".join([_chains(progress), *_states(progress), *_calls(progress, self._pace)]))

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)


class JsonDisplay(Display):
    """JSON lines on stdout: one `start`, then `progress` whenever something has changed, at most one a second."""

    def __init__(self, order: "BatchOrder") -> None:
        self._pace = Pace(order)
        self._order = order
        self._at = float("-inf")
        self._shown: object = None

    def start(self, start: "BatchStart") -> None:
        values = {
            "type": "start",
            "project": start.project,
            "database": str(self._order.database),
            "rows": start.rows,
            "new": start.new,
            "retried": start.retried,
            "backup": None if start.backup is None else str(start.backup),
            "notice": start.notice,
        }
        write_json(values, indent=None)

    def update(self, progress: "Progress") -> None:
        self._pace.see(progress)
        now = time.monotonic()
        values = progress_values(progress)
        if now - self._at >= JSON_S and values != self._shown:
            self._at, self._shown = now, values
            left = self._pace.left_s
            pace = {
                "calls_per_s": round(self._pace.calls_per_s, 3),
                "elapsed_s": round(self._pace.elapsed_s, 1),
                "left_s": None if left is None else round(left, 1),
            }
            write_json({"type": "progress", **values, **pace}, indent=None)


class LiveDisplay(Display):
    """A few lines at the foot of a terminal that repaint themselves and vanish at the end."""

    def __init__(self, order: "BatchOrder") -> None:
        self._order = order
        self._pace = Pace(order)
        self._console = make_console(is_error=True)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        from rich.live import Live

        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def start(self, start: "BatchStart") -> None:
        for line in describe_start(self._order, start):
            self._console.print(line)

    def update(self, progress: "Progress") -> None:
        self._pace.see(progress)
        if self._live is not None:
            self._live.update(self._render(progress), refresh=True)

    def _render(self, progress: "Progress") -> "Group":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        total = max(progress.total, 1)
        first = Table.grid(padding=(0, 2), expand=True)
        first.add_column(ratio=1)
        first.add_column(no_wrap=True)
        first.add_row(ProgressBar(total=total, completed=progress.done), Text(_chains(progress), style="bold"))
        states = Text(" · ".join(_states(progress)) or "starting")
        calls = Text(" · ".join([*_calls(progress, self._pace), f"{format_span(self._pace.elapsed_s)} so far"]), "dim")
        return Group(first, states, calls)


def describe_start(order: "BatchOrder", start: "BatchStart") -> list[str]:
    """What is about to run, said once."""
    settings = order.settings
    lines = []
    if start.backup is not None:
        lines.append(f"The database was migrated; a backup of it as it was is {start.backup}")
    parts = [f"{count(start.rows, 'prompt')} ({start.new:,} new)"]
    if start.retried:
        parts.append(f"{count(start.retried, 'failed chain')} taken up again")
    parts += [f"model {clean_line(settings.model, longest=60)}", f"panel {shorten(settings.panel, 50)}"]
    lines.append(f"{shorten(start.project, 40)}: {' · '.join(parts)}")
    if settings.model.startswith("demo/"):
        lines.append("demo/scripted is a script, not a language model.")
    if settings.panel == "simulated":
        lines.append("The labelers are simulated.")
    if start.notice:
        lines.append(f"{start.notice[:1].upper()}{start.notice[1:]}")
    return lines


def progress_values(progress: "Progress") -> dict[str, Any]:
    meter = progress.meter
    return {
        "states": dict(progress.states),
        "chains": progress.total,
        "ended": progress.done,
        "running": progress.running,
        "calls": meter.calls,
        "in_flight": meter.in_flight,
        "failed_calls": meter.failed_calls,
        "prompt_tokens": meter.prompt_tokens,
        "completion_tokens": meter.completion_tokens,
        "cost_usd": meter.cost_usd,
    }


def _chains(progress: "Progress") -> str:
    return f"{progress.done:,} of {count(progress.total, 'chain')} ended"


def _states(progress: "Progress") -> list[str]:
    return [f"{progress.states[name]:,} {name}" for name in _STATES if progress.states.get(name)]


def _calls(progress: "Progress", pace: Pace) -> list[str]:
    meter = progress.meter
    parts = [f"{count(meter.calls, 'call')} ({meter.in_flight} in flight)"]
    if meter.failed_calls:
        parts.append(f"{meter.failed_calls:,} failed")
    parts.append(f"{format_count(meter.prompt_tokens + meter.completion_tokens)} tokens")
    parts.append(format_usd(meter.cost_usd))
    if pace.calls_per_s:
        parts.append(f"{pace.calls_per_s:,.1f} calls/s")
    if pace.left_s is not None and progress.done < progress.total:
        parts.append(f"about {format_span(pace.left_s)} left")
    return parts
