"""Byte edits and their inverse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refine.errors import InputError
from refine.perturb import ByteEdit, apply_edits, invert_edits, undo_edits
from refine.types import CodeFile

FILES = (CodeFile(filename="a.html", content="äbcdef"), CodeFile(filename="b.js", content="xyz"))


def test_edits_of_several_files_are_made_and_undone() -> None:
    edits = (
        ByteEdit(file=0, start=4, old=b"de", new=b"DDEE"),
        ByteEdit(file=0, start=0, old="ä".encode(), new=b""),
        ByteEdit(file=1, start=3, old=b"", new="🌊".encode()),
    )
    made = apply_edits(FILES, edits)
    assert [file.content for file in made] == ["bcDDEEf", "xyz🌊"]
    assert undo_edits(made, edits) == FILES
    assert invert_edits(invert_edits(edits)) == tuple(sorted(edits, key=lambda edit: (edit.file, edit.start)))


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ([ByteEdit(file=0, start=0, old=b"no", new=b"")], "does not fit"),
        ([ByteEdit(file=0, start=0, old="ä".encode()[:1], new=b"")], "cuts a character"),
        ([ByteEdit(file=2, start=0, old=b"", new=b"")], "file 2"),
        (
            [ByteEdit(file=1, start=0, old=b"xy", new=b""), ByteEdit(file=1, start=1, old=b"yz", new=b"")],
            "does not fit",
        ),
    ],
)
def test_edits_that_do_not_fit_are_refused(edits: list[ByteEdit], said: str) -> None:
    with pytest.raises(InputError, match=said):
        apply_edits(FILES, edits)


@given(
    st.text(alphabet="abc<>", max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.text("xyz")))
)
def test_any_edits_that_fit_are_undone(text: str, wanted: list[tuple[int, int, str]]) -> None:
    files = (CodeFile(filename="a.html", content=text),)
    edits, at = [], 0
    for start, length, new in sorted(wanted):
        if at <= start <= len(text):
            old = text[start : start + length].encode()
            edits.append(ByteEdit(file=0, start=start, old=old, new=new.encode()))
            at = start + len(old) + (not old)
    assert undo_edits(apply_edits(files, edits), edits) == files
