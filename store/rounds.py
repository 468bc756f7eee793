"""Candidates, rounds, verdicts and edit plans: what the loop makes.

Everything here may be done twice with the same effect as once; the loop relies on that after a crash.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, cast

import orjson
from sqlalchemy import Connection, func, insert, select, update

from refine.errors import StoreError
from refine.types import (
    CandidateKind,
    CodeFile,
    CritiqueRecord,
    Edit,
    EditPlan,
    Files,
    MadeBy,
    OpenRound,
    PlanConflict,
    PlanIssue,
    PlanKeep,
    PlanRejection,
    RankingRecord,
    Rating,
    RoundKind,
    ShownCandidate,
    Span,
    Verdict,
)
from store.blobs import blob_id_of, get_blob, put_blob
from store.chains import StoredChain
from store.events import record_event
from store.ids import make_ulid, now
from store.messages import ERASED, load_words
from store.tables import (
    ASSIGNMENT,
    BLOB,
    CANDIDATE,
    CANDIDATE_FILE,
    CHAIN,
    CHECK,
    CRITIQUE,
    EDIT,
    LABELER,
    PLAN,
    PROJECT,
    PROMPT,
    RANKING,
    ROUND,
    ROUND_CANDIDATE,
    SETTINGS_VERSION,
    VERDICT,
    WORDS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCandidate:
    key: int
    id: str
    round: int
    slot: int
    kind: CandidateKind
    is_ok: bool
    parent_key: int | None
    plan_key: int | None
    call_key: int | None
    given_id: str | None
    generator: str | None
    made_by: MadeBy
    content_sha256: str | None
    size_bytes: int
    how: str
    reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRound:
    key: int
    id: str
    kind: RoundKind
    number: int
    state: str
    wanted: int
    received: int
    settings_key: int
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    key: int
    id: str
    round_key: int
    parent_key: int
    plan: EditPlan


# --- Candidates ---------------------------------------------------------------------------------------------------

_CANDIDATE_COLUMNS = (
    CANDIDATE.c.id,
    CANDIDATE.c.ulid,
    CANDIDATE.c.round,
    CANDIDATE.c.slot,
    CANDIDATE.c.kind,
    CANDIDATE.c.state,
    CANDIDATE.c.parent_id,
    CANDIDATE.c.plan_id,
    CANDIDATE.c.call_id,
    CANDIDATE.c.given_id,
    CANDIDATE.c.generator,
    CANDIDATE.c.made_by,
    CANDIDATE.c.content_sha256,
    CANDIDATE.c.size_bytes,
    CANDIDATE.c.how,
    CANDIDATE.c.reason,
    CANDIDATE.c.created_at,
)
_SELECT_CANDIDATE = select(*_CANDIDATE_COLUMNS)


def _candidate(row: Any) -> StoredCandidate:
    return StoredCandidate(
        key=row.id,
        id=row.ulid,
        round=row.round,
        slot=row.slot,
        kind=row.kind,
        is_ok=row.state == "ok",
        parent_key=row.parent_id,
        plan_key=row.plan_id,
        call_key=row.call_id,
        given_id=row.given_id,
        generator=row.generator,
        made_by=row.made_by,
        content_sha256=row.content_sha256,
        size_bytes=row.size_bytes,
        how=row.how,
        reason=row.reason,
        created_at=row.created_at,
    )


def add_candidate(
    connection: Connection,
    chain_key: int,
    *,
    round: int,
    slot: int,
    kind: CandidateKind,
    files: Files | None,
    content_sha256: str | None,
    parent: StoredCandidate | None = None,
    plan_key: int | None = None,
    call_key: int | None = None,
    given_id: str | None = None,
    generator: str | None = None,
    made_by: MadeBy = "program",
    how: str = "",
    edits: Sequence[Edit] = (),
    reason: str | None = None,
) -> None:
    """Store what was made for a slot of a round; with `reason`, that nothing usable was. The first time counts."""
    taken = select(CANDIDATE.c.id).where(
        CANDIDATE.c.chain_id == chain_key, CANDIDATE.c.round == round, CANDIDATE.c.slot == slot
    )
    if connection.execute(taken).first() is not None:
        return
    ulid = make_ulid()
    contents = [(file.filename, file.content.encode()) for file in files or ()]
    result = connection.execute(
        insert(CANDIDATE).values(
            ulid=ulid,
            chain_id=chain_key,
            round=round,
            slot=slot,
            kind=kind,
            state="failed" if reason is not None else "ok",
            parent_id=parent.key if parent else None,
            plan_id=plan_key,
            call_id=call_key,
            given_id=given_id,
            generator=generator,
            made_by=made_by,
            content_sha256=content_sha256,
            size_bytes=sum(len(content) for _, content in contents),
            how=how,
            reason=reason,
            created_at=now(),
        )
    )
    key = int(cast(Any, result).inserted_primary_key[0])
    bases = _file_hashes(connection, parent.key) if parent else {}
    if contents:
        connection.execute(
            insert(CANDIDATE_FILE),
            [
                {
                    "candidate_id": key,
                    "position": position,
                    "filename": filename,
                    "blob_id": put_blob(connection, content, base_sha256=bases.get(filename)),
                }
                for position, (filename, content) in enumerate(contents)
            ],
        )
    if edits:
        connection.execute(insert(EDIT), [_edit_values(connection, key, n, edit) for n, edit in enumerate(edits)])
    if reason is None:
        record_event(connection, chain_key, "candidate_made", round, candidate=ulid, kind=kind, slot=slot, how=how)
    else:
        record_event(connection, chain_key, "candidate_failed", round, candidate=ulid, slot=slot, reason=reason)


def _edit_values(connection: Connection, candidate_key: int, position: int, edit: Edit) -> dict[str, Any]:
    hashes: dict[str, str | None] = {}
    for name, text in (("search", edit.search), ("replace", edit.replace)):
        data = text.encode()
        hashes[f"{name}_sha256"] = hashlib.sha256(data).hexdigest() if edit.search else None
        if edit.search:
            put_blob(connection, data)
    return {
        "candidate_id": candidate_key,
        "position": position,
        "issues": list(edit.issues),
        "filename": edit.filename,
        "status": edit.status,
        "how": edit.how,
        "reason": edit.reason,
        "start": edit.start,
        "end": edit.end,
        **hashes,
    }


def _file_hashes(connection: Connection, candidate_key: int) -> dict[str, str]:
    rows = connection.execute(
        select(CANDIDATE_FILE.c.filename, BLOB.c.sha256)
        .join(BLOB, BLOB.c.id == CANDIDATE_FILE.c.blob_id)
        .where(CANDIDATE_FILE.c.candidate_id == candidate_key)
    )
    return {filename: sha256 for filename, sha256 in rows}


def load_candidates(connection: Connection, chain_key: int, *, round: int | None = None) -> list[StoredCandidate]:
    """By round and slot, failed ones included."""
    query = _SELECT_CANDIDATE.where(CANDIDATE.c.chain_id == chain_key)
    if round is not None:
        query = query.where(CANDIDATE.c.round == round)
    return [_candidate(row) for row in connection.execute(query.order_by(CANDIDATE.c.round, CANDIDATE.c.slot))]


def load_candidate(connection: Connection, key: int) -> StoredCandidate:
    return _candidate(connection.execute(_SELECT_CANDIDATE.where(CANDIDATE.c.id == key)).one())


def load_files(connection: Connection, candidate_key: int) -> Files:
    rows = connection.execute(
        select(CANDIDATE_FILE.c.filename, CANDIDATE_FILE.c.blob_id)
        .where(CANDIDATE_FILE.c.candidate_id == candidate_key)
        .order_by(CANDIDATE_FILE.c.position)
    ).all()
    return tuple(CodeFile(filename=name, content=get_blob(connection, blob).decode()) for name, blob in rows)


def record_checks(
    connection: Connection,
    chain_key: int,
    found: Sequence[tuple[StoredCandidate, Sequence[tuple[str, bool, str]]]],
) -> None:
    """What the checks found per candidate: (name, passed, detail). One that did not pass drops the candidate."""
    for candidate, results in found:
        done = select(CHECK.c.id).where(CHECK.c.candidate_id == candidate.key).limit(1)
        if not results or connection.execute(done).first() is not None:
            continue
        connection.execute(
            insert(CHECK),
            [
                {"candidate_id": candidate.key, "name": name, "passed": passed, "detail": detail}
                for name, passed, detail in results
            ],
        )
        failed = [f"{name}: {detail}" for name, passed, detail in results if not passed]
        if failed:
            reason = "; ".join(failed)
            connection.execute(
                update(CANDIDATE).where(CANDIDATE.c.id == candidate.key).values(state="failed", reason=reason)
            )
            record_event(
                connection, chain_key, "candidate_dropped", candidate.round, candidate=candidate.id, reason=reason
            )


def load_checks(connection: Connection, candidate_key: int) -> list[tuple[str, bool, str]]:
    rows = connection.execute(
        select(CHECK.c.name, CHECK.c.passed, CHECK.c.detail)
        .where(CHECK.c.candidate_id == candidate_key)
        .order_by(CHECK.c.id)
    )
    return [(name, bool(passed), detail) for name, passed, detail in rows]


def find_unchecked(connection: Connection, chain_key: int, round: int) -> list[StoredCandidate]:
    checked = select(CHECK.c.id).where(CHECK.c.candidate_id == CANDIDATE.c.id).correlate(CANDIDATE).exists()
    rows = connection.execute(
        _SELECT_CANDIDATE.where(
            CANDIDATE.c.chain_id == chain_key, CANDIDATE.c.round == round, CANDIDATE.c.state == "ok", ~checked
        ).order_by(CANDIDATE.c.slot)
    )
    return [_candidate(row) for row in rows]


def load_edits(connection: Connection, candidate_key: int) -> list[Edit]:
    rows = connection.execute(select(EDIT).where(EDIT.c.candidate_id == candidate_key).order_by(EDIT.c.position))
    return [
        Edit(
            issues=tuple(row.issues),
            filename=row.filename,
            status=row.status,
            how=row.how,
            reason=row.reason,
            start=row.start,
            end=row.end,
            search=_blob_text(connection, row.search_sha256),
            replace=_blob_text(connection, row.replace_sha256),
        )
        for row in rows
    ]


def _blob_text(connection: Connection, sha256: str | None) -> str:
    if sha256 is None:
        return ""
    key = blob_id_of(connection, sha256)
    if key is None:
        raise StoreError(f"blob {sha256[:12]} is missing; run `refine db verify`")
    return get_blob(connection, key).decode()


# --- Rounds -------------------------------------------------------------------------------------------------------

_SELECT_ROUND = select(
    ROUND.c.id,
    ROUND.c.ulid,
    ROUND.c.kind,
    ROUND.c.number,
    ROUND.c.state,
    ROUND.c.wanted,
    ROUND.c.received,
    ROUND.c.settings_version_id,
    ROUND.c.opened_at,
)


def _round(row: Any) -> StoredRound:
    return StoredRound(
        key=row.id,
        id=row.ulid,
        kind=row.kind,
        number=row.number,
        state=row.state,
        wanted=row.wanted,
        received=row.received,
        settings_key=row.settings_version_id,
        opened_at=row.opened_at,
    )


def open_round(
    connection: Connection,
    chain: StoredChain,
    *,
    kind: RoundKind,
    number: int,
    candidates: Sequence[int],
    incumbent: int | None,
    wanted: int,
) -> None:
    """Put candidates (keys, in the order of c1, c2, …) on show and let the chain wait. The first time counts."""
    done = select(ROUND.c.id).where(ROUND.c.chain_id == chain.key, ROUND.c.kind == kind, ROUND.c.number == number)
    if connection.execute(done).first() is not None:
        return
    ulid = make_ulid()
    result = connection.execute(
        insert(ROUND).values(
            ulid=ulid,
            chain_id=chain.key,
            kind=kind,
            number=number,
            state="open",
            wanted=wanted,
            received=0,
            priority=float(chain.record.priority),
            settings_version_id=chain.settings_key,
            opened_at=now(),
        )
    )
    key = int(cast(Any, result).inserted_primary_key[0])
    connection.execute(
        insert(ROUND_CANDIDATE),
        [
            {"round_id": key, "candidate_id": candidate, "position": n, "is_incumbent": candidate == incumbent}
            for n, candidate in enumerate(candidates, start=1)
        ],
    )
    state = "waiting" if kind == "normal" else "audit"
    connection.execute(update(CHAIN).where(CHAIN.c.id == chain.key).values(state=state))
    record_event(
        connection,
        chain.key,
        "round_opened",
        number,
        round_id=ulid,
        kind=kind,
        candidates=len(candidates),
        wanted=wanted,
    )


def newest_round(connection: Connection, chain_key: int, *, kind: RoundKind = "normal") -> StoredRound | None:
    row = connection.execute(
        _SELECT_ROUND.where(ROUND.c.chain_id == chain_key, ROUND.c.kind == kind)
        .order_by(ROUND.c.number.desc())
        .limit(1)
    ).first()
    return None if row is None else _round(row)


def load_rounds(connection: Connection, chain_key: int) -> list[StoredRound]:
    """Oldest first, the audit round last."""
    rows = connection.execute(
        _SELECT_ROUND.where(ROUND.c.chain_id == chain_key).order_by(ROUND.c.kind == "audit", ROUND.c.number)
    )
    return [_round(row) for row in rows]


def load_shown(connection: Connection, round_key: int) -> list[tuple[StoredCandidate, int, bool]]:
    """The round's candidates with position and whether each is the incumbent, by position."""
    rows = connection.execute(
        select(*_CANDIDATE_COLUMNS, ROUND_CANDIDATE.c.position, ROUND_CANDIDATE.c.is_incumbent)
        .join(ROUND_CANDIDATE, ROUND_CANDIDATE.c.candidate_id == CANDIDATE.c.id)
        .where(ROUND_CANDIDATE.c.round_id == round_key)
        .order_by(ROUND_CANDIDATE.c.position)
    )
    return [(_candidate(row), row.position, bool(row.is_incumbent)) for row in rows]


_FOR_PANELS = (
    select(
        ROUND.c.id,
        ROUND.c.ulid,
        ROUND.c.chain_id,
        ROUND.c.number,
        ROUND.c.kind,
        ROUND.c.wanted,
        ROUND.c.received,
        CHAIN.c.ulid.label("chain_ulid"),
        PROJECT.c.name.label("project"),
        PROMPT.c.key.label("prompt_key"),
        PROMPT.c.text.label("prompt"),
        SETTINGS_VERSION.c.settings.label("settings"),
    )
    .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
    .join(PROJECT, PROJECT.c.id == CHAIN.c.project_id)
    .join(PROMPT, PROMPT.c.id == CHAIN.c.prompt_id)
    .join(SETTINGS_VERSION, SETTINGS_VERSION.c.id == ROUND.c.settings_version_id)
)


def load_open_round(connection: Connection, round_ulid: str) -> OpenRound | None:
    """The round as panels see it; None unless it is open and its chain neither paused nor stopping."""
    row = connection.execute(
        _FOR_PANELS.where(
            ROUND.c.ulid == round_ulid,
            ROUND.c.state == "open",
            CHAIN.c.paused_at.is_(None),
            CHAIN.c.stop_requested_at.is_(None),
        )
    ).first()
    return None if row is None else _for_panels(connection, row, with_files=True)


def load_round_for_feedback(connection: Connection, round_key: int) -> OpenRound:
    """The round whatever its state, without the code of its candidates: enough to resolve their names."""
    row = connection.execute(_FOR_PANELS.where(ROUND.c.id == round_key)).one()
    return _for_panels(connection, row, with_files=False)


def _for_panels(connection: Connection, row: Any, *, with_files: bool) -> OpenRound:
    shown = tuple(
        ShownCandidate(
            id=candidate.id,
            position=position,
            given_id=candidate.given_id,
            content_sha256=candidate.content_sha256 or "",
            files=load_files(connection, candidate.key) if with_files else (),
        )
        for candidate, position, _ in load_shown(connection, row.id)
    )
    has_seen = (ASSIGNMENT.c.round_id == row.id) & (ASSIGNMENT.c.state != "leased")
    if row.kind == "audit":
        others = select(ROUND.c.id).where(ROUND.c.chain_id == row.chain_id, ROUND.c.kind == "normal")
        has_seen |= ASSIGNMENT.c.round_id.in_(others)
    seen = select(LABELER.c.name).join(ASSIGNMENT, ASSIGNMENT.c.labeler_id == LABELER.c.id).where(has_seen)
    return OpenRound(
        id=row.ulid,
        chain=row.chain_ulid,
        project=row.project,
        number=row.number,
        kind=row.kind,
        prompt_key=row.prompt_key,
        prompt=row.prompt,
        instructions=row.settings.get("instructions", ""),
        wanted=row.wanted,
        received=row.received,
        candidates=shown,
        seen_by=frozenset(connection.execute(seen).scalars()),
    )


# --- Feedback as the engines read it ------------------------------------------------------------------------------


def load_rankings(
    connection: Connection, chain_key: int, *, kind: RoundKind = "normal", upto: int | None = None
) -> list[RankingRecord]:
    """Every ranking of the chain's rounds of that kind, oldest round first, in the order of labelers' names, which does
    not depend on who was quicker."""
    names: dict[int, str] = {
        key: ulid
        for key, ulid in connection.execute(
            select(CANDIDATE.c.id, CANDIDATE.c.ulid).where(CANDIDATE.c.chain_id == chain_key)
        )
    }
    query = (
        select(RANKING.c.ulid, ROUND.c.number, LABELER.c.ulid, RANKING.c.groups, ASSIGNMENT.c.shown)
        .join(ROUND, ROUND.c.id == RANKING.c.round_id)
        .join(LABELER, LABELER.c.id == RANKING.c.labeler_id)
        .join(ASSIGNMENT, ASSIGNMENT.c.id == RANKING.c.assignment_id)
        .where(ROUND.c.chain_id == chain_key, ROUND.c.kind == kind)
        .order_by(ROUND.c.number, LABELER.c.name)
    )
    if upto is not None:
        query = query.where(ROUND.c.number <= upto)
    return [
        RankingRecord(
            id=ulid,
            round=number,
            labeler=labeler,
            groups=tuple(tuple(names[key] for key in group) for group in groups),
            shown=tuple(names[key] for key in shown),
        )
        for ulid, number, labeler, groups, shown in connection.execute(query)
    ]


def load_full_rankings(connection: Connection, chain_key: int) -> dict[int, list[dict[str, Any]]]:
    """Round key -> everything about its rankings and their critiques, by labeler name, with public ids."""
    names: dict[int, str] = {
        key: ulid
        for key, ulid in connection.execute(
            select(CANDIDATE.c.id, CANDIDATE.c.ulid).where(CANDIDATE.c.chain_id == chain_key)
        )
    }
    critiques: dict[int, list[dict[str, Any]]] = {}
    for row in connection.execute(
        select(CRITIQUE.c.ranking_id, CRITIQUE.c.ulid, CRITIQUE.c.candidate_id, WORDS.c.text, CRITIQUE.c.anchor)
        .join(WORDS, WORDS.c.id == CRITIQUE.c.words_id)
        .join(ROUND, ROUND.c.id == CRITIQUE.c.round_id)
        .where(ROUND.c.chain_id == chain_key)
        .order_by(CRITIQUE.c.id)
    ):
        critiques.setdefault(row.ranking_id, []).append(
            {"id": row.ulid, "candidate": names[row.candidate_id], "text": row.text, "anchor": row.anchor}
        )
    rankings: dict[int, list[dict[str, Any]]] = {}
    for row in connection.execute(
        select(
            RANKING,
            LABELER.c.ulid.label("labeler"),
            ASSIGNMENT.c.shown,
            ASSIGNMENT.c.active_s,
            ASSIGNMENT.c.cost_usd,
            SETTINGS_VERSION.c.version,
        )
        .join(ROUND, ROUND.c.id == RANKING.c.round_id)
        .join(LABELER, LABELER.c.id == RANKING.c.labeler_id)
        .join(ASSIGNMENT, ASSIGNMENT.c.id == RANKING.c.assignment_id)
        .join(SETTINGS_VERSION, SETTINGS_VERSION.c.id == RANKING.c.settings_version_id)
        .where(ROUND.c.chain_id == chain_key)
        .order_by(LABELER.c.name)
    ):
        rankings.setdefault(row.round_id, []).append(
            {
                "id": row.ulid,
                "labeler": row.labeler,
                "groups": tuple(tuple(names[key] for key in group) for group in row.groups),
                "unjudgeable": tuple(names[key] for key in row.unjudgeable),
                "shown": tuple(names[key] for key in row.shown),
                "critiques": critiques.get(row.id, []),
                "made_by": row.made_by,
                "settings_version": row.version,
                "uses_allowed": tuple(row.uses_allowed),
                "active_s": row.active_s,
                "cost_usd": row.cost_usd,
                "created_at": row.created_at,
            }
        )
    return rankings


def count_rankings(connection: Connection, chain_key: int) -> int:
    """Of its normal rounds."""
    return int(
        connection.execute(
            select(func.coalesce(func.sum(ROUND.c.received), 0)).where(
                ROUND.c.chain_id == chain_key, ROUND.c.kind == "normal"
            )
        ).scalar_one()
    )


def load_critiques(connection: Connection, round_key: int) -> list[CritiqueRecord]:
    """The round's critiques, by labeler name and candidate position. Erased words read `[erased]`."""
    rows = connection.execute(
        select(
            CRITIQUE.c.ulid,
            CANDIDATE.c.id.label("candidate_key"),
            CANDIDATE.c.ulid.label("candidate"),
            LABELER.c.ulid.label("labeler"),
            WORDS.c.text,
            CRITIQUE.c.anchor,
            RANKING.c.groups,
        )
        .join(RANKING, RANKING.c.id == CRITIQUE.c.ranking_id)
        .join(LABELER, LABELER.c.id == RANKING.c.labeler_id)
        .join(CANDIDATE, CANDIDATE.c.id == CRITIQUE.c.candidate_id)
        .join(WORDS, WORDS.c.id == CRITIQUE.c.words_id)
        .where(CRITIQUE.c.round_id == round_key)
        .order_by(LABELER.c.name, CANDIDATE.c.round, CANDIDATE.c.slot, CRITIQUE.c.id)
    )
    return [
        CritiqueRecord(
            id=row.ulid,
            candidate=row.candidate,
            labeler=row.labeler,
            text=ERASED if row.text is None else row.text,
            anchor=row.anchor,
            reliability=1.0,
            rank=_rank_of(row.candidate_key, row.groups),
            is_erased=row.text is None,
        )
        for row in rows
    ]


def _rank_of(candidate_key: int, groups: list[list[int]]) -> int | None:
    rank = 1
    for group in groups:
        if candidate_key in group:
            return rank
        rank += len(group)
    return None


# --- Verdicts and plans -------------------------------------------------------------------------------------------


def record_verdict(connection: Connection, chain: StoredChain, round: StoredRound, verdict: Verdict) -> None:
    """Store the verdict; its winner, or the candidate a person pinned, is the incumbent from now on."""
    if connection.execute(select(VERDICT.c.id).where(VERDICT.c.round_id == round.key)).first() is not None:
        return
    keys = {
        ulid: key
        for key, ulid in connection.execute(
            select(CANDIDATE.c.id, CANDIDATE.c.ulid).where(CANDIDATE.c.chain_id == chain.key)
        )
    }
    winner = keys[verdict.winner]
    connection.execute(
        insert(VERDICT).values(
            round_id=round.key,
            winner_id=winner,
            incumbent_id=keys[verdict.incumbent] if verdict.incumbent else None,
            verdict=_verdict_to_json(verdict),
            created_at=now(),
        )
    )
    pinned = connection.execute(select(CHAIN.c.pinned_id).where(CHAIN.c.id == chain.key)).scalar_one()
    connection.execute(update(ROUND).where(ROUND.c.id == round.key).values(state="judged", judged_at=now()))
    connection.execute(
        update(CHAIN)
        .where(CHAIN.c.id == chain.key)
        .values(state="active", incumbent_id=winner if pinned is None else pinned, pinned_id=None)
    )
    record_event(
        connection,
        chain.key,
        "verdict",
        round.number,
        winner=verdict.winner,
        incumbent=verdict.incumbent,
        rankings=verdict.rankings,
    )
    if pinned is not None:
        record_event(connection, chain.key, "pin_taken", round.number)


def _verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    return asdict(verdict)


def load_verdict(connection: Connection, round_key: int) -> Verdict | None:
    row = connection.execute(select(VERDICT.c.verdict).where(VERDICT.c.round_id == round_key)).first()
    if row is None:
        return None
    stored = dict(row.verdict)
    stored["ratings"] = tuple(Rating(**rating) for rating in stored["ratings"])
    return Verdict(**stored)


def count_unchanged_rounds(connection: Connection, chain_key: int) -> int:
    """How many of the newest verdicts in a row left the incumbent where it was."""
    rows = connection.execute(
        select(VERDICT.c.winner_id, VERDICT.c.incumbent_id)
        .join(ROUND, ROUND.c.id == VERDICT.c.round_id)
        .where(ROUND.c.chain_id == chain_key, ROUND.c.kind == "normal")
        .order_by(ROUND.c.number.desc())
    )
    count = 0
    for winner, incumbent in rows:
        if incumbent is None or winner != incumbent:
            break
        count += 1
    return count


def record_plan(
    connection: Connection,
    chain_key: int,
    round: StoredRound,
    plan: EditPlan,
    *,
    parent_key: int,
    call_key: int | None,
) -> None:
    if connection.execute(select(PLAN.c.id).where(PLAN.c.round_id == round.key)).first() is not None:
        return
    stored = plan_to_json(plan)
    ulid = make_ulid()
    connection.execute(
        insert(PLAN).values(
            ulid=ulid,
            round_id=round.key,
            parent_candidate_id=parent_key,
            call_id=call_key,
            made_by=plan.made_by,
            plan=stored,
            sha256=hashlib.sha256(orjson.dumps(stored, option=orjson.OPT_SORT_KEYS)).hexdigest(),
            created_at=now(),
        )
    )
    record_event(
        connection, chain_key, "plan_made", round.number, plan=ulid, issues=len(plan.issues), made_by=plan.made_by
    )


def load_plan(connection: Connection, round_key: int) -> StoredPlan | None:
    return _plan(connection, PLAN.c.round_id == round_key)


def has_plan(connection: Connection, chain_key: int, number: int) -> bool:
    """Whether the normal round of that number has an edit plan; one without critiques has none."""
    query = (
        select(PLAN.c.id)
        .join(ROUND, ROUND.c.id == PLAN.c.round_id)
        .where(ROUND.c.chain_id == chain_key, ROUND.c.kind == "normal", ROUND.c.number == number)
    )
    return connection.execute(query).first() is not None


def load_plan_by_key(connection: Connection, key: int) -> StoredPlan | None:
    return _plan(connection, PLAN.c.id == key)


def _plan(connection: Connection, condition: Any) -> StoredPlan | None:
    row = connection.execute(
        select(PLAN.c.id, PLAN.c.ulid, PLAN.c.round_id, PLAN.c.parent_candidate_id, PLAN.c.plan).where(condition)
    ).first()
    if row is None:
        return None
    return StoredPlan(
        key=row.id,
        id=row.ulid,
        round_key=row.round_id,
        parent_key=row.parent_candidate_id,
        plan=plan_from_json(connection, row.plan),
    )


def plan_to_json(plan: EditPlan) -> dict[str, Any]:
    """Claims that are a labeler's own words are left out: their span says where the words are."""

    def without_words(item: PlanIssue | PlanKeep) -> dict[str, Any]:
        return {**asdict(item), "claim": None if item.span else item.claim}

    return {
        "version": plan.version,
        "made_by": plan.made_by,
        "issues": [without_words(issue) for issue in plan.issues],
        "keep": [without_words(keep) for keep in plan.keep],
        "conflicts": [
            {
                "issues": list(conflict.issues),
                "claims": [
                    None if span else claim for claim, span in zip(conflict.claims, _padded(conflict), strict=True)
                ],
                "spans": [asdict(span) if span else None for span in _padded(conflict)],
            }
            for conflict in plan.conflicts
        ],
        "rejected": [asdict(rejection) for rejection in plan.rejected],
    }


def _padded(conflict: PlanConflict) -> tuple[Span | None, ...]:
    return conflict.spans or (None,) * len(conflict.claims)


def plan_from_json(connection: Connection, stored: dict[str, Any]) -> EditPlan:
    spans = [item["span"] for item in (*stored["issues"], *stored["keep"])]
    spans += [span for conflict in stored["conflicts"] for span in conflict["spans"]]
    words = load_words(connection, {span["critique"] for span in spans if span})

    def span_of(value: dict[str, Any] | None) -> Span | None:
        return None if value is None else Span(**value)

    def claim_of(claim: str | None, span: Span | None) -> str:
        if span is None:
            return claim or ""
        text = words[span.critique][0]
        return ERASED if text is None else text[span.start : span.end]

    def item_of(item: dict[str, Any]) -> dict[str, Any]:
        span = span_of(item["span"])
        cites = tuple(Span(**cite) for cite in item["cites"])
        return {**item, "claim": claim_of(item["claim"], span), "span": span, "cites": cites}

    conflicts = []
    for conflict in stored["conflicts"]:
        of_conflict = tuple(span_of(span) for span in conflict["spans"])
        claims = tuple(claim_of(claim, span) for claim, span in zip(conflict["claims"], of_conflict, strict=True))
        conflicts.append(PlanConflict(issues=tuple(conflict["issues"]), claims=claims, spans=of_conflict))
    return EditPlan(
        version=stored["version"],
        made_by=stored["made_by"],
        issues=tuple(PlanIssue(**item_of(item)) for item in stored["issues"]),
        keep=tuple(PlanKeep(**item_of(item)) for item in stored["keep"]),
        conflicts=tuple(conflicts),
        rejected=tuple(PlanRejection(reason=r["reason"], cite=Span(**r["cite"])) for r in stored["rejected"]),
    )
