"""`refine labeler board` and `weigh`: whom to trust, and what follows from it."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from refine.cli.database import reading, writing
from refine.cli.options import DB, Db, Json, option
from refine.cli.output import add_row, make_console, make_table, write_json
from refine.cli.text import clean_line, count, shorten
from refine.errors import InputError

if TYPE_CHECKING:
    from refine.api.decisions import Preview, Refit
    from refine.types import Verdict

_EXPLAINED = (
    ("reliability", "how strongly the labeler sees what a typical good one sees (1); 0 is chance, below 0 inverted"),
    ("95 %", "where the reliability lies with that probability"),
    ("careless, inverted", "probability that answers do not depend on what is shown, or are turned round"),
    (
        "controls",
        "copies made worse on purpose that were put behind their original, of those met; 95 % of the share",
    ),
    ("agreement", "share of decided comparisons in which the labeler sides with everybody else"),
    ("bits", "information that the labeler's rankings gave about which candidate is better"),
    ("pay share", "those bits as a share of all labelers'"),
    (
        "findings",
        "what speaks against the labeler, and how likely it is, by the newest 20,000 rankings; the dashboard has why",
    ),
)


def board(
    project: Annotated[
        str | None, typer.Option("--project", envvar="REFINE_PROJECT", help="Rankings of this project only.")
    ] = None,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Labelers by what they contributed: reliability with its interval, agreement, information, pay share."""
    from refine.api.board import labeler_board

    with reading(db) as database:
        found = labeler_board(database, project=project)
    if as_json:
        write_json(asdict(found))
        return
    console = make_console()
    if not found.labelers:
        console.print("No rankings yet.")
        return
    right = ["rankings", "reliability", "95 %", "careless", "inverted", "controls", "agreement", "bits", "pay share"]
    kind = [] if len({line.kind for line in found.labelers}) == 1 else ["kind"]  # room for the rest
    table = make_table("labeler", *kind, *right, "findings", right=right)
    for line in found.labelers:
        add_row(
            table,
            [
                shorten(line.labeler, 30),
                *([line.kind] if kind else []),
                f"{line.rankings:,}",
                f"{line.reliability:.2f}",
                f"{line.reliability_low:.2f} to {line.reliability_high:.2f}",
                f"{line.p_careless:.0%}",
                f"{line.p_adversarial:.0%}",
                f"{line.controls_passed} of {line.controls} ({line.passed_low:.0%}–{line.passed_high:.0%})"
                if line.controls
                else "",
                f"{line.agreement:.0%}",
                f"{line.bits:,.1f}",
                f"{line.pay_share:.1%}",
                ", ".join(f"{kind.replace('_', ' ')} {p:.0%}" for kind, p in line.findings),
            ],
        )
    console.print(table)
    console.print(f"From {found.rankings:,} rankings of {found.chains:,} chains.")
    for name, meaning in _EXPLAINED:
        console.print(f"  {name}: {meaning}", style="dim", soft_wrap=True)


# --- What their work counts for -------------------------------------------------------------------------------------

_AUTO = "auto"
_FLIPS_SHOWN = 20


def weigh(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The labeler's name.")],
    weight: Annotated[
        str,
        typer.Argument(
            metavar="WEIGHT",
            help="What their rankings count for: 0 nothing (they get no more work), 1 or auto all that the engine gives"
            " them.",
        ),
    ],
    reason: Annotated[str, option("--reason", "Why, in a few words; it stays on record.", metavar="TEXT")] = "",
    preview: Annotated[
        bool, option("--preview", "Change nothing: say which verdicts would have another winner.")
    ] = False,
    project: Annotated[
        str | None, option("--project", "Preview the verdicts of this project only. [all]", metavar="NAME")
    ] = None,
    db: Db = DB,
    as_json: Json = False,
) -> None:
    """Let a labeler's rankings, past ones included, count for less or for nothing in all that is judged from now on.
    Verdicts that were given stay as they are recorded."""
    from refine.api.decisions import preview_weighing
    from refine.api.decisions import weigh as decide

    number = _parse_weight(weight)
    if preview:
        with reading(db) as database:
            found = preview_weighing(database, name, number, project=project)
        if as_json:
            write_json(_as_json(found))
        else:
            _show_preview(found)
        return
    if project is not None:
        raise InputError("a weight counts in all projects; --project goes with --preview only")
    with writing(db) as database:
        decide(database, name, number, reason=reason)
    if as_json:
        write_json({"name": name, "weight": number, "reason": reason})
        return
    counts = "for what the engine finds" if number is None else f"at a weight of {number:g}"
    make_console().print(f"Rankings of {clean_line(name)} count {counts} from now on.", soft_wrap=True)


def _parse_weight(text: str) -> float | None:
    if text == _AUTO:
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{text!r} is no weight; give a number from 0 to 1, or {_AUTO}") from None


def _show_preview(found: "Preview") -> None:
    console = make_console()
    chains = count(found.ranked_in, "chain")
    console.print(f"Judged again: {count(found.looked_at, 'verdict')}; the labeler ranked in {chains} of them.")
    if not found.flips:
        console.print(f"No verdict would have another winner; P(best) moves by {found.most_moved:.2f} at most.")
        return
    table = make_table("chain", "round", "wins now", "P(best)", "would win", "P(best)", right=["round"])
    for flip in found.flips[:_FLIPS_SHOWN]:
        row = [flip.chain, str(flip.round)]
        for winner in (flip.before.winner, flip.after.winner):
            moves = f"{_p_best(flip.before, winner):.2f} → {_p_best(flip.after, winner):.2f}"
            row += [_name(flip, winner), moves]
        add_row(table, row)
    console.print(table)
    if len(found.flips) > _FLIPS_SHOWN:
        console.print(f"  and {len(found.flips) - _FLIPS_SHOWN:,} more; --json has all of them", style="dim")


def _name(flip: "Refit", candidate: str) -> str:
    """By position on show, as feedback files name them."""
    shown = [rating.candidate for rating in flip.before.ratings]
    stands = " (incumbent)" if candidate == flip.before.incumbent else ""
    return f"c{shown.index(candidate) + 1}{stands}" if candidate in shown else candidate


def _p_best(verdict: "Verdict", candidate: str) -> float:
    return next((it.p_best for it in verdict.ratings if it.candidate == candidate), 0.0)


def _as_json(found: "Preview") -> dict[str, object]:
    return {
        "labeler": found.labeler,
        "weight_before": found.weight_before,
        "weight_after": found.weight_after,
        "looked_at": found.looked_at,
        "chains_ranked_in": found.ranked_in,
        "most_moved": found.most_moved,
        "flips": [
            {
                "project": flip.project,
                "chain": flip.chain,
                "round": flip.round,
                "incumbent": flip.before.incumbent,
                "recorded_winner": flip.recorded.winner,
                **{
                    name: {
                        "winner": verdict.winner,
                        "p_best": {rating.candidate: rating.p_best for rating in verdict.ratings},
                    }
                    for name, verdict in (("before", flip.before), ("after", flip.after))
                },
            }
            for flip in found.flips
        ],
    }
