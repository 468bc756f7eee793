"""How models and prompt templates do: blocks that fit, pages that checks dropped, revisions that won, the price."""

import math
from dataclasses import dataclass

from refine.api.grouped import Floats, merge
from refine.api.overview import find_project_key
from refine.api.tally import Tally
from refine.api.tally_rows import MADE
from store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share with its 95 % interval (Wilson, JASA 1927), as if each case were on its own."""

    cases: int
    of: int

    @property
    def value(self) -> float | None:
        return self.cases / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        if not self.of:
            return None
        n, p, z = self.of, self.cases / self.of, 1.959964
        centre, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        low, high = ((centre + sign * spread) / (1 + z * z / n) for sign in (-1, 1))
        return max(0.0, min(low, p)), min(1.0, max(high, p))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLine:
    model: str
    template: str
    """`name@version`; empty where a line speaks of all that a model did."""
    calls: int
    failed_calls: int
    usd: float
    made: int
    """Candidates made of its replies."""
    dropped: Share
    """Of them, those that a check dropped or that could not be made."""
    blocks: Share
    """Of the blocks of its edits, those that were applied."""
    whole_files: int
    """Candidates that came as whole files."""
    above: Share
    """Of its revisions beside an incumbent, those rated above it."""
    won: Share
    """Those that took its place."""

    @property
    def usd_per_win(self) -> float | None:
        return self.usd / self.won.cases if self.won.cases else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReport:
    models: tuple[ModelLine, ...]
    """What each spent in all, and what came of it; the dearest first."""
    templates: tuple[ModelLine, ...]
    """By model and template version."""
    checks: tuple[tuple[str, str, int], ...]
    """(model, check, candidates it dropped), the most first."""


def load_models(database: Database, project: str | None, *, tally: Tally) -> ModelReport:
    """Of one project or of all. Raises InputError for an unknown one."""
    key = None if project is None else find_project_key(database, project)
    with tally.lock:
        templates = dict(tally.made.of(key))
        checks = dict(tally.checks.of(key))
    models = merge([templates], lambda each: (each[0], ""))
    return ModelReport(
        models=_lines(models),
        templates=_lines(templates),
        checks=tuple(
            sorted(
                ((model, check, round(numbers[0])) for (model, check), numbers in checks.items() if numbers[0] > 0.5),
                key=lambda each: -each[2],
            )
        ),
    )


def _lines(found: dict[tuple[str, str], Floats]) -> tuple[ModelLine, ...]:
    lines = [_line(model, template, numbers) for (model, template), numbers in found.items() if numbers.any()]
    return tuple(sorted(lines, key=lambda each: (-each.usd, each.model, each.template)))


def _line(model: str, template: str, numbers: Floats) -> ModelLine:
    values = dict(zip(MADE, numbers.tolist(), strict=True))
    number = {name: round(value) for name, value in values.items()}
    return ModelLine(
        model=model,
        template=template,
        calls=number["calls"],
        failed_calls=number["failed"],
        usd=values["usd"],
        made=number["made"],
        dropped=Share(cases=number["dropped"], of=number["made"]),
        blocks=Share(cases=number["applied"], of=number["blocks"]),
        whole_files=number["whole"],
        above=Share(cases=number["above"], of=number["rated"]),
        won=Share(cases=number["won"], of=number["rated"]),
    )
