"""Candidates: their files, their edits, what checks said of them.

Everything here may be done twice with the same effect as once; the loop relies on that after a crash.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.sqlite import insert

from refine.errors import StoreError
from refine.types import (
    CandidateKind,
    CodeFile,
    Edit,
    Files,
    MadeBy,
)
from store.blobs import blob_id_of, get_blob, get_known_blob, put_blobs
from store.events import record_event
from store.ids import make_ulid, now
from store.statements import Statement, inserting, updating, without_snapshot
from store.tables import (
    BLOB,
    CANDIDATE,
    CANDIDATE_FILE,
    CHECK,
    EDIT,
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


CANDIDATE_COLUMNS = (
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
_SELECT_CANDIDATE = select(*CANDIDATE_COLUMNS)
_OF_CHAIN = CANDIDATE.c.chain_id == bindparam("chain_key")
_IS_SHOWN_AS_ITSELF = CANDIDATE.c.kind != "control"
_OF_ROUND = _OF_CHAIN & (CANDIDATE.c.round == bindparam("of_round"))
_CANDIDATES = Statement(
    _SELECT_CANDIDATE.where(_OF_CHAIN, _IS_SHOWN_AS_ITSELF).order_by(CANDIDATE.c.round, CANDIDATE.c.slot)
)
_CANDIDATES_OF_ROUND = Statement(_SELECT_CANDIDATE.where(_OF_ROUND, _IS_SHOWN_AS_ITSELF).order_by(CANDIDATE.c.slot))
_WITH_CONTROLS = Statement(_SELECT_CANDIDATE.where(_OF_CHAIN).order_by(CANDIDATE.c.round, CANDIDATE.c.slot))
_CANDIDATE_BY_KEY = Statement(_SELECT_CANDIDATE.where(CANDIDATE.c.id == bindparam("key")))
NAMES_OF_CHAIN = Statement(select(CANDIDATE.c.id, CANDIDATE.c.ulid).where(_OF_CHAIN))
NAMES_WITHOUT_CONTROLS = Statement(
    select(CANDIDATE.c.id, CANDIDATE.c.ulid).where(_OF_CHAIN, CANDIDATE.c.kind != "control")
)
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


def candidate_of(row: Any) -> StoredCandidate:
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
    ulid: str | None = None,
) -> None:
    """Store what was made for a slot of a round; with `reason`, that nothing usable was. The first time counts."""
    ulid = ulid or make_ulid()
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
def load_candidates(
    connection: Connection, chain_key: int, *, round: int | None = None, controls: bool = False
) -> list[StoredCandidate]:
    """By round and slot, failed ones included; controls only where they are asked for."""
    if controls:
        rows = [
            row for row in _WITH_CONTROLS.all(connection, chain_key=chain_key) if round is None or row.round == round
        ]
    elif round is None:
        rows = _CANDIDATES.all(connection, chain_key=chain_key)
    else:
        rows = _CANDIDATES_OF_ROUND.all(connection, chain_key=chain_key, of_round=round)
    return [candidate_of(row) for row in rows]


@without_snapshot
def load_candidate(connection: Connection, key: int) -> StoredCandidate:
    return candidate_of(_CANDIDATE_BY_KEY.one(connection, key=key))


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
    return [candidate_of(row) for row in _UNCHECKED.all(connection, chain_key=chain_key, of_round=round)]


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
