"""The batch driver: a prompts file in, chains run to their end or to where they wait for people."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from refine.api import Progress, Refiner
from refine.api.memory import settle_memory
from refine.api.prompts_file import PromptsFile, read_prompts
from refine.errors import InputError
from refine.panel import open_panel
from refine.panel.import_file import ImportPanel
from refine.panel.lines import name_problem
from refine.protocols import Panel
from refine.settings import ProjectSettings, RunOptions
from refine.types import Files, PromptIn
from store.calls import Spending, sum_spending
from store.candidates import load_files
from store.chains import StoredChain, page_project, retry_failed
from store.database import Connection
from store.intake import order_chains
from store.projects import StoredProject, create_batch, find_prompts, finish_batch

_REPORT_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """What `refine batch` was asked to do."""

    prompts: Path
    database: Path
    project: str | None = None
    """None: the prompts file's name without its ending."""
    settings: ProjectSettings = field(default_factory=ProjectSettings)
    options: RunOptions = field(default_factory=RunOptions)
    accept_changes: bool = False
    retry_failed: bool = False
    wait: bool = False
    """Stay until every chain has ended, also while chains wait for people."""
    out: Path | None = None
    """A folder for the final pages and `results.jsonl`."""
    migrate: bool = True
    use_cache: bool = False
    owns_process: bool = False
    """The process does this and nothing else: see refine.api.memory."""

    @property
    def project_name(self) -> str:
        name = self.project if self.project is not None else self.prompts.stem
        if name_problem(name, 255) is not None:
            raise InputError(f"{name!r} cannot be a project's name; give another with --project")
        return name


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStart:
    """What was found before the run began."""

    project: str
    rows: int
    new: int
    retried: int
    backup: Path | None
    """The backup that was made before the schema was migrated."""
    notice: str = ""
    """One line on what the run does without; empty when there is nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    start: BatchStart
    progress: Progress
    spending: Spending
    """Of the whole project, from the ledger."""


async def run_batch(
    order: BatchOrder,
    *,
    on_start: Callable[[BatchStart], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    environ: Mapping[str, str] | None = None,
) -> BatchResult:
    """Order the file's chains, run them, and return when none can go on by itself (with `wait`: when all have ended).

    The same order again goes on where the last left off. Raises InputError and its kin before anything is stored, for a
    file, setting, model or database that cannot be used; ModelUnreachable or StoreError when the run had to stop.
    """
    file = read_prompts(order.prompts, max_candidate_bytes=order.settings.max_candidate_bytes)
    panel = open_panel(order.settings)  # a feedback file that cannot be read is refused before anything is stored
    refiner = Refiner.open(
        order.database,
        project=order.project_name,
        settings=order.settings,
        options=order.options,
        accept_changes=order.accept_changes,
        environ=environ,
        migrate=order.migrate,
        use_cache=order.use_cache,
    )
    async with refiner:
        start, batch_key = await _order(refiner, order, file, panel)
        if on_start is not None:
            on_start(start)
        refiner.runner.start_all()
        reporting = asyncio.create_task(_report(refiner, on_progress, owns_process=order.owns_process))
        try:
            await refiner.wait(until_ended=order.wait)
        finally:
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)
        await refiner.database.write(finish_batch, batch_key)
        progress = refiner.progress()
        if on_progress is not None:
            on_progress(progress)
        if order.out is not None:
            write_results(refiner, order.out)
        spending = refiner.database.read(sum_spending, project_key=refiner.project.key)
    return BatchResult(start=start, progress=progress, spending=spending)


async def _order(refiner: Refiner, order: BatchOrder, file: PromptsFile, panel: Panel) -> tuple[BatchStart, int]:
    def write(connection: Connection) -> tuple[int, int, int]:
        known = find_prompts(connection, refiner.project.key)
        if isinstance(panel, ImportPanel):
            panel.validate({*known, *(row.key for row in file.rows)})
        rows: list[PromptIn] = list(file.rows)
        batch_key = create_batch(
            connection,
            refiner.project,
            source_file=str(order.prompts),
            source_sha256=file.sha256,
            rows=len(rows),
            rows_new=sum(row.key not in known for row in rows),
            options=_without_secrets(order.options),
        )
        ordered = order_chains(connection, refiner.project, rows, batch_key=batch_key)
        retried = retry_failed(connection, refiner.project) if order.retry_failed else 0
        return batch_key, ordered.new, retried

    batch_key, new, retried = await refiner.database.write(write)
    start = BatchStart(
        project=refiner.project.name,
        rows=len(file.rows),
        new=new,
        retried=retried,
        backup=refiner.database.migrated_from_backup,
        notice=refiner.notice,
    )
    return start, batch_key


def _without_secrets(options: RunOptions) -> dict[str, Any]:
    stored = options.model_dump(mode="json", exclude={"api_key"})
    if options.api_base is not None:
        stored["api_base"] = options.api_base.split("?")[0]  # a query may hold a key
    return stored


async def _report(refiner: Refiner, on_progress: Callable[[Progress], None] | None, *, owns_process: bool) -> None:
    is_settled = not owns_process
    while True:
        progress = refiner.progress()
        if on_progress is not None:
            on_progress(progress)
        if not is_settled and progress.meter.calls:  # the client has imported by now what it puts off
            settle_memory()
            is_settled = True
        await asyncio.sleep(_REPORT_S)


def write_results(refiner: Refiner, folder: Path) -> None:
    """`results.jsonl`, a line a chain, and the final page of each under its prompt's key."""
    project: StoredProject = refiner.project
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[bytes] = []
    for chain in _chains(refiner, project.key):
        record = chain.record
        files: Files = ()
        if chain.incumbent_key is not None:
            files = refiner.database.read(load_files, chain.incumbent_key)
        place = _safe_folder(record.prompt_key)
        for file in files:
            target = folder / place / file.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(file.content, encoding="utf-8", newline="")
        lines.append(orjson.dumps(_result(record, place if files else None)))
    (folder / "results.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


def _chains(refiner: Refiner, project_key: int) -> Iterator[StoredChain]:
    after = 0
    while page := refiner.database.read(page_project, project_key, after=after):
        yield from page
        after = page[-1].key


def _result(record: Any, place: str | None) -> dict[str, Any]:
    return {
        "chain": record.id,
        "prompt_id": record.prompt_key,
        "prompt": record.prompt,
        "state": record.state,
        "stop_reason": record.stop_reason,
        "error": record.error,
        "rounds": record.rounds_judged,
        "candidate": record.incumbent,
        "folder": place,
        "is_demo": record.is_demo,
        "is_simulated": record.is_simulated,
    }


def _safe_folder(key: str) -> str:
    """The key as a folder name: what a file system might misread becomes `_`, with a hash so that none collide."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in key)[:80]
    return safe if safe == key else f"{safe}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
