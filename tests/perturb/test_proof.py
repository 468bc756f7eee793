"""Judging probes: what is proven, and why the rest is refused. The probes here are written down; the browser's own are
tried in tests/cli/test_cli_perturb.py and, at full count, below."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from refine.artifact.probe import Picture, Probe, ProbeStep
from refine.errors import InputError, NoBrowser
from refine.perturb import (
    REFUSALS,
    Perturbation,
    count_refusals,
    edits_of,
    find_proven,
    perturb,
    perturbation_record,
    prove,
    undo_edits,
)
from refine.types import CodeFile, Files
from tests.perturb.conftest import load_pages

PAGE: Files = (
    CodeFile(filename="index.html", content="<p>Words that are read</p><script>b.onclick = () => { n++; }</script>"),
)


def picture(*, blocks: int = 0, of: int = 5000) -> Picture:
    """A white picture, some of whose blocks are black."""
    return Picture(columns=50, rows=of // 50, sums=b"\0" * 6 * blocks + b"\xff" * 6 * (of - blocks))


STEP = ProbeStep(
    control="button “Go”",
    added=("1",),
    removed=("0",),
    effect="a",
    ways=("text",),
    first_change_ms=0,
    last_change_ms=0,
    blocked_ms=0,
)
PROBE = Probe(
    is_complete=True,
    problem="",
    content=("Words that are read",),
    steps=(STEP,),
    pictures={"desktop": picture()},
    accessibility=("button “Go”",),
    errors=("error: a font is missing",),
)


def with_operator(name: str, page: Files = PAGE) -> Perturbation:
    return perturb(page, operator=name)


CHANGES: Mapping[str, Probe] = {
    "behaviour": replace(PROBE, steps=(replace(STEP, effect="", ways=(), first_change_ms=None, last_change_ms=None),)),
    "content": replace(PROBE, content=("Wrods that are read",)),
    "look": replace(PROBE, pictures={"desktop": picture(blocks=500)}),
    "accessibility": replace(PROBE, accessibility=("button “”",)),
    "latency": replace(PROBE, steps=(replace(STEP, first_change_ms=800, last_change_ms=800),)),
}


@pytest.mark.parametrize(
    ("operator", "shown", "refused"),
    [
        ("dead_handler", "behaviour", ""),
        ("dead_handler", "content", ""),
        ("dead_handler", "look", "elsewhere"),
        ("dead_handler", "latency", "elsewhere"),
        ("typo", "content", ""),
        ("typo", "behaviour", ""),
        ("typo", "accessibility", "elsewhere"),
    ],
)
def test_a_flaw_must_show_where_its_operator_works(operator: str, shown: str, refused: str) -> None:
    proof = prove(with_operator(operator), [PROBE, PROBE], CHANGES[shown])
    assert (proof.ok, proof.refused_because) == (not refused, refused)
    assert proof.channels == {shown}
    assert proof.reason == (REFUSALS[proof.refused_because] if refused else "")


def test_what_changes_nothing_is_refused() -> None:
    assert prove(with_operator("typo"), [PROBE, PROBE], PROBE).refused_because == "no_difference"


def test_an_original_that_differs_from_itself_proves_nothing() -> None:
    for other in CHANGES.values():
        proof = prove(with_operator("typo"), [PROBE, PROBE, other], CHANGES["content"])
        assert proof.refused_because == "unsteady"


def test_a_new_error_gives_a_flaw_away_and_an_old_one_does_not() -> None:
    wrong = replace(CHANGES["content"], errors=(*PROBE.errors, "exception: x is not defined"))
    assert prove(with_operator("typo"), [PROBE, PROBE], wrong).refused_because == "new_error"
    assert prove(with_operator("typo"), [PROBE, PROBE], replace(CHANGES["content"], errors=())).ok


def test_a_walk_that_does_not_end_proves_nothing() -> None:
    cut = replace(PROBE, is_complete=False, problem="it hangs")
    assert prove(with_operator("typo"), [PROBE, cut], PROBE).refused_because == "original_incomplete"
    assert prove(with_operator("typo"), [PROBE, PROBE], cut).refused_because == "mutant_incomplete"


def test_one_visit_to_the_original_is_not_enough() -> None:
    with pytest.raises(ValueError, match="two or more"):
        prove(with_operator("typo"), [PROBE], CHANGES["content"])


def test_what_a_canvas_shows_counts_as_behaviour_where_it_can_be_seen() -> None:
    drawn = (CodeFile(filename="a.html", content="<script>c.getContext('2d'); function f(){ x += y * 2 }</script>"),)
    mutant = with_operator("arithmetic", drawn)
    assert prove(mutant, [PROBE, PROBE], CHANGES["look"]).ok
    small = replace(PROBE, pictures={"desktop": picture(blocks=3)})
    assert prove(mutant, [PROBE, PROBE], small).refused_because == "too_small"


def test_refusals_are_counted_by_reason() -> None:
    made = with_operator("typo")
    proofs = [prove(made, [PROBE, PROBE], probe) for probe in (PROBE, PROBE, CHANGES["content"], CHANGES["look"])]
    assert count_refusals(proofs) == {"no_difference": 2, "elsewhere": 1}


class Browser:
    """Answers probes: of the original as it is, of a copy by what the copy says."""

    def __init__(self, shown: Probe, *, is_steady: bool = True) -> None:
        self.shown = shown
        self.is_steady = is_steady
        self.visits = 0

    async def __call__(self, files: Files) -> Probe:
        self.visits += 1
        if files == PAGE:
            return PROBE if self.is_steady or self.visits == 1 else CHANGES["look"]
        return self.shown


def test_the_first_that_is_proven_is_found_and_the_original_is_visited_twice() -> None:
    browser = Browser(CHANGES["content"])
    found = asyncio.run(find_proven(PAGE, browser, operator="typo"))
    assert found.perturbation is not None
    assert found.proof is not None
    assert found.proof.ok
    assert (found.tried, found.refused, browser.visits) == (1, {}, 3)


def test_attempts_end_and_say_why_each_was_refused() -> None:
    browser = Browser(CHANGES["look"])
    found = asyncio.run(find_proven(PAGE, browser, attempts=4, weights={"contrast": 0, "tiny_text": 0}))
    assert found.perturbation is None
    assert found.tried == sum(found.refused.values()) <= 4
    assert set(found.refused) == {"elsewhere"}


def test_on_an_unsteady_page_nothing_is_tried() -> None:
    browser = Browser(CHANGES["content"], is_steady=False)
    found = asyncio.run(find_proven(PAGE, browser))
    assert (found.perturbation, found.page_refused, browser.visits) == (None, "unsteady", 2)


def test_a_record_undoes_the_perturbation() -> None:
    for files in load_pages().values():
        made = perturb(files, seed=4)
        record = perturbation_record(made, None)
        assert undo_edits(made.files, edits_of(record)) == files
        assert record["is_proven"] is False


@pytest.mark.parametrize(
    "record", [{}, {"format": 1}, {"format": 1, "edits": [{"index": 0}]}, {"format": 1, "edits": 3}]
)
def test_what_is_no_record_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(InputError):
        edits_of(record)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_most_perturbations_of_every_operator_are_proven_in_the_browser() -> None:
    """Three of each operator on every page; `no_focus` waits for a probe that looks at focus."""
    from refine.perturb import propose
    from refine.render import Renderer

    async def run() -> dict[str, list[bool]]:
        seen: dict[str, list[bool]] = {}
        async with Renderer() as renderer:
            for name, files in load_pages().items():
                if name == "counter":  # React, which is not there
                    continue
                originals = [await renderer.probe(files) for _ in range(3)]
                count: dict[str, int] = {}
                for made in propose(files, seed=1):
                    count[made.operator] = count.get(made.operator, 0) + 1
                    if count[made.operator] <= 3:
                        proof = prove(made, originals, await renderer.probe(made.files))
                        assert proof.refused_because != "unsteady", name
                        seen.setdefault(made.operator, []).append(proof.ok)
        return seen

    try:
        seen = asyncio.run(run())
    except NoBrowser as exc:
        pytest.skip(str(exc))
    shares = {name: sum(ok) / len(ok) for name, ok in seen.items() if name != "no_focus"}
    assert len(shares) >= 20
    assert {name: share for name, share in shares.items() if share == 0} == {}
    assert sum(shares.values()) / len(shares) > 0.7
