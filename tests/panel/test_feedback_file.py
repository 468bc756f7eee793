"""Feedback files: what a line may say, and which candidate a name means."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refine.errors import FeedbackError, InputError
from refine.panel.feedback_file import FeedbackLine, check_ranking, read_feedback, resolve, submission_key
from refine.types import CodeFile, CritiqueIn, OpenRound, RankingIn, RegionAnchor, ShownCandidate

ULIDS = tuple(f"01HZY0000000000000000000{n:02d}" for n in range(1, 5))
HASHES = ("a" * 64, "b" * 64, "abcdefabcdef" + "0" * 52, "abcdefabcdef" + "1" * 52)
LINE: dict[str, Any] = {"prompt_id": "p1", "round": 1, "labeler": "ann", "ranking": [["c1"], ["c2", "c3"]]}


def open_round(given_ids: tuple[str | None, ...] = ("first", None, None, None)) -> OpenRound:
    return OpenRound(
        id="01HZYROUND0000000000000001",
        chain="chain",
        project="project",
        number=1,
        kind="normal",
        prompt_key="p1",
        prompt="A quiz",
        instructions="",
        wanted=2,
        received=0,
        candidates=tuple(
            ShownCandidate(
                id=ulid,
                position=n,
                given_id=given_id,
                content_sha256=sha256,
                files=(CodeFile(filename="index.html", content="<p>"),),
            )
            for n, (ulid, given_id, sha256) in enumerate(zip(ULIDS, given_ids, HASHES, strict=True), start=1)
        ),
        seen_by=frozenset(),
    )


def line(**changes: Any) -> FeedbackLine:
    return FeedbackLine.model_validate(LINE | changes)


def write(folder: Path, *lines: Any) -> Path:
    path = folder / "feedback.jsonl"
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_feedback(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_full_line_is_read_as_it_stands(tmp_path: Path) -> None:
    anchor = {"kind": "region", "box": [1, 2, 3, 4], "viewport": [800, 600]}
    critiques = [
        {"candidate": "c1", "text": "Zu eng — 狭い", "anchor": anchor},
        {"candidate": "c2", "text": "x", "anchor": None},
    ]
    path = write(
        tmp_path, LINE | {"unjudgeable": ["c4"], "critiques": critiques, "key": "k", "active_s": 12, "made_by": "judge"}
    )
    ((number, found),) = read_feedback(path)
    assert (number, found.ranking, found.unjudgeable) == (1, (("c1",), ("c2", "c3")), ("c4",))
    assert found.critiques[0].text == "Zu eng — 狭い"
    assert isinstance(found.critiques[0].anchor, RegionAnchor)
    assert (found.key, found.active_s, found.made_by) == ("k", 12.0, "judge")


def test_a_plain_name_is_a_group_of_one() -> None:
    assert line(ranking=["c1", ["c2", "c3"]]).ranking == line().ranking


def test_the_key_of_a_line_depends_on_its_content_and_not_on_its_spelling() -> None:
    assert line().key == line(ranking=["c1", ["c2", "c3"]], critiques=[], key=None).key
    others = [line(prompt_id="p2"), line(round=2), line(round="audit"), line(labeler="bob"), line(ranking=["c1"])]
    assert len({each.key for each in [line(), *others]}) == 6


def test_the_key_handed_in_differs_between_rounds_so_that_a_file_serves_two_projects() -> None:
    assert submission_key(line(), "round-a") == submission_key(line(), "round-a") != submission_key(line(), "round-b")


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    assert read_feedback(write(tmp_path)) == []


def test_a_number_as_prompt_id_is_taken_as_text() -> None:
    assert line(prompt_id=7).prompt_id == "7"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"round": 0}, "round: "),
        ({"round": True}, "round: "),
        ({"round": "final"}, "round: should be a number from 1 or the word audit"),
        ({"labeler": ""}, "labeler: is empty"),
        ({"labeler": "a\u202eb"}, "labeler: has characters"),
        ({"labeler": "x" * 201}, "labeler: "),
        ({"ranking": None}, "ranking: "),
        ({"ranking": "c1"}, "ranking: "),
        ({"ranking": [[]]}, "ranking.0: "),
        ({"ranking": [[1]]}, "ranking.0.0: "),
        ({"ranking": ["c1"] * 101}, "ranking: "),
        ({"ranking": []}, "no candidate is ranked or unjudgeable"),
        ({"rankings": []}, "rankings: "),
        ({"made_by": "robot"}, "made_by: "),
        ({"active_s": -1}, "active_s: "),
        ({"key": " "}, "key: is empty"),
        ({"critiques": [{"candidate": "c1", "text": "x" * 20_001}]}, "critiques.0.text: "),
        ({"critiques": [{"candidate": "c1", "text": "a\0"}]}, "critiques.0: the critique's text has a NUL"),
        ({"critiques": [{"candidate": "c1", "text": " "}]}, "critiques.0: the critique has neither"),
        ({"critiques": [{"candidate": "c1", "text": "a", "anchor": {"kind": "a\nb"}}]}, "critiques.0.anchor: "),
        ({"critiques": [{"candidate": "c1", "text": "a"}] * 501}, "critiques: "),
    ],
)
def test_a_line_that_says_something_wrong_is_named(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    path = write(tmp_path, LINE | {"labeler": "bob"}, LINE | changes)
    assert refusal(path).startswith(f"{path}:2: {expected}")


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "none.jsonl")
    path = write(tmp_path, LINE, "{")
    assert refusal(path).startswith(f"{path}:2: not JSON")
    assert refusal(write(tmp_path, "3")).startswith(f"{path}:1: the line is a number")


def test_a_line_over_the_limit_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, '{"prompt_id": "' + "x" * 9_000_000 + '"}')
    assert refusal(path).startswith(f"{path}:1: the line is longer than")


def test_a_repeated_line_counts_once_and_a_reused_key_is_refused(tmp_path: Path) -> None:
    assert [number for number, _ in read_feedback(write(tmp_path, LINE, LINE))] == [1]
    path = write(tmp_path, LINE | {"key": "k"}, LINE | {"labeler": "bob", "key": "k"})
    assert refusal(path).startswith(f"{path}:2: key 'k' stands in line 1 for another ranking")
    read_feedback(write(tmp_path, LINE | {"key": "k"}, LINE | {"round": 2, "key": "k"}))


def test_two_rankings_of_one_round_by_one_labeler_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, LINE, LINE | {"ranking": ["c2", "c1"]})
    assert "'ann' ranked round 1 of 'p1' in line 1 already" in refusal(path)


def test_a_line_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text(json.dumps(LINE) + '\n{"prompt_id": "p')
    assert len(read_feedback(path, is_growing=True)) == 1
    assert "f.jsonl:2: not JSON" in refusal(path)
    path.write_text(json.dumps(LINE) + "\n{\n")
    with pytest.raises(InputError):
        read_feedback(path, is_growing=True)


# --- Names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["c1", "first", ULIDS[0], ULIDS[0].lower(), "a" * 12, "A" * 20, "a" * 64])
def test_a_candidate_is_found_under_each_of_its_names(name: str) -> None:
    assert resolve(line(ranking=[name]), open_round()) == RankingIn(groups=((ULIDS[0],),))


@pytest.mark.parametrize("name", ["c5", "c0", "c01", "C1", "c¹", "second", "a" * 11, "", "a" * 65, "c1 "])
def test_an_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(FeedbackError) as caught:
        resolve(line(ranking=["c2", name]), open_round())
    assert f"no candidate {repr(name)[:50]}" in str(caught.value)
    assert f"c1 (first), c2 ({'b' * 12})" in str(caught.value)


def test_a_hash_that_fits_two_candidates_is_refused_until_it_is_long_enough() -> None:
    with pytest.raises(FeedbackError, match="could be"):
        resolve(line(ranking=["abcdefabcdef"]), open_round())
    assert resolve(line(ranking=["abcdefabcdef1"]), open_round()).groups == ((ULIDS[3],),)


def test_an_id_that_is_another_candidates_position_is_refused_rather_than_guessed() -> None:
    with pytest.raises(FeedbackError, match="could be"):
        resolve(line(ranking=["c2"]), open_round(("c2", None, None, None)))
    assert resolve(line(ranking=["c2"]), open_round((None, "c2", None, None))).groups == ((ULIDS[1],),)


def test_critiques_and_unjudgeable_candidates_are_resolved_too() -> None:
    found = resolve(
        line(ranking=["c1"], unjudgeable=["c2"], critiques=[{"candidate": "c3", "text": "t"}]), open_round()
    )
    assert found.unjudgeable == (ULIDS[1],)
    assert found.critiques == (CritiqueIn(candidate=ULIDS[2], text="t"),)
    with pytest.raises(FeedbackError, match="no candidate 'c9'"):
        resolve(line(critiques=[{"candidate": "c9", "text": "t"}]), open_round())


def test_one_candidate_under_two_names_still_stands_twice() -> None:
    for changes in ({"ranking": ["c1", "first"]}, {"ranking": ["c1"], "unjudgeable": ["first"]}):
        with pytest.raises(FeedbackError, match="stands twice"):
            resolve(line(**changes), open_round())


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        (RankingIn(groups=()), "no candidate is ranked"),
        (RankingIn(groups=((),), unjudgeable=("a",)), "a tie group is empty"),
        (RankingIn(groups=(("a", "a"),)), "stands twice"),
        (RankingIn(groups=(("z",),)), "no candidate 'z' in this round; known: a, b"),
        (RankingIn(groups=(("a",),), critiques=(CritiqueIn(candidate="z", text="t"),)), "no candidate 'z'"),
        (RankingIn(groups=(("a",),), critiques=(CritiqueIn(candidate="a", text="\0"),)), "NUL"),
    ],
)
def test_a_ranking_that_does_not_fit_is_refused(ranking: RankingIn, expected: str) -> None:
    with pytest.raises(FeedbackError, match=expected):
        check_ranking(ranking, {"a", "b"})


def test_a_partial_ranking_and_one_of_nothing_but_unjudgeable_candidates_fit() -> None:
    check_ranking(RankingIn(groups=(("b",),)), {"a", "b"})
    check_ranking(RankingIn(groups=(), unjudgeable=("a", "b")), {"a", "b"})


def test_the_longest_line_that_is_allowed_is_read_quickly(tmp_path: Path) -> None:
    critiques = [{"candidate": "c1", "text": "((((" * 4_000}] * 500
    path = write(tmp_path, LINE | {"critiques": critiques})
    started = time.process_time()
    ((_, found),) = read_feedback(path)
    resolve(found, open_round())
    assert time.process_time() - started < 2


# --- Anything at all ----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from([*FeedbackLine.model_fields, "x"]), JSON, max_size=3))
def test_any_object_gives_a_line_or_an_input_error(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = write(tmp_path, LINE | changes)
    try:
        lines = read_feedback(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        try:
            resolve(lines[0][1], open_round())
        except FeedbackError as error:
            assert "\n" not in str(error)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: json.dumps(text).encode()))
def test_any_bytes_give_lines_or_an_input_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.jsonl"
    path.write_bytes(content)
    try:
        read_feedback(path)
    except InputError as error:
        assert "\n" not in str(error)


def test_every_field_and_the_example_in_the_documentation_hold() -> None:
    doc = (Path(__file__).parents[2] / "docs" / "input-files.md").read_text(encoding="utf-8")
    assert [name for name in FeedbackLine.model_fields if f"| `{name}` |" not in doc] == []
    (example,) = (each for each in doc.splitlines() if each.startswith('{"prompt_id"'))
    assert FeedbackLine.model_validate_json(example).key == "any-unique-string"
