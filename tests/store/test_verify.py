import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, func, insert, select, update

from refine.errors import InputError
from store import verify
from store.blobs import blob_id_of, put_blob
from store.database import Database
from store.erasing import erase_words
from store.tables import (
    ASSIGNMENT,
    BLOB,
    CANDIDATE,
    CANDIDATE_FILE,
    CHAIN,
    CRITIQUE,
    EDIT,
    EVENT,
    MODEL_CALL,
    PLAN,
    RANKING,
    ROUND,
    ROUND_CANDIDATE,
    VERDICT,
    WORDS,
)
from store.verify import VerifyReport, verify_chain, verify_database

Change = Callable[[Connection], object]


@pytest.fixture
def chains(database: Database, fill: Callable[..., dict[str, str]]) -> dict[str, str]:
    return database.write_now(fill)


def write_loosely(database: Database, change: Change) -> None:
    """Change rows as damage would: without the database minding."""
    with database._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        change(connection)
        connection.exec_driver_sql("COMMIT")


def newest(table: Table) -> Any:
    return select(func.max(table.c.id)).scalar_subquery()


def said(report: VerifyReport) -> str:
    return "; ".join(f"{finding.where}: {finding.what}" for finding in report.findings)


def test_a_sound_database_has_no_findings_and_says_what_was_checked(database: Database, chains: dict[str, str]) -> None:
    report = verify_database(database)
    assert report.is_ok, said(report)
    assert report.counts == {
        "blobs": database.read(lambda c: c.execute(select(func.count()).select_from(BLOB)).scalar_one()),
        "candidates": 7,
        "pictures": 0,
        "words": 3,
        "erased": 1,
        "calls": 7,
        "plans": 1,
        "rounds": 4,
        "chains": 3,
    }


def test_erased_words_are_erased_and_not_corrupt_in_messages_and_plans_too(
    database: Database, chains: dict[str, str]
) -> None:
    database.write_now(erase_words, "ann")  # whose words the distiller was sent, and the plan quotes
    report = verify_database(database)
    assert report.is_ok, said(report)
    assert report.counts["erased"] == 3


def test_a_chain_is_checked_by_itself(database: Database, chains: dict[str, str]) -> None:
    counts = database.read(verify_chain, chains["second"]).counts
    assert (counts["candidates"], counts["words"], counts["calls"], counts["plans"]) == (3, 3, 3, 1)
    assert (counts["rounds"], counts["chains"]) == (2, 1)
    counts = database.read(verify_chain, chains["first"]).counts
    assert (counts["candidates"], counts["words"], counts["calls"], counts["rounds"]) == (2, 0, 2, 1)


def test_a_chain_that_is_not_there_is_bad_input(database: Database, chains: dict[str, str]) -> None:
    with pytest.raises(InputError, match="no chain"):
        database.read(verify_chain, "01ARZ3NDEKTSV4RRFFQ69G5FAV")


def blob_of_newest_file() -> Any:
    return select(CANDIDATE_FILE.c.blob_id).where(CANDIDATE_FILE.c.id == newest(CANDIDATE_FILE)).scalar_subquery()


def give_other_content(connection: Connection) -> None:
    """Another file under the candidate's hash: every blob is sound, the candidate is not."""
    other = put_blob(connection, b"<html>forged</html>")
    connection.execute(
        update(CANDIDATE_FILE).where(CANDIDATE_FILE.c.id == newest(CANDIDATE_FILE)).values(blob_id=other)
    )


def drop_message_part(connection: Connection) -> None:
    system = connection.execute(select(MODEL_CALL.c.messages).limit(1)).scalar_one()[0][1][0]["b"]
    key = blob_id_of(connection, system)
    assert key is not None
    connection.execute(delete(BLOB).where(BLOB.c.id == key))


def forge_plan(connection: Connection) -> None:
    plan = connection.execute(select(PLAN.c.plan)).scalar_one()
    plan["issues"][0]["severity"] = 0.9
    connection.execute(update(PLAN).values(plan=plan))


def forge_words(connection: Connection) -> None:
    connection.execute(update(WORDS).where(WORDS.c.text.is_not(None)).values(text="I love it."))


def second(change: Callable[[int], Any]) -> Change:
    """On the chain in its second round."""

    def run(connection: Connection) -> None:
        chain = connection.execute(select(ROUND.c.chain_id).where(ROUND.c.number == 2)).scalar_one()
        connection.execute(change(int(chain)))

    return run


def run(statement: Any) -> Change:
    return lambda connection: connection.execute(statement)


DAMAGE: dict[str, tuple[str, Change]] = {
    "a blob's bytes": ("blob .*damaged", run(update(BLOB).where(BLOB.c.id == blob_of_newest_file()).values(data=b"?"))),
    "a blob's hash": (
        "blob .*damaged",
        run(update(BLOB).where(BLOB.c.id == blob_of_newest_file()).values(sha256="0" * 64)),
    ),
    "a candidate's file": ("candidate .*do not have the hash", give_other_content),
    "a candidate's files": (
        "candidate .*not both there",
        run(delete(CANDIDATE_FILE).where(CANDIDATE_FILE.c.id == newest(CANDIDATE_FILE))),
    ),
    "a candidate's hash": (
        "candidate .*do not have the hash",
        run(update(CANDIDATE).where(CANDIDATE.c.id == newest(CANDIDATE)).values(content_sha256="0" * 64)),
    ),
    "a candidate's size": (
        "candidate .*do not have 3 bytes",
        run(update(CANDIDATE).where(CANDIDATE.c.id == newest(CANDIDATE)).values(size_bytes=3)),
    ),
    "a file's name": (
        "candidate .*do not have the hash",
        run(update(CANDIDATE_FILE).where(CANDIDATE_FILE.c.id == newest(CANDIDATE_FILE)).values(filename="other.html")),
    ),
    "an edit's text": ("text .* of an edit is missing", run(update(EDIT).values(search_sha256="0" * 64))),
    "a person's words": ("words .*do not have the hash", forge_words),
    "half an erasure": ("words .*properly erased", run(update(WORDS).values(text=None))),
    "a call's messages": (
        "call .*do not have the hash",
        run(update(MODEL_CALL).values(messages=[["user", [{"t": "Say something else."}]]])),
    ),
    "a call's messages, garbled": ("call .*cannot be read", run(update(MODEL_CALL).values(messages=[["user"]]))),
    "a call's messages, not JSON": (
        "call .*cannot be read",
        lambda connection: connection.exec_driver_sql("UPDATE model_call SET messages = '[[broken'"),
    ),
    "a part of a message": ("call .*part .* is missing", drop_message_part),
    "a call's reply": ("call .*no reply", run(update(MODEL_CALL).values(reply=None, reply_sha256=None))),
    "a call's reply, forged": (
        "call .*reply does not have the hash",
        run(update(MODEL_CALL).values(reply=[{"t": "I never said so."}])),
    ),
    "a critique a message quotes": (
        "call .*cannot be read.*critique",
        run(update(CRITIQUE).values(ulid=CRITIQUE.c.id)),
    ),
    "a plan": ("plan .*does not have the hash", forge_plan),
    "a plan, not JSON": (
        "plan .*cannot be read",
        lambda connection: connection.exec_driver_sql("UPDATE plan SET plan = '{'"),
    ),
    "an event in the middle": (
        "chain .*without gaps",
        second(lambda c: delete(EVENT).where(EVENT.c.chain_id == c, EVENT.c.seq == 3)),
    ),
    "the first event": (
        "chain .*without gaps",
        second(lambda c: delete(EVENT).where(EVENT.c.chain_id == c, EVENT.c.seq == 1)),
    ),
    "all events": ("chain .*without gaps", second(lambda c: delete(EVENT).where(EVENT.c.chain_id == c))),
    "the number received": (
        "round .*differ in number",
        second(lambda c: update(ROUND).where(ROUND.c.chain_id == c, ROUND.c.number == 1).values(received=1)),
    ),
    "a ranking": ("round .*differ in number", run(delete(RANKING).where(RANKING.c.id == newest(RANKING)))),
    "an assignment's state": ("round .*differ in number", run(update(ASSIGNMENT).values(state="finished"))),
    "a full round": (
        "round .*do not agree",
        second(lambda c: update(ROUND).where(ROUND.c.chain_id == c, ROUND.c.number == 2).values(state="full")),
    ),
    "a verdict": ("round .*verdict do not agree", run(delete(VERDICT))),
    "a verdict's winner": ("verdict names a candidate", second(lambda c: delete(ROUND_CANDIDATE))),
    "a ranking's candidate": ("ranking of it names", run(update(RANKING).values(groups=[[1], [987654]]))),
    "rankings, not JSON": (
        "names a candidate that was not on show: cannot be read",
        lambda connection: connection.exec_driver_sql("UPDATE ranking SET groups = '[['"),
    ),
    "a chain's state": (
        "chain .*do not agree",
        second(lambda c: update(CHAIN).where(CHAIN.c.id == c).values(state="ended")),
    ),
    "a state nobody knows": (
        "chain .*do not agree",
        second(lambda c: update(CHAIN).where(CHAIN.c.id == c).values(state="resting")),
    ),
    "what a chain waits for": (
        "chain .*no round that is open",
        second(lambda c: update(ROUND).where(ROUND.c.chain_id == c).values(state="closed")),
    ),
    "the incumbent": (
        "chain .*incumbent",
        second(lambda c: update(CHAIN).where(CHAIN.c.id == c).values(incumbent_id=1)),
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found_in_the_database_and_in_its_chain(
    database: Database, chains: dict[str, str], name: str
) -> None:
    says, change = DAMAGE[name]
    write_loosely(database, change)
    report = verify_database(database)
    assert not report.is_ok
    assert any(_matches(says, f"{finding.where}: {finding.what}") for finding in report.findings), said(report)
    by_chain = [database.read(verify_chain, ulid) for ulid in chains.values()]
    found = [f"{finding.where}: {finding.what}" for report in by_chain for finding in report.findings]
    assert any(_matches(says, line) for line in found), found


def _matches(pattern: str, line: str) -> bool:
    return re.search(pattern, line) is not None


def test_damage_in_one_chain_is_not_laid_to_another(database: Database, chains: dict[str, str]) -> None:
    write_loosely(database, DAMAGE["a candidate's size"][1])
    verdicts = {name: database.read(verify_chain, ulid).is_ok for name, ulid in chains.items()}
    assert verdicts == {"first": True, "second": False, "ended": True}


def test_a_reference_to_nothing_is_found(database: Database, chains: dict[str, str]) -> None:
    write_loosely(database, run(update(CANDIDATE).where(CANDIDATE.c.id == newest(CANDIDATE)).values(plan_id=777)))
    assert "refers to a row of plan that is missing" in said(verify_database(database))


def test_a_damaged_file_gives_findings_and_no_exception(database: Database, chains: dict[str, str]) -> None:
    def bloat(connection: Connection) -> None:
        connection.execute(
            insert(WORDS),
            [
                {"ulid": f"W{n}", "labeler_id": 1, "text": "x" * 500, "salt": "s", "sha256": sha256_of("s" + "x" * 500)}
                for n in range(2000)
            ],
        )

    database.write_now(bloat)
    with database._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    with database.path.open("r+b") as file:
        file.seek(database.path.stat().st_size * 2 // 3)
        file.write(b"\xff" * 30_000)
    with Database(database.path, read_only=True) as damaged:
        report = verify_database(damaged)
    assert not report.is_ok
    assert any(finding.where == "file" for finding in report.findings)


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_of_very_many_findings_the_first_are_kept_and_all_are_counted(
    database: Database, chains: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "MAX_FINDINGS", 2)
    write_loosely(database, run(update(CANDIDATE).values(size_bytes=3)))
    report = verify_database(database)
    assert len(report.findings) == 2
    assert report.findings_in_all == 7
