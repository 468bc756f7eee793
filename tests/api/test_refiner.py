"""Refiner: starting, following, feedback, steering."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from refine import Refiner
from refine.api.replay import replay_chain
from refine.api.story import load_story
from refine.errors import FeedbackError, InputError, ModelMisconfigured, RefineError, SettingsChanged
from refine.perturb import find_flaws
from refine.types import CodeFile, GivenCandidate, PromptIn
from store.forks import fork_chain
from store.verify import verify_database

QUIZ = "Create an interactive quiz about data packets"


@pytest.fixture
async def people(tmp_path: Path) -> AsyncIterator[Refiner]:
    async with Refiner.open(tmp_path / "people.db", panel="people", rankings_per_round=2, candidates=3) as refiner:
        yield refiner


def ranking(round: int | str, labeler: str, order: list[Any], **more: Any) -> dict[str, Any]:
    return {"prompt_id": "quiz", "round": round, "labeler": labeler, "ranking": order, **more}


def critiques_of(refiner: Refiner, chain_id: str, position: int) -> list[dict[str, str]]:
    """True critiques, in words the scripted model knows, of the candidate on show at that position."""
    chain = load_story(refiner.database, chain_id).chain
    shown = chain.rounds[-1].shown[position - 1]
    (candidate,) = (it for it in chain.candidates if it.id == shown)
    return [
        {"candidate": f"c{position}", "text": flaw.phrases[0]}
        for flaw in find_flaws([it.content for it in candidate.files])
    ]


async def wait_for_round(refiner: Refiner, chain_id: str, number: int) -> None:
    async with asyncio.timeout(20):
        while (chain := refiner.chain(chain_id)).round < number or chain.state not in ("waiting", "ended", "audit"):
            await asyncio.sleep(0.02)


async def test_a_simulated_chain_runs_to_its_end_and_its_store_verifies(tmp_path: Path) -> None:
    async with Refiner.open(tmp_path / "a.db", rounds=2, audit_share=1.0) as refiner:
        chain = await refiner.start(QUIZ)
        progress = await refiner.wait()
        ended = refiner.chain(chain.id)
        findings = verify_database(refiner.database).findings
    assert (ended.state, progress.done, list(findings)) == ("ended", 1, [])


async def test_following_yields_every_event_once_and_ends_with_the_chain(tmp_path: Path) -> None:
    async with Refiner.open(tmp_path / "a.db", rounds=2, audit_share=0) as refiner:
        chain = await refiner.start(QUIZ)
        events = [event async for event in refiner.follow(chain.id)]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [events[0].type, events[-1].type] == ["chain_created", "chain_stopped"]


async def test_the_same_seed_gives_the_same_chain(tmp_path: Path) -> None:
    async def run(name: str) -> list[Any]:
        async with Refiner.open(tmp_path / name, rounds=3, seed=5) as refiner:
            chain = await refiner.start(QUIZ)
            await refiner.wait()
            story = load_story(refiner.database, chain.id)
            shas = [candidate.content_sha256 for candidate in story.chain.candidates]
            return [shas, story.winners, refiner.chain(chain.id).stop_reason]

    assert await run("one.db") == await run("two.db")


async def test_a_chain_for_people_waits_and_goes_on_at_once_when_its_round_is_full(people: Refiner) -> None:
    chain = await people.start(QUIZ, key="quiz")
    progress = await people.wait()
    assert (progress.waiting, people.chain(chain.id).state) == (1, "waiting")
    critiques = critiques_of(people, chain.id, 2)
    lines = [ranking(1, name, [["c2"], ["c1", "c3"]], critiques=critiques) for name in ("ann", "ben")]
    assert await people.submit_feedback(lines) == 2
    await wait_for_round(people, chain.id, 2)
    story = load_story(people.database, chain.id)
    second = next(candidate for candidate in story.chain.rounds[0].shown if story.names[candidate] == story.winners[0])
    assert story.chain.incumbent == second
    assert second in story.chain.rounds[1].shown


async def test_feedback_handed_in_twice_is_stored_once(people: Refiner) -> None:
    await people.start(QUIZ, key="quiz")
    await people.wait()
    line = ranking(1, "ann", [["c1"], ["c2"], ["c3"]], key="once")
    assert [await people.submit_feedback([line]), await people.submit_feedback([line])] == [1, 0]


async def test_one_bad_line_keeps_all_of_them_out(people: Refiner) -> None:
    chain = await people.start(QUIZ, key="quiz")
    await people.wait()
    lines = [ranking(1, "ann", [["c1"], ["c2"]]), ranking(1, "ben", [["c9"]])]
    with pytest.raises(FeedbackError, match=r"line 2: .*c9"):
        await people.submit_feedback(lines)
    assert load_story(people.database, chain.id).chain.rounds[0].rankings == ()


async def test_feedback_for_a_round_that_is_not_there_yet_is_refused(people: Refiner) -> None:
    await people.start(QUIZ, key="quiz")
    await people.wait()
    with pytest.raises(FeedbackError, match="no round 7"):
        await people.submit_feedback([ranking(7, "ann", [["c1"]])])


async def test_two_rounds_without_a_critique_end_a_chain(people: Refiner) -> None:
    chain = await people.start(QUIZ, key="quiz")
    await people.wait()
    await people.submit_feedback([ranking(1, name, [["c1"], ["c2"], ["c3"]]) for name in ("ann", "ben")])
    await wait_for_round(people, chain.id, 2)
    kinds = {candidate.kind for candidate in load_story(people.database, chain.id).chain.candidates}
    await people.submit_feedback([ranking(2, name, [["c1"], ["c2"]]) for name in ("ann", "ben")])
    async with asyncio.timeout(20):
        while people.chain(chain.id).state != "ended":
            await asyncio.sleep(0.02)
    assert kinds == {"draft"}
    assert people.chain(chain.id).stop_reason == "nothing_left"


async def test_a_paused_chain_takes_no_step_until_it_is_resumed(people: Refiner) -> None:
    chain = await people.start(QUIZ, key="quiz")
    await people.wait()
    critiques = critiques_of(people, chain.id, 1)
    await people.submit_feedback([ranking(1, "ann", [["c1"], ["c2"]], critiques=critiques)])
    await people.pause(chain.id)
    # Work that is done is taken all the same: the chain is paused, not the person.
    assert await people.submit_feedback([ranking(1, "ben", [["c1"], ["c2"]])]) == 1
    await asyncio.sleep(0.6)
    assert people.chain(chain.id).round == 1
    await people.resume(chain.id)
    await wait_for_round(people, chain.id, 2)
    assert people.chain(chain.id).round == 2


async def test_late_feedback_is_kept_and_leaves_plan_and_replay_as_they_were(people: Refiner) -> None:
    chain = await people.start(QUIZ, key="quiz")
    await people.wait()
    critiques = critiques_of(people, chain.id, 1)
    lines = [ranking(1, name, [["c1"], ["c2"], ["c3"]], critiques=critiques) for name in ("ann", "ben")]
    late = ranking(1, "aaa", [["c1"], ["c2"]], critiques=[{"candidate": "c1", "text": "And make it blue."}])
    await people.submit_feedback(lines)
    await wait_for_round(people, chain.id, 2)
    assert await people.submit_feedback([late]) == 1
    assert replay_chain(people.database, chain.id).differing == ()
    assert len(load_story(people.database, chain.id).chain.rounds[0].rankings) == 3
    assert verify_database(people.database).findings == ()


async def test_a_labeler_ranks_a_round_once(people: Refiner) -> None:
    await people.start(QUIZ, key="quiz")
    await people.wait()
    await people.submit_feedback([ranking(1, "ann", [["c1"], ["c2"]])])
    with pytest.raises(FeedbackError, match="'ann' has ranked round 1 of prompt 'quiz' already"):
        await people.submit_feedback([ranking(1, "ann", [["c2"], ["c1"]])])


async def test_a_fork_takes_only_feedback_that_names_it(people: Refiner) -> None:
    chain = await people.start(QUIZ, key="quiz")
    await people.wait()
    critiques = critiques_of(people, chain.id, 1)
    lines = [ranking(1, name, [["c1"], ["c2"], ["c3"]], critiques=critiques) for name in ("ann", "ben")]
    await people.submit_feedback(lines)
    await wait_for_round(people, chain.id, 2)
    fork = await people.fork(chain.id, round=1)
    await wait_for_round(people, fork.id, 2)
    await people.submit_feedback([ranking(2, "ann", [["c1"], ["c2"]])])
    await people.submit_feedback([ranking(2, "ann", [["c1"], ["c2"]], chain=fork.id)])
    received = [len(load_story(people.database, it).chain.rounds[1].rankings) for it in (chain.id, fork.id)]
    assert received == [1, 1]


async def test_a_fork_begins_with_the_page_that_a_person_pinned(people: Refiner) -> None:
    chain = await people.start(QUIZ, key="quiz")
    await people.wait()
    shown = load_story(people.database, chain.id).chain.rounds[0].shown
    await people.pin(chain.id, shown[2])
    critiques = critiques_of(people, chain.id, 3)
    lines = [ranking(1, name, [["c1"], ["c2"], ["c3"]], critiques=critiques) for name in ("ann", "ben")]
    await people.submit_feedback(lines)
    await wait_for_round(people, chain.id, 2)
    fork = await people.fork(chain.id, round=1)
    pages = {it.id: it.content_sha256 for it in load_story(people.database, chain.id).chain.candidates}
    forked = load_story(people.database, fork.id).chain
    (first,) = (it for it in forked.candidates if it.id == forked.incumbent)
    assert first.content_sha256 == pages[shown[2]]


async def test_a_winner_that_nobody_criticised_does_not_end_the_chain(people: Refiner) -> None:
    chain = await people.start(QUIZ, key="quiz")
    await people.wait()
    critiques = critiques_of(people, chain.id, 3)
    lines = [ranking(1, name, [["c1"], ["c2"], ["c3"]], critiques=critiques) for name in ("ann", "ben")]
    await people.submit_feedback(lines)
    await wait_for_round(people, chain.id, 2)
    assert (people.chain(chain.id).state, people.chain(chain.id).round) == ("waiting", 2)


async def test_a_fork_made_by_another_process_is_run_by_the_one_that_is_there(tmp_path: Path) -> None:
    async with Refiner.open(tmp_path / "a.db", rounds=2, audit_share=0) as refiner:
        chain = await refiner.start(QUIZ)
        await refiner.wait()
        settings = refiner.project.settings
        fork = await refiner.database.write(fork_chain, chain.id, round=1, settings=settings)  # as the command does
        async with asyncio.timeout(30):
            while refiner.chain(fork).state != "ended":
                await asyncio.sleep(0.05)


async def test_stand_ins_that_come_later_mark_the_chain(tmp_path: Path) -> None:
    async with Refiner.open(tmp_path / "a.db", panel="people") as refiner:
        chain = await refiner.start(QUIZ)
        await refiner.wait()
        assert not refiner.chain(chain.id).is_simulated
    async with Refiner.open(tmp_path / "a.db", panel="simulated", accept_changes=True) as refiner:
        assert refiner.chain(chain.id).is_simulated


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"prompt": "a\ud800"}, "lone surrogate"),
        ({"prompt": "a\0"}, "NUL"),
        ({"prompt": "a", "key": "k" * 5000}, "key of a prompt"),
        ({"prompt": "a", "metadata": {"when": object()}}, "JSON"),
        ({"prompt": "a", "priority": 10**30}, "priority"),
    ],
)
async def test_a_prompt_that_cannot_be_stored_is_refused_in_a_line(
    people: Refiner, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        await people.start(**arguments)


async def test_a_prompt_given_twice_and_feedback_that_is_no_mapping_are_refused(people: Refiner) -> None:
    row = PromptIn(key="p", prompt="A page")
    with pytest.raises(InputError, match="given twice"):
        await people.start_all([row, row])
    with pytest.raises(FeedbackError, match="mapping"):
        await people.submit_feedback(["x"])  # type: ignore[list-item]


async def test_a_waiting_chain_is_stopped_at_once(people: Refiner) -> None:
    chain = await people.start(QUIZ, key="quiz")
    await people.wait()
    stopped = await people.stop(chain.id)
    assert (stopped.state, stopped.stop_reason) == ("ended", "stopped")


async def test_an_ended_chain_cannot_be_steered(people: Refiner) -> None:
    chain = await people.start(QUIZ, key="quiz")
    await people.wait()
    await people.stop(chain.id)
    with pytest.raises(InputError, match="has ended"):
        await people.pause(chain.id)


async def test_a_pinned_candidate_is_the_incumbent_after_the_next_verdict(people: Refiner) -> None:
    chain = await people.start(QUIZ, key="quiz")
    await people.wait()
    shown = load_story(people.database, chain.id).chain.rounds[0].shown
    await people.pin(chain.id, shown[2])
    critiques = critiques_of(people, chain.id, 3)
    lines = [ranking(1, name, [["c1"], ["c2"], ["c3"]], critiques=critiques) for name in ("ann", "ben")]
    await people.submit_feedback(lines)
    await wait_for_round(people, chain.id, 2)
    story = load_story(people.database, chain.id)
    verdict = story.chain.rounds[0].verdict
    assert verdict is not None and verdict.winner == shown[0]
    assert story.chain.rounds[0].pinned == shown[2]
    assert story.chain.incumbent == shown[2]


async def test_a_candidate_of_another_chain_cannot_be_pinned(people: Refiner) -> None:
    one = await people.start(QUIZ, key="quiz")
    two = await people.start("A stopwatch", key="watch")
    await people.wait()
    other = load_story(people.database, two.id).chain.rounds[0].shown[0]
    with pytest.raises(InputError, match="not one of chain"):
        await people.pin(one.id, other)


async def test_a_fork_keeps_the_past_and_goes_its_own_way(tmp_path: Path) -> None:
    async with Refiner.open(tmp_path / "a.db", rounds=3, audit_share=0) as refiner:
        chain = await refiner.start(QUIZ)
        await refiner.wait()
        before = load_story(refiner.database, chain.id)
        fork = await refiner.fork(chain.id, round=1, rounds=2, revisions=3)
        later = await refiner.fork(chain.id, round=2)
        await refiner.wait()
        assert replay_chain(refiner.database, fork.id).differing == ()
        assert replay_chain(refiner.database, later.id).differing == ()
        after = load_story(refiner.database, fork.id)
        again = load_story(refiner.database, chain.id)
        findings = verify_database(refiner.database).findings
        project_calls = refiner.progress()
    first = [candidate.content_sha256 for candidate in before.chain.candidates if candidate.made_in_round == 1]
    assert [it.content_sha256 for it in after.chain.candidates if it.made_in_round == 1] == first
    assert after.winners[0] == before.winners[0]
    assert sum(candidate.made_in_round == 2 for candidate in after.chain.candidates) == 3
    assert (after.chain.parent_chain, after.chain.settings_version) == (chain.id, 2)
    assert after.spending.calls == sum(not call.is_copied for call in after.chain.calls) < len(after.chain.calls)
    assert again.chain == before.chain
    assert list(findings) == []
    assert project_calls.done == 3


async def test_a_chain_cannot_be_forked_from_a_round_without_a_verdict(people: Refiner) -> None:
    chain = await people.start(QUIZ, key="quiz")
    await people.wait()
    with pytest.raises(InputError, match="no verdict in round 1"):
        await people.fork(chain.id, round=1)


async def test_given_pages_are_ranked_instead_of_drafted(tmp_path: Path) -> None:
    pages = tuple(
        GivenCandidate(id=name, model="someone/else", files=(CodeFile(filename="index.html", content=content),))
        for name, content in (("a", "<h1>One</h1><button>go</button>"), ("b", "<h1>Two</h1><button>go</button>"))
    )
    async with Refiner.open(tmp_path / "a.db", kind="rank") as refiner:
        await refiner.start_all([PromptIn(key="p", prompt="A page", candidates=pages)])
        await refiner.wait()
        (chain,) = await refiner.start_all([PromptIn(key="p", prompt="A page")])
        story = load_story(refiner.database, chain.id)
    assert (chain.state, chain.stop_reason, story.spending.calls) == ("ended", "ranked", 0)
    assert {candidate.given_id for candidate in story.chain.candidates} == {"a", "b"}


async def test_a_critique_chain_ends_with_its_plan(tmp_path: Path) -> None:
    async with Refiner.open(tmp_path / "a.db", kind="critique", candidates=2) as refiner:
        chain = await refiner.start(QUIZ)
        await refiner.wait()
        story = load_story(refiner.database, chain.id)
    assert refiner is not None and story.chain.stop_reason == "criticised"
    assert [round.plan is not None for round in story.chain.rounds] == [True]


async def test_other_settings_are_refused_with_their_difference_unless_accepted(tmp_path: Path) -> None:
    async with Refiner.open(tmp_path / "a.db", rounds=2, panel="people") as refiner:
        await refiner.start(QUIZ)
        await refiner.wait()
    with pytest.raises(SettingsChanged, match=r"rounds: 2 -> 4"):
        async with Refiner.open(tmp_path / "a.db", rounds=4):
            pass
    async with Refiner.open(tmp_path / "a.db", rounds=4, accept_changes=True) as refiner:
        assert (refiner.project.settings.rounds, refiner.project.settings_version) == (4, 2)


async def test_settings_are_free_until_something_rests_on_them(tmp_path: Path) -> None:
    async with Refiner.open(tmp_path / "a.db", rounds=2, panel="people"):
        pass
    async with Refiner.open(tmp_path / "a.db", rounds=3) as refiner:
        await refiner.start(QUIZ)
        await refiner.wait()
        assert refiner.project.settings.rounds == 3
    with pytest.raises(SettingsChanged):
        async with Refiner.open(tmp_path / "a.db", rounds=4):
            pass


async def test_a_project_opened_without_settings_keeps_its_own(tmp_path: Path) -> None:
    async with Refiner.open(tmp_path / "a.db", rounds=2, seed=9):
        pass
    async with Refiner.open(tmp_path / "a.db") as refiner:
        assert (refiner.project.settings.rounds, refiner.project.settings.seed) == (2, 9)


async def test_a_missing_key_is_told_before_a_database_is_made(tmp_path: Path) -> None:
    with pytest.raises(ModelMisconfigured, match="OPENAI_API_KEY"):
        async with Refiner.open(tmp_path / "a.db", model="openai/gpt-5", environ={}):
            pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"rounds": 0}, "rounds"), ({"panel": "martians"}, "unknown panel"), ({"colour": "red"}, "colour")],
)
def test_a_wrong_setting_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said), Refiner.blocking(tmp_path / "a.db", **changes):
        pass


def test_a_blocking_refiner_is_opened_once(tmp_path: Path) -> None:
    refiner = Refiner.blocking(tmp_path / "a.db")
    with pytest.raises(RefineError, match="not open"):
        refiner.progress()
    with refiner:
        pass
    with pytest.raises(RefineError, match="opened before"), refiner:
        pass


def test_the_blocking_refiner_works_inside_a_running_loop(tmp_path: Path) -> None:
    async def notebook_cell() -> list[str]:
        with Refiner.blocking(tmp_path / "a.db", rounds=1, candidates=2, audit_share=0) as refiner:
            chain = refiner.start(QUIZ)
            types = [event.type for event in refiner.follow(chain.id)]
            assert refiner.final_files(chain.id)
            return types

    assert asyncio.run(notebook_cell())[-1] == "chain_stopped"
