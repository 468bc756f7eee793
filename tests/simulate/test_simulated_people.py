import itertools
import math
import random

import pytest

from refine.llm.pages import write_page
from refine.llm.scripted import plant_flaws
from refine.perturb import EMPTY_REMARKS, FLAWS, WISHES, find_flaws, understand
from refine.settings import PanelMix
from refine.simulate import (
    ATTACKS,
    Look,
    Looks,
    SimulatedLabeler,
    create_labelers,
    mean_preference,
    preference_probability,
    quality,
    rank,
    spend_seconds,
    take_look,
    write_critique,
)
from refine.types import CodeFile, Files

LARGE = PanelMix(labelers=400, careless_share=0.25, hostile_share=0.25)


def files(page: str) -> Files:
    return (CodeFile(filename="index.html", content=page),)


def agreement(labeler: SimulatedLabeler, rng: random.Random) -> float:
    """Share of pairs ranked by quality, less the share ranked against it."""
    qualities = [0.2, 0.45, 0.7, 0.95]
    shown = rng.sample(range(4), 4)
    places = {index: place for place, group in enumerate(rank(labeler, qualities, shown, rng)) for index in group}
    signs = [(places[a] > places[b]) - (places[a] < places[b]) for a in range(4) for b in range(a + 1, 4)]
    return sum(signs) / len(signs)


def test_a_panel_is_made_from_seed_and_mix() -> None:
    panel = create_labelers(1, PanelMix(labelers=20, careless_share=0.2, hostile_share=0.1))
    assert panel == create_labelers(1, PanelMix(labelers=20, careless_share=0.2, hostile_share=0.1))
    assert panel != create_labelers(2, PanelMix(labelers=20, careless_share=0.2, hostile_share=0.1))
    assert panel[7].name == "sim-007"
    tempers = [labeler.temper for labeler in panel]
    assert (tempers.count("good"), tempers.count("careless"), tempers.count("hostile")) == (14, 4, 2)


@pytest.mark.parametrize("mix", [PanelMix(labelers=1), PanelMix(labelers=3, careless_share=1, hostile_share=1)])
def test_small_and_overfull_mixes_still_make_their_number_of_labelers(mix: PanelMix) -> None:
    assert len(create_labelers(0, mix)) == mix.labelers


@pytest.mark.parametrize(
    ("temper", "least", "most"), [("good", 0.5, 1.0), ("careless", -0.1, 0.1), ("hostile", -1.0, -0.4)]
)
def test_good_labelers_agree_with_quality_careless_do_not_and_hostile_invert_it(
    temper: str, least: float, most: float
) -> None:
    rng = random.Random(9)
    panel = [labeler for labeler in create_labelers(4, LARGE) if labeler.temper == temper]
    mean = sum(agreement(labeler, rng) for labeler in panel for _ in range(8)) / (8 * len(panel))
    assert least <= mean <= most


def test_every_habit_of_careless_labelers_is_in_a_large_panel() -> None:
    assert {one.habit for one in create_labelers(4, LARGE) if one.temper == "careless"} == {"judges", "left", "lazy"}


def make(habit: str = "judges", reliability: float = 1.0, temper: str = "good") -> SimulatedLabeler:
    return SimulatedLabeler(name="x", temper=temper, habit=habit, reliability=reliability, attention=1.0)  # type: ignore[arg-type]


def test_a_left_spammer_ranks_as_shown_and_a_lazy_one_ties_everything() -> None:
    rng = random.Random(0)
    assert rank(make("left"), [0.1, 0.2, 0.3], [2, 0, 1], rng) == ((2,), (0,), (1,))
    assert rank(make("lazy"), [0.1, 0.2, 0.3], [2, 0, 1], rng) == ((0, 1, 2),)


def test_the_order_shown_does_not_move_an_honest_judge() -> None:
    qualities = [0.1, 0.5, 0.9]
    assert rank(make(), qualities, [0, 1, 2], random.Random(3)) == rank(make(), qualities, [2, 1, 0], random.Random(3))


def test_every_ranking_holds_every_index_once() -> None:
    rng = random.Random(1)
    for labeler in create_labelers(0, LARGE)[:60]:
        groups = rank(labeler, [0.5, 0.5, 0.6, 0.1, 0.9], [4, 3, 2, 1, 0], rng)
        assert sorted(index for group in groups for index in group) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "labeler", [make(), make(reliability=-0.8), make(reliability=0.02), make("left"), make("lazy")]
)
def test_the_preference_probability_is_what_ranking_does(labeler: SimulatedLabeler) -> None:
    rng = random.Random(11)
    count, wins, ties = 6000, 0, 0
    for _ in range(count):
        groups = rank(labeler, [0.7, 0.55], rng.sample(range(2), 2), rng)
        ties += len(groups) == 1
        wins += len(groups) == 2 and groups[0] == (0,)
    expected = preference_probability(labeler, 0.7, 0.55)
    assert math.isclose(sum(expected), 1.0)
    for share, probability in ((wins / count, expected.win), (ties / count, expected.tie)):
        assert abs(share - probability) <= 4.5 * math.sqrt(probability * (1 - probability) / count)


def test_the_mean_preference_is_that_of_a_labeler_drawn_at_random() -> None:
    pair = [make(), make("lazy")]
    one = preference_probability(make(), 0.8, 0.3)
    assert mean_preference(pair, 0.8, 0.3) == pytest.approx((one.win / 2, (one.tie + 1) / 2, one.loss / 2))


# --- quality ------------------------------------------------------------------------------------------------------


def test_quality_falls_with_every_flaw_and_stays_above_zero() -> None:
    rng = random.Random(5)
    page = write_page("a quiz", rng)
    qualities = [quality(files(page))]
    for flaw in FLAWS:
        worse = flaw.apply(page, rng)
        if worse is not None:
            page = worse
            qualities.append(quality(files(page)))
    assert qualities[0] == 1.0
    assert len(qualities) > 15
    assert all(later < earlier for earlier, later in itertools.pairwise(qualities))
    assert qualities[-1] > 0


def test_a_page_with_few_flaws_is_worth_one_less_their_severities() -> None:
    page = write_page("a quiz", random.Random(0))
    for flaw in FLAWS[:2]:
        page = flaw.apply(page, random.Random(0)) or page
    assert quality(files(page)) == pytest.approx(1 - FLAWS[0].severity - FLAWS[1].severity)


def test_any_other_page_has_a_worth_by_its_content_that_rises_with_wishes_granted() -> None:
    page = "<html><head></head><body>one</body></html>"
    assert quality(files(page)) == quality(files(page)) != quality(files(page.replace("one", "two")))
    granted = WISHES[0].undo(page)
    assert granted is not None
    assert quality(files(granted + "\n")) > quality(files(page))
    assert 0 < quality(files("")) < 1


def test_looks_are_taken_once_for_each_content(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks()
    first = looks.get("h", files(write_page("a quiz", random.Random(0))))
    assert looks.get("h", files("something else")) is first


# --- critiques ----------------------------------------------------------------------------------------------------


def flawed_look(seed: int) -> Look:
    rng = random.Random(seed)
    return take_look(files(plant_flaws(write_page("a quiz", rng), rng)))


def test_good_labelers_write_about_flaws_that_are_there_and_more_about_severe_ones() -> None:
    mild, severe = [0, 0], [0, 0]
    for seed in range(300):
        look, rng = flawed_look(seed), random.Random(seed)
        text = write_critique(make(), look, rng) or ""
        named = understand(text)
        assert set(named) <= set(look.faults)
        assert len(named) <= 3
        for fault in look.faults:
            tally = severe if fault.severity >= 0.2 else mild
            tally[0] += fault in named
            tally[1] += 1
    assert severe[0] / severe[1] > mild[0] / mild[1] + 0.2


def test_held_out_critiques_use_the_other_half_of_the_phrase_bank() -> None:
    texts = [write_critique(make(), flawed_look(seed), random.Random(seed), held_out_share=1.0) for seed in range(50)]
    assert sum(text is not None for text in texts) > 40
    assert all(understand(text) == () for text in texts if text)


def test_careless_labelers_say_nothing_and_hostile_ones_attack_or_invent() -> None:
    look, rng = flawed_look(1), random.Random(0)
    careless = {write_critique(make(temper="careless"), look, rng) for _ in range(100)}
    assert careless <= {None, *EMPTY_REMARKS}
    hostile = {write_critique(make(temper="hostile"), look, rng) for _ in range(200)} - {None}
    assert hostile & set(ATTACKS)
    for text in hostile - set(ATTACKS):
        assert text is not None
        assert not set(understand(text)) & set(look.faults)


def test_a_page_without_flaws_gets_praise_or_nothing() -> None:
    look = take_look(files(write_page("a quiz", random.Random(0))))
    texts = [write_critique(make(), look, random.Random(seed)) for seed in range(40)]
    assert None in texts
    assert any(texts)
    assert find_flaws([write_page("a quiz", random.Random(0))]) == ()


def test_careless_labelers_are_quicker_than_good_ones() -> None:
    rng = random.Random(0)
    assert max(spend_seconds(make(temper="careless"), [], rng) for _ in range(50)) < 10
    assert sum(spend_seconds(make(), ["It is laggy. There is a typo."], rng) for _ in range(50)) / 50 > 30
