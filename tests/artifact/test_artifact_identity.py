import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refine.artifact import content_hash, entry_file, is_safe_name, size_bytes
from refine.errors import InputError
from refine.types import CodeFile

PAGE = CodeFile(filename="index.html", content="<p>é</p>\r\n")
SCRIPT = CodeFile(filename="index.js", content="1")


def test_the_hash_is_over_names_and_content_hashes() -> None:
    digest = hashlib.sha256(PAGE.content.encode()).hexdigest()
    assert (
        content_hash((PAGE,))
        == hashlib.sha256(json.dumps([["index.html", digest]]).replace(", ", ",").encode()).hexdigest()
    )


def test_the_hash_changes_with_order_name_and_line_ends() -> None:
    lf = CodeFile(filename="index.html", content=PAGE.content.replace("\r\n", "\n"))
    renamed = CodeFile(filename="page.html", content=PAGE.content)
    hashes = {content_hash(files) for files in ((PAGE, SCRIPT), (SCRIPT, PAGE), (PAGE,), (lf,), (renamed,))}
    assert len(hashes) == 5


def test_moving_text_from_one_file_to_another_changes_the_hash() -> None:
    first = (CodeFile(filename="a", content="xy"), CodeFile(filename="b", content=""))
    second = (CodeFile(filename="a", content="x"), CodeFile(filename="b", content="y"))
    assert content_hash(first) != content_hash(second)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(InputError, match="surrogate"):
        content_hash((CodeFile.model_construct(filename="a.html", content="\ud800"),))


def test_size_counts_utf8_bytes() -> None:
    assert size_bytes((PAGE, SCRIPT)) == len("<p>é</p>\r\n".encode()) + 1


def test_the_entry_is_index_html_or_else_the_first_page() -> None:
    other = CodeFile(filename="other.html", content="")
    assert entry_file((other, PAGE)) is PAGE
    assert entry_file((SCRIPT, other)) is other
    assert entry_file((SCRIPT,)) is None


@pytest.mark.parametrize("name", ["index.html", "js/app.js", "seite eins.html", "ページ.html", "a-b_c.min.css"])
def test_plain_relative_names_are_safe(name: str) -> None:
    assert is_safe_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../x.html",
        "a/../../x",
        "a//b",
        ".git/config",
        "C:\\x.html",
        "a\\b",
        "x\x00.html",
        "con.html",
        "a.html ",
        "a.",
        "~/x",
        "a\n.html",
        "é" * 200,
        "a/./b",
    ],
)
def test_names_that_leave_their_folder_or_differ_between_systems_are_unsafe(name: str) -> None:
    assert not is_safe_name(name)


@given(st.text())
def test_a_safe_name_never_climbs(name: str) -> None:
    if is_safe_name(name):
        assert ".." not in name.split("/") and not name.startswith("/")
