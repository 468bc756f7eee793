"""Fetches the libraries that delivery keeps for candidates, at pinned versions, from their npm packages.

    python tools/vendor_libraries.py [FOLDER OF TARBALLS]

writes refine/delivery/vendored/ anew: each wanted file gzipped as it lies in its package, each package's licence, and
manifest.json with the SHA-256 of every file and of every package. Packages come through `npm pack`, from whatever registry
npm is set to, or from a folder that holds the tarballs already. A version is changed here and nowhere else; to see that
nothing changed by itself, run it and look at `git diff`.
"""

import base64
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

VENDORED = Path(__file__).resolve().parents[1] / "refine" / "delivery" / "vendored"

_JSM = (
    *(
        f"controls/{name}Controls"
        for name in ["Orbit", "Trackball", "Fly", "FirstPerson", "PointerLock", "Map", "Drag", "Transform"]
    ),
    *("renderers/CSS2DRenderer", "renderers/CSS3DRenderer", "loaders/GLTFLoader", "loaders/FontLoader"),
    *("loaders/OBJLoader", "geometries/TextGeometry", "geometries/RoundedBoxGeometry", "geometries/ConvexGeometry"),
    *("geometries/ParametricGeometry", "objects/Sky", "objects/Water", "objects/Reflector", "objects/Lensflare"),
    *("math/ImprovedNoise", "math/SimplexNoise", "math/MeshSurfaceSampler", "utils/BufferGeometryUtils"),
    *("environments/RoomEnvironment", "libs/stats.module", "libs/lil-gui.module.min", "libs/tween.module"),
    *("lines/Line2", "lines/LineGeometry", "lines/LineMaterial", "lines/LineSegments2", "helpers/VertexNormalsHelper"),
    *(
        f"postprocessing/{name}Pass"
        for name in ["Render", "Shader", "UnrealBloom", "Output", "Bokeh", "Glitch", "Film", "SMAA", "Outline"]
    ),
    *("postprocessing/AfterimagePass", "postprocessing/EffectComposer", "shaders/FXAAShader", "shaders/RGBShiftShader"),
    *("shaders/GammaCorrectionShader", "shaders/VignetteShader"),
)
_MODULES = tuple(f"examples/jsm/{name}.js" for name in _JSM)
_GLOBALS = (
    *(
        f"examples/js/{name}.js"
        for name in _JSM
        if not name.startswith(("libs/", "environments/", "controls/Map", "postprocessing/Output", "geometries/Text"))
        and name not in ("loaders/FontLoader", "geometries/ParametricGeometry")
    ),
    *("examples/js/shaders/CopyShader.js", "examples/js/shaders/LuminosityHighPassShader.js"),
    *("examples/js/shaders/ConvolutionShader.js", "examples/js/shaders/DigitalGlitch.js"),
    *("examples/js/shaders/FilmShader.js", "examples/js/shaders/BokehShader.js", "examples/js/shaders/SMAAShader.js"),
    *("examples/js/shaders/AfterimageShader.js", "examples/js/math/ConvexHull.js"),
)
_FONTS = (
    *("inter", "roboto", "poppins", "montserrat", "open-sans", "lato", "orbitron", "space-grotesk", "press-start-2p"),
    *(
        "playfair-display",
        "jetbrains-mono",
        "nunito",
        "raleway",
        "quicksand",
        "fredoka",
        "fira-code",
        "source-code-pro",
    ),
    *("merriweather", "oswald", "outfit", "dm-sans", "space-mono", "work-sans", "comic-neue", "bangers", "rubik"),
    *("crimson-text", "lora", "roboto-mono", "plus-jakarta-sans", "cinzel", "pacifico"),
)

WANTED: tuple[tuple[str, tuple[str, ...]], ...] = (
    # The first file is what the package's bare name stands for.
    ("three@0.128.0", ("build/three.min.js", *_GLOBALS)),
    ("three@0.160.1", ("build/three.min.js", "build/three.module.min.js", *_MODULES)),
    (
        "three@0.184.0",
        (
            *("build/three.module.min.js", "build/three.core.min.js", *_MODULES),
            *("examples/fonts/helvetiker_regular.typeface.json", "examples/fonts/helvetiker_bold.typeface.json"),
        ),
    ),
    ("chart.js@2.9.4", ("dist/Chart.min.js", "dist/Chart.bundle.min.js", "dist/Chart.min.css")),
    ("chart.js@3.9.1", ("dist/chart.min.js",)),
    ("chart.js@4.6.1", ("dist/chart.umd.min.js", "auto/auto.js", "dist/chart.js")),
    ("@kurkle/color@0.3.4", ("dist/color.esm.js",)),
    ("chartjs-adapter-date-fns@3.0.0", ("dist/chartjs-adapter-date-fns.bundle.min.js",)),
    ("chartjs-plugin-datalabels@2.2.0", ("dist/chartjs-plugin-datalabels.min.js",)),
    ("tailwindcss-cdn@3.4.10", ("tailwindcss.js", "tailwindcss-with-all-plugins.js")),
    ("tailwindcss@2.2.19", ("dist/tailwind.min.css",)),
    ("@tailwindcss/browser@4.3.4", ("dist/index.global.js",)),
    ("d3@3.5.17", ("d3.min.js",)),
    ("d3@4.13.0", ("build/d3.min.js",)),
    ("d3@5.16.0", ("dist/d3.min.js",)),
    ("d3@6.7.0", ("dist/d3.min.js",)),
    ("d3@7.9.2", ("dist/d3.min.js",)),
    ("topojson-client@3.1.0", ("dist/topojson-client.min.js",)),
    ("react@16.14.0", ("umd/react.production.min.js",)),
    ("react@17.0.2", ("umd/react.production.min.js",)),
    ("react@18.3.1", ("umd/react.production.min.js",)),
    ("react-dom@16.14.0", ("umd/react-dom.production.min.js",)),
    ("react-dom@17.0.2", ("umd/react-dom.production.min.js",)),
    ("react-dom@18.3.1", ("umd/react-dom.production.min.js",)),
    ("@babel/standalone@7.29.13", ("babel.min.js",)),
    ("preact@10.29.8", ("dist/preact.min.js", "dist/preact.module.js", "hooks/dist/hooks.module.js")),
    ("htm@3.1.1", ("dist/htm.umd.js", "dist/htm.module.js", "preact/standalone.module.js")),
    ("vue@2.7.16", ("dist/vue.min.js",)),
    ("vue@3.5.45", ("dist/vue.global.prod.js", "dist/vue.esm-browser.prod.js")),
    ("alpinejs@3.17.5", ("dist/cdn.min.js", "dist/module.esm.min.js")),
    ("jquery@1.12.4", ("dist/jquery.min.js",)),
    ("jquery@2.2.4", ("dist/jquery.min.js",)),
    ("jquery@3.8.0", ("dist/jquery.min.js", "dist/jquery.slim.min.js")),
    ("bootstrap@3.4.1", ("dist/js/bootstrap.min.js", "dist/css/bootstrap.min.css")),
    (
        "bootstrap@4.6.2",
        ("dist/js/bootstrap.bundle.min.js", "dist/js/bootstrap.min.js", "dist/css/bootstrap.min.css"),
    ),
    (
        "bootstrap@5.3.9",
        ("dist/js/bootstrap.bundle.min.js", "dist/js/bootstrap.min.js", "dist/css/bootstrap.min.css"),
    ),
    ("bootstrap-icons@1.13.2", ("font/bootstrap-icons.min.css", "font/fonts/bootstrap-icons.woff2")),
    ("@popperjs/core@2.11.8", ("dist/umd/popper.min.js",)),
    ("font-awesome@4.7.0", ("css/font-awesome.min.css", "fonts/fontawesome-webfont.woff2")),
    *(
        (
            f"@fortawesome/fontawesome-free@{version}",
            (
                *("css/all.min.css", "css/fontawesome.min.css", "css/solid.min.css", "css/regular.min.css"),
                *("css/brands.min.css", "css/v4-shims.min.css", "webfonts/fa-solid-900.woff2"),
                *("webfonts/fa-regular-400.woff2", "webfonts/fa-brands-400.woff2"),
            ),
        )
        for version in ("5.15.4", "6.7.2")
    ),
    ("animate.css@4.1.1", ("animate.min.css",)),
    ("normalize.css@8.0.1", ("normalize.css",)),
    ("lodash@4.18.1", ("lodash.min.js",)),
    ("underscore@1.13.8", ("underscore-umd-min.js", "underscore-esm-min.js")),
    ("animejs@3.2.2", ("lib/anime.min.js", "lib/anime.es.js")),
    ("animejs@4.5.0", ("dist/bundles/anime.umd.min.js", "dist/bundles/anime.esm.min.js")),
    ("p5@1.11.13", ("lib/p5.min.js", "lib/addons/p5.sound.min.js")),
    ("matter-js@0.20.0", ("build/matter.min.js",)),
    ("cannon@0.6.2", ("build/cannon.min.js",)),
    ("cannon-es@0.20.0", ("dist/cannon-es.js",)),
    ("pixi.js@7.4.3", ("dist/pixi.min.js", "dist/pixi.min.mjs")),
    ("pixi.js@8.22.0", ("dist/pixi.min.js",)),
    ("phaser@3.90.0", ("dist/phaser.min.js",)),
    ("konva@9.3.22", ("konva.min.js",)),
    ("fabric@5.5.2", ("dist/fabric.min.js",)),
    ("paper@0.12.20", ("dist/paper-full.min.js",)),
    ("roughjs@4.6.6", ("bundled/rough.js", "bundled/rough.esm.js")),
    ("howler@2.2.4", ("dist/howler.min.js",)),
    ("tone@14.9.17", ("build/Tone.js",)),
    ("plotly.js-cartesian-dist-min@2.35.3", ("plotly-cartesian.min.js",)),
    ("echarts@5.6.0", ("dist/echarts.min.js",)),
    ("leaflet@1.9.4", ("dist/leaflet.js", "dist/leaflet.css")),
    ("cytoscape@3.34.4", ("dist/cytoscape.min.js",)),
    ("vis-network@9.1.13", ("standalone/umd/vis-network.min.js",)),
    ("dat.gui@0.7.9", ("build/dat.gui.min.js", "build/dat.gui.module.js")),
    ("lil-gui@0.19.2", ("dist/lil-gui.umd.min.js", "dist/lil-gui.esm.min.js")),
    ("stats.js@0.17.0", ("build/stats.min.js",)),
    ("@tweenjs/tween.js@18.6.4", ("dist/tween.umd.js", "dist/tween.esm.js")),
    ("@tweenjs/tween.js@23.1.3", ("dist/tween.umd.js", "dist/tween.esm.js")),
    ("moment@2.31.0", ("min/moment.min.js",)),
    ("dayjs@1.11.23", ("dayjs.min.js",)),
    ("luxon@3.7.2", ("build/global/luxon.min.js",)),
    ("axios@1.21.1", ("dist/axios.min.js", "dist/esm/axios.min.js")),
    ("mathjs@11.12.0", ("lib/browser/math.js",)),
    (
        "katex@0.16.47",
        (
            *("dist/katex.min.js", "dist/katex.min.css", "dist/contrib/auto-render.min.js"),
            *(
                f"dist/fonts/KaTeX_{name}.woff2"
                for name in (
                    *("AMS-Regular", "Caligraphic-Bold", "Caligraphic-Regular", "Fraktur-Bold", "Fraktur-Regular"),
                    *("Main-Bold", "Main-BoldItalic", "Main-Italic", "Main-Regular", "Math-BoldItalic", "Math-Italic"),
                    *("SansSerif-Bold", "SansSerif-Italic", "SansSerif-Regular", "Script-Regular", "Size1-Regular"),
                    *("Size2-Regular", "Size3-Regular", "Size4-Regular", "Typewriter-Regular"),
                )
            ),
        ),
    ),
    ("marked@12.0.2", ("marked.min.js", "lib/marked.esm.js")),
    ("@highlightjs/cdn-assets@11.12.0", ("highlight.min.js", "styles/default.min.css", "styles/github-dark.min.css")),
    (
        "prismjs@1.30.0",
        (
            *("prism.js", "themes/prism.min.css", "themes/prism-tomorrow.min.css", "themes/prism-okaidia.min.css"),
            *("components/prism-core.min.js", "components/prism-python.min.js", "components/prism-bash.min.js"),
        ),
    ),
    ("papaparse@5.7.1", ("papaparse.min.js",)),
    ("canvas-confetti@1.9.4", ("dist/confetti.browser.js", "dist/confetti.module.mjs")),
    ("sortablejs@1.15.7", ("Sortable.min.js", "modular/sortable.esm.js")),
    ("particles.js@2.0.0", ("particles.js",)),
    ("aos@2.3.4", ("dist/aos.js", "dist/aos.css")),
    ("swiper@11.2.10", ("swiper-bundle.min.js", "swiper-bundle.min.css")),
    ("typed.js@2.1.0", ("dist/typed.umd.js",)),
    ("mustache@4.2.0", ("mustache.min.js",)),
    ("handlebars@4.7.10", ("dist/handlebars.min.js",)),
    ("seedrandom@3.0.5", ("seedrandom.min.js",)),
    ("simplex-noise@2.4.0", ("simplex-noise.js",)),
    *(
        (
            f"@fontsource/{name}@{'5.3.1' if name == 'source-code-pro' else '5.3.0'}",
            tuple(
                f"files/{name}-latin-{weight}-normal.woff2"
                for weight in ((400,) if name in ("press-start-2p", "bangers", "pacifico") else (400, 700))
            ),
        )
        for name in _FONTS
    ),
)

EXPORTED = frozenset(
    {"react", "react-dom", "d3", "lodash", "matter-js", "topojson-client", "simplex-noise", "papaparse"}
)
"""Packages whose scripts are also given as ES modules, since CDNs of modules do that and pages count on it."""
_NAMES_OF = """
const [root, name, version, path] = JSON.parse(process.argv[1]);
const { readFileSync, readdirSync } = require("fs"), { gunzipSync } = require("zlib"), { join } = require("path");
const needed = [];
const load = (name, version, path) => {
  const text = gunzipSync(readFileSync(join(root, name, version, path + ".gz"))).toString();
  const module = { exports: {} };
  new Function("exports", "module", "require", "define", text).call(globalThis, module.exports, module, (other) => {
    needed.push(other);
    return load(other, version, "umd/react.production.min.js");
  });
  return module.exports;
};
const made = load(name, version, path);
process.stdout.write(JSON.stringify({ exports: Object.keys(made), requires: [...new Set(needed)] }));
"""
_EXPORT = re.compile(r"(?:^|[;}\s])export\s*(?:\{|\*|default\b|const\b|let\b|function\b|class\b)")

LICENCES = {
    # Packages that carry no licence file: the file of the same project that says it.
    "tailwindcss-cdn@3.4.10": ("MIT", "tailwindcss@3.4.10", "LICENSE"),
}
HOLDERS = {"alpinejs@3.17.5": "2019-2021 Caleb Porzio and contributors"}
"""Of packages whose only word on their licence, the MIT one, is in package.json."""
MIT = """MIT License

Copyright (c) {holder}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
_LICENCE_NAME = re.compile(r"(?:LICEN[CS]E|COPYING|OFL)(?:[.-]\w+)*", re.IGNORECASE)
_IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""")


def main(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        cache = Path(arguments[0]) if arguments else Path(scratch)
        shutil.rmtree(VENDORED, ignore_errors=True)
        packages = [vendor(spec, wanted, cache) for spec, wanted in WANTED]
    text = json.dumps({"format": 1, "packages": packages}, indent=1)
    (VENDORED / "manifest.json").write_text(text + "\n", encoding="utf-8")
    stored = sum(path.stat().st_size for path in VENDORED.rglob("*") if path.is_file())
    sys.stdout.write(f"{len(packages)} packages, {stored / 1e6:.1f} MB\n")


def vendor(spec: str, wanted: tuple[str, ...], cache: Path) -> dict[str, object]:
    name, _, version = spec.rpartition("@")
    tarball = fetch(spec, cache)
    folder = VENDORED / name / version
    with tarfile.open(tarball) as archive:
        members = {
            PurePosixPath(*PurePosixPath(each.name).parts[1:]).as_posix(): each for each in archive if each.isfile()
        }

        def read(path: str) -> bytes:
            file = archive.extractfile(members[path])
            assert file is not None
            return file.read()

        about = json.loads(read("package.json"))
        files = []
        for path in closure(wanted, members, read):
            content = read(path)
            file = {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            file["is_module"] = path.endswith((".js", ".mjs")) and is_module(content.decode("utf-8"))
            files.append(file)
            write(folder / path, content)
        for file in files:
            if not file["is_module"] and str(file["path"]).endswith(".js") and name in EXPORTED:
                file |= exports_of(name, version, str(file["path"]))
        licence, licence_files = str(about.get("license") or "MIT"), {}
        for path in members:
            if "/" not in path and _LICENCE_NAME.fullmatch(path):
                licence_files[path] = read(path)
    if spec in LICENCES:
        licence, other, path = LICENCES[spec]
        with tarfile.open(fetch(other, cache)) as archive:
            file = archive.extractfile(f"package/{path}")
            assert file is not None
            licence_files = {path: file.read()}
    if not licence_files:
        readme = next((each for each in members if re.fullmatch(r"readme(\.\w+)?", each, re.IGNORECASE)), None)
        if readme is not None:
            with tarfile.open(tarball) as archive:
                file = archive.extractfile(members[readme])
                assert file is not None
                licence_files = {f"LICENCE-in-{readme}": file.read()}
        elif spec in HOLDERS and licence == "MIT":
            licence_files = {"LICENSE": MIT.format(holder=HOLDERS[spec]).encode()}
        else:
            sys.exit(f"{spec}: no licence file and no readme; name one in LICENCES or HOLDERS")
    for path, content in licence_files.items():
        (folder / path).write_bytes(content)
    return {
        "name": name,
        "version": version,
        "licence": licence,
        "licence_files": sorted(licence_files),
        "package_sha512": base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode(),
        "files": files,
    }


def is_module(text: str) -> bool:
    return bool(_EXPORT.search(text)) and not re.search(r"typeof exports", text[:2000])


def exports_of(name: str, version: str, path: str) -> dict[str, list[str]]:
    """The names that a script gives to who takes it by `require`, and what it takes itself."""
    node = shutil.which("node")
    assert node is not None
    asked = json.dumps([str(VENDORED), name, version, path])
    done = subprocess.run([node, "-e", _NAMES_OF, asked], check=True, capture_output=True, text=True, timeout=60)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def closure(wanted: tuple[str, ...], members: dict[str, tarfile.TarInfo], read: "object") -> list[str]:
    """The wanted files and what their modules import by relative names."""
    assert callable(read)
    found = [path for path in wanted if path in members]
    missing = [path for path in wanted if path not in members]
    if missing:
        sys.stderr.write(f"not in the package: {missing}\n")
    for path in found:
        if not path.endswith((".js", ".mjs")):
            continue
        if "examples/js/" in path or "umd" in path or (".min." in path and "module" not in path):
            continue
        for name in _IMPORT.findall(read(path).decode("utf-8")):
            target = normal(PurePosixPath(path).parent, name)
            if target in members and target not in found:
                found.append(target)
    return found


def normal(folder: PurePosixPath, name: str) -> str:
    parts = list(folder.parts)
    for step in name.split("/"):
        if step == "..":
            parts.pop()
        elif step != ".":
            parts.append(step)
    return "/".join(parts)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".woff2":
        path.write_bytes(content)
    else:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, 9, mtime=0))


def fetch(spec: str, cache: Path) -> Path:
    name, _, version = spec.rpartition("@")
    tarball = cache / f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"
    if not tarball.exists():
        npm = shutil.which("npm")
        if npm is None:
            sys.exit("npm is needed to fetch packages")
        subprocess.run(
            [npm, "pack", "--silent", "--ignore-scripts", spec], cwd=cache, check=True, stdout=subprocess.DEVNULL
        )
    return tarball


if __name__ == "__main__":
    main(sys.argv[1:])
