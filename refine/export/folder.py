"""An export as a folder: `train.jsonl` and a dataset card, ready for `load_dataset` or the Hub.

JSON Lines and not Parquet: structs of a table give every row the keys of all rows, which corrupts nested values such as
tool arguments; lines of JSON come back as they were.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from refine.errors import InputError
from refine.export.records import REASONS, Filters, LeftOut

DATA = "train.jsonl"
CARD = "README.md"
_MARK = "<!-- written by refine export -->"


_LOAD = f'Load it with `load_dataset("json", data_files="{DATA}")`.'
_HOW_TO_LOAD = {
    "trajectory": "Read it line by line with a JSON parser: its maps have keys of their own in every row, which a table"
    " would make columns of."
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What an export wrote."""

    path: Path
    """Of the data."""
    rows: int
    sha256: str
    """Of the data."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Rows by what left them out, one of REASONS."""


def write_folder(
    rows: Iterable[dict[str, Any]],
    folder: str | Path,
    *,
    name: str,
    about: str,
    filters: Filters,
    left_out: LeftOut | None = None,
) -> Written:
    """Write the rows, one at a time, and the card; the folder is made when it is not there. `left_out` is read when
    all rows have been taken.

    The data appears whole or not at all, in place of an earlier export's. The same rows give the same bytes. Raises
    InputError when the folder cannot be written or holds files that no export wrote.
    """
    folder, left_out = Path(folder), LeftOut() if left_out is None else left_out
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(folder)
        digest = hashlib.sha256()
        count = 0
        with _replacing(folder / DATA) as file:
            for row in rows:
                line = encode_row(row)
                digest.update(line)
                file.write(line)
                count += 1
            card = _card(
                name=name,
                about=about,
                rows=count,
                sha256=digest.hexdigest(),
                filters=filters,
                left_out=left_out or LeftOut(),
            )
            # Before the data: a folder with data and no card of ours would be taken for somebody else's.
            with _replacing(folder / CARD) as card_file:
                card_file.write(card.encode())
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror or error}); choose another folder") from error
    left = {why: left_out[why] for why in REASONS if left_out[why]}
    return Written(path=folder / DATA, rows=count, sha256=digest.hexdigest(), left_out=left)


def encode_row(row: dict[str, Any]) -> bytes:
    """The row as a line of JSON, keys in the row's order. Half a surrogate pair, which a model's reply can hold and no
    JSON reader has to take, becomes U+FFFD."""
    try:
        return orjson.dumps(row) + b"\n"
    except TypeError:
        return orjson.dumps(_without_surrogates(row)) + b"\n"


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(each) for each in value]
    return value


def _refuse_foreign(folder: Path) -> None:
    """An export replaces what an export wrote, and nothing else."""
    card = folder / CARD
    is_ours = card.is_file() and _MARK in card.read_text(encoding="utf-8", errors="replace")
    foreign = next((name for name in (CARD, DATA) if (folder / name).exists()), None)
    if foreign is not None and not is_ours:
        raise InputError(f"{folder}: holds a {foreign} that no export wrote; choose an empty folder")


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file beside `path` that takes its place when all went well and is removed when not."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _card(*, name: str, about: str, rows: int, sha256: str, filters: Filters, left_out: LeftOut) -> str:
    demo = "included" if filters.include_demo else "left out"
    uses = ", ".join(filters.uses) if filters.uses else "not asked for"
    left = "; ".join(f"{left_out[why]:,} {words}" for why, words in REASONS.items() if left_out[why]) or "nothing"
    return f"""---
configs:
- config_name: default
  data_files:
  - split: train
    path: {DATA}
---
{_MARK}

# {name}

{about}

- Rows: {rows}
- SHA-256 of {DATA}: `{sha256}`
- Chains of the demo model: {demo}
- Uses that every labeler must have allowed: {uses}
- Least confidence of a pair: {filters.min_confidence}
- Left out: {left}

{_HOW_TO_LOAD.get(name, _LOAD)} The licence and source of a row's prompt stand in the row;
what the whole may be used for is for you to decide from them and from `uses_allowed`.
"""
