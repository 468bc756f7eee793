"""Comparisons as columns: who compared what with what, and how it came out. Fitting them is left to `fit`."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from refine.errors import InputError

if TYPE_CHECKING:
    import _csv

Scalar = TypeVar("Scalar", bound=np.generic)
Codes: TypeAlias = NDArray[np.int32]
Groups: TypeAlias = Sequence[Sequence[str]]
"""Tie groups, best first."""
RankingRow: TypeAlias = tuple[str, str, Groups] | tuple[str, str, Groups, Sequence[str] | None]
"""Labeler, group, tie groups best first, and, where known, the order in which the items were shown."""
GoldRow: TypeAlias = tuple[str, str, str, str, int]
"""Labeler, group, original, its control, and how it came out: LEFT is the original."""

LEFT, TIE, RIGHT = 0, 1, 2
"""Outcomes; also the columns of `Fitted.predict`."""

MAX_ID_LENGTH = 1000
MAX_RANKED = 1000
"""Items in one ranking: its pairs grow with the square."""

_NEEDED = ("worker", "group", "left", "right", "label")
_TRUE = ("1", "t", "true", "yes")
_OPTIONAL = ("ranking_id", "control", "left_generator", "right_generator")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparisons:
    """One row a comparison. Names are stored once, sorted; columns hold their positions, -1 for none.

    An item belongs to its group: the same name in two groups means two items. The arrays are read-only.
    """

    labelers: tuple[str, ...]
    groups: tuple[str, ...]
    items: tuple[str, ...]
    generators: tuple[str, ...]
    controls: tuple[str, ...]
    labeler: Codes
    group: Codes
    left: Codes
    right: Codes
    outcome: NDArray[np.int8]
    """LEFT, TIE or RIGHT."""
    ranking: Codes
    """Rows with the same number came from one ranking; -1: a comparison of its own."""
    control: Codes
    """As given in the `control` column; see `is_control`."""
    left_generator: Codes
    """What made the left item."""
    right_generator: Codes
    weights: NDArray[np.float64] | None = None
    """By labeler: what their rows count for in ratings beside what the fit finds, 0 to 1; None: 1 for everybody. What
    is believed of a labeler rests on all their rows, whatever those count for."""

    def __len__(self) -> int:
        return len(self.outcome)

    @property
    def is_control(self) -> NDArray[np.bool_]:
        """Rows whose left item is an original and whose right item is its control."""
        says_so = np.array([name.lower() in _TRUE for name in self.controls] + [False])
        return np.asarray(says_so[self.control])

    @classmethod
    def from_columns(
        cls,
        *,
        labeler: Sequence[str],
        group: Sequence[str],
        left: Sequence[str],
        right: Sequence[str],
        outcome: Sequence[int],
        ranking: Sequence[int] | None = None,
        control: Sequence[str] | None = None,
        left_generator: Sequence[str] | None = None,
        right_generator: Sequence[str] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> Self:
        """From columns of names, all of the same length; an empty control or generator means none. `weights` are by
        labeler; who is not in it has 1.

        Raises InputError for an empty labeler, group or item, and for a weight outside 0 to 1.
        """
        rows = len(outcome)
        for name, column in (("labeler", labeler), ("group", group), ("left", left), ("right", right)):
            if any(not value for value in column):
                raise InputError(f"{name} is empty in row {[*column].index('') + 1}; every comparison needs one")
        items, sides = _encode([*left, *right])
        generators, made = _encode([*(left_generator or [""] * rows), *(right_generator or [""] * rows)])
        labelers, labeler_codes = _encode(labeler)
        groups, group_codes = _encode(group)
        controls, control_codes = _encode(control or [""] * rows)
        return cls(
            labelers=labelers,
            groups=groups,
            items=items,
            generators=generators,
            controls=controls,
            labeler=_frozen(labeler_codes),
            group=_frozen(group_codes),
            left=_frozen(sides[:rows]),
            right=_frozen(sides[rows:]),
            outcome=_frozen(np.array(outcome, dtype=np.int8)),
            ranking=_frozen(np.full(rows, -1, np.int32) if ranking is None else np.array(ranking, dtype=np.int32)),
            control=_frozen(control_codes),
            left_generator=_frozen(made[:rows]),
            right_generator=_frozen(made[rows:]),
            weights=_weights(labelers, weights or {}),
        )

    @classmethod
    def from_rankings(
        cls,
        rankings: Iterable[RankingRow],
        *,
        golds: Iterable[GoldRow] = (),
        weights: Mapping[str, float] | None = None,
    ) -> Self:
        """Each ranking of K items becomes its K(K-1)/2 pairs. `golds` are comparisons of an original with its control.
        `weights` are by labeler; who is not in it has 1.

        Left is what was shown first; without an order of showing, the name that sorts first, which says nothing
        about the outcome. Raises InputError for an item ranked twice, or missing from the order of showing.
        """
        labeler: list[str] = []
        group: list[str] = []
        left: list[str] = []
        right: list[str] = []
        outcome: list[int] = []
        number: list[int] = []
        for index, row in enumerate(rankings):
            before = len(outcome)
            for first, second, result in _pairs(row[2], row[3] if len(row) == 4 else None, f"ranking {index + 1}"):
                left.append(first)
                right.append(second)
                outcome.append(result)
            added = len(outcome) - before
            labeler += [row[0]] * added
            group += [row[1]] * added
            number += [index] * added
        found = [*golds]
        is_gold = [""] * len(outcome) + ["true"] * len(found)
        for who, where, original, control, result in found:
            labeler.append(who)
            group.append(where)
            left.append(original)
            right.append(control)
            outcome.append(result)
            number.append(-1)
        return cls.from_columns(
            labeler=labeler,
            group=group,
            left=left,
            right=right,
            outcome=outcome,
            ranking=number,
            control=is_gold if found else None,
            weights=weights,
        )

    @classmethod
    def from_csv(cls, path: Path | str) -> Self:
        """Read `.csv` or `.csv.gz` with columns worker, group, left, right, label, in any order.

        `label` is the winner's id or `tie`. ranking_id, control, left_generator and right_generator may follow;
        other columns are passed over. Raises InputError, naming file and line.
        """
        path = Path(path)
        try:
            with _open_text(path) as file:
                return cls._from_rows(path, csv.reader(file, strict=True))
        except (OSError, EOFError, zlib.error) as exc:  # gzip.BadGzipFile is an OSError
            raise InputError(f"{path}: cannot be read ({exc}); give a CSV file, plain or gzipped") from exc
        except UnicodeDecodeError as exc:
            raise InputError(f"{path}: is not UTF-8 ({exc.reason} at byte {exc.start}); save it as UTF-8") from exc

    @classmethod
    def _from_rows(cls, path: Path, reader: "_csv.Reader") -> Self:
        rows = _lines(path, reader)
        place, header = next(rows, (f"{path}:1", []))
        index = {name.strip(): position for position, name in enumerate(header)}
        missing = [name for name in _NEEDED if name not in index]
        if missing:
            raise InputError(f"{place}: no column {', '.join(missing)}; the first line must name {', '.join(_NEEDED)}")
        columns: dict[str, list[str]] = {name: [] for name in _NEEDED + _OPTIONAL if name in index}
        outcome: list[int] = []
        for place, row in rows:
            if len(row) != len(header):
                raise InputError(f"{place}: {len(row)} fields, expected {len(header)} as in the first line")
            outcome.append(_outcome(place, {name: row[index[name]] for name in _NEEDED}))
            for name, values in columns.items():
                values.append(row[index[name]])
        return cls.from_columns(
            labeler=columns["worker"],
            group=columns["group"],
            left=columns["left"],
            right=columns["right"],
            outcome=outcome,
            ranking=_ranking_numbers(columns) if "ranking_id" in columns else None,
            control=columns.get("control"),
            left_generator=columns.get("left_generator"),
            right_generator=columns.get("right_generator"),
        )


def _encode(names: Sequence[str]) -> tuple[tuple[str, ...], Codes]:
    """The distinct names, sorted, and each name's position among them; -1 for an empty one."""
    distinct = sorted({*names} - {""})
    if not distinct:
        return (), np.full(len(names), -1, np.int32)
    position = {name: code for code, name in enumerate(distinct)}
    return tuple(distinct), np.fromiter((position.get(name, -1) for name in names), np.int32, len(names))


def _weights(labelers: tuple[str, ...], given: Mapping[str, float]) -> NDArray[np.float64] | None:
    """None where all of them count in full."""
    found = np.array([given.get(name, 1.0) for name in labelers])
    if not ((found >= 0) & (found <= 1)).all():
        raise InputError("a labeler's weight is outside 0 to 1")
    return None if (found == 1).all() else _frozen(found)


def _frozen(array: NDArray[Scalar]) -> NDArray[Scalar]:
    array.flags.writeable = False
    return array


def _pairs(groups: Groups, shown: Sequence[str] | None, place: str) -> Iterator[tuple[str, str, int]]:
    """(left, right, outcome) of every pair of one ranking."""
    rank = {item: position for position, group in enumerate(groups) for item in group}
    if len(rank) != sum(len(group) for group in groups):
        raise InputError(f"{place}: an item is ranked twice; name each item once")
    if len(rank) > MAX_RANKED:
        raise InputError(f"{place}: {len(rank)} items; at most {MAX_RANKED} can be ranked at once")
    order = sorted(rank) if shown is None else [item for item in shown if item in rank]
    if len(order) != len(rank):
        raise InputError(f"{place}: the order of showing does not name each ranked item once")
    for left, right in combinations(order, 2):
        a, b = rank[left], rank[right]
        yield left, right, LEFT if a < b else RIGHT if a > b else TIE


def _open_text(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path, "rb"), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _lines(path: Path, reader: "_csv.Reader") -> Iterator[tuple[str, list[str]]]:
    """(file:line, fields) of every line that is not blank."""
    try:
        for row in reader:
            if row:
                yield f"{path}:{reader.line_num}", row
    except csv.Error as exc:
        raise InputError(f"{path}:{reader.line_num}: not CSV ({exc}); quote fields that hold commas or quotes") from exc


def _outcome(place: str, row: dict[str, str]) -> int:
    for name in ("worker", "group", "left", "right"):
        if not row[name]:
            raise InputError(f"{place}: {name} is empty; every comparison needs one")
        if len(row[name]) > MAX_ID_LENGTH:
            raise InputError(f"{place}: {name} has {len(row[name])} characters; at most {MAX_ID_LENGTH} are taken")
    left, right, label = row["left"], row["right"], row["label"]
    if left == right:
        raise InputError(f"{place}: {left!r} is compared with itself; left and right must differ")
    if "tie" in (left, right):
        raise InputError(f"{place}: an item is called 'tie', which label uses for ties; rename it")
    if label == "tie":
        return TIE
    if label not in (left, right):
        raise InputError(f"{place}: label {label[:80]!r} is neither {left!r}, {right!r} nor 'tie'")
    return LEFT if label == left else RIGHT


def _ranking_numbers(columns: dict[str, list[str]]) -> list[int]:
    """A ranking is one labeler's in one group, so ids need to be distinct only within those."""
    known: dict[tuple[str, str, str], int] = {}
    keys = zip(columns["worker"], columns["group"], columns["ranking_id"], strict=True)
    return [known.setdefault(key, len(known)) if key[2] else -1 for key in keys]
