"""Operators on pages of every kind, and on text that is no page at all."""

import random
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.errors import InputError
from refine.perturb import (
    FLAWS,
    OPERATORS,
    Perturbation,
    apply_edits,
    apply_site,
    find_sites,
    operator_named,
    perturb,
    propose,
    read_source,
    syntax_problem,
)
from refine.types import CodeFile, Files
from tests.perturb.conftest import load_pages

PAGES = load_pages()
WHOLE = "\n".join(file.content for files in PAGES.values() for file in files)


def one(content: str, name: str = "index.html") -> Files:
    return (CodeFile(filename=name, content=content),)


def test_there_are_operators_in_every_channel_and_they_are_the_catalogues_flaws() -> None:
    assert len(OPERATORS) >= 15
    assert {each.channel for each in OPERATORS} == {"behaviour", "content", "look", "accessibility", "latency"}
    catalogue = {flaw.name: flaw for flaw in FLAWS}
    for each in OPERATORS:
        assert catalogue[each.name].channel == each.channel
        assert catalogue[each.name].severity == each.severity
        assert 0 < each.least <= each.severity <= each.most <= 1
    assert {each.name for each in OPERATORS} == set(catalogue)


@pytest.mark.parametrize("operator", [each.name for each in OPERATORS])
def test_every_operator_finds_a_place_and_is_undone_byte_for_byte(operator: str) -> None:
    made = 0
    for files in PAGES.values():
        source = read_source(files)
        for site in find_sites(files, operator=operator):
            each = operator_named(operator)
            for severity in {each.least, each.severity, each.most}:
                found = apply_site(source, site, severity=severity, seed=3)
                if found is not None:
                    made += 1
                    assert found.files != files
                    assert found.undo() == files
                    assert apply_edits(files, found.edits) == found.files
                    assert found.description
                    assert "\n" not in found.description
    assert made


def test_nothing_but_the_edits_changes() -> None:
    files = one(PAGES["quiz"][0].content.replace("\n", "\r\n") + "\n<!-- ünïcödé 🌊 -->")
    for found in propose(files, seed=1):
        (edit, *more) = sorted(found.edits, key=lambda each: each.start)
        before, after = files[0].content.encode(), found.files[0].content.encode()
        assert before[: edit.start] == after[: edit.start]
        last = more[-1] if more else edit
        assert before[last.end :] == after[len(after) - (len(before) - last.end) :]


def test_the_same_seed_makes_the_same_mutant_and_others_differ() -> None:
    for files in PAGES.values():
        made = [perturb(files, seed=seed) for seed in range(5)]
        assert made == [perturb(files, seed=seed) for seed in range(5)]
        assert len({each.files for each in made}) > 2


def test_proposals_do_not_repeat_themselves_and_end() -> None:
    files = PAGES["timer"]
    places = [(each.operator, each.site.start, each.site.end, each.site.how) for each in propose(files, seed=5)]
    assert len(places) == len(set(places)) > 50


def test_an_operator_of_no_weight_is_never_proposed() -> None:
    only = {each.name: 0.0 for each in OPERATORS} | {"typo": 1.0}
    assert {each.operator for each in propose(PAGES["quiz"], weights=only)} == {"typo"}


def said(files: Files, **asked: object) -> str:
    with pytest.raises(InputError) as caught:
        perturb(files, **asked)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_cannot_be_placed_is_refused_in_one_line() -> None:
    files = PAGES["quiz"]
    assert "there is no operator 'nonsense'" in said(files, operator="nonsense")
    assert "lag has severities from 0.06 to 0.28" in said(files, operator="lag", severity=0.9)
    assert "dead_handler has one severity, 0.3" in said(files, operator="dead_handler", severity=0.5)
    assert "no operator has severity" in said(files, severity=1.0)
    assert "above 0" in said(files, severity=0.0)
    assert "nothing to perturb" in said(one(""))
    assert "no place for missing_alt" in said(files, operator="missing_alt")


def test_a_severity_asked_for_is_kept_and_scales_the_change() -> None:
    def size(severity: float) -> float:
        found = next(each for each in propose(PAGES["quiz"], operator="lag", severity=severity, seed=2))
        assert found.severity == severity
        return float(found.edits[1].new.decode().rpartition(", ")[2].rstrip(")"))

    assert size(0.06) < size(0.2) < size(0.28)
    assert perturb(PAGES["quiz"], severity=0.1, seed=1).severity == pytest.approx(0.1, abs=0.06)


def test_contrast_falls_to_what_was_asked_for() -> None:
    from refine.perturb._colors import contrast, parse_color

    page = one("<style>p { color: #000; background: #ffffff }</style><p>Words to be read</p>")
    for severity, ratio in ((0.08, 3.0), (0.4, 1.25)):
        text = perturb(page, operator="contrast", severity=severity).files[0].content
        color = parse_color(text.partition("color: ")[2][:7])
        assert color is not None
        assert contrast(color, (1, 1, 1)) == pytest.approx(ratio, abs=0.05)


def mutants(page: str, operator: str) -> list[str]:
    return [each.files[0].content for each in propose(one(page), operator=operator)]


@pytest.mark.parametrize(
    ("operator", "page", "mutant"),
    [
        ("dead_handler", "<a onclick='f()'>x</a>", "<a data-onclick='f()'>x</a>"),
        ("dead_handler", "<script>b.onclick = f</script>", "<script>b.onClick = f</script>"),
        (
            "dead_handler",
            '<script>b.innerHTML = `<i onclick="f(${1})">`</script>',
            '<script>b.innerHTML = `<i data-onclick="f(${1})">`</script>',
        ),
        ("stale_state", "<script>function reset(){ n = 0; }</script>", "<script>function reset(){ n = n; }</script>"),
        ("double_count", "<script>function f(){ n++; }</script>", "<script>function f(){ n += 2; }</script>"),
        (
            "wrong_progress",
            "<script>b.style.width = `${p}%`</script>",
            "<script>b.style.width = `${100 - (p)}%`</script>",
        ),
        ("missing_label", "<label for=a>A</label><input id=a>", "<label data-for=a>A</label><input id=a>"),
        ("missing_label", "<label>A <input></label>", "<span>A <input></span>"),
        ("missing_label", '<button aria-label="Go">x</button>', "<button>x</button>"),
        ("missing_alt", '<img alt="A cat" src="c.png">', '<img src="c.png">'),
        ("no_focus", "<style>a:focus{outline:2px solid}</style>", "<style>a:focus{outline:none}</style>"),
        ("no_keyboard", '<script>if (e.key === "Escape") f()</script>', '<script>if (e.key === "Esc") f()</script>'),
        (
            "wrong_answer",
            '<script>q = {options: ["a", "b"], answer: "a"}</script>',
            '<script>q = {options: ["a", "b"], answer: "b"}</script>',
        ),
        (
            "wrong_answer",
            "<script>q = {choices: [{t: 1, isCorrect: true}, {t: 2, isCorrect: false}]}</script>",
            "<script>q = {choices: [{t: 1, isCorrect: false}, {t: 2, isCorrect: true}]}</script>",
        ),
        ("overflow", '<p style="max-width:600px">x</p>', '<p style="min-width: 1395px">x</p>'),
    ],
)
def test_an_operator_changes_what_it_is_meant_to(operator: str, page: str, mutant: str) -> None:
    assert mutants(page, operator) == [mutant]


@pytest.mark.parametrize(
    ("operator", "page"),
    [
        ("lag", "<script>f.addEventListener('click', e => { e.preventDefault(); g() })</script>"),
        ("lag", "<script>f.addEventListener('submit', g)</script>"),
        ("lag", '<b onclick="go(this)">x</b>'),
        ("typo", "<script>throw new Error('Something broke here')</script><code>another example</code>"),
        ("wrong_fact", "<style>a{width:1234px}</style><title>1234</title>"),
        ("inverted_check", "<script>while (a < b) { f() }</script>"),
        ("dead_handler", "<script>window.addEventListener('load', f)</script>"),
        ("arithmetic", "<script>t = 'a' + 2</script>"),
        ("arithmetic", "<script>t = 1 + ; 3 * 4</script>"),
        ("cramped", "<style>@keyframes a { from { padding: 20px } }</style>"),
        ("contrast", "<style>p{color:#bbb}</style>"),
    ],
)
def test_an_operator_keeps_away_from_what_it_would_spoil_otherwise(operator: str, page: str) -> None:
    assert mutants(page, operator) == []


def test_a_script_that_does_not_parse_is_left_alone_and_its_neighbours_are_not() -> None:
    page = "<script>let a = ;</script><script>function f(){ n++; }</script>"
    assert mutants(page, "double_count") == ["<script>let a = ;</script><script>function f(){ n += 2; }</script>"]


def test_a_change_that_would_not_parse_is_noticed() -> None:
    source = read_source(one("<script>f(1)</script>"))
    assert syntax_problem(source, one("<script>f(2)</script>")) == ""
    assert "does not parse" in syntax_problem(source, one("<script>f(2</script>"))


def check(files: Files, seed: int) -> None:
    source = read_source(files)
    for count, found in enumerate(propose(files, seed=seed)):
        assert found.undo() == files
        assert syntax_problem(source, found.files) == ""
        if count > 2:
            break
    first: Perturbation | None = next(propose(files, seed=seed), None)
    assert first == next(propose(files, seed=seed), None)


WORDS = r"""< > </ <script> </script> <style> </style> { } ( ) ` ${ ' " \ a = ; onclick= style= if(a===b) x+=1; /* <!--
color:#000; p{padding:20px} addEventListener('click',f) <button> 🌊"""
FRAGMENTS = st.sampled_from([*WORDS.split(), "<p>Some longer words</p>", "alt='a b'", "\n", " ", "\0", "\ud800"])


@settings(max_examples=50, deadline=None)
@given(st.lists(FRAGMENTS, max_size=40).map("".join), st.integers(0, 5), st.sampled_from(["a.html", "a.js", "a.css"]))
def test_any_text_gives_mutants_that_parse_and_are_undone_or_none(text: str, seed: int, name: str) -> None:
    check(one(text, name), seed)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(PAGES)), st.integers(0, 10_000), st.integers(0, 3000), st.integers(0, 40), FRAGMENTS)
def test_a_damaged_page_gives_mutants_that_parse_and_are_undone_or_none(
    name: str, seed: int, at: int, cut: int, put: str
) -> None:
    files = PAGES[name]
    text = files[0].content
    check((CodeFile(filename=files[0].filename, content=text[:at] + put + text[at + cut :]), *files[1:]), seed)


def hostile(size: int) -> dict[str, Files]:
    rng = random.Random(4)
    noise = "".join(rng.choice(string.printable) for _ in range(size))
    script = "".join(rng.choice("(){}[];,+-*/=<>!abc \"'`\n$") for _ in range(size))
    return {
        "deep": one("<div>" * (size // 5)),
        "comments": one("<!--" * (size // 4)),
        "quotes": one('<a b="' * (size // 6)),
        "noise": one(noise),
        "script noise": one(script, "a.js"),
        "brackets": one("(" * size, "a.js"),
        "handlers": one("<script>" + "a.addEventListener('click',()=>{" * (size // 32), "index.html"),
        "closed handlers": one("a.addEventListener('click',()=>{" * (size // 64) + "})" * (size // 64), "a.js"),
        "listeners": one("function f(){} x.addEventListener('click', f);\n" * (size // 47), "a.js"),
        "selectors": one("a:not(" * (size // 6), "a.css"),
        "members": one("a" + ".b" * (size // 2) + "=0", "a.js"),
        "sums": one("a=" + "1*" * (size // 2) + "1", "a.js"),
        "colours": one("p{" + "color:#000;" * (size // 11) + "}", "a.css"),
        "templates": one("x=`<b>${1}</b>`;\n" * (size // 17), "a.js"),
        "holes": one("x=`<b a='" + "${1}" * (size // 4) + "'>`", "a.js"),
        "choices": one("q={" + "options:[1,2],answer:1," * (size // 23) + "}", "a.js"),
        "words": one("<p>" + "words " * (size // 6)),
        "numbers": one("<p>" + "1234 " * (size // 5)),
    }


@pytest.mark.parametrize("name", sorted(hostile(10)))
def test_hostile_pages_cost_no_more_than_their_size(name: str) -> None:
    files = hostile(50_000)[name]
    started = time.process_time()
    found = next(propose(files, seed=1), None)
    assert found is None or found.undo() == files
    assert time.process_time() - started < 6


def test_a_page_too_big_to_read_has_no_places() -> None:
    assert find_sites(one("<p>Some longer words</p>" * 20_000)) == []
