"""`refine batch`: a prompts file through the loop."""

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refine.cli.options import DB, Db, Json, option
from refine.errors import InputError, RefineError

if TYPE_CHECKING:
    from refine.batch import BatchOrder, BatchResult
    from refine.settings import ProjectSettings, RunOptions

MODELS = "Models"
ROUNDS = "Rounds and feedback"
LIMITS = "Limits"
SIMULATED = "Simulated panel"
RUN = "This run"

_MIX = ("labelers", "careless_share", "hostile_share", "held_out_share")
_OPTION_OF = {
    "deadline": "--deadline",
    "terms": "--terms-file",
    "price_usd_per_mtok": "--price",
    "timeout_s": "--timeout",
}
"""Fields whose option has another name than the field."""


def batch(
    context: typer.Context,
    prompts: Annotated[
        Path, typer.Argument(metavar="PROMPTS", help="JSON Lines, CSV or Parquet: prompt, and optionally id and more.")
    ],
    model: Annotated[
        str | None,
        option("--model", "The model that drafts and revises, as provider/model.", field="model", section=MODELS),
    ] = None,
    distil_model: Annotated[
        str | None,
        option("--distil-model", "The model that makes edit plans of critiques. [the same]", section=MODELS),
    ] = None,
    api_base: Annotated[
        str | None,
        option(
            "--api-base", "An OpenAI-compatible endpoint, e.g. http://127.0.0.1:8000/v1.", section=MODELS, metavar="URL"
        ),
    ] = None,
    client: Annotated[
        str | None,
        option("--client", "Which client calls it: auto, openai or litellm.", field="client", section=MODELS),
    ] = None,
    temperature: Annotated[
        float | None, option("--temperature", "Sampling temperature. [the provider's]", section=MODELS)
    ] = None,
    max_tokens: Annotated[
        int | None, option("--max-tokens", "Most tokens of a reply. [the provider's]", section=MODELS)
    ] = None,
    price: Annotated[
        str | None,
        option(
            "--price", "Dollars per million prompt and completion tokens, e.g. 1.25,10.", section=MODELS, metavar="P,C"
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        option("--timeout", "Seconds for one attempt of a call.", field="timeout_s", section=MODELS),
    ] = None,
    retries: Annotated[
        int | None, option("--retries", "Attempts after a call's first one.", field="retries", section=MODELS)
    ] = None,
    panel: Annotated[
        str | None,
        option(
            "--panel",
            "Where feedback comes from: simulated, people or import:FILE.",
            field="panel",
            section=ROUNDS,
            metavar="PANEL",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        option(
            "--kind",
            "refine; rank (ends after its verdict); or critique (ends after its edit plan).",
            field="kind",
            section=ROUNDS,
        ),
    ] = None,
    candidates: Annotated[
        int | None, option("--candidates", "Drafts in round one.", field="candidates", section=ROUNDS)
    ] = None,
    revisions: Annotated[
        int | None,
        option("--revisions", "Revisions of the incumbent for every later round.", field="revisions", section=ROUNDS),
    ] = None,
    rankings_per_round: Annotated[
        int | None,
        option("--rankings-per-round", "Rankings a round waits for.", field="rankings_per_round", section=ROUNDS),
    ] = None,
    rankings_at_least: Annotated[
        int | None,
        option(
            "--rankings-at-least",
            "End a round with so many once its outcome is sure. [as --rankings-per-round]",
            section=ROUNDS,
        ),
    ] = None,
    gate: Annotated[
        float | None,
        option("--gate", "P(beats incumbent) above which a challenger takes its place.", field="gate", section=ROUNDS),
    ] = None,
    browser_checks: Annotated[
        bool | None,
        option(
            "--browser-checks/--no-browser-checks",
            "Open candidates in Chromium; mend or drop broken ones. [where there is one; not with simulations]",
            section=ROUNDS,
        ),
    ] = None,
    control_share: Annotated[
        float | None,
        option(
            "--control-share",
            "Share of assignments with a copy made worse on purpose. [0.2 for people, else 0]",
            section=ROUNDS,
        ),
    ] = None,
    written_controls: Annotated[
        float | None,
        option(
            "--written-controls",
            "Share of those copies whose flaw the model writes, a call each. [0.1 for people, 0 with demo/scripted]",
            section=ROUNDS,
        ),
    ] = None,
    variation_controls: Annotated[
        float | None,
        option(
            "--variation-controls",
            "Share of those copies that it makes of the prompt with one requirement altered, two calls each.",
            field="variation_controls",
            section=ROUNDS,
        ),
    ] = None,
    weigh_labelers: Annotated[
        bool | None,
        option(
            "--weigh-labelers/--labelers-alike",
            "Count labelers for what is believed of them, or all alike. [by what is believed; simulated ones alike]",
            section=ROUNDS,
        ),
    ] = None,
    instructions: Annotated[
        str | None, option("--instructions", "Shown to labelers beside the prompt. [none]", section=ROUNDS)
    ] = None,
    criteria: Annotated[
        list[str] | None,
        option(
            "--criteria",
            "What labelers may also compare the best two by; may be given up to four times. [none]",
            section=ROUNDS,
            metavar="NAME",
        ),
    ] = None,
    expected_minutes: Annotated[
        float | None,
        option("--expected-minutes", "That an assignment takes, as labelers are told. [not said]", section=ROUNDS),
    ] = None,
    terms_file: Annotated[
        Path | None,
        option(
            "--terms-file", "Text that labelers accept before they work here. [none]", section=ROUNDS, metavar="FILE"
        ),
    ] = None,
    uses_allowed: Annotated[
        list[str] | None,
        option(
            "--uses-allowed",
            "What the feedback may be used for; may be given several times.",
            field="uses_allowed",
            section=ROUNDS,
            metavar="USE",
        ),
    ] = None,
    audit_share: Annotated[
        float | None,
        option("--audit-share", "Share of ended chains that get an audit round.", field="audit_share", section=ROUNDS),
    ] = None,
    seed: Annotated[
        int | None, option("--seed", "Everything random follows from it.", field="seed", section=ROUNDS)
    ] = None,
    rounds: Annotated[int | None, option("--rounds", "Most rounds of a chain.", field="rounds", section=LIMITS)] = None,
    plateau_rounds: Annotated[
        int | None,
        option(
            "--plateau-rounds",
            "Rounds in a row that the incumbent has to stand to end its chain.",
            field="plateau_rounds",
            section=LIMITS,
        ),
    ] = None,
    max_rankings: Annotated[
        int | None, option("--max-rankings", "Most rankings of a chain. [no limit]", section=LIMITS)
    ] = None,
    max_candidate_bytes: Annotated[
        int | None,
        option("--max-candidate-bytes", "Largest page that is taken.", field="max_candidate_bytes", section=LIMITS),
    ] = None,
    budget_usd: Annotated[
        float | None,
        option(
            "--budget-usd",
            "Most dollars of the project: models and, with --pay-rate, people. [no limit]",
            section=LIMITS,
        ),
    ] = None,
    pay_rate: Annotated[
        float | None, option("--pay-rate", "Dollars an hour that labelers are paid. [unknown]", section=LIMITS)
    ] = None,
    deadline: Annotated[
        str | None,
        option(
            "--deadline",
            "No round is opened after it, e.g. 2027-01-31T18:00:00Z. [none]",
            section=LIMITS,
            metavar="TIME",
        ),
    ] = None,
    labelers: Annotated[
        int | None, option("--labelers", "How many there are.", field="labelers", section=SIMULATED)
    ] = None,
    careless_share: Annotated[
        float | None,
        option("--careless-share", "Share that does not look.", field="careless_share", section=SIMULATED),
    ] = None,
    hostile_share: Annotated[
        float | None,
        option("--hostile-share", "Share that ranks the wrong way round.", field="hostile_share", section=SIMULATED),
    ] = None,
    held_out_share: Annotated[
        float | None,
        option(
            "--held-out-share",
            "Share of critiques in phrases that demo/scripted does not know.",
            field="held_out_share",
            section=SIMULATED,
        ),
    ] = None,
    project: Annotated[
        str | None, option("--project", "The project's name. [the file's name without its ending]", section=RUN)
    ] = None,
    accept_changes: Annotated[
        bool, option("--accept-changes", "Go on under changed settings, as a new version of them.", section=RUN)
    ] = False,
    retry_failed: Annotated[
        bool, option("--retry-failed", "Take up chains that failed where they failed.", section=RUN)
    ] = False,
    wait: Annotated[
        bool, option("--wait", "Stay while chains wait for people, until all have ended.", section=RUN)
    ] = False,
    out: Annotated[
        Path | None,
        option("--out", "A folder for the final pages and results.jsonl.", section=RUN, metavar="FOLDER"),
    ] = None,
    concurrency: Annotated[
        int | None, option("--concurrency", "Model calls in flight.", field="concurrency", section=RUN)
    ] = None,
    cache: Annotated[
        bool, option("--cache/--no-cache", "Share replies between chains through FILE.cache. [no]", section=RUN)
    ] = False,
    no_migrate: Annotated[
        bool, option("--no-migrate", "Refuse a database of an older schema, do not migrate it.", section=RUN)
    ] = False,
    db: Db = DB,
    as_json: Json = False,
    quiet: Annotated[bool, option("--quiet", "No progress, only what came of it.")] = False,
) -> None:
    """Refine every prompt of a file: draft, ask, judge, revise, round after round.

    The same command again goes on where it was left, however it ended. A longer file starts only the new prompts.
    """
    given = {name: value for name, value in context.params.items() if value is not None}
    settings = _settings(given)
    options = _options(given)
    from refine.batch import BatchOrder

    order = BatchOrder(
        prompts=prompts,
        database=db,
        project=project,
        settings=settings,
        options=options,
        accept_changes=accept_changes,
        retry_failed=retry_failed,
        wait=wait,
        out=out,
        migrate=not no_migrate,
        use_cache=cache,
    )
    from refine.cli.summary import show_end

    command = this_command(context)
    result = run_shown(order, command=command, as_json=as_json, is_quiet=quiet)
    raise typer.Exit(show_end(order, result, command=command, as_json=as_json))


def run_shown(order: "BatchOrder", *, command: str, as_json: bool, is_quiet: bool) -> "BatchResult":
    """Run the order with its progress on show. When a signal stops it, says how to go on and raises typer.Exit."""
    from refine.batch import run_batch
    from refine.cli.progress import open_display
    from refine.cli.stopping import Stopped, run_stoppable
    from refine.cli.summary import show_stopped

    display = open_display(order, as_json=as_json, is_quiet=is_quiet)
    try:
        with display:
            order = replace(order, owns_process=True)
            return run_stoppable(
                run_batch(order, on_start=display.start, on_progress=display.update, environ=os.environ)
            )
    except Stopped as stopped:
        show_stopped(stopped, command, as_json=as_json)
        raise typer.Exit(stopped.exit_code) from None


def _settings(given: dict[str, Any]) -> "ProjectSettings":
    from refine.settings import PanelMix, ProjectSettings

    fields = {name: value for name, value in given.items() if name in ProjectSettings.model_fields}
    if "pay_rate" in given:
        fields["pay_rate_usd_hour"] = given["pay_rate"]
    if given.get("uses_allowed"):
        fields["uses_allowed"] = tuple(given["uses_allowed"])
    else:
        fields.pop("uses_allowed", None)
    fields.pop("criteria", None)
    if given.get("criteria"):
        fields["criteria"] = tuple(given["criteria"])
    if "terms_file" in given:
        fields["terms"] = _read_terms(given["terms_file"])
    mix = {name: given[name] for name in _MIX if name in given}
    return _checked(ProjectSettings, {**fields, "mix": _checked(PanelMix, mix)})  # type: ignore[no-any-return]


def _read_terms(path: Path) -> str:
    from refine.panel.lines import text_problem

    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"--terms-file: {path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"--terms-file: {path}: not UTF-8 (byte {error.start + 1}); save it as UTF-8") from error
    if (problem := text_problem(text)) is not None:
        raise InputError(f"--terms-file: {path}: {problem}; take it out")
    if not text.strip():
        raise InputError(f"--terms-file: {path}: is empty; leave the option out where there are no terms")
    return text


def _options(given: dict[str, Any]) -> "RunOptions":
    from refine.settings import RunOptions

    fields = {name: value for name, value in given.items() if name in RunOptions.model_fields}
    if "timeout" in given:
        fields["timeout_s"] = given["timeout"]
    if "price" in given:
        fields["price_usd_per_mtok"] = _parse_price(given["price"])
    return _checked(RunOptions, fields)  # type: ignore[no-any-return]


def _checked(model: Any, fields: dict[str, Any]) -> Any:
    """The record. Raises InputError that names the option which is wrong."""
    from pydantic import ValidationError

    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "settings"
        name = _OPTION_OF.get(field, f"--{field.replace('_', '-')}")
        said = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{name}: {said[:1].lower()}{said[1:]} (got {first['input']!r})") from error


def _parse_price(text: str) -> tuple[float, float]:
    parts = text.split(",")
    try:
        prompt, completion = (float(part) for part in parts)
    except ValueError as error:
        raise InputError(f"--price: expected two numbers like 1.25,10 (got {text!r})") from error
    if not (0 <= prompt < 1e9 and 0 <= completion < 1e9):
        raise InputError(f"--price: expected dollars per million tokens, 0 or more (got {text!r})")
    return prompt, completion


def this_command(context: typer.Context) -> str:
    """What was typed, to be typed again."""
    arguments = context.find_root().meta.get("refine.arguments")
    if arguments is None:
        raise RefineError("this command can only be run through `refine`")
    return shlex.join(["refine", *arguments])
