"""Training data out of chains: engines are functions of records that yield rows; `export` writes a folder."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from refine.errors import InputError
from refine.export.dpo import dpo_round
from refine.export.folder import Written, write_folder
from refine.export.records import (
    REASONS,
    ExportCall,
    ExportCandidate,
    ExportChain,
    ExportCritique,
    ExportRanking,
    ExportReplaced,
    ExportRound,
    Filters,
    LeftOut,
)
from refine.export.sft import sft_final
from refine.export.trajectories import trajectory

__all__ = [
    "EXPORTS",
    "REASONS",
    "Export",
    "ExportCall",
    "ExportCandidate",
    "ExportChain",
    "ExportCritique",
    "ExportRanking",
    "ExportReplaced",
    "ExportRound",
    "Filters",
    "LeftOut",
    "Written",
    "dpo_round",
    "export",
    "sft_final",
    "trajectory",
]


class Engine(Protocol):
    def __call__(
        self, chains: Iterable[ExportChain], filters: Filters, left_out: LeftOut | None = None, /
    ) -> Iterator[dict[str, Any]]:
        """Rows in the order of the chains; what was left out is added to `left_out`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A kind of export: its rows, and what its dataset card says."""

    rows: Engine
    about: str


EXPORTS = {
    "sft_final": Export(
        rows=sft_final,
        about="Supervised fine-tuning in TRL's conversational prompt/completion columns: a request for a web page, and "
        "the page that was the best of its chain when people had ranked and criticised it over several rounds.",
    ),
    "dpo_round": Export(
        rows=dpo_round,
        about="Preference pairs in TRL's conversational prompt/chosen/rejected columns: within a round, the page that "
        "won against each page it beats. `p` is P(chosen beats rejected), `margin` the difference of their ratings.",
    ),
    "trajectory": Export(
        rows=trajectory,
        about="Whole chains, one a line, in the format refine-trajectory, version 1: candidates, rankings, critiques, "
        "verdicts, edit plans, edits, and every model call with its messages and reply.",
    ),
}


def export(name: str, chains: Iterable[ExportChain], folder: str | Path, filters: Filters | None = None) -> Written:
    """Write the export of that name into the folder; see `write_folder`. Chains are taken one at a time, and rows come
    in their order. Raises InputError when there is no such export."""
    if name not in EXPORTS:
        raise InputError(f"unknown export {name!r}; expected one of {', '.join(EXPORTS)}")
    filters = filters or Filters()
    kind, left_out = EXPORTS[name], LeftOut()
    rows = kind.rows(chains, filters, left_out)
    return write_folder(rows, folder, name=name, about=kind.about, filters=filters, left_out=left_out)
