"""Who is flagged among labelers of known habits, and what is said of them."""

from collections import Counter
from dataclasses import replace
from itertools import cycle, islice, permutations

import pytest

import refine.ranking.copying as copying_module
from benchmarks._people import HONEST, People, make_people
from benchmarks.findings import look
from refine.ranking.copying import copying
from refine.ranking.findings import FLAG, Profile
from refine.ranking.habits import Pace, Straight, straight_lining
from refine.ranking.work import Work


@pytest.fixture(scope="module")
def people() -> People:
    return make_people(labelers=60, rankings_each=70, seed=3)


@pytest.fixture(scope="module")
def found(people: People) -> dict[str, Profile]:
    return look(people)


def flagged(people: People, found: dict[str, Profile], *kinds: str) -> float:
    names = [name for name, kind in people.kind.items() if kind in kinds]
    return sum(found[name].is_flagged for name in names) / len(names)


def test_those_who_do_not_look_are_flagged_and_nearly_nobody_else(people: People, found: dict[str, Profile]) -> None:
    bad = {name for name, kind in people.kind.items() if kind not in HONEST}
    named = {name for name, profile in found.items() if profile.is_flagged}
    assert len(named & bad) >= 0.8 * len(bad)
    assert len(named & bad) >= 0.9 * len(named)
    assert flagged(people, found, "minority") == 0


@pytest.mark.parametrize(
    ("kind", "finding"), [("left", "straight_lining"), ("copyist", "copying"), ("inverted", "adversarial")]
)
def test_each_habit_is_called_what_it_is(people: People, found: dict[str, Profile], kind: str, finding: str) -> None:
    for name in (name for name, it in people.kind.items() if it == kind):
        probabilities = {str(it.kind): it.probability for it in found[name].findings}
        assert probabilities.get(finding, 0.0) > 0.5, (name, probabilities)


def test_a_finding_says_why_what_speaks_against_it_and_what_would_change_it(found: dict[str, Profile]) -> None:
    flags = [it for profile in found.values() for it in profile.findings if it.is_flag]
    assert flags
    for finding in flags:
        assert finding.evidence, finding
        assert FLAG <= finding.probability <= 1
        assert all(any(it.isdigit() for it in said) for said in finding.evidence)
    for part in ("counter_evidence", "would_change"):
        assert any(getattr(finding, part) for finding in flags)


def test_copies_name_whom_they_copy_and_the_copied_one_is_not_blamed(people: People, found: dict[str, Profile]) -> None:
    for name, kind in people.kind.items():
        if kind != "copyist":
            continue
        other = next(it.other for it in found[name].findings if it.kind == "copying")
        assert other is not None and people.kind[other] == "honest"
        assert not found[other].is_flagged


def work(labeler: str, round: str, order: str, **more: object) -> Work:
    return replace(
        Work(
            labeler=labeler,
            group=round,
            round=round,
            groups=tuple((it,) for it in order),
            shown=tuple(sorted(order)),
        ),
        **more,  # type: ignore[arg-type]
    )


def test_what_would_change_straight_lining_is_what_changes_it() -> None:
    seen = straight_lining([work("ann", f"r{n}", "abcd") for n in range(12)])
    assert seen.probability > 0.99 and (seen.times, seen.pattern) == (12, (0, 1, 2, 3))
    assert seen.further is not None
    others = [it for it in permutations(range(4)) if it != seen.pattern]

    def after(more: int) -> float:
        spread = Counter(islice(cycle(others), more))
        return Straight.of_counts({**seen.counts, **spread}).probability

    assert after(seen.further) < 0.5 <= after(seen.further - 1)


def test_orders_of_places_that_vary_are_no_habit() -> None:
    orders = ["abcd", "bacd", "cdab", "dcba", "bdca", "acbd", "dabc", "abdc"]
    assert straight_lining([work("ann", f"r{n}", order) for n, order in enumerate(orders)]).probability < 0.05


def test_who_is_slower_than_a_third_of_others_does_not_hurry() -> None:
    assert Pace.of_counts(30, 0, 0.5, 20.0).probability < 0.01
    assert Pace.of_counts(30, 28, 0.2, 8.0).probability > 0.99
    pace = Pace.of_counts(30, 28, 0.2, 8.0)
    more = pace.further(1.0)
    assert more is not None
    assert Pace.of_counts(30 + more, 28, 0.2, 8.0).probability < 0.5


def test_the_same_words_on_the_same_pages_tell_a_copy_where_rankings_do_not() -> None:
    made = []
    for n in range(12):
        said = f"the heading number {n} overlaps the list of colours and nobody can read page {n * 7}"
        made += [
            work("ann", f"r{n}", "ab", at=float(10 * n), texts=(("a", said),)),
            work("bob", f"r{n}", "ab" if n % 2 else "ba", at=10.0 * n + 5, texts=(("a", said.upper() + "!"),)),
            work("cyd", f"r{n}", "ba", at=10.0 * n + 6, texts=(("a", f"something else about item {n * 13} entirely"),)),
        ]
    seen = copying(made)
    assert seen["bob"].near_texts == 12 and seen["bob"].other == "ann" and seen["bob"].probability > 0.5
    assert seen["ann"].probability < 0.5


def test_who_says_hundreds_of_things_of_one_page_is_compared_by_some(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    near = copying_module._is_near

    def count(one: frozenset[str], other: frozenset[str]) -> bool:
        compared.append(1)
        return near(one, other)

    monkeypatch.setattr(copying_module, "_is_near", count)
    made = [
        work(name, "r1", "ab", texts=tuple(("a", f"{name} says the thing number {n} of page a") for n in range(200)))
        for name in ("ann", "bob", "cyd")
    ]
    copying(made)
    assert 0 < len(compared) <= 300


def test_nothing_is_found_of_nobody_and_little_of_a_newcomer() -> None:
    few = People(work=tuple(work(name, "r1", "abc") for name in ("ann", "bob")), kind={})
    assert not any(profile.is_flagged for profile in look(few).values())
