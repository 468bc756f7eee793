"""Chains with open rounds for people, made in the store without a loop."""

from typing import Any

from sqlalchemy import Connection, select, update

from refine.settings import ProjectSettings
from refine.types import Assignment, CodeFile, GivenCandidate, PromptIn, RankingIn
from store import candidates, chains, intake, labelers, projects, queue, rounds, work
from store.database import Database
from store.tables import ASSIGNMENT, CHAIN, ROUND
from store.work_tables import HELD, QUEUE


def make_project(connection: Connection, name: str = "p", **settings: Any) -> projects.StoredProject:
    options = {"panel": "people", "rankings_per_round": 3, "rounds": 3, **settings}
    return projects.create_project(connection, name, ProjectSettings(**options))


def add_chain(
    connection: Connection, project: projects.StoredProject, key: str, *, pages: int = 3, priority: int = 0
) -> str:
    """A chain in round one, with `pages` given pages on show; its id."""
    given = tuple(
        GivenCandidate(files=(CodeFile(filename="index.html", content=f"<p>{key} {n}</p>"),)) for n in range(pages)
    )
    row = PromptIn(key=key, prompt=f"A page about {key}", candidates=given)
    ordered = intake.order_chains(connection, project, [row], batch_key=None, priority=priority)
    (chain,) = ordered.chains
    open_next_round(connection, chain)
    return chain


def open_next_round(connection: Connection, chain: str, *, kind: Any = "normal", priority: float = 0.0) -> str:
    """The round after the newest one, which is closed as judged; its id."""
    stored = chains.load_chain(connection, chain)
    newest = rounds.newest_round(connection, stored.key)
    if newest is not None:
        connection.execute(update(ROUND).where(ROUND.c.id == newest.key).values(state="judged"))
    made = candidates.load_candidates(connection, stored.key)
    if kind == "audit":
        connection.execute(update(CHAIN).where(CHAIN.c.id == stored.key).values(state="audit"))
    rounds.open_round(
        connection,
        chains.load_chain(connection, chain),
        kind=kind,
        number=1 if newest is None else newest.number + 1,
        candidates=[candidate.key for candidate in made],
        incumbent=None,
        wanted=stored.settings.rankings_per_round,
        priority=priority,
    )
    found = rounds.newest_round(connection, stored.key, kind=kind)
    assert found is not None
    return found.id


def add_people(connection: Connection, *names: str) -> dict[str, str]:
    """Name -> public id."""
    return {name: labelers.add_labeler(connection, name).id for name in names}


def claim(database: Database, labeler: str, **more: Any) -> Assignment:
    """Work that there must be."""
    found = database.write_now(queue.claim, labeler=labeler, **more)
    assert isinstance(found, Assignment), found
    return found


def in_order(assignment: Assignment) -> RankingIn:
    return RankingIn(groups=tuple((candidate,) for candidate in assignment.candidates))


def submit(database: Database, labeler: str, assignment: Assignment, key: str | None = None, **more: Any) -> bool:
    return database.write_now(
        work.submit_work,
        labeler=labeler,
        assignment=assignment.id,
        ranking=in_order(assignment),
        key=key or f"key-{assignment.id}",
        **more,
    )


def check_queue(connection: Connection) -> None:
    """What the queue says is what follows from rounds, assignments and work in hand; nobody has a round twice."""
    for row in connection.execute(
        select(QUEUE, ROUND.c.state, ROUND.c.wanted, ROUND.c.received, ROUND.c.kind, ROUND.c.number).join(
            ROUND, ROUND.c.id == QUEUE.c.round_id
        )
    ).all():
        held = connection.execute(
            select(HELD.c.assignment_id).where(HELD.c.round_id == row.round_id, HELD.c.place_until.is_not(None))
        ).all()
        assert row.state == "open" and row.received < row.wanted
        assert row.places == row.wanted - row.received - len(held)
        if row.places <= 0:
            assert row.phase == 3
    open_rounds = connection.execute(select(ROUND.c.id).where(ROUND.c.state == "open")).scalars().all()
    assert set(open_rounds) == set(connection.execute(select(QUEUE.c.round_id)).scalars())
    taken = connection.execute(select(ASSIGNMENT.c.round_id, ASSIGNMENT.c.labeler_id)).all()
    assert len(taken) == len(set(taken))
