"""`refine demo`: the real loop, offline, with a scripted model and simulated labelers."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refine.cli.batch import run_shown, this_command
from refine.cli.options import Json, option
from refine.cli.output import add_row, make_console, make_table, write_json
from refine.cli.text import format_usd
from refine.errors import InputError

if TYPE_CHECKING:
    from refine.api.audits import AuditReport
    from refine.api.story import Story
    from refine.batch import BatchOrder
    from refine.types import Files
    from store.calls import Spending

SEED = 6
"""With it every chain has something to improve in each of its three rounds."""
PROMPTS = (
    {"id": "packets-quiz", "prompt": "Make a quiz about how data packets find their way through the internet."},
    {"id": "tea-timer", "prompt": "A countdown timer for brewing tea, with a time for green, black and herbal tea."},
    {"id": "trip-list", "prompt": "A packing checklist for a weekend in the mountains that I can tick off and add to."},
)
_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSummary:
    """A line of the table at the end."""

    chain: str
    prompt: str
    rounds: int
    winners: tuple[str, ...]
    flaws_first: int
    flaws_final: int
    calls: int
    cost_usd: float


def demo(
    context: typer.Context,
    folder: Annotated[Path, option("--dir", "Where its data goes. [refine-demo]", metavar="FOLDER")] = Path(
        "refine-demo"
    ),
    seed: Annotated[int, option("--seed", f"Everything random follows from it. [{SEED}]", min=0)] = SEED,
    as_json: Json = False,
) -> None:
    """Three chains of three rounds, offline: the real loop, a scripted model, simulated labelers."""
    order = _prepare(folder, seed)
    run_shown(order, command=this_command(context), as_json=as_json, is_quiet=False)
    from refine.api.audits import win_rates
    from refine.api.story import load_story
    from refine.cli.database import find_project, reading
    from store.calls import sum_spending
    from store.chains import page_project

    with reading(order.database) as database:
        key = find_project(database, order.project_name).key
        stories = [load_story(database, it.record.id) for it in database.read(page_project, key)]
        audits = win_rates(database, order.project_name)
        spending = database.read(sum_spending, project_key=key)
    chains = [summarise(story) for story in stories]
    if as_json:
        write_json(_values(order, chains, audits, spending), indent=None)
    else:
        _show(order, chains, audits, folder)


def _prepare(folder: Path, seed: int) -> "BatchOrder":
    """The order, with its prompts file written into the folder."""
    from refine.batch import BatchOrder
    from refine.settings import ProjectSettings

    prompts = folder / "prompts.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not prompts.exists():
            prompts.write_text("".join(json.dumps(row) + "\n" for row in PROMPTS), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another --dir") from error
    return BatchOrder(
        prompts=prompts,
        database=folder / "refine.db",
        # Another seed is another project: the demo can be run with both in one folder.
        project="demo" if seed == SEED else f"demo-{seed}",
        settings=ProjectSettings(rounds=_ROUNDS, plateau_rounds=_ROUNDS, audit_share=1.0, seed=seed),
        out=folder / "pages",
    )


def summarise(story: "Story") -> ChainSummary:
    first = next(it for it in story.chain.candidates if not it.is_failed)
    final = next((it for it in story.chain.candidates if it.id == story.chain.incumbent), first)
    return ChainSummary(
        chain=story.chain.id,
        prompt=story.chain.prompt_key,
        rounds=len(story.winners),
        winners=_name_winners(story),
        flaws_first=count_flaws(first.files),
        flaws_final=count_flaws(final.files),
        calls=story.spending.calls,
        cost_usd=story.spending.models_usd + story.spending.people_usd,
    )


def _name_winners(story: "Story") -> tuple[str, ...]:
    """By round; a challenger's name without its round, which stands beside it."""
    verdicts = [(it.number, it.verdict) for it in story.chain.rounds if it.kind == "normal" and it.verdict is not None]
    return tuple(
        "the incumbent stayed"
        if verdict.winner == verdict.incumbent
        else story.names[verdict.winner].removesuffix(f" of round {number}")
        for number, verdict in verdicts
    )


def count_flaws(files: "Files") -> int:
    """Planted flaws that the catalogue finds in a page."""
    from refine.perturb import find_flaws

    return len(find_flaws(file.content for file in files))


def _show(order: "BatchOrder", chains: list[ChainSummary], audits: "AuditReport", folder: Path) -> None:
    from refine.cli.summary import show_audits

    console = make_console()
    console.print()
    table = make_table("chain", "round", "won by", "flaws", "calls", "cost", right=["flaws", "calls", "cost"])
    for chain in chains:
        if table.row_count:
            add_row(table, [""] * 6)
        add_row(
            table,
            [
                f"{chain.prompt}\n{chain.chain}",
                "\n".join(str(number) for number in range(1, chain.rounds + 1)),
                "\n".join(chain.winners),
                f"{chain.flaws_first} → {chain.flaws_final}",
                f"{chain.calls:,}",
                format_usd(chain.cost_usd),
            ],
        )
    console.print(table)
    console.print()
    console.print("Flaws: planted ones, in the first draft → in the final page.", style="dim")
    show_audits(console, audits)
    console.print(f"Data        {order.database} (everything), {order.out} (final pages)", soft_wrap=True)
    console.print("The model was a script and the labelers were simulated; the loop is the one your own prompts get.")
    console.print()
    console.print("Next", style="bold")
    for about, command in next_commands(order, chains, folder):
        console.print(f"  {about}", style="dim")
        console.print(f"  {command}", soft_wrap=True)


def has_chromium() -> bool:
    from refine.errors import NoBrowser
    from refine.render.chromium import find_chromium

    try:
        find_chromium()
    except NoBrowser:
        return False
    return True


def next_commands(order: "BatchOrder", chains: list[ChainSummary], folder: Path) -> list[tuple[str, str]]:
    """What to try now: (what it does, the command). Each works as it stands."""
    db = ["--db", str(order.database)]
    commands = []
    if chains:
        commands = [
            ("The story of a chain: who said what, and what became of it", ["chain", "show", chains[0].chain, *db]),
            ("Make its pages again from what was recorded, without a model", ["chain", "replay", chains[0].chain, *db]),
        ]
    project = ["--project", order.project_name]
    export = ["export", "all", *project, "--include-demo", "--out", str(folder / "export"), *db]
    people = ["batch", str(order.prompts), "--panel", "people", "--project", "people", *db]
    if has_chromium():
        commands += [("Pictures of its pages for the dashboard, taken in Chromium", ["db", "pictures", *db])]
    commands += [
        ("Training data", export),
        ("The same prompts, with people who rank; --model names a real model", people),
    ]
    return [(about, shlex.join(["refine", *command])) for about, command in commands]


def _values(
    order: "BatchOrder", chains: list[ChainSummary], audits: "AuditReport", spending: "Spending"
) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "type": "result",
        "is_demo": True,
        "is_simulated": True,
        "project": order.project_name,
        "database": str(order.database),
        "pages": str(order.out),
        "chains": [asdict(chain) for chain in chains],
        "audits": asdict(audits),
        "spending": asdict(spending),
    }
