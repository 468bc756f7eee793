"""Prompts files: what is taken, and one line for everything that is not."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refine.api import prompts_file
from refine.api.prompts_file import prompt_key, read_prompts
from refine.errors import InputError

PAGE = "<!doctype html><title>Quiz</title><button>Go</button>\n"


def write(folder: Path, content: str | bytes, name: str = "prompts.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def jsonl(folder: Path, *rows: object) -> Path:
    return write(folder, "".join(json.dumps(row) + "\n" for row in rows))


def page(content: str = PAGE, filename: str = "index.html", **more: Any) -> dict[str, Any]:
    return {"files": [{"filename": filename, "content": content}], **more}


def refusal(path: Path | str, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_prompts(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    assert "; " in message
    return message


def test_rows_come_in_order_with_everything_they_say(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path,
        {
            "id": "quiz",
            "prompt": "A quiz",
            "license": "CC0-1.0",
            "source": "us",
            "metadata": {"a": [1]},
            "topic": "net",
        },
        {"prompt": "A timer", "candidates": [page(model="m", id="x"), page("<p>2</p>")]},
    )
    found = read_prompts(path)
    first, second = found.rows
    assert (first.key, first.prompt, first.licence, first.source) == ("quiz", "A quiz", "CC0-1.0", "us")
    assert first.metadata == {"a": [1], "topic": "net"}
    assert second.key == hashlib.sha256(b"A timer").hexdigest()[:16] == prompt_key("A timer")
    assert [(c.id, c.model, c.files[0].content) for c in second.candidates] == [
        ("x", "m", PAGE),
        (None, None, "<p>2</p>"),
    ]
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_three_kinds_of_file_give_the_same_rows(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rows: list[dict[str, Any]] = [
        {
            "id": "a",
            "prompt": 'Two\n"lines", é',
            "licence": "CC0-1.0",
            "metadata": {"n": 1},
            "candidates": [page(), page("<b>")],
        },
        {"id": "b", "prompt": "Plain", "licence": None, "metadata": None, "candidates": None},
    ]
    in_jsonl = jsonl(tmp_path, *rows)
    in_csv = tmp_path / "prompts.CSV"
    with in_csv.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(rows[0])
        for row in rows:
            cells = [value if isinstance(value, str) else json.dumps(value) if value else "" for value in row.values()]
            writer.writerow(cells)
    structs, texts = tmp_path / "structs.parquet", tmp_path / "texts.parquet"
    parquet.write_table(pa.Table.from_pylist(rows), structs)
    as_text = [{k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in row.items()} for row in rows]
    parquet.write_table(pa.Table.from_pylist(as_text), texts)
    expected = read_prompts(in_jsonl).rows
    assert [read_prompts(path).rows for path in (in_csv, structs, texts)] == [expected] * 3
    assert expected[0].candidates[1].files[0].content == "<b>"


def test_defaults_stand_in_only_where_a_row_is_silent(tmp_path: Path) -> None:
    path = jsonl(tmp_path, {"prompt": "A", "licence": "MIT"}, {"prompt": "B", "source": "web"})
    found = read_prompts(path, licence="CC0-1.0", source="ours").rows
    assert [(row.licence, row.source) for row in found] == [("MIT", "ours"), ("CC0-1.0", "web")]


def test_blank_lines_and_a_byte_order_mark_are_skipped_and_still_counted(tmp_path: Path) -> None:
    path = write(tmp_path, b'\xef\xbb\xbf\n{"prompt": "A"}\r\n  \n{"prompt": ""}')
    assert refusal(path).startswith(f"{path}:4: the prompt is empty")


def test_a_number_as_id_is_taken_as_text(tmp_path: Path) -> None:
    assert read_prompts(jsonl(tmp_path, {"id": 7, "prompt": "A"})).rows[0].key == "7"


def test_the_same_prompt_under_two_ids_is_two_rows(tmp_path: Path) -> None:
    assert len(read_prompts(jsonl(tmp_path, {"id": "a", "prompt": "A"}, {"id": "b", "prompt": "A"})).rows) == 2


BAD_LINES = [
    ("nonsense", "1: not JSON"),
    ("[1]", "1: the line is a list, not an object"),
    ('"text"', "1: the line is text"),
    ("{}", "1: the row has no prompt"),
    ('{"prompt": null}', "1: the row has no prompt"),
    ('{"prompt": 5}', "1: prompt is a number"),
    ('{"prompt": " \\n"}', "1: the prompt is empty"),
    ('{"prompt": "a\\u0000"}', "1: the prompt has a NUL"),
    ('{"prompt": "\\ud800"}', "1: not JSON"),
    ('{"prompt": "a", "id": ""}', "1: id is empty"),
    ('{"prompt": "a", "id": 1.5}', "1: id is a number"),
    ('{"prompt": "a", "id": "a\\nb"}', "1: id has characters"),
    ('{"prompt": "a", "metadata": 3}', "1: metadata is a number"),
    ('{"prompt": "a", "metadata": {"x": ["\\u0000"]}}', "1: metadata has a NUL"),
    ('{"prompt": "a", "metadata": {"x": 1}, "x": 2}', "1: 'x' is given twice"),
    ('{"prompt": "a", "x": ' + "[" * 600 + "]" * 600 + "}", "1: metadata cannot be written"),
    ('{"prompt": "a", "licence": []}', "1: licence is a list"),
    ('{"prompt": "a", "licence": "x", "license": "y"}', "1: the row has both"),
    ('{"prompt": "a"}\n{"prompt": "b"}\n{"prompt": "a"}', "3: the same prompt stands in line 1"),
    ('{"prompt": "a", "id": "k"}\n{"prompt": "b", "id": "k"}', "2: id 'k' stands in line 1"),
    (f'{{"prompt": "a"}}\n{{"prompt": "b", "id": "{prompt_key("a")}"}}', "2: id '"),
    ("", " has no rows"),
    ("\n\n", " has no rows"),
]


@pytest.mark.parametrize(("content", "expected"), BAD_LINES)
def test_a_bad_line_is_named_in_one_line(tmp_path: Path, content: str, expected: str) -> None:
    path = write(tmp_path, content)
    assert refusal(path).startswith(f"{path}:{expected}")


BAD_CANDIDATES: list[tuple[Any, str]] = [
    ("x", "candidates is text"),
    ([3], "candidate 1 is a number"),
    ([{}], "candidate 1 has no files"),
    ([page(), {"files": []}], "candidate 2 has an empty list"),
    ([{"files": "x"}], "candidate 1: files is text"),
    ([{"files": ["x"]}], "candidate 1: a file is text"),
    ([{"files": [{"content": "x"}]}], "candidate 1: a file has no filename"),
    ([{"files": [{"filename": "a.html"}]}], "candidate 1: 'a.html' has no content"),
    ([page(" \n")], "candidate 1: 'index.html' is empty"),
    ([page("a\0")], "candidate 1: 'index.html' has a NUL"),
    ([{"files": page()["files"] * 2}], "candidate 1 has two files"),
    ([{"files": [*page()["files"], *page(filename="INDEX.html")["files"]]}], "candidate 1 has two files"),
    ([page(id=[])], "candidate 1: id is a list"),
    ([page(model="m\n")], "candidate 1: model has characters"),
    ([page(id="x"), page("<p>", id="x")], "candidates 1 and 2 have the same id"),
    ([page(), page()], "candidates 1 and 2 are the same page"),
    ([page(str(n)) for n in range(27)], "27 candidates"),
    ([page("x" * 1001)], "candidate 1 is 1001 bytes, over the limit of 1000"),
    *(
        ([page(filename=name)], "candidate 1: file name")
        for name in (
            "",
            "..",
            "../a",
            "/etc/passwd",
            "a/../b",
            "a\\b",
            "C:x",
            "~/x",
            "a//b",
            "./a",
            "a/",
            "a\nb",
            " ",
            "a ",
        )
    ),
]


@pytest.mark.parametrize(("candidates", "expected"), BAD_CANDIDATES)
def test_a_bad_candidate_is_named_in_one_line(tmp_path: Path, candidates: Any, expected: str) -> None:
    path = jsonl(tmp_path, {"prompt": "good"}, {"prompt": "a", "candidates": candidates})
    assert refusal(path, max_candidate_bytes=1000).startswith(f"{path}:2: {expected}")


def test_no_candidates_and_one_are_both_fine(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path, {"prompt": "a", "candidates": []}, {"prompt": "b", "candidates": [page(filename="src/a b.js")]}
    )
    assert [len(row.candidates) for row in read_prompts(path).rows] == [0, 1]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "none.jsonl")
    assert "is a folder" in refusal(tmp_path)
    assert "unknown kind of file" in refusal(write(tmp_path, "x", "prompts.txt"))
    assert "is not a regular file" in refusal("/dev/null")
    assert "not UTF-8 (byte 13)" in refusal(write(tmp_path, b'{"prompt": "\xff"}'))
    assert "not UTF-8" in refusal(write(tmp_path, '{"prompt": "a"}'.encode("utf-16")))


def test_a_row_over_the_limit_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts_file, "MAX_ROW_BYTES", 200_000)
    long = write(tmp_path, '{"prompt": "a"}\n{"prompt": "' + "x" * 300_000 + '"}')
    assert refusal(long).startswith(f"{long}:2: the line is longer than 200000 bytes")
    open_quote = write(tmp_path, 'prompt\n"' + "x\n" * 150_000, "p.csv")
    assert "the row is longer than 200000 bytes; is a quote never closed?" in refusal(open_quote)


def test_csv_rows_are_named_by_the_line_they_start_on(tmp_path: Path) -> None:
    path = write(tmp_path, 'prompt,topic\n"two\nlines",x\n\nlonely\n', "p.csv")
    assert refusal(path).startswith(f"{path}:5: the row has 1 cells, the header 2")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text\nhello\n", "1: has no column named prompt"),
        ("prompt,a,a\nx,1,2\n", "1: two columns are named 'a'"),
        ('prompt\n"open\n', "2: not CSV"),
        ('prompt\n"a"b\n', "2: not CSV"),
        ("prompt\ra\rb", "1: not CSV"),
        ("prompt,metadata\nx,easy\n", "2: metadata is not JSON"),
        ("prompt,candidates\nx,[\n", "2: candidates is not JSON"),
        ("prompt,topic\n,x\n", "2: the row has no prompt"),
        ("", " has no rows"),
        ("prompt\n", " has no rows"),
    ],
)
def test_bad_csv_is_named_in_one_line(tmp_path: Path, content: str, expected: str) -> None:
    path = write(tmp_path, content, "p.csv")
    assert refusal(path).startswith(f"{path}:{expected}")


def test_empty_csv_cells_count_as_not_given(tmp_path: Path) -> None:
    (row,) = read_prompts(write(tmp_path, "id,prompt,licence,topic\n,A,,\n", "p.csv")).rows
    assert (row.key, row.licence, row.metadata) == (prompt_key("A"), None, {})


def test_a_csv_cell_may_hold_a_page_past_the_csv_modules_own_limit(tmp_path: Path) -> None:
    candidates = json.dumps([page("x" * 200_000)]).replace('"', '""')
    (row,) = read_prompts(write(tmp_path, f'prompt,candidates\nA,"{candidates}"\n', "p.csv")).rows
    assert len(row.candidates[0].files[0].content) == 200_000


def test_bad_parquet_is_named_in_one_line(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    assert "not a Parquet file" in refusal(write(tmp_path, b"PAR1 nothing PAR1", "a.parquet"))
    path = tmp_path / "b.parquet"
    parquet.write_table(pa.table({"text": ["x"]}), path)
    assert "has no column named prompt" in refusal(path)
    parquet.write_table(pa.table({"prompt": ["a", None]}), path)
    assert refusal(path).startswith(f"{path}:2: the row has no prompt")
    parquet.write_table(pa.table({"prompt": ["a"], "raw": [b"\xff"]}), path)
    assert refusal(path).startswith(f"{path}:1: metadata cannot be written as JSON")
    broken = pa.StringArray.from_buffers(1, pa.py_buffer(bytes([0, 0, 0, 0, 1, 0, 0, 0])), pa.py_buffer(b"\xff"))
    parquet.write_table(pa.table({"prompt": broken}), path)
    assert refusal(path).startswith(f"{path}:1: cannot be read")


def test_the_first_bad_row_is_found_before_anything_is_returned(tmp_path: Path) -> None:
    path = jsonl(tmp_path, *({"prompt": f"p{n}"} for n in range(500)), {"prompt": 1})
    assert refusal(path).startswith(f"{path}:501:")


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_give_rows_or_an_input_error(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    path = tmp_path / f"any{suffix}"
    pieces = st.sampled_from([b"prompt", b"id", b",", b'"', b"\n", b'{"prompt": "a"}', b"PAR1", b"[{", b"\0", b"\xff"])
    path.write_bytes(data.draw(st.binary(max_size=200) | st.lists(pieces, max_size=20).map(b"".join)))
    try:
        found = read_prompts(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert found.rows


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    row=st.fixed_dictionaries(
        {"prompt": st.just("a") | JSON},
        optional={
            "id": JSON,
            "licence": JSON,
            "metadata": JSON,
            "candidates": JSON
            | st.lists(
                st.fixed_dictionaries(
                    {"files": JSON | st.lists(st.fixed_dictionaries({"filename": JSON, "content": JSON}))}
                )
            ),
            "other": JSON,
        },
    )
)
def test_any_object_gives_a_row_or_an_input_error(tmp_path: Path, row: dict[str, Any]) -> None:
    path = write(tmp_path, json.dumps(row))
    try:
        found = read_prompts(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        orjson.dumps(found.rows[0].model_dump(mode="json"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_damaged_parquet_file_gives_rows_or_an_input_error(tmp_path: Path, position: int, value: int) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "damaged.parquet"
    times = pa.array([1000, 2000], pa.timestamp("ns", tz="UTC"))
    parquet.write_table(pa.table({"prompt": ["é", "b"], "at": times}), path)
    content = bytearray(path.read_bytes())
    content[position % len(content)] = value
    path.write_bytes(content)
    try:
        read_prompts(path)
    except InputError as error:
        assert "\n" not in str(error)
