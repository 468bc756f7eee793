"""How many perturbations a page takes, how many of them are real, and what each costs.

    python benchmarks/perturb.py [--mutants 3] [--visits 10] [--seed 0] [--page PATH ...] [--candidates FILE] [--only-given]
                                 [--no-corpus] [--no-browser]

Pages: those that the tests come with (tests/perturb/pages, tests/data/pages/good), one of each kind that the scripted
model writes, and any given by `--page` (an .html file, or a folder that is one candidate) or `--candidates` (JSON Lines
with `candidates` as in prompts files). For every page: sites of every operator; of up to `--mutants` a page and operator
in the order of the seed, how many parse (all are made, the rest refused before), and how many Chromium proves. `--visits`
is how often each original is probed and compared with itself: any difference is a flake. CPU is of this process alone,
without the browser's.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from refine.artifact import size_bytes
from refine.artifact.probe import differences
from refine.cli.page_files import read_pages
from refine.llm.pages import PAGE_KINDS, write_page
from refine.perturb import OPERATORS, apply_site, operator_named, propose, prove, read_source
from refine.types import CodeFile, Files

ROOT = Path(__file__).parents[1]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=3, help="proven per page and operator at most")
    parser.add_argument("--visits", type=int, default=10, help="of each original")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path, action="append", default=[])
    parser.add_argument("--candidates", type=Path)
    parser.add_argument("--only-given", action="store_true", help="leave the project's own pages out")
    parser.add_argument("--no-corpus", action="store_true", help="leave tests/data/pages/good out")
    parser.add_argument("--no-browser", action="store_true", help="sites and syntax only")
    return parser.parse_args()


def pages(options: argparse.Namespace) -> Iterator[tuple[str, Files]]:
    if not options.only_given:
        for path in sorted((ROOT / "tests" / "perturb" / "pages").iterdir()):
            if path.suffix != ".jsx":
                yield path.stem, read_pages([path])[0].files
        good = ROOT / "tests" / "data" / "pages" / "good"
        for path in () if options.no_corpus else sorted(good.glob("*.html")):
            yield f"good/{path.stem}", read_pages([path])[0].files
        for kind in PAGE_KINDS:
            text = write_page(f"A {sorted(kind.words)[0]} about rivers", random.Random(1))
            yield f"scripted/{kind.name}", (CodeFile(filename="index.html", content=text),)
    for path in options.page:
        yield path.name, read_pages([path])[0].files
    if options.candidates:
        for row, line in enumerate(options.candidates.read_text("utf-8").splitlines(), start=1):
            for place, given in enumerate(json.loads(line)["candidates"], start=1):
                files = [CodeFile(filename=each["filename"], content=each["content"]) for each in given["files"]]
                yield f"given {row}.{place}", tuple(files)


@dataclass
class Counts:
    """Of one operator, over all pages."""

    pages: int = 0
    sites: int = 0
    made: int = 0
    tried: int = 0
    refused: Counter[str] = field(default_factory=Counter)


async def measure(options: argparse.Namespace) -> None:
    counts: dict[str, Counts] = defaultdict(Counts)
    making_s = proving_s = 0.0
    proven = visits = flakes = unprovable = size = number = 0
    wall_s = 0.0
    renderer = None
    if not options.no_browser:
        from refine.render import Renderer, RenderSettings

        renderer = Renderer(RenderSettings(pages=1))
    for name, files in pages(options):
        number += 1
        size += size_bytes(files)
        started = time.process_time()
        source = read_source(files)
        for operator in OPERATORS:
            sites = operator.sites(source)
            counts[operator.name].pages += bool(sites)
            counts[operator.name].sites += len(sites)
            made = [
                apply_site(source, site, severity=operator_named(site.operator).severity, seed=options.seed)
                for site in random.Random(options.seed).sample(sites, min(len(sites), 10))
            ]
            counts[operator.name].made += sum(each is not None for each in made)
            counts[operator.name].tried += len(made)
        making_s += time.process_time() - started
        if renderer is None:
            print(f"  {name}", file=sys.stderr)
            continue
        wall, cpu = time.perf_counter(), time.process_time()
        originals = [await renderer.probe(files) for _ in range(max(options.visits, 2))]
        differ = [differences(originals[0], each) for each in originals[1:]]
        visits += len(differ)
        flakes += sum(bool(each) for each in differ)
        of_page: Counter[str] = Counter()
        seen: Counter[str] = Counter()
        if all(each.is_complete for each in originals) and not any(differ):
            for mutant in propose(files, seed=options.seed):
                if seen[mutant.operator] >= options.mutants:
                    continue
                seen[mutant.operator] += 1
                proof = prove(mutant, originals, await renderer.probe(mutant.files))
                counts[mutant.operator].refused[proof.refused_because or "proven"] += 1
                of_page["proven" if proof.ok else "refused"] += 1
        else:
            unprovable += 1
            print(f"  {name}: {originals[0].problem or [each.details for each in differ if each][:1]}", file=sys.stderr)
        proven += of_page["proven"]
        wall_s += time.perf_counter() - wall
        proving_s += time.process_time() - cpu
        print(f"  {name}: {of_page['proven']} of {of_page.total()} proven", file=sys.stderr, flush=True)
    if renderer is not None:
        await renderer.aclose()
    show(counts, number, size)
    made_all = sum(each.made for each in counts.values())
    print(f"\nmaking: {1000 * making_s / max(made_all, 1):.0f} CPU-ms a mutant, {made_all} made")
    if renderer is not None:
        print(
            f"proving: {proving_s / max(proven, 1):.2f} CPU-s of our own and {wall_s / max(proven, 1):.2f} s of wall a proven mutant, {proven} proven"
        )
        print(f"self-probes: {flakes} of {visits} differ; {unprovable} of {number} pages cannot be proven on")


def show(counts: dict[str, Counts], number: int, size: int) -> None:
    print(f"{number} pages, {size / 1024:.0f} KiB\n")
    print("| operator | pages with a place | places | tried that parse | proven | no difference | elsewhere | other |")
    print("|---|---|---|---|---|---|---|---|")
    whole = Counts()
    for operator in OPERATORS:
        each = counts[operator.name]
        whole.sites += each.sites
        whole.made += each.made
        whole.tried += each.tried
        whole.refused += each.refused
        print(row(operator.name, str(each.pages), each))
    print(row("**all**", "", whole))


def row(name: str, found_on: str, each: Counts) -> str:
    refused = each.refused
    tried = refused.total()
    proven = f"{refused['proven']} of {tried} ({refused['proven'] / tried:.0%})" if tried else "–"
    other = tried - refused["proven"] - refused["no_difference"] - refused["elsewhere"]
    parse = f"{each.made} of {each.tried}"
    return f"| {name} | {found_on} | {each.sites} | {parse} | {proven} | {refused['no_difference']} | {refused['elsewhere']} | {other} |"


if __name__ == "__main__":
    asyncio.run(measure(parse()))
