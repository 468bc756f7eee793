import hashlib
import random
import time
from dataclasses import replace
from datetime import UTC, datetime

from refine.llm.pages import write_page
from refine.llm.scripted import plant_flaws
from refine.panel.simulated import SimulatedPanel
from refine.settings import PanelMix
from refine.types import Assignment, CodeFile, MadeBy, OpenRound, RankingIn, ShownCandidate


class Desk:
    """A desk in memory: leases once per labeler, shows candidates in an order of the labeler's own."""

    def __init__(self, round: OpenRound, prefix: str = "a", *, refused: frozenset[str] = frozenset()) -> None:
        self.round = round
        self.prefix = prefix
        self.refused = refused
        self.submitted: dict[str, RankingIn] = {}
        self.keys: list[str] = []
        self.seconds: list[float] = []
        self.made_by: set[str] = set()

    async def lease_assignment(self, *, round_id: str, labeler: str, made_by: MadeBy) -> Assignment | None:
        assert round_id == self.round.id
        self.made_by.add(made_by)
        if labeler in self.refused:
            return None
        shown = [page.id for page in sorted(self.round.candidates, key=lambda page: page.content_sha256)]
        random.Random(labeler).shuffle(shown)
        return Assignment(
            id=f"{self.prefix}-{labeler}",
            round=round_id,
            chain=self.round.chain,
            prompt=self.round.prompt,
            instructions="",
            labeler=labeler,
            candidates=tuple(shown),
            lease_expires_at=datetime.now(UTC),
        )

    async def submit_ranking(
        self, *, assignment_id: str, ranking: RankingIn, made_by: MadeBy, key: str, active_s: float | None = None
    ) -> bool:
        assert active_s is not None
        self.submitted[assignment_id.removeprefix(f"{self.prefix}-")] = ranking
        self.keys.append(key)
        self.seconds.append(active_s)
        self.made_by.add(made_by)
        return True


def open_round(prefix: str = "c", *, wanted: int = 5, number: int = 1) -> OpenRound:
    pages = [plant_flaws(write_page("a quiz", random.Random(seed)), random.Random(seed)) for seed in range(4)]
    return OpenRound(
        id=f"{prefix}-round",
        chain=f"{prefix}-chain",
        project="p",
        number=number,
        kind="normal",
        prompt_key="k",
        prompt="a quiz",
        instructions="",
        wanted=wanted,
        received=0,
        candidates=tuple(
            ShownCandidate(
                id=f"{prefix}{at}",
                position=at,
                given_id=None,
                content_sha256=hashlib.sha256(page.encode()).hexdigest(),
                files=(CodeFile(filename="index.html", content=page),),
            )
            for at, page in enumerate(pages, 1)
        ),
        seen_by=frozenset(),
    )


def without_ids(desk: Desk) -> object:
    """What was handed in, candidates named by position."""
    return {
        labeler: (
            [sorted(page[-1] for page in group) for group in ranking.groups],
            [(critique.candidate[-1], critique.text) for critique in ranking.critiques],
        )
        for labeler, ranking in desk.submitted.items()
    }


async def test_a_round_gets_the_rankings_it_wants_all_marked_simulated() -> None:
    round = open_round()
    desk = Desk(round)
    await SimulatedPanel(1).fill(round, desk)
    assert len(desk.submitted) == 5
    assert desk.made_by == {"simulated"}
    assert len(set(desk.keys)) == 5
    assert all("a-sim-" in key for key in desk.keys)
    ids = sorted(page.id for page in round.candidates)
    for ranking in desk.submitted.values():
        assert sorted(page for group in ranking.groups for page in group) == ids
        assert len({critique.candidate for critique in ranking.critiques}) == len(ranking.critiques)
    assert any(ranking.critiques for ranking in desk.submitted.values())


async def test_ids_change_nothing_about_the_feedback() -> None:
    first, second = Desk(open_round("c"), "a"), Desk(open_round("z"), "b")
    await SimulatedPanel(1).fill(first.round, first)
    await SimulatedPanel(1).fill(second.round, second)
    assert without_ids(first) == without_ids(second)


async def test_seed_and_round_number_change_the_feedback() -> None:
    desks = []
    for seed, number in ((1, 1), (2, 1), (1, 2)):
        desk = Desk(open_round(number=number))
        await SimulatedPanel(seed).fill(desk.round, desk)
        desks.append(without_ids(desk))
    assert desks[0] != desks[1]
    assert desks[0] != desks[2]


async def test_an_interrupted_round_ends_with_the_feedback_of_an_undisturbed_one() -> None:
    whole = Desk(open_round())
    await SimulatedPanel(1).fill(whole.round, whole)
    half = Desk(open_round(wanted=2))
    await SimulatedPanel(1).fill(half.round, half)
    rest = Desk(replace(open_round(), received=2, seen_by=frozenset(half.submitted)))
    await SimulatedPanel(1).fill(rest.round, rest)
    assert half.submitted | rest.submitted == whole.submitted


async def test_labelers_who_get_no_lease_are_passed_over() -> None:
    whole = Desk(open_round())
    await SimulatedPanel(1).fill(whole.round, whole)
    refused = frozenset(list(whole.submitted)[:3])
    desk = Desk(open_round(), refused=refused)
    await SimulatedPanel(1).fill(desk.round, desk)
    assert len(desk.submitted) == 5
    assert not refused & desk.submitted.keys()


async def test_where_a_panel_is_too_small_a_further_one_of_the_same_mix_is_asked() -> None:
    desk = Desk(open_round(wanted=5))
    await SimulatedPanel(1, PanelMix(labelers=3)).fill(desk.round, desk)
    assert len(desk.submitted) == 5
    assert {"sim-000", "sim-001", "sim-002"} < desk.submitted.keys()


async def test_a_round_that_lets_nobody_in_is_left_alone() -> None:
    labelers = [f"sim-{cohort}{at:03}" for cohort in ("", "1-", "2-") for at in range(3)]
    desk = Desk(open_round(), refused=frozenset(labelers))
    await SimulatedPanel(1, PanelMix(labelers=3)).fill(desk.round, desk)
    assert desk.submitted == {}


async def test_every_labeler_is_asked_for_about_as_often() -> None:
    counts = dict.fromkeys((labeler.name for labeler in SimulatedPanel(1, PanelMix(labelers=10)).labelers), 0)
    panel = SimulatedPanel(1, PanelMix(labelers=10))
    for number in range(1, 81):
        desk = Desk(open_round(number=number, wanted=2))
        await panel.fill(desk.round, desk)
        for labeler in desk.submitted:
            counts[labeler] += 1
    assert sum(counts.values()) == 160
    assert min(counts.values()) >= 4


async def test_a_ranking_costs_well_under_a_millisecond_once_the_pages_are_known() -> None:
    round = open_round(wanted=400)
    panel = SimulatedPanel(1, PanelMix(labelers=400))
    await panel.fill(replace(round, wanted=1), Desk(round))
    desk = Desk(round)
    started = time.process_time()
    await panel.fill(round, desk)
    assert len(desk.submitted) == 400
    assert (time.process_time() - started) / 400 < 0.001
