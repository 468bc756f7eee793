"""What delivery changes in a page on its way, and that it changes nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refine.delivery import Bundle, bundle, document
from refine.delivery.bundling import text_of
from refine.errors import InputError
from refine.types import CodeFile

THREE = "https://cdnjs.cloudflare.com/ajax/libs/three.js/r128/three.min.js"


def one(page: str) -> Bundle:
    return bundle((CodeFile(filename="index.html", content=page),))


def names(made: Bundle) -> list[str]:
    return [f"{each.package} {each.version} {each.path}" for each in made.substituted]


@pytest.mark.parametrize(
    "page",
    [
        "<!doctype html><html><body><p>https://cdn.tailwindcss.com is a script</p></body></html>",
        "<h1>x</h1><!-- <script src='https://unpkg.com/three'></script> --><img src='data:,'>",
        "<p>a < b && c</p><textarea><script src='https://d3js.org/d3.v7.min.js'></script></textarea>",
        "<script>const a = '</p>'; if (a < 3) document.write('<b>x</b>')</script>",
        "<a href='https://unpkg.com/three'>three</a><form action='https://unpkg.com/x'>",
        "\r\n\t<p>line ends\r\n stay</p>\ufeff é 漢 \U0001f600",
    ],
)
def test_a_page_without_libraries_arrives_byte_for_byte(page: str) -> None:
    made = one(page)
    assert made.html == page
    assert (made.assets, made.substituted) == ((), ())


@given(st.text(alphabet="<>!-/'\"= abscriptylenkhref\n{}", max_size=300))
def test_whatever_text_a_page_is_it_arrives_as_it_is(page: str) -> None:
    assert one(page).html == page


def test_the_address_of_a_library_is_all_that_changes() -> None:
    made = one(
        f'<head><script defer src="{THREE}" integrity="sha384-x" crossorigin="anonymous"></script></head><p>x</p>'
    )
    assert (
        re.sub(r"refine-asset:[0-9a-f]{24}", "KEY", made.html)
        == '<head><script defer src="KEY"  ></script></head><p>x</p>'
    )
    assert names(made) == ["three 0.128.0 build/three.min.js"]


def test_an_import_map_leads_to_what_is_kept_and_folders_to_what_is_used() -> None:
    made = one(
        '<script type="importmap">{"imports":{"three":"https://unpkg.com/three@0.160.0/build/three.module.js",'
        '"three/addons/":"https://unpkg.com/three@0.160.0/examples/jsm/","own":"./own.js"}}</script><script type=module>'
        "import * as T from 'three'; import { UnrealBloomPass } from 'three/addons/postprocessing/UnrealBloomPass.js';</script>"
    )
    assert names(made) == [
        "three 0.160.1 build/three.module.min.js",
        "three 0.160.1 examples/jsm/postprocessing/UnrealBloomPass.js",
    ]
    texts = {asset.key: text_of(asset) for asset in made.assets}
    asked = {key for text in texts.values() for key in re.findall(r"refine-module:([0-9a-f]{24})", text)}
    assert asked <= set(texts), "a module imports something that is not delivered"
    assert all(f'"refine-module:{key}": "refine-asset:{key}"' in made.html for key in asked)
    assert not any(re.search(r"""from\s*["'](?:\.|three)""", text) for text in texts.values())


def test_a_module_from_a_cdn_of_modules_is_given_as_a_module() -> None:
    made = one(
        '<script type="module">import React from "https://esm.sh/react@18"; import { createRoot } from "https://esm.sh/react-dom@18/client";</script>'
    )
    assert names(made) == [
        "react 18.3.1 umd/react.production.min.js",
        "react-dom 18.3.1 umd/react-dom.production.min.js",
    ]
    wrapped = [text_of(asset) for asset in made.assets]
    assert "=__all.useState;export{" in wrapped[0]
    assert "=__all.createRoot;export{" in wrapped[1]
    assert made.html.startswith('<script type="importmap">')


def test_an_address_in_a_script_is_replaced_where_it_is_known() -> None:
    made = one(
        f"<script>let s=document.createElement('script');s.src='{THREE}';const other='https://unpkg.com/nobody@1/x.js'</script>"
    )
    assert THREE not in made.html
    assert "https://unpkg.com/nobody@1/x.js" in made.html


def test_what_is_not_kept_is_listed_and_left_as_it_is() -> None:
    page = "<script src='https://cdn.example/x.js'></script><link rel=stylesheet href='//kit.fontawesome.com/a.css'><img src='http://i.example/a.png'>"
    made = one(page)
    assert made.html == page
    assert made.unknown == ("https://cdn.example/x.js", "//kit.fontawesome.com/a.css", "http://i.example/a.png")


def test_hints_to_connect_early_lose_their_address() -> None:
    made = one(
        "<link rel=preconnect href='https://fonts.gstatic.com' crossorigin><link rel='dns-prefetch' href=//x.example>"
    )
    assert "//" not in made.html


def test_another_major_version_is_said_to_be_one() -> None:
    made = one(
        "<script src='https://cdn.jsdelivr.net/npm/chart.js@1.0.2/Chart.min.js'></script><script src='https://cdn.jsdelivr.net/npm/chart.js@4'></script>"
    )
    assert [(each.version, each.is_same_major) for each in made.substituted] == [("2.9.4", False), ("4.6.1", True)]


def test_files_of_a_candidate_become_assets_and_stay_what_they_are() -> None:
    files = (
        CodeFile(
            filename="index.html",
            content="<link rel=stylesheet href='a/b.css?v=1'><script src=/x.js></script><script src=none.js></script>",
        ),
        CodeFile(filename="a/b.css", content="p{background:url(../i.svg)}"),
        CodeFile(filename="i.svg", content="<svg/>"),
        CodeFile(filename="x.js", content="let a = 1"),
    )
    made = bundle(files)
    assert made.assets[0].text == "<svg/>"
    assert made.assets[1].text == f"p{{background:url(refine-asset:{made.assets[0].key})}}"
    assert "src=none.js" in made.html
    assert files[1].content == "p{background:url(../i.svg)}"


def test_a_document_that_stands_alone_names_nothing_outside_it() -> None:
    text = document(one(f"<!doctype html><script src='{THREE}'></script><p>x"))
    assert "refine-asset" not in text
    assert text.startswith('<!doctype html><script src="data:text/javascript;charset=utf-8;base64,')


def test_files_without_a_page_are_refused() -> None:
    with pytest.raises(InputError, match=r"no \.html"):
        bundle((CodeFile(filename="a.js", content=""),))


@pytest.mark.parametrize(
    "piece",
    [
        "<script ",
        "<a b='",
        "<!--",
        "<style>@import '",
        "url(",
        "import '",
        "<script>",
        'a="',
        "<script type=importmap>{",
    ],
)
def test_hostile_pages_are_read_in_linear_time(piece: str) -> None:
    import time

    started = time.process_time()
    one(piece * (400_000 // len(piece)))
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "page",
    [
        "<style>a{background:url(" + " " * 20_000 + "</style>",
        "<!---->" * 2_000 + '<script>import("https://esm.sh/three")</script>',
        '<script type="importmap">{"imports":{'
        + ",".join(f'"a{n}/":"./"' for n in range(4_000))
        + '}}</script><script type="module">'
        + "".join(f'import "a{n}/x";' for n in range(4_000))
        + "</script>",
    ],
    ids=["spaces", "comments", "import map"],
)
@pytest.mark.timeout(20)
def test_no_page_is_slow_to_bundle(page: str) -> None:
    one(page)
