"""What trusting labelers is worth in the loop: the same chains, judged with all labelers alike and by what is known.

The simulated panel's hidden truth tells which candidate on show really is best. Prints, by share of bad labelers, how
often verdicts took one that is as good as the best, the mean quality lost, and the quality of the final pages.

    python benchmarks/verdicts.py --prompts 60 --rounds 3 --rankings 5
"""

import argparse
import asyncio
import json
import random
import tempfile
from pathlib import Path
from statistics import mean

from refine.batch import BatchOrder, run_batch
from refine.settings import PanelMix, ProjectSettings
from refine.simulate import Looks
from store.candidates import load_files
from store.chains import list_chains
from store.database import Database
from store.opening import open_database
from store.rounds import load_rounds, load_shown
from store.verdicts import load_verdict

THINGS = ("a quiz about rivers", "a timer", "a memory game", "a to-do list", "a calculator", "a chart of rainfall")


async def run(folder: Path, args: argparse.Namespace, bad: float, seed: int, *, trusting: bool) -> dict[str, float]:
    prompts = folder / "prompts.jsonl"
    lines = [{"id": f"p{n}", "prompt": f"Make {THINGS[n % len(THINGS)]}, number {n}"} for n in range(args.prompts)]
    prompts.write_text("".join(json.dumps(line) + "\n" for line in lines))
    settings = ProjectSettings(
        panel="simulated",
        weigh_labelers=trusting,
        rounds=args.rounds,
        rankings_per_round=args.rankings,
        plateau_rounds=args.rounds,
        audit_share=0,
        seed=seed,
        mix=PanelMix(labelers=args.labelers, careless_share=bad * 0.7, hostile_share=bad * 0.3),
    )
    database = folder / f"{'trusting' if trusting else 'alike'}.db"
    await run_batch(BatchOrder(prompts=prompts, database=database, project="p", settings=settings))
    with open_database(database) as opened:
        return measure(opened)


def measure(database: Database) -> dict[str, float]:
    looks, right, lost, finals = Looks(), [], [], []

    def quality(key: int, sha: str) -> float:
        return looks.get(sha, database.read(load_files, key)).quality

    for chain in database.read(list_chains, project="p", limit=10_000):
        final = None
        for round in database.read(load_rounds, chain.key):
            verdict = database.read(load_verdict, round.key)
            if round.kind != "normal" or verdict is None:
                continue
            shown = {it.id: quality(it.key, it.content_sha256) for it, _, _ in database.read(load_shown, round.key)}
            final = shown[verdict.winner]
            lost.append(max(shown.values()) - final)
            right.append(lost[-1] < 1e-9)
        if final is not None:
            finals.append(final)
    return {"right": mean(right), "lost": mean(lost), "final": mean(finals), "verdicts": len(right)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rankings", type=int, default=5)
    parser.add_argument("--labelers", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    print(f"{'bad':>5} {'':>9} {'best taken':>11} {'lost':>7} {'final':>7}  (means of {args.seeds} seeds)")
    for bad in (0.0, 0.3, 0.5):
        for trusting in (False, True):
            found = []
            for seed in range(args.seeds):
                with tempfile.TemporaryDirectory() as folder:
                    found.append(asyncio.run(run(Path(folder), args, bad, seed, trusting=trusting)))
            row = {name: mean(it[name] for it in found) for name in found[0]}
            name = "trusting" if trusting else "alike"
            print(f"{bad:5.0%} {name:>9} {row['right']:11.3f} {row['lost']:7.4f} {row['final']:7.4f}", flush=True)


if __name__ == "__main__":
    random.seed(0)
    main()
