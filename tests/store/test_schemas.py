"""Databases of every schema ever released, with chains that wait for people, are opened by the code of today."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from refine.types import CritiqueIn, RankingIn
from store import candidates, chains, feedback, projects, rankings, rounds
from store.opening import HEAD, REVISIONS, open_database
from store.tables import ASSIGNMENT, CHAIN, LABELER
from store.upkeep import stats
from store.verify import verify_database

SCHEMAS = Path(__file__).parents[1] / "data" / "schemas"


def schema_of(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name, type").fetchall()


@pytest.fixture(params=REVISIONS)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "released.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((SCHEMAS / f"{request.param}.sql").read_text())
    return path


def test_every_released_schema_has_its_database() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.sql")} == set(REVISIONS)


def test_the_newest_one_has_the_schema_that_new_databases_get(new_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "newest.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((SCHEMAS / f"{HEAD}.sql").read_text())
    assert schema_of(path) == schema_of(new_file)


def test_it_is_upgraded_and_everything_in_it_still_holds(released: Path) -> None:
    with open_database(released) as database:
        assert database.read(stats)["revision"] == HEAD
        report = verify_database(database)
    assert report.is_ok, report.findings
    assert report.counts["chains"] == 3 and report.counts["erased"] == 1 and report.counts["plans"] == 1


def test_its_chains_can_be_read(released: Path) -> None:
    with open_database(released) as database:
        found = database.read(chains.list_chains, project="moon")
        assert sorted((chain.record.state, chain.record.round) for chain in found) == [
            ("ended", 1),
            ("waiting", 1),
            ("waiting", 2),
        ]
        later = next(chain for chain in found if chain.record.round == 2)
        revision = database.read(candidates.load_candidates, later.key, round=2)[0]
        assert "#111" in database.read(candidates.load_files, revision.key)[0].content
        first = database.read(rounds.load_rounds, later.key)[0]
        assert [critique.text for critique in database.read(rankings.load_critiques, first.key)] == [
            "The button is too pale to read.",
            "[erased]",
        ]


def test_people_can_finish_what_they_had_begun_in_it(released: Path) -> None:
    def finish_all(connection: Connection) -> int:
        leased = connection.execute(
            select(ASSIGNMENT.c.ulid, ASSIGNMENT.c.round_id)
            .join(LABELER, LABELER.c.id == ASSIGNMENT.c.labeler_id)
            .where(ASSIGNMENT.c.state == "leased")
        ).all()
        for n, (assignment, round_key) in enumerate(leased):
            shown = [candidate.id for candidate, _, _ in rounds.load_shown(connection, round_key)]
            ranking = RankingIn(groups=(tuple(shown),), critiques=(CritiqueIn(candidate=shown[0], text="Both good."),))
            assert feedback.submit_ranking(
                connection, assignment_id=assignment, ranking=ranking, made_by="person", key=f"late-{n}"
            )
        return len(leased)

    with open_database(released) as database:
        assert database.write_now(finish_all) == 2
        projects_ready = [database.read(chains.find_ready, it.key) for it in database.read(projects.list_projects)]
        (chain,) = [database.read(chains.load_chain, ulid) for ready in projects_ready for ulid, _ in ready]
        assert chain.record.round == 2
        waiting = database.read(lambda c: c.execute(select(CHAIN.c.ulid).where(CHAIN.c.state == "waiting")).all())
        assert len(waiting) == 2
        assert verify_database(database).is_ok
