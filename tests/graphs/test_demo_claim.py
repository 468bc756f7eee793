"""What the offline demo is said to do, in the real loop: it mends what critiques name, and knows who is hostile."""

from pathlib import Path

from refine import Refiner
from refine.api.board import labeler_board
from refine.api.reading import read_project
from refine.cli.demo import SEED, count_flaws
from refine.settings import PanelMix
from refine.simulate import create_labelers

TOPICS = ("rivers", "bridges", "owls", "trains", "bread", "tides")
KINDS = ("A quiz", "A countdown timer", "A packing list", "A bar chart", "A memory game", "A calculator")


async def test_four_fifths_of_the_planted_flaws_go_in_three_rounds_and_hostile_labelers_come_last(
    tmp_path: Path,
) -> None:
    first = final = 0
    async with Refiner.open(
        tmp_path / "a.db", project="p", rounds=3, plateau_rounds=3, audit_share=0, seed=SEED
    ) as refiner:
        for kind in KINDS:
            for topic in TOPICS:
                await refiner.start(f"{kind} about {topic}")
        await refiner.wait()
        for chain in read_project(refiner.database, refiner.project.key):
            drafts = [it for it in chain.candidates if it.made_in_round == 1 and not it.is_failed]
            first += count_flaws(drafts[0].files)
            final += next(count_flaws(it.files) for it in chain.candidates if it.id == chain.incumbent)
        board = labeler_board(refiner.database, project="p")
    tempers = {it.name: it.temper for it in create_labelers(SEED, PanelMix())}
    lines = [(it.reliability, tempers[it.labeler]) for it in board.labelers]
    print(f"{len(KINDS) * len(TOPICS)} chains: {first} flaws in first drafts, {final} in finals; {sorted(lines)}")
    assert 1 - final / first >= 0.8, f"{first} flaws in first drafts, {final} in finals"
    hostile = [reliability for reliability, temper in lines if temper == "hostile"]
    honest = [reliability for reliability, temper in lines if temper == "good"]
    assert hostile and honest and max(hostile) < min(honest)
