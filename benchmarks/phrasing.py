"""How much refinement removes, in wording the scripted model knows and in wording it does not.

Runs the whole loop (store, panel, verdicts, distiller, editor) on the example prompts, once for each share of critiques
phrased from the held-out half of the phrase bank, and counts planted flaws in the first and the final candidates.

    python benchmarks/phrasing.py
"""

import argparse
import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from refine import Refiner
from refine.api.prompts_file import read_prompts
from refine.api.reading import read_project
from refine.perturb import find_flaws

PROMPTS = Path(__file__).parent.parent / "examples" / "prompts.jsonl"


async def run(held_out_share: float, *, rounds: int, seeds: int) -> str:
    first = final = chains = 0
    issues: Counter[str] = Counter()
    rows = read_prompts(PROMPTS).rows
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            mix = {"held_out_share": held_out_share}
            async with Refiner.open(
                Path(folder, f"{seed}.db"), rounds=rounds, seed=seed, mix=mix, audit_share=0
            ) as refiner:
                await refiner.start_all(rows)
                await refiner.wait()
                for chain in read_project(refiner.database, refiner.project.key):
                    flaws = {it.id: len(find_flaws([file.content for file in it.files])) for it in chain.candidates}
                    drafts = [it.id for it in chain.candidates if it.made_in_round == 1 and not it.is_failed]
                    if chain.incumbent is None:
                        continue
                    chains += 1
                    first += flaws[drafts[0]]
                    final += flaws[chain.incumbent]
                    for candidate in chain.candidates:
                        for edit in candidate.edits:
                            issues[edit.status] += len(edit.issues)
    applied = issues["applied"] / max(sum(issues.values()), 1)
    return (
        f"| {held_out_share:.1f} | {chains} | {first} | {final} | {1 - final / first:.0%} | "
        f"{issues['applied']} | {issues['not_applied']} | {applied:.0%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print("| held-out share | chains | flaws in first drafts | in finals | removed | applied | not applied | share |")
    print("|---|---|---|---|---|---|---|---|")
    for share in (0.0, 0.5, 1.0):
        print(asyncio.run(run(share, rounds=options.rounds, seeds=options.seeds)))


if __name__ == "__main__":
    main()
