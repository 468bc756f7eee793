"""What is found of labelers, how likely each of it is, what speaks for and against it, and what would change it.

Probabilities come from the fit (careless, adversarial), from `tastes` (who only sees something else), and from habits
that show without looking at pages (`habits`, `copying`). Nothing here decides anything.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from refine.ranking.copying import Copying, copying
from refine.ranking.habits import Pace, Straight, paces, straight_lining
from refine.ranking.labelers import believe, no_evidence
from refine.ranking.tastes import WELL, Controls, Taste, controls_of, pass_rate, seeing, tastes
from refine.ranking.trusted import Fitted
from refine.ranking.work import Work

Said: TypeAlias = str
"""A sentence with its numbers."""
Kind: TypeAlias = Literal["careless", "adversarial", "straight_lining", "copying", "too_fast"]

FLAG: Final = 0.9
"""Probability from which on a finding is one to act on."""
WORTH_SAYING: Final = 0.2
"""Below it a finding is not listed."""
_PRIOR_TASTE: Final = 1.0
"""Of a taste of one's own, beside answers that do not depend on what is shown."""
_HURRY_ODDS: Final = 4.0
"""That who hurries most of the time sees badly, before anything they ranked is looked at."""
_CHANCE_PASS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    kind: Kind
    probability: float
    evidence: tuple[Said, ...]
    counter_evidence: tuple[Said, ...]
    would_change: tuple[Said, ...]
    """What would make it as likely as not."""
    other: str | None = None
    """The labeler who is copied."""

    @property
    def is_flag(self) -> bool:
        return self.probability >= FLAG


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Of one labeler."""

    findings: tuple[Finding, ...]
    """The likeliest first."""
    p_taste: float
    """That they see something else than most, consistently."""
    controls: Controls
    straight: Straight
    pace: Pace
    copying: Copying | None
    taste: Taste | None
    """Of those whom the ratings do not explain."""

    @property
    def is_flagged(self) -> bool:
        return any(finding.is_flag for finding in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """Of one labeler, what sentences are made of."""

    rankings: int
    agreement: float
    decided: int
    typical_agreement: float
    reliability: float
    p_hurries_badly: float
    """If they hurry."""
    controls: Controls
    rate: float
    """Of controls passed by labelers who look."""
    usual_ratio: float
    """Log odds that a ranking of a typical labeler adds against carelessness."""


def find(fitted: Fitted, work: Sequence[Work], agreement: Mapping[str, tuple[float, int]]) -> dict[str, Profile]:
    """By labeler, of all who have work. `fitted` is a fit of that work; `agreement` is by labeler: share of decided
    comparisons in which they side with the others, and how many those are."""
    controls = controls_of(work)
    beliefs, place = fitted.beliefs, fitted.place_of_labeler
    sees, sees_well = seeing(beliefs), seeing(beliefs, least=WELL)
    good = [name for name in fitted.data.labelers if sees[place[name]] > 0.9]
    rate = pass_rate(controls, good)
    other_tastes = tastes(fitted, work, controls, rate)
    by_labeler: dict[str, list[Work]] = defaultdict(list)
    for each in work:
        by_labeler[each.labeler].append(each)
    pace, copied = paces(work), copying(work)
    typical = float(np.median([agreement[name][0] for name in good if name in agreement] or [0.5]))
    usually_badly = 1 - float(seeing(believe(fitted.population, no_evidence(1)), least=WELL)[0])
    usual = _usual_ratio(fitted, {name: len(it) for name, it in by_labeler.items()}, good)
    found = {}
    for name, own in by_labeler.items():
        at = place.get(name)
        if at is None:  # ranked one candidate at a time: nothing was compared
            p_careless = p_adversarial = 0.0
        else:
            p_adversarial = float(beliefs.adversarial[at])
            p_careless = max(1 - float(sees[at]) - p_adversarial, 0.0)
        taste = other_tastes.get(name)
        p_careless, p_adversarial, p_taste = _with_taste(p_careless, p_adversarial, taste)
        share, decided = agreement.get(name, (0.5, 0))
        seen = _Seen(
            rankings=len(own),
            agreement=share,
            decided=decided,
            typical_agreement=typical,
            reliability=0.0 if at is None else float(beliefs.reliability[at]),
            p_hurries_badly=0.0
            if at is None
            else _given_hurry(1 - float(sees_well[at]), usually_badly) * (1 - p_taste),
            controls=controls.get(name, Controls(met=0, passed=0, tied=0)),
            rate=rate,
            usual_ratio=usual,
        )
        straight = straight_lining(own)
        findings = [
            _careless(p_careless, seen, taste),
            _adversarial(p_adversarial, seen, taste),
            _straight(straight, seen),
            _too_fast(pace[name], seen),
        ]
        if name in copied:
            findings.append(_copying(copied[name], seen))
        found[name] = Profile(
            findings=tuple(
                sorted(
                    (it for it in findings if it.probability >= WORTH_SAYING),
                    key=lambda it: (-it.probability, it.kind),
                )
            ),
            p_taste=p_taste,
            controls=seen.controls,
            straight=straight,
            pace=pace[name],
            copying=copied.get(name),
            taste=taste,
        )
    return found


def _with_taste(p_careless: float, p_adversarial: float, taste: Taste | None) -> tuple[float, float, float]:
    """P(careless), P(adversarial) and P(a taste of their own): the last takes its share of the first two."""
    if taste is None:
        return p_careless, p_adversarial, 0.0
    seeing = p_careless * _PRIOR_TASTE * math.exp(min(taste.log_factor, 50.0))
    seeing += p_adversarial * _PRIOR_TASTE * math.exp(min(taste.log_factor_inverted, 50.0))
    total = 1 + seeing
    return p_careless / total, p_adversarial / total, seeing / total


def _given_hurry(p_badly: float, usually: float) -> float:
    """P(sees badly) of somebody who hurries, of whom that is expected, by what their rankings alone say."""
    odds = math.exp(_log_odds(p_badly) - _log_odds(usually)) * _HURRY_ODDS
    return odds / (1 + odds)


def _usual_ratio(fitted: Fitted, rankings: Mapping[str, int], good: Sequence[str]) -> float:
    """What a ranking of a typical labeler adds to the log odds against carelessness."""
    sees, place = seeing(fitted.beliefs), fitted.place_of_labeler
    each = []
    for name in good:
        at = place[name]
        each.append(_log_odds(float(sees[at])) / max(rankings[name], 1))
    return max(float(np.median(each)), 0.0) if each else 0.0


# --- In words -------------------------------------------------------------------------------------------------------


def _careless(p: float, seen: _Seen, taste: Taste | None) -> Finding:
    log_odds = _log_odds(p)
    further = [_more(log_odds, math.log(seen.rate / _CHANCE_PASS), "further control passed", "further controls passed")]
    if seen.usual_ratio > 0:
        further.append(
            _more(log_odds, seen.usual_ratio, "further ranking as telling as a typical labeler's",
                  "further rankings as telling as a typical labeler's")
        )  # fmt: skip
    evidence = [_agreement(seen)] if seen.agreement < seen.typical_agreement else []
    evidence += _controls_against(seen, chance=True)
    return Finding(
        kind="careless",
        probability=p,
        evidence=tuple(evidence),
        counter_evidence=(*_controls_for(seen), *_sees(seen), *_taste(taste)),
        would_change=tuple(it for it in further if it),
    )


def _adversarial(p: float, seen: _Seen, taste: Taste | None) -> Finding:
    gain = math.log(seen.rate / (1 - seen.rate))
    more = _more(_log_odds(p), gain, "further control passed", "further controls passed")
    evidence = [_agreement(seen)] if seen.agreement < 0.5 else []
    evidence += _controls_against(seen, chance=False)
    return Finding(
        kind="adversarial",
        probability=p,
        evidence=tuple(evidence),
        counter_evidence=(*_controls_for(seen), *_taste(taste)),
        would_change=(more,) if more else (),
    )


def _straight(straight: Straight, seen: _Seen) -> Finding:
    pattern = " ".join(str(place + 1) for place in straight.pattern)
    rest = straight.of - straight.times
    counter = [f"{_count(rest, 'ranking')} of {straight.of} go by another order."] if rest else []
    more = straight.further
    change = f"{_count(more, 'further ranking')} in other orders of places." if more else ""
    return Finding(
        kind="straight_lining",
        probability=straight.probability,
        evidence=(
            f"{straight.times} of {straight.of} rankings put the places on the screen in the order {pattern};"
            f" by chance {straight.expected:.1f} would. Orders of showing are drawn anew each time.",
        ),
        counter_evidence=(*counter, *_controls_for(seen), *_sees(seen)),
        would_change=(change,) if change else (),
    )


def _too_fast(pace: Pace, seen: _Seen) -> Finding:
    evidence = []
    if pace.timed:
        assert pace.ratio is not None
        evidence.append(
            f"{pace.hurried} of {pace.timed} rankings took less than a third of what others take for the same round;"
            f" the middle one {pace.ratio:.2f} times as long as theirs."
        )
        evidence.append(f"It shows: reliability is {seen.reliability:.2f} (typical: 1).")
    change = []
    more = pace.further(seen.p_hurries_badly)
    if more:
        change.append(f"{_count(more, 'further ranking')} at the pace of others.")
    if seen.p_hurries_badly >= 0.5:
        change.append(f"A reliability above {WELL:g}: fast work that is right is no fault.")
    rest = pace.timed - pace.hurried
    counter = [f"{_count(rest, 'ranking')} of {pace.timed} took longer."] if rest else []
    return Finding(
        kind="too_fast",
        probability=pace.probability * seen.p_hurries_badly,
        evidence=tuple(evidence),
        counter_evidence=(*counter, *_controls_for(seen), *_sees(seen)),
        would_change=tuple(change),
    )


def _copying(found: Copying, seen: _Seen) -> Finding:
    evidence: list[Said] = []
    counter: list[Said] = []
    if found.same:
        evidence.append(
            f"{found.same} of {found.shared} rounds shared with one other labeler are ranked the same as theirs;"
            f" {found.expected:.1f} would be by chance."
        )
    if found.near_texts:
        evidence.append(
            f"{found.near_texts} of {found.texts} critiques of the same candidates read nearly the same as theirs."
        )
    if found.timed:
        said = f"{found.later} of the {found.timed} same rankings came in after theirs."
        (evidence if 2 * found.later >= found.timed else counter).append(said)
    elif found.same:
        counter.append("Who was first is not known.")
    if rest := found.shared - found.same:
        counter.append(f"{_count(rest, 'shared round')} ranked differently.")
    if not found.near_texts and found.texts:
        counter.append(f"None of {_count(found.texts, 'critique')} of the same candidates read the same.")
    more = found.further
    change = f"{_count(more, 'further shared round')} ranked differently." if more else ""
    return Finding(
        kind="copying",
        probability=found.probability,
        evidence=tuple(evidence),
        counter_evidence=(*counter, *_controls_for(seen)),
        would_change=(change,) if change else (),
        other=found.other,
    )


def _agreement(seen: _Seen) -> Said:
    return (
        f"Sides with the others in {seen.agreement:.0%} of {_count(seen.decided, 'decided comparison')};"
        f" typical labelers do in {seen.typical_agreement:.0%}."
    )


def _controls_against(seen: _Seen, *, chance: bool) -> list[Said]:
    met = seen.controls
    if not met.failed:
        return []
    guess = "; who does not look passes half" if chance else ""
    return [f"Failed {met.failed} of {_count(met.met, 'control')}; typical labelers pass {seen.rate:.0%}{guess}."]


def _controls_for(seen: _Seen) -> list[Said]:
    met = seen.controls
    if not met.met:
        return ["No control was met yet, so nothing known for certain speaks either way."]
    return [f"Passed {met.passed} of {_count(met.met, 'control')}."] if met.passed else []


def _sees(seen: _Seen) -> list[Said]:
    if seen.p_hurries_badly >= 0.5:
        return []
    return [f"Sees what others see: reliability {seen.reliability:.2f}, {seen.agreement:.0%} agreement."]


def _taste(taste: Taste | None) -> list[Said]:
    if taste is None:
        return []
    said = []
    if taste.company:
        said.append(f"Agrees with {_count(taste.company, 'other labeler')} who see something else than most.")
    if taste.repeated and 2 * taste.kept > taste.repeated:
        said.append(f"Kept to {taste.kept} of {_count(taste.repeated, 'order')} of two candidates ranked again.")
    return said


def _more(log_odds: float, each: float, one: str, many: str) -> Said:
    """How often something has to happen, each time worth so much, for even odds; empty where that is no evidence, or
    they are even already."""
    if each <= 1e-6 or log_odds <= 0:
        return ""
    number = math.ceil(log_odds / each)
    return f"{number:,} {one if number == 1 else many}."


def _log_odds(p: float) -> float:
    p = min(max(p, 1e-12), 1 - 1e-12)
    return math.log(p / (1 - p))


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
