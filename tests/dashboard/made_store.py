"""Chains as a loop would have left them, with prices, times and words that a test chooses."""

from typing import Any

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
    PlanKeep,
    PromptIn,
    RankingIn,
    Rating,
    Span,
    Step,
    Usage,
    Verdict,
)
from store import calls, candidates, chains, feedback, plans, projects, rankings, rounds, verdicts

HOSTILE = '<img src=x onerror="window.pwned=1"> **bold** [a link](javascript:window.pwned=1) $x^2$ :red[red] `code`'
PAGE = "<!doctype html>\n<title>Clock</title>\n<style>\nbutton { color: #999; }\n</style>\n<button>Go</button>\n"


def page(text: str) -> Files:
    return (CodeFile(filename="index.html", content=text),)


def order(connection: Connection, /, project: str, prompts: dict[str, str], **settings: Any) -> dict[str, int]:
    """A project with a chain for every prompt; their keys by prompt id."""
    made = projects.create_project(connection, project, ProjectSettings(panel="people", **settings))
    rows = [PromptIn(key=key, prompt=text) for key, text in prompts.items()]
    stored = projects.add_prompts(connection, made.key, rows, batch_key=None)
    return {
        row.prompt_key: chains.create_chain(
            connection, made, prompt_row=row.key, prompt_key=row.prompt_key, batch_key=None, is_demo=False
        )
        for row in stored
    }


def call(
    connection: Connection, chain: int, step: Step, *, round: int, slot: int = 0, usd: float = 0.0, text: str = ""
) -> int:
    key = calls.StepKey(chain_key=chain, round=round, step=step, slot=slot, turn=0)
    messages = (Message("system", (Part(f"You {step}."),)), Message("user", (Part("Do it."),)))
    reply = ModelReply(
        text=text or PAGE,
        model_returned="some/model",
        provider="some",
        finish_reason="stop",
        usage=Usage(prompt_tokens=100, completion_tokens=50),
        cost_usd=usd,
        latency_ms=1500.0,
    )
    request = ModelRequest(model="some/model", messages=messages, seed=1)
    return calls.record_reply(connection, key, request, reply, template=f"{step}@1").key


def candidate(
    connection: Connection,
    chain: int,
    *,
    round: int,
    slot: int,
    text: str,
    parent: int | None = None,
    plan: int | None = None,
    edits: tuple[Edit, ...] = (),
    dropped: str | None = None,
) -> candidates.StoredCandidate:
    files = page(text)
    candidates.add_candidate(
        connection,
        chain,
        round=round,
        slot=slot,
        kind="draft" if parent is None else "revision",
        files=files,
        content_sha256=content_hash(files),
        parent=None if parent is None else candidates.load_candidate(connection, parent),
        plan_key=plan,
        generator="some/model",
        how="draft" if parent is None else "blocks",
        edits=edits,
    )
    made = candidates.load_candidates(connection, chain, round=round)[-1]
    checks = [("size", True, "")] if dropped is None else [("blank", False, dropped)]
    candidates.record_checks(connection, chain, [(made, checks)])
    return candidates.load_candidates(connection, chain, round=round)[-1]


def open_round(connection: Connection, chain: int, *, number: int, shown: list[int], wanted: int) -> None:
    stored = chains.load_chain_by_key(connection, chain)
    rounds.open_round(
        connection,
        stored,
        kind="normal",
        number=number,
        candidates=shown,
        incumbent=stored.incumbent_key,
        wanted=wanted,
    )


def rank(
    connection: Connection, chain: int, labeler: str, *, best_first: list[int], seconds: float, says: str = ""
) -> None:
    """In the newest round; the words are about the first."""
    stored = rounds.newest_round(connection, chain)
    assert stored is not None
    held = feedback.lease_assignment(connection, round_id=stored.id, labeler=labeler, made_by="person")
    assert held is not None
    names = {it.key: it.id for it in candidates.load_candidates(connection, chain)}
    said = (CritiqueIn(candidate=names[best_first[0]], text=says),) if says else ()
    feedback.submit_ranking(
        connection,
        assignment_id=held.id,
        ranking=RankingIn(groups=tuple((names[key],) for key in best_first), critiques=said),
        made_by="person",
        key=f"{stored.id}-{labeler}",
        active_s=seconds,
    )


def judge(connection: Connection, chain: int, *, winner: int, p_best: float = 0.8) -> None:
    """The verdict of the newest round."""
    stored, round = chains.load_chain_by_key(connection, chain), rounds.newest_round(connection, chain)
    assert round is not None
    shown = [it for it, _, _ in rounds.load_shown(connection, round.key)]
    names = {it.key: it.id for it in candidates.load_candidates(connection, chain)}
    incumbent = None if stored.incumbent_key is None else names[stored.incumbent_key]
    others = (1 - p_best) / max(len(shown) - 1, 1)
    ratings = tuple(
        Rating(
            candidate=it.id,
            mean=1.25 if it.key == winner else -0.25,
            sd=0.5,
            p_best=p_best if it.key == winner else others,
            p_beats_incumbent=None if incumbent in (None, it.id) else 0.9 if it.key == winner else 0.1,
        )
        for it in shown
    )
    received = round.received
    verdict = Verdict(
        winner=names[winner],
        incumbent=incumbent,
        ratings=ratings,
        threshold=0.6,
        comparisons=received,
        rankings=received,
        method="bradley-terry-map@1",
        seed=1,
        details={"labelers": {}},
    )
    verdicts.record_verdict(connection, stored, round, verdict)


def plan(connection: Connection, chain: int, *, parent: int, keeps: bool = False) -> int:
    """Of the newest round, an issue for each of its critiques in order, i1, i2, …; the last one is kept as praise."""
    round = rounds.newest_round(connection, chain)
    assert round is not None
    said = rankings.load_critiques(connection, round.key)
    spans = [Span(critique=it.id, start=0, end=len(it.text)) for it in said]
    praised = spans.pop() if keeps else None
    issues = tuple(
        PlanIssue(
            id=f"i{n}", kind="look", target="button", claim=said[n - 1].text, severity=0.5, support=1.0, cites=(span,)
        )
        for n, span in enumerate(spans, start=1)
    )
    kept = () if praised is None else (PlanKeep(claim="the title", support=1.0, cites=(praised,)),)
    made = EditPlan(made_by="distiller", issues=issues, keep=kept)
    plans.record_plan(connection, chain, round, made, parent_key=parent, call_key=None)
    stored = plans.load_plan(connection, round.key)
    assert stored is not None
    return stored.key


def block(search: str, replace: str, *issues: str, source: str = PAGE) -> Edit:
    start = source.index(search)
    return Edit(
        issues=issues,
        filename="index.html",
        status="applied",
        how="exact",
        start=start,
        end=start + len(search),
        search=search,
        replace=replace,
    )


def make_story(connection: Connection) -> dict[str, str]:
    """Project `clocks`: `better` improved in its second round and has all its rounds, `waits` waits, `stopped` was
    stopped. Ids by those names."""
    prompts = {"better": f"A clock {HOSTILE}", "waits": "A sundial", "stopped": "An hourglass"}
    keys = order(connection, "clocks", prompts, pay_rate_usd_hour=36.0, rankings_per_round=2, budget_usd=50.0)
    better = keys["better"]
    for slot in range(2):
        call(connection, better, "draft", round=1, slot=slot, usd=0.1)
    first = candidate(connection, better, round=1, slot=0, text=PAGE)
    other = candidate(connection, better, round=1, slot=1, text=PAGE.replace("Clock", "Watch"))
    open_round(connection, better, number=1, shown=[first.key, other.key], wanted=2)
    rank(connection, better, "ann", best_first=[first.key, other.key], seconds=100, says=HOSTILE)
    rank(connection, better, "ben", best_first=[first.key, other.key], seconds=100, says="I like the title.")
    judge(connection, better, winner=first.key)
    made = plan(connection, better, parent=first.key, keeps=True)
    call(connection, better, "distil", round=1, usd=0.03, text=HOSTILE)
    call(connection, better, "revise", round=2, usd=0.2)
    call(connection, better, "revise", round=2, slot=1, usd=0.07)
    edit = block("color: #999;", "color: #111;\npadding: 1em;", "i1")
    text = PAGE.replace("color: #999;", "color: #111;\npadding: 1em;")
    new = candidate(connection, better, round=2, slot=0, text=text, parent=first.key, plan=made, edits=(edit,))
    candidate(connection, better, round=2, slot=1, text=" ", parent=first.key, plan=made, dropped=f"blank {HOSTILE}")
    open_round(connection, better, number=2, shown=[new.key, first.key], wanted=2)
    for labeler in ("ann", "cem"):
        rank(connection, better, labeler, best_first=[new.key, first.key], seconds=50)
    judge(connection, better, winner=new.key, p_best=0.9)
    chains.end_chain(connection, better, reason="rounds", round=2)
    waits = keys["waits"]
    drafts = [candidate(connection, waits, round=1, slot=n, text=f"{PAGE}{n}").key for n in range(2)]
    open_round(connection, waits, number=1, shown=drafts, wanted=2)
    rank(connection, waits, "ann", best_first=drafts, seconds=10)
    chains.stop_chain(connection, chains.load_chain_by_key(connection, keys["stopped"]))
    return {name: chains.load_chain_by_key(connection, key).record.id for name, key in keys.items()}
