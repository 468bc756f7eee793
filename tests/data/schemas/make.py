"""Write `<revision>.sql` beside this file: a small database of the newest schema, with chains that wait for people.

Run it once when a schema is released, and never again for that one: `python tests/data/schemas/make.py`.
"""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

from refine.artifact import content_hash
from refine.settings import ProjectSettings
from refine.types import (
    CodeFile,
    CritiqueIn,
    Edit,
    EditPlan,
    Files,
    Message,
    ModelReply,
    ModelRequest,
    Part,
    PlanIssue,
    PromptIn,
    RankingIn,
    Rating,
    Span,
    Verdict,
)
from store import calls, candidates, chains, erasing, feedback, plans, projects, rankings, rounds, verdicts
from store.opening import APPLICATION_ID, HEAD, open_database

PAGE = """<!doctype html>
<html lang="en">
<head><title>Moon phases</title><style>
body { font-family: sans-serif; margin: 2rem; } button { color: #999; background: #aaa; } canvas { width: 300px; }
.caption { font-size: 14px; } .legend { list-style: none; padding: 0; } .legend li { margin: 4px 0; }
</style></head>
<body><h1>Phases of the moon, version %d</h1><canvas id="sky"></canvas><p class="caption">Drag to turn.</p>
<ul class="legend"><li>New</li><li>First quarter</li><li>Full</li><li>Last quarter</li></ul>
<button id="go">Next phase</button><script>let phase = 0;
document.getElementById("go").addEventListener("click", () => { phase = (phase + 1) %% 8; draw(phase); });
function draw(n) { document.querySelector(".caption").textContent = "Phase " + n; }
</script></body></html>
"""
SYSTEM = "You write one interactive page in a single HTML file. " * 8


def page(version: int) -> Files:
    return (CodeFile(filename="index.html", content=PAGE % version),)


def fill(connection: Connection) -> dict[str, str]:
    """Three chains of one project; their ulids: `first` waits in its first round, `second` in its second with one of
    two rankings, `ended` was stopped."""
    settings = ProjectSettings(panel="people", rankings_per_round=2, instructions="Which page explains it best?")
    project = projects.create_project(connection, "moon", settings)
    prompts = [PromptIn(key=key, prompt=f"Explain the phases of the moon ({key})") for key in ("p1", "p2", "p3")]
    stored = projects.add_prompts(connection, project.key, prompts, batch_key=None)
    keys = [
        chains.create_chain(
            connection, project, prompt_row=row.key, prompt_key=row.prompt_key, batch_key=None, is_demo=False
        )
        for row in stored
    ]
    for key in keys:
        start(connection, key)
    rank(connection, keys[1], number=1, labeler="ann", says="The button is too pale to read.")
    rank(connection, keys[1], number=1, labeler="ben", says="I like the legend, keep it.")
    revise(connection, keys[1])
    rank(connection, keys[1], number=2, labeler="ann", says="Now I can read it.")
    lease(connection, keys[1], number=2, labeler="cem")
    lease(connection, keys[0], number=1, labeler="cem")
    last = chains.load_chain_by_key(connection, keys[2])
    chains.stop_chain(connection, last)
    erasing.erase_words(connection, "ben")
    ulids = [chains.load_chain_by_key(connection, key).record.id for key in keys]
    return dict(zip(("first", "second", "ended"), ulids, strict=True))


def start(connection: Connection, chain_key: int) -> None:
    """Two drafts, on show in round one."""
    for slot in range(2):
        step = calls.StepKey(chain_key=chain_key, round=1, step="draft", slot=slot, turn=0)
        call = ask(connection, step, (Part("Explain the phases of the moon."),), (PAGE % slot))
        candidates.add_candidate(
            connection,
            chain_key,
            round=1,
            slot=slot,
            kind="draft",
            files=page(slot),
            content_sha256=content_hash(page(slot)),
            call_key=call,
            generator="demo/scripted",
            how="draft",
        )
    made = candidates.load_candidates(connection, chain_key)
    candidates.record_checks(connection, chain_key, [(candidate, [("size", True, "")]) for candidate in made])
    chain = chains.load_chain_by_key(connection, chain_key)
    rounds.open_round(
        connection,
        chain,
        kind="normal",
        number=1,
        candidates=[candidate.key for candidate in made],
        incumbent=None,
        wanted=2,
    )


def ask(connection: Connection, step: calls.StepKey, parts: tuple[Part, ...], reply: str) -> int:
    request = ModelRequest(
        model="demo/scripted", messages=(Message("system", (Part(SYSTEM),)), Message("user", parts)), seed=7
    )
    answer = ModelReply(text=reply, model_returned="demo/scripted", provider="demo", finish_reason="stop")
    return calls.record_reply(connection, step, request, answer, template=f"{step.step}@1").key


def lease(connection: Connection, chain_key: int, *, number: int, labeler: str) -> tuple[str, tuple[str, ...]]:
    round = rounds.load_rounds(connection, chain_key)[number - 1]
    assignment = feedback.lease_assignment(connection, round_id=round.id, labeler=labeler, made_by="person")
    assert assignment is not None
    return assignment.id, assignment.candidates


def rank(connection: Connection, chain_key: int, *, number: int, labeler: str, says: str) -> None:
    assignment, _ = lease(connection, chain_key, number=number, labeler=labeler)
    round = rounds.load_rounds(connection, chain_key)[number - 1]
    shown = [candidate.id for candidate, _, _ in rounds.load_shown(connection, round.key)]
    ranking = RankingIn(
        groups=tuple((candidate,) for candidate in reversed(shown)),
        critiques=(CritiqueIn(candidate=shown[0], text=says),),
    )
    feedback.submit_ranking(
        connection,
        assignment_id=assignment,
        ranking=ranking,
        made_by="person",
        key=f"{chain_key}-{number}-{labeler}",
        active_s=40.0,
    )


def revise(connection: Connection, chain_key: int) -> None:
    """The verdict of round one, the plan made of its critiques, one revision, and round two."""
    chain = chains.load_chain_by_key(connection, chain_key)
    first = rounds.load_rounds(connection, chain_key)[0]
    made = candidates.load_candidates(connection, chain_key)
    winner = made[1]
    ratings = tuple(
        Rating(candidate=candidate.id, mean=0.0, sd=1.0, p_best=0.5, p_beats_incumbent=None) for candidate in made
    )
    verdict = Verdict(
        winner=winner.id,
        incumbent=None,
        ratings=ratings,
        threshold=0.6,
        comparisons=2,
        rankings=2,
        method="bradley_terry_map",
        seed=1,
    )
    verdicts.record_verdict(connection, chain, first, verdict)
    critique = rankings.load_critiques(connection, first.key)[0]
    span = Span(critique=critique.id, start=0, end=len(critique.text))
    step = calls.StepKey(chain_key=chain_key, round=1, step="distil", slot=0, turn=0)
    call = ask(connection, step, (Part("Critiques:\n"), Part(critique.text, span)), "{}")
    issue = PlanIssue(
        id="i1", kind="look", target="#go", claim=critique.text, severity=0.5, support=1.0, span=span, cites=(span,)
    )
    plan = EditPlan(made_by="distiller", issues=(issue,))
    plans.record_plan(connection, chain_key, first, plan, parent_key=winner.key, call_key=call)
    stored = plans.load_plan(connection, first.key)
    assert stored is not None
    files = (CodeFile(filename="index.html", content=(PAGE % 1).replace("#999", "#111")),)
    edit = Edit(issues=("i1",), filename="index.html", status="applied", how="exact", search="#999", replace="#111")
    candidates.add_candidate(
        connection,
        chain_key,
        round=2,
        slot=0,
        kind="revision",
        files=files,
        content_sha256=content_hash(files),
        parent=winner,
        plan_key=stored.key,
        call_key=call,
        generator="demo/scripted",
        how="blocks",
        edits=(edit,),
    )
    (revision,) = candidates.load_candidates(connection, chain_key, round=2)
    candidates.record_checks(connection, chain_key, [(revision, [("size", True, "")])])
    rounds.open_round(
        connection,
        chains.load_chain_by_key(connection, chain_key),
        kind="normal",
        number=2,
        candidates=[revision.key, winner.key],
        incumbent=winner.key,
        wanted=2,
    )


def dump(path: Path) -> str:
    """As SQL. What the text index is made of inside is left out: its statements make it anew."""
    with closing(sqlite3.connect(path)) as connection:
        rows = [line for line in connection.iterdump() if "prompt_text" not in line and "writable_schema" not in line]
        index = connection.execute(
            "SELECT sql || ';' FROM sqlite_schema WHERE sql LIKE '%prompt_text%' AND sql NOT LIKE 'CREATE TABLE%'"
        )
        lines = [f"PRAGMA application_id={APPLICATION_ID};", *rows, *(line for (line,) in index)]
    return "\n".join([*lines, "INSERT INTO prompt_text (prompt_text) VALUES ('rebuild');"]) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.db"
        with open_database(path) as database:
            database.write_now(fill)
        Path(__file__).with_name(f"{HEAD}.sql").write_text(dump(path), encoding="utf-8")


if __name__ == "__main__":
    main()
