"""The import panel against a desk that works as the store's does."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import refine
from refine.errors import FeedbackError, InputError
from refine.panel import open_panel
from refine.panel.feedback_file import check_ranking
from refine.panel.import_file import ImportPanel
from refine.panel.people import PeoplePanel
from refine.settings import ProjectSettings
from refine.types import Assignment, CodeFile, MadeBy, OpenRound, RankingIn, RoundKind, ShownCandidate

LINE: dict[str, Any] = {"prompt_id": "p1", "round": 1, "labeler": "ann", "ranking": ["c1", "c2"]}


class MemoryDesk:
    """Takes rankings into memory; gives no lease once `places` labelers hold one."""

    def __init__(self, places: int = 10) -> None:
        self.places = places
        self.leased: dict[tuple[str, str], str] = {}
        self.taken: dict[str, tuple[str, RankingIn, MadeBy, float | None]] = {}

    async def lease_assignment(self, *, round_id: str, labeler: str, made_by: MadeBy) -> Assignment | None:
        key = (round_id, labeler)
        if key not in self.leased and len(self.leased) >= self.places:
            return None
        self.leased.setdefault(key, f"{round_id}/{labeler}")
        return Assignment(
            id=self.leased[key],
            round=round_id,
            chain="chain",
            prompt="",
            instructions="",
            labeler=labeler,
            candidates=("A", "B"),
            lease_expires_at=datetime.now(UTC),
        )

    async def submit_ranking(
        self, *, assignment_id: str, ranking: RankingIn, made_by: MadeBy, key: str, active_s: float | None = None
    ) -> bool:
        check_ranking(ranking, {"A", "B"})
        if key in self.taken:
            return False
        self.taken[key] = (assignment_id, ranking, made_by, active_s)
        return True

    @property
    def labelers(self) -> list[str]:
        return [assignment_id.split("/")[1] for assignment_id, *_ in self.taken.values()]


def open_round(number: int = 1, kind: RoundKind = "normal", **changes: Any) -> OpenRound:
    files = (CodeFile(filename="index.html", content="<p>"),)
    whole = OpenRound(
        id=f"round-{number}",
        chain="chain",
        project="project",
        number=number,
        kind=kind,
        prompt_key="p1",
        prompt="A quiz",
        instructions="",
        wanted=1,
        received=0,
        candidates=(
            ShownCandidate(id="A", position=1, given_id=None, content_sha256="a" * 64, files=files),
            ShownCandidate(id="B", position=2, given_id=None, content_sha256="b" * 64, files=files),
        ),
        seen_by=frozenset(),
    )
    return replace(whole, **changes)


def write(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feedback.jsonl"


async def test_a_round_gets_its_own_lines_and_no_others(path: Path) -> None:
    write(path, LINE, LINE | {"round": 2, "labeler": "bob"}, LINE | {"prompt_id": "p2", "labeler": "cy"})
    desk = MemoryDesk()
    await ImportPanel(path).fill(open_round(), desk)
    assert list(desk.taken.values()) == [("round-1/ann", RankingIn(groups=(("A",), ("B",))), "person", None)]


async def test_the_audit_round_gets_the_lines_marked_audit(path: Path) -> None:
    write(path, LINE | {"round": 4, "labeler": "bob"}, LINE | {"round": "audit", "made_by": "judge", "active_s": 3})
    desk = MemoryDesk()
    await ImportPanel(path).fill(open_round(4, "audit"), desk)
    assert [(who, made_by, active_s) for who, _, made_by, active_s in desk.taken.values()] == [
        ("round-4/ann", "judge", 3)
    ]


async def test_filling_twice_hands_in_once(path: Path) -> None:
    desk = MemoryDesk()
    panel = ImportPanel(write(path, LINE))
    await panel.fill(open_round(), desk)
    await panel.fill(open_round(), desk)
    assert desk.labelers == ["ann"]


async def test_lines_beyond_the_wanted_number_go_in_while_the_desk_gives_leases(path: Path) -> None:
    write(path, *(LINE | {"labeler": name} for name in ("ann", "bob", "cy")))
    desk = MemoryDesk(places=2)
    await ImportPanel(path).fill(open_round(wanted=1), desk)
    assert desk.labelers == ["ann", "bob"]


async def test_a_labeler_whose_lease_was_cut_off_by_a_crash_is_handed_in(path: Path) -> None:
    desk = MemoryDesk(places=1)
    await desk.lease_assignment(round_id="round-1", labeler="ann", made_by="person")
    await ImportPanel(write(path, LINE)).fill(open_round(seen_by=frozenset({"ann"})), desk)
    assert desk.labelers == ["ann"]


async def test_appended_lines_are_seen_and_half_written_ones_wait(path: Path) -> None:
    desk = MemoryDesk()
    panel = ImportPanel(write(path, LINE))
    await panel.fill(open_round(), desk)
    with path.open("a") as file:
        file.write(json.dumps(LINE | {"labeler": "bob"}) + '\n{"prompt')
    await panel.fill(open_round(), desk)
    assert desk.labelers == ["ann", "bob"]
    with path.open("a") as file:
        file.write(json.dumps(LINE | {"labeler": "cy"}).removeprefix('{"prompt') + "\n")
    await panel.fill(open_round(), desk)
    assert desk.labelers == ["ann", "bob", "cy"]


async def test_a_change_of_the_same_length_is_seen(path: Path) -> None:
    panel = ImportPanel(write(path, LINE))
    write(path, LINE | {"labeler": "bob"})
    os.utime(path, ns=(1, 1))
    desk = MemoryDesk()
    await panel.fill(open_round(), desk)
    assert desk.labelers == ["bob"]


async def test_a_file_that_goes_away_is_an_input_error(path: Path) -> None:
    panel = ImportPanel(write(path, LINE))
    path.unlink()
    with pytest.raises(InputError, match="there is no such file"):
        await panel.fill(open_round(), MemoryDesk())


async def test_an_unknown_candidate_is_named_with_file_and_line_and_nothing_is_handed_in(path: Path) -> None:
    write(path, LINE, LINE | {"labeler": "bob", "ranking": ["c1", "c7"]})
    desk = MemoryDesk()
    with pytest.raises(FeedbackError) as caught:
        await ImportPanel(path).fill(open_round(), desk)
    assert str(caught.value).startswith(f"{path}:2: no candidate 'c7' in this round; known: c1")
    assert desk.taken == {}


async def test_what_the_desk_refuses_is_named_with_file_and_line(path: Path) -> None:
    class StrictDesk(MemoryDesk):
        async def lease_assignment(self, *, round_id: str, labeler: str, made_by: MadeBy) -> Assignment | None:
            if labeler == "bob":
                raise FeedbackError("labeler 'bob' is disabled")
            return await super().lease_assignment(round_id=round_id, labeler=labeler, made_by=made_by)

    desk = StrictDesk()
    with pytest.raises(FeedbackError) as caught:
        await ImportPanel(write(path, LINE, LINE | {"labeler": "bob"})).fill(open_round(), desk)
    assert str(caught.value) == f"{path}:2: labeler 'bob' is disabled"
    assert desk.labelers == ["ann"]


def test_lines_for_prompts_that_the_project_does_not_have_are_named(path: Path) -> None:
    panel = ImportPanel(write(path, LINE, LINE | {"prompt_id": "p9"}, LINE | {"prompt_id": "p8"}))
    with pytest.raises(FeedbackError) as caught:
        panel.validate({"p1"})
    assert str(caught.value).startswith(f"{path}:2: the project has no prompt 'p9'")
    panel.validate({"p1", "p8", "p9", "p10"})


def test_the_settings_choose_the_panel(path: Path) -> None:
    assert isinstance(open_panel(ProjectSettings(panel="people")), PeoplePanel)
    assert isinstance(open_panel(ProjectSettings(panel=f"import:{write(path, LINE)}")), ImportPanel)
    with pytest.raises(InputError, match="there is no such file"):
        open_panel(ProjectSettings(panel="import:/nowhere/f.jsonl"))
    with pytest.raises(InputError, match="unknown panel 'judge:m'"):
        open_panel(ProjectSettings.model_construct(panel="judge:m"))


async def test_people_are_left_to_come_by_themselves() -> None:
    desk = MemoryDesk()
    await PeoplePanel().fill(open_round(), desk)
    assert (desk.leased, desk.taken) == ({}, {})


def test_importing_panels_and_exports_loads_nothing_heavy() -> None:
    code = (
        "import sys, refine.panel, refine.panel.import_file, refine.export\n"
        "heavy = {'numpy', 'pyarrow', 'litellm', 'openai', 'jinja2', 'langgraph', 'sqlalchemy', 'sqlmodel'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    root = Path(refine.__file__).parents[1]
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout.strip() == "[]"
