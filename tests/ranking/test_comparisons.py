import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refine.errors import InputError
from refine.ranking.comparisons import LEFT, MAX_RANKED, RIGHT, TIE, Comparisons

HEADER = "worker,group,left,right,label\n"


def named(data: Comparisons) -> list[tuple[str, str, str, str, int]]:
    return [
        (data.labelers[w], data.groups[g], data.items[a], data.items[b], o)
        for w, g, a, b, o in zip(
            data.labeler.tolist(),
            data.group.tolist(),
            data.left.tolist(),
            data.right.tolist(),
            data.outcome.tolist(),
            strict=True,
        )
    ]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_gives_one_comparison_a_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", HEADER + "ann,g,x,y,x\nbob,g,x,y,tie\n\nann,h,y,x,x\n")
    assert named(Comparisons.from_csv(path)) == [
        ("ann", "g", "x", "y", LEFT),
        ("bob", "g", "x", "y", TIE),
        ("ann", "h", "y", "x", RIGHT),
    ]


def test_a_gzipped_csv_reads_like_a_plain_one(tmp_path: Path) -> None:
    text = HEADER + "ann,g,x,y,x\n"
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert named(Comparisons.from_csv(packed)) == named(Comparisons.from_csv(write(tmp_path / "a.csv", text)))


def test_columns_may_come_in_any_order_after_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "\ufefflabel,right,left,note,group,worker\ny,y,x,?,g,ann\n")
    assert named(Comparisons.from_csv(path)) == [("ann", "g", "x", "y", RIGHT)]


def test_optional_columns_are_kept(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        "worker,group,left,right,label,ranking_id,control,left_generator,right_generator\n"
        "ann,g,x,y,x,1,,m1,m2\nann,g,x,z,x,1,z,m1,\nbob,g,x,z,x,1,,m1,m1\nann,g,y,z,tie,,,m2,m1\n",
    )
    data = Comparisons.from_csv(path)
    assert data.ranking[0] == data.ranking[1] != data.ranking[2]  # ids are each labeler's own
    assert data.ranking[3] == -1
    assert data.generators == ("m1", "m2")
    assert data.left_generator.tolist() == [0, 0, 0, 1]
    assert data.right_generator.tolist() == [1, -1, 0, 0]
    assert data.control.tolist() == [-1, 0, -1, -1]


@pytest.fixture
def usual_field_size() -> Iterator[None]:
    """The limit is the whole process's, and reading prompts raises it."""
    before = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(before)


@pytest.mark.parametrize(
    ("row", "place", "what"),
    [
        ("ann,g,x,y\n", ":2", "4 fields, expected 5"),
        ("ann,g,x,y,z\n", ":2", "neither 'x', 'y' nor 'tie'"),
        (",g,x,y,x\n", ":2", "worker is empty"),
        ("ann,g,x,x,x\n", ":2", "compared with itself"),
        ("ann,g,tie,y,tie\n", ":2", "called 'tie'"),
        ("ann,g,x,y,x\nann,g,x,,x\n", ":3", "right is empty"),
        (f"ann,g,{'x' * 1001},y,y\n", ":2", "1001 characters"),
        ('ann,g,x,y,"x"x\n', ":2", "not CSV"),
        (f"ann,g,{'x' * 200_000},y,y\n", ":2", "not CSV"),
    ],
)
@pytest.mark.usefixtures("usual_field_size")
def test_a_bad_row_is_refused_by_file_and_line(tmp_path: Path, row: str, place: str, what: str) -> None:
    path = write(tmp_path / "a.csv", HEADER + row)
    with pytest.raises(InputError) as caught:
        Comparisons.from_csv(path)
    assert str(caught.value).startswith(f"{path}{place}: ")
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "worker,group,left,right\n"])
def test_a_missing_column_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"a\.csv:1: no column .*label"):
        Comparisons.from_csv(write(tmp_path / "a.csv", text))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("latin.csv", HEADER.encode() + b"ann,g,\xe9,y,y\n"),
        ("plain.csv.gz", HEADER.encode()),
        ("cut.csv.gz", gzip.compress(HEADER.encode() * 50, mtime=0)[:-12]),
        ("broken.csv.gz", gzip.compress(HEADER.encode(), mtime=0)[:10] + b"\xff" * 40),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        Comparisons.from_csv(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        Comparisons.from_csv(tmp_path / "nowhere.csv")


def test_a_ranking_becomes_all_its_pairs_with_left_as_shown() -> None:
    data = Comparisons.from_rankings([("ann", "g", [["a"], ["b", "c"]], ["c", "a", "x", "b"])])
    assert named(data) == [
        ("ann", "g", "c", "a", RIGHT),
        ("ann", "g", "c", "b", TIE),
        ("ann", "g", "a", "b", LEFT),
    ]
    assert data.ranking.tolist() == [0, 0, 0]


def test_without_an_order_of_showing_left_says_nothing_about_the_outcome() -> None:
    best_first = Comparisons.from_rankings([("ann", "g", [["b"], ["a"]])])
    worst_first = Comparisons.from_rankings([("ann", "g", [["a"], ["b"]])])
    assert named(best_first) == [("ann", "g", "a", "b", RIGHT)]
    assert named(worst_first) == [("ann", "g", "a", "b", LEFT)]


@given(st.lists(st.lists(st.integers(0, 30), max_size=4), max_size=6))
def test_every_pair_of_a_ranking_comes_out_as_ranked(groups: list[list[int]]) -> None:
    seen: set[int] = set()
    ranked = [[str(item) for item in group if not (item in seen or seen.add(item))] for group in groups]  # type: ignore[func-returns-value]
    rank = {item: position for position, group in enumerate(ranked) for item in group}
    rows = named(Comparisons.from_rankings([("ann", "g", ranked)]))
    assert len(rows) == len(rank) * (len(rank) - 1) // 2
    for _, _, left, right, outcome in rows:
        assert outcome == (LEFT if rank[left] < rank[right] else RIGHT if rank[left] > rank[right] else TIE)


@pytest.mark.parametrize(
    ("groups", "shown"),
    [([["a"], ["a"]], None), ([["a", "a"]], None), ([["a"], ["b"]], ["a"]), ([["a"], ["b"]], ["a", "b", "a"])],
)
def test_a_ranking_that_contradicts_itself_is_refused(groups: list[list[str]], shown: list[str] | None) -> None:
    with pytest.raises(InputError, match="ranking 1"):
        Comparisons.from_rankings([("ann", "g", groups, shown)])


def test_a_huge_ranking_is_refused() -> None:
    with pytest.raises(InputError, match=f"at most {MAX_RANKED}"):
        Comparisons.from_rankings([("ann", "g", [[str(item)] for item in range(MAX_RANKED + 1)])])


def test_the_columns_cannot_be_written() -> None:
    data = Comparisons.from_rankings([("ann", "g", [["a"], ["b"]])])
    with pytest.raises(ValueError, match="read-only"):
        data.outcome[0] = TIE


def test_a_column_with_an_empty_labeler_is_refused() -> None:
    with pytest.raises(InputError, match="labeler is empty in row 2"):
        Comparisons.from_columns(
            labeler=["a", ""], group=["g", "g"], left=["x", "x"], right=["y", "y"], outcome=[LEFT, LEFT]
        )
