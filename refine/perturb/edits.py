"""Byte edits of a candidate's files, and their inverse."""

from collections.abc import Sequence
from dataclasses import dataclass

from refine.errors import InputError
from refine.types import CodeFile, Files


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteEdit:
    """In one file, the bytes at `start` change from `old` to `new`. Positions are of the text before any edit."""

    file: int
    """Index into the candidate's files."""
    start: int
    old: bytes
    new: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.old)


def apply_edits(files: Files, edits: Sequence[ByteEdit]) -> Files:
    """The files with the edits made. Raises InputError where an edit does not fit: other bytes stand there, edits
    overlap, or the result is not UTF-8."""
    changed = list(files)
    for index in sorted({edit.file for edit in edits}):
        if not 0 <= index < len(files):
            raise InputError(f"an edit names file {index}; there are {len(files)}")
        mine = sorted((edit for edit in edits if edit.file == index), key=lambda edit: (edit.start, edit.end))
        data = files[index].content.encode("utf-8")
        try:
            text = _splice(data, mine, files[index].filename).decode("utf-8")
        except UnicodeDecodeError as exc:
            raise InputError(f"{files[index].filename}: an edit cuts a character in two") from exc
        changed[index] = CodeFile(filename=files[index].filename, content=text)
    return tuple(changed)


def _splice(data: bytes, edits: Sequence[ByteEdit], filename: str) -> bytes:
    pieces: list[bytes] = []
    at = 0
    for edit in edits:
        if edit.start < at or data[edit.start : edit.end] != edit.old:
            raise InputError(f"{filename}: an edit at byte {edit.start} does not fit what stands there")
        pieces += (data[at : edit.start], edit.new)
        at = edit.end
    return b"".join((*pieces, data[at:]))


def invert_edits(edits: Sequence[ByteEdit]) -> tuple[ByteEdit, ...]:
    """The edits that undo these, with positions in the edited files."""
    inverse: list[ByteEdit] = []
    for index in sorted({edit.file for edit in edits}):
        moved = 0
        for edit in sorted((edit for edit in edits if edit.file == index), key=lambda edit: (edit.start, edit.end)):
            inverse.append(ByteEdit(file=index, start=edit.start + moved, old=edit.new, new=edit.old))
            moved += len(edit.new) - len(edit.old)
    return tuple(inverse)


def undo_edits(files: Files, edits: Sequence[ByteEdit]) -> Files:
    """The original, byte for byte, from the edited files and the edits that made them."""
    return apply_edits(files, invert_edits(edits))
