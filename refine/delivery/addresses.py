"""Which package, version and file an address on a public CDN asks for."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an address asks for, in npm's names."""

    name: str
    version: str = ""
    """As asked: `0.160.0`, `18`, `^4.4`, `latest`; empty when the address does not say."""
    path: str = ""
    """The file inside the package; empty for whatever the package's bare name stands for. Ends in / for a folder."""
    is_module: bool = False
    """The CDN would give an ES module, whatever the file is."""
    families: tuple[str, ...] = ()
    """Of a style sheet of web fonts: the families it asks for."""


_CDNJS = {
    **{"three.js": "three", "chart.js": "chart.js", "babel-standalone": "@babel/standalone", "lodash.js": "lodash"},
    **{"underscore.js": "underscore", "p5.js": "p5", "twitter-bootstrap": "bootstrap", "cannon.js": "cannon"},
    **{"fabric.js": "fabric", "paper.js": "paper", "rough.js": "roughjs", "dat-gui": "dat.gui", "moment.js": "moment"},
    **{"tween.js": "@tweenjs/tween.js", "highlight.js": "@highlightjs/cdn-assets", "prism": "prismjs"},
    **{
        "sortable": "sortablejs",
        "mustache.js": "mustache",
        "handlebars.js": "handlebars",
        "normalize": "normalize.css",
    },
    **{"popper.js": "@popperjs/core", "topojson": "topojson-client", "pixi": "pixi.js", "vis": "vis-network"},
}
_NPM = {
    **{
        "babel-standalone": "@babel/standalone",
        "highlight.js": "@highlightjs/cdn-assets",
        "tween.js": "@tweenjs/tween.js",
    },
    **{"popper.js": "@popperjs/core", "topojson": "topojson-client", "normalize": "normalize.css"},
    **dict.fromkeys(
        ("plotly.js", "plotly.js-dist", "plotly.js-dist-min", "plotly.js-basic-dist", "plotly.js-basic-dist-min"),
        "plotly.js-cartesian-dist-min",
    ),
}
_PACKAGE = re.compile(r"((?:@[\w.-]+/)?[\w.-]+)(?:@([^/]+))?(?:/(.*))?")
_ESM_PREFIX = re.compile(r"(?:stable/|v\d+/|pin/|gh/|\*)+")
_ESM_HOSTS = frozenset({"esm.sh", "cdn.esm.sh", "cdn.skypack.dev", "esm.run", "jspm.dev", "ga.jspm.io", "cdn.jspm.io"})
_FILE_RULES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    # host, pattern of the path with groups (version) and maybe (file), package
    ("code.jquery.com", re.compile(r"jquery-(?P<version>[\d.]+?)(?P<path>\.slim)?(?:\.min)?\.js"), "jquery"),
    ("d3js.org", re.compile(r"d3(?:\.v(?P<version>\d+))?(?:\.min)?\.js"), "d3"),
    ("cdn.plot.ly", re.compile(r"plotly-(?:\w+-)?(?P<version>[\d.]+?|latest)(?:\.min)?\.js"), "plotly.js"),
    ("threejs.org", re.compile(r"(?P<path>(?:build|examples)/.*)"), "three"),
    ("unpkg.com", re.compile(r"@tailwindcss/browser(?:@(?P<version>[^/]+))?"), "@tailwindcss/browser"),
    ("use.fontawesome.com", re.compile(r"releases/v(?P<version>[\d.]+)/(?P<path>.*)"), "@fortawesome/fontawesome-free"),
    ("pyscript.net", re.compile(r"(?!)"), ""),
)
_BOOTSTRAP_HOSTS = frozenset({"maxcdn.bootstrapcdn.com", "stackpath.bootstrapcdn.com", "netdna.bootstrapcdn.com"})
_FONT_HOSTS = frozenset({"fonts.googleapis.com", "fonts.bunny.net"})
HOSTS = (
    frozenset({host for host, _, _ in _FILE_RULES})
    | _ESM_HOSTS
    | _BOOTSTRAP_HOSTS
    | _FONT_HOSTS
    | {"cdnjs.cloudflare.com", "cdn.jsdelivr.net", "fastly.jsdelivr.net", "unpkg.com", "www.unpkg.com"}
    | {"cdn.tailwindcss.com", "ajax.googleapis.com", "ajax.aspnetcdn.com", "cdn.staticfile.org", "cdn.bootcdn.net"}
)
"""Hosts of addresses that this module reads."""
ADDRESS = re.compile(
    r"(?:https?:)?//(?:"
    + "|".join(re.escape(host) for host in sorted(HOSTS))
    + r")(?:/[^\s\"'`<>\\)]{0,400})?(?![\w.-])",
    re.IGNORECASE,
)
"""An address on one of those hosts, wherever it stands in a text."""


def parse_address(address: str) -> Wanted | None:
    """What the address asks for; None for one on no known CDN, or for one that names no package."""
    try:
        parts = urlsplit(address if "://" in address else f"https:{address}")
    except ValueError:
        return None
    host, path = (parts.hostname or "").lower(), unquote(parts.path).lstrip("/")
    if host not in HOSTS:
        return None
    if host in _FONT_HOSTS:
        return _fonts(parts.query)
    if host == "cdn.tailwindcss.com":
        plugins = "with-all-plugins" if "plugins=" in parts.query else ""
        return Wanted(name="tailwindcss-cdn", version=path or "3", path=f"tailwindcss-{plugins}.js" if plugins else "")
    if host in _BOOTSTRAP_HOSTS or host.startswith(("cdnjs.", "ajax.", "cdn.staticfile", "cdn.bootcdn")):
        return _by_folders(host, path)
    for its, pattern, name in _FILE_RULES:
        if host == its and (found := pattern.fullmatch(path)):
            groups = found.groupdict()
            version, file = groups.get("version") or "", groups.get("path") or ""
            file = "dist/jquery.slim.min.js" if file == ".slim" else file
            return Wanted(name=_NPM.get(name, name), version=version, path=file, is_module="jsm/" in file)
    if host in _ESM_HOSTS:
        return _package(_ESM_PREFIX.sub("", path, count=1), is_module=True)
    if host.endswith("jsdelivr.net"):
        if not path.startswith("npm/"):
            return None
        path, is_module = path.removeprefix("npm/"), path.endswith("/+esm")
        return _package(path.removesuffix("/+esm"), is_module=is_module)
    if host.endswith("unpkg.com"):
        return _package(path, is_module="module" in parse_qs(parts.query, keep_blank_values=True))
    return None


def _package(path: str, *, is_module: bool) -> Wanted | None:
    """`name@version/file`, the grammar most CDNs share."""
    found = _PACKAGE.fullmatch(path)
    if found is None:
        return None
    return _renamed(found[1], found[2] or "", found[3] or "", is_module)


def _by_folders(host: str, path: str) -> Wanted | None:
    """`…/name/version/file`, as CDNs of the older kind have it."""
    steps = [step for step in path.split("/") if step not in ("ajax", "libs")]
    if len(steps) < 3:
        return None
    if host in _BOOTSTRAP_HOSTS and steps[0] not in ("bootstrap", "font-awesome"):
        return None
    name = _CDNJS.get(steps[0].lower(), steps[0].lower())
    return _renamed(name, steps[1], "/".join(steps[2:]), False)


def _renamed(name: str, version: str, path: str, is_module: bool) -> Wanted:
    name = _NPM.get(name.lower(), name.lower())
    major = re.search(r"\d+", version)
    if name == "font-awesome" and major and int(major[0]) >= 5:
        name = "@fortawesome/fontawesome-free"
    if name == "tailwindcss" and not path.endswith(".css"):
        name = "tailwindcss-cdn"
    return Wanted(name=name, version=version, path=path, is_module=is_module)


def _fonts(query: str) -> Wanted | None:
    families: list[str] = []
    for value in parse_qs(query).get("family", []):
        for family in value.split("|"):
            name = family.partition(":")[0].strip()
            if name and len(families) < 20:
                families.append(name)
    return Wanted(name="@fontsource", families=tuple(families)) if families else None
