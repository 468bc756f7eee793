"""Controls that the model makes: recorded, proven, and replaced by a program's where nothing comes of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from refine import Refiner
from refine.api.browser import Browser
from refine.api.replay import replay_chain
from refine.errors import ModelFailed, ModelUnreachable
from refine.llm.scripted import ScriptedClient
from refine.prompts import read_header
from refine.settings import ProjectSettings
from refine.types import CodeFile, Files, Finding, MadeControl, ModelReply, ModelRequest, ProposedControl
from store.calls import load_calls
from store.candidates import load_candidates, load_files
from store.chains import list_chains, load_chain
from store.controls import StoredControl, load_controls
from store.database import Database
from store.opening import open_database
from store.verify import verify_database

SETTINGS: dict[str, Any] = {"panel": "people", "control_share": 0.5, "candidates": 3, "rounds": 1}
PROMPT = "A quiz about rivers with ten questions that tells the score at the end"


class Believing:
    """Takes every copy for proven, or none; by itself it spoils the first heading."""

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.proposed: list[ProposedControl] = []

    async def make_control(self, files: Files, *, seed: int, weights: Mapping[str, float]) -> MadeControl | None:
        page = files[0]
        spoilt = CodeFile(filename=page.filename, content=page.content.replace("<h1>", "<h1>Teh ", 1))
        return MadeControl(
            files=(spoilt, *files[1:]), operator="typo", channel="content", severity=0.1, record={"format": 1}
        )

    async def prove_control(self, files: Files, proposed: ProposedControl, *, seed: int) -> MadeControl | str:
        self.proposed.append(proposed)
        if self.refusal:
            return self.refusal
        return MadeControl(
            files=proposed.files,
            operator=proposed.operator,
            channel=proposed.channel,
            severity=proposed.severity,
            record=dict(proposed.record),
        )


class Asked(ScriptedClient):
    """The scripted model, which says what it was asked, and fails where it is told to."""

    def __init__(self, failing: str = "") -> None:
        super().__init__()
        self.failing = failing
        self.templates: list[str] = []

    async def complete(self, request: ModelRequest) -> ModelReply:
        header = read_header(request.messages[0].text)
        self.templates.append(header[0] if header else "")
        if self.failing and self.templates[-1] == self.failing:
            raise ModelFailed("it is asleep")
        return await super().complete(request)

    def count(self, *names: str) -> int:
        return sum(name in names for name in self.templates)


async def run(path: Path, client: Asked, maker: Any, **settings: Any) -> str:
    async with Refiner.open(
        path, project="p", client=client, control_maker=maker, **{**SETTINGS, "browser_checks": False, **settings}
    ) as refiner:
        chain = await refiner.start(PROMPT)
        await refiner.wait()
        return chain.id


def control_of(database: Database, chain: str) -> StoredControl:
    (control,) = database.read(load_controls, database.read(load_chain, chain).key)
    return control


@pytest.mark.parametrize(
    ("settings", "operator", "steps"),
    [
        ({"written_controls": 1.0}, "written", {"perturb"}),
        ({"variation_controls": 1.0}, "variation", {"vary", "variation"}),
    ],
)
async def test_what_the_model_makes_is_in_the_ledger_and_comes_out_again_at_a_replay(
    tmp_path: Path, settings: dict[str, Any], operator: str, steps: set[str]
) -> None:
    client, maker = Asked(), Believing()
    chain = await run(tmp_path / "a.db", client, maker, **settings)
    with open_database(tmp_path / "a.db") as database:
        control = control_of(database, chain)
        assert (control.operator, len(maker.proposed)) == (operator, 1)
        key = database.read(load_chain, chain).key
        calls = database.read(load_calls, key)
        assert {call.step for call in calls} == {"draft", *steps}
        candidate = next(
            it for it in database.read(load_candidates, key, controls=True) if it.key == control.candidate_key
        )
        assert candidate.kind == "control" and candidate.call_key is not None
        assert candidate.parent_key == control.original_key
        files = database.read(load_files, control.candidate_key)
        assert files == maker.proposed[0].files != database.read(load_files, control.original_key)
        report = replay_chain(database, chain)
        assert report.is_identical and report.candidates == 4
        assert verify_database(database).is_ok


async def test_a_replay_notices_a_reply_that_makes_another_control(tmp_path: Path) -> None:
    from sqlalchemy import select, update

    from store.tables import MODEL_CALL

    chain = await run(tmp_path / "a.db", Asked(), Believing(), written_controls=1.0)
    with open_database(tmp_path / "a.db") as database:
        database.write_now(
            lambda connection: connection.execute(
                update(MODEL_CALL)
                .where(MODEL_CALL.c.step == "perturb")
                .values(reply=select(MODEL_CALL.c.reply).where(MODEL_CALL.c.step == "draft").limit(1).scalar_subquery())
            )
        )
        (differing,) = replay_chain(database, chain).differing
        assert "nothing could be made" in differing.why


@pytest.mark.parametrize(
    ("client", "maker", "why"),
    [
        (Asked(), Believing("no_difference"), "written: no_difference"),
        (Asked("perturb"), Believing(), "written: the model failed: it is asleep"),
    ],
    ids=["refused", "failed"],
)
async def test_a_program_makes_the_control_where_nothing_comes_of_the_models(
    tmp_path: Path, client: Asked, maker: Believing, why: str
) -> None:
    chain = await run(tmp_path / "a.db", client, maker, written_controls=1.0)
    with open_database(tmp_path / "a.db") as database:
        control = control_of(database, chain)
        assert control.operator == "typo" and control.record["instead_of"] == why
        assert replay_chain(database, chain).is_identical


class Strict:
    """Passes only drafts of the prompt as it was given: what was made for another is broken."""

    def __init__(self, passed: int) -> None:
        self.left = passed

    async def check(self, files: Files) -> tuple[Finding, ...]:
        self.left -= 1
        return (Finding(name="browser.blank", passed=self.left >= 0, detail="it is blank"),)


async def test_a_page_of_a_varied_prompt_has_to_pass_the_checks(tmp_path: Path) -> None:
    maker = Believing()
    path = tmp_path / "a.db"
    async with Refiner.open(
        path,
        project="p",
        client=Asked(),
        control_maker=maker,
        checker=Strict(6),  # each draft is looked at when it is made, and when the round is opened
        **{**SETTINGS, "variation_controls": 1.0},
    ) as refiner:
        chain = await refiner.start(PROMPT)
        await refiner.wait()
        control = control_of(refiner.database, chain.id)
    assert control.operator == "typo" and not maker.proposed
    assert control.record["instead_of"] == "variation: a check did not pass: browser.blank"


async def test_a_chain_taken_up_again_pays_for_no_call_twice(tmp_path: Path) -> None:
    """The run stops between the model's reply and the round."""

    class Dying(Believing):
        async def prove_control(self, files: Files, proposed: ProposedControl, *, seed: int) -> MadeControl | str:
            raise ModelUnreachable("the run stops here")

    client = Asked()
    path = tmp_path / "a.db"
    with pytest.raises(ModelUnreachable, match="stops here"):
        await run(path, client, Dying(), written_controls=1.0)
    before = len(client.templates)
    async with Refiner.open(
        path,
        project="p",
        client=client,
        control_maker=Believing(),
        **{**SETTINGS, "browser_checks": False, "written_controls": 1.0},
    ) as refiner:
        await refiner.start(PROMPT)
        await refiner.wait()
        (chain,) = refiner.database.read(list_chains, project="p", limit=9)
        assert control_of(refiner.database, chain.record.id).operator == "written"
    assert len(client.templates) == before and client.count("perturb") == 1


def test_shares_are_off_for_the_scripted_model_and_simulations_and_leave_room_for_each_other() -> None:
    real = {"model": "openai/x", "panel": "people"}
    assert ProjectSettings(**real).share_of_written_controls == 0.1
    assert ProjectSettings(**real, variation_controls=1.0).share_of_written_controls == 0.0
    assert ProjectSettings(**real, kind="rank").share_of_written_controls == 0.0
    assert ProjectSettings(model="openai/x").share_of_written_controls == 0.0
    assert ProjectSettings(panel="people").share_of_written_controls == 0.0
    assert ProjectSettings(written_controls=0.4, variation_controls=0.6).share_of_written_controls == 0.4
    with pytest.raises(ValueError, match="more than all"):
        ProjectSettings(written_controls=0.5, variation_controls=0.6)


async def test_in_a_real_browser_a_written_flaw_is_proven_as_any_other(tmp_path: Path) -> None:
    browser = Browser.open()
    try:
        chain = await run(tmp_path / "a.db", Asked(), browser, written_controls=1.0)
    finally:
        await browser.aclose()
    with open_database(tmp_path / "a.db") as database:
        control = control_of(database, chain)
    assert control.record["is_proven"] is True
    assert control.operator == "written", control.record.get("instead_of")
    assert control.channel in control.record["proof"]["channels"]
