"""Where the lines of a page come from, and how a critique led to a change."""

from hypothesis import given
from hypothesis import strategies as some

from refine.api.lineage import diff_lines, trace_lines
from refine.export import ExportCandidate, ExportChain
from refine.types import CodeFile, Edit


def version(
    id: str, text: str, *, round: int, parent: str | None = None, edits: tuple[Edit, ...] = ()
) -> ExportCandidate:
    return ExportCandidate(
        id=id,
        parent=parent,
        kind="revision" if parent else "draft",
        generator=None,
        made_in_round=round,
        files=(CodeFile(filename="index.html", content=text),),
        content_sha256=None,
        edits=edits,
    )


def chain(*candidates: ExportCandidate) -> ExportChain:
    return ExportChain(
        id="c",
        project="p",
        prompt_key="k",
        prompt="A page",
        kind="refine",
        state="ended",
        stop_reason="rounds",
        seed=1,
        settings_version=1,
        is_demo=False,
        is_simulated=False,
        incumbent=candidates[-1].id,
        candidates=candidates,
        rounds=(),
    )


def block(source: str, search: str, replace: str, *issues: str) -> Edit:
    start = len(source[: source.index(search)].encode())
    return Edit(
        issues=issues,
        filename="index.html",
        status="applied",
        how="exact",
        start=start,
        end=start + len(search.encode()),
        search=search,
        replace=replace,
    )


def test_a_line_comes_from_the_version_that_last_changed_it() -> None:
    found = trace_lines(
        chain(
            version("a", "one\ntwo\nthree", round=1),
            version("b", "one\nTWO\nthree\nfour", round=2, parent="a"),
            version("c", "zero\none\nTWO\nthree\nFOUR", round=3, parent="b"),
        ),
        "c",
        "index.html",
    )
    assert [(it.number, it.text, it.candidate, it.round) for it in found] == [
        (1, "zero", "c", 3),
        (2, "one", "a", 1),
        (3, "TWO", "b", 2),
        (4, "three", "a", 1),
        (5, "FOUR", "c", 3),
    ]


def test_blocks_say_which_issue_a_line_serves_also_behind_longer_ones_and_letters_of_two_bytes() -> None:
    first = "größe\nfarbe\nschrift\n"
    edits = (
        block(first, "schrift", "Schrift: größer", "i2"),
        block(first, "größe", "Größe:\n  größer\n  weiter", "i1", "i3"),
    )
    second = "Größe:\n  größer\n  weiter\nfarbe\nSchrift: größer\n"
    found = trace_lines(
        chain(version("a", first, round=1), version("b", second, round=2, parent="a", edits=edits)), "b", "index.html"
    )
    assert [it.issues for it in found] == [("i1", "i3"), ("i1", "i3"), ("i1", "i3"), (), ("i2",)]


def test_a_block_that_is_not_where_it_says_tells_nothing() -> None:
    edit = block("one\n", "one", "two", "i1")
    found = trace_lines(
        chain(version("a", "one\n", round=1), version("b", "three\n", round=2, parent="a", edits=(edit,))),
        "b",
        "index.html",
    )
    assert [it.issues for it in found] == [()]


def test_a_circle_of_parents_ends() -> None:
    found = trace_lines(
        chain(version("a", "x", round=1, parent="b"), version("b", "x\ny", round=2, parent="a")), "b", "index.html"
    )
    assert [it.text for it in found] == ["x", "y"]


def test_a_file_that_is_not_there_has_no_lines() -> None:
    assert trace_lines(chain(version("a", "x", round=1)), "a", "other.css") == ()
    assert trace_lines(chain(version("a", "x", round=1)), "nobody", "index.html") == ()


LINES = some.lists(some.sampled_from(["a", "b", "c", ""]), max_size=12)


@given(LINES, LINES)
def test_a_diff_leads_from_one_to_the_other(before: list[str], after: list[str]) -> None:
    built: list[str] = []
    at = 0
    for tag, start, end, new_start, new_end in diff_lines(before, after):
        assert (start, new_start) == (at, len(built))
        assert tag != "equal" or before[start:end] == after[new_start:new_end]
        built += before[start:end] if tag == "equal" else after[new_start:new_end]
        at = end
    assert (built, at) == (after, len(before))


def test_a_diff_of_very_many_lines_is_bounded() -> None:
    before, after = ["x"] + [str(n) for n in range(9000)], ["x"] + [str(-n) for n in range(1, 9000)]
    assert diff_lines(before, after) == [("equal", 0, 1, 0, 1), ("replace", 1, 9001, 1, 9000)]
