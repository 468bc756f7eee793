"""Every hostile page through the real route, inside a real page of ours, in a real Chromium: nothing comes of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.conftest import IS_FULL
from tests.delivery.attacks import ATTACKS, Attack, name_attacks
from tests.delivery.stage import Stage, folder_attacks

pytestmark = [
    pytest.mark.timeout(600),
]
EVERY = 4
"""Of the attacks, every fourth is also tried without protection, and with one host name, in the quick run."""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage().open() as opened:
        yield opened


def some(attacks: Sequence[Attack], start: int) -> list[Attack]:
    return list(attacks if IS_FULL else attacks[start::EVERY])


def with_harm(stage: Stage, attacks: Sequence[Attack], *, one_host: bool = False) -> dict[str, list[str]]:
    harm = stage.run(stage.play_all(attacks, guarded=True, one_host=one_host), 550)
    assert len(harm) == len(attacks)
    return {name: each for name, each in harm.items() if each}


def test_no_page_of_the_hostile_folder_does_harm(stage: Stage) -> None:
    attacks = folder_attacks()
    assert len(attacks) >= 31
    assert with_harm(stage, attacks) == {}


def test_no_attack_of_our_own_does_harm(stage: Stage) -> None:
    assert len(ATTACKS) >= 60
    assert with_harm(stage, ATTACKS) == {}


def test_with_one_host_name_for_everything_no_attack_does_harm_either(stage: Stage) -> None:
    harm = with_harm(stage, some([*folder_attacks(), *ATTACKS], 3), one_host=True)
    # Frames of one host name share a process: what docs/delivery.md says of that mode.
    weaker = {"d01_hang": ["frozen: the neighbour"], "nested_hang": ["frozen: the neighbour"]}
    assert harm == {name: each for name, each in weaker.items() if name in harm}


def test_the_same_attacks_do_harm_where_nothing_protects(stage: Stage) -> None:
    attacks = some([*folder_attacks(), *ATTACKS], 2)
    harm = stage.run(stage.play_all(attacks, guarded=False), 550)
    for attack in attacks:
        if not harm[attack.name]:  # it needs to work once to prove that it works
            harm |= stage.run(stage.play_all([attack], guarded=False), 120)
    assert [attack.name for attack in attacks if not harm[attack.name]] == []


def test_no_host_name_is_looked_up(stage: Stage, tmp_path: Path) -> None:
    attacks = name_attacks("watched")
    expected = {f"{attack.name}.watched.test" for attack in attacks}
    asked = stage.run(stage.names_looked_up(attacks, tmp_path / "open.json", guarded=False), 300)
    assert expected - asked == set(), "an attack that does not work proves nothing"
    assert stage.run(stage.names_looked_up(attacks, tmp_path / "guarded.json", guarded=True), 300) == set()
