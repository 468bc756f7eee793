"""Pages that a check finds broken are given back to the model before anybody sees them."""

from pathlib import Path

import pytest

from refine import Refiner
from refine.api.replay import replay_chain
from refine.errors import ModelError, NoBrowser, StoreError
from refine.llm.scripted import ScriptedClient
from refine.types import Files, Finding, ModelReply, ModelRequest
from store.candidates import load_candidates
from store.chains import list_chains, load_chain
from store.opening import open_database
from store.verify import verify_database

BREAK = "<!--broken-->"


class Breaking:
    """The scripted model, whose pages come broken; asked to repair, it mends from the attempt `mends_at` on."""

    def __init__(self, mends_at: int, only_slot: int | None = None) -> None:
        self.model = ScriptedClient()
        self.mends_at = mends_at
        self.repairs = 0
        self.asked: list[str] = []

    def estimate_usd(self, request: ModelRequest) -> float | None:
        return 0.0

    async def complete(self, request: ModelRequest) -> ModelReply:
        text = request.messages[-1].text
        if "script: the page is broken" in text:
            self.asked.append(text)
            self.repairs += 1
            page = text.split("<file", 1)[1].split("\n", 1)[1].rsplit("</file", 1)[0]
            if self.repairs >= self.mends_at:
                page = page.replace(BREAK, "")
            else:
                page = page.replace(BREAK, f"{BREAK} <!-- try {self.repairs} -->")
            return self._reply(f"```html\n{page}\n```")
        reply = await self.model.complete(request)
        if "<body" in reply.text and "SEARCH" not in reply.text:
            return self._reply(reply.text.replace("</body>", f"{BREAK}</body>", 1))
        return reply

    def _reply(self, text: str) -> ModelReply:
        return ModelReply(text=text, model_returned="m", provider="p", finish_reason="stop", cost_usd=0.0)

    async def aclose(self) -> None:
        await self.model.aclose()


class Looking:
    def __init__(self) -> None:
        self.seen = 0

    async def check(self, files: Files) -> tuple[Finding, ...]:
        self.seen += 1
        is_broken = BREAK in files[0].content
        return (
            Finding(name="script", passed=not is_broken, detail="the page is broken" if is_broken else ""),
            Finding(name="blank", passed=True),
        )


async def run(path: Path, client: Breaking, checker: Looking | None) -> str:
    async with Refiner.open(path, client=client, checker=checker, rounds=1, candidates=2, audit_share=0.0) as refiner:
        chain = await refiner.start("A quiz about rivers")
        await refiner.wait()
        return chain.id


async def test_a_broken_page_is_mended_and_shown(tmp_path: Path) -> None:
    client, checker = Breaking(mends_at=1), Looking()
    chain = await run(tmp_path / "a.db", client, checker)
    assert client.repairs == 2  # one for each draft
    with open_database(tmp_path / "a.db") as database:
        stored = database.read(load_chain, chain)
        candidates = database.read(load_candidates, stored.key)
        assert [candidate.is_ok for candidate in candidates] == [True, True]
        report = replay_chain(database, chain)
        assert report.candidates == 2 and not report.differing
        assert verify_database(database).is_ok


async def test_one_that_cannot_be_mended_in_three_attempts_is_never_shown_and_says_why(tmp_path: Path) -> None:
    client = Breaking(mends_at=99)
    chain = await run(tmp_path / "a.db", client, Looking())
    assert client.repairs == 6
    with open_database(tmp_path / "a.db") as database:
        stored = database.read(load_chain, chain)
        assert stored.record.stop_reason == "failed" and "the page is broken" in (stored.record.error or "")
        candidates = database.read(load_candidates, stored.key)
        assert [candidate.reason for candidate in candidates] == ["script: the page is broken"] * 2
        report = replay_chain(database, chain)
        assert report.candidates == 2 and not report.differing


async def test_an_interrupted_repair_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends when both pages were mended and neither is stored."""
    client = Breaking(mends_at=3)

    def die(*_: object) -> None:
        raise StoreError("the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr("graphs.showing.store_slots", die)
        with pytest.raises(StoreError):
            await run(tmp_path / "a.db", client, Looking())
    asked = client.repairs
    assert asked >= 3
    async with Refiner.open(tmp_path / "a.db", client=client, checker=Looking()) as refiner:
        refiner.runner.start_all()
        await refiner.wait()
        (chain,) = refiner.database.read(list_chains, project="default")
        assert chain.record.stop_reason == "rounds"
    assert client.repairs == asked, "every repair that was paid for is in the ledger"


async def test_without_a_checker_nothing_is_repaired(tmp_path: Path) -> None:
    client = Breaking(mends_at=1)
    await run(tmp_path / "a.db", client, None)
    assert client.repairs == 0


async def test_what_is_asked_names_the_checks_that_failed_and_only_those(tmp_path: Path) -> None:
    client = Breaking(mends_at=1)
    await run(tmp_path / "a.db", client, Looking())
    assert all("script: the page is broken" in text and "blank" not in text.split("<file")[0] for text in client.asked)


async def test_a_repair_from_before_an_interruption_counts_also_where_nothing_looks_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Breaking(mends_at=1)

    def die(*_: object) -> None:
        raise StoreError("the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr("graphs.showing.store_slots", die)
        with pytest.raises(StoreError):
            await run(tmp_path / "a.db", client, Looking())
    async with Refiner.open(tmp_path / "a.db", client=client) as refiner:
        refiner.runner.start_all()
        await refiner.wait()
        (chain,) = refiner.database.read(list_chains, project="default")
        assert [it.is_ok for it in refiner.database.read(load_candidates, chain.key)] == [True, True]
        assert not replay_chain(refiner.database, chain.record.id).differing


async def test_what_was_made_is_kept_when_a_repair_cannot_be_paid(tmp_path: Path) -> None:
    class Poor(Breaking):
        def estimate_usd(self, request: ModelRequest) -> float | None:
            return 100.0 if "script: the page is broken" in request.messages[-1].text else 0.0

    async with Refiner.open(
        tmp_path / "a.db", client=Poor(mends_at=1), checker=Looking(), candidates=2, budget_usd=1.0, audit_share=0.0
    ) as refiner:
        chain = await refiner.start("A quiz about rivers")
        await refiner.wait()
        stored = refiner.database.read(load_chain, chain.id)
        assert stored.record.stop_reason == "cost"
        assert len(refiner.database.read(load_candidates, stored.key)) == 2


async def test_a_repair_whose_call_failed_for_good_is_not_paid_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(Breaking):
        async def complete(self, request: ModelRequest) -> ModelReply:
            if "script: the page is broken" in request.messages[-1].text:
                self.repairs += 1
                raise ModelError("it was refused")
            return await super().complete(request)

    client = Failing(mends_at=1)

    def die(*_: object) -> None:
        raise StoreError("the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr("graphs.showing.store_slots", die)
        with pytest.raises(StoreError):
            await run(tmp_path / "a.db", client, Looking())
    async with Refiner.open(tmp_path / "a.db", client=client, checker=Looking()) as refiner:
        refiner.runner.start_all()
        await refiner.wait()
    assert client.repairs == 2


async def test_a_browser_that_is_gone_stops_the_run_and_no_chain(tmp_path: Path) -> None:
    class Gone(Looking):
        async def check(self, files: Files) -> tuple[Finding, ...]:
            raise NoBrowser("there is no Chromium on PATH")

    with pytest.raises(NoBrowser):
        await run(tmp_path / "a.db", Breaking(mends_at=1), Gone())
    with open_database(tmp_path / "a.db") as database:
        (chain,) = database.read(list_chains, project="default")
        assert chain.record.state != "ended"
