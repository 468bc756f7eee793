"""The queue under many labelers, lapsed leases, repeated requests and killed processes."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, select

from refine.api.queue import WorkDesk
from refine.errors import FeedbackError, RefineError
from refine.types import Assignment
from store import chains, queue, work
from store.database import Database
from store.drafts import load_draft, save_draft
from store.ids import now
from store.opening import open_database
from store.tables import ASSIGNMENT, LABELER, RANKING, ROUND
from store.verify import verify_database
from tests.store.work_helpers import add_chain, add_people, check_queue, in_order, make_project, open_next_round, submit

NAMES = tuple(f"labeler-{n}" for n in range(6))
WANTED = 2
FULL = "REFINE_TEST_FULL" in os.environ


class QueueMachine(RuleBasedStateMachine):
    """Any order of claiming, handing in (late, twice), skipping, reopening, pausing and going on."""

    new_file: Path

    @initialize(chains_wanted=st.integers(1, 3))
    def open(self, chains_wanted: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "refine.db"
        shutil.copy(self.new_file, path)
        self.database = open_database(path)
        self.people = self.database.write_now(add_people, *NAMES)
        self.chains = self.database.write_now(
            lambda c: [add_chain(c, make_project(c, rankings_per_round=WANTED), f"{n}") for n in range(chains_wanted)]
        )
        self.at: datetime = now()
        self.given: dict[str, tuple[str, Assignment]] = {}
        self.acked: dict[str, str] = {}
        """Key -> assignment, of what was said to be stored."""

    @rule(name=st.sampled_from(NAMES))
    def claim(self, name: str) -> None:
        found = self.database.write_now(queue.claim, labeler=self.people[name], at=self.at)
        if isinstance(found, Assignment):
            owner, _ = self.given.setdefault(found.id, (name, found))
            assert owner == name
            live = self.database.read(_live_work, self.at)
            assert live[found.round] <= WANTED

    @rule(data=st.data(), is_repeated=st.booleans())
    @precondition(lambda self: self.given)
    def submit(self, data: st.DataObject, is_repeated: bool) -> None:
        ulid = data.draw(st.sampled_from(sorted(self.given)))
        name, assignment = self.given[ulid]
        for _ in range(1 + is_repeated):
            try:
                is_new = submit(self.database, self.people[name], assignment, f"key-{ulid}")
            except FeedbackError as error:
                raise AssertionError("finished work was refused") from error
            assert is_new == (f"key-{ulid}" not in self.acked)
            self.acked[f"key-{ulid}"] = ulid

    @rule(data=st.data())
    @precondition(lambda self: self.given)
    def skip(self, data: st.DataObject) -> None:
        ulid = data.draw(st.sampled_from(sorted(self.given)))
        if f"key-{ulid}" not in self.acked:
            name, _ = self.given[ulid]
            self.database.write_now(work.skip, labeler=self.people[name], assignment=ulid)

    @rule(data=st.data(), n=st.integers(0, 9))
    @precondition(lambda self: self.acked)
    def reopen_and_replace(self, data: st.DataObject, n: int) -> None:
        ulid = data.draw(st.sampled_from(sorted(set(self.acked.values()))))
        name, assignment = self.given[ulid]
        key = f"again-{ulid}-{n}"
        if key not in self.acked:
            try:
                self.database.write_now(work.reopen, labeler=self.people[name], assignment=ulid)
            except FeedbackError:
                return  # its round is closed
            assert submit(self.database, self.people[name], assignment, key)
            self.acked[key] = ulid

    @rule(minutes=st.sampled_from([1, 30, 61, 600]))
    def wait(self, minutes: int) -> None:
        self.at += timedelta(minutes=minutes)

    @rule(data=st.data(), is_paused=st.booleans())
    def pause_or_resume(self, data: st.DataObject, is_paused: bool) -> None:
        chain = data.draw(st.sampled_from(self.chains))
        action = chains.pause_chain if is_paused else chains.resume_chain
        self.database.write_now(lambda c: action(c, chains.load_chain(c, chain)))

    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        chain = data.draw(st.sampled_from(self.chains))
        self.database.write_now(_open_next_if_full, chain)

    @invariant()
    def the_queue_is_what_follows(self) -> None:
        if hasattr(self, "database"):
            self.database.read(check_queue)
            stored = self.database.read(lambda c: c.execute(select(ASSIGNMENT.c.ulid).join(RANKING)).scalars().all())
            assert Counter(stored) == Counter(set(self.acked.values()))

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()


def _live_work(c: Connection, at: datetime) -> Counter[str]:
    """Round -> rankings that are in, and live leases."""
    rows = c.execute(
        select(ROUND.c.ulid, ASSIGNMENT.c.state, ASSIGNMENT.c.lease_expires_at).join(
            ASSIGNMENT, ASSIGNMENT.c.round_id == ROUND.c.id
        )
    )
    return Counter(
        row.ulid for row in rows if row.state == "finished" or (row.state == "leased" and row.lease_expires_at > at)
    )


def _open_next_if_full(c: Connection, chain: str) -> None:
    stored = chains.load_chain(c, chain)
    newest = c.execute(
        select(ROUND.c.state).where(ROUND.c.chain_id == stored.key).order_by(ROUND.c.number.desc()).limit(1)
    ).scalar_one()
    if newest == "full":
        open_next_round(c, chain)


def test_no_order_of_events_breaks_the_queue(new_file: Path) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    QueueMachine.new_file = new_file
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        QueueMachine,
        settings=settings(
            max_examples=200 if FULL else 12,
            stateful_step_count=50 if FULL else 30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


# --- At once ------------------------------------------------------------------------------------------------------


async def test_many_labelers_at_once_get_no_round_twice_and_lose_nothing(database: Database) -> None:
    """Each sends everything twice, as a page does that heard no answer."""
    people = database.write_now(add_people, *(f"p{n}" for n in range(24)))
    database.write_now(lambda c: [add_chain(c, make_project(c), f"{n}", pages=2) for n in range(30)])
    desk = WorkDesk(database)
    acked: list[str] = []

    async def work_on(labeler: str) -> None:
        while isinstance(found := await desk.claim(labeler), Assignment):
            again = await asyncio.gather(desk.claim(labeler), desk.claim(labeler))
            assert [it.id for it in again if isinstance(it, Assignment)] == [found.id] * 2
            key = f"{labeler}-{found.id}"
            sent = await asyncio.gather(*(desk.submit(labeler, found.id, in_order(found), key=key) for _ in range(2)))
            assert sorted(sent) == [False, True]
            acked.append(found.id)

    await asyncio.gather(*(work_on(labeler) for labeler in people.values()))
    rankings = database.read(lambda c: c.execute(select(ASSIGNMENT.c.ulid).join(RANKING)).scalars().all())
    assert Counter(rankings) == Counter(acked)
    assert len(acked) == 30 * 3
    assert database.read(lambda c: {*c.execute(select(ROUND.c.state, ROUND.c.received)).all()}) == {("full", 3)}
    database.read(check_queue)


def test_nobody_starves_and_no_round_does(database: Database) -> None:
    """With labelers who come, go and let leases lapse, every round fills, and everyone who asks long enough works."""
    people = database.write_now(add_people, *(f"p{n}" for n in range(8)))
    database.write_now(lambda c: [add_chain(c, make_project(c), f"{n}", pages=2) for n in range(12)])
    rng, at, worked = random.Random(5), now(), Counter[str]()
    for _ in range(400):
        at += timedelta(minutes=rng.choice((1, 5, 40)))
        name = rng.choice(sorted(people))
        found = database.write_now(queue.claim, labeler=people[name], at=at)
        if isinstance(found, Assignment) and rng.random() < 0.6:
            submit(database, people[name], found)
            worked[name] += 1
    assert database.read(lambda c: {*c.execute(select(ROUND.c.state)).scalars()}) == {"full"}
    assert set(worked) == set(people)


# --- Killed -------------------------------------------------------------------------------------------------------

WORKER = """
import sys
from store.opening import open_database
from store import queue, work
from store.drafts import save_draft
from refine.types import Assignment
from tests.store.work_helpers import in_order

with open_database(sys.argv[1]) as database:
    for labeler in sys.argv[2:] * 1000:
        found = database.write_now(queue.claim, labeler=labeler)
        if not isinstance(found, Assignment):
            continue
        database.write_now(save_draft, labeler=labeler, assignment=found.id, payload='{"at": 1}', revision=0)
        print("draft", found.id, labeler, flush=True)
        if hash(found.id) % 3:
            ranking = in_order(found)
            database.write_now(work.submit_work, labeler=labeler, assignment=found.id, ranking=ranking, key=found.id)
            print("ranking", found.id, labeler, flush=True)
        else:
            database.write_now(work.skip, labeler=labeler, assignment=found.id)
            print("skip", found.id, labeler, flush=True)
"""


@pytest.mark.parametrize("turn", range(50 if FULL else 3))
def test_a_killed_process_takes_nothing_acknowledged_with_it(tmp_path: Path, new_file: Path, turn: int) -> None:
    path = tmp_path / "refine.db"
    shutil.copy(new_file, path)
    with open_database(path) as database:
        people = database.write_now(add_people, *NAMES)
        database.write_now(lambda c: [add_chain(c, make_project(c), f"{n}", pages=2) for n in range(60)])
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(path), *people.values()],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
    )
    with worker:
        assert worker.stdout is not None
        said = [worker.stdout.readline() for _ in range(random.Random(turn).randrange(5, 60))]
        worker.send_signal(signal.SIGKILL)
        said += worker.stdout.readlines()
    lines = [line.split() for line in said if line.endswith("\n")]
    with open_database(path) as database:
        _check_kept(database, lines)
        database.read(check_queue)
        assert verify_database(database).is_ok


def _check_kept(database: Database, lines: list[list[str]]) -> None:
    rows = database.read(lambda c: c.execute(select(ASSIGNMENT.c.ulid, ASSIGNMENT.c.state)).all())
    states = {row.ulid: row.state for row in rows}
    keys = set(database.read(lambda c: c.execute(select(RANKING.c.key)).scalars().all()))
    done = {assignment for what, assignment, _ in lines if what != "draft"}
    for what, assignment, labeler in lines:
        if what == "ranking":
            assert states[assignment] == "finished" and assignment in keys
        elif what == "skip":
            assert states[assignment] == "skipped"
        elif assignment not in done and states[assignment] == "leased":
            kept = database.read(load_draft, labeler=labeler, assignment=assignment)
            assert kept.payload == '{"at": 1}'


def test_drafts_of_two_devices_never_overwrite_each_other_unseen(database: Database) -> None:
    (labeler,) = database.write_now(add_people, "ann").values()
    database.write_now(lambda c: add_chain(c, make_project(c), "a"))
    found = database.write_now(queue.claim, labeler=labeler)
    assert isinstance(found, Assignment)
    seen: dict[str, int] = {"phone": 0, "laptop": 0}
    rng = random.Random(1)
    saved = 0
    for n in range(200):
        device = rng.choice(("phone", "laptop"))
        payload = f'{{"{device}": {n}}}'
        result: Any = database.write_now(
            save_draft, labeler=labeler, assignment=found.id, payload=payload, revision=seen[device]
        )
        assert result.is_saved == (seen[device] == saved)
        saved += result.is_saved
        seen[device] = result.revision
        assert result.revision == saved


def test_a_labeler_is_named_by_nothing_but_their_public_id(database: Database) -> None:
    database.write_now(add_people, "ann")
    (key,) = database.read(lambda c: c.execute(select(LABELER.c.id)).scalars().all())
    for guess in ("ann", str(key), "", "%"):
        with pytest.raises(RefineError):
            database.write_now(queue.claim, labeler=guess)
