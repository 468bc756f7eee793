"""The simulated panel: labelers with hidden skill who fill rounds as people would, through the same desk.

What they say depends on the seed, the prompt, the round's number and the pages, never on ids, so the same project run
again gets the same feedback (but for labelers who rank in the order shown, if that order differs).
"""

import asyncio
import itertools
import random
from collections.abc import Iterator, Sequence

from refine.protocols import FeedbackDesk
from refine.settings import PanelMix
from refine.simulate import Looks, SimulatedLabeler, create_labelers, rank, spend_seconds, write_critique
from refine.types import Assignment, CritiqueIn, OpenRound, RankingIn, ShownCandidate


class SimulatedPanel:
    """Everything it hands in is marked `simulated`."""

    def __init__(self, seed: int, mix: PanelMix | None = None) -> None:
        self._seed = seed
        self._mix = mix or PanelMix()
        self._cohorts = [create_labelers(seed, self._mix)]
        self._looks = Looks()

    @property
    def labelers(self) -> tuple[SimulatedLabeler, ...]:
        """The hidden truth about them."""
        return self._cohorts[0]

    async def fill(self, round: OpenRound, desk: FeedbackDesk) -> None:
        """Rankings up to the number wanted. Where the panel is too small (audit rounds ask nobody who saw the chain),
        a further panel of the same mix is asked."""
        missing = round.wanted - round.received
        for cohort in itertools.count():
            asked = (it for it in self._in_turn(round, cohort) if it.name not in round.seen_by)
            let_in = 0
            # As many at once as are missing: their work is stored together.
            while missing > 0 and (labelers := list(itertools.islice(asked, missing))):
                came = await self._ask(round, desk, labelers)
                missing -= came
                let_in += came
            if missing <= 0 or (not let_in and cohort > 0):
                return  # else nobody new was let in: the round was paused, stopped or filled by others

    async def _ask(self, round: OpenRound, desk: FeedbackDesk, labelers: Sequence[SimulatedLabeler]) -> int:
        """How many of them were let in and have ranked."""
        assignments = await asyncio.gather(
            *(desk.lease_assignment(round_id=round.id, labeler=it.name, made_by="simulated") for it in labelers)
        )
        judged = [
            (assignment, *self._judge(round, assignment, labeler))
            for assignment, labeler in zip(assignments, labelers, strict=True)
            if assignment is not None
        ]
        await asyncio.gather(
            *(
                desk.submit_ranking(
                    assignment_id=assignment.id,
                    ranking=ranking,
                    made_by="simulated",
                    key=f"simulated:{assignment.id}",
                    active_s=active_s,
                )
                for assignment, ranking, active_s in judged
            )
        )
        return len(judged)

    def has_news(self) -> bool:
        return False

    def _cohort(self, number: int) -> tuple[SimulatedLabeler, ...]:
        while number >= len(self._cohorts):
            self._cohorts.append(create_labelers(self._seed, self._mix, cohort=len(self._cohorts)))
        return self._cohorts[number]

    def _in_turn(self, round: OpenRound, cohort: int) -> Iterator[SimulatedLabeler]:
        """The cohort's labelers in the round's own random order, drawn one by one (Fisher-Yates on places touched)."""
        labelers = self._cohort(cohort)
        rng, moved = self._rng(round, f"turn{cohort or ''}"), dict[int, int]()
        for at in range(len(labelers)):
            other = rng.randrange(at, len(labelers))
            chosen = moved.get(other, other)
            moved[other] = moved.get(at, at)
            yield labelers[chosen]

    def _judge(self, round: OpenRound, assignment: Assignment, labeler: SimulatedLabeler) -> tuple[RankingIn, float]:
        shown = {*assignment.candidates}
        pages = [page for page in (*round.candidates, *round.others) if page.id in shown]
        pages.sort(key=lambda page: (page.content_sha256, page.position))
        looks = [self._looks.get(page.content_sha256, page.files) for page in pages]
        places = {page.id: index for index, page in enumerate(pages)}
        rng = self._rng(round, labeler.name)
        groups = rank(labeler, [look.quality for look in looks], [places[id] for id in assignment.candidates], rng)
        critiques = []
        for page, look in zip(pages, looks, strict=True):
            text = write_critique(labeler, look, rng, held_out_share=self._mix.held_out_share)
            if text is not None:
                critiques.append(CritiqueIn(candidate=page.id, text=text))
        active_s = spend_seconds(labeler, [critique.text for critique in critiques], rng)
        return RankingIn(groups=_named(groups, pages), critiques=tuple(critiques)), active_s

    def _rng(self, round: OpenRound, about: str) -> random.Random:
        pages = ",".join(sorted(page.content_sha256 for page in round.candidates))
        return random.Random(f"{self._seed}|{about}|{round.prompt_key}|{round.kind}|{round.number}|{pages}")


def _named(groups: Sequence[Sequence[int]], pages: Sequence[ShownCandidate]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(pages[index].id for index in group) for group in groups)
