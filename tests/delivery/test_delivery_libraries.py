"""Vendored libraries: which stands in for what, and that they are what they were."""

import hashlib
import re
from itertools import chain

import pytest

from refine.delivery.addresses import parse_address
from refine.delivery.libraries import VENDORED, all_libraries, find, manifest
from refine.delivery.texts import closure, read_vendored, text_of

FONTS = "https://fonts.googleapis.com"
ASKED = {
    "https://cdn.tailwindcss.com": "tailwindcss-cdn 3.4.10 tailwindcss.js",
    "https://cdn.tailwindcss.com?plugins=forms,typography": "tailwindcss-cdn 3.4.10 tailwindcss-with-all-plugins.js",
    "https://cdn.jsdelivr.net/npm/@tailwindcss/browser@4": "@tailwindcss/browser 4.3.4 dist/index.global.js",
    "https://cdn.jsdelivr.net/npm/tailwindcss@2.2.19/dist/tailwind.min.css": "tailwindcss 2.2.19 dist/tailwind.min.css",
    "https://cdnjs.cloudflare.com/ajax/libs/three.js/r128/three.min.js": "three 0.128.0 build/three.min.js",
    "https://cdnjs.cloudflare.com/ajax/libs/three.js/0.152.2/three.min.js": "three 0.160.1 build/three.min.js",
    "https://cdn.jsdelivr.net/npm/three@0.128.0/examples/js/controls/OrbitControls.js": "three 0.128.0 examples/js/controls/OrbitControls.js",
    "https://threejs.org/build/three.min.js": "three 0.160.1 build/three.min.js",
    "https://unpkg.com/three@0.160.0/build/three.module.js": "three 0.160.1 build/three.module.min.js",
    "https://cdn.skypack.dev/three@0.132.2": "three 0.160.1 build/three.module.min.js",
    "https://esm.sh/three@0.175.0/examples/jsm/controls/OrbitControls.js": "three 0.184.0 examples/jsm/controls/OrbitControls.js",
    "https://cdn.jsdelivr.net/npm/three@0.180.0/+esm": "three 0.184.0 build/three.module.min.js",
    "https://cdn.jsdelivr.net/npm/chart.js": "chart.js 4.6.1 dist/chart.umd.min.js",
    "https://cdnjs.cloudflare.com/ajax/libs/Chart.js/3.9.1/chart.min.js": "chart.js 3.9.1 dist/chart.min.js",
    "https://cdn.jsdelivr.net/npm/chart.js@4.4.0/dist/chart.umd.js": "chart.js 4.6.1 dist/chart.umd.min.js",
    "https://cdnjs.cloudflare.com/ajax/libs/Chart.js/2.9.4/Chart.bundle.js": "chart.js 2.9.4 dist/Chart.bundle.min.js",
    "https://d3js.org/d3.v7.min.js": "d3 7.9.2 dist/d3.min.js",
    "https://d3js.org/d3.v5.js": "d3 5.16.0 dist/d3.min.js",
    "https://cdnjs.cloudflare.com/ajax/libs/d3/7.8.5/d3.min.js": "d3 7.9.2 dist/d3.min.js",
    "https://unpkg.com/react@18/umd/react.development.js": "react 18.3.1 umd/react.production.min.js",
    "https://unpkg.com/react-dom@17/umd/react-dom.production.min.js": "react-dom 17.0.2 umd/react-dom.production.min.js",
    "https://unpkg.com/@babel/standalone/babel.min.js": "@babel/standalone 7.29.13 babel.min.js",
    "https://unpkg.com/babel-standalone@6/babel.min.js": "@babel/standalone 7.29.13 babel.min.js",
    "https://cdn.jsdelivr.net/npm/lodash@4.17.21/lodash.js": "lodash 4.18.1 lodash.min.js",
    "https://cdnjs.cloudflare.com/ajax/libs/animejs/3.2.1/anime.min.js": "animejs 3.2.2 lib/anime.min.js",
    "https://cdnjs.cloudflare.com/ajax/libs/p5.js/1.4.0/p5.js": "p5 1.11.13 lib/p5.min.js",
    "https://cdnjs.cloudflare.com/ajax/libs/p5.js/1.4.0/addons/p5.sound.min.js": "p5 1.11.13 lib/addons/p5.sound.min.js",
    "https://cdnjs.cloudflare.com/ajax/libs/font-awesome/6.4.0/css/all.min.css": "@fortawesome/fontawesome-free 6.7.2 css/all.min.css",
    "https://cdnjs.cloudflare.com/ajax/libs/font-awesome/4.7.0/css/font-awesome.min.css": "font-awesome 4.7.0 css/font-awesome.min.css",
    "https://use.fontawesome.com/releases/v5.15.4/css/all.css": "@fortawesome/fontawesome-free 5.15.4 css/all.min.css",
    "https://code.jquery.com/jquery-3.6.0.min.js": "jquery 3.8.0 dist/jquery.min.js",
    "https://ajax.googleapis.com/ajax/libs/jquery/3.5.1/jquery.min.js": "jquery 3.8.0 dist/jquery.min.js",
    "https://stackpath.bootstrapcdn.com/bootstrap/4.5.2/css/bootstrap.min.css": "bootstrap 4.6.2 dist/css/bootstrap.min.css",
    "https://cdn.jsdelivr.net/npm/bootstrap@5.3.0/dist/js/bootstrap.bundle.min.js": "bootstrap 5.3.9 dist/js/bootstrap.bundle.min.js",
    "https://unpkg.com/vue@3": "vue 3.5.45 dist/vue.global.prod.js",
    "https://unpkg.com/vue@3/dist/vue.esm-browser.js": "vue 3.5.45 dist/vue.esm-browser.prod.js",
    "https://cdn.jsdelivr.net/npm/vue@2.6.14/dist/vue.js": "vue 2.7.16 dist/vue.min.js",
    "https://cdn.jsdelivr.net/npm/alpinejs@3.x.x/dist/cdn.min.js": "alpinejs 3.17.5 dist/cdn.min.js",
    "https://cdnjs.cloudflare.com/ajax/libs/matter-js/0.19.0/matter.min.js": "matter-js 0.20.0 build/matter.min.js",
    "https://cdn.plot.ly/plotly-2.27.0.min.js": "plotly.js-cartesian-dist-min 2.35.3 plotly-cartesian.min.js",
    "https://cdn.plot.ly/plotly-latest.min.js": "plotly.js-cartesian-dist-min 2.35.3 plotly-cartesian.min.js",
    "https://cdn.jsdelivr.net/npm/canvas-confetti@1.6.0/dist/confetti.browser.min.js": "canvas-confetti 1.9.4 dist/confetti.browser.js",
    "https://cdnjs.cloudflare.com/ajax/libs/highlight.js/11.9.0/styles/github-dark.min.css": "@highlightjs/cdn-assets 11.12.0 styles/github-dark.min.css",
    "https://cdn.jsdelivr.net/npm/katex@0.16.9/dist/katex.min.css": "katex 0.16.47 dist/katex.min.css",
    "https://cdnjs.cloudflare.com/ajax/libs/tone/14.8.49/Tone.js": "tone 14.9.17 build/Tone.js",
    "https://cdn.skypack.dev/lodash": "lodash 4.18.1 lodash.min.js",
    "https://esm.sh/htm/preact/standalone": "htm 3.1.1 preact/standalone.module.js",
    "https://unpkg.com/htm@3.1.0/preact/standalone.module.js": "htm 3.1.1 preact/standalone.module.js",
}


@pytest.mark.parametrize("address", ASKED)
def test_an_address_leads_to_what_stands_in_for_it(address: str) -> None:
    wanted = parse_address(address)
    assert wanted is not None
    path = address.split("?")[0]
    found = find(
        wanted, "style" if path.endswith(".css") else "module" if ("module" in path or "esm" in path) else "script"
    )
    assert found is not None
    assert f"{found.library.package} {found.library.version} {found.library.path}" == ASKED[address]


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/three.min.js",
        "https://cdn.jsdelivr.net/gh/someone/three@1/three.min.js",
        "https://cdnjs.cloudflare.com/ajax/libs/gsap/3.12.2/gsap.min.js",
        "https://unpkg.com/three@0.160.0/examples/jsm/loaders/NobodyLoader.js",
        "https://unpkg.com/../../etc/passwd",
        "https://[bad",
        "https://unpkg.com/",
    ],
)
def test_an_address_of_something_else_leads_nowhere(address: str) -> None:
    wanted = parse_address(address)
    assert wanted is None or find(wanted, "script") is None


def test_every_file_is_what_the_manifest_says_and_every_licence_is_there() -> None:
    for entry in chain.from_iterable(manifest().values()):
        for file in entry["files"]:
            content = read_vendored(entry["name"], entry["version"], file["path"])
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (file["sha256"], file["bytes"])
        assert entry["licence_files"]
        for name in entry["licence_files"]:
            assert (VENDORED / entry["name"] / entry["version"] / name).stat().st_size > 50


def test_what_is_vendored_is_named_and_stays_small() -> None:
    named = {
        VENDORED / entry["name"] / entry["version"] / name
        for entry in chain.from_iterable(manifest().values())
        for name in [
            *(f["path"] if f["path"].endswith("woff2") else f["path"] + ".gz" for f in entry["files"]),
            *entry["licence_files"],
        ]
    }
    there = {path for path in VENDORED.rglob("*") if path.is_file()} - {VENDORED / "manifest.json"}
    assert there == named
    assert sum(path.stat().st_size for path in there) < 12_000_000


def test_every_module_names_only_modules_that_are_delivered_with_it() -> None:
    for library in all_libraries():
        if library.kind != "module":
            continue
        needed = closure(library)
        assert needed[-1] == library
        keys = {each.key for each in needed}
        assert set(re.findall(r"refine-module:([0-9a-f]{24})", text_of(library))) <= keys
        bare = re.findall(
            r"""(?:^|[;\n}])\s*import\s*(?:[\w{*][^"';]{0,400}from\s*)?["']([^"']+)["']""", text_of(library)
        )
        assert [name for name in bare if not name.startswith("refine-module:")] == [], library


def test_fonts_of_a_style_sheet_are_inside_it() -> None:
    wanted = parse_address("https://cdnjs.cloudflare.com/ajax/libs/font-awesome/6.4.0/css/all.min.css")
    assert wanted is not None
    found = find(wanted, "style")
    assert found is not None
    assert not re.search(r"url\((?!data:)", text_of(found.library))
    assert text_of(found.library).count("data:font/woff2;base64,") >= 3
