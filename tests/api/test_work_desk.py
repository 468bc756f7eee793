"""A labeler's day at the desk that the labelling page works at, with the loop of a real refiner behind it."""

import asyncio
from pathlib import Path

from refine import Refiner
from refine.api.labelers import add_labeler
from refine.api.queue import WorkDesk
from refine.api.story import load_story
from refine.simulate import Looks
from refine.types import Assignment, CritiqueIn, Later, RankingIn
from store.rounds import load_open_round


async def test_a_round_filled_at_the_desk_is_judged_and_the_next_one_asks_about_it(tmp_path: Path) -> None:
    refiner = Refiner.open(
        tmp_path / "refine.db", panel="people", rankings_per_round=1, rounds=2, candidates=2, criteria=("appeal",)
    )
    async with refiner:
        invited = add_labeler(refiner.database, "Ann")
        desk = WorkDesk(refiner.database)
        session = await desk.exchange_code(invited.url.partition("#")[2])
        found = desk.find_session(session.token)
        assert found is not None and found.labeler == session.labeler == invited.labeler
        ann = found.labeler
        chain = await refiner.start("Create an interactive quiz about data packets")
        await refiner.wait()

        first = await desk.claim(ann)
        assert isinstance(first, Assignment) and first.chain == chain.id
        assert desk.own_critiques(ann, first.id) == []
        draft = await desk.save_draft(ann, first.id, '{"order": [1]}', revision=0)
        assert desk.draft(ann, first.id) == draft
        better, worse = first.candidates
        seen = refiner.database.read(load_open_round, first.round)
        assert seen is not None
        faults = {page.id: Looks().get(page.content_sha256, page.files).faults for page in seen.candidates}
        critiques = tuple(
            CritiqueIn(candidate=page, text=faults[page][0].phrases[0], aim="improve", category="look")
            for page in first.candidates
        )
        ranking = RankingIn(
            groups=((better,), (worse,)),
            critiques=critiques,
            why="Clearer.",
            criteria={"appeal": ((better,), (worse,))},
        )
        assert await desk.submit(ann, first.id, ranking, key="k1", active_s=30.0)
        assert not await desk.submit(ann, first.id, ranking, key="k1", active_s=30.0)

        async with asyncio.timeout(60):
            while isinstance(second := await desk.claim(ann), Later):
                assert refiner.chain(chain.id).state != "ended"
                await asyncio.sleep(0.05)
        assert isinstance(second, Assignment) and second.round != first.round
        (own,) = desk.own_critiques(ann, second.id)
        assert own.text in {it.text for it in critiques} and own.descendants
        last = RankingIn(groups=(second.candidates,), follow_ups={own.id: "fixed"})
        assert await desk.submit(ann, second.id, last, key="k2")
        await refiner.wait(until_ended=True)

        story = load_story(refiner.database, chain.id)
        one, two = (round.rankings[0] for round in story.chain.rounds[:2])
        assert one.why == "Clearer." and one.criteria == {"appeal": ((better,), (worse,))}
        assert one.critiques[0].category == "look" and two.follow_ups == {own.id: "fixed"}
        said = desk.statement(ann)
        assert said.finished == 2 and said.not_paid == {"no pay rate was set": 2}
        await desk.end_session(session.token)
        assert desk.find_session(session.token) is None
