"""Candidates, rounds, verdicts and edit plans: what the loop makes.

Everything here may be done twice with the same effect as once; the loop relies on that after a crash.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Text, bindparam, func, or_, select, type_coerce
from sqlalchemy.dialects.sqlite import insert

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
from store.blobs import blob_id_of, get_blob, get_known_blob, put_blobs
from store.chains import StoredChain
from store.events import record_event
from store.ids import make_ulid, now
from store.messages import ERASED, load_words
from store.projects import parse_settings
from store.statements import Statement, inserting, updating, without_snapshot
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
_OF_CHAIN = CANDIDATE.c.chain_id == bindparam("chain_key")
_OF_ROUND = _OF_CHAIN & (CANDIDATE.c.round == bindparam("of_round"))
_CANDIDATES = Statement(_SELECT_CANDIDATE.where(_OF_CHAIN).order_by(CANDIDATE.c.round, CANDIDATE.c.slot))
_CANDIDATES_OF_ROUND = Statement(_SELECT_CANDIDATE.where(_OF_ROUND).order_by(CANDIDATE.c.slot))
_CANDIDATE_BY_KEY = Statement(_SELECT_CANDIDATE.where(CANDIDATE.c.id == bindparam("key")))
_NAMES_OF_CHAIN = Statement(select(CANDIDATE.c.id, CANDIDATE.c.ulid).where(_OF_CHAIN))
_UNCHECKED = Statement(
    _SELECT_CANDIDATE.where(
        _OF_ROUND,
        CANDIDATE.c.state == "ok",
        ~select(CHECK.c.id).where(CHECK.c.candidate_id == CANDIDATE.c.id).correlate(CANDIDATE).exists(),
    ).order_by(CANDIDATE.c.slot)
)
_INSERT_CANDIDATE = Statement(
    insert(CANDIDATE).on_conflict_do_nothing(index_elements=["chain_id", "round", "slot"]).returning(CANDIDATE.c.id),
    (column.name for column in CANDIDATE.columns if column.name != "id"),
)
_DROP_CANDIDATE = updating(CANDIDATE, "state", "reason", where=CANDIDATE.c.id == bindparam("key"))
_INSERT_FILE = inserting(CANDIDATE_FILE, "candidate_id", "position", "filename", "blob_id")
_FILES = Statement(
    select(CANDIDATE_FILE.c.filename, CANDIDATE_FILE.c.blob_id, BLOB.c.sha256)
    .join(BLOB, BLOB.c.id == CANDIDATE_FILE.c.blob_id)
    .where(CANDIDATE_FILE.c.candidate_id == bindparam("key"))
    .order_by(CANDIDATE_FILE.c.position)
)
_FILE_HASHES = Statement(
    select(CANDIDATE_FILE.c.filename, BLOB.c.sha256)
    .join(BLOB, BLOB.c.id == CANDIDATE_FILE.c.blob_id)
    .where(CANDIDATE_FILE.c.candidate_id == bindparam("key"))
)
_INSERT_EDIT = inserting(EDIT, *(column.name for column in EDIT.columns if column.name != "id"))
_ANY_CHECK = Statement(select(CHECK.c.id).where(CHECK.c.candidate_id == bindparam("key")).limit(1))
_INSERT_CHECK = inserting(CHECK, "candidate_id", "name", "passed", "detail")


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
    ulid = make_ulid()
    contents = [(file.filename, file.content.encode()) for file in files or ()]
    key: int | None = _INSERT_CANDIDATE.scalar(
        connection,
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
    if key is None:
        return
    if contents:
        _add_files(connection, key, contents, parent)
    if edits:
        _add_edits(connection, key, edits)
    if reason is None:
        record_event(connection, chain_key, "candidate_made", round, candidate=ulid, kind=kind, slot=slot, how=how)
    else:
        record_event(connection, chain_key, "candidate_failed", round, candidate=ulid, slot=slot, reason=reason)


def _add_files(
    connection: Connection, candidate_key: int, contents: list[tuple[str, bytes]], parent: StoredCandidate | None
) -> None:
    hashes = [hashlib.sha256(content).hexdigest() for _, content in contents]
    of_parent = _file_hashes(connection, parent.key) if parent else {}
    bases = {sha256: of_parent[name] for sha256, (name, _) in zip(hashes, contents, strict=True) if name in of_parent}
    blobs = {sha256: content for sha256, (_, content) in zip(hashes, contents, strict=True)}
    keys = put_blobs(connection, blobs, bases=bases)
    rows = zip(hashes, contents, strict=True)
    _INSERT_FILE.run_many(
        connection,
        [
            {"candidate_id": candidate_key, "position": position, "filename": name, "blob_id": keys[sha256]}
            for position, (sha256, (name, _)) in enumerate(rows)
        ],
    )


def _add_edits(connection: Connection, candidate_key: int, edits: Sequence[Edit]) -> None:
    texts = [text.encode() for edit in edits if edit.search for text in (edit.search, edit.replace)]
    put_blobs(connection, {hashlib.sha256(text).hexdigest(): text for text in texts})
    _INSERT_EDIT.run_many(connection, [_edit_values(candidate_key, n, edit) for n, edit in enumerate(edits)])


def _edit_values(candidate_key: int, position: int, edit: Edit) -> dict[str, Any]:
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
        "search_sha256": hashlib.sha256(edit.search.encode()).hexdigest() if edit.search else None,
        "replace_sha256": hashlib.sha256(edit.replace.encode()).hexdigest() if edit.search else None,
    }


def _file_hashes(connection: Connection, candidate_key: int) -> dict[str, str]:
    return dict(_FILE_HASHES.all(connection, key=candidate_key))


@without_snapshot
def load_candidates(connection: Connection, chain_key: int, *, round: int | None = None) -> list[StoredCandidate]:
    """By round and slot, failed ones included."""
    if round is None:
        rows = _CANDIDATES.all(connection, chain_key=chain_key)
    else:
        rows = _CANDIDATES_OF_ROUND.all(connection, chain_key=chain_key, of_round=round)
    return [_candidate(row) for row in rows]


@without_snapshot
def load_candidate(connection: Connection, key: int) -> StoredCandidate:
    return _candidate(_CANDIDATE_BY_KEY.one(connection, key=key))


@without_snapshot
def load_files(connection: Connection, candidate_key: int) -> Files:
    rows = _FILES.all(connection, key=candidate_key)
    return tuple(
        CodeFile(filename=name, content=get_known_blob(connection, blob, sha256).decode())
        for name, blob, sha256 in rows
    )


def record_checks(
    connection: Connection,
    chain_key: int,
    found: Sequence[tuple[StoredCandidate, Sequence[tuple[str, bool, str]]]],
) -> None:
    """What the checks found per candidate: (name, passed, detail). One that did not pass drops the candidate."""
    for candidate, results in found:
        if not results or _ANY_CHECK.first(connection, key=candidate.key) is not None:
            continue
        _INSERT_CHECK.run_many(
            connection,
            [
                {"candidate_id": candidate.key, "name": name, "passed": passed, "detail": detail}
                for name, passed, detail in results
            ],
        )
        failed = [f"{name}: {detail}" for name, passed, detail in results if not passed]
        if failed:
            reason = "; ".join(failed)
            _DROP_CANDIDATE.run(connection, key=candidate.key, state="failed", reason=reason)
            record_event(
                connection, chain_key, "candidate_dropped", candidate.round, candidate=candidate.id, reason=reason
            )


@without_snapshot
def find_unchecked(connection: Connection, chain_key: int, round: int) -> list[StoredCandidate]:
    return [_candidate(row) for row in _UNCHECKED.all(connection, chain_key=chain_key, of_round=round)]


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
_NEWEST_ROUND = Statement(
    _SELECT_ROUND.where(ROUND.c.chain_id == bindparam("chain_key"), ROUND.c.kind == bindparam("of_kind"))
    .order_by(ROUND.c.number.desc())
    .limit(1)
)
_INSERT_ROUND = Statement(
    insert(ROUND).on_conflict_do_nothing(index_elements=["chain_id", "kind", "number"]).returning(ROUND.c.id),
    (
        "ulid",
        "chain_id",
        "kind",
        "number",
        "state",
        "wanted",
        "received",
        "priority",
        "settings_version_id",
        "opened_at",
    ),
)
_INSERT_SHOWN = inserting(ROUND_CANDIDATE, "round_id", "candidate_id", "position", "is_incumbent")
_SET_STATE = updating(CHAIN, "state", where=CHAIN.c.id == bindparam("key"))
_SHOWN = Statement(
    select(*_CANDIDATE_COLUMNS, ROUND_CANDIDATE.c.position, ROUND_CANDIDATE.c.is_incumbent)
    .join(ROUND_CANDIDATE, ROUND_CANDIDATE.c.candidate_id == CANDIDATE.c.id)
    .where(ROUND_CANDIDATE.c.round_id == bindparam("round_key"))
    .order_by(ROUND_CANDIDATE.c.position)
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
    ulid = make_ulid()
    key: int | None = _INSERT_ROUND.scalar(
        connection,
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
    if key is None:
        return
    _INSERT_SHOWN.run_many(
        connection,
        [
            {"round_id": key, "candidate_id": candidate, "position": n, "is_incumbent": candidate == incumbent}
            for n, candidate in enumerate(candidates, start=1)
        ],
    )
    _SET_STATE.run(connection, key=chain.key, state="waiting" if kind == "normal" else "audit")
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


@without_snapshot
def newest_round(connection: Connection, chain_key: int, *, kind: RoundKind = "normal") -> StoredRound | None:
    row = _NEWEST_ROUND.first(connection, chain_key=chain_key, of_kind=kind)
    return None if row is None else _round(row)


@without_snapshot
def find_awaited_round(connection: Connection, chain: StoredChain) -> str | None:
    """The public id of the round that the chain waits for; None when it waits for none, or is paused."""
    if chain.record.state not in ("waiting", "audit") or chain.record.is_paused:
        return None
    kind: RoundKind = "audit" if chain.record.state == "audit" else "normal"
    round = newest_round(connection, chain.key, kind=kind)
    return None if round is None else round.id


def load_rounds(connection: Connection, chain_key: int) -> list[StoredRound]:
    """Oldest first, the audit round last."""
    rows = connection.execute(
        _SELECT_ROUND.where(ROUND.c.chain_id == chain_key).order_by(ROUND.c.kind == "audit", ROUND.c.number)
    )
    return [_round(row) for row in rows]


@without_snapshot
def load_shown(connection: Connection, round_key: int) -> list[tuple[StoredCandidate, int, bool]]:
    """The round's candidates with position and whether each is the incumbent, by position."""
    rows = _SHOWN.all(connection, round_key=round_key)
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
        CHAIN.c.parent_chain_id,
        PROJECT.c.name.label("project"),
        PROMPT.c.key.label("prompt_key"),
        PROMPT.c.text.label("prompt"),
        type_coerce(SETTINGS_VERSION.c.settings, Text).label("settings"),
    )
    .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
    .join(PROJECT, PROJECT.c.id == CHAIN.c.project_id)
    .join(PROMPT, PROMPT.c.id == CHAIN.c.prompt_id)
    .join(SETTINGS_VERSION, SETTINGS_VERSION.c.id == ROUND.c.settings_version_id)
)


_OPEN_ROUND = Statement(
    _FOR_PANELS.where(
        ROUND.c.ulid == bindparam("round_ulid"),
        ROUND.c.state == "open",
        CHAIN.c.paused_at.is_(None),
        CHAIN.c.stop_requested_at.is_(None),
    )
)
_SEEN = select(LABELER.c.name).join(ASSIGNMENT, ASSIGNMENT.c.labeler_id == LABELER.c.id)
_OF_THIS_ROUND = (ASSIGNMENT.c.round_id == bindparam("round_key")) & (ASSIGNMENT.c.state != "leased")
_OF_OTHERS = ASSIGNMENT.c.round_id.in_(
    select(ROUND.c.id).where(ROUND.c.chain_id == bindparam("chain_key"), ROUND.c.kind == "normal")
)
_SEEN_ROUND = Statement(_SEEN.where(_OF_THIS_ROUND))
_SEEN_AUDIT = Statement(_SEEN.where(_OF_THIS_ROUND | _OF_OTHERS))


def load_open_round(connection: Connection, round_ulid: str) -> OpenRound | None:
    """The round as panels see it; None unless it is open and its chain neither paused nor stopping."""
    row = _OPEN_ROUND.first(connection, round_ulid=round_ulid)
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
    seen = (
        _SEEN_AUDIT.all(connection, round_key=row.id, chain_key=row.chain_id)
        if row.kind == "audit"
        else (_SEEN_ROUND.all(connection, round_key=row.id))
    )
    return OpenRound(
        id=row.ulid,
        chain=row.chain_ulid,
        project=row.project,
        number=row.number,
        kind=row.kind,
        prompt_key=row.prompt_key,
        prompt=row.prompt,
        instructions=parse_settings(row.settings).instructions,
        wanted=row.wanted,
        received=row.received,
        candidates=shown,
        is_fork=row.parent_chain_id is not None,
        seen_by=frozenset(name for (name,) in seen),
    )


# --- Feedback as the engines read it ------------------------------------------------------------------------------


_ALL_ROUNDS = 2**31
_RANKINGS = Statement(
    select(RANKING.c.ulid, ROUND.c.number, LABELER.c.ulid, RANKING.c.groups, ASSIGNMENT.c.shown)
    .join(ROUND, ROUND.c.id == RANKING.c.round_id)
    .join(LABELER, LABELER.c.id == RANKING.c.labeler_id)
    .join(ASSIGNMENT, ASSIGNMENT.c.id == RANKING.c.assignment_id)
    .where(
        ROUND.c.chain_id == bindparam("chain_key"),
        ROUND.c.kind == bindparam("of_kind"),
        ROUND.c.number <= bindparam("upto"),
    )
    .order_by(ROUND.c.number, LABELER.c.name)
)
_CRITIQUES = Statement(
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
    .outerjoin(VERDICT, VERDICT.c.round_id == CRITIQUE.c.round_id)
    .where(
        CRITIQUE.c.round_id == bindparam("round_key"),
        or_(VERDICT.c.id.is_(None), RANKING.c.created_at <= VERDICT.c.created_at),
    )
    .order_by(LABELER.c.name, CANDIDATE.c.round, CANDIDATE.c.slot, CRITIQUE.c.id)
)


def load_rankings(
    connection: Connection, chain_key: int, *, kind: RoundKind = "normal", upto: int | None = None
) -> list[RankingRecord]:
    """Every ranking of the chain's rounds of that kind, oldest round first, in the order of labelers' names, which does
    not depend on who was quicker."""
    names = dict(_NAMES_OF_CHAIN.all(connection, chain_key=chain_key))
    rows = _RANKINGS.all(connection, chain_key=chain_key, of_kind=kind, upto=_ALL_ROUNDS if upto is None else upto)
    return [
        RankingRecord(
            id=ulid,
            round=number,
            labeler=labeler,
            groups=tuple(tuple(names[key] for key in group) for group in groups),
            shown=tuple(names[key] for key in shown),
        )
        for ulid, number, labeler, groups, shown in rows
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


@without_snapshot
def load_critiques(connection: Connection, round_key: int) -> list[CritiqueRecord]:
    """The round's critiques, by labeler name and candidate position. Erased words read `[erased]`.

    Those that came after the verdict are left out, and labelers are as reliable as the verdict took them for: the plan,
    and a replay of it, rest on what was there then.
    """
    rows = _CRITIQUES.all(connection, round_key=round_key)
    reliability = _reliability_in_verdict(connection, round_key) if rows else {}
    return [
        CritiqueRecord(
            id=row.ulid,
            candidate=row.candidate,
            labeler=row.labeler,
            text=ERASED if row.text is None else row.text,
            anchor=row.anchor,
            reliability=reliability.get(row.labeler, 1.0),
            rank=_rank_of(row.candidate_key, row.groups),
            is_erased=row.text is None,
        )
        for row in rows
    ]


def _reliability_in_verdict(connection: Connection, round_key: int) -> dict[str, float]:
    """By labeler.ulid."""
    row = _VERDICT.first(connection, round_key=round_key)
    labelers = {} if row is None else row.verdict["details"].get("labelers", {})
    return {ulid: float(found["mean"]) for ulid, found in labelers.items()}


def _rank_of(candidate_key: int, groups: list[list[int]]) -> int | None:
    rank = 1
    for group in groups:
        if candidate_key in group:
            return rank
        rank += len(group)
    return None


# --- Verdicts and plans -------------------------------------------------------------------------------------------


_VERDICT = Statement(select(VERDICT.c.verdict).where(VERDICT.c.round_id == bindparam("round_key")))
_INSERT_VERDICT = Statement(
    insert(VERDICT).on_conflict_do_nothing(index_elements=["round_id"]),
    ("round_id", "winner_id", "incumbent_id", "verdict", "created_at"),
)
_PINNED = Statement(select(CHAIN.c.pinned_id).where(CHAIN.c.id == bindparam("key")))
_SET_JUDGED = updating(ROUND, "state", "judged_at", where=ROUND.c.id == bindparam("key"))
_SET_INCUMBENT = updating(CHAIN, "state", "incumbent_id", "pinned_id", where=CHAIN.c.id == bindparam("key"))
_WINNERS = Statement(
    select(VERDICT.c.winner_id, VERDICT.c.incumbent_id)
    .join(ROUND, ROUND.c.id == VERDICT.c.round_id)
    .where(ROUND.c.chain_id == bindparam("chain_key"), ROUND.c.kind == "normal")
    .order_by(ROUND.c.number.desc())
)
_SELECT_PLAN = select(PLAN.c.id, PLAN.c.ulid, PLAN.c.round_id, PLAN.c.parent_candidate_id, PLAN.c.plan)
_PLAN_OF_ROUND = Statement(_SELECT_PLAN.where(PLAN.c.round_id == bindparam("wanted")))
_PLAN_BY_KEY = Statement(_SELECT_PLAN.where(PLAN.c.id == bindparam("wanted")))
_INSERT_PLAN = Statement(
    insert(PLAN).on_conflict_do_nothing(index_elements=["round_id"]),
    ("ulid", "round_id", "parent_candidate_id", "call_id", "made_by", "plan", "sha256", "created_at"),
)


def record_verdict(connection: Connection, chain: StoredChain, round: StoredRound, verdict: Verdict) -> None:
    """Store the verdict; its winner, or the candidate a person pinned, is the incumbent from now on."""
    keys = {ulid: key for key, ulid in _NAMES_OF_CHAIN.all(connection, chain_key=chain.key)}
    winner = keys[verdict.winner]
    at = now()
    is_new = _INSERT_VERDICT.run(
        connection,
        round_id=round.key,
        winner_id=winner,
        incumbent_id=keys[verdict.incumbent] if verdict.incumbent else None,
        verdict=verdict,  # orjson writes it as it is
        created_at=at,
    )
    if not is_new:
        return
    pinned = _PINNED.scalar(connection, key=chain.key)
    _SET_JUDGED.run(connection, key=round.key, state="judged", judged_at=at)
    _SET_INCUMBENT.run(
        connection,
        key=chain.key,
        state="active",
        incumbent_id=winner if pinned is None else pinned,
        pinned_id=None,
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
        names = {key: ulid for ulid, key in keys.items()}
        record_event(connection, chain.key, "pin_taken", round.number, candidate=names[pinned])


@without_snapshot
def load_verdict(connection: Connection, round_key: int) -> Verdict | None:
    row = _VERDICT.first(connection, round_key=round_key)
    if row is None:
        return None
    stored = dict(row.verdict)
    stored["ratings"] = tuple(Rating(**rating) for rating in stored["ratings"])
    return Verdict(**stored)


def count_unchanged_rounds(connection: Connection, chain_key: int) -> int:
    """How many of the newest verdicts in a row left the incumbent where it was."""
    count = 0
    for winner, incumbent in _WINNERS.all(connection, chain_key=chain_key):
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
    stored = plan_to_json(plan)
    ulid = make_ulid()
    is_new = _INSERT_PLAN.run(
        connection,
        ulid=ulid,
        round_id=round.key,
        parent_candidate_id=parent_key,
        call_id=call_key,
        made_by=plan.made_by,
        plan=stored,
        sha256=hashlib.sha256(orjson.dumps(stored, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        created_at=now(),
    )
    if is_new:
        record_event(
            connection, chain_key, "plan_made", round.number, plan=ulid, issues=len(plan.issues), made_by=plan.made_by
        )


@without_snapshot
def load_plan(connection: Connection, round_key: int) -> StoredPlan | None:
    return _plan(connection, _PLAN_OF_ROUND.first(connection, wanted=round_key))


@without_snapshot
def has_plan(connection: Connection, chain_key: int, number: int) -> bool:
    """Whether the normal round of that number has an edit plan; one without critiques has none."""
    query = (
        select(PLAN.c.id)
        .join(ROUND, ROUND.c.id == PLAN.c.round_id)
        .where(ROUND.c.chain_id == chain_key, ROUND.c.kind == "normal", ROUND.c.number == number)
    )
    return connection.execute(query).first() is not None


def load_plan_by_key(connection: Connection, key: int) -> StoredPlan | None:
    return _plan(connection, _PLAN_BY_KEY.first(connection, wanted=key))


def _plan(connection: Connection, row: Any | None) -> StoredPlan | None:
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

    return {
        "version": plan.version,
        "made_by": plan.made_by,
        "issues": [_without_words(issue) for issue in plan.issues],
        "keep": [_without_words(keep) for keep in plan.keep],
        "conflicts": [
            {
                "issues": list(conflict.issues),
                "claims": [
                    None if span else claim for claim, span in zip(conflict.claims, _padded(conflict), strict=True)
                ],
                "spans": [_span_to_json(span) for span in _padded(conflict)],
            }
            for conflict in plan.conflicts
        ],
        "rejected": [{"reason": it.reason, "cite": _span_to_json(it.cite)} for it in plan.rejected],
    }


def _without_words(item: PlanIssue | PlanKeep) -> dict[str, Any]:
    fields = {name: getattr(item, name) for name in item.__slots__}
    return fields | {
        "claim": None if item.span else item.claim,
        "span": _span_to_json(item.span),
        "cites": tuple(_span_to_json(cite) for cite in item.cites),
    }


def _span_to_json(span: Span | None) -> dict[str, Any] | None:
    return None if span is None else {"critique": span.critique, "start": span.start, "end": span.end}


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
