"""Recomputing what the database says of itself: every hash, every count, every reference.

Words that were erased are counted as `erased`; that is no finding. Nothing is written.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Table, or_, select, text
from sqlalchemy.exc import DatabaseError

from refine.artifact import content_hash
from refine.errors import InputError, StoreError
from refine.types import CodeFile
from store.blobs import RecentBytes, blob_id_of, get_blob
from store.database import Database
from store.messages import hash_encoded, hash_reply
from store.pictures import picture_problems
from store.tables import BLOB, CANDIDATE, CANDIDATE_FILE, CHAIN, CRITIQUE, EDIT, MODEL_CALL, PLAN, ROUND, WORDS

MAX_FINDINGS = 1000
"""Findings kept; of more, only their number is."""
_COUNTED = ("blobs", "candidates", "pictures", "words", "erased", "calls", "plans", "rounds", "chains")
_CHUNK = 500
_CACHE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    where: str
    """The row: `candidate 01J…`, `blob 12`, `round 01J…`."""
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    counts: dict[str, int]
    """How many of each were checked: blobs, candidates, pictures, words, erased, calls, plans, rounds, chains."""
    findings: tuple[Finding, ...]
    findings_in_all: int

    @property
    def is_ok(self) -> bool:
        return self.findings_in_all == 0


def verify_database(database: Database) -> VerifyReport:
    """Check everything, in one snapshot; others may go on writing. Reads every byte."""
    return database.read(_verify_all)


def verify_chain(connection: Connection, chain_ulid: str) -> VerifyReport:
    """Check all that belongs to one chain, what its messages and edits refer to included."""
    key = connection.execute(select(CHAIN.c.id).where(CHAIN.c.ulid == chain_ulid)).scalar_one_or_none()
    if key is None:
        raise InputError(f"no chain {chain_ulid!r} in this database; `refine chain list` shows them")
    return _Verification(connection, chain=int(key)).run()


def _verify_all(connection: Connection) -> VerifyReport:
    return _Verification(connection, chain=None).run()


# Each finds rows that contradict themselves: (where, what). ` AND <scope> = :chain` is added for one chain.
_CONTRADICTIONS: tuple[tuple[str, str, str], ...] = (
    (
        "chain.id",
        "the events are not numbered from 1 without gaps",
        "SELECT 'chain ' || chain.ulid FROM chain WHERE (SELECT count(*) = 0 OR min(seq) <> 1 OR max(seq) <> count(*)"
        " FROM event WHERE event.chain_id = chain.id)",
    ),
    (
        "chain.id",
        "state, stop reason and end do not agree",
        "SELECT 'chain ' || chain.ulid FROM chain WHERE (chain.state NOT IN ('new', 'active', 'waiting', 'audit',"
        " 'ended') OR (chain.state = 'ended') <> (chain.ended_at IS NOT NULL)"
        " OR (chain.state IN ('audit', 'ended')) <> (chain.stop_reason IS NOT NULL))",
    ),
    (
        "chain.id",
        "waits, but has no round that is open or full",
        "SELECT 'chain ' || chain.ulid FROM chain WHERE chain.state = 'waiting' AND NOT EXISTS (SELECT 1 FROM round"
        " WHERE round.chain_id = chain.id AND round.kind = 'normal' AND round.state IN ('open', 'full'))",
    ),
    (
        "chain.id",
        "the incumbent or the pinned candidate is not one of its usable candidates",
        "SELECT 'chain ' || chain.ulid FROM chain WHERE EXISTS (SELECT 1 FROM (SELECT chain.incumbent_id AS named"
        " UNION ALL SELECT chain.pinned_id) WHERE named IS NOT NULL AND NOT EXISTS (SELECT 1 FROM candidate"
        " WHERE candidate.id = named AND candidate.chain_id = chain.id AND candidate.state = 'ok'"
        " AND candidate.kind <> 'control'))",
    ),
    (
        "round.chain_id",
        "is open, but its chain has ended",
        "SELECT 'round ' || round.ulid FROM round JOIN chain ON chain.id = round.chain_id"
        " WHERE chain.state = 'ended' AND round.state IN ('open', 'full')",
    ),
    (
        "round.chain_id",
        "rankings received, finished assignments and stored rankings differ in number",
        "SELECT 'round ' || round.ulid FROM round WHERE (round.received <> (SELECT count(*) FROM assignment WHERE"
        " assignment.round_id = round.id AND assignment.state = 'finished') OR round.received <> (SELECT count(*)"
        " FROM ranking JOIN assignment ON assignment.id = ranking.assignment_id WHERE ranking.round_id = round.id"
        " AND assignment.round_id = round.id AND assignment.state = 'finished'))",
    ),
    (
        "round.chain_id",
        "its state and the rankings it has do not agree",
        "SELECT 'round ' || round.ulid FROM round WHERE (round.state NOT IN ('open', 'full', 'judged', 'closed')"
        " OR (round.state = 'open' AND round.received >= round.wanted)"
        " OR (round.state = 'full' AND round.received < round.wanted))",
    ),
    (
        "round.chain_id",
        "the queue offers other places in it than rankings and leases leave",
        "SELECT 'round ' || round.ulid FROM round JOIN queue ON queue.round_id = round.id WHERE (round.state <> 'open'"
        " OR queue.places <> round.wanted - round.received - (SELECT count(*) FROM held WHERE held.round_id = round.id"
        " AND held.place_until IS NOT NULL))",
    ),
    (
        "round.chain_id",
        "it waits for people and is not in the queue",
        "SELECT 'round ' || round.ulid FROM round JOIN chain ON chain.id = round.chain_id JOIN settings_version"
        " ON settings_version.id = chain.settings_version_id WHERE (round.state = 'open'"
        " AND json_extract(settings_version.settings, '$.panel') = 'people'"
        " AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.round_id = round.id))",
    ),
    (
        "round.chain_id",
        "its state and its verdict do not agree",
        "SELECT 'round ' || round.ulid FROM round WHERE (round.kind = 'normal' AND round.state = 'judged')"
        " <> EXISTS (SELECT 1 FROM verdict WHERE verdict.round_id = round.id)",
    ),
    (
        "round.chain_id",
        "the verdict names a candidate that was not on show",
        "SELECT 'round ' || round.ulid FROM round JOIN verdict ON verdict.round_id = round.id WHERE NOT EXISTS"
        " (SELECT 1 FROM round_candidate WHERE round_candidate.round_id = round.id"
        " AND round_candidate.candidate_id = verdict.winner_id)",
    ),
    (
        "round.chain_id",
        "a ranking of it names a candidate that was not on show",
        "SELECT DISTINCT 'round ' || round.ulid FROM round JOIN ranking ON ranking.round_id = round.id, json_each("
        "ranking.groups) AS tied, json_each(tied.value) AS named WHERE NOT EXISTS (SELECT 1 FROM round_candidate"
        " WHERE round_candidate.round_id = round.id AND round_candidate.candidate_id = named.value) AND NOT EXISTS"
        " (SELECT 1 FROM control WHERE control.round_id = round.id AND control.candidate_id = named.value)",
    ),
)


class _Verification:
    def __init__(self, connection: Connection, *, chain: int | None) -> None:
        self._connection = connection
        self._chain = chain
        self._counts: Counter[str] = Counter(dict.fromkeys(_COUNTED, 0))
        self._findings: list[Finding] = []
        self._findings_in_all = 0
        self._recent = RecentBytes(_CACHE_BYTES)

    def run(self) -> VerifyReport:
        checks: list[tuple[str, Callable[[], None]]] = [
            ("blobs", self._check_blobs),
            ("candidates", self._check_candidates),
            ("pictures", self._check_pictures),
            ("words", self._check_words),
            ("calls", self._check_calls),
            ("plans", self._check_plans),
        ]
        if self._chain is None:
            checks = [("file", self._check_file), *checks]
        for where, check in checks:
            self._try(where, check)
        for scope, what, query in _CONTRADICTIONS:
            self._try(what, partial(self._check_rows, scope, what, query))
        for name, table in (("rounds", ROUND), ("chains", CHAIN)):
            column = table.c.chain_id if table is ROUND else table.c.id
            self._counts[name] = sum(1 for _ in self._keys(table, self._scope(column)))
        return VerifyReport(
            counts=dict(self._counts), findings=tuple(self._findings), findings_in_all=self._findings_in_all
        )

    # --- Helpers --------------------------------------------------------------------------------------------------

    def _find(self, where: str, what: str) -> None:
        self._findings_in_all += 1
        if len(self._findings) < MAX_FINDINGS:
            self._findings.append(Finding(where, what))

    def _try(self, where: str, check: Callable[[], None]) -> None:
        """A file damaged badly enough fails the query itself."""
        try:
            check()
        except DatabaseError as error:
            self._find(where, f"cannot be read: {error.orig}")

    def _scope(self, column: ColumnElement[Any]) -> ColumnElement[bool] | None:
        return None if self._chain is None else column == self._chain

    def _keys(self, table: Table, condition: ColumnElement[bool] | None) -> Iterator[int]:
        """Ids in order, in chunks: nothing is held open while a row is checked."""
        query = select(table.c.id).order_by(table.c.id).limit(_CHUNK)
        if condition is not None:
            query = query.where(condition)
        last = -1
        while keys := list(self._connection.execute(query.where(table.c.id > last)).scalars()):
            yield from keys
            last = keys[-1]

    # --- The file -------------------------------------------------------------------------------------------------

    def _check_file(self) -> None:
        for (line,) in self._connection.exec_driver_sql("PRAGMA integrity_check(100)"):
            if line != "ok":
                self._find("file", str(line))
        for table, row_id, parent, _ in self._connection.exec_driver_sql("PRAGMA foreign_key_check"):
            self._find(f"{table} {row_id}", f"refers to a row of {parent} that is missing")

    def _check_rows(self, scope: str, what: str, query: str) -> None:
        if self._chain is None:
            rows = self._connection.execute(text(query))
        else:
            rows = self._connection.execute(text(f"{query} AND {scope} = :chain"), {"chain": self._chain})
        for (where,) in rows:
            self._find(where, what)

    # --- Hashes ---------------------------------------------------------------------------------------------------

    def _check_blobs(self) -> None:
        for key in self._keys(BLOB, None) if self._chain is None else self._blobs_of_chain(self._chain):
            self._counts["blobs"] += 1
            try:
                get_blob(self._connection, key, recent=self._recent)
            except StoreError as error:
                self._find(f"blob {key}", str(error))

    def _blobs_of_chain(self, chain: int) -> list[int]:
        """Those of its files, replies, edits and pins; those of its messages are found through their hashes, those of
        pictures with the pictures."""
        execute = self._connection.execute
        files = (
            select(CANDIDATE_FILE.c.blob_id)
            .join(CANDIDATE, CANDIDATE.c.id == CANDIDATE_FILE.c.candidate_id)
            .where(CANDIDATE.c.chain_id == chain)
        )
        keys = set(execute(files).scalars())
        named = (
            select(BLOB.c.id)
            .join(EDIT, or_(EDIT.c.search_sha256 == BLOB.c.sha256, EDIT.c.replace_sha256 == BLOB.c.sha256))
            .join(CANDIDATE, CANDIDATE.c.id == EDIT.c.candidate_id)
            .where(CANDIDATE.c.chain_id == chain)
        )
        keys |= set(execute(named).scalars())
        for column in (CRITIQUE.c.snapshot_id, CRITIQUE.c.crop_id):
            pinned = select(column).join(ROUND, ROUND.c.id == CRITIQUE.c.round_id).where(ROUND.c.chain_id == chain)
            keys |= set(execute(pinned.where(column.is_not(None))).scalars())
        for call in self._keys(MODEL_CALL, MODEL_CALL.c.chain_id == chain):
            keys |= {found for sha256 in self._blobs_named_by(call) if (found := blob_id_of(self._connection, sha256))}
        return sorted(keys)

    def _blobs_named_by(self, call: int) -> set[str]:
        named: set[str] = set()
        try:
            for _, parts in self._load_json(select(MODEL_CALL.c.messages).where(MODEL_CALL.c.id == call)):
                named |= {part["b"] for part in parts if "b" in part}
            for column in (MODEL_CALL.c.reply, MODEL_CALL.c.reasoning):
                parts = self._load_json(select(column).where(MODEL_CALL.c.id == call)) or []
                named |= {part["b"] for part in parts if "b" in part}
        except (ValueError, TypeError):
            return named  # reported with the call
        return named

    def _check_candidates(self) -> None:
        for key in self._keys(CANDIDATE, self._scope(CANDIDATE.c.chain_id)):
            self._counts["candidates"] += 1
            row = self._connection.execute(
                select(CANDIDATE.c.ulid, CANDIDATE.c.state, CANDIDATE.c.content_sha256, CANDIDATE.c.size_bytes).where(
                    CANDIDATE.c.id == key
                )
            ).one()
            for what in self._check_candidate(key, row.state, row.content_sha256, row.size_bytes):
                self._find(f"candidate {row.ulid}", what)
        self._check_edits()

    def _check_candidate(self, key: int, state: str, sha256: str | None, size: int) -> Iterator[str]:
        rows = self._connection.execute(
            select(CANDIDATE_FILE.c.filename, CANDIDATE_FILE.c.blob_id)
            .where(CANDIDATE_FILE.c.candidate_id == key)
            .order_by(CANDIDATE_FILE.c.position)
        ).all()
        if sha256 is None or not rows:
            if sha256 is not None or rows or state == "ok":
                yield "its files and their hash are not both there"
            return
        try:
            contents = [get_blob(self._connection, blob, recent=self._recent) for _, blob in rows]
            files = tuple(
                CodeFile.model_construct(filename=row.filename, content=content.decode())
                for row, content in zip(rows, contents, strict=True)
            )
        except (StoreError, UnicodeDecodeError) as error:
            yield f"its files cannot be read: {error}"
            return
        if content_hash(files) != sha256:
            yield f"its files do not have the hash {sha256[:12]}"
        if sum(map(len, contents)) != size:
            yield f"its files do not have {size} bytes"

    def _check_pictures(self) -> None:
        for where, what in picture_problems(self._connection, self._chain):
            self._counts["pictures"] += 1
            if what:
                self._find(where, what)

    def _check_edits(self) -> None:
        for column in (EDIT.c.search_sha256, EDIT.c.replace_sha256):
            missing = (
                select(CANDIDATE.c.ulid, column)
                .join(EDIT, EDIT.c.candidate_id == CANDIDATE.c.id)
                .where(column.is_not(None), ~select(BLOB.c.id).where(BLOB.c.sha256 == column).exists())
            )
            condition = self._scope(CANDIDATE.c.chain_id)
            for ulid, sha256 in self._connection.execute(missing if condition is None else missing.where(condition)):
                self._find(f"candidate {ulid}", f"the text {sha256[:12]} of an edit is missing")

    def _check_words(self) -> None:
        condition = None
        if self._chain is not None:
            of_chain = (
                select(CRITIQUE.c.words_id)
                .join(ROUND, ROUND.c.id == CRITIQUE.c.round_id)
                .where(ROUND.c.chain_id == self._chain)
            )
            condition = WORDS.c.id.in_(of_chain)
        for key in self._keys(WORDS, condition):
            row = self._connection.execute(select(WORDS).where(WORDS.c.id == key)).one()
            self._counts["words"] += 1
            if row.text is None and row.salt is None and row.erased_at is not None:
                self._counts["erased"] += 1
            elif row.text is None or row.salt is None or row.erased_at is not None:
                self._find(f"words {row.ulid}", "are neither there nor properly erased")
            elif hashlib.sha256((row.salt + row.text).encode("utf-8", "surrogatepass")).hexdigest() != row.sha256:
                self._find(f"words {row.ulid}", f"do not have the hash {row.sha256[:12]}")

    def _check_calls(self) -> None:
        for key in self._keys(MODEL_CALL, self._scope(MODEL_CALL.c.chain_id)):
            self._counts["calls"] += 1
            row = self._connection.execute(
                select(
                    MODEL_CALL.c.ulid,
                    MODEL_CALL.c.state,
                    MODEL_CALL.c.messages_sha256,
                    MODEL_CALL.c.reply_sha256,
                    MODEL_CALL.c.reasoning_sha256,
                ).where(MODEL_CALL.c.id == key)
            ).one()
            where = f"call {row.ulid}"
            if row.state == "ok" and row.reply_sha256 is None:
                self._find(where, "succeeded, but has no reply")
            self._check_said(where, "reply", MODEL_CALL.c.reply, key, row.reply_sha256)
            self._check_said(where, "reasoning", MODEL_CALL.c.reasoning, key, row.reasoning_sha256)
            try:
                messages = self._load_json(select(MODEL_CALL.c.messages).where(MODEL_CALL.c.id == key))
                sha256 = hash_encoded(self._connection, messages)
                missing = [name for name in self._blobs_named_by(key) if blob_id_of(self._connection, name) is None]
            except (StoreError, ValueError, TypeError, KeyError, AttributeError) as error:
                self._find(where, f"its messages cannot be read: {error}")
                continue
            if sha256 != row.messages_sha256:
                self._find(where, f"its messages do not have the hash {row.messages_sha256[:12]}")
            for name in missing:
                self._find(where, f"the part {name[:12]} of its messages or its reply is missing")

    def _check_said(self, where: str, what: str, column: Any, call: int, expected: str | None) -> None:
        try:
            parts = self._load_json(select(column).where(MODEL_CALL.c.id == call))
            sha256 = None if parts is None else hash_reply(self._connection, parts)
        except (StoreError, ValueError, TypeError, KeyError, AttributeError) as error:
            self._find(where, f"its {what} cannot be read: {error}")
            return
        if sha256 != expected:
            self._find(where, f"its {what} does not have the hash {(expected or 'none')[:12]}")

    def _check_plans(self) -> None:
        condition = None
        if self._chain is not None:
            condition = PLAN.c.round_id.in_(select(ROUND.c.id).where(ROUND.c.chain_id == self._chain))
        for key in self._keys(PLAN, condition):
            self._counts["plans"] += 1
            row = self._connection.execute(select(PLAN.c.ulid, PLAN.c.sha256).where(PLAN.c.id == key)).one()
            where = f"plan {row.ulid}"
            try:
                plan = self._load_json(select(PLAN.c.plan).where(PLAN.c.id == key))
            except ValueError as error:
                self._find(where, f"cannot be read: {error}")
                continue
            if hashlib.sha256(orjson.dumps(plan, option=orjson.OPT_SORT_KEYS)).hexdigest() != row.sha256:
                self._find(where, f"does not have the hash {row.sha256[:12]}")
            cited = set(_critiques_in(plan))
            known = set(self._connection.execute(select(CRITIQUE.c.ulid).where(CRITIQUE.c.ulid.in_(cited))).scalars())
            for ulid in sorted(cited - known):
                self._find(where, f"refers to critique {ulid}, which is not in the database")

    def _load_json(self, query: Any) -> Any:
        """Raises ValueError for a column that is not JSON."""
        return self._connection.execute(query).scalar_one()


def _critiques_in(plan: Any) -> Iterable[str]:
    """The critiques that the spans of a plan name, wherever they stand in it."""
    waiting = [plan]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if item.keys() == {"critique", "start", "end"}:
                yield str(item["critique"])
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
