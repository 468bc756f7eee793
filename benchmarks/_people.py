"""Made-up labelers with habits: who looks, who sees something else, and who does not look, with all that is recorded."""

import random
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from refine.ranking.work import Work

SHARES: Final = {
    "honest": 0.65,
    "minority": 0.10,
    "random": 0.06,
    "left": 0.05,
    "inverted": 0.04,
    "copyist": 0.05,
    "too fast": 0.05,
}
HONEST: Final = ("honest", "minority")
_WORDS = [
    "button",
    "menu",
    "colour",
    "header",
    "text",
    "margin",
    "image",
    "title",
    "list",
    "chart",
    "timer",
    "answer",
    "field",
    "label",
    "page",
    "link",
    "icon",
    "border",
    "font",
    "contrast",
    "spacing",
    "score",
    "footer",
    "arrow",
    "column",
    "hint",
    "caption",
    "background",
    "animation",
    "keyboard",
    "sound",
    "progress",
    "question",
]
_SAYS = ("is hard to read", "does not react", "looks good", "overlaps the rest", "is too small", "comes too late")


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    work: tuple[Work, ...]
    kind: dict[str, str]
    """By labeler."""


def make_people(
    *,
    labelers: int = 200,
    rankings_each: int = 100,
    per_round: int = 5,
    shown: int = 4,
    control_share: float = 0.2,
    likeness: float = 0.2,
    gain_sd: float = 0.4,
    shares: dict[str, float] | None = None,
    seed: int = 0,
) -> People:
    """`likeness` is the correlation of the minority's scores with everybody's.

    Honest ones and the minority see scores a log-normal number of times and are off by Gumbel noise; controls are two
    worse, a half more or less, in either taste. Random ones draw; left ones keep to the screen nineteen times in twenty;
    inverted ones turn what they see round. A copyist goes where one honest labeler goes and hands in the same nine
    times in ten, later, with texts hardly changed. Those too fast take a fifth of the time and see a fifth as much.
    """
    rng, words = np.random.default_rng(seed), random.Random(seed)
    names = [f"p{number:03}" for number in range(labelers)]
    kind = _kinds(names, shares or SHARES, rng)
    gain = {name: float(np.exp(rng.normal(0, gain_sd))) for name in names}
    pace = {name: 60 * float(np.exp(rng.normal(0, 0.4))) for name in names}
    honest = [name for name in names if kind[name] == "honest"]
    source = {name: str(rng.choice(honest)) for name in names if kind[name] == "copyist"}
    rounds = max(1, labelers * rankings_each // per_round)
    left = dict.fromkeys(names, rankings_each)
    found: list[Work] = []
    for number in range(rounds):
        chosen = _choose(left, per_round, source, rng)
        main = rng.normal(0, 1, shown)
        other = likeness * main + np.sqrt(1 - likeness**2) * rng.normal(0, 1, shown)
        clock = 1000.0 * number
        handed: dict[str, Work] = {}
        for turn, name in enumerate(sorted(chosen, key=lambda it: (it in source, rng.random()))):
            left[name] -= 1
            of = kind[name]
            seen = other if of == "minority" else main
            made = _rank(of, gain[name], seen, f"r{number:05}", name, rng, control_share)
            took = pace[name] * float(np.exp(rng.normal(0, 0.3))) * (0.2 if of == "too fast" else 1.0)
            made = replace(made, active_s=took, at=clock + 10 * turn, texts=_texts(made, words))
            if name in source and source[name] in handed and rng.random() < 0.9:
                made = _copy(made, handed[source[name]], words)
            handed[name] = made
        found += handed.values()
    return People(work=tuple(found), kind=kind)


def _kinds(names: list[str], shares: dict[str, float], rng: np.random.Generator) -> dict[str, str]:
    counted = [kind for kind, share in shares.items() for _ in range(round(share * len(names)))]
    counted = (counted + ["honest"] * len(names))[: len(names)]
    return {names[at]: kind for at, kind in zip(rng.permutation(len(names)).tolist(), counted, strict=True)}


def _choose(left: dict[str, int], count: int, source: dict[str, str], rng: np.random.Generator) -> list[str]:
    """Those who have most to do first, and copyists after whom they copy."""
    order = sorted(left, key=lambda name: (-left[name], rng.random()))
    chosen = [name for name in order if name not in source][:count]
    followers = [name for name, other in source.items() if other in chosen and left[name] > 0]
    for name in followers[: count - 1]:
        spare = [it for it in chosen if it not in source.values() and it not in source]
        if spare:
            chosen[chosen.index(spare[-1])] = name
    return chosen


def _rank(
    kind: str, gain: float, scores: "np.ndarray[tuple[int], np.dtype[np.float64]]", round: str, name: str,
    rng: np.random.Generator, control_share: float,
) -> Work:  # fmt: skip
    """Rankings are by utilities with ties within 0.15; a control stands in for the last candidate."""
    count = len(scores)
    items, worth = [f"{round}c{at}" for at in range(count)], scores.copy()
    has_control = count > 2 and rng.random() < control_share
    if has_control:
        original = int(rng.integers(count - 1))
        worth[-1] = worth[original] - max(rng.normal(2.0, 0.5), 0.5)
        items[-1] = "control"
    shown = rng.permutation(count)
    noise = rng.gumbel(size=count)
    place = np.argsort(shown).astype(float)
    gains = {"random": 0.0, "inverted": -gain, "too fast": 0.2 * gain}
    seen = gains.get(kind, gain) * worth + noise
    if kind == "left":
        seen = -place if rng.random() < 0.95 else noise
    seen = np.floor(seen / 0.15)
    groups: list[tuple[str, ...]] = [
        tuple(items[at] for at in np.flatnonzero(seen == value)) for value in np.unique(seen)[::-1]
    ]
    control = None
    if has_control:
        lead = seen[original] - seen[-1]
        control = 0 if lead > 0 else 1 if lead == 0 else 2
        groups = [kept for group in groups if (kept := tuple(it for it in group if it != "control"))]
    return Work(
        labeler=name,
        group=round,
        round=round,
        groups=tuple(groups),
        shown=tuple(items[at] for at in shown if items[at] != "control"),
        control=control,
    )


def _texts(made: Work, words: random.Random) -> tuple[tuple[str, str], ...]:
    item = made.groups[0][0]
    said = " ".join(f"the {words.choice(_WORDS)} {words.choice(_SAYS)}" for _ in range(3))
    return ((item, said),)


def _copy(made: Work, of: Work, words: random.Random) -> Work:
    """The other's ranking of what both were shown, and the other's words but for one."""
    common = {*made.shown} & {*of.shown}
    groups = [kept for group in of.groups if (kept := tuple(it for it in group if it in common))]
    groups += [(item,) for item in made.shown if item not in common]
    texts = tuple((item, said.replace(" is ", " seems ", 1)) for item, said in of.texts)
    return replace(made, groups=tuple(groups), texts=texts)
