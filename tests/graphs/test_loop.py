"""The loop under limits, failures and odd models; the model is the scripted one, wrapped."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import graphs.nodes
from refine import Refiner
from refine.api.replay import replay_chain
from refine.api.story import Story, load_story
from refine.errors import ModelFailed, ModelMisconfigured, ModelUnreachable
from refine.llm.scripted import ScriptedClient
from refine.prompts import read_header
from refine.protocols import ModelClient
from refine.types import ChainRecord, CodeFile, GivenCandidate, ModelReply, ModelRequest, PromptIn, Usage
from store.calls import sum_spending
from store.chains import list_chains, retry_failed
from store.verify import verify_database

PROMPT = "A memory game about the planets"


class Wrapped:
    """The scripted model, with a price and a say in what it answers to each template."""

    def __init__(self, *, price_usd: float = 0.0, answer: Callable[[str, int], str | Exception | None] | None = None):
        self.model = ScriptedClient()
        self.price_usd = price_usd
        self.answer = answer or (lambda template, count: None)
        self.asked: list[str] = []
        self.delay_s = 0.0

    def estimate_usd(self, request: ModelRequest) -> float | None:
        return self.price_usd

    async def complete(self, request: ModelRequest) -> ModelReply:
        header = read_header(request.messages[0].text)
        template = header[0] if header else ""
        self.asked.append(template)
        said = self.answer(template, self.asked.count(template))
        await asyncio.sleep(self.delay_s)
        if isinstance(said, Exception):
            raise said
        if said is not None:
            return ModelReply(
                text=said,
                model_returned="odd",
                provider="test",
                finish_reason="stop",
                usage=Usage(completion_tokens=1),
                cost_usd=self.price_usd,
            )
        reply = await self.model.complete(request)
        return ModelReply(
            text=reply.text,
            model_returned=reply.model_returned,
            provider=reply.provider,
            finish_reason=reply.finish_reason,
            cost_usd=self.price_usd,
        )

    async def aclose(self) -> None:
        await self.model.aclose()


async def run(path: Path, client: ModelClient | None = None, **settings: Any) -> tuple[ChainRecord, Story]:
    settings = {"audit_share": 0, "candidates": 3, **settings}
    async with Refiner.open(path / "a.db", client=client, **settings) as refiner:
        chain = await refiner.start(PROMPT)
        await refiner.wait()
        assert verify_database(refiner.database).findings == ()
        assert replay_chain(refiner.database, chain.id).differing == ()
        return refiner.chain(chain.id), load_story(refiner.database, chain.id)


async def test_a_chain_ends_after_its_rounds(tmp_path: Path) -> None:
    chain, story = await run(tmp_path, rounds=2, plateau_rounds=9)
    assert (chain.stop_reason, len(story.winners)) == ("rounds", 2)


async def test_a_chain_ends_when_its_rankings_are_used_up(tmp_path: Path) -> None:
    chain, story = await run(tmp_path, rounds=9, rankings_per_round=5, max_rankings=7, plateau_rounds=9)
    assert chain.stop_reason == "rankings"
    assert [len(round.rankings) for round in story.chain.rounds] == [5, 2]


async def test_nothing_is_begun_after_the_deadline(tmp_path: Path) -> None:
    chain, story = await run(tmp_path, deadline=datetime.now(UTC) - timedelta(seconds=1))
    assert (chain.stop_reason, story.chain.rounds, story.chain.calls) == ("deadline", (), ())


async def test_a_chain_ends_on_a_plateau(tmp_path: Path) -> None:
    chain, _ = await run(tmp_path, rounds=9, plateau_rounds=1, gate=0.99)
    assert (chain.stop_reason, chain.rounds_judged) == ("plateau", 2)


async def test_the_budget_is_never_overrun(tmp_path: Path) -> None:
    chain, story = await run(tmp_path, Wrapped(price_usd=1.0), budget_usd=4.5, rounds=9)
    assert chain.stop_reason == "cost"
    assert story.spending.models_usd == 4.0


async def test_a_larger_budget_takes_up_the_chains_that_the_old_one_ended(tmp_path: Path) -> None:
    chain, _ = await run(tmp_path, Wrapped(price_usd=1.0), budget_usd=4.5, rounds=2)
    assert chain.stop_reason == "cost"
    client = Wrapped(price_usd=1.0)
    async with Refiner.open(tmp_path / "a.db", client=client, accept_changes=True, budget_usd=50.0) as refiner:
        refiner.runner.start_all()
        await refiner.wait()
        assert refiner.chain(chain.id).stop_reason in ("rounds", "plateau", "nothing_left")
    assert "draft" not in client.asked  # what was paid for is not asked again


async def test_two_processes_and_their_people_share_one_budget(tmp_path: Path) -> None:
    options: dict[str, Any] = {"budget_usd": 4.5, "candidates": 3, "audit_share": 0}
    async with (
        Refiner.open(tmp_path / "a.db", client=Wrapped(price_usd=1.0), **options) as one,
        Refiner.open(tmp_path / "a.db", client=Wrapped(price_usd=1.0), **options) as two,
    ):
        await one.start(PROMPT)
        await one.wait()
        await two.start("A second page")
        await two.wait()
        assert one.database.read(sum_spending, project_key=one.project.key).models_usd <= 4.5


async def test_a_fork_whose_model_is_unusable_fails_alone(tmp_path: Path) -> None:
    async with Refiner.open(tmp_path / "a.db", rounds=2, audit_share=0, candidates=2) as refiner:
        chain = await refiner.start(PROMPT)
        await refiner.wait()
        fork = await refiner.fork(chain.id, round=1, model="nosuch/model")
        other = await refiner.start("A second page")
        await refiner.wait()
        states = [refiner.chain(it.id).stop_reason for it in (fork, other)]
        error = refiner.chain(fork.id).error
    assert states[0] == "failed" and states[1] != "failed"
    assert error is not None and "nosuch" in error


async def test_pay_for_people_counts_against_the_budget(tmp_path: Path) -> None:
    chain, story = await run(tmp_path, rounds=9, budget_usd=0.01, pay_rate_usd_hour=20.0)
    assert (chain.stop_reason, chain.rounds_judged) == ("cost", 1)
    assert story.spending.people_usd > 0.01


async def test_a_slot_that_fails_leaves_its_siblings_alone(tmp_path: Path) -> None:
    client = Wrapped(
        answer=lambda template, count: (
            ModelFailed("503 for good", raw_reply="<html>503</html>") if template == "draft" and count == 1 else None
        )
    )
    chain, story = await run(tmp_path, client, rounds=1)
    failed = [candidate for candidate in story.chain.candidates if candidate.is_failed]
    assert chain.stop_reason == "rounds"
    assert [candidate.reason for candidate in failed] == ["the model failed: 503 for good"]
    assert [call.error for call in story.chain.calls if call.reply is None] == ["503 for good"]


async def test_spending_counts_failed_calls_and_those_without_a_price(tmp_path: Path) -> None:
    def answer(template: str, count: int) -> Exception | None:
        return ModelFailed("503 for good") if template == "draft" and count <= 2 else None

    client = Wrapped(answer=answer)
    client.price_usd = None  # type: ignore[assignment]  # as for a model that no price list knows
    _, story = await run(tmp_path, client, rounds=1, candidates=5)
    assert (story.spending.calls, story.spending.failed_calls, story.spending.unpriced_calls) == (5, 2, 3)


async def test_a_chain_whose_drafts_all_fail_has_failed_and_can_be_retried(tmp_path: Path) -> None:
    broken = Wrapped(answer=lambda template, count: ModelFailed("429 for good"))
    chain, story = await run(tmp_path, broken)
    assert (chain.stop_reason, chain.error) == ("failed", "the model failed: 429 for good")
    assert len(story.chain.calls) == 3
    async with Refiner.open(tmp_path / "a.db") as refiner:
        assert await refiner.database.write(retry_failed, refiner.project) == 1
        refiner.runner.start_all()
        await refiner.wait()
        retried = load_story(refiner.database, chain.id)
        findings = verify_database(refiner.database).findings
    assert retried.chain.stop_reason in ("rounds", "plateau", "nothing_left")
    assert [call.attempt for call in retried.chain.calls if call.step == "draft"] == [0, 0, 0, 1, 1, 1]
    assert findings == ()


async def retried(path: Path, client: ModelClient | None = None, **settings: Any) -> tuple[ChainRecord, Story]:
    async with Refiner.open(path / "a.db", client=client, accept_changes=True, **settings) as refiner:
        assert await refiner.database.write(retry_failed, refiner.project) == 1
        refiner.runner.start_all()
        await refiner.wait()
        assert verify_database(refiner.database).findings == ()
        (chain,) = [it.record for it in refiner.database.read(list_chains)]
        assert replay_chain(refiner.database, chain.id).differing == ()
        return refiner.chain(chain.id), load_story(refiner.database, chain.id)


async def test_a_retry_asks_again_where_the_model_answered_badly(tmp_path: Path) -> None:
    chain, _ = await run(tmp_path, Wrapped(answer=lambda *_: "I would rather not."))
    assert chain.stop_reason == "failed"
    again = Wrapped()
    chain, story = await retried(tmp_path, again)
    assert chain.stop_reason in ("rounds", "plateau", "nothing_left")
    assert again.asked.count("draft") == 3
    seeds = [call.seed for call in story.chain.calls if call.step == "draft"]
    assert len(set(seeds)) == len(seeds)  # another seed: the old one's answer was of no use


async def test_a_retry_keeps_the_pages_that_came_with_the_prompt(tmp_path: Path) -> None:
    pages = tuple(
        GivenCandidate(id=name, files=(CodeFile(filename="index.html", content=f"<h1>{name * 3000}</h1>"),))
        for name in ("a", "b")
    )
    async with Refiner.open(tmp_path / "a.db", kind="rank", max_candidate_bytes=1000) as refiner:
        await refiner.start_all([PromptIn(key="p", prompt="A page", candidates=pages)])
        await refiner.wait()
    chain, story = await retried(tmp_path, max_candidate_bytes=100_000)
    assert chain.stop_reason == "ranked"
    assert [(it.kind, it.given_id) for it in story.chain.candidates] == [("given", "a"), ("given", "b")]


async def test_a_chain_that_failed_at_its_verdict_keeps_its_rankings_for_the_retry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> Any:
        raise ArithmeticError("no verdict today")

    with monkeypatch.context() as patch:
        patch.setattr(graphs.nodes, "judge_rankings", broken)
        async with Refiner.open(tmp_path / "a.db", rounds=2, audit_share=0, candidates=3) as refiner:
            await refiner.start(PROMPT)
            await refiner.wait()
    chain, story = await retried(tmp_path)
    assert chain.stop_reason in ("rounds", "plateau", "nothing_left")
    assert len(story.chain.rounds[0].rankings) == 5


@pytest.mark.parametrize("wish", ["pause", "stop"])
async def test_a_chain_told_to_stop_in_the_middle_of_a_step_begins_no_other(tmp_path: Path, wish: str) -> None:
    client = Wrapped()
    async with Refiner.open(tmp_path / "a.db", client=client, rounds=3, candidates=3, audit_share=0) as refiner:
        wanted: list[asyncio.Task[Any]] = []

        def answer(template: str, count: int) -> None:
            if template == "distil":
                wanted.append(asyncio.ensure_future(getattr(refiner, wish)(chain.id)))

        client.answer = answer
        client.delay_s = 0.3
        chain = await refiner.start(PROMPT)
        await refiner.wait()
        await asyncio.gather(*wanted)
        ended = refiner.chain(chain.id)
    assert wanted and "revise" not in client.asked
    assert (ended.state, ended.is_paused) == (("ended", False) if wish == "stop" else ("active", True))


@pytest.mark.parametrize("error", [ModelMisconfigured("no such model"), ModelUnreachable("nothing answers")])
async def test_a_model_that_cannot_be_called_stops_the_run_and_harms_no_chain(tmp_path: Path, error: Exception) -> None:
    async with Refiner.open(tmp_path / "a.db", client=Wrapped(answer=lambda *_: error)) as refiner:
        chain = await refiner.start(PROMPT)
        with pytest.raises(type(error)):
            await refiner.wait()
        assert refiner.chain(chain.id).state == "active"
        assert load_story(refiner.database, chain.id).chain.calls == ()
    async with Refiner.open(tmp_path / "a.db") as refiner:
        refiner.runner.start_all()
        await refiner.wait()
        assert refiner.chain(chain.id).state == "ended"


async def test_a_distiller_that_talks_nonsense_leaves_a_deterministic_plan(tmp_path: Path) -> None:
    client = Wrapped(answer=lambda template, count: "I would rather not." if template == "distil" else None)
    _, story = await run(tmp_path, client, rounds=2)
    plan = story.chain.rounds[0].plan
    assert plan is not None and plan.made_by == "deterministic" and plan.issues
    assert client.asked.count("distil") >= 2  # the first turn and the one repair turn


async def test_a_distiller_that_fails_leaves_a_deterministic_plan(tmp_path: Path) -> None:
    client = Wrapped(answer=lambda template, count: ModelFailed("500 for good") if template == "distil" else None)
    _, story = await run(tmp_path, client, rounds=2)
    plan = story.chain.rounds[0].plan
    assert plan is not None and plan.made_by == "deterministic"


async def test_a_model_that_answers_everything_with_one_page_still_ends_the_chain(tmp_path: Path) -> None:
    page = "```html index.html\n<!doctype html><title>Hi</title><h1>Hi</h1><button>go</button>\n```"
    chain, story = await run(tmp_path, Wrapped(answer=lambda *_: page))
    assert chain.stop_reason == "nothing_left"
    assert {candidate.reason for candidate in story.chain.candidates if candidate.is_failed} != set()
    assert sum(not candidate.is_failed for candidate in story.chain.candidates) == 1


@pytest.mark.parametrize("reply", ["", "I cannot help with that.", "```html index.html\n<h1>cut o", "{}", "\x00"])
async def test_a_model_that_never_writes_a_page_fails_the_chain_with_its_reason(tmp_path: Path, reply: str) -> None:
    chain, story = await run(tmp_path, Wrapped(answer=lambda *_: reply))
    assert chain.stop_reason == "failed"
    assert chain.error
    assert {call.reply.text for call in story.chain.calls if call.reply} == {reply}


async def test_a_candidate_over_the_size_limit_is_dropped_before_anybody_sees_it(tmp_path: Path) -> None:
    def answer(template: str, count: int) -> str | None:
        huge = f"```html index.html\n<!doctype html><title>x</title><p>{'x' * 5000}</p>\n```"
        return huge if template == "draft" and count == 2 else None

    _, story = await run(tmp_path, Wrapped(answer=answer), rounds=1, max_candidate_bytes=20_000)
    dropped = [it for it in story.chain.candidates if it.is_failed]
    assert dropped == []
    _, story = await run(tmp_path, Wrapped(answer=answer), project="small", rounds=1, max_candidate_bytes=5_000)
    dropped = [it for it in story.chain.candidates if it.is_failed and "size" in (it.reason or "")]
    assert dropped
    assert not {it.id for it in dropped} & set(story.chain.rounds[0].shown if story.chain.rounds else ())


async def test_every_round_shows_the_incumbent_among_its_challengers(tmp_path: Path) -> None:
    _, story = await run(tmp_path, rounds=3, plateau_rounds=9)
    for before, after in zip(story.chain.rounds, story.chain.rounds[1:], strict=False):
        assert before.verdict is not None
        assert before.verdict.winner in after.shown


async def test_labelers_of_an_audit_round_never_saw_the_chain(tmp_path: Path) -> None:
    chain, story = await run(tmp_path, rounds=3, plateau_rounds=9, audit_share=1.0)
    seen = {ranking.labeler for round in story.chain.rounds if round.kind == "normal" for ranking in round.rankings}
    (audit,) = (round for round in story.chain.rounds if round.kind == "audit")
    assert len(audit.rankings) == 5 and len(audit.shown) == 2
    assert not seen & {ranking.labeler for ranking in audit.rankings}
    assert audit.verdict is None
    assert chain.state == "ended"


async def test_a_cheap_distiller_can_stand_beside_the_model(tmp_path: Path) -> None:
    _, story = await run(tmp_path, Wrapped(), rounds=2, distil_model="demo/other")
    assert {(call.step, call.model) for call in story.chain.calls} == {
        ("draft", "demo/scripted"),
        ("distil", "demo/other"),
        ("revise", "demo/scripted"),
    }


class FirstFails(Wrapped):
    """The first call fails for good; all others wait until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def complete(self, request: ModelRequest) -> ModelReply:
        if not self.asked:
            self.asked.append("failed")
            raise ModelFailed("refused to answer")
        await self.go.wait()
        return await super().complete(request)


async def test_a_slot_that_failed_is_not_asked_again_after_an_interruption(tmp_path: Path) -> None:
    path = tmp_path / "refine.db"
    options: dict[str, Any] = {"candidates": 3, "rounds": 1, "audit_share": 0.0}
    async with Refiner.open(path, client=FirstFails(), **options) as refiner:
        chain = await refiner.start(PROMPT)
        failed = "SELECT count(*) FROM candidate WHERE state = 'failed'"
        for _ in range(200):
            await asyncio.sleep(0.01)
            if refiner.database.read(lambda c: c.exec_driver_sql(failed).scalar_one()):
                break
    model = Wrapped()
    async with Refiner.open(path, client=model, **options) as refiner:
        again = await refiner.start(PROMPT)
        await refiner.wait()
        found = refiner.chain(chain.id)
    assert again.id == chain.id
    assert found.state == "ended"
    assert model.asked.count("draft") == 2
