"""`refine rank`: ratings and labelers from a file of comparisons, printed, written or as JSON."""

import csv
import gzip
import json
import math
import random
import runpy
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from refine.cli import rank as rank_module
from tests.cli.conftest import Run, line_of

ROOT = Path(__file__).resolve().parents[2]
HEADER = "worker,group,left,right,label\n"
CAREFUL = ("ann", "bob", "cem", "dee", "eli", "fay")


def write(lines: str, name: str = "labels.csv") -> Path:
    path = Path(name)
    path.write_text(HEADER + lines, encoding="utf-8")
    return path


def crowd(groups: int = 12) -> str:
    """Six careful labelers, one who inverts and one who does not look; in every group a beats b beats c beats d."""
    chance = random.Random(3)
    lines = []
    for group in range(groups):
        for labeler in (*CAREFUL, "max", "mia"):
            for pair in combinations("abcd", 2):
                left, right = chance.sample(pair, 2)
                is_right = chance.random() < 0.9
                better, worse = pair if is_right else pair[::-1]
                label = {"max": worse, "mia": chance.choice(pair)}.get(labeler, better)
                lines.append(f"{labeler},g{group:02},{left},{right},{label}\n")
    return "".join(lines)


def values(refine: Run, path: Path, *options: Any) -> dict[str, Any]:
    result = refine("rank", path, "--json", *options)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout, parse_constant=lambda name: pytest.fail(name))
    numbers = [each for row in [*found["ratings"], *found["labelers"]] for each in row.values()]
    assert all(math.isfinite(each) for each in numbers if not isinstance(each, str))
    for group in {row["group"] for row in found["ratings"]}:
        assert sum(row["p_best"] for row in found["ratings"] if row["group"] == group) == pytest.approx(1, abs=1e-4)
    return found


def by_labeler(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["labeler"]: row for row in found["labelers"]}


def table_of(result: Any, head: str) -> list[list[str]]:
    """The rows of the printed table whose heading begins so, cut into words."""
    lines = result.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(head))
    rows = []
    for line in lines[at + 2 :]:
        if not line.strip() or line.startswith("… and"):
            break
        rows.append(line.split())
    return rows


def test_tables_show_the_best_first_and_the_most_reliable_first(refine: Run) -> None:
    result = refine("rank", write(crowd()))
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    ratings = table_of(result, "group")
    assert [row[0] if row[0].startswith("g") else "" for row in ratings[:5]] == ["g00", "", "", "", "g01"]
    assert ratings[0][1] == "a"
    labelers = [row[0] for row in table_of(result, "labeler")]
    assert {*labelers[:6]} == {*CAREFUL}
    assert labelers[6:] == ["mia", "max"]


def test_json_tells_careless_and_adversarial_labelers_apart(refine: Run) -> None:
    found = values(refine, write(crowd()))
    assert found["comparisons"] == 12 * 8 * 6
    labelers = by_labeler(found)
    assert labelers["mia"]["p_careless"] > 0.5 > labelers["mia"]["p_adversarial"]
    assert labelers["max"]["p_adversarial"] > 0.5 > labelers["max"]["p_careless"]
    assert all(labelers[name]["reliability"] > 0.5 for name in CAREFUL)
    assert {row["comparisons"] for row in found["labelers"]} == {72}
    assert [row["item"] for row in found["ratings"] if row["p_best"] > 0.5] == ["a"] * 12


def test_gzipped_files_and_columns_in_any_order_are_read(refine: Run) -> None:
    plain = values(refine, write(crowd(2)))
    rows = list(csv.reader((HEADER + crowd(2)).splitlines()))
    turned = "".join(",".join(reversed(row)) + "\n" for row in rows)
    Path("labels.csv.gz").write_bytes(gzip.compress(turned.encode()))
    assert values(refine, Path("labels.csv.gz")) == plain


def test_the_same_seed_gives_the_same_numbers_and_another_moves_p_best_alone(refine: Run) -> None:
    path = write(crowd(3))
    first, again, other = values(refine, path), values(refine, path), values(refine, path, "--seed", 1)
    assert first == again
    assert other["seed"] == 1
    assert other["labelers"] == first["labelers"]
    means = [[row["mean"] for row in each["ratings"]] for each in (first, other)]
    assert means[0] == means[1]
    assert other["ratings"] != first["ratings"]


def test_out_writes_what_json_says(refine: Run) -> None:
    path = write(crowd(3))
    found = values(refine, path)
    result = refine("rank", path, "--out", "deep/ranked")
    assert result.exit_code == 0, result.output
    assert "ratings.csv" in result.stdout
    assert {each.name for each in Path("deep/ranked").iterdir()} == {"ratings.csv", "labelers.csv"}
    for name in ("ratings", "labelers"):
        with Path(f"deep/ranked/{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows == [{key: str(value) for key, value in row.items()} for row in found[name]]


def test_out_with_json_says_where_the_files_are(refine: Run) -> None:
    written = json.loads(refine("rank", write(crowd(2)), "--out", "o", "--json").stdout)
    assert [(each["name"], each["rows"]) for each in written] == [("ratings", 8), ("labelers", 8)]
    assert all(Path(each["path"]).is_file() for each in written)


def test_out_replaces_what_it_wrote_and_nothing_else(refine: Run) -> None:
    assert refine("rank", write(crowd(2)), "--out", "o").exit_code == 0
    before = Path("o/ratings.csv").read_text(encoding="utf-8")
    assert refine("rank", write(crowd(3)), "--out", "o").exit_code == 0
    after = Path("o/ratings.csv").read_text(encoding="utf-8")
    assert after != before
    Path("o/labelers.csv").write_text("name,age\nann,40\n")
    result = refine("rank", write(crowd(2)), "--out", "o")
    assert result.exit_code == 2
    assert "labelers.csv" in line_of(result)
    assert Path("o/labelers.csv").read_text() == "name,age\nann,40\n"
    assert Path("o/ratings.csv").read_text(encoding="utf-8") == after


def test_a_folder_that_is_none_or_a_link_in_it_is_refused(refine: Run) -> None:
    path = write(crowd(1))
    assert "labels.csv" in line_of(refine("rank", path, "--out", path))
    Path("o").mkdir()
    Path("o/ratings.csv").symlink_to(path.absolute())
    result = refine("rank", path, "--out", "o")
    assert result.exit_code == 2
    assert "ratings.csv" in line_of(result)
    assert path.read_text() == HEADER + crowd(1)


def test_a_write_that_fails_leaves_the_earlier_files_and_nothing_beside_them(
    refine: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    refine("rank", write(crowd(2)), "--out", "o")
    before = {each.name: each.read_bytes() for each in Path("o").iterdir()}

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device", "o/ratings.csv")

    monkeypatch.setattr("os.fsync", fail)
    result = refine("rank", write(crowd(3)), "--out", "o")
    assert result.exit_code == 2
    assert line_of(result) == "refine: o/ratings.csv: No space left on device"
    assert {each.name: each.read_bytes() for each in Path("o").iterdir()} == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "labels.csv:1: no column worker"),
        ("worker,group,left,right\n", "labels.csv:1: no column label"),
        (HEADER + "w,g,a,b,a\nw,g,a,b,c\n", "labels.csv:3: label 'c'"),
        (HEADER + "w,g,a,a,a\n", "labels.csv:2: 'a' is compared with itself"),
        (HEADER + "w,g,a,b\n", "labels.csv:2: 4 fields"),
        (HEADER + ",g,a,b,a\n", "labels.csv:2: worker is empty"),
    ],
)
def test_bad_rows_are_refused_by_file_and_line_and_nothing_is_written(refine: Run, text: str, said: str) -> None:
    Path("labels.csv").write_text(text, encoding="utf-8")
    result = refine("rank", "labels.csv", "--out", "o")
    assert result.exit_code == 2
    assert said in line_of(result)
    assert not Path("o").exists()


def test_a_missing_file_is_refused(refine: Run) -> None:
    result = refine("rank", "nowhere.csv")
    assert result.exit_code == 2
    assert "nowhere.csv" in line_of(result)


def test_a_file_with_only_its_first_line_gives_empty_tables(refine: Run) -> None:
    path = write("")
    assert values(refine, path) == {"comparisons": 0, "seed": 0, "ratings": [], "labelers": []}
    assert refine("rank", path).stdout == "No comparisons, so nothing to rate.\n"
    assert refine("rank", path, "--out", "o").exit_code == 0
    assert Path("o/ratings.csv").read_text(encoding="utf-8") == "group,item,mean,sd,p_best\n"


ODD = {
    "one comparison": "w,g,a,b,a\n",
    "one labeler": "w,g,a,b,a\nw,g,b,c,b\nw,g,a,c,a\n",
    "a group that falls apart": "v,g,a,b,a\nw,g,c,d,c\n",
    "all ties": "".join(f"w{n},g,{pair[0]},{pair[1]},tie\n" for n in range(5) for pair in ("ab", "bc", "ac")),
    "contradictions": "".join(f"w{n},g,a,b,{'ab'[n % 2]}\n" for n in range(10)),
    "a circle": "".join(f"w{n},g,{pair[0]},{pair[1]},{pair[0]}\n" for n in range(5) for pair in ("ab", "bc", "ca")),
    "everybody always left": "".join(
        f"w{n},g,{pair[0]},{pair[1]},{pair[0]}\n" for n in range(9) for pair in ("ab", "ba")
    ),
    "everybody of one mind": "".join(f"w{n % 5},g{n % 9},a,b,a\n" for n in range(200)),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_evidence_gives_finite_numbers(refine: Run, name: str) -> None:
    path = write(ODD[name])
    values(refine, path)
    result = refine("rank", path)
    assert result.exit_code == 0, result.output
    assert "nan" not in result.stdout
    assert "-0.00" not in result.stdout


@pytest.mark.parametrize("name", ["all ties", "contradictions", "a circle", "everybody always left"])
def test_evidence_that_favours_nobody_rates_everybody_alike(refine: Run, name: str) -> None:
    ratings = values(refine, write(ODD[name]))["ratings"]
    assert all(abs(row["mean"]) < 0.01 for row in ratings)
    assert all(row["p_best"] == pytest.approx(1 / len(ratings), abs=0.03) for row in ratings)


def test_parts_of_a_group_that_never_met_are_rated_alike(refine: Run) -> None:
    means = {row["item"]: row["mean"] for row in values(refine, write(ODD["a group that falls apart"]))["ratings"]}
    assert means["a"] == pytest.approx(means["c"], abs=0.01)
    assert means["a"] > means["b"]


def test_one_labeler_is_believed_and_is_as_unsure_as_the_population(refine: Run) -> None:
    found = values(refine, write(ODD["one labeler"]))
    means = {row["item"]: row["mean"] for row in found["ratings"]}
    assert means["a"] > means["b"] > means["c"]
    assert found["labelers"][0]["reliability_sd"] > 0.3


def test_long_lists_are_cut_and_say_so(refine: Run) -> None:
    groups = rank_module.GROUPS_SHOWN + 3
    stars = "".join(f"w{n:02},g{n:02},a,{item},a\n" for n in range(groups) for item in "bcdefgh")
    more = "".join(f"v{n:02},g00,a,b,a\n" for n in range(rank_module.LABELERS_SHOWN))
    result = refine("rank", write(stars + more))
    assert len(table_of(result, "group")) == rank_module.GROUPS_SHOWN * rank_module.ITEMS_SHOWN
    hidden = groups * 8 - rank_module.GROUPS_SHOWN * rank_module.ITEMS_SHOWN
    assert f"… and {hidden} more items" in result.stdout
    labelers = table_of(result, "labeler")
    assert labelers[rank_module.LABELERS_SHOWN // 2] == ["…", str(groups), "more"]
    assert "Shown are the 15 most and the 15 least reliable labelers." in result.stdout
    assert result.stdout.count("--out writes all of them.") == 2


def test_the_worked_example_of_the_documentation_is_what_is_printed(refine: Run, tmp_path: Path) -> None:
    runpy.run_path(str(ROOT / "examples" / "rank_labels.py"))["main"](tmp_path)
    result = refine("rank", "labels.csv")
    text = (ROOT / "docs" / "ranking.md").read_text(encoding="utf-8")
    for block in text.split("## A worked example")[1].split("## What the columns mean")[0].split("```text\n")[1:]:
        said = [line.split() for line in block.split("```")[0].splitlines()[2:]]
        printed = table_of(result, block.split()[0])[: len(said)]
        assert [_number(cell) for row in printed for cell in row] == [
            pytest.approx(it, abs=0.02) if isinstance(it := _number(cell), float) else it
            for row in said
            for cell in row
        ]


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def test_names_cannot_repaint_the_terminal(refine: Run) -> None:
    shown = refine("rank", write("\x1b[2J[bold]w[/bold],g\x1b]0;owned\x07,a,b,a\n")).stdout
    assert "\x1b" not in shown
    assert "[bold]w[/bold]" in shown


def test_a_terminal_is_told_what_is_being_fitted(
    refine: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from refine.ranking import Comparisons

    data = Comparisons.from_csv(write(crowd(2)))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    rank_module._announce(data)
    assert capsys.readouterr().err == "Fitting 96 comparisons by 8 labelers in 2 groups …\n"
