import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import Connection, select, update

from refine.errors import StoreFull
from store.chains import claim_chain, owner_of
from store.database import Database
from store.ids import now
from store.opening import open_database
from store.owners import SILENCE_S, find_dead_owners, find_free, heartbeat, register_owner
from store.tables import CHAIN, OWNER

OTHER = """
import sys, time
from store.opening import open_database
from store.owners import register_owner
database = open_database(sys.argv[1])
owner = register_owner(database)
print(owner.key, flush=True)
sys.stdin.read()
owner.release()
database.close()
"""


@contextlib.contextmanager
def other_process(path: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A second process that is an owner until its standard input ends, or it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def owners(connection: Connection) -> set[int]:
    return set(connection.execute(select(OWNER.c.id)).scalars())


def locks(database: Database) -> set[str]:
    return {path.name for path in Path(f"{database.path}.owners").iterdir()}


def test_an_owner_is_alive_while_its_process_is(database: Database) -> None:
    with register_owner(database) as mine, other_process(database.path) as (process, theirs):
        assert database.read(owners) == {mine.key, theirs}
        assert database.write_now(find_dead_owners) == []
        kill(process)
        assert database.write_now(find_dead_owners) == [theirs]


def test_a_killed_owners_chain_can_be_taken_at_once_and_a_living_ones_cannot(
    database: Database, fill: Callable[..., dict[str, str]]
) -> None:
    chain = database.write_now(fill)["first"]

    def take(connection: Connection, key: int) -> bool:
        return claim_chain(connection, chain, key) or claim_chain(
            connection, chain, key, dead=find_dead_owners(connection)
        )

    with register_owner(database) as mine, other_process(database.path) as (process, theirs):
        assert database.write_now(take, theirs)
        assert not database.write_now(take, mine.key)
        kill(process)
        assert database.write_now(take, mine.key)
        assert database.read(owner_of, chain) == mine.key


def test_free_chains_are_those_that_no_living_owner_has(
    database: Database, fill: Callable[..., dict[str, str]]
) -> None:
    database.write_now(fill)
    chains = sorted(database.read(lambda c: list(c.execute(select(CHAIN.c.ulid)).scalars())))
    with register_owner(database) as mine, other_process(database.path) as (process, theirs):

        def give(connection: Connection, number: int, owner: int) -> None:
            connection.execute(update(CHAIN).where(CHAIN.c.ulid == chains[number]).values(owner_id=owner))

        database.write_now(give, 0, mine.key)
        database.write_now(give, 1, theirs)
        assert sorted(database.write_now(find_free, chains)) == chains[2:]
        kill(process)
        assert sorted(database.write_now(find_free, chains)) == chains[1:]
        assert database.write_now(find_free, chains[:1]) == []
        assert database.write_now(find_free, []) == []


def test_registering_clears_away_the_dead_and_frees_their_chains(
    database: Database, fill: Callable[..., dict[str, str]]
) -> None:
    chain = database.write_now(fill)["first"]
    with other_process(database.path) as (process, theirs):
        database.write_now(claim_chain, chain, theirs)
        kill(process)
    with register_owner(database) as mine:
        assert database.read(owners) == {mine.key}
        assert database.read(owner_of, chain) is None
        assert locks(database) == {f"{mine.ulid}.lock"}


def test_a_released_owner_leaves_nothing_behind(database: Database, fill: Callable[..., dict[str, str]]) -> None:
    chain = database.write_now(fill)["first"]
    owner = register_owner(database)
    database.write_now(claim_chain, chain, owner.key)
    owner.release()
    owner.release()
    assert database.read(owners) == set()
    assert database.read(owner_of, chain) is None
    assert locks(database) == set()


def test_an_owner_that_cannot_be_removed_when_it_leaves_is_seen_to_be_dead(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(connection: Connection, keys: list[int]) -> None:
        raise StoreFull

    owner = register_owner(database)
    with monkeypatch.context() as patched:
        patched.setattr("store.owners._remove_owners", full)
        with pytest.raises(StoreFull):
            owner.release()
    assert database.write_now(find_dead_owners) == [owner.key]


def test_an_owner_whose_pid_another_process_got_is_dead(database: Database) -> None:
    with other_process(database.path) as (process, theirs):
        kill(process)
    database.write_now(lambda c: c.execute(update(OWNER).where(OWNER.c.id == theirs).values(pid=os.getpid())))
    assert database.write_now(find_dead_owners) == [theirs]


@pytest.mark.parametrize(("silent_s", "is_dead"), [(SILENCE_S - 30, False), (SILENCE_S + 30, True)])
def test_an_owner_on_another_host_is_dead_when_it_has_been_silent(
    database: Database, silent_s: int, is_dead: bool
) -> None:
    with register_owner(database) as owner:
        seen_at = now() - timedelta(seconds=silent_s)
        database.write_now(lambda c: c.execute(update(OWNER).values(host="elsewhere", seen_at=seen_at)))
        assert database.write_now(find_dead_owners) == ([owner.key] if is_dead else [])
        assert database.write_now(find_dead_owners, "elsewhere") == []


def test_a_living_owner_whose_lock_file_was_deleted_is_alive_while_it_is_heard_from(database: Database) -> None:
    with register_owner(database) as owner:
        for name in locks(database):
            (Path(f"{database.path}.owners") / name).unlink()
        assert database.write_now(find_dead_owners) == []
        database.write_now(lambda c: c.execute(update(OWNER).values(seen_at=now() - timedelta(seconds=SILENCE_S + 1))))
        assert database.write_now(find_dead_owners) == [owner.key]
        assert database.write_now(heartbeat, owner.key)
        assert database.write_now(find_dead_owners) == []


def test_a_heartbeat_tells_an_owner_that_it_was_taken_for_dead(database: Database) -> None:
    with register_owner(database) as owner:
        assert database.write_now(heartbeat, owner.key)
        database.write_now(lambda c: c.execute(OWNER.delete()))
        assert not database.write_now(heartbeat, owner.key)


def test_a_lock_path_in_the_database_cannot_lead_out_of_the_owners_folder(database: Database, tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("kept")
    with register_owner(database):
        database.write_now(lambda c: c.execute(update(OWNER).values(lock_file=f"../{precious.name}")))
        database.write_now(find_dead_owners)
    assert precious.read_text() == "kept"


def test_a_link_to_the_database_finds_the_same_owners(database: Database, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(database.path)
    with open_database(link) as linked, register_owner(database):
        assert linked.write_now(find_dead_owners) == []


def test_an_owner_whose_lock_is_being_looked_at_waits_for_a_moment(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with register_owner(database):
        pass
    monkeypatch.setattr("store.owners.make_ulid", lambda: "0" * 26)
    lock = FileLock(f"{database.path}.owners/{'0' * 26}.lock", timeout=0, thread_local=False)
    lock.acquire()

    def sweep() -> None:
        Path(lock.lock_file).unlink()
        lock.release()

    looking = threading.Timer(0.2, sweep)
    looking.start()
    with register_owner(database) as owner:
        assert locks(database) == {f"{owner.ulid}.lock"}
        assert database.write_now(find_dead_owners) == []
    looking.join()


def test_owners_that_register_at_once_all_live(database: Database) -> None:
    made = []
    threads = [threading.Thread(target=lambda: made.append(register_owner(database))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read(owners) == {owner.key for owner in made}
    assert database.write_now(find_dead_owners) == []
    assert len(locks(database)) == 8
    for owner in made:
        owner.release()


def test_two_processes_race_for_a_dead_owners_chains_and_each_chain_gets_one_owner(
    database: Database, fill: Callable[..., dict[str, str]]
) -> None:
    chains = list(database.write_now(fill).values())[:2]
    won: list[str] = []

    def take(opened: Database, key: int, chain: str) -> None:
        if opened.write_now(lambda connection: claim_chain(connection, chain, key, dead=find_dead_owners(connection))):
            won.append(chain)

    with open_database(database.path) as second, register_owner(database) as a, register_owner(second) as b:
        with other_process(database.path) as (process, theirs):
            database.write_now(
                lambda c: c.execute(update(CHAIN).where(CHAIN.c.state != "ended").values(owner_id=theirs))
            )
            kill(process)
        threads = [
            threading.Thread(target=take, args=(opened, key, chain))
            for chain in chains
            for opened, key in ((database, a.key), (second, b.key))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(won) == sorted(chains)


def test_an_owner_knows_its_host_and_process(database: Database) -> None:
    with register_owner(database):
        row = database.read(lambda c: c.execute(select(OWNER.c.host, OWNER.c.pid)).one())
        assert tuple(row) == (socket.gethostname(), os.getpid())
