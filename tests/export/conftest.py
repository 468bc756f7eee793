"""A chain of two judged rounds and an audit round, as the store would hand it to an export."""

from datetime import UTC, datetime

import pytest

from refine.artifact import content_hash
from refine.export import ExportCall, ExportCandidate, ExportChain, ExportCritique, ExportRanking, ExportRound
from refine.types import (
    CandidateKind,
    CodeFile,
    Edit,
    EditPlan,
    Event,
    MadeBy,
    Message,
    ModelReply,
    Part,
    PlanConflict,
    PlanIssue,
    PlanKeep,
    PlanRejection,
    Rating,
    Span,
    Usage,
    Verdict,
)

AT = datetime(2027, 1, 31, 18, tzinfo=UTC)
QUOTE = Span(critique="k1", start=0, end=10)


def make_candidate(id: str, made_in_round: int, content: str, parent: str | None = None) -> ExportCandidate:
    files = (CodeFile(filename="index.html", content=content),)
    kind: CandidateKind = "revision" if parent else "draft"
    edit = Edit(
        issues=("i1",), filename="index.html", status="applied", how="exact", start=0, end=3, search="a", replace="b"
    )
    return ExportCandidate(
        id=id,
        parent=parent,
        kind=kind,
        generator="demo/x",
        made_in_round=made_in_round,
        files=files,
        content_sha256=content_hash(files),
        how="blocks" if parent else "draft",
        edits=(edit,) if parent else (),
    )


def make_ranking(
    id: str, *shown: str, made_by: MadeBy = "person", uses: tuple[str, ...] = ("research", "training")
) -> ExportRanking:
    return ExportRanking(
        id=id,
        labeler="L1",
        groups=tuple((each,) for each in shown),
        shown=shown,
        critiques=(
            ExportCritique(
                id="k1",
                candidate=shown[0],
                text="Too small — 狭い",
                anchor={"kind": "region", "box": [1, 2, 3, 4], "viewport": [390, 800]},
            ),
        ),
        made_by=made_by,
        settings_version=1,
        uses_allowed=uses,
        active_s=12.5,
        cost_usd=0.02,
        created_at=AT,
    )


def rating(candidate: str, mean: float, p_best: float, p_beats_incumbent: float | None = None) -> Rating:
    return Rating(candidate=candidate, mean=mean, sd=0.5, p_best=p_best, p_beats_incumbent=p_beats_incumbent)


def make_verdict(winner: str, incumbent: str | None, *ratings: Rating) -> Verdict:
    return Verdict(
        winner=winner,
        incumbent=incumbent,
        ratings=ratings,
        threshold=0.6,
        comparisons=6,
        rankings=2,
        method="bt-map",
        seed=1,
        details={"passes": 3},
    )


@pytest.fixture
def chain() -> ExportChain:
    plan = EditPlan(
        made_by="distiller",
        issues=(
            PlanIssue(
                id="i1",
                kind="look",
                target="p",
                claim="Too small",
                severity=0.5,
                support=1.0,
                span=QUOTE,
                cites=(QUOTE,),
            ),
        ),
        keep=(PlanKeep(claim="the colours", support=1.0),),
        conflicts=(PlanConflict(issues=("i1",), claims=("larger",), spans=(None,)),),
        rejected=(PlanRejection(reason="off topic", cite=QUOTE),),
    )
    call = ExportCall(
        id="call-1",
        round=2,
        step="revise",
        slot=0,
        turn=0,
        template="revise@1",
        model="demo/x",
        seed=7,
        params={"temperature": 0.5},
        messages=(
            Message("system", (Part("[refine:revise@1]\n"),)),
            Message("user", (Part("Fix: "), Part("Too small ", QUOTE), Part("now"))),
        ),
        messages_sha256="0" * 64,
        reply=ModelReply(
            text="blocks",
            model_returned="x-1",
            provider="p",
            finish_reason="stop",
            reasoning="hm",
            reasoning_kind="visible",
            usage=Usage(prompt_tokens=5),
            cost_usd=0.001,
            errors=("429",),
        ),
        created_at=AT,
    )
    return ExportChain(
        id="chain-1",
        project="quizzes",
        prompt_key="p1",
        prompt="A quiz",
        licence="CC0-1.0",
        source="ours",
        metadata={"topic": "nets"},
        kind="refine",
        state="ended",
        stop_reason="rounds",
        seed=3,
        settings_version=1,
        settings={1: {"rounds": 2}},
        is_demo=False,
        is_simulated=False,
        incumbent="C",
        candidates=(
            make_candidate("A", 1, "<p>a</p>\n"),
            make_candidate("B", 1, "<p>b</p>\n"),
            make_candidate("C", 2, "<p>c</p>\n", parent="A"),
            make_candidate("D", 2, "<p>d</p>\n", parent="A"),
        ),
        rounds=(
            ExportRound(
                number=1,
                kind="normal",
                shown=("A", "B"),
                rankings=(make_ranking("r1", "A", "B"),),
                verdict=make_verdict("A", None, rating("A", 1.0, 0.9), rating("B", 0.0, 0.1)),
                plan=plan,
            ),
            ExportRound(
                number=2,
                kind="normal",
                shown=("D", "A", "C"),
                rankings=(make_ranking("r2", "C", "A", "D", made_by="judge", uses=("research",)),),
                verdict=make_verdict(
                    "C", "A", rating("A", 1.0, 0.2), rating("C", 1.4, 0.5, 0.75), rating("D", 1.3, 0.3, 0.6)
                ),
            ),
            ExportRound(number=3, kind="audit", shown=("A", "C"), rankings=(make_ranking("r3", "A", "C", uses=()),)),
        ),
        calls=(call,),
        events=(Event(seq=1, type="chain_started", round=0, refs={"prompt": "p1"}, at=AT),),
        models_cost_usd=0.001,
        people_cost_usd=0.06,
        created_at=AT,
        ended_at=AT,
    )
