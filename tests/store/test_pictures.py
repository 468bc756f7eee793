"""Pictures in the store: by content, once, checked, and shared by all that show the same code."""

from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from refine.types import PagePicture, PageView
from store import pictures
from store.blobs import put_blob
from store.chains import load_chain
from store.database import Connection, Database
from store.forks import fork_chain
from store.tables import CANDIDATE, CRITIQUE, PICTURE
from store.upkeep import backup
from store.verify import verify_chain, verify_database

WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 "


def picture(view: PageView = "desktop", data: bytes = WEBP + b"one") -> PagePicture:
    return PagePicture(view=view, width=1280, height=800, media_type="image/webp", data=data)


@pytest.fixture
def chains(database: Database, fill: Callable[..., dict[str, str]]) -> dict[str, str]:
    return database.write_now(fill)


def contents(connection: Connection) -> list[str]:
    return list(connection.execute(select(CANDIDATE.c.content_sha256).order_by(CANDIDATE.c.id)).scalars())


def test_a_picture_is_read_back_by_content_and_view_with_facts_that_have_no_bytes(database: Database) -> None:
    database.write_now(pictures.add_pictures, "ab", [picture(), picture("phone", WEBP + b"small")])
    assert database.read(pictures.load_picture, "ab", "phone") == ("image/webp", WEBP + b"small")
    assert database.read(pictures.load_picture, "cd", "phone") is None
    facts = database.read(pictures.load_pictures, ["ab", "cd", "' OR 1=1"])
    assert facts.keys() == {"ab"} and facts["ab"].keys() == {"desktop", "phone"}
    assert (facts["ab"]["desktop"].width, facts["ab"]["desktop"].height) == (1280, 800)
    assert facts["ab"]["phone"].size_bytes == len(WEBP + b"small")
    assert database.read(pictures.load_pictures, []) == {}


def test_the_first_picture_of_a_view_counts(database: Database) -> None:
    database.write_now(pictures.add_picture, "ab", picture())
    database.write_now(pictures.add_picture, "ab", picture(data=WEBP + b"other"))
    assert database.read(pictures.load_picture, "ab", "desktop") == ("image/webp", WEBP + b"one")
    assert len(database.read(lambda it: it.execute(select(PICTURE.c.id)).all())) == 1


def test_what_lacks_a_picture_is_found_in_order_until_it_has_one(database: Database, chains: dict[str, str]) -> None:
    assert database.read(pictures.lacks_pictures)
    first = database.read(pictures.find_unpictured, after=0, limit=2)
    rest = database.read(pictures.find_unpictured, after=first[-1].key, limit=100)
    assert [it.content_sha256 for it in [*first, *rest]] == [it for it in database.read(contents) if it]
    # Another view is not what is missing.
    database.write_now(pictures.add_picture, first[0].content_sha256, picture("phone"))
    assert database.read(pictures.find_unpictured, after=0, limit=1) == first[:1]
    database.write_now(pictures.add_picture, first[0].content_sha256, picture())
    left = database.read(pictures.find_unpictured, after=0, limit=100)
    assert first[0].content_sha256 not in {it.content_sha256 for it in left} and left
    assert not database.read(pictures.lacks_pictures)
    key = database.read(load_chain, chains["first"]).project_key
    assert database.read(pictures.find_unpictured, after=0, limit=100, project_key=key) == left
    assert database.read(pictures.find_unpictured, after=0, limit=100, project_key=key + 1) == []


def test_an_empty_database_lacks_nothing(database: Database) -> None:
    assert not database.read(pictures.lacks_pictures)


def test_a_fork_has_the_pictures_of_its_parent_and_a_backup_all_of_them(
    database: Database, chains: dict[str, str]
) -> None:
    for content in filter(None, database.read(contents)):
        database.write_now(pictures.add_picture, content, picture())
    settings = database.read(load_chain, chains["second"]).settings
    fork = database.write_now(fork_chain, chains["second"], round=1, settings=settings)
    assert database.read(pictures.find_unpictured, after=0, limit=100) == []
    assert verify_chain_counts(database, fork)["pictures"] > 0
    backup(database, database.path.with_name("copy.db"))
    with Database(database.path.with_name("copy.db"), read_only=True) as copy:
        assert copy.read(pictures.load_picture, content, "desktop") == ("image/webp", WEBP + b"one")


def verify_chain_counts(database: Database, chain: str) -> dict[str, int]:
    report = database.read(verify_chain, chain)
    assert report.is_ok, report.findings
    return report.counts


def test_verify_counts_pictures_and_names_one_whose_bytes_are_none(database: Database, chains: dict[str, str]) -> None:
    content = next(filter(None, database.read(contents)))
    database.write_now(pictures.add_pictures, content, [picture(), picture("phone")])
    report = verify_database(database)
    assert report.is_ok and report.counts["pictures"] == 2
    database.write_now(
        lambda it: it.execute(
            update(PICTURE).where(PICTURE.c.view == "phone").values(blob_id=put_blob(it, b"<script>alert(1)</script>"))
        )
    )
    for found in (verify_database(database), database.read(verify_chain, chains["first"])):
        (finding,) = found.findings
        assert finding.where == f"picture of {content[:12]} as phone" and "no image/webp" in finding.what


def test_a_crop_is_kept_for_its_critique_while_the_snapshot_is_there(
    database: Database, chains: dict[str, str]
) -> None:
    def pin(connection: Connection) -> tuple[int, str]:
        row = connection.execute(select(CRITIQUE.c.id, CRITIQUE.c.ulid).order_by(CRITIQUE.c.id)).first()
        assert row is not None
        anchor = {"kind": "region", "box": [1, 2, 3, 4], "viewport": [600, 300]}
        snapshot = put_blob(connection, b"<p>as it stood")
        connection.execute(update(CRITIQUE).where(CRITIQUE.c.id == row.id).values(snapshot_id=snapshot, anchor=anchor))
        return row.id, row.ulid

    key, ulid = database.write_now(pin)
    (found,) = database.read(pictures.find_uncropped, after=0, limit=10)
    assert (found.key, found.anchor["box"]) == (key, [1, 2, 3, 4])
    assert database.read(pictures.load_snapshot, found) == b"<p>as it stood"
    assert database.read(pictures.load_crop, ulid) is None
    assert database.write_now(pictures.add_crop, found, WEBP)
    assert database.read(pictures.load_crop, ulid) == ("image/webp", WEBP)
    assert database.read(pictures.find_uncropped, after=0, limit=10) == []
    assert verify_database(database).is_ok
    database.write_now(lambda it: it.execute(update(CRITIQUE).values(snapshot_id=None, crop_id=None)))
    assert database.read(pictures.load_snapshot, found) is None
    assert not database.write_now(pictures.add_crop, found, WEBP)
    assert database.read(pictures.load_crop, ulid) is None
