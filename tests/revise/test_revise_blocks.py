import difflib
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.revise.blocks import apply_blocks, parse_blocks, parse_declined
from refine.types import CodeFile, Edit, Files

PAGE = "<h1>Quiz</h1>\n<p>é One</p>\n<p>Two</p>\n<p>Two</p>\n<button>Go</button>\n"


def page(content: str = PAGE, name: str = "index.html") -> Files:
    return (CodeFile(filename=name, content=content),)


DEFAULT = page()


def block(search: str, replace: str | None, *, head: str = " index.html [i1]", size: int = 7) -> str:
    below = "" if replace is None else f"{replace}\n"
    return f"{'<' * size} SEARCH{head}\n{search}\n{'=' * size}\n{below}{'>' * size} REPLACE\n"


def apply(reply: str, files: Files = DEFAULT, issues: tuple[str, ...] = ("i1", "i2")) -> tuple[str, tuple[Edit, ...]]:
    changed, edits = apply_blocks(files, parse_blocks(reply).blocks, issues=issues)
    return changed[0].content, edits


def test_a_block_is_applied_where_its_text_stands_once() -> None:
    content, edits = apply(block("<p>é One</p>", "<p>1</p>", head=" index.html [i1, i2]"))
    assert content == PAGE.replace("<p>é One</p>", "<p>1</p>")
    assert (edits[0].status, edits[0].how, edits[0].issues, edits[0].reason) == ("applied", "exact", ("i1", "i2"), "")
    assert PAGE.encode()[edits[0].start : edits[0].end].decode() == "<p>é One</p>"


def test_all_blocks_apply_to_the_original_whatever_their_order() -> None:
    one, two = block("<h1>Quiz</h1>", "<button>Go</button>"), block("<button>Go</button>", "<h1>Quiz</h1>")
    expected = "<button>Go</button>\n<p>é One</p>\n<p>Two</p>\n<p>Two</p>\n<h1>Quiz</h1>\n"
    assert apply(one + two)[0] == apply(two + one)[0] == expected


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (block("<p>Three</p>", "x"), "not found"),
        (block("<p>Two</p>", "x"), "found 2 times"),
        (block("  ", "x"), "the search text is empty"),
        (block("<h1>Quiz</h1>", "<h1>Quiz</h1>"), "changes nothing"),
        ("<<<<<<< SEARCH index.html [i1]\n<h1>", "the block is cut off"),
        ("<<<<<<< SEARCH index.html [i1]\n<h1>Quiz</h1>\n>>>>>>> REPLACE", "the block has no divider"),
        (block("<h1>\n=======", "x"), "the block has several dividers"),
    ],
)
def test_a_block_that_fails_changes_nothing_and_says_why(reply: str, reason: str) -> None:
    content, edits = apply(reply)
    assert content == PAGE
    assert [(edit.status, edit.how, edit.reason, edit.start) for edit in edits] == [("not_applied", "none", reason, -1)]


def test_occurrences_that_overlap_are_not_unique() -> None:
    assert apply(block("aa", "b"), page("xaaax"))[1][0].reason == "found 2 times"


def test_of_overlapping_blocks_the_first_stays() -> None:
    content, edits = apply(block("<h1>Quiz</h1>\n<p>é One", "A") + block("<p>é One</p>", "B"))
    assert content.startswith("A</p>") and edits[1].reason == "overlaps applied block 1"


@pytest.mark.parametrize(
    "reply",
    [
        block("<h1>Quiz</h1>", "<h1>New</h1>", head=""),
        block("<h1>Quiz</h1>", "<h1>New</h1>", head=" `index.html` [i1]"),
        block("<h1>Quiz</h1>", "<h1>New</h1>", head=" other.html [i1]"),
        block("<h1>Quiz</h1>", "<h1>New</h1>").replace("\n", "\r\n"),
        "```\n" + block("<h1>Quiz</h1>", "<h1>New</h1>") + "```\n",
        "```html index.html\n" + block("<h1>Quiz</h1>", "<h1>New</h1>") + "```\nDone!",
        block("<h1>Quiz</h1>", "<h1>New</h1>").replace(">>>>>>>", ">>>>>>").replace("=======", "========"),
        block("<h1>Quiz</h1>", "<h1>New</h1>").replace("SEARCH", " SEARCH").replace("<<<<<<<  ", "<<<<<<< "),
        block("<h1>Quiz</h1>", "<h1>New</h1>", size=9),
    ],
)
def test_blocks_are_read_leniently(reply: str) -> None:
    assert apply(reply)[0] == PAGE.replace("Quiz", "New")


def test_line_ends_changed_by_the_model_are_found_and_the_files_own_are_kept() -> None:
    windows = page(PAGE.replace("\n", "\r\n"))
    content, _ = apply(block("<h1>Quiz</h1>\n<p>é One</p>", "<h1>A</h1>\n<p>B</p>"), windows)
    assert content == PAGE.replace("Quiz", "A").replace("é One", "B").replace("\n", "\r\n")


def test_a_deletion_of_whole_lines_removes_their_line_ends_and_an_empty_line_stays_one() -> None:
    assert apply(block("<p>é One</p>", None))[0] == PAGE.replace("<p>é One</p>\n", "")
    assert apply(block("é One", None))[0] == PAGE.replace("é One", "")
    assert apply(block("<p>é One</p>", ""))[0] == PAGE.replace("<p>é One</p>", "")


def test_a_block_without_a_name_finds_the_one_file_that_holds_its_text() -> None:
    files = (*page(), *page("let quiz = 1", "index.js"))
    changed, edits = apply_blocks(
        files, parse_blocks(block("quiz = 1", "quiz = 2", head=" [i1]")).blocks, issues=["i1"]
    )
    assert (changed[1].content, edits[0].filename) == ("let quiz = 2", "index.js")
    _, edits = apply_blocks(files, parse_blocks(block("quiz", "x", head=" app.js")).blocks, issues=["i1"])
    assert edits[0].reason == "no file named 'app.js'"


def test_issues_that_the_plan_does_not_know_are_dropped() -> None:
    assert apply(block("Quiz", "x", head=" index.html [i9, i2, constructor]"))[1][0].issues == ("i2",)
    assert apply(block("Quiz", "x", head=" index.html"))[1][0].issues == ()
    assert apply(block("Quiz", "x", head=" index.html"), issues=("i1",))[1][0].issues == ("i1",)


def test_a_page_that_holds_marks_is_edited_with_longer_ones() -> None:
    marked = "<<<<<<< SEARCH x\na\n=======\nb\n>>>>>>> REPLACE"
    content, edits = apply(block(marked, "clean", size=8), page(f"<p>\n{marked}\n</p>"))
    assert (content, len(edits)) == ("<p>\nclean\n</p>", 1)


def test_declined_issues_are_read_outside_blocks_only() -> None:
    parsed = parse_blocks(
        block("x", "NOT APPLIED i9: no") + "NOT APPLIED i2: too vague\n**NOT APPLIED i3, i4** - why\n"
    )
    assert parsed.declined == {"i2": "too vague", "i3": "why", "i4": "why"}
    assert parse_declined("- not applied: i5") == {"i5": "declined without a reason"}


LINES = st.lists(
    st.text(alphabet="ab <p>\t\r=é", max_size=6).filter(lambda line: not line.strip().startswith("====")), max_size=25
)


@given(LINES, LINES, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_blocks_made_from_a_diff_give_exactly_the_intended_page(
    before: list[str], inserted: list[str], rng: random.Random
) -> None:
    # Numbered lines are unique, so every hunk can be said; the rest of each line is arbitrary.
    old = [f"#{number}:{line}" for number, line in enumerate(before)]
    new = list(old)
    for line in inserted:
        place = rng.randrange(len(new) + 1)
        new[place : place + rng.randrange(3)] = [line] if rng.random() < 0.7 else []
    reply = ""
    intended = list(old)
    for tag, start, end, from_, to in reversed(difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()):
        if tag == "equal" or start == end:
            continue
        reply += block("\n".join(old[start:end]), "\n".join(new[from_:to]) if to > from_ else None)
        intended[start:end] = new[from_:to]
    content, edits = apply(reply, page("\n".join(["<top>", *old, "<end>"])))
    assert content == "\n".join(["<top>", *intended, "<end>"])
    assert all(edit.status == "applied" for edit in edits)


PIECES = ["<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "\n", "\r\n", " [i1]", "index.html", "NOT APPLIED i1"]


@given(st.lists(st.sampled_from([*PIECES, "<p>Two</p>"]) | st.text(max_size=10), max_size=30).map("".join))
@settings(max_examples=200, deadline=None)
def test_any_reply_gives_one_edit_a_block(reply: str) -> None:
    blocks = parse_blocks(reply).blocks
    assert len(apply(reply)[1]) == len(blocks)


@pytest.mark.parametrize(
    "piece",
    [
        "<<<<<<< SEARCH\n",
        "=======\n",
        "<<<<<<< SEARCH\n<<<<<<<< SEARCH\n",
        "<",
        "NOT APPLIED i1",
        "i1,i1",
        "[",
        "\n",
        " ",
    ],
)
def test_a_hostile_reply_is_read_in_linear_time(piece: str) -> None:
    started = time.process_time()
    parse_blocks(piece * (400_000 // len(piece)))
    assert time.process_time() - started < 3
